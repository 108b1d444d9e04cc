//! How secrets are stored that have to be read again: those of authenticator apps and of backup codes. The whole `config`
//! of such a credential is encrypted under `secrets.cipher`, with the identity and the type as associated data, so that
//! neither a copy of the database gives a second factor away nor one identity's can be put in place of another's.
//!
//! Without these secrets it is stored as it is. What is stored unencrypted, or by the first version of the format, which
//! named the type alone, stays readable and is written anew with its next change, or by `zelos secrets re-encrypt`;
//! `security.credentials.require_encrypted` refuses it. Only the methods and the admin API decrypt it; see
//! `docs/decisions/0008-second-factors-at-rest.md`.

use super::{Credential, CredentialType, Identity};
use crate::{
    id::IdentityId,
    rng::Rng,
    sealed::{Domain, Keys},
    secret::Secret,
};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The one member of an encrypted `config`.
const SEALED: &str = "sealed";

/// What the present version of the format begins with. The first one has no prefix; base64 has no dot.
const VERSION: &str = "v2.";

/// The types whose `config` is encrypted; all others hold no secret, or only a hash of one.
pub const ENCRYPTED: [CredentialType; 2] = [CredentialType::Totp, CredentialType::LookupSecret];

/// Encrypts and decrypts the `config` of credentials.
#[derive(Debug, Clone)]
pub struct Cipher {
    keys: Keys,
    is_required: bool,
}

/// What re-encryption makes of a credential.
#[derive(Debug, Clone, PartialEq)]
pub enum Renewal {
    /// It is encrypted under the first secret, in the present version of the format.
    Current,
    /// The `config` to store.
    Renewed(Value),
    /// None of the secrets decrypts it.
    Unreadable,
}

impl Cipher {
    /// The cipher of `secrets.cipher`. `is_required`: what is not encrypted for its identity is not accepted.
    pub fn new(secrets: &[Secret], is_required: bool) -> Self {
        Self { keys: Keys::derive(Domain::Cipher, secrets), is_required }
    }

    /// Whether nothing can be encrypted: there are no `secrets.cipher`.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether credentials that are not encrypted for their identity are refused.
    pub fn is_required(&self) -> bool {
        self.is_required && !self.is_empty()
    }

    /// The stored form of a `config`.
    pub fn seal(&self, rng: &dyn Rng, identity: IdentityId, kind: CredentialType, config: Value) -> Value {
        if !ENCRYPTED.contains(&kind) || self.is_empty() {
            return config;
        }
        let sealed = self.keys.seal(rng, &purpose(identity, kind), config.to_string().as_bytes());
        json!({ SEALED: format!("{VERSION}{sealed}") })
    }

    /// The `config` as its method and the wire know it; none if its secret is gone, if it was encrypted for another
    /// identity, or if it is not encrypted although it has to be.
    pub fn open<'a>(&self, identity: IdentityId, credential: &'a Credential) -> Option<Cow<'a, Value>> {
        let kind = credential.kind;
        if !ENCRYPTED.contains(&kind) {
            return Some(Cow::Borrowed(&credential.config));
        }
        let opened = match stored(credential) {
            Stored::Current(sealed) => self.keys.open(&purpose(identity, kind), sealed)?,
            Stored::First(_) | Stored::Plain if self.is_required() => return None,
            Stored::First(sealed) => self.keys.open(&first_purpose(kind), sealed)?,
            Stored::Plain => return Some(Cow::Borrowed(&credential.config)),
        };
        serde_json::from_slice(&opened).ok().map(Cow::Owned)
    }

    /// The `config` as administrators see it: an empty one if it cannot be decrypted.
    pub fn shown<'a>(&self, identity: IdentityId, credential: &'a Credential) -> Cow<'a, Value> {
        self.open(identity, credential).unwrap_or_else(|| Cow::Owned(json!({})))
    }

    /// What has to be stored for the credential to be encrypted under the first secret, for its identity.
    pub fn renew(&self, rng: &dyn Rng, identity: IdentityId, credential: &Credential) -> Renewal {
        if self.is_current(identity, credential) {
            return Renewal::Current;
        }
        let lenient = Self { keys: self.keys.clone(), is_required: false };
        match lenient.open(identity, credential) {
            Some(config) => Renewal::Renewed(self.seal(rng, identity, credential.kind, config.into_owned())),
            None => Renewal::Unreadable,
        }
    }

    /// Whether the credential is stored as it would be stored now.
    fn is_current(&self, identity: IdentityId, credential: &Credential) -> bool {
        let kind = credential.kind;
        match stored(credential) {
            _ if !ENCRYPTED.contains(&kind) || self.is_empty() => true,
            Stored::Current(sealed) => self.keys.open_current(&purpose(identity, kind), sealed).is_some(),
            Stored::First(_) | Stored::Plain => false,
        }
    }
}

/// Whether the credential is of a type that is encrypted, and is not encrypted for its identity.
pub fn is_unbound(credential: &Credential) -> bool {
    ENCRYPTED.contains(&credential.kind) && !matches!(stored(credential), Stored::Current(_))
}

impl Identity {
    /// Replaces each `config` by its stored form.
    pub fn seal_credentials(&mut self, cipher: &Cipher, rng: &dyn Rng) {
        for credential in &mut self.credentials {
            let config = std::mem::take(&mut credential.config);
            credential.config = cipher.seal(rng, self.id, credential.kind, config);
        }
    }
}

