//! A person who was written down with everything they have, read back: what [`super::json::IdentityView`] shows with all
//! credentials. Ids, times and what is known of addresses stay; only the ids of credentials are nobody's business, and new.

use super::{Credential, CredentialType, Identity, RecoveryAddress, State, VerifiableAddress, json::Rfc3339};
use crate::{
    id::{CredentialId, IdentityId},
    session::Aal,
    storable,
};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported {
    id: IdentityId,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    credentials: Map<String, Value>,
    schema_id: String,
    /// Depends on the configuration of the moment.
    #[serde(default, rename = "schema_url")]
    _schema_url: IgnoredAny,
    #[serde(default)]
    state: State,
    #[serde(default)]
    state_changed_at: Option<Rfc3339>,
    traits: Value,
    #[serde(default)]
    verifiable_addresses: Vec<VerifiableAddress>,
    #[serde(default)]
    recovery_addresses: Vec<RecoveryAddress>,
    #[serde(default)]
    metadata_public: Value,
    #[serde(default)]
    metadata_admin: Value,
    created_at: Rfc3339,
    updated_at: Rfc3339,
    #[serde(default)]
    organization_id: Option<Uuid>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportedCredential {
    #[serde(default, rename = "type")]
    _kind: IgnoredAny,
    #[serde(default)]
    identifiers: Vec<String>,
    config: Option<Value>,
    #[serde(default)]
    version: i32,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// Whether it was written by an export, or by the list of an admin API; what describes somebody new has neither.
pub fn is_one(person: &Value) -> bool {
    person.get("id").is_some() && person.get("created_at").is_some()
}

/// The person, with new ids for the credentials. The assurance is to be worked out by whoever knows the methods.
///
/// # Errors
/// What is wrong with it, quoting nothing of it but names of members.
pub fn read(person: Value, mut id: impl FnMut() -> Uuid) -> Result<Identity, String> {
    storable::document(&person).map_err(|why| format!("it cannot be kept: {why}"))?;
    let exported: Exported = typed(person)?;
    if !exported.traits.is_object() {
        return Err("traits is no map".to_owned());
    }
    let mut credentials = Vec::with_capacity(exported.credentials.len());
    for (name, credential) in exported.credentials {
        let kind: CredentialType = name.parse().map_err(|()| "a credential is of no known type".to_owned())?;
        let of = |why: String| format!("credentials.{name}: {why}");
        let credential: ExportedCredential = typed(credential).map_err(of)?;
        let config = credential.config.ok_or_else(|| of("it was written down without its config".to_owned()))?;
        let mut identifiers = credential.identifiers;
        identifiers.sort_unstable();
        identifiers.dedup();
        credentials.push(Credential {
            id: CredentialId(id()),
            kind,
            identifiers,
            config,
            version: credential.version,
            created_at: credential.created_at.0,
            updated_at: credential.updated_at.0,
        });
    }
    credentials.sort_unstable_by_key(|credential| credential.kind.as_str());
    let identity = Identity {
        id: exported.id,
        external_id: exported.external_id.filter(|id| !id.is_empty()),
        schema_id: exported.schema_id,
        state: exported.state,
        state_changed_at: exported.state_changed_at.map(|at| at.0),
        traits: exported.traits,
        indexed: None,
        metadata_public: exported.metadata_public,
        metadata_admin: exported.metadata_admin,
        verifiable_addresses: exported.verifiable_addresses,
        recovery_addresses: exported.recovery_addresses,
        credentials,
        available_aal: Aal::Aal0,
        organization_id: exported.organization_id,
        created_at: exported.created_at.0,
        updated_at: exported.updated_at.0,
        version: 1,
    };
    are_keys(&identity).map_err(|why| format!("an identifier, an address or the external id cannot be kept: {why}"))?;
    Ok(identity)
}

/// Whether everything that the person is found by can stand in an index.
fn are_keys(identity: &Identity) -> Result<(), storable::Unstorable> {
    let identifiers = identity.credentials.iter().flat_map(|credential| &credential.identifiers);
    let verifiable = identity.verifiable_addresses.iter().map(|address| &address.value);
    let recovery = identity.recovery_addresses.iter().map(|address| &address.value);
    let mut keys = identity.external_id.iter().chain(identifiers).chain(verifiable).chain(recovery);
    keys.try_for_each(|key| storable::key(key))
}

/// Reads what an export holds. An error names the member; values of the identity stay out of it.
fn typed<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error: serde_path_to_error::Error<serde_json::Error>| {
        let (path, text) = (error.path().to_string(), error.inner().to_string());
        let is_plain =
            ["missing field", "unknown field", "duplicate field", "it is "].iter().any(|start| text.starts_with(start));
        let why = if is_plain { text.as_str() } else { "is of another kind than exports have" };
        if path == "." { why.to_owned() } else { format!("{path}: {why}") }
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::json::{IdentityView, Show, Shown},
        *,
    };
    use crate::identity::at_rest::Cipher;
    use serde_json::json;

    fn exported() -> Value {
        json!({
            "id": "0190e0e0-0000-4000-8000-000000000001",
            "external_id": "customer-1",
            "credentials": {
                "code": {
                    "type": "code", "identifiers": ["ada@example.org"],
                    "config": { "addresses": [{ "channel": "email", "address": "ada@example.org" }] },
                    "version": 1, "created_at": "2026-11-25T16:27:43.425973Z", "updated_at": "2026-11-25T16:27:43.425973Z",
                },
                "password": {
                    "type": "password", "identifiers": ["ada", "ada@example.org"], "config": { "hashed_password": "$2a$" },
                    "version": 1, "created_at": "2026-11-25T16:27:43.425973Z", "updated_at": "2026-11-25T16:27:44Z",
                },
            },
            "schema_id": "default",
            "state": "inactive",
            "state_changed_at": "2026-11-25T16:27:43.412072Z",
            "traits": { "email": "ada@example.org" },
            "verifiable_addresses": [{
                "id": "0190e0e0-0000-4000-8000-000000000002", "value": "ada@example.org", "verified": true, "via": "email",
                "status": "completed", "verified_at": "2026-11-25T16:27:43Z", "created_at": "2026-11-25T16:27:43Z",
                "updated_at": "2026-11-25T16:27:43Z",
            }],
            "recovery_addresses": [{
                "id": "0190e0e0-0000-4000-8000-000000000003", "value": "ada@example.org", "via": "email",
                "created_at": "2026-11-25T16:27:43Z", "updated_at": "2026-11-25T16:27:43Z",
            }],
            "metadata_public": { "a": [1, null] },
            "metadata_admin": null,
            "created_at": "2026-11-25T16:27:43.413312Z",
            "updated_at": "2026-11-25T16:27:43.413312Z",
            "organization_id": null,
        })
    }

    fn read_back(person: Value) -> Result<Identity, String> {
        read(person, Uuid::nil)
    }

    #[test]
    fn what_was_written_down_is_read_back() {
        let identity = read_back(exported()).unwrap();
        let shown = Shown { types: &CredentialType::ALL, cipher: &Cipher::new(&[], false) };
        let view = IdentityView {
            identity: &identity,
            schema_url: None,
            addresses: true,
            metadata_admin: Show::Always,
            credentials: Some(shown),
        };
        assert_eq!(serde_json::to_value(&view).unwrap(), exported());
    }

    #[test]
    fn what_is_missing_or_too_much_is_told_without_quoting_anybody() {
        for (pointer, value, reason) in [
            ("/nickname", json!("x"), "unknown field"),
            ("/id", json!("ada@example.org"), "another kind"),
            ("/traits", json!(["ada@example.org"]), "traits is no map"),
            ("/credentials/telepathy", json!({}), "no known type"),
            ("/credentials/password", json!({}), "credentials.password: missing field"),
            ("/external_id", json!("x".repeat(1000)), "cannot be kept"),
            ("/traits/email", json!("a\0b"), "cannot be kept"),
            ("/created_at", json!("yesterday"), "created_at: it is not a time"),
            ("/updated_at", json!("9999-12-31T23:59:59-23:59"), "updated_at: it is outside of the years"),
            (
                "/credentials/code/created_at",
                json!("0000-01-01T00:00:00+00:01"),
                "credentials.code: created_at: it is outside",
            ),
            (
                "/verifiable_addresses/0/verified_at",
                json!("0000-01-01T00:00:00+23:59"),
                "verifiable_addresses[0].verified_at: it is",
            ),
        ] {
            let mut person = exported();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            person.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
            let said = read_back(person).unwrap_err();
            assert!(said.contains(reason) && !said.contains("ada@"), "{pointer}: {said}");
        }
        let mut listed = exported();
        listed["credentials"]["password"].as_object_mut().unwrap().shift_remove("config");
        assert!(read_back(listed).unwrap_err().contains("without its config"));
    }

    #[test]
    fn somebody_new_has_no_id_and_no_time() {
        assert!(is_one(&exported()));
        assert!(!is_one(&json!({ "schema_id": "default", "traits": {} })));
    }
}
