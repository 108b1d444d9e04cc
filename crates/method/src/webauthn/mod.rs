//! `webauthn`: security keys, in browsers. A key is one of two things, for good: a first factor, made while
//! `config.passwordless` is set, by which one signs in with an identifier and no password; or a second factor. Neither
//! takes the place of the other.
//!
//! `login`, `registration` and `settings` are what people do with them; what they share with passkeys is in `ceremony`.

mod login;
mod registration;
mod settings;

use self::registration::register;
use crate::ceremony::{self, Key, Keys, Party};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::LazyLock;
use zelos_core::{
    config::methods::{Preference, WebauthnConfig},
    flow::{Channel, Detail, Flow, Kind},
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
static REGISTRATION: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/registration.json")));
static SETTINGS: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/settings.json")));

/// Memory: the challenge that waits.
const CHALLENGE: &str = "webauthn_challenge";

/// The method.
#[derive(Debug, Clone)]
pub struct Webauthn {
    script_integrity: String,
}

impl Webauthn {
    /// The method; `script_integrity` is how browsers know the script again that talks to keys.
    pub fn new(script_integrity: String) -> Self {
        Self { script_integrity }
    }
}

#[async_trait]
impl Method for Webauthn {
    fn id(&self) -> &'static str {
        "webauthn"
    }

    fn group(&self) -> Group {
        Group::Webauthn
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Registration | Kind::Settings)
            && snapshot.selfservice.methods.webauthn.enabled
    }

    fn claims(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        // Native apps have no browser that would ask a key.
        flow.channel == Channel::Browser
            && match flow.detail {
                Detail::Login { .. } => input.method() == self.id() || input.given("webauthn_login").is_some(),
                Detail::Registration => is_passwordless(cx.snapshot) && input.given("webauthn_register").is_some(),
                Detail::Settings { .. } => {
                    input.given("webauthn_register").is_some() || input.given("webauthn_remove").is_some()
                }
                Detail::Recovery { .. } | Detail::Verification => false,
            }
    }

    fn payload(&self, kind: Kind) -> &'static PayloadSchema {
        match kind {
            Kind::Registration => &REGISTRATION,
            Kind::Settings => &SETTINGS,
            _ => &LOGIN,
        }
    }

    fn is_privileged(&self, _cx: &Cx<'_>, _of: &Identity, _input: &Input) -> bool {
        true
    }

    fn credential(&self) -> Option<CredentialType> {
        Some(CredentialType::Webauthn)
    }

    /// By a passwordless key one signs in with an identifier: without one it is good for nothing.
    fn strength(&self, _snapshot: &Snapshot, _of: IdentityId, credential: &Credential) -> Strength {
        let keys = Keys::usable(Some(credential)).credentials;
        let first = keys.iter().filter(|key| key.is_passwordless).count();
        let is_named = credential.identifiers.iter().any(|name| !name.is_empty());
        Strength { first: if is_named { first } else { 0 }, second: keys.len() - first }
    }

    async fn import(&self, _cx: &Cx<'_>, config: &Value, of: &Identity) -> Result<Value> {
        Keys::imported(config, of.credential(CredentialType::Webauthn), self.id())?.config()
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        if flow.channel != Channel::Browser {
            return Ok(Vec::new());
        }
        match ask {
            Ask::FirstFactor | Ask::Known { .. } => self.first_factor(cx, flow, ask).await,
            Ask::Reauth { of } => self.proof_form(cx, flow, of, Aal::Aal1),
            Ask::SecondFactor { of, .. } => self.proof_form(cx, flow, of, Aal::Aal2),
            Ask::Register | Ask::RegisterCredential { .. } if is_passwordless(cx.snapshot) => {
                self.registration_form(cx, flow)
            }
            Ask::Change { of } => self.settings_form(cx, flow, of),
            _ => Ok(Vec::new()),
        }
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        match flow.kind() {
            Kind::Registration => register(cx, flow, input),
            Kind::Settings => self.change(cx, flow, input).await,
            _ => self.log_in(cx, flow, input).await,
        }
    }
}

fn is_passwordless(snapshot: &Snapshot) -> bool {
    config(snapshot).is_some_and(|config| config.passwordless)
}

fn config(snapshot: &Snapshot) -> Option<&WebauthnConfig> {
    snapshot.selfservice.methods.webauthn.config.as_ref()
}

/// Who we are to keys. They need not know the person: a key is a thing that one has.
fn party<'a>(cx: &Cx<'a>) -> Result<Party<'a>> {
    let party = config(cx.snapshot).and_then(|config| config.rp.as_ref());
    let party = party.ok_or_else(|| Problem::Misconfigured("Security keys need webauthn.config.rp.".to_owned()))?;
    let origins = match (&party.origin, &party.origins) {
        (_, Some(origins)) => origins.clone(),
        (Some(origin), None) => vec![origin.clone()],
        (None, None) => ceremony::usual_origins(cx, &party.id),
    };
    Ok(Party {
        id: &party.id,
        name: &party.display_name,
        origins,
        verification: Preference::Discouraged,
        selection: json!({ "userVerification": ceremony::word(Preference::Discouraged) }),
        attestation: None,
        patience: [None, None],
    })
}

/// What a key proves: by what it is, not by how the server is configured now.
fn proof(cx: &Cx<'_>, key: &Key) -> AuthenticationMethod {
    AuthenticationMethod::new(MethodName::Webauthn, level(key), cx.clock.now())
}

fn level(key: &Key) -> Aal {
    if key.is_passwordless { Aal::Aal1 } else { Aal::Aal2 }
}
