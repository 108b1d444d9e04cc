//! Work that one process does for all: whoever holds the lease does it, the others leave it. A process that dies loses its lease
//! with the time.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    value::{NETWORK, Value},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// Takes or prolongs the lease on some work until that time; answers whether it is ours.
pub async fn take(
    store: &Store,
    work: &'static str,
    owner: Uuid,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<bool, Error> {
    let mut batch = Batch::new();
    batch.guarded(
        "lease",
        Expect::Rows(1),
        "UPDATE leases SET owner = ?, ends_at = ? WHERE nid = ? AND work = ? AND (owner = ? OR ends_at <= ?)",
        [Value::from(owner), until.into(), NETWORK, work.into(), owner.into(), now.into()],
    );
    match store.commit(batch).await {
        Ok(_) => return Ok(true),
        Err(Error::Unmet(_)) => {}
        Err(error) => return Err(error),
    }
    let mut batch = Batch::new();
    batch.insert("leases (nid, work, owner, ends_at)", [[NETWORK, work.into(), owner.into(), until.into()]]);
    match store.commit(batch).await {
        Ok(_) => Ok(true),
        // Somebody else has it.
        Err(Error::Unique(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
