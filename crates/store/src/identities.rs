//! Identities with their credentials and addresses: one aggregate, written in guarded batches.
//!
//! What the person may see of themselves is stored as a rendered document, and read back from it: that way a look-up
//! is one statement. The rows of identifiers and addresses are how a person is found, and what keeps them unique.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    faults::{Faults, listed},
    page::{marks, padded},
    value::{NETWORK, Row, Value},
};
use serde::{Deserialize, de::DeserializeOwned};
use zelos_core::{
    id::{CredentialId, IdentityId},
    identity::{Credential, CredentialType, Identity, RecoveryAddress, State, VerifiableAddress, Via, json},
    session::{Aal, Person},
};

pub use crate::directory::{Filter, IdentifierFilter, count, list};

/// Guard: the identity was changed or deleted since it was read.
pub const VERSION: &str = "identity version";
/// Guard: there is no such identity.
pub const EXISTS: &str = "identity";

/// Constraint: the external id belongs to another identity.
pub const EXTERNAL_ID: &str = "identities_nid_external_id";
/// Constraint: the identifier belongs to another identity.
pub const IDENTIFIER: &str = "credential_identifiers_nid_type_identifier";
/// Constraint: the verifiable address belongs to another identity.
pub const VERIFIABLE_ADDRESS: &str = "verifiable_addresses_nid_via_value";
/// Constraint: the recovery address belongs to another identity.
pub const RECOVERY_ADDRESS: &str = "recovery_addresses_nid_via_value";

/// Adds a new identity with all it has. Its `version` is stored as it is.
pub fn insert(batch: &mut Batch, identity: &Identity) {
    insert_all(batch, std::iter::once(identity));
}

/// Adds many new identities, table by table, with as few statements as it takes.
pub fn insert_all<'a>(batch: &mut Batch, identities: impl Iterator<Item = &'a Identity> + Clone) {
    let rows: Vec<_> = identities.clone().map(|identity| row(batch, identity)).collect();
    batch.insert(
        "identities (nid, id, version, schema_id, external_id, state, state_changed_at, metadata_admin, \
         available_aal, organization_id, document, created_at, updated_at)",
        rows,
    );
    let of = |identity: &'a Identity| identity.id;
    let keys = identities.clone().flat_map(|identity| {
        identity.indexed.iter().flatten().map(move |(name, value)| (of(identity), name.as_str(), value.as_str()))
    });
    insert_index(batch, keys);
    let credentials = identities.clone().flat_map(|one| one.credentials.iter().map(move |of| (one.id, of)));
    insert_credentials(batch, credentials);
    let identifiers = identities.clone().flat_map(|one| {
        one.credentials.iter().flat_map(identifiers).map(move |(kind, identifier)| (kind, identifier, one.id))
    });
    insert_identifiers(batch, identifiers.collect());
    insert_verifiable(
        batch,
        identities.clone().flat_map(|one| one.verifiable_addresses.iter().map(move |of| (one.id, of))),
    );
    insert_recovery(batch, identities.flat_map(|one| one.recovery_addresses.iter().map(move |of| (one.id, of))));
}

fn row(batch: &mut Batch, identity: &Identity) -> [Value<'static>; 13] {
    [
        NETWORK,
        identity.id.into(),
        identity.version.into(),
        Value::from(&identity.schema_id).into_owned(),
        Value::from(identity.external_id.clone()),
        Value::from(identity.state.as_str()),
        identity.state_changed_at.into(),
        metadata_admin(batch, identity),
        Value::from(identity.available_aal.as_str()),
        identity.organization_id.into(),
        batch.json(&json::document_view(identity)),
        identity.created_at.into(),
        identity.updated_at.into(),
    ]
}

