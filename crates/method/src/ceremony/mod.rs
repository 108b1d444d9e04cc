//! What security keys and passkeys have in common: the two ceremonies of WebAuthn. In each the server sets a challenge, and
//! an authenticator answers it: with a new key, or with a signature of a key that it has.
//!
//! [`key`] is how keys are stored, [`models`] what those without a name are called, [`verify`] the only place that knows the library which judges answers, [`nodes`] what
//! both put into forms. Here are the challenges, and the options that go to browsers: the wire's, member for member.
//!
//! A challenge is good for one answer. It waits in the flow's memory, is taken away by whoever judges an answer, and the
//! flow is written with a guard: of two answers at once one is judged.

pub(crate) mod key;
mod models;
pub(crate) mod nodes;
pub(crate) mod verify;

pub(crate) use key::{Key, Keys};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;
use zelos_core::{
    config::methods::Preference,
    flow::Flow,
    problem::{Problem, Result},
    text::catalog,
};
use zelos_flow::Cx;

/// How long people may take, unless the configuration says: longer where the authenticator has to know them.
const PATIENCE: Duration = Duration::from_mins(5);
const PATIENCE_WITHOUT_PROOF: Duration = Duration::from_mins(2);

/// Who we are to authenticators, and what we ask of them.
pub(crate) struct Party<'a> {
    /// The domain.
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    /// Where answers may come from.
    pub(crate) origins: Vec<Url>,
    /// Whether the authenticator has to know the person, by a PIN or a finger.
    pub(crate) verification: Preference,
    /// What else the wire asks for when a key is made: `authenticatorSelection` and `attestation`.
    pub(crate) selection: Value,
    pub(crate) attestation: Option<&'static str>,
    /// How long browsers wait for a new key, and for a signature.
    pub(crate) patience: [Option<Duration>; 2],
}

/// A challenge that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) bytes: Vec<u8>,
    /// Whom it was set: a user handle for a new key, a person for a signature, nothing for whoever comes.
    pub(crate) whom: Vec<u8>,
}

impl Challenge {
    /// The challenge that waits under `memory` if it was set to the same, else a new one.
    pub(crate) fn set(cx: &Cx<'_>, flow: &mut Flow, memory: &str, whom: &[u8]) -> Self {
        let waiting = Self::waiting(flow, memory).filter(|waiting| waiting.whom == whom);
        waiting.unwrap_or_else(|| Self::renew(cx, flow, memory, whom))
    }

    /// A new challenge in place of any that waits.
    pub(crate) fn renew(cx: &Cx<'_>, flow: &mut Flow, memory: &str, whom: &[u8]) -> Self {
        let challenge = Self { bytes: cx.rng.bytes::<32>().to_vec(), whom: whom.to_vec() };
        flow.memory.set(memory, json!({ "challenge": encode(&challenge.bytes), "whom": encode(whom) }));
        challenge
    }

    /// The challenge that waits.
    pub(crate) fn waiting(flow: &Flow, memory: &str) -> Option<Self> {
        let kept = flow.memory.get(memory)?;
        let part = |name: &str| decode(kept[name].as_str()?);
        Some(Self { bytes: part("challenge")?, whom: part("whom")? })
    }

    /// Takes the challenge away: whatever comes of it, no other answer to it is judged.
    ///
    /// # Errors
    /// None waits: the answer was given before, or to another flow.
    pub(crate) fn take(flow: &mut Flow, memory: &str) -> Result<Self> {
        let waiting = Self::waiting(flow, memory);
        flow.memory.remove(memory);
        waiting.ok_or_else(failed)
    }
}

impl Party<'_> {
    /// The options for `navigator.credentials.create()`.
    pub(crate) fn creation(&self, challenge: &Challenge, name: &str, existing: &[Key]) -> Value {
        let name = if name.is_empty() { self.name } else { name };
        let mut options = json!({
            "rp": { "name": self.name, "id": self.id },
            "user": { "name": name, "displayName": name, "id": encode(&challenge.whom) },
            "challenge": encode(&challenge.bytes),
            "pubKeyCredParams": verify::ALGORITHMS.map(|(number, _)| json!({ "type": "public-key", "alg": number })),
            "timeout": self.timeout(self.patience[0]),
        });
        if !existing.is_empty() {
            options["excludeCredentials"] = descriptors(existing.iter());
        }
        options["authenticatorSelection"] = self.selection.clone();
        if let Some(attestation) = self.attestation {
            options["attestation"] = attestation.into();
        }
        json!({ "publicKey": options })
    }

    /// The options for `navigator.credentials.get()`; no keys are for whoever comes.
    pub(crate) fn request<'k>(&self, challenge: &Challenge, keys: impl Iterator<Item = &'k Key>) -> Value {
        let mut options = json!({
            "challenge": encode(&challenge.bytes),
            "timeout": self.timeout(self.patience[1]),
            "rpId": self.id,
        });
        let keys = descriptors(keys);
        if keys.as_array().is_some_and(|keys| !keys.is_empty()) {
            options["allowCredentials"] = keys;
        }
        options["userVerification"] = word(self.verification).into();
        json!({ "publicKey": options })
    }

    /// Milliseconds.
    fn timeout(&self, configured: Option<Duration>) -> u64 {
        let usual = if self.verification == Preference::Discouraged { PATIENCE_WITHOUT_PROOF } else { PATIENCE };
        u64::try_from(configured.unwrap_or(usual).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Where answers may come from, if nothing is configured: the domain itself, and our own address.
pub(crate) fn usual_origins(cx: &Cx<'_>, id: &str) -> Vec<Url> {
    let public = &cx.snapshot.public;
    Url::parse(&format!("{}://{id}", public.scheme())).into_iter().chain([public.clone()]).collect()
}

/// The wire's word.
pub(crate) fn word(preference: Preference) -> &'static str {
    match preference {
        Preference::Required => "required",
        Preference::Preferred => "preferred",
        Preference::Discouraged => "discouraged",
    }
}

/// The answer does not hold.
pub(crate) fn failed() -> Problem {
    Problem::form(catalog::webauthn_failed())
}

fn descriptors<'k>(keys: impl Iterator<Item = &'k Key>) -> Value {
    let descriptor = |key: &Key| {
        let mut descriptor = json!({ "type": "public-key", "id": encode(&key.id) });
        if !key.transport.is_empty() {
            descriptor["transports"] = json!(key.transport);
        }
        descriptor
    };
    keys.map(descriptor).collect()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Browsers write no padding; other clients may.
fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}
