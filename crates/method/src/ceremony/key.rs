//! Keys as they are stored: Kratos' shape to the letter, so that what is imported from there needs no translation. Public
//! keys are no secret, so nothing of it is sealed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use zelos_core::{
    identity::{Credential, CredentialType, Identity},
    problem::{Problem, Result},
    text::catalog,
};
use zelos_flow::{Cx, identities};

/// Keys that a person may have of a kind: each is written, and shown, with all the others.
const MOST: usize = 64;

/// The `config` of a credential of type `webauthn` or `passkey`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Keys {
    #[serde(default, deserialize_with = "or_none")]
    pub(crate) credentials: Vec<Key>,
    /// Whom the authenticators know: of passkeys, the one made last.
    #[serde(default, with = "bytes")]
    pub(crate) user_handle: Vec<u8>,
}

/// One key on one authenticator.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Key {
    #[serde(with = "bytes")]
    pub(crate) id: Vec<u8>,
    /// COSE, as the authenticator gave it.
    #[serde(with = "bytes")]
    pub(crate) public_key: Vec<u8>,
    #[serde(default)]
    pub(crate) attestation_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authenticator: Option<Authenticator>,
    #[serde(default)]
    pub(crate) display_name: String,
    #[serde(default = "epoch", with = "zelos_core::timestamp")]
    pub(crate) added_at: OffsetDateTime,
    #[serde(default)]
    pub(crate) is_passwordless: bool,
    /// None for keys from before they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<Flags>,
    #[serde(default, deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub(crate) transport: Vec<String>,
    /// How the authenticator vouched for itself: kept as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) attestation: Option<Value>,
}

/// What is known of the authenticator.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Authenticator {
    /// The model.
    #[serde(default, with = "bytes")]
    pub(crate) aaguid: Vec<u8>,
    /// How often it has signed, by its own account; 0 if it does not count.
    #[serde(default)]
    pub(crate) sign_count: u32,
    /// It once told of fewer signatures than before: there may be two of them.
    #[serde(default)]
    pub(crate) clone_warning: bool,
}

/// What the authenticator said of itself.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Flags {
    #[serde(default)]
    pub(crate) user_present: bool,
    #[serde(default)]
    pub(crate) user_verified: bool,
    #[serde(default)]
    pub(crate) backup_eligible: bool,
    #[serde(default)]
    pub(crate) backup_state: bool,
}

impl Keys {
    /// The keys of a credential.
    pub(crate) fn of(credential: &Credential) -> Result<Self> {
        Self::read(&credential.config).map_err(|error| Problem::bug(format!("stored keys cannot be read: {error}")))
    }

    /// The same, if there are any that can be read.
    pub(crate) fn usable(credential: Option<&Credential>) -> Self {
        credential.and_then(|credential| Self::of(credential).ok()).unwrap_or_default()
    }

    /// Those of that kind that somebody has; none is no problem.
    pub(crate) fn held(by: &Identity, kind: CredentialType) -> Result<Self> {
        by.credential(kind).map_or_else(|| Ok(Self::default()), Self::of)
    }

    /// Gives them to the person in place of those of that kind that are there; without any left the credential goes.
    pub(crate) fn give(&self, cx: &Cx<'_>, to: &mut Identity, kind: CredentialType) -> Result<()> {
        if self.credentials.is_empty() {
            to.credentials.retain(|credential| credential.kind != kind);
        } else {
            identities::set_credential(cx.clock, cx.rng, to, kind, self.config()?);
        }
        Ok(())
    }

    fn read(config: &Value) -> serde_json::Result<Self> {
        Self::deserialize(config)
    }

    /// The stored form.
    pub(crate) fn config(&self) -> Result<Value> {
        serde_json::to_value(self).map_err(Problem::bug)
    }

