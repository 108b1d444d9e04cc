//! Signing up with a passkey. It is made before anybody is there; what it is called is read from the form by the script.

use super::{CHALLENGE, HANDLE, Passkey, is_browser, party, proof};
use crate::ceremony::{
    Challenge, Keys,
    nodes::{self, Trigger},
    verify,
};
use serde_json::json;
use zelos_core::{
    flow::{Flow, State},
    identity::CredentialType,
    problem::{Problem, Result},
    text::catalog,
    ui::{Group, Node},
};
use zelos_flow::{Cx, Input, Step, draw, plug::Draft, traits};

impl Passkey {
    /// Nothing, if the schema names no trait that a passkey could be called by.
    pub(super) fn registration_form(&self, cx: &Cx<'_>, flow: &mut Flow) -> Result<Vec<Node>> {
        let names = draw::schema_of(cx, flow)?.passkey_names();
        let Some(first) = names.first() else {
            tracing::warn!("passkeys are not offered to whoever signs up: no trait of the schema is their name");
            return Ok(Vec::new());
        };
        let waiting = Challenge::waiting(flow, CHALLENGE);
        let whom = waiting.map_or_else(|| cx.rng.alphanumeric(HANDLE).into_bytes(), |waiting| waiting.whom);
        let challenge = Challenge::set(cx, flow, CHALLENGE, &whom);
        let data = json!({
            "credentialOptions": party(cx)?.creation(&challenge, "", &[]),
            "displayNameFieldName": first,
            "displayNameFieldNames": names,
        });
        let trigger = Trigger::plain("oryPasskeyRegistration", is_browser(flow));
        let label = catalog::sign_up_with_passkey();
        let mut form = vec![
            nodes::hidden(Group::Passkey, "passkey_create_data", Some(data.to_string())),
            nodes::button(Group::Passkey, "passkey_register_trigger", None, trigger, label),
        ];
        form.extend(self.script(cx, flow));
        form.push(nodes::hidden(Group::Passkey, "passkey_register", None));
        Ok(form)
    }
}

pub(super) fn register(cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
    if flow.state == State::PassedChallenge {
        return Err(Problem::form(catalog::no_registration_method()));
    }
    let derived = traits::judge(draw::schema_of(cx, flow)?, flow, input)?;
    let challenge = Challenge::take(flow, CHALLENGE)?;
    let answer = input.text("passkey_register").unwrap_or_default();
    let key = verify::register(&party(cx)?, &challenge, answer, cx.clock.now())?;
    let keys = Keys { credentials: vec![key], user_handle: challenge.whom };
    let draft = Draft {
        schema_id: draw::schema_of(cx, flow)?.id().to_owned(),
        derived,
        credential: (CredentialType::Passkey, keys.config()?),
        proven: Vec::new(),
    };
    Ok(Step::Create { draft: Box::new(draft), by: proof(cx) })
}
