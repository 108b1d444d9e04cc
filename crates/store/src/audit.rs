//! The audit log. Rows are written in the batch of what they tell of, so that there is neither without the other. There is
//! no statement here that changes or deletes one; what is old enough goes by [`cleanup`](crate::cleanup).

use crate::{
    batch::Batch,
    db::Store,
    error::Error,
    faults::{Faults, listed},
    identities::word,
    page::{List, Page},
    value::{NETWORK, Row},
};
use time::OffsetDateTime;
use zelos_core::{
    audit::{Event, EventKind},
    id::{EventId, IdentityId},
};

/// Writes events down.
pub fn insert<'a>(batch: &mut Batch, events: impl IntoIterator<Item = &'a Event>) {
    let rows: Vec<_> = events
        .into_iter()
        .map(|event| {
            [
                NETWORK,
                event.id.into(),
                event.time.into(),
                event.kind.as_str().into(),
                event.identity_id.into(),
                event.session_id.into(),
                (&event.actor).into(),
                (&event.ip_address).into(),
                (&event.user_agent).into(),
                (&event.method).into(),
                batch.json(&event.details),
            ]
        })
        .collect();
    let columns = "audit_events (nid, id, created_at, kind, identity_id, session_id, actor, ip_address, user_agent, \
                   method, details)";
    batch.insert(columns, rows);
}

/// Which events of the log are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    pub identity: Option<IdentityId>,
    pub kind: Option<EventKind>,
    /// Not earlier than that, to the millisecond.
    pub since: Option<OffsetDateTime>,
    /// Earlier than that, to the millisecond.
    pub until: Option<OffsetDateTime>,
}

/// Events, newest first.
pub async fn list(store: &Store, filter: &Filter, page: Page<EventId>) -> Result<List<Event, EventId>, Error> {
    let mut sql = "SELECT a.id, a.created_at, a.kind, a.identity_id, a.session_id, a.actor, a.ip_address, \
                   a.user_agent, a.method, a.details FROM audit_events a WHERE a.nid = ?"
        .to_owned();
    let mut params = vec![NETWORK];
    if let Some(identity) = filter.identity {
        sql.push_str(" AND a.identity_id = ?");
        params.push(identity.into());
    }
    if let Some(kind) = filter.kind {
        sql.push_str(" AND a.kind = ?");
        params.push(kind.as_str().into());
    }
    if let Some(since) = filter.since {
        sql.push_str(" AND a.id >= ?");
        params.push(EventId::earliest(since).into());
    }
    let ends = [filter.until.map(EventId::earliest), page.key()];
    if let Some(end) = ends.into_iter().flatten().min() {
        sql.push_str(" AND a.id < ?");
        params.push(end.into());
    }
    let (limit, _) = page.bounds();
    sql.push_str(" ORDER BY a.id DESC LIMIT ?");
    params.push(limit.into());
    let items = store.scan(sql, params, |row| Ok(listed("audit_events", row, event).map(|(event, _)| event))).await?;
    Ok(page.list(items, |event| event.id))
}

/// An event without a kind that is known cannot be shown.
fn event(row: &Row<'_>, faults: &mut Faults) -> Result<Event, Error> {
    Ok(Event {
        id: row.get(0)?,
        time: faults.time("created_at", row, 1)?,
        kind: word(row, 2)?,
        identity_id: faults.get("identity_id", row, 3)?,
        session_id: faults.get("session_id", row, 4)?,
        actor: faults.get("actor", row, 5)?,
        ip_address: faults.get("ip_address", row, 6)?,
        user_agent: faults.get("user_agent", row, 7)?,
        method: faults.get("method", row, 8)?,
        details: faults.get("details", row, 9)?,
    })
}