/// Changes an identity from what was read to what it shall be, with a statement for each difference. Both must hold
/// their credentials, or neither. Guarded by the version of `old`; the row gets the next one.
pub fn update(batch: &mut Batch, old: &Identity, new: &Identity) {
    let (metadata_admin, document) = (metadata_admin(batch, new), batch.json(&json::document_view(new)));
    batch.guarded(
        VERSION,
        Expect::Rows(1),
        "UPDATE identities SET version = ?, schema_id = ?, external_id = ?, state = ?, state_changed_at = ?, \
         metadata_admin = ?, available_aal = ?, organization_id = ?, document = ?, updated_at = ? \
         WHERE nid = ? AND id = ? AND version = ?",
        [
            (old.version + 1).into(),
            new.schema_id.as_str().into(),
            new.external_id.as_deref().into(),
            new.state.as_str().into(),
            new.state_changed_at.into(),
            metadata_admin,
            new.available_aal.as_str().into(),
            new.organization_id.into(),
            document,
            new.updated_at.into(),
            NETWORK,
            old.id.into(),
            old.version.into(),
        ],
    );
    update_index(batch, old, new);
    update_credentials(batch, old, new);
    update_addresses(batch, old, new);
}

/// Deletes an identity and, through the foreign keys, all that belongs to it.
pub fn delete(batch: &mut Batch, id: IdentityId) {
    let sql = "DELETE FROM identities WHERE nid = ? AND id = ?";
    batch.guarded(EXISTS, Expect::Rows(1), sql, [NETWORK, id.into()]);
}

fn metadata_admin(batch: &mut Batch, identity: &Identity) -> Value<'static> {
    if identity.metadata_admin.is_null() { Value::Json(None) } else { batch.json(&identity.metadata_admin) }
}

fn identifiers(credential: &Credential) -> impl Iterator<Item = (CredentialType, &str)> {
    credential.identifiers.iter().map(|identifier| (credential.kind, identifier.as_str()))
}

/// The index of traits follows the traits: that nobody has said what it is to hold is a bug, which the commit reports.
fn update_index(batch: &mut Batch, old: &Identity, new: &Identity) {
    if old.traits == new.traits && old.schema_id == new.schema_id {
        return;
    }
    match &new.indexed {
        Some(keys) => replace_index(batch, old.id, keys),
        None => batch.broken = Some("traits are changed without their index".to_owned()),
    }
}

/// Lets the index hold these values of the person, and no others.
pub(crate) fn replace_index(batch: &mut Batch, identity: IdentityId, keys: &[(String, String)]) {
    batch.add("DELETE FROM indexed_traits WHERE nid = ? AND identity_id = ?", [NETWORK, identity.into()]);
    insert_index(batch, keys.iter().map(|(name, value)| (identity, name.as_str(), value.as_str())));
}

fn insert_index<'a>(batch: &mut Batch, keys: impl Iterator<Item = (IdentityId, &'a str, &'a str)>) {
    batch.insert(
        "indexed_traits (nid, identity_id, name, value)",
        keys.map(|(identity, name, value)| [NETWORK, identity.into(), name.into(), value.into()]),
    );
}

/// Taken away before anything is added, so that a value can move from one row to another.
fn update_credentials(batch: &mut Batch, old: &Identity, new: &Identity) {
    let before: Vec<_> = old.credentials.iter().flat_map(identifiers).collect();
    let after: Vec<_> = new.credentials.iter().flat_map(identifiers).collect();
    for (kind, identifier) in before.iter().filter(|identifier| !after.contains(identifier)) {
        batch.add(
            "DELETE FROM credential_identifiers WHERE nid = ? AND identity_id = ? AND type = ? AND identifier = ?",
            [NETWORK, old.id.into(), kind.as_str().into(), (*identifier).into()],
        );
    }
    for credential in old.credentials.iter().filter(|credential| new.credential(credential.kind).is_none()) {
        batch.add(
            "DELETE FROM credentials WHERE nid = ? AND identity_id = ? AND type = ?",
            [NETWORK, old.id.into(), credential.kind.as_str().into()],
        );
    }
    let mut added = Vec::new();
    for credential in &new.credentials {
        match old.credential(credential.kind) {
            None => added.push(credential),
            Some(before) if before == credential => {}
            Some(_) => {
                let (identifiers, config) = (batch.json(&credential.identifiers), batch.json(&credential.config));
                batch.add(
                    "UPDATE credentials SET id = ?, identifiers = ?, config = ?, version = ?, updated_at = ? \
                     WHERE nid = ? AND identity_id = ? AND type = ?",
                    [
                        credential.id.into(),
                        identifiers,
                        config,
                        credential.version.into(),
                        credential.updated_at.into(),
                        NETWORK,
                        old.id.into(),
                        credential.kind.as_str().into(),
                    ],
                );
            }
        }
    }
    insert_credentials(batch, added.into_iter().map(|credential| (old.id, credential)));
    let added = after.into_iter().filter(|identifier| !before.contains(identifier));
    insert_identifiers(batch, added.map(|(kind, identifier)| (kind, identifier, old.id)).collect());
}