    /// Those that an administrator brings along, laid over those that are there: by id.
    pub(crate) fn imported(config: &Value, known: Option<&Credential>, what: &str) -> Result<Self> {
        let unusable = |why: String| Problem::bad(format!("The configuration of {what} is not usable: {why}."));
        let given = Self::read(config).map_err(|error| unusable(error.to_string()))?;
        let mut keys = match known {
            Some(known) => Self::of(known)?,
            None => Self::default(),
        };
        for (index, key) in given.credentials.into_iter().enumerate() {
            super::verify::check_stored(&key).map_err(|why| unusable(format!("credentials.{index} {why}")))?;
            match keys.find_mut(&key.id) {
                Some(same) => *same = key,
                None => keys.credentials.push(key),
            }
        }
        if !given.user_handle.is_empty() {
            keys.user_handle = given.user_handle;
        }
        Ok(keys)
    }

    /// The person with these keys; the same person, if nothing was told of them that was not known.
    pub(crate) fn kept(&self, cx: &Cx<'_>, from: &Identity, kind: CredentialType) -> Result<Identity> {
        let (mut to, config) = (from.clone(), self.config()?);
        if to.credential(kind).is_none_or(|credential| credential.config != config) {
            identities::set_credential(cx.clock, cx.rng, &mut to, kind, config);
        }
        Ok(to)
    }

    /// The key of that id.
    pub(crate) fn find_mut(&mut self, id: &[u8]) -> Option<&mut Key> {
        self.credentials.iter_mut().find(|key| key.id == id)
    }

    /// Adds a new key; what is wrong with it is told at that field.
    pub(crate) fn add(&mut self, key: Key, field: &str) -> Result<()> {
        let refused = |why: &str| Err(Problem::field(field, catalog::invalid(why)));
        if self.find_mut(&key.id).is_some() {
            return refused("You have this one already.");
        }
        if self.credentials.len() >= MOST {
            return refused("You have as many as one can have: remove one first.");
        }
        self.credentials.push(key);
        Ok(())
    }

    /// Takes the key away that forms call so; none if there is no such key.
    pub(crate) fn remove(&mut self, hex: &str) -> Option<Key> {
        let position = self.credentials.iter().position(|key| key.hex() == hex)?;
        Some(self.credentials.remove(position))
    }
}

impl Key {
    /// How forms call it.
    pub(crate) fn hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.id)
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        if self.display_name.is_empty() { "unnamed" } else { &self.display_name }
    }
}

/// Go's zero time: what the original writes where nothing is known.
fn epoch() -> OffsetDateTime {
    time::macros::datetime!(0001-01-01 00:00 UTC)
}

/// A list that may be `null`.
fn or_none<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Bytes as base64 with padding; `null` for none is read, too.
mod bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        STANDARD.decode(text).map_err(|_| D::Error::custom("bytes must be written in base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use serde_json::json;

    fn key(id: u8) -> Key {
        serde_json::from_value(json!({ "id": STANDARD.encode([id]), "public_key": null })).unwrap()
    }

    #[test]
    fn a_key_is_added_once_and_so_many_are_the_most() {
        let mut keys = Keys::default();
        assert!(keys.add(key(0), "x").is_ok());
        assert!(matches!(keys.add(key(0), "x"), Err(Problem::Form(_))));
        assert!((1..64).all(|id| keys.add(key(id), "x").is_ok()));
        assert!(matches!(keys.add(key(64), "x"), Err(Problem::Form(_))));
        assert_eq!(keys.remove("3f").map(|key| key.id), Some(vec![63]));
        assert!(keys.remove("3f").is_none() && keys.add(key(64), "x").is_ok());
    }

    #[test]
    fn what_the_original_leaves_out_or_empty_is_read() {
        for config in [json!({}), json!({ "credentials": null, "user_handle": null })] {
            let keys = Keys::read(&config).unwrap();
            assert!(keys.credentials.is_empty() && keys.user_handle.is_empty());
        }
        let written = serde_json::to_value(key(1)).unwrap();
        assert_eq!(written["added_at"], "0001-01-01T00:00:00Z");
        assert!(["flags", "authenticator", "transport", "attestation"].iter().all(|name| written.get(name).is_none()));
        assert_eq!((key(1).name(), key(1).hex().as_str()), ("unnamed", "01"));
    }
}
