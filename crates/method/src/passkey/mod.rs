//! `passkey`: keys that know whom they belong to, so that nobody has to say who they are. The person is found by the user
//! handle that comes with the answer: 64 letters and digits, made with each key, and an identifier of the credential.
//!
//! `login`, `registration` and `settings` are what people do with them; what they share with security keys is in
//! `ceremony`. Native apps ask keys by means of their own: they get the options, and no scripts.

mod login;
mod registration;
mod settings;

use self::registration::register;
use crate::ceremony::{self, Keys, Party};
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::sync::LazyLock;
use url::Url;
use zelos_core::{
    config::methods::{Attachment, AttestationPreference, Preference},
    flow::{Channel, Detail, Flow, Kind},
    id::IdentityId,
    identity::{Credential, CredentialType, Identity},
    problem::{Problem, Result},
    schema::{Derived, PayloadSchema},
    session::{Aal, AuthenticationMethod, MethodName, Strength},
    snapshot::Snapshot,
    ui::{Group, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Step, identities};

static LOGIN: LazyLock<PayloadSchema> = LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/login.json")));
static REGISTRATION: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/registration.json")));
static SETTINGS: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/settings.json")));

/// Memory: the challenge that waits.
const CHALLENGE: &str = "passkey_challenge";

/// How long a user handle is.
const HANDLE: usize = 64;

/// The method.
#[derive(Debug, Clone)]
pub struct Passkey {
    script_integrity: String,
}

impl Passkey {
    /// The method; `script_integrity` is how browsers know the script again that talks to authenticators.
    pub fn new(script_integrity: String) -> Self {
        Self { script_integrity }
    }

    /// The script, where there is something that could run it.
    fn script(&self, cx: &Cx<'_>, flow: &Flow) -> Option<Node> {
        is_browser(flow).then(|| ceremony::nodes::script(cx, &self.script_integrity))
    }
}

#[async_trait]
impl Method for Passkey {
    fn id(&self) -> &'static str {
        "passkey"
    }

    fn group(&self) -> Group {
        Group::Passkey
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Registration | Kind::Settings)
            && snapshot.selfservice.methods.passkey.enabled
    }

    /// A passkey is no second factor.
    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        match flow.detail {
            Detail::Login { requested_aal, .. } if requested_aal != Aal::Aal2 => {
                input.method() == self.id() || input.given("passkey_login").is_some()
            }
            // Quirk: some front ends send `true` for a field that no script filled in (Kratos
            // selfservice/strategy/passkey/passkey_registration.go).
            Detail::Registration => input.given("passkey_register").is_some_and(|answer| answer != "true"),
            Detail::Settings { .. } => {
                ["passkey_settings_register", "passkey_remove"].iter().any(|name| input.given(name).is_some())
            }
            Detail::Login { .. } | Detail::Recovery { .. } | Detail::Verification => false,
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
        Some(CredentialType::Passkey)
    }

    /// Each key counts, as long as its person can be found by it.
    fn strength(&self, _snapshot: &Snapshot, _of: IdentityId, credential: &Credential) -> Strength {
        let is_named = credential.identifiers.iter().any(|name| !name.is_empty());
        let count = Keys::usable(Some(credential)).credentials.len();
        Strength { first: if is_named { count } else { 0 }, second: 0 }
    }

    async fn import(&self, _cx: &Cx<'_>, config: &Value, of: &Identity) -> Result<Value> {
        let keys = Keys::imported(config, of.credential(CredentialType::Passkey), self.id())?;
        if keys.credentials.is_empty() {
            return Err(Problem::bad("Passkeys are imported with at least one entry in credentials."));
        }
        if std::str::from_utf8(&keys.user_handle).map_or(true, str::is_empty) {
            let told = "Passkeys are imported with the user_handle that the authenticator knows, a text in base64: \
                        nobody can be found by them without it.";
            return Err(Problem::bad(told));
        }
        keys.config()
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        match ask {
            Ask::FirstFactor | Ask::Identify | Ask::Known { .. } => self.first_factor(cx, flow, ask),
            Ask::Reauth { of } => self.proof_form(cx, flow, of),
            Ask::Register | Ask::RegisterCredential { .. } => self.registration_form(cx, flow),
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

/// Who we are to authenticators, and what we ask of them.
fn party<'a>(cx: &Cx<'a>) -> Result<Party<'a>> {
    let config = &cx.snapshot.selfservice.methods.passkey.config;
    let missing = || Problem::Misconfigured("Passkeys need passkey.config.rp.".to_owned());
    let party = config.rp.as_ref().ok_or_else(missing)?;
    let origins = if party.origins.is_empty() {
        ceremony::usual_origins(cx, &party.id)
    } else {
        let origin = |text: &String| {
            let wrong = |error| Problem::Misconfigured(format!("passkey.config.rp.origins: {text:?}: {error}."));
            Url::parse(text).map_err(wrong)
        };
        party.origins.iter().map(origin).collect::<Result<_>>()?
    };
    let selection = &config.authenticator_selection;
    let mut wishes = Map::new();
    if let Some(attachment) = selection.attachment {
        let attachment = match attachment {
            Attachment::Platform => "platform",
            Attachment::CrossPlatform => "cross-platform",
        };
        wishes.insert("authenticatorAttachment".to_owned(), attachment.into());
    }
    wishes.insert("requireResidentKey".to_owned(), (selection.resident_key == Preference::Required).into());
    wishes.insert("residentKey".to_owned(), ceremony::word(selection.resident_key).into());
    wishes.insert("userVerification".to_owned(), ceremony::word(selection.user_verification).into());
    Ok(Party {
        id: &party.id,
        name: &party.display_name,
        origins,
        verification: selection.user_verification,
        selection: Value::Object(wishes),
        attestation: Some(match config.attestation.preference {
            AttestationPreference::None => "none",
            AttestationPreference::Indirect => "indirect",
            AttestationPreference::Direct => "direct",
            AttestationPreference::Enterprise => "enterprise",
        }),
        patience: [config.timeouts.registration, config.timeouts.login].map(|timeout| timeout.map(|timeout| *timeout)),
    })
}

/// What a passkey proves.
fn proof(cx: &Cx<'_>) -> AuthenticationMethod {
    AuthenticationMethod::new(MethodName::Passkey, Aal::Aal1, cx.clock.now())
}

/// What authenticators show as the person's name.
fn name(derived: &Derived) -> &str {
    let called = derived.passkey_display_name.as_deref();
    called.or_else(|| derived.identifiers_of(CredentialType::Webauthn).next()).unwrap_or_default()
}

/// The same, by the traits that somebody has; empty if they have none.
fn name_of(cx: &Cx<'_>, of: &Identity) -> String {
    identities::derived(cx, of).map(|derived| name(&derived).to_owned()).unwrap_or_default()
}

fn is_browser(flow: &Flow) -> bool {
    flow.channel == Channel::Browser
}