fn update_addresses(batch: &mut Batch, old: &Identity, new: &Identity) {
    let gone = |id, kept: bool| (!kept).then_some(id);
    let verifiable = |address: &VerifiableAddress| new.verifiable_addresses.contains(address);
    for id in old.verifiable_addresses.iter().filter_map(|address| gone(address.id, verifiable(address))) {
        let sql = "DELETE FROM verifiable_addresses WHERE nid = ? AND identity_id = ? AND id = ?";
        batch.add(sql, [NETWORK, old.id.into(), id.into()]);
    }
    let recovery = |address: &RecoveryAddress| new.recovery_addresses.contains(address);
    for id in old.recovery_addresses.iter().filter_map(|address| gone(address.id, recovery(address))) {
        let sql = "DELETE FROM recovery_addresses WHERE nid = ? AND identity_id = ? AND id = ?";
        batch.add(sql, [NETWORK, old.id.into(), id.into()]);
    }
    let added = new.verifiable_addresses.iter().filter(|address| !old.verifiable_addresses.contains(address));
    insert_verifiable(batch, added.map(|address| (old.id, address)));
    let added = new.recovery_addresses.iter().filter(|address| !old.recovery_addresses.contains(address));
    insert_recovery(batch, added.map(|address| (old.id, address)));
}

fn insert_credentials<'a>(batch: &mut Batch, credentials: impl Iterator<Item = (IdentityId, &'a Credential)>) {
    let rows: Vec<_> = credentials
        .map(|(identity, credential)| {
            [
                NETWORK,
                identity.into(),
                credential.kind.as_str().into(),
                credential.id.into(),
                batch.json(&credential.identifiers),
                batch.json(&credential.config),
                credential.version.into(),
                credential.created_at.into(),
                credential.updated_at.into(),
            ]
        })
        .collect();
    batch
        .insert("credentials (nid, identity_id, type, id, identifiers, config, version, created_at, updated_at)", rows);
}

fn insert_identifiers(batch: &mut Batch, mut identifiers: Vec<(CredentialType, &str, IdentityId)>) {
    // In the order of the unique index: two batches that want the same values then wait for each other, and do not
    // end in a deadlock.
    identifiers.sort_unstable_by_key(|(kind, identifier, identity)| (kind.as_str(), *identifier, *identity));
    identifiers.dedup();
    batch.insert(
        "credential_identifiers (nid, identity_id, type, identifier)",
        identifiers
            .into_iter()
            .map(|(kind, identifier, identity)| [NETWORK, identity.into(), kind.as_str().into(), identifier.into()]),
    );
}

fn insert_verifiable<'a>(batch: &mut Batch, addresses: impl Iterator<Item = (IdentityId, &'a VerifiableAddress)>) {
    batch.insert(
        "verifiable_addresses (nid, identity_id, id, via, value, verified, status, verified_at, created_at, updated_at)",
        addresses.map(|(identity, address)| {
            [
                NETWORK,
                identity.into(),
                address.id.into(),
                address.via.as_str().into(),
                address.value.as_str().into(),
                address.verified.into(),
                address.status.as_str().into(),
                address.verified_at.into(),
                address.created_at.into(),
                address.updated_at.into(),
            ]
        }),
    );
}

fn insert_recovery<'a>(batch: &mut Batch, addresses: impl Iterator<Item = (IdentityId, &'a RecoveryAddress)>) {
    batch.insert(
        "recovery_addresses (nid, identity_id, id, via, value, created_at, updated_at)",
        addresses.map(|(identity, address)| {
            [
                NETWORK,
                identity.into(),
                address.id.into(),
                address.via.as_str().into(),
                address.value.as_str().into(),
                address.created_at.into(),
                address.updated_at.into(),
            ]
        }),
    );
}

/// The columns of an identity, from table `i`; [`identity`] reads them.
macro_rules! identity_columns {
    () => {
        "i.id, i.version, i.schema_id, i.external_id, i.state, i.state_changed_at, i.metadata_admin, \
         i.available_aal, i.organization_id, i.document, i.created_at, i.updated_at"
    };
}
const IDENTITY_COLUMNS: usize = 12;

