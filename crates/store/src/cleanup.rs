//! Deleting what has expired, in small batches: a long transaction would hold up SQLite's writers, bloat PostgreSQL
//! and stall replicas. Whoever cleans calls a function until it finds nothing any more, and rests in between.

use crate::{
    batch::Batch,
    db::Store,
    error::Error,
    page::{marks, padded},
    value::{NETWORK, Value},
};
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::id::EventId;

/// Deletes at most `most` flows that expired before that time; answers how many it was.
pub async fn flows(store: &Store, before: OffsetDateTime, most: usize) -> Result<usize, Error> {
    delete_expired(store, "flows", "expires_at", before, most).await
}

/// Deletes at most `most` sessions that expired before that time; answers how many it was.
pub async fn sessions(store: &Store, before: OffsetDateTime, most: usize) -> Result<usize, Error> {
    delete_expired(store, "sessions", "expires_at", before, most).await
}

/// Deletes at most `most` errors that were kept before that time; answers how many it was.
pub async fn errors(store: &Store, before: OffsetDateTime, most: usize) -> Result<usize, Error> {
    delete_expired(store, "error_containers", "created_at", before, most).await
}

/// Deletes at most `most` messages, with their attempts, that were queued before that time; answers how many it was.
pub async fn messages(store: &Store, before: OffsetDateTime, most: usize) -> Result<usize, Error> {
    delete_expired(store, "messages", "created_at", before, most).await
}

/// Deletes at most `most` events of the audit log that happened before that time; answers how many it was.
pub async fn audit(store: &Store, before: OffsetDateTime, most: usize) -> Result<usize, Error> {
    let before = EventId::earliest(before);
    let sql = "SELECT id FROM audit_events WHERE nid = ? AND id < ? ORDER BY id LIMIT ?";
    let ids: Vec<Uuid> = store.scan(sql, oldest(before, most), |row| row.get(0)).await?;
    delete(store, ("audit_events", "id", "id"), &ids, before).await
}

/// Deletes at most `most` counts of attempts whose window ended before that time; answers how many it was.
pub async fn attempts(store: &Store, before: OffsetDateTime, most: usize) -> Result<usize, Error> {
    let sql = "SELECT key_hash FROM attempts WHERE nid = ? AND expires_at < ? ORDER BY expires_at LIMIT ?";
    let keys: Vec<Vec<u8>> = store.scan(sql, oldest(before, most), |row| row.get(0)).await?;
    let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    delete(store, ("attempts", "key_hash", "expires_at"), &keys, before).await
}

async fn delete_expired(
    store: &Store,
    table: &'static str,
    column: &'static str,
    before: OffsetDateTime,
    most: usize,
) -> Result<usize, Error> {
    let sql = format!("SELECT id FROM {table} WHERE nid = ? AND {column} < ? ORDER BY {column} LIMIT ?");
    let ids: Vec<Uuid> = store.scan(sql, oldest(before, most), |row| row.get(0)).await?;
    delete(store, (table, "id", column), &ids, before).await
}

fn oldest(before: impl Into<Value<'static>>, most: usize) -> Vec<Value<'static>> {
    vec![NETWORK, before.into(), i64::try_from(most).unwrap_or(i64::MAX).into()]
}

async fn delete<'a, K: Copy + Into<Value<'a>>>(
    store: &Store,
    (table, key, column): (&str, &str, &str),
    keys: &[K],
    before: impl Into<Value<'static>>,
) -> Result<usize, Error> {
    if keys.is_empty() {
        return Ok(0);
    }
    let mut batch = Batch::new();
    // The time once more: what was prolonged meanwhile stays. Said by its opposite, since SQLite would otherwise go through
    // all that has expired in search of these.
    batch.add(
        format!("DELETE FROM {table} WHERE nid = ? AND {key} IN ({}) AND NOT ({column} >= ?)", marks(keys.len())),
        std::iter::once(NETWORK).chain(padded(keys).map(Into::into)).chain([before.into()]),
    );
    let deleted = store.commit(batch).await?;
    Ok(usize::try_from(deleted.iter().sum::<u64>()).unwrap_or(keys.len()))
}
