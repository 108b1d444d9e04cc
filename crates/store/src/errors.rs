//! Errors that a browser was sent to the error page with, and that the page asks for by id.

use crate::{batch::Batch, db::Store, error::Error, value::NETWORK};
use serde_json::Value;
use time::OffsetDateTime;
use zelos_core::id::ErrorId;

/// A stored error.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorContainer {
    pub id: ErrorId,
    /// What is shown, as it was given to [`insert`].
    pub document: Value,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// Keeps an error for the error page.
pub fn insert(batch: &mut Batch, id: ErrorId, document: &Value, now: OffsetDateTime) {
    let document = batch.json(document);
    batch.insert(
        "error_containers (nid, id, document, created_at, updated_at)",
        [[NETWORK, id.into(), document, now.into(), now.into()]],
    );
}

/// The error with that id.
pub async fn find(store: &Store, id: ErrorId) -> Result<Option<ErrorContainer>, Error> {
    let sql =
        "SELECT e.id, e.document, e.created_at, e.updated_at FROM error_containers e WHERE e.nid = ? AND e.id = ?";
    store
        .optional(sql, &[NETWORK, id.into()], |row| {
            Ok(ErrorContainer {
                id: row.get(0)?,
                document: row.get(1)?,
                created_at: row.get(2)?,
                updated_at: row.get(3)?,
            })
        })
        .await
}