/// The columns of a credential, from table `c`, after those of an identity; [`credential`] reads them.
macro_rules! credential_columns {
    () => {
        "c.type, c.id, c.identifiers, c.config, c.version, c.created_at, c.updated_at"
    };
}

/// What is read back from the document.
#[derive(Deserialize)]
struct Document {
    traits: serde_json::Value,
    #[serde(default)]
    verifiable_addresses: Vec<VerifiableAddress>,
    #[serde(default)]
    recovery_addresses: Vec<RecoveryAddress>,
    #[serde(default)]
    metadata_public: serde_json::Value,
}

/// The columns that [`identity`] reads, from table `i`.
pub(crate) const COLUMNS: &str = identity_columns!();

/// The columns that [`credential`] reads, from table `c`.
pub(crate) const CREDENTIAL_COLUMNS: &str = credential_columns!();

pub(crate) fn identity(row: &Row<'_>) -> Result<Identity, Error> {
    identity_with(row, &mut Faults::strict())
}

/// As [`identity`]; what cannot be read is dealt with as the faults say.
pub(crate) fn identity_with(row: &Row<'_>, faults: &mut Faults) -> Result<Identity, Error> {
    let document = document(row, faults)?;
    Ok(Identity {
        id: row.get(0)?,
        version: faults.get("version", row, 1)?,
        schema_id: faults.get("schema_id", row, 2)?,
        external_id: faults.get("external_id", row, 3)?,
        state: faults.or("state", word(row, 4), State::Inactive)?,
        state_changed_at: faults.get("state_changed_at", row, 5)?,
        traits: document.traits,
        indexed: None,
        metadata_public: document.metadata_public,
        metadata_admin: faults.get::<Option<serde_json::Value>>("metadata_admin", row, 6)?.unwrap_or_default(),
        verifiable_addresses: document.verifiable_addresses,
        recovery_addresses: document.recovery_addresses,
        credentials: Vec::new(),
        available_aal: faults.or("available_aal", word(row, 7), Aal::default())?,
        organization_id: faults.get("organization_id", row, 8)?,
        created_at: faults.time("created_at", row, 10)?,
        updated_at: faults.time("updated_at", row, 11)?,
    })
}

/// The document, or those of its members that can be read.
fn document(row: &Row<'_>, faults: &mut Faults) -> Result<Document, Error> {
    let text = faults.or("document", row.text(9), "null")?;
    match serde_json::from_str(text) {
        Err(_) if faults.is_tolerant() => Ok(members(text, faults)),
        read => read.map_err(Error::decode),
    }
}

fn members(text: &str, faults: &mut Faults) -> Document {
    let mut document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    if !document.is_object() && faults.is_none() {
        faults.note("document");
    }
    let mut take = |name: &str| document.get_mut(name).map(serde_json::Value::take).unwrap_or_default();
    let (traits, metadata_public) = (take("traits"), take("metadata_public"));
    let verifiable_addresses = readable("document.verifiable_addresses", take("verifiable_addresses"), faults);
    let recovery_addresses = readable("document.recovery_addresses", take("recovery_addresses"), faults);
    let traits = if traits.is_null() { serde_json::Value::Object(serde_json::Map::new()) } else { traits };
    Document { traits, verifiable_addresses, recovery_addresses, metadata_public }
}

/// The items of a list that can be read.
fn readable<T: DeserializeOwned>(name: &'static str, list: serde_json::Value, faults: &mut Faults) -> Vec<T> {
    let items = match list {
        serde_json::Value::Array(items) => items,
        serde_json::Value::Null => Vec::new(),
        other => vec![other],
    };
    let all = items.len();
    let read: Vec<T> = items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect();
    if read.len() < all {
        faults.note(name);
    }
    read
}

/// The credential in the columns from `at` on.
pub(crate) fn credential(row: &Row<'_>, at: usize) -> Result<Credential, Error> {
    Ok(Credential {
        kind: word(row, at)?,
        id: row.get::<CredentialId>(at + 1)?,
        identifiers: serde_json::from_str(row.text(at + 2)?).map_err(Error::decode)?,
        config: row.get(at + 3)?,
        version: row.get(at + 4)?,
        created_at: row.get(at + 5)?,
        updated_at: row.get(at + 6)?,
    })
}

