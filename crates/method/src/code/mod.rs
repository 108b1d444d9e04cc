//! `code`: six digits are sent to an address, and typed in where they were asked for. What is common to everything that
//! is sent to addresses stands in [`zelos_flow::proofs`]; here is what is particular to codes.

mod login;
mod recovery;
mod registration;
mod verification;

use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{fmt::Write as _, sync::LazyLock, time::Duration};
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind},
    id::IdentityId,
    identity::{Credential, CredentialType, Via},
    message::TemplateType,
    problem::{Problem, Result},
    rng::Rng,
    schema::PayloadSchema,
    session::{Aal, AuthenticationMethod, MethodName, Strength},
    snapshot::{Snapshot, with_query},
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Sender, Step, identities, proofs};

static LOGIN: LazyLock<PayloadSchema> = LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/login.json")));
static REGISTRATION: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/registration.json")));
static RECOVERY: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/recovery.json")));
static VERIFICATION: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/verification.json")));

/// How many digits a code has.
const DIGITS: u32 = 6;

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct Code;

#[async_trait]
impl Method for Code {
    fn id(&self) -> &'static str {
        "code"
    }

    fn group(&self) -> Group {
        Group::Code
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        let code = &snapshot.selfservice.methods.code;
        match kind {
            Kind::Recovery | Kind::Verification => code.is_enabled(),
            Kind::Login => code.passwordless_enabled || code.is_second_factor(),
            Kind::Registration => code.passwordless_enabled,
            Kind::Settings => false,
        }
    }

    fn claims(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        let is_ours = flow.active.as_deref() == Some(self.id());
        match flow.detail {
            Detail::Login { .. } => login::claims(cx, flow, input),
            Detail::Registration => input.method() == self.id(),
            Detail::Recovery { .. } => is_ours && recovery::claims(flow, input),
            Detail::Verification => is_ours && verification::claims(input),
            Detail::Settings { .. } => false,
        }
    }

    /// The link in a mail fills in the code of a verification.
    fn follows(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        let is_ours = flow.active.as_deref() == Some(self.id());
        is_ours && flow.kind() == Kind::Verification && input.given("code").is_some()
    }

    fn payload(&self, kind: Kind) -> &'static PayloadSchema {
        match kind {
            Kind::Login => &LOGIN,
            Kind::Registration | Kind::Settings => &REGISTRATION,
            Kind::Recovery => &RECOVERY,
            Kind::Verification => &VERIFICATION,
        }
    }

    /// Quirk: a verification takes a code from anywhere: it may have been opened from a mail (Kratos
    /// selfservice/strategy/code/strategy_verification.go).
    fn needs_csrf(&self, flow: &Flow, input: &Input) -> bool {
        match flow.detail {
            Detail::Verification => input.given("code").is_none(),
            // It was handed to somebody who has never been here; a code of their own they ask for like everybody.
            Detail::Recovery { by_admin: true, .. } => input.given("email").is_some(),
            _ => true,
        }
    }

    fn credential(&self) -> Option<CredentialType> {
        Some(CredentialType::Code)
    }

    /// Each address counts, as a first or as a second factor.
    fn strength(&self, snapshot: &Snapshot, _of: IdentityId, credential: &Credential) -> Strength {
        let code = &snapshot.selfservice.methods.code;
        let count = identities::code_addresses(credential).len();
        Strength {
            first: if code.passwordless_enabled { count } else { 0 },
            second: if code.is_second_factor() { count } else { 0 },
        }
    }

    fn sender(&self) -> Option<&dyn Sender> {
        Some(self)
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        let is_ours = flow.active.as_deref() == Some(self.id());
        let kind = flow.kind();
        match ask {
            Ask::Recover if is_ours => recovery::form(cx, flow).await,
            Ask::Verify if is_ours => Ok(verification::form(cx, flow)),
            Ask::Sent { .. } if kind == Kind::Registration => Ok(registration::form(cx.snapshot)),
            Ask::Register | Ask::RegisterCredential { .. } => {
                Ok(vec![Node::submit(Group::Code, "method", self.id(), catalog::send_registration_code())])
            }
            _ if kind == Kind::Login => login::form(cx, flow, ask),
            _ => Ok(Vec::new()),
        }
    }

    async fn unasked(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Option<Step>> {
        self.send_unasked(cx, flow, ask).await
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        match flow.kind() {
            Kind::Recovery => self.recover(cx, flow, input).await,
            Kind::Verification => self.verify(cx, flow, input).await,
            Kind::Login => self.log_in(cx, flow, input).await,
            Kind::Registration => self.register(cx, flow, input),
            Kind::Settings => Err(Problem::bug("a code was sent to a flow that has none")),
        }
    }
}

