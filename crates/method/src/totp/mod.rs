//! `totp`: codes from an authenticator app, as a second factor. [`key`] is what app and server share, [`picture`] how the
//! app gets it, `settings` and `login` what people do with it.
//!
//! An accepted code never works again: the step it was for stands in the credential, and is written in the same guarded
//! batch as the session that it opened.

mod key;
mod login;
mod picture;
mod settings;

use self::key::Key;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
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
use zelos_flow::{Ask, Cx, Input, Method, Step, identities};

static LOGIN: LazyLock<PayloadSchema> = LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/login.json")));
static SETTINGS: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/settings.json")));

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct Totp;

#[async_trait]
impl Method for Totp {
    fn id(&self) -> &'static str {
        "totp"
    }

    fn group(&self) -> Group {
        Group::Totp
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Settings) && snapshot.selfservice.methods.totp.enabled
    }

    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        match flow.detail {
            Detail::Login { requested_aal, .. } => requested_aal == Aal::Aal2 && input.method() == self.id(),
            // The button says no method.
            Detail::Settings { .. } => input.method() == self.id() || input.says_yes(settings::UNLINK),
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
        Some(CredentialType::Totp)
    }

    /// One that cannot be opened counts: a lost key must not lower what is asked of people.
    fn strength(&self, snapshot: &Snapshot, of: IdentityId, credential: &Credential) -> Strength {
        let opened = snapshot.cipher.open(of, credential);
        let is_usable = opened.is_none_or(|config| config["totp_url"].as_str().and_then(Key::from_url).is_some());
        if is_usable { Strength::SECOND } else { Strength::NONE }
    }

    async fn import(&self, cx: &Cx<'_>, config: &Value, of: &Identity) -> Result<Value> {
        let config = Config::deserialize(config)
            .map_err(|error| Problem::bad(format!("The configuration of totp is not usable: {error}.")))?;
        if Key::from_url(&config.totp_url).is_none() {
            return Err(Problem::bad(
                "The totp_url is not usable: it must be an address otpauth://totp/… with a secret in base 32.",
            ));
        }
        Ok(config.sealed(cx, of.id))
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        match ask {
            Ask::SecondFactor { of, .. } if of.credential(CredentialType::Totp).is_some() => Ok(login::form()),
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

/// What is stored; `totp_url` is the wire's.
#[derive(Deserialize)]
struct Config {
    totp_url: String,
    /// The last step whose code was accepted: neither it nor an earlier one is again.
    #[serde(default)]
    last_step: Option<i64>,
}

impl Config {
    fn sealed(&self, cx: &Cx<'_>, of: IdentityId) -> Value {
        let mut config = json!({ "totp_url": self.totp_url });
        if let Some(step) = self.last_step {
            config["last_step"] = step.into();
        }
        cx.snapshot.cipher.seal(cx.rng, of, CredentialType::Totp, config)
    }

    /// Gives it to the person.
    fn give(&self, cx: &Cx<'_>, to: &mut Identity) {
        let config = self.sealed(cx, to.id);
        identities::set_credential(cx.clock, cx.rng, to, CredentialType::Totp, config);
    }
}

/// What a code proves.
fn proof(cx: &Cx<'_>) -> AuthenticationMethod {
    AuthenticationMethod::new(MethodName::Totp, Aal::Aal2, cx.clock.now())
}