/// A column that holds one of few words.
pub(crate) fn word<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> Result<T, Error> {
    let text = row.text(index)?;
    text.parse().map_err(|_| Error::decode(format_args!("unknown word `{text}`")))
}

/// The identity without its credentials.
pub async fn find(store: &Store, id: IdentityId) -> Result<Option<Identity>, Error> {
    let sql = concat!("SELECT ", identity_columns!(), " FROM identities i WHERE i.nid = ? AND i.id = ?");
    store.optional(sql, &[NETWORK, id.into()], identity).await
}

/// The identity with its credentials, which are sorted by type.
pub async fn find_with_credentials(store: &Store, id: IdentityId) -> Result<Option<Identity>, Error> {
    let sql = concat!(
        "SELECT ",
        identity_columns!(),
        ", ",
        credential_columns!(),
        " FROM identities i LEFT JOIN credentials c ON c.nid = i.nid AND c.identity_id = i.id \
         WHERE i.nid = ? AND i.id = ?"
    );
    with_credentials(store, sql, &[NETWORK, id.into()]).await
}

/// Who uses that identifier (in normal form) with credentials of any type that names people, with all credentials.
pub async fn find_by_any_identifier(store: &Store, identifier: &str) -> Result<Option<Identity>, Error> {
    if is_unstorable(identifier) {
        return Ok(None);
    }
    let sql = concat!(
        "SELECT ",
        identity_columns!(),
        ", ",
        credential_columns!(),
        " FROM identities i LEFT JOIN credentials c ON c.nid = i.nid AND c.identity_id = i.id \
         WHERE i.nid = ? AND i.id = (SELECT n.identity_id FROM credential_identifiers n \
         WHERE n.nid = ? AND n.type IN ('password', 'code', 'webauthn') AND n.identifier = ? LIMIT 1)"
    );
    with_credentials(store, sql, &[NETWORK, NETWORK, identifier.into()]).await
}

/// The one identity that a statement finds, a row for each credential.
async fn with_credentials(store: &Store, sql: &'static str, params: &[Value<'_>]) -> Result<Option<Identity>, Error> {
    // The person stands in each row: whoever has several credentials is parsed several times, and that is still
    // cheaper than a second statement.
    let rows = store
        .all(sql, params, |row| {
            let found = row.get::<Option<String>>(IDENTITY_COLUMNS)?;
            Ok((identity(row)?, found.map(|_| credential(row, IDENTITY_COLUMNS)).transpose()?))
        })
        .await?;
    let mut found: Option<Identity> = None;
    for (identity, credential) in rows {
        found.get_or_insert(identity).credentials.extend(credential);
    }
    if let Some(identity) = &mut found {
        identity.credentials.sort_unstable_by_key(|credential| credential.kind.as_str());
    }
    Ok(found)
}

/// Who uses that identifier (in normal form) with credentials of that type, with all their credentials: whoever signs in
/// is judged by all of them.
pub async fn find_by_identifier(
    store: &Store,
    kind: CredentialType,
    identifier: &str,
) -> Result<Option<Identity>, Error> {
    if is_unstorable(identifier) {
        return Ok(None);
    }
    let sql = concat!(
        "SELECT ",
        identity_columns!(),
        ", ",
        credential_columns!(),
        " FROM credential_identifiers n \
         JOIN credentials c ON c.nid = n.nid AND c.identity_id = n.identity_id \
         JOIN identities i ON i.nid = n.nid AND i.id = n.identity_id \
         WHERE n.nid = ? AND n.type = ? AND n.identifier = ?"
    );
    with_credentials(store, sql, &[NETWORK, kind.as_str().into(), identifier.into()]).await
}

/// The identity that an operator knows by that id, without its credentials.
pub async fn find_by_external_id(store: &Store, external_id: &str) -> Result<Option<Identity>, Error> {
    if is_unstorable(external_id) {
        return Ok(None);
    }
    let sql = concat!("SELECT ", identity_columns!(), " FROM identities i WHERE i.nid = ? AND i.external_id = ?");
    store.optional(sql, &[NETWORK, external_id.into()], identity).await
}

