//! How secrets are stored that have to be read again: those of authenticator apps and of backup codes. The whole `config`
//! of such a credential is sealed under `secrets.cipher`; whoever copies the database alone has no second factor.
//!
//! Without these secrets it is stored as it is, and what is stored so stays readable when there are some: it is sealed
//! with the next change. Only the methods and the doors of administrators open it; see `docs/decisions`.

use super::{Credential, CredentialType};
use crate::{rng::Rng, sealed::Keys};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The one member of a sealed `config`.
const SEALED: &str = "sealed";

/// The stored form of a `config`.
pub fn seal(keys: &Keys, rng: &dyn Rng, kind: CredentialType, config: Value) -> Value {
    match purpose(kind) {
        Some(purpose) if !keys.is_empty() => json!({ SEALED: keys.seal(rng, purpose, config.to_string().as_bytes()) }),
        _ => config,
    }
}

/// The `config` as its method and the wire know it; none if the secret that it was sealed under is gone.
pub fn open<'a>(keys: &Keys, credential: &'a Credential) -> Option<Cow<'a, Value>> {
    match (purpose(credential.kind), credential.config.get(SEALED).and_then(Value::as_str)) {
        (Some(purpose), Some(sealed)) => {
            let opened = keys.open(purpose, sealed)?;
            serde_json::from_slice(&opened).ok().map(Cow::Owned)
        }
        _ => Some(Cow::Borrowed(&credential.config)),
    }
}

/// The `config` as administrators see it: an empty one if it cannot be opened.
pub fn shown<'a>(keys: &Keys, credential: &'a Credential) -> Cow<'a, Value> {
    open(keys, credential).unwrap_or_else(|| Cow::Owned(json!({})))
}

/// What binds a sealed `config` to its type; none for types that hold no secret, or only a hash of one.
fn purpose(kind: CredentialType) -> Option<&'static str> {
    match kind {
        CredentialType::Totp => Some("credential totp"),
        CredentialType::LookupSecret => Some("credential lookup_secret"),
        CredentialType::Password
        | CredentialType::Oidc
        | CredentialType::Saml
        | CredentialType::Webauthn
        | CredentialType::Passkey
        | CredentialType::Code
        | CredentialType::Deviceauthn => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::CredentialId, rng::SeededRng, secret::Secret};
    use time::OffsetDateTime;

    fn keys(secrets: &[&str]) -> Keys {
        Keys::derive(&secrets.iter().map(|text| Secret::new(*text)).collect::<Vec<_>>())
    }

    fn credential(kind: CredentialType, config: Value) -> Credential {
        let at = OffsetDateTime::UNIX_EPOCH;
        let id = CredentialId(uuid::Uuid::nil());
        Credential { id, kind, identifiers: Vec::new(), config, version: 1, created_at: at, updated_at: at }
    }

    #[test]
    fn a_secret_is_sealed_and_opens_under_any_of_the_secrets() {
        let rng = SeededRng::new(1);
        let config = json!({ "totp_url": "otpauth://totp/a?secret=GEZDGNBV" });
        let stored = seal(&keys(&["old"]), &rng, CredentialType::Totp, config.clone());
        assert!(!stored.to_string().contains("GEZDGNBV"));
        let totp = credential(CredentialType::Totp, stored.clone());
        assert_eq!(open(&keys(&["new", "old"]), &totp).as_deref(), Some(&config));
        assert_eq!(open(&keys(&["new"]), &totp), None);
        assert_eq!(*shown(&keys(&["new"]), &totp), json!({}));
        assert_eq!(open(&keys(&["old"]), &credential(CredentialType::LookupSecret, stored)), None);
    }

    #[test]
    fn what_was_stored_readable_stays_so() {
        let config = json!({ "totp_url": "otpauth://totp/a?secret=GEZDGNBV" });
        assert_eq!(seal(&keys(&[]), &SeededRng::new(1), CredentialType::Totp, config.clone()), config);
        let totp = credential(CredentialType::Totp, config.clone());
        assert_eq!(open(&keys(&["any"]), &totp).as_deref(), Some(&config));
    }

    #[test]
    fn hashes_are_stored_as_they_are() {
        let config = json!({ "hashed_password": "$2a$x", "sealed": "x" });
        assert_eq!(seal(&keys(&["any"]), &SeededRng::new(1), CredentialType::Password, config.clone()), config);
        let password = credential(CredentialType::Password, config.clone());
        assert_eq!(open(&keys(&["any"]), &password).as_deref(), Some(&config));
    }
}
