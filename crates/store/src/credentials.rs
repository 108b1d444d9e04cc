//! Single credentials, apart from their identities: for the re-encryption of those that are encrypted at rest.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    identities::{CREDENTIAL_COLUMNS, credential},
    page::marks,
    value::{NETWORK, Value},
};
use zelos_core::{
    id::IdentityId,
    identity::{Credential, CredentialType, at_rest::ENCRYPTED},
};

/// The place of a credential in the order of [`list_encrypted`].
pub type Key = (IdentityId, CredentialType);

/// At most so many credentials of the types that are encrypted at rest, whether they are encrypted or not, after that
/// one: ordered by identity and type.
pub async fn list_encrypted(
    store: &Store,
    after: Option<Key>,
    most: usize,
) -> Result<Vec<(IdentityId, Credential)>, Error> {
    let mut sql = format!(
        "SELECT c.identity_id, {CREDENTIAL_COLUMNS} FROM credentials c WHERE c.nid = ? AND c.type IN ({})",
        marks(ENCRYPTED.len())
    );
    let mut values: Vec<Value<'static>> = vec![NETWORK];
    values.extend(ENCRYPTED.map(|kind| kind.as_str().into()));
    if let Some((identity, kind)) = after {
        sql.push_str(" AND c.identity_id >= ? AND (c.identity_id > ? OR c.type > ?)");
        values.extend([identity.into(), identity.into(), kind.as_str().into()]);
    }
    sql.push_str(" ORDER BY c.identity_id, c.type LIMIT ?");
    values.push(i64::try_from(most).unwrap_or(i64::MAX).into());
    store.scan(sql, values, |row| Ok((row.get(0)?, credential(row, 1)?))).await
}

/// Stores another `config` for a credential that is still as it was read; the commit tells whether it was. Its times stay,
/// as it means the same, and so does the version of its identity: what is under way goes on.
pub fn replace_config(batch: &mut Batch, identity: IdentityId, read: &Credential, config: &serde_json::Value) {
    let config = batch.json(config);
    batch.guarded(
        "",
        Expect::Any,
        "UPDATE credentials SET config = ? WHERE nid = ? AND identity_id = ? AND type = ? AND id = ? AND updated_at = ?",
        [
            config,
            NETWORK,
            identity.into(),
            read.kind.as_str().into(),
            read.id.into(),
            read.updated_at.into(),
        ],
    );
}
