//! `link`: a link with a token is sent to an address, and opened – in any browser, which then goes on with the flow.

use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{sync::LazyLock, time::Duration};
use zelos_core::{
    flow::{Detail, Flow, Kind, State},
    identity::Via,
    message::TemplateType,
    problem::{Problem, Result},
    rng::Rng,
    schema::PayloadSchema,
    session::{Aal, AuthenticationMethod, MethodName},
    snapshot::{Snapshot, with_query},
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Ask, Cx, Input, Method, Sender, Step,
    proofs::{self, ADDRESS},
};

static PAYLOAD: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/address.json")));

/// The length of a token: 190 bits.
const TOKEN: usize = 32;

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct Link;

#[async_trait]
impl Method for Link {
    fn id(&self) -> &'static str {
        "link"
    }

    fn group(&self) -> Group {
        Group::Link
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        matches!(kind, Kind::Recovery | Kind::Verification) && snapshot.selfservice.methods.link.enabled
    }

    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        // Quirk: a recovery begun for codes takes a wish for a link, a verification does not (Kratos
        // selfservice/strategy/link/strategy_{recovery,verification}.go).
        let is_ours = flow.kind() == Kind::Recovery || flow.active.as_deref() == Some(self.id());
        is_ours && (input.method() == self.id() || input.given("token").is_some())
    }

    fn follows(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        flow.active.as_deref() == Some(self.id()) && input.given("token").is_some()
    }

    fn payload(&self, _kind: Kind) -> &'static PayloadSchema {
        &PAYLOAD
    }

    /// A token is a better proof of where a request comes from.
    fn needs_csrf(&self, _flow: &Flow, input: &Input) -> bool {
        input.given("token").is_none()
    }

    fn sender(&self) -> Option<&dyn Sender> {
        Some(self)
    }

    async fn form(&self, _cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        let is_asked = matches!(ask, Ask::Recover | Ask::Verify) && flow.active.as_deref() == Some(self.id());
        if !is_asked {
            return Ok(Vec::new());
        }
        let mut email =
            Node::input(Group::Link, "email", InputType::Email).required().with_label(catalog::email_label());
        if let Some(address) = flow.memory.text(ADDRESS) {
            email = email.with_value(address);
        }
        Ok(vec![email, Node::submit(Group::Link, "method", self.id(), catalog::continue_label())])
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if let Some(token) = input.given("token") {
            return self.redeem(cx, flow, token).await;
        }
        if flow.state == State::PassedChallenge {
            return Err(over(match flow.kind() {
                Kind::Recovery => catalog::recovery_already_completed(),
                _ => catalog::verification_already_completed(),
            }));
        }
        let missing = || Problem::field("email", catalog::property_missing("email"));
        let email = input.given("email").ok_or_else(missing)?;
        proofs::ask(cx, flow, self, Via::Email, email).await
    }
}

impl Link {
    /// A link was opened. A token is no code that one could mistype: a wrong one ends the flow.
    async fn redeem(&self, cx: &Cx<'_>, flow: &mut Flow, token: &str) -> Result<Step> {
        let wrong = || over(self.wrong(flow.kind()));
        if flow.state == State::PassedChallenge {
            return Err(wrong());
        }
        if let Some(expired_at) = proofs::expired_at(cx, flow) {
            return Err(over(match flow.kind() {
                Kind::Recovery => catalog::recovery_flow_expired(expired_at),
                _ => catalog::verification_flow_expired(expired_at),
            }));
        }
        let kind = flow.kind();
        let sent = proofs::check(cx, flow, self, token)?.ok_or_else(|| over(self.wrong(kind)))?;
        if kind == Kind::Verification {
            return proofs::confirm(cx, flow, &sent).await?.ok_or_else(|| over(self.wrong(kind)));
        }
        let proven = proofs::proven(cx, flow, &sent).await?;
        let (from, to) = proven.ok_or_else(|| over(self.wrong(kind)))?;
        let by = AuthenticationMethod::new(MethodName::LinkRecovery, Aal::Aal1, cx.clock.now());
        Ok(Step::Prove { from: Box::new(from), to: Box::new(to), by })
    }
}

impl Sender for Link {
    fn method(&self) -> &'static str {
        self.id()
    }

    fn secret(&self, rng: &dyn Rng) -> String {
        rng.alphanumeric(TOKEN)
    }

    fn lifespan(&self, snapshot: &Snapshot) -> Duration {
        *snapshot.selfservice.methods.link.config.lifespan
    }

    fn guesses(&self, _snapshot: &Snapshot) -> Option<u64> {
        None
    }

    fn letter(&self, cx: &Cx<'_>, flow: &Flow, secret: &str, _via: Via) -> (TemplateType, Map<String, Value>) {
        let url = address(cx.snapshot, flow, secret).into();
        match flow.detail {
            Detail::Recovery { .. } => {
                (TemplateType::RecoveryValid, Map::from_iter([("recovery_url".to_owned(), url)]))
            }
            _ => (TemplateType::VerificationValid, Map::from_iter([("verification_url".to_owned(), url)])),
        }
    }

    fn letter_to_nobody(&self, kind: Kind) -> TemplateType {
        match kind {
            Kind::Recovery => TemplateType::RecoveryInvalid,
            _ => TemplateType::VerificationInvalid,
        }
    }

    fn sent(&self, flow: &Flow, _via: Via, _to: &str) -> Text {
        match flow.kind() {
            Kind::Recovery => catalog::recovery_link_sent(),
            _ => catalog::verification_link_sent(),
        }
    }

    fn wrong(&self, kind: Kind) -> Text {
        match kind {
            Kind::Recovery => catalog::recovery_link_invalid(),
            _ => catalog::verification_link_invalid(),
        }
    }
}

/// Where a link leads: always to the public address that is configured, whatever host a request names.
fn address(snapshot: &Snapshot, flow: &Flow, token: &str) -> String {
    let path = snapshot.public_path(&format!("self-service/{}", flow.kind().as_str()));
    with_query(&path, &[("flow", &flow.id.to_string()), ("token", token)])
}

fn over(text: Text) -> Problem {
    Problem::StartAgain { text: Box::new(text), is_shown: true }
}
