//! Adding keys, each with a name, and taking them away: whatever is no first factor at any time, the last first factor
//! never.

use super::{CHALLENGE, Webauthn, is_passwordless, party, proof};
use crate::ceremony::{Challenge, Keys, verify};
use zelos_core::{
    flow::{Detail, Flow},
    identity::{CredentialType, Identity},
    problem::{NoSession, Problem, Result},
    session::AuthenticationMethod,
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{Cx, Input, Step, identities};

impl Webauthn {
    pub(super) fn settings_form(&self, cx: &Cx<'_>, flow: &mut Flow, of: &Identity) -> Result<Vec<Node>> {
        let keys = Keys::usable(of.credential(CredentialType::Webauthn));
        let is_last = identities::is_last_first_factor(cx, of);
        let mut nodes = Vec::new();
        for key in &keys.credentials {
            let mut node = Node::input(Group::Webauthn, "webauthn_remove", InputType::Submit).with_value(key.hex());
            if let Some(input) = node.as_input_mut() {
                input.disabled = key.is_passwordless && is_last;
            }
            nodes.push(node.with_label(catalog::remove_security_key(key.name(), key.added_at)));
        }
        let challenge = Challenge::set(cx, flow, CHALLENGE, &handle(of, &keys));
        let options = party(cx)?.creation(&challenge, "", &keys.credentials);
        nodes.extend(self.making(cx, &options, catalog::add_security_key()));
        Ok(nodes)
    }

    pub(super) async fn change(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let Detail::Settings { identity } = flow.detail else {
            return Err(Problem::NoSession(NoSession::WithoutId));
        };
        let from = identities::get(cx, identity).await?;
        let mut to = from.clone();
        let by = if let Some(answer) = input.given("webauthn_register") {
            Some(add(cx, flow, &mut to, input, answer)?)
        } else {
            remove(cx, &mut to, input.text("webauthn_remove").unwrap_or_default())?;
            None
        };
        Ok(Step::Change { from: Box::new(from), to: Box::new(to), by })
    }
}

fn add(cx: &Cx<'_>, flow: &mut Flow, to: &mut Identity, input: &Input, answer: &str) -> Result<AuthenticationMethod> {
    let mut keys = Keys::held(to, CredentialType::Webauthn)?;
    let derived =
        identities::derived(cx, to).filter(|derived| derived.identifiers_of(CredentialType::Webauthn).next().is_some());
    let derived = derived.ok_or_else(|| Problem::form(catalog::identifier_missing()))?;
    let challenge = Challenge::take(flow, CHALLENGE)?;
    let mut key = verify::register(&party(cx)?, &challenge, answer, cx.clock.now())?;
    input.text("webauthn_register_displayname").unwrap_or_default().clone_into(&mut key.display_name);
    key.is_passwordless = is_passwordless(cx.snapshot);
    let by = proof(cx, &key);
    keys.add(key, "webauthn_register")?;
    keys.user_handle = challenge.whom;
    keys.give(cx, to, CredentialType::Webauthn)?;
    // Its name follows from the traits.
    identities::apply(cx.clock, cx.rng, to, derived);
    Ok(by)
}

fn remove(cx: &Cx<'_>, to: &mut Identity, hex: &str) -> Result<()> {
    let mut keys = Keys::held(to, CredentialType::Webauthn)?;
    let removed = keys.remove(hex).ok_or_else(|| Problem::bad("You have no such security key."))?;
    if removed.is_passwordless && identities::is_last_first_factor(cx, to) {
        let text = catalog::invalid("Without this security key you could not sign in any more.");
        return Err(Problem::field("webauthn_remove", text));
    }
    keys.give(cx, to, CredentialType::Webauthn)
}

/// Whom authenticators know: as before, so that the keys that are there stay good; at first by the person's id.
fn handle(of: &Identity, keys: &Keys) -> Vec<u8> {
    if keys.user_handle.is_empty() { of.id.0.as_bytes().to_vec() } else { keys.user_handle.clone() }
}
