//! Signing up with a key instead of a password.

use super::{CHALLENGE, Webauthn, party, proof};
use crate::ceremony::{
    Challenge, Keys,
    nodes::{self, Trigger},
    verify,
};
use zelos_core::{
    flow::{Flow, State},
    identity::CredentialType,
    problem::{Problem, Result},
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{Cx, Input, Step, draw, plug::Draft, traits};

impl Webauthn {
    pub(super) fn registration_form(&self, cx: &Cx<'_>, flow: &mut Flow) -> Result<Vec<Node>> {
        // Nobody is there yet: the key is made for somebody without a name.
        let waiting = Challenge::waiting(flow, CHALLENGE);
        let whom = waiting.map_or_else(|| cx.rng.uuid_v4().as_bytes().to_vec(), |waiting| waiting.whom);
        let challenge = Challenge::set(cx, flow, CHALLENGE, &whom);
        Ok(self.making(cx, &party(cx)?.creation(&challenge, "", &[]), catalog::sign_up_with_security_key()))
    }

    /// The nodes that make a key.
    pub(super) fn making(&self, cx: &Cx<'_>, options: &serde_json::Value, label: Text) -> Vec<Node> {
        let name = Node::input(Group::Webauthn, "webauthn_register_displayname", InputType::Text).with_value("");
        let trigger = Trigger::with_options("oryWebAuthnRegistration", options);
        let value = Some(options.to_string());
        vec![
            name.with_label(catalog::security_key_name_label()),
            nodes::button(Group::Webauthn, "webauthn_register_trigger", value, trigger, label),
            nodes::script(cx, &self.script_integrity),
            nodes::hidden(Group::Webauthn, "webauthn_register", Some(String::new())),
        ]
    }
}

pub(super) fn register(cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
    if flow.state == State::PassedChallenge {
        return Err(Problem::form(catalog::no_registration_method()));
    }
    let schema = draw::schema_of(cx, flow)?;
    let derived = traits::judge(schema, flow, input)?;
    if derived.identifiers_of(CredentialType::Webauthn).next().is_none() {
        return Err(Problem::form(catalog::identifier_missing()));
    }
    let challenge = Challenge::take(flow, CHALLENGE)?;
    let answer = input.text("webauthn_register").unwrap_or_default();
    let mut key = verify::register(&party(cx)?, &challenge, answer, cx.clock.now())?;
    if let Some(name) = input.given("webauthn_register_displayname") {
        name.clone_into(&mut key.display_name);
    }
    let by = proof(cx, &key);
    let keys = Keys { credentials: vec![key], user_handle: challenge.whom };
    let draft = Draft {
        schema_id: draw::schema_of(cx, flow)?.id().to_owned(),
        derived,
        credential: (CredentialType::Webauthn, keys.config()?),
        proven: Vec::new(),
    };
    Ok(Step::Create { draft: Box::new(draft), by })
}
