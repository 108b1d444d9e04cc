//! Adding passkeys, and taking them away: the last first factor never.

use super::{CHALLENGE, HANDLE, Passkey, is_browser, name_of, party, proof};
use crate::ceremony::{
    Challenge, Keys,
    nodes::{self, Trigger},
    verify,
};
use zelos_core::{
    flow::{Detail, Flow},
    identity::{CredentialType, Identity},
    problem::{NoSession, Problem, Result},
    session::AuthenticationMethod,
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{Cx, Input, Step, identities};

/// What the person calls a new passkey, which else is called by its model. Not on the original's wire: nobody has to send
/// it.
const NAME: &str = "passkey_register_displayname";

impl Passkey {
    pub(super) fn settings_form(&self, cx: &Cx<'_>, flow: &mut Flow, of: &Identity) -> Result<Vec<Node>> {
        let keys = Keys::usable(of.credential(CredentialType::Passkey)).credentials;
        let is_last = identities::is_last_first_factor(cx, of);
        let mut form = Vec::new();
        for key in &keys {
            let mut node = Node::input(Group::Passkey, "passkey_remove", InputType::Submit).with_value(key.hex());
            if let Some(input) = node.as_input_mut() {
                input.disabled = is_last;
            }
            form.push(node.with_label(catalog::remove_passkey(key.name(), key.added_at)));
        }
        let name = name_of(cx, of);
        if name.is_empty() {
            // Nothing that an authenticator could show: no passkey can be made.
            flow.ui.messages.push(catalog::identifier_missing());
            return Ok(form);
        }
        let waiting = Challenge::waiting(flow, CHALLENGE);
        let whom = waiting.map_or_else(|| cx.rng.alphanumeric(HANDLE).into_bytes(), |waiting| waiting.whom);
        let challenge = Challenge::set(cx, flow, CHALLENGE, &whom);
        let options = party(cx)?.creation(&challenge, &name, &keys).to_string();
        let trigger = Trigger::plain("oryPasskeySettingsRegistration", is_browser(flow));
        let (value, label) = (Some(String::new()), catalog::add_passkey());
        form.extend(self.script(cx, flow));
        form.push(nodes::button(Group::Passkey, "passkey_register_trigger", value, trigger, label));
        form.push(nodes::hidden(Group::Passkey, "passkey_settings_register", None));
        form.push(nodes::hidden(Group::Passkey, "passkey_create_data", Some(options)));
        Ok(form)
    }

    pub(super) async fn change(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let Detail::Settings { identity } = flow.detail else {
            return Err(Problem::NoSession(NoSession::WithoutId));
        };
        let from = identities::get(cx, identity).await?;
        let mut to = from.clone();
        let by = if let Some(hex) = input.given("passkey_remove") {
            remove(cx, &mut to, hex)?;
            None
        } else {
            Some(add(cx, flow, &mut to, input)?)
        };
        Ok(Step::Change { from: Box::new(from), to: Box::new(to), by })
    }
}

fn add(cx: &Cx<'_>, flow: &mut Flow, to: &mut Identity, input: &Input) -> Result<AuthenticationMethod> {
    let answer = input.given("passkey_settings_register").unwrap_or_default();
    let mut keys = Keys::held(to, CredentialType::Passkey)?;
    let challenge = Challenge::take(flow, CHALLENGE)?;
    let mut key = verify::register(&party(cx)?, &challenge, answer, cx.clock.now())?;
    if let Some(name) = input.given(NAME) {
        name.clone_into(&mut key.display_name);
    }
    keys.add(key, "passkey_settings_register")?;
    keys.user_handle = challenge.whom;
    keys.give(cx, to, CredentialType::Passkey)?;
    Ok(proof(cx))
}

fn remove(cx: &Cx<'_>, to: &mut Identity, hex: &str) -> Result<()> {
    let mut keys = Keys::held(to, CredentialType::Passkey)?;
    keys.remove(hex).ok_or_else(|| Problem::bad("You have no such passkey."))?;
    if identities::is_last_first_factor(cx, to) {
        // Quirk: it is told at a node of security keys, which the form may have to invent (Kratos
        // x/webauthnx/errors.go).
        let text = catalog::invalid("Without this passkey you could not sign in any more.");
        return Err(Problem::field("webauthn_remove", text));
    }
    keys.give(cx, to, CredentialType::Passkey)
}
