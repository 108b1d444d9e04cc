//! Copies of remote documents without which the server does not start: identity schemas above all.
//!
//! A copy is replaced whenever its document is fetched, and read only if it cannot be.

use crate::{
    batch::Batch,
    db::Store,
    error::Error,
    value::{NETWORK, Value},
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use url::Url;

/// A document as it was when it was fetched last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCopy {
    pub content: Vec<u8>,
    pub fetched_at: OffsetDateTime,
}

/// The copy of the document at that URL.
pub async fn find(store: &Store, url: &Url) -> Result<Option<StoredCopy>, Error> {
    let sql = "SELECT content, fetched_at FROM remote_documents WHERE nid = ? AND url_hash = ?";
    store
        .optional(sql, &[NETWORK, hash(url)], |row| Ok(StoredCopy { content: row.get(0)?, fetched_at: row.get(1)? }))
        .await
}

/// Replaces the copy of the document at that URL. Of two processes that do so at once, one succeeds.
pub async fn save(store: &Store, url: &Url, content: &[u8], now: OffsetDateTime) -> Result<(), Error> {
    let mut batch = Batch::new();
    batch.add("DELETE FROM remote_documents WHERE nid = ? AND url_hash = ?", [NETWORK, hash(url)]);
    let shown = shown(url);
    batch.insert(
        "remote_documents (nid, url_hash, url, content, fetched_at)",
        [[NETWORK, hash(url), shown.as_str().into(), content.into(), now.into()]],
    );
    match store.commit(batch).await {
        Ok(_) | Err(Error::Unique(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn hash(url: &Url) -> Value<'static> {
    Sha256::digest(url.as_str()).to_vec().into()
}

/// Without password and query.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = (shown.set_username(""), shown.set_password(None));
    shown.set_query(None);
    shown.into()
}