impl Code {
    /// Whoever brings the right code is the person to whom it was sent; that proves so much.
    async fn redeem(&self, cx: &Cx<'_>, flow: &mut Flow, code: &str, proves: (MethodName, Aal)) -> Result<Step> {
        let kind = flow.kind();
        let wrong = |flow: &Flow| Ok(Step::wrong(proofs::guess(flow)?, self.wrong(kind)));
        let Some(sent) = proofs::check(cx, flow, self, code)? else { return wrong(flow) };
        let Some((from, to)) = proofs::proven(cx, flow, &sent).await? else { return wrong(flow) };
        // A second proof is one of whoever is signed in: what was sent to somebody else who had this flow is none.
        let is_second = matches!(flow.detail, Detail::Login { requested_aal: Aal::Aal2, .. });
        if is_second && cx.session.is_none_or(|current| current.session.identity_id != from.id) {
            return wrong(flow);
        }
        let by = AuthenticationMethod::new(proves.0, proves.1, cx.clock.now());
        Ok(Step::Prove { from: Box::new(from), to: Box::new(to), by })
    }
}

impl Sender for Code {
    fn method(&self) -> &'static str {
        self.id()
    }

    fn secret(&self, rng: &dyn Rng) -> String {
        digits(rng)
    }

    fn lifespan(&self, snapshot: &Snapshot) -> Duration {
        *snapshot.selfservice.methods.code.config.lifespan
    }

    fn guesses(&self, snapshot: &Snapshot) -> Option<u64> {
        Some(u64::from(snapshot.selfservice.methods.code.config.max_submissions))
    }

    fn letter(&self, cx: &Cx<'_>, flow: &Flow, secret: &str, via: Via) -> (TemplateType, Map<String, Value>) {
        let code = |name: &str| Map::from_iter([(name.to_owned(), secret.into())]);
        match flow.kind() {
            Kind::Recovery => return (TemplateType::RecoveryCodeValid, code("recovery_code")),
            Kind::Login => return (TemplateType::LoginCodeValid, code("login_code")),
            Kind::Registration => {
                let (template, name, traits) = registration::letter(flow, via);
                let mut says = code("registration_code");
                says.insert(name.to_owned(), traits);
                return (template, says);
            }
            Kind::Verification | Kind::Settings => {}
        }
        let url = cx.snapshot.public_path("self-service/verification");
        let url = with_query(&url, &[("code", secret), ("flow", &flow.id.to_string())]);
        let says = [("verification_url".to_owned(), url.into()), ("verification_code".to_owned(), secret.into())];
        (TemplateType::VerificationCodeValid, Map::from_iter(says))
    }

    fn letter_to_nobody(&self, kind: Kind) -> TemplateType {
        match kind {
            Kind::Recovery => TemplateType::RecoveryCodeInvalid,
            _ => TemplateType::VerificationCodeInvalid,
        }
    }

    fn sent(&self, flow: &Flow, via: Via, to: &str) -> Text {
        match (flow.kind(), via) {
            (Kind::Recovery, _) => recovery::sent(flow, to),
            (Kind::Login, _) => login::sent(flow),
            (Kind::Registration, _) => catalog::registration_code_sent(),
            (_, Via::Email) => catalog::verification_code_sent_by_email(),
            (_, Via::Sms) => catalog::verification_code_sent_by_sms(),
        }
    }

    fn wrong(&self, kind: Kind) -> Text {
        match kind {
            Kind::Recovery => catalog::recovery_code_invalid(),
            Kind::Login => catalog::login_code_invalid(),
            Kind::Registration => catalog::registration_code_invalid(),
            Kind::Verification | Kind::Settings => catalog::verification_code_invalid(),
        }
    }
}

/// A code: all are equally likely (rejection, no modulo bias).
fn digits(rng: &dyn Rng) -> String {
    const CODES: u32 = 10_u32.pow(DIGITS);
    const FAIR: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let drawn = u32::from_be_bytes(rng.bytes());
        if drawn < FAIR {
            let mut code = String::with_capacity(8);
            let _ = write!(code, "{:0width$}", drawn % CODES, width = DIGITS as usize);
            return code;
        }
    }
}

fn missing(name: &'static str) -> Problem {
    Problem::field(name, catalog::property_missing(name))
}

/// The field for a code.
fn code_node(label: Text) -> Node {
    Node::input(Group::Code, "code", InputType::Text).required().with_autocomplete("one-time-code").with_label(label)
}

fn go_on() -> Node {
    Node::submit(Group::Code, "method", "code", catalog::continue_label())
}

fn hidden_method() -> Node {
    Node::input(Group::Code, "method", InputType::Hidden).with_value("code")
}

/// The button that sends again: it carries the address.
fn resend(name: &'static str, address: &str) -> Node {
    Node::input(Group::Code, name, InputType::Submit).with_value(address).with_label(catalog::resend_code())
}

/// Whether the flow belongs to a browser.
fn is_browser(flow: &Flow) -> bool {
    flow.channel == Channel::Browser
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::SeededRng;

    #[test]
    fn codes_have_six_digits_and_differ() {
        let rng = SeededRng::new(3);
        let codes: Vec<String> = (0..200).map(|_| digits(&rng)).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
        assert!(codes.iter().any(|code| code.starts_with('0')), "small numbers are filled up");
        let distinct: std::collections::BTreeSet<_> = codes.iter().collect();
        assert!(distinct.len() > 195);
    }
}
