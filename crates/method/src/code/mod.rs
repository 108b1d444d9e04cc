//! `code`: six digits are sent to an address, and typed in where they were asked for. What is common to everything that
//! is sent to addresses stands in [`zelos_flow::proofs`]; here is what is particular to codes.

mod recovery;
mod verification;

use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{fmt::Write as _, sync::LazyLock, time::Duration};
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind},
    identity::Via,
    message::TemplateType,
    problem::{Problem, Result},
    rng::Rng,
    schema::PayloadSchema,
    snapshot::{Snapshot, with_query},
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Sender, Step};

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
        matches!(kind, Kind::Recovery | Kind::Verification) && snapshot.selfservice.methods.code.is_enabled()
    }

    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        let is_ours = flow.active.as_deref() == Some(self.id());
        is_ours
            && match flow.detail {
                Detail::Recovery { .. } => recovery::claims(flow, input),
                Detail::Verification => verification::claims(input),
                _ => false,
            }
    }

    /// The link in a mail fills in the code of a verification.
    fn follows(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        let is_ours = flow.active.as_deref() == Some(self.id());
        is_ours && flow.kind() == Kind::Verification && given(input, "code").is_some()
    }

    fn payload(&self, kind: Kind) -> &'static PayloadSchema {
        if kind == Kind::Verification { &VERIFICATION } else { &RECOVERY }
    }

    /// Quirk: a verification takes a code from anywhere: it may have been opened from a mail (Kratos
    /// selfservice/strategy/code/strategy_verification.go).
    fn needs_csrf(&self, flow: &Flow, input: &Input) -> bool {
        match flow.detail {
            Detail::Verification => given(input, "code").is_none(),
            // It was handed to somebody who has never been here; a code of their own they ask for like everybody.
            Detail::Recovery { by_admin: true, .. } => given(input, "email").is_some(),
            _ => true,
        }
    }

    fn sender(&self) -> Option<&dyn Sender> {
        Some(self)
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        if flow.active.as_deref() != Some(self.id()) {
            return Ok(Vec::new());
        }
        match ask {
            Ask::Recover => recovery::form(cx, flow).await,
            Ask::Verify => Ok(verification::form(cx, flow)),
            _ => Ok(Vec::new()),
        }
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        match flow.kind() {
            Kind::Recovery => self.recover(cx, flow, input).await,
            Kind::Verification => self.verify(cx, flow, input).await,
            _ => Err(Problem::bug("a code was sent to a flow that has none")),
        }
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

    fn letter(&self, cx: &Cx<'_>, flow: &Flow, secret: &str) -> (TemplateType, Map<String, Value>) {
        if flow.kind() == Kind::Recovery {
            let says = Map::from_iter([("recovery_code".to_owned(), secret.into())]);
            return (TemplateType::RecoveryCodeValid, says);
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
            (_, Via::Email) => catalog::verification_code_sent_by_email(),
            (_, Via::Sms) => catalog::verification_code_sent_by_sms(),
        }
    }

    fn wrong(&self, kind: Kind) -> Text {
        match kind {
            Kind::Recovery => catalog::recovery_code_invalid(),
            _ => catalog::verification_code_invalid(),
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

/// A field that says something.
fn given<'a>(input: &'a Input, name: &str) -> Option<&'a str> {
    input.text(name).filter(|text| !text.is_empty())
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