/// Whose verifiable address that is (in normal form), without credentials.
pub async fn find_by_verifiable_address(store: &Store, via: Via, value: &str) -> Result<Option<Identity>, Error> {
    if is_unstorable(value) {
        return Ok(None);
    }
    let sql = concat!(
        "SELECT ",
        identity_columns!(),
        " FROM verifiable_addresses a JOIN identities i ON i.nid = a.nid AND i.id = a.identity_id \
         WHERE a.nid = ? AND a.via = ? AND a.value = ?"
    );
    store.optional(sql, &[NETWORK, via.as_str().into(), value.into()], identity).await
}

/// Whose recovery address that is (in normal form), without credentials.
pub async fn find_by_recovery_address(store: &Store, via: Via, value: &str) -> Result<Option<Identity>, Error> {
    if is_unstorable(value) {
        return Ok(None);
    }
    let sql = concat!(
        "SELECT ",
        identity_columns!(),
        " FROM recovery_addresses a JOIN identities i ON i.nid = a.nid AND i.id = a.identity_id \
         WHERE a.nid = ? AND a.via = ? AND a.value = ?"
    );
    store.optional(sql, &[NETWORK, via.as_str().into(), value.into()], identity).await
}

/// PostgreSQL's texts have no NUL, and it makes an error of one: whoever types one in just finds nobody.
pub(crate) fn is_unstorable(text: &str) -> bool {
    text.contains('\0')
}

/// Reads the credentials of those identities into them.
pub async fn load_credentials(store: &Store, identities: &mut [Identity]) -> Result<(), Error> {
    if load_readable_credentials(store, identities).await?.is_empty() {
        return Ok(());
    }
    Err(Error::decode("a credential of the identity"))
}

/// Reads those credentials of those identities into them that can be read, and tells which identities have others. These
/// are named in the log.
pub async fn load_readable_credentials(store: &Store, identities: &mut [Identity]) -> Result<Vec<IdentityId>, Error> {
    const CHUNK: usize = 512;
    let mut broken = Vec::new();
    for chunk in identities.chunks_mut(CHUNK) {
        let ids: Vec<IdentityId> = chunk.iter().map(|identity| identity.id).collect();
        let sql = format!(
            "SELECT c.identity_id, {} FROM credentials c WHERE c.nid = ? AND c.identity_id IN ({}) \
             ORDER BY c.identity_id, c.type",
            credential_columns!(),
            marks(ids.len())
        );
        let params = std::iter::once(NETWORK).chain(padded(&ids).map(Value::from)).collect();
        let read = |row: &Row<'_>| {
            let id = row.get::<IdentityId>(0)?;
            let credential = credential(row, 1).ok();
            if credential.is_none() {
                tracing::error!(table = "credentials", identity_id = %id, "stored row cannot be read");
            }
            Ok((id, credential))
        };
        let mut by_id: std::collections::HashMap<IdentityId, Vec<Credential>> = std::collections::HashMap::new();
        for (id, credential) in store.scan(sql, params, read).await? {
            match credential {
                Some(credential) => by_id.entry(id).or_default().push(credential),
                None => broken.push(id),
            }
        }
        for identity in chunk {
            identity.credentials = by_id.remove(&identity.id).unwrap_or_default();
        }
    }
    Ok(broken)
}

/// What sessions show of those people, in no particular order; who does not exist or cannot be read is left out.
pub async fn people(store: &Store, ids: &[IdentityId]) -> Result<Vec<Person>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT i.id, i.schema_id, i.state, i.available_aal, i.document FROM identities i \
         WHERE i.nid = ? AND i.id IN ({})",
        marks(ids.len())
    );
    let params = std::iter::once(NETWORK).chain(padded(ids).map(Value::from)).collect();
    let readable = |row: &Row<'_>| Ok(listed("identities", row, |row, _| person(row, 0)).map(|(person, _)| person));
    Ok(store.scan(sql, params, readable).await?.into_iter().flatten().collect())
}

/// The person in the columns from `at` on: id, schema, state, assurance, document.
pub(crate) fn person(row: &Row<'_>, at: usize) -> Result<Person, Error> {
    Ok(Person {
        id: row.get(at)?,
        schema_id: row.get(at + 1)?,
        state: word(row, at + 2)?,
        available_aal: word(row, at + 3)?,
        document: row.get(at + 4)?,
    })
}
