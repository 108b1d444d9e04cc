//! `lookup_secret`: backup codes on paper, as a second factor for whoever has lost the other. Each works once: its use is
//! written in the same guarded batch as the session that it opened.
//!
//! People may look at their codes again, so these are sealed where they are stored, not hashed.

mod codes;
mod login;
mod settings;

use self::codes::{Code, Codes};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use std::sync::LazyLock;
use zelos_core::{
    flow::{Detail, Flow, Kind},
    id::IdentityId,
    identity::{Credential, CredentialType, Identity},
    problem::{Problem, Result},
    schema::PayloadSchema,
    session::{Aal, AuthenticationMethod, MethodName, Strength},
    snapshot::Snapshot,
    ui::{Group, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Step};

static LOGIN: LazyLock<PayloadSchema> = LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/login.json")));
static SETTINGS: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/settings.json")));

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct LookupSecret;

#[async_trait]
impl Method for LookupSecret {
    fn id(&self) -> &'static str {
        "lookup_secret"
    }

    fn group(&self) -> Group {
        Group::LookupSecret
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Settings) && snapshot.selfservice.methods.lookup_secret.enabled
    }

    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        match flow.detail {
            Detail::Login { requested_aal, .. } => requested_aal == Aal::Aal2 && input.method() == self.id(),
            // Its buttons say no method, and the method alone says nothing.
            Detail::Settings { .. } => settings::Button::of(input).is_some(),
            _ => false,
        }
    }

    fn payload(&self, kind: Kind) -> &'static PayloadSchema {
        if kind == Kind::Settings { &SETTINGS } else { &LOGIN }
    }

    fn is_privileged(&self, _cx: &Cx<'_>, _of: &Identity, _input: &Input) -> bool {
        true
    }

    fn credential(&self) -> Option<CredentialType> {
        Some(CredentialType::LookupSecret)
    }

    /// Codes that are used up count, and so do those that cannot be opened: neither must lower what is asked of people.
    fn strength(&self, snapshot: &Snapshot, of: IdentityId, credential: &Credential) -> Strength {
        let opened = snapshot.cipher.open(of, credential);
        let has_codes = |config: &Value| config["recovery_codes"].as_array().is_some_and(|codes| !codes.is_empty());
        if opened.is_none_or(|config| has_codes(&config)) { Strength::SECOND } else { Strength::NONE }
    }

    /// Adds to the codes that the person has.
    async fn import(&self, cx: &Cx<'_>, config: &Value, of: &Identity) -> Result<Value> {
        let given = Given::deserialize(config)
            .map_err(|error| Problem::bad(format!("The configuration of lookup_secret is not usable: {error}.")))?;
        let mut codes = Codes::of(cx, of)?.unwrap_or_default();
        codes.recovery_codes.extend(given.codes);
        Ok(codes.sealed(cx, of.id))
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        match ask {
            Ask::SecondFactor { of, .. } if of.credential(CredentialType::LookupSecret).is_some() => Ok(login::form()),
            Ask::Change { of } => self.settings(cx, flow, of),
            _ => Ok(Vec::new()),
        }
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        match flow.kind() {
            Kind::Settings => self.change(cx, flow, input).await,
            _ => self.log_in(cx, input).await,
        }
    }
}

/// What an administrator brings along.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Given {
    codes: Vec<Code>,
}

/// What a code proves.
fn proof(cx: &Cx<'_>) -> AuthenticationMethod {
    AuthenticationMethod::new(MethodName::LookupSecret, Aal::Aal2, cx.clock.now())
}
