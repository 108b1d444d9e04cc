//! How far the move from another database has come, and what of it is here already.
//!
//! Progress is written in the batch of the rows that it tells of: an import that is killed at any moment has either both
//! or neither. A later run passes by what is here. Two imports from the same database at once would see the same rows as
//! missing; the progress is guarded, so the second one stops.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    page::{marks, padded},
    value::{NETWORK, Value},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// Guard: another process moves the same database.
pub const ALONE: &str = "progress of the import";

/// How far one table of one source has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which database: the id of its network.
    pub source: Uuid,
    /// Which of its tables.
    pub stage: &'static str,
    /// The row that was written last.
    pub last: Option<Uuid>,
    /// Rows that are here because of it.
    pub taken: i64,
    /// Rows that could not be taken.
    pub lost: i64,
    /// Whether the end of the table was reached.
    pub done: bool,
    /// What is noted in the database – the row that was written last, and when –; none if nothing is noted yet.
    pub noted: Option<(Option<Uuid>, OffsetDateTime)>,
}

/// The progress of a stage as it was left, or else as it begins.
pub async fn progress(store: &Store, begun: Progress) -> Result<Progress, Error> {
    let Progress { source, stage, .. } = begun;
    let sql = "SELECT last_id, taken, lost, done, updated_at FROM imports WHERE nid = ? AND source = ? AND stage = ?";
    let params = [NETWORK, source.into(), stage.into()];
    let found = store.optional(sql, &params, |row| {
        let last = row.get(0)?;
        Ok(Progress {
            source,
            stage,
            last,
            taken: row.get(1)?,
            lost: row.get(2)?,
            done: row.get(3)?,
            noted: Some((last, row.get(4)?)),
        })
    });
    Ok(found.await?.unwrap_or(begun))
}

impl Progress {
    /// A stage that has not begun.
    pub fn of(source: Uuid, stage: &'static str) -> Self {
        Self { source, stage, last: None, taken: 0, lost: 0, done: false, noted: None }
    }

    /// Adds to the batch that it has come from `self` to `next`, and gives back the latter. Guarded by [`ALONE`].
    #[must_use]
    pub fn advance(&self, batch: &mut Batch, next: Self, now: OffsetDateTime) -> Self {
        if let Some((noted, at)) = self.noted {
            let mut sql = "UPDATE imports SET last_id = ?, taken = ?, lost = ?, done = ?, updated_at = ? \
                           WHERE nid = ? AND source = ? AND stage = ? AND updated_at = ? AND last_id "
                .to_owned();
            sql.push_str(if noted.is_some() { "= ?" } else { "IS NULL" });
            let values: [Value<'_>; 9] = [
                next.last.into(),
                next.taken.into(),
                next.lost.into(),
                next.done.into(),
                now.into(),
                NETWORK,
                self.source.into(),
                self.stage.into(),
                at.into(),
            ];
            batch.guarded(ALONE, Expect::Rows(1), sql, values.into_iter().chain(noted.map(Value::from)));
        } else {
            batch.insert(
                "imports (nid, source, stage, last_id, taken, lost, done, updated_at)",
                [[
                    NETWORK,
                    self.source.into(),
                    self.stage.into(),
                    next.last.into(),
                    next.taken.into(),
                    next.lost.into(),
                    next.done.into(),
                    now.into(),
                ]],
            );
        }
        Self { noted: Some((next.last, now)), ..next }
    }

    /// From the first row again: each run looks at every row, so that it can account for all of them.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { last: None, taken: 0, lost: 0, done: false, ..*self }
    }
}

/// Which of those identities are here.
pub async fn identities_here(store: &Store, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    here(store, "identities", ids).await
}

/// Which of those sessions are here.
pub async fn sessions_here(store: &Store, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    here(store, "sessions", ids).await
}

async fn here(store: &Store, table: &'static str, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    const CHUNK: usize = 512;
    let mut found = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let sql = format!("SELECT id FROM {table} WHERE nid = ? AND id IN ({})", marks(chunk.len()));
        let params = std::iter::once(NETWORK).chain(padded(chunk).map(Value::from)).collect();
        found.extend(store.scan(sql, params, |row| row.get::<Uuid>(0)).await?);
    }
    Ok(found)
}

/// Which of those identifiers of that type somebody here has.
pub async fn identifiers_here(store: &Store, kind: &str, identifiers: &[&str]) -> Result<Vec<String>, Error> {
    const CHUNK: usize = 512;
    let mut found = Vec::new();
    for chunk in identifiers.chunks(CHUNK) {
        let sql = format!(
            "SELECT identifier FROM credential_identifiers WHERE nid = ? AND type = ? AND identifier IN ({})",
            marks(chunk.len())
        );
        let own = [NETWORK, kind.to_owned().into()].into_iter();
        let params = own.chain(padded(chunk).map(|name| name.to_owned().into())).collect();
        found.extend(store.scan(sql, params, |row| row.get::<String>(0)).await?);
    }
    Ok(found)
}

/// Whose that identifier of that type is.
pub async fn owner_of_identifier(store: &Store, kind: &str, identifier: &str) -> Result<Option<Uuid>, Error> {
    let sql = "SELECT identity_id FROM credential_identifiers WHERE nid = ? AND type = ? AND identifier = ?";
    store.optional(sql, &[NETWORK, kind.into(), identifier.into()], |row| row.get(0)).await
}

/// The rows of what people have, by name.
pub async fn counts(store: &Store) -> Result<Vec<(&'static str, i64)>, Error> {
    let mut counts = Vec::new();
    for (name, table) in [
        ("identities", "identities"),
        ("credentials", "credentials"),
        ("identifiers", "credential_identifiers"),
        ("verifiable addresses", "verifiable_addresses"),
        ("recovery addresses", "recovery_addresses"),
        ("sessions", "sessions"),
    ] {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE nid = ?");
        let count = store.scan(sql, vec![NETWORK], |row| row.get(0)).await?.pop();
        counts.push((name, count.unwrap_or_default()));
    }
    Ok(counts)
}
