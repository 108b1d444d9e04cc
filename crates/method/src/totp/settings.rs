//! Setting an authenticator app up, and away. The key that a form shows is kept with the flow, sealed for the person, until
//! a code shows that their app has it: only then it is theirs.

use super::{Config, Key, Totp, picture, proof};
use zelos_core::{
    flow::{Detail, Flow},
    identity::{CredentialType, Identity},
    problem::{NoSession, Problem, Result},
    session::Strength,
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{Cx, Input, Method, Step, identities};

/// The button that takes it away.
pub(super) const UNLINK: &str = "totp_unlink";
/// Memory: the key that the form shows.
const KEY: &str = "totp_key";

impl Totp {
    pub(super) fn settings(self, cx: &Cx<'_>, flow: &mut Flow, of: &Identity) -> Result<Vec<Node>> {
        if self.is_set_up(cx, of) {
            let unlink = Node::input(Group::Totp, UNLINK, InputType::Submit).with_value("true").required();
            return Ok(vec![unlink.with_label(catalog::unlink_totp())]);
        }
        let key = if let Some(key) = remembered(cx, flow, of) {
            key
        } else {
            let key = Key::generate(cx.rng, &issuer(cx), &account_name(cx, of));
            flow.memory.set(KEY, cx.snapshot.keys.seal(cx.rng, &purpose(of), key.url().as_bytes()));
            key
        };
        let picture = Node::image(Group::Totp, "totp_qr", picture::data_url(key.url())?, picture::SIZE);
        let secret = Node::text(Group::Totp, "totp_secret_key", catalog::totp_secret(&key.secret()));
        let code = Node::input(Group::Totp, "totp_code", InputType::Text).required();
        Ok(vec![
            secret.with_label(catalog::totp_secret_label()),
            picture.with_label(catalog::totp_qr_label()),
            code.with_label(catalog::code_label()),
            Node::submit(Group::Totp, "method", self.id(), catalog::save()),
        ])
    }

    pub(super) async fn change(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<Step> {
        let Detail::Settings { identity } = flow.detail else {
            return Err(Problem::NoSession(NoSession::WithoutId));
        };
        let from = identities::get(cx, identity).await?;
        let mut to = from.clone();
        let code = input.text("totp_code");
        let by = match (self.is_set_up(cx, &from), code) {
            (true, _) if input.says_yes(UNLINK) => {
                to.credentials.retain(|credential| credential.kind != CredentialType::Totp);
                None
            }
            // Nothing would be kept of what their app has just been taught.
            (true, Some(_)) => return Err(Problem::bad("Remove the authenticator app that you have first.")),
            (true, None) => None,
            (false, None) => return Err(Problem::field("totp_code", catalog::property_missing("totp_code"))),
            (false, Some(code)) => {
                link(cx, flow, &mut to, code)?;
                Some(proof(cx))
            }
        };
        Ok(Step::Change { from: Box::new(from), to: Box::new(to), by })
    }

    fn is_set_up(self, cx: &Cx<'_>, of: &Identity) -> bool {
        let credential = of.credential(CredentialType::Totp);
        credential.is_some_and(|credential| self.strength(cx.snapshot, of.id, credential) != Strength::NONE)
    }
}

/// Gives the person the key that the form shows, if the code is one of it. The code may be used once more: whoever has set
/// their app up may have to sign in before it shows the next.
fn link(cx: &Cx<'_>, flow: &Flow, to: &mut Identity, code: &str) -> Result<()> {
    let key = remembered(cx, flow, to);
    let found = key.and_then(|key| Some((key.step_of(code, cx.clock.now(), None)?, key)));
    let (step, key) = found.ok_or_else(|| Problem::field("totp_code", catalog::totp_code_wrong()))?;
    Config { totp_url: key.url().to_owned(), last_step: Some(step - 1) }.give(cx, to);
    Ok(())
}

fn remembered(cx: &Cx<'_>, flow: &Flow, of: &Identity) -> Option<Key> {
    let opened = cx.snapshot.keys.open(&purpose(of), flow.memory.text(KEY)?)?;
    Key::from_url(std::str::from_utf8(&opened).ok()?)
}

fn purpose(of: &Identity) -> String {
    format!("totp key {}", of.id)
}

/// What apps show as ours.
fn issuer(cx: &Cx<'_>) -> String {
    let configured = cx.snapshot.selfservice.methods.totp.config.issuer.as_deref().filter(|issuer| !issuer.is_empty());
    configured.or(cx.snapshot.public.host_str()).unwrap_or_default().to_owned()
}

/// What apps show as theirs: what the schema names so, or at least something that is theirs alone.
fn account_name(cx: &Cx<'_>, of: &Identity) -> String {
    identities::derived(cx, of).and_then(|derived| derived.totp_account_name).unwrap_or_else(|| of.id.to_string())
}