enum Stored<'a> {
    Current(&'a str),
    First(&'a str),
    Plain,
}

fn stored(credential: &Credential) -> Stored<'_> {
    match credential.config.get(SEALED).and_then(Value::as_str) {
        Some(sealed) => sealed.strip_prefix(VERSION).map_or(Stored::First(sealed), Stored::Current),
        None => Stored::Plain,
    }
}

/// The associated data.
fn purpose(identity: IdentityId, kind: CredentialType) -> String {
    format!("credential {} of {identity}", kind.as_str())
}

/// The associated data of the first version.
fn first_purpose(kind: CredentialType) -> String {
    format!("credential {}", kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::CredentialId, rng::SeededRng};
    use time::OffsetDateTime;
    use uuid::Uuid;

    const ADA: IdentityId = IdentityId(Uuid::from_u128(1));
    const BOB: IdentityId = IdentityId(Uuid::from_u128(2));

    fn secrets(secrets: &[&str]) -> Vec<Secret> {
        secrets.iter().map(|text| Secret::new(*text)).collect()
    }

    fn cipher(of: &[&str]) -> Cipher {
        Cipher::new(&secrets(of), false)
    }

    fn strict(of: &[&str]) -> Cipher {
        Cipher::new(&secrets(of), true)
    }

    fn credential(kind: CredentialType, config: Value) -> Credential {
        let at = OffsetDateTime::UNIX_EPOCH;
        let id = CredentialId(Uuid::nil());
        Credential { id, kind, identifiers: Vec::new(), config, version: 1, created_at: at, updated_at: at }
    }

    fn config() -> Value {
        json!({ "totp_url": "otpauth://totp/a?secret=GEZDGNBV" })
    }

    /// As the first version stored it.
    fn first_version(secret: &str) -> Credential {
        let keys = Keys::derive(Domain::Cipher, &secrets(&[secret]));
        let sealed = keys.seal(&SeededRng::new(1), "credential totp", config().to_string().as_bytes());
        credential(CredentialType::Totp, json!({ SEALED: sealed }))
    }

    #[test]
    fn config_is_encrypted_and_opens_under_any_of_the_secrets() {
        let rng = SeededRng::new(1);
        let stored = cipher(&["old"]).seal(&rng, ADA, CredentialType::Totp, config());
        assert!(!stored.to_string().contains("GEZDGNBV"));
        let totp = credential(CredentialType::Totp, stored.clone());
        for cipher in [cipher(&["new", "old"]), strict(&["new", "old"])] {
            assert_eq!(cipher.open(ADA, &totp).as_deref(), Some(&config()));
        }
        assert_eq!(cipher(&["new"]).open(ADA, &totp), None);
        assert_eq!(*cipher(&["new"]).shown(ADA, &totp), json!({}));
        assert_eq!(cipher(&["old"]).open(ADA, &credential(CredentialType::LookupSecret, stored)), None);
    }

    #[test]
    fn config_of_one_identity_does_not_open_for_another() {
        let stored = cipher(&["any"]).seal(&SeededRng::new(1), ADA, CredentialType::Totp, config());
        let totp = credential(CredentialType::Totp, stored);
        assert_eq!(cipher(&["any"]).open(BOB, &totp), None);
        assert_eq!(cipher(&["any"]).renew(&SeededRng::new(2), BOB, &totp), Renewal::Unreadable);
    }

    #[test]
    fn what_is_not_encrypted_for_its_identity_opens_unless_that_is_required() {
        let plain = credential(CredentialType::Totp, config());
        for stored in [plain, first_version("any")] {
            assert_eq!(cipher(&["any"]).open(ADA, &stored).as_deref(), Some(&config()));
            assert_eq!(strict(&["any"]).open(ADA, &stored), None);
            assert!(is_unbound(&stored));
        }
        assert_eq!(strict(&[]).open(ADA, &credential(CredentialType::Totp, config())).as_deref(), Some(&config()));
        assert_eq!(cipher(&[]).seal(&SeededRng::new(1), ADA, CredentialType::Totp, config()), config());
    }

    #[test]
    fn renewal_ends_with_the_first_secret_and_the_present_version() {
        let rng = SeededRng::new(1);
        let rotated = strict(&["new", "old"]);
        let by_old = cipher(&["old"]).seal(&rng, ADA, CredentialType::Totp, config());
        let before = [
            credential(CredentialType::Totp, config()),
            first_version("old"),
            credential(CredentialType::Totp, by_old),
        ];
        for stored in before {
            let Renewal::Renewed(renewed) = rotated.renew(&rng, ADA, &stored) else { panic!("{stored:?}") };
            let renewed = credential(CredentialType::Totp, renewed);
            assert_eq!(strict(&["new"]).open(ADA, &renewed).as_deref(), Some(&config()));
            assert_eq!(rotated.renew(&rng, ADA, &renewed), Renewal::Current);
        }
        assert_eq!(strict(&["other"]).renew(&rng, ADA, &first_version("old")), Renewal::Unreadable);
    }

    #[test]
    fn hashes_are_stored_as_they_are() {
        let config = json!({ "hashed_password": "$2a$x", "sealed": "x" });
        let kind = CredentialType::Password;
        assert_eq!(strict(&["any"]).seal(&SeededRng::new(1), ADA, kind, config.clone()), config);
        let password = credential(kind, config.clone());
        assert_eq!(strict(&["any"]).open(ADA, &password).as_deref(), Some(&config));
        assert_eq!(strict(&["any"]).renew(&SeededRng::new(1), ADA, &password), Renewal::Current);
        assert!(!is_unbound(&password));
    }
}
