//! What administrators send: the bodies of a create and of a PUT.
//!
//! A create is read strictly, so that a misspelt member is not lost; a PUT is not.
//! Quirk: that the two differ is the wire's (identity/handler.go).

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    identity::{AddressStatus, CredentialType, Via},
    storable,
};

/// The body of a create.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Create {
    pub(crate) schema_id: Option<String>,
    pub(crate) traits: Value,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) verifiable_addresses: Option<Vec<GivenAddress>>,
    pub(crate) recovery_addresses: Option<Vec<GivenRecoveryAddress>>,
    pub(crate) metadata_public: Value,
    pub(crate) metadata_admin: Value,
    pub(crate) state: Option<String>,
    pub(crate) organization_id: Option<Uuid>,
    pub(crate) external_id: Option<String>,
    /// Without effect: there is one region.
    region: Option<String>,
}

/// The body of a PUT: what it leaves out is cleared, but for the schema, the state and the credentials.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Update {
    pub(crate) schema_id: Option<String>,
    pub(crate) traits: Value,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) metadata_public: Value,
    pub(crate) metadata_admin: Value,
    pub(crate) state: Option<String>,
    pub(crate) external_id: Option<String>,
}

/// Credentials to take over, by type.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Credentials {
    password: Option<Given>,
    oidc: Option<Given>,
    saml: Option<Given>,
    totp: Option<Given>,
    lookup_secret: Option<Given>,
    webauthn: Option<Given>,
    passkey: Option<Given>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Given {
    config: Value,
}

impl Credentials {
    /// Those that were given.
    pub(crate) fn given(self) -> impl Iterator<Item = (CredentialType, Value)> {
        let all = [
            (CredentialType::Password, self.password),
            (CredentialType::Oidc, self.oidc),
            (CredentialType::Saml, self.saml),
            (CredentialType::Totp, self.totp),
            (CredentialType::LookupSecret, self.lookup_secret),
            (CredentialType::Webauthn, self.webauthn),
            (CredentialType::Passkey, self.passkey),
        ];
        all.into_iter().filter_map(|(kind, given)| Some((kind, given?.config)))
    }
}

/// An address whose verification is brought along. Ids and times of elsewhere are read and not kept.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenAddress {
    id: Value,
    pub(crate) value: String,
    pub(crate) verified: bool,
    pub(crate) via: Via,
    pub(crate) status: Option<AddressStatus>,
    #[serde(with = "zelos_core::timestamp::option")]
    pub(crate) verified_at: Option<OffsetDateTime>,
    created_at: Value,
    updated_at: Value,
}

impl Default for GivenAddress {
    fn default() -> Self {
        Self {
            id: Value::Null,
            value: String::new(),
            verified: false,
            via: Via::Email,
            status: None,
            verified_at: None,
            created_at: Value::Null,
            updated_at: Value::Null,
        }
    }
}

/// A recovery address is kept only where the schema finds it too, so nothing of it is needed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GivenRecoveryAddress {
    id: Value,
    value: String,
    via: Option<Via>,
    break_glass_for_organization: Value,
    created_at: Value,
    updated_at: Value,
}

/// The body of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Batch {
    pub(crate) identities: Option<Vec<BatchItem>>,
}

/// One item of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BatchItem {
    pub(crate) create: Option<Create>,
    /// Told back.
    pub(crate) patch_id: Option<Uuid>,
    /// Why it cannot be kept, if it cannot.
    #[serde(skip)]
    pub(crate) unusable: Option<String>,
}

impl Create {
    /// Whether a password is to be hashed.
    pub(crate) fn has_plain_password(&self) -> bool {
        let given = self.credentials.as_ref().and_then(|credentials| credentials.password.as_ref());
        given.and_then(|given| given.config.get("password")?.as_str()).is_some_and(|password| !password.is_empty())
    }
}

/// Reads the body of a batch. What cannot be kept of one item is a fault of that item.
///
/// # Errors
/// The text for the client.
pub(crate) fn batch(body: &[u8]) -> Result<Batch, String> {
    let mut value: Value = serde_json::from_slice(body).map_err(|error| fault(&error))?;
    let items = value.get_mut("identities").and_then(Value::as_array_mut);
    let unusable: Vec<Option<String>> = items
        .into_iter()
        .flatten()
        .map(|item| {
            let why = storable::document(item).err().map(|why| format!("the item is not usable: {why}"));
            if let (Some(_), Some(members)) = (&why, item.as_object_mut()) {
                members.shift_remove("create");
            }
            why
        })
        .collect();
    let mut batch: Batch = typed(value)?;
    for (item, why) in batch.identities.iter_mut().flatten().zip(unusable) {
        item.unusable = why;
    }
    Ok(batch)
}

/// Reads the body of a create.
///
/// # Errors
/// The text for the client; an unknown member is reported in the words that clients know.
pub(crate) fn create(body: &[u8]) -> Result<Create, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| fault(&error))?;
    storable::document(&value).map_err(|why| format!("the body is not usable: {why}"))?;
    typed(value)
}

/// Reads a body as what it is to be; an error names the member.
///
/// # Errors
/// The text for the client.
pub(crate) fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let text = fault(error.inner());
        match text.strip_prefix(UNUSABLE) {
            Some(why) if path != "." => format!("{UNUSABLE}{path}: {why}"),
            _ => text,
        }
    })
}

const UNUSABLE: &str = "the body is not usable: ";

fn fault(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`')) {
        Some((field, _)) => format!("json: unknown field \"{field}\""),
        None => format!("{UNUSABLE}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_is_read_strictly() {
        assert_eq!(create(br#"{"schema_url": "x"}"#).unwrap_err(), "json: unknown field \"schema_url\"");
        for body in ["", "{", "[1]", r#"{"state": 1}"#, r#"{"credentials": {"nope": {}}}"#] {
            assert!(create(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_kept_is_refused_by_the_name_of_its_member() {
        for at in ["0000-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"] {
            let body = format!(r#"{{"verifiable_addresses": [{{"value": "a@b.c", "verified_at": "{at}"}}]}}"#);
            let said = create(body.as_bytes()).unwrap_err();
            assert!(said.contains("verifiable_addresses[0].verified_at: it is outside of"), "{said}");
        }
        let body = r#"{"identities": [{"create": {"verifiable_addresses": [{"verified_at": "x"}]}}]}"#;
        let said = batch(body.as_bytes()).unwrap_err();
        assert!(said.contains("identities[0].create.verifiable_addresses[0].verified_at: it is not a time"), "{said}");
    }

    #[test]
    fn null_means_not_given() {
        let body = br#"{"schema_id": null, "credentials": null, "verifiable_addresses": null, "state": null}"#;
        assert!(create(body).unwrap().schema_id.is_none());
    }

    #[test]
    fn an_address_is_by_email_unless_it_says_otherwise() {
        let body = br#"{"verifiable_addresses": [{"value": "a@b.c", "verified": true}]}"#;
        let address = &create(body).unwrap().verifiable_addresses.unwrap()[0];
        assert_eq!((address.via, address.status, address.verified), (Via::Email, None, true));
    }
}
