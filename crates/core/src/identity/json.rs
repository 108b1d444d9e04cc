//! The wire's view of a person.
//!
//! What the person may see of themselves is asked for on every request of every visitor, so it is rendered once, when
//! the identity is written, and stored beside it as its *document*: `schema_url` is left out, since it depends on the
//! configuration of the moment, and spliced in by [`with_schema_url`].

use super::{Credential, CredentialType, Identity, at_rest::Cipher};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;
use time::OffsetDateTime;
use url::Url;

/// A time as the wire writes it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Rfc3339(#[serde(with = "crate::timestamp")] pub OffsetDateTime);

/// Where the schema of an identity can be read.
pub fn schema_url(public: &Url, schema_id: &str) -> String {
    format!("{}schemas/{}", with_slash(public), URL_SAFE_NO_PAD.encode(schema_id))
}

/// The base URL with exactly one slash at its end.
pub fn with_slash(base: &Url) -> String {
    format!("{}/", base.as_str().trim_end_matches('/'))
}

/// The stored document: what the person may see of themselves, without `schema_url`.
pub fn document(identity: &Identity) -> String {
    serde_json::to_string(&document_view(identity)).unwrap_or_default()
}

/// What [`document`] writes.
pub fn document_view(identity: &Identity) -> IdentityView<'_> {
    IdentityView { identity, schema_url: None, addresses: true, metadata_admin: Show::Never, credentials: None }
}

/// The document with its `schema_url`, ready to be placed in an answer.
pub fn with_schema_url(document: &str, schema_url: &str) -> Box<RawValue> {
    let url = serde_json::to_string(schema_url).unwrap_or_default();
    let rest = document.strip_prefix('{').unwrap_or("}");
    RawValue::from_string(format!("{{\"schema_url\":{url},{rest}")).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// When `metadata_admin` is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Never,
    /// Left out when unset. // Quirk: the answer to a create or PUT lacks the key, every later one prints `null`.
    WhenSet,
    Always,
}

/// A view of an identity; serialise it.
#[derive(Debug)]
pub struct IdentityView<'a> {
    pub identity: &'a Identity,
    pub schema_url: Option<&'a str>,
    pub addresses: bool,
    pub metadata_admin: Show,
    pub credentials: Option<Shown<'a>>,
}

/// That credentials are shown, and of which types with their `config`.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub types: &'a [CredentialType],
    /// What decrypts those that are encrypted; one that cannot be decrypted is shown empty.
    pub cipher: &'a Cipher,
}

impl Serialize for IdentityView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let identity = self.identity;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &identity.id)?;
        if let Some(external_id) = &identity.external_id {
            map.serialize_entry("external_id", external_id)?;
        }
        if let Some(shown) = self.credentials.filter(|_| !identity.credentials.is_empty()) {
            map.serialize_entry("credentials", &Credentials { identity, shown })?;
        }
        map.serialize_entry("schema_id", &identity.schema_id)?;
        if let Some(url) = self.schema_url {
            map.serialize_entry("schema_url", url)?;
        }
        map.serialize_entry("state", &identity.state)?;
        if let Some(at) = identity.state_changed_at {
            map.serialize_entry("state_changed_at", &Rfc3339(at))?;
        }
        map.serialize_entry("traits", &identity.traits)?;
        if self.addresses && !identity.verifiable_addresses.is_empty() {
            map.serialize_entry("verifiable_addresses", &identity.verifiable_addresses)?;
        }
        if self.addresses && !identity.recovery_addresses.is_empty() {
            map.serialize_entry("recovery_addresses", &identity.recovery_addresses)?;
        }
        map.serialize_entry("metadata_public", &identity.metadata_public)?;
        let set = identity.metadata_admin != Value::Null;
        if self.metadata_admin == Show::Always || (self.metadata_admin == Show::WhenSet && set) {
            map.serialize_entry("metadata_admin", &identity.metadata_admin)?;
        }
        map.serialize_entry("created_at", &Rfc3339(identity.created_at))?;
        map.serialize_entry("updated_at", &Rfc3339(identity.updated_at))?;
        map.serialize_entry("organization_id", &identity.organization_id)?;
        map.end()
    }
}

struct Credentials<'a> {
    identity: &'a Identity,
    shown: Shown<'a>,
}

impl Serialize for Credentials<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.identity.credentials.len()))?;
        for credential in &self.identity.credentials {
            let is_shown = self.shown.types.contains(&credential.kind);
            let config = is_shown.then(|| self.shown.cipher.shown(self.identity.id, credential));
            map.serialize_entry(credential.kind.as_str(), &CredentialView { credential, config })?;
        }
        map.end()
    }
}

struct CredentialView<'a> {
    credential: &'a Credential,
    config: Option<Cow<'a, Value>>,
}

impl Serialize for CredentialView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let credential = self.credential;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &credential.kind)?;
        map.serialize_entry("identifiers", &credential.identifiers)?;
        if let Some(config) = &self.config {
            map.serialize_entry("config", config)?;
        }
        map.serialize_entry("version", &credential.version)?;
        map.serialize_entry("created_at", &Rfc3339(credential.created_at))?;
        map.serialize_entry("updated_at", &Rfc3339(credential.updated_at))?;
        map.end()
    }
}
