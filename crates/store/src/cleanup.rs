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

async fn delete_expired(
    store: &Store,
    table: &'static str,
    column: &'static str,
    before: OffsetDateTime,
    most: usize,
) -> Result<usize, Error> {
    let sql = format!("SELECT id FROM {table} WHERE nid = ? AND {column} < ? ORDER BY {column} LIMIT ?");
    let params = vec![NETWORK, before.into(), i64::try_from(most).unwrap_or(i64::MAX).into()];
    let ids: Vec<Uuid> = store.scan(sql, params, |row| row.get(0)).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    let mut batch = Batch::new();
    // The time once more: what was prolonged meanwhile stays.
    batch.add(
        format!("DELETE FROM {table} WHERE nid = ? AND id IN ({}) AND {column} < ?", marks(ids.len())),
        std::iter::once(NETWORK).chain(padded(&ids).map(Value::from)).chain([before.into()]),
    );
    let deleted = store.commit(batch).await?;
    Ok(usize::try_from(deleted.iter().sum::<u64>()).unwrap_or(ids.len()))
}
