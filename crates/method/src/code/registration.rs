//! Signing up by a code: the traits are told, every address for codes gets one, and whoever brings one back has an
//! account. Nobody is created before.

use super::{Code, code_node, go_on, hidden_method, missing, resend};
use serde_json::Value;
use zelos_core::{
    config::flows::RegistrationStyle,
    flow::{Flow, State},
    identity::{CredentialType, Via},
    message::TemplateType,
    problem::{Problem, Result},
    session::{Aal, AuthenticationMethod, MethodName},
    snapshot::Snapshot,
    text::catalog,
    ui::{Group, Node},
};
use zelos_flow::{Cx, Input, Step, ask::TRAITS, draw, plug::Draft, proofs, traits};

/// The form while a code is on its way; the traits stand in it, hidden, by another method.
pub(super) fn form(snapshot: &Snapshot) -> Vec<Node> {
    let mut nodes =
        vec![hidden_method(), code_node(catalog::registration_code_label()), go_on(), resend("resend", "code")];
    if snapshot.selfservice.flows.registration.effective_style() == RegistrationStyle::ProfileFirst {
        let back = Node::submit(Group::Profile, "screen", "credential-selection", catalog::registration_back());
        nodes.push(back);
    }
    nodes
}

/// What the letter says besides the code.
pub(super) fn letter(flow: &Flow, via: Via) -> (TemplateType, &'static str, Value) {
    // Quirk: a mail calls them traits, a short message the identity (Kratos courier/template).
    let name = if via == Via::Sms { "identity" } else { "traits" };
    (TemplateType::RegistrationCodeValid, name, flow.memory.get(TRAITS).cloned().unwrap_or_default())
}

impl Code {
    pub(super) fn register(self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if flow.state == State::PassedChallenge {
            return Err(Problem::form(catalog::no_registration_method()));
        }
        let schema = draw::schema_of(cx, flow)?;
        let told = flow.memory.get(TRAITS).cloned();
        let is_sent = flow.state == State::SentEmail;
        let derived = match told.as_ref().filter(|_| is_sent && input.traits().is_none()) {
            Some(told) => schema.check(told).map_err(|wrong| Problem::Form(wrong.texts()))?,
            None => traits::judge(schema, flow, input)?,
        };
        if is_sent && input.given("resend").is_none() {
            let code = input.given("code").ok_or_else(|| missing("code"))?;
            if told.as_ref() != Some(&derived.traits) {
                return Err(Problem::form(catalog::traits_changed()));
            }
            let Some(sent) = proofs::check(cx, flow, &self, code)? else {
                return Ok(Step::wrong(proofs::guess(flow)?, catalog::registration_code_invalid()));
            };
            let draft = Draft {
                schema_id: draw::schema_of(cx, flow)?.id().to_owned(),
                derived,
                credential: (CredentialType::Code, serde_json::json!({})),
                proven: vec![(sent.via, sent.value)],
            };
            let by = AuthenticationMethod::new(MethodName::Code, Aal::Aal1, cx.clock.now());
            return Ok(Step::Create { draft: Box::new(draft), by });
        }
        if derived.code_addresses.is_empty() {
            return Err(Problem::form(catalog::identifier_missing()));
        }
        traits::keep(flow, derived.traits)?;
        flow.state = State::SentEmail;
        let also = proofs::send_to_strangers(cx, flow, &self, &derived.code_addresses)?;
        Ok(Step::Show { texts: vec![catalog::registration_code_sent()], also })
    }
}
