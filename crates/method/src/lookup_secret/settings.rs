//! Making codes, looking at them, and doing without. New codes are kept with the flow, sealed for the person, until they
//! say that they have them: only then they take the place of the old ones.

use super::{LookupSecret, codes::Codes, proof};
use serde_json::json;
use zelos_core::{
    flow::{Detail, Flow},
    identity::{CredentialType, Identity},
    problem::{NoSession, Problem, Result},
    session::Strength,
    text::{Text, catalog},
    ui::{Group, Node},
};
use zelos_flow::{Cx, Input, Method, Step, identities};

/// Memory: new codes that wait for a word.
const NEW: &str = "lookup_secret_new";
/// Memory: set once the person wished to see their codes.
const REVEALED: &str = "lookup_secret_revealed";

/// What a person may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Button {
    Confirm,
    Reveal,
    Disable,
    Regenerate,
}

impl Button {
    /// The first that was pressed, in the wire's order.
    pub(super) fn of(input: &Input) -> Option<Self> {
        let all = [Self::Confirm, Self::Reveal, Self::Disable, Self::Regenerate];
        all.into_iter().find(|button| input.says_yes(button.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Confirm => "lookup_secret_confirm",
            Self::Reveal => "lookup_secret_reveal",
            Self::Disable => "lookup_secret_disable",
            Self::Regenerate => "lookup_secret_regenerate",
        }
    }

    fn node(self) -> Node {
        Node::submit(Group::LookupSecret, self.name(), "true", self.label())
    }

    fn label(self) -> Text {
        match self {
            Self::Confirm => catalog::confirm_backup_codes(),
            Self::Reveal => catalog::reveal_backup_codes(),
            Self::Disable => catalog::disable_backup_codes(),
            Self::Regenerate => catalog::generate_backup_codes(),
        }
    }
}

impl LookupSecret {
    pub(super) fn settings(self, cx: &Cx<'_>, flow: &Flow, of: &Identity) -> Result<Vec<Node>> {
        if let Some(codes) = new(cx, flow, of) {
            return Ok(vec![codes.node(), Button::Confirm.node()]);
        }
        if !self.is_set_up(cx, of) {
            return Ok(vec![Button::Regenerate.node()]);
        }
        match flow.memory.get(REVEALED) {
            Some(_) => {
                let codes = Codes::of(cx, of)?.unwrap_or_default();
                Ok(vec![codes.node(), Button::Disable.node(), Button::Regenerate.node()])
            }
            None => Ok(vec![Button::Reveal.node(), Button::Disable.node()]),
        }
    }

    pub(super) async fn change(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let Detail::Settings { identity } = flow.detail else {
            return Err(Problem::NoSession(NoSession::WithoutId));
        };
        let from = identities::get(cx, identity).await?;
        let mut to = from.clone();
        let by = match Button::of(input) {
            None => return Err(Problem::form(catalog::no_settings_method())),
            Some(Button::Regenerate) => {
                let codes = json!(Codes::generate(cx.rng)).to_string();
                flow.memory.set(NEW, cx.snapshot.keys.seal(cx.rng, &purpose(&from), codes.as_bytes()));
                flow.memory.remove(REVEALED);
                return Ok(Step::show());
            }
            Some(Button::Reveal) if self.is_set_up(cx, &from) => {
                flow.memory.remove(NEW);
                flow.memory.set(REVEALED, true);
                return Ok(Step::show());
            }
            Some(Button::Reveal) => return Err(Problem::bad("You have no backup codes to show.")),
            Some(Button::Confirm) => {
                let codes = new(cx, flow, &from).ok_or_else(|| Problem::bad("Make new backup codes first."))?;
                codes.give(cx, &mut to);
                Some(proof(cx))
            }
            Some(Button::Disable) => {
                to.credentials.retain(|credential| credential.kind != CredentialType::LookupSecret);
                None
            }
        };
        Ok(Step::Change { from: Box::new(from), to: Box::new(to), by })
    }

    fn is_set_up(self, cx: &Cx<'_>, of: &Identity) -> bool {
        let credential = of.credential(CredentialType::LookupSecret);
        credential.is_some_and(|credential| self.strength(cx.snapshot, of.id, credential) != Strength::NONE)
    }
}

fn new(cx: &Cx<'_>, flow: &Flow, of: &Identity) -> Option<Codes> {
    let opened = cx.snapshot.keys.open(&purpose(of), flow.memory.text(NEW)?)?;
    serde_json::from_slice(&opened).ok()
}

fn purpose(of: &Identity) -> String {
    format!("new backup codes {}", of.id)
}
