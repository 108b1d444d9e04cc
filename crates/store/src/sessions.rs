//! Sessions. A look-up by token is the statement of every request: one join, no credentials.
//!
//! A session is revoked and never revived: every update asks for a session that is still active.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    faults::{Faults, listed},
    identities::{VERSION, person, word},
    page::{List, Page, marks, padded},
    value::{Micros, NETWORK, Row, Value},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use zelos_core::{
    id::{IdentityId, SessionId},
    session::{Aal, Person, Session, SessionToken},
};

/// Guard: the session does not exist or was revoked.
pub const ACTIVE: &str = "active session";
/// Guard: there is no such session.
pub const EXISTS: &str = "session";
/// Guard: the identity has no session.
pub const ANY: &str = "sessions of the identity";

/// The columns that a new session fills.
macro_rules! new_session_columns {
    () => {
        "sessions (nid, id, identity_id, token_hash, active, issued_at, authenticated_at, expires_at, aal, methods, \
         devices, created_at, updated_at)"
    };
}

/// What it fills them with.
fn new_session(batch: &mut Batch, session: &Session, token: &SessionToken) -> [Value<'static>; 13] {
    let (methods, devices) = (batch.json(&session.methods), batch.json(&session.devices));
    [
        NETWORK,
        session.id.into(),
        session.identity_id.into(),
        Value::from(token.hash().as_slice()).into_owned(),
        session.active.into(),
        session.issued_at.into(),
        session.authenticated_at.into(),
        session.expires_at.into(),
        session.aal.as_str().into(),
        methods,
        devices,
        session.created_at.into(),
        session.updated_at.into(),
    ]
}

/// Adds a session that answers to that token, of somebody whom the same batch makes or changes.
pub fn insert(batch: &mut Batch, session: &Session, token: &SessionToken) {
    let row = new_session(batch, session, token);
    batch.insert(new_session_columns!(), [row]);
}

/// Adds a session of somebody who is still as they were read. Guarded by [`VERSION`]: whoever proved themselves with
/// what has been changed meanwhile, and whose sessions have just been ended for it, gets none. The row of the person is
/// held until the commit, as the foreign key holds it anyway, so that a change waits for the session or the other way
/// round, and ends it.
pub fn insert_unless_changed(batch: &mut Batch, session: &Session, token: &SessionToken, version: i64) {
    let row = new_session(batch, session, token);
    let sql = concat!(
        "INSERT INTO ",
        new_session_columns!(),
        " SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM identities i \
         WHERE i.nid = ? AND i.id = ? AND i.version = ? FOR SHARE"
    );
    let person = [NETWORK, session.identity_id.into(), version.into()];
    batch.guarded(VERSION, Expect::Rows(1), sql, row.into_iter().chain(person));
}

/// The assignments of an update, and the condition that the session is active.
const UPDATE: &str = "UPDATE sessions SET active = ?, authenticated_at = ?, expires_at = ?, aal = ?, methods = ?, \
                      devices = ?, updated_at = ? WHERE nid = ? AND id = ? AND active = TRUE";

fn update_values(batch: &mut Batch, session: &Session) -> [Value<'static>; 9] {
    let (methods, devices) = (batch.json(&session.methods), batch.json(&session.devices));
    [
        session.active.into(),
        session.authenticated_at.into(),
        session.expires_at.into(),
        session.aal.as_str().into(),
        methods,
        devices,
        session.updated_at.into(),
        NETWORK,
        session.id.into(),
    ]
}

/// Stores what has changed in an active session, whose token stays. Guarded by [`ACTIVE`].
pub fn update(batch: &mut Batch, session: &Session) {
    let values = update_values(batch, session);
    batch.guarded(ACTIVE, Expect::Rows(1), UPDATE, values);
}

/// The same for an identity that this batch does not change: the update is also guarded by its version, so that an
/// authentication with a credential that has been replaced meanwhile does not renew the session. As with
/// [`insert_unless_changed`] the row of the identity is locked until the commit. Guarded by [`VERSION`], which is also
/// what an ended session is reported as.
pub fn update_unless_changed(batch: &mut Batch, session: &Session, version: i64) {
    let sql = format!(
        "{UPDATE} AND EXISTS (SELECT 1 FROM identities i WHERE i.nid = ? AND i.id = ? AND i.version = ? FOR SHARE)"
    );
    let values = update_values(batch, session);
    let identity = [NETWORK, session.identity_id.into(), version.into()];
    batch.guarded(VERSION, Expect::Rows(1), sql, values.into_iter().chain(identity));
}

/// Gives an active session another token. Guarded by [`ACTIVE`].
pub fn replace_token(batch: &mut Batch, id: SessionId, token: &SessionToken) {
    batch.guarded(
        ACTIVE,
        Expect::Rows(1),
        "UPDATE sessions SET token_hash = ? WHERE nid = ? AND id = ? AND active = TRUE",
        [Value::from(token.hash().as_slice()).into_owned(), NETWORK, id.into()],
    );
}

/// Writes down that a session was used at that time. One that has ended meanwhile stays as it is.
pub fn touch(batch: &mut Batch, id: SessionId, now: OffsetDateTime) {
    batch.add(
        "UPDATE sessions SET updated_at = ? WHERE nid = ? AND id = ? AND active = TRUE",
        [now.into(), NETWORK, id.into()],
    );
}

/// Lets an active session last until then. Guarded by [`ACTIVE`].
pub fn extend(batch: &mut Batch, id: SessionId, expires_at: OffsetDateTime, now: OffsetDateTime) {
    batch.guarded(
        ACTIVE,
        Expect::Rows(1),
        "UPDATE sessions SET expires_at = ?, updated_at = ? WHERE nid = ? AND id = ? AND active = TRUE",
        [expires_at.into(), now.into(), NETWORK, id.into()],
    );
}

/// Ends a session. Guarded by [`EXISTS`]; one that was revoked already exists.
pub fn revoke(batch: &mut Batch, id: SessionId, now: OffsetDateTime) {
    batch.guarded(
        EXISTS,
        Expect::Rows(1),
        "UPDATE sessions SET active = FALSE, updated_at = ? WHERE nid = ? AND id = ?",
        [now.into(), NETWORK, id.into()],
    );
}

/// Ends a session of that identity. Guarded by [`EXISTS`]; one that was revoked already exists.
pub fn revoke_of_identity(batch: &mut Batch, identity: IdentityId, id: SessionId, now: OffsetDateTime) {
    batch.guarded(
        EXISTS,
        Expect::Rows(1),
        "UPDATE sessions SET active = FALSE, updated_at = ? WHERE nid = ? AND id = ? AND identity_id = ?",
        [now.into(), NETWORK, id.into(), identity.into()],
    );
}

/// Ends all sessions of the identity but one (or all); the commit tells how many.
///
/// Quirk: those that had ended before are counted as well, as upstream does
/// (`persistence/sql/persister_session.go`, `revokeMatchingSessions`).
pub fn revoke_others(batch: &mut Batch, identity: IdentityId, keep: Option<SessionId>, now: OffsetDateTime) {
    let sql = "UPDATE sessions SET active = FALSE, updated_at = ? WHERE nid = ? AND identity_id = ?";
    let params = [now.into(), NETWORK, identity.into()];
    match keep {
        None => batch.add(sql, params),
        Some(id) => batch.add(format!("{sql} AND id <> ?"), params.into_iter().chain([id.into()])),
    }
}

/// Deletes a session. Guarded by [`EXISTS`].
pub fn delete(batch: &mut Batch, id: SessionId) {
    batch.guarded(EXISTS, Expect::Rows(1), "DELETE FROM sessions WHERE nid = ? AND id = ?", [NETWORK, id.into()]);
}

/// Deletes all sessions of the identity. Guarded by [`ANY`].
pub fn delete_of_identity(batch: &mut Batch, identity: IdentityId) {
    let sql = "DELETE FROM sessions WHERE nid = ? AND identity_id = ?";
    batch.guarded(ANY, Expect::AtLeast(1), sql, [NETWORK, identity.into()]);
}

/// The columns of a session, from table `s`; [`session`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.identity_id, s.active, s.issued_at, s.authenticated_at, s.expires_at, s.aal, s.methods, s.devices, \
         s.created_at, s.updated_at"
    };
}
const SESSION_COLUMNS: usize = 11;

fn session(row: &Row<'_>, faults: &mut Faults) -> Result<Session, Error> {
    Ok(Session {
        id: row.get(0)?,
        identity_id: row.get(1)?,
        active: faults.get("active", row, 2)?,
        issued_at: faults.time("issued_at", row, 3)?,
        authenticated_at: faults.time("authenticated_at", row, 4)?,
        expires_at: faults.time("expires_at", row, 5)?,
        aal: faults.or("aal", word(row, 6), Aal::default())?,
        methods: faults.or("methods", json(row, 7), Vec::new())?,
        devices: faults.or("devices", json(row, 8), Vec::new())?,
        created_at: faults.time("created_at", row, 9)?,
        updated_at: faults.time("updated_at", row, 10)?,
    })
}

fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<T, Error> {
    serde_json::from_str(row.text(index)?).map_err(Error::decode)
}

/// A session that must be readable in full, and its identity.
fn with_person(row: &Row<'_>) -> Result<(Session, Person), Error> {
    Ok((session(row, &mut Faults::strict())?, person(row, SESSION_COLUMNS)?))
}

/// The session that answers to that token, active or not, and its person.
pub async fn find_by_token(store: &Store, token: &SessionToken) -> Result<Option<(Session, Person)>, Error> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", i.id, i.schema_id, i.state, i.available_aal, i.document \
         FROM sessions s JOIN identities i ON i.nid = s.nid AND i.id = s.identity_id \
         WHERE s.nid = ? AND s.token_hash = ?"
    );
    let params = [NETWORK, Value::Bytes(Some(token.hash().to_vec().into()))];
    store.optional(sql, &params, with_person).await
}

/// A session and its person.
pub async fn find(store: &Store, id: SessionId) -> Result<Option<(Session, Person)>, Error> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", i.id, i.schema_id, i.state, i.available_aal, i.document \
         FROM sessions s JOIN identities i ON i.nid = s.nid AND i.id = s.identity_id \
         WHERE s.nid = ? AND s.id = ?"
    );
    store.optional(sql, &[NETWORK, id.into()], with_person).await
}

/// Which sessions of a list are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// Only those that hold (true) or hold no longer (false) at `now`.
    pub active: Option<bool>,
    /// The present.
    pub now: OffsetDateTime,
    /// Sessions that were last used before count as over; see `session.idle_timeout`.
    pub used_since: Option<OffsetDateTime>,
    /// Not that one.
    pub except: Option<SessionId>,
}

impl Filter {
    fn condition(&self, sql: &mut String, params: &mut Vec<Value<'static>>) {
        // Written such that no index of times that end is taken for it: the list has its own order.
        let (condition, idle, end) = match self.active {
            None => ("", "", ""),
            Some(true) => (" AND (s.active = TRUE AND s.expires_at >= ?", " AND s.updated_at > ?", ") IS TRUE"),
            Some(false) => (" AND (s.active = FALSE OR s.expires_at < ?", " OR s.updated_at <= ?", ") IS TRUE"),
        };
        sql.push_str(condition);
        if self.active.is_some() {
            params.push(self.now.into());
            if let Some(since) = self.used_since {
                sql.push_str(idle);
                params.push(since.into());
            }
        }
        sql.push_str(end);
        if let Some(except) = self.except {
            sql.push_str(" AND s.id <> ?");
            params.push(except.into());
        }
    }
}

/// Where a list of all sessions goes on: the newest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub created_at: Micros,
    pub id: SessionId,
}

/// All sessions, newest first.
pub async fn list(store: &Store, filter: &Filter, page: Page<Key>) -> Result<List<Session, Key>, Error> {
    let mut sql = concat!("SELECT ", session_columns!(), " FROM sessions s WHERE s.nid = ?").to_owned();
    let mut params = vec![NETWORK];
    if let Some(after) = page.key() {
        // So that every database finds the place in the index by the time alone.
        sql.push_str(" AND s.created_at <= ? AND (s.created_at < ? OR s.id < ?)");
        params.extend([after.created_at.into(), after.created_at.into(), after.id.into()]);
    }
    let items = finish_list(store, sql, params, filter, page.bounds()).await?;
    Ok(page.list(items, |(_, key)| *key).map(|(session, _)| session))
}

/// A page of the sessions of that identity, newest first, and how many there are on all pages.
pub async fn list_of_identity(
    store: &Store,
    identity: IdentityId,
    filter: &Filter,
    page: Page<Key>,
) -> Result<(Vec<Session>, i64), Error> {
    let condition = "WHERE s.nid = ? AND s.identity_id = ?";
    let params: Vec<Value<'static>> = vec![NETWORK, identity.into()];
    let mut count = format!("SELECT COUNT(*) FROM sessions s {condition}");
    let mut values = params.clone();
    filter.condition(&mut count, &mut values);
    let total = store.scan(count, values, |row| row.get(0)).await?.pop().ok_or(Error::Missing)?;
    let sql = format!("SELECT {} FROM sessions s {condition}", session_columns!());
    let items = finish_list(store, sql, params, filter, page.bounds()).await?;
    Ok((page.list(items, |(_, key)| *key).map(|(session, _)| session).items, total))
}

async fn finish_list(
    store: &Store,
    mut sql: String,
    mut params: Vec<Value<'static>>,
    filter: &Filter,
    (limit, offset): (i64, i64),
) -> Result<Vec<Option<(Session, Key)>>, Error> {
    filter.condition(&mut sql, &mut params);
    sql.push_str(" ORDER BY s.created_at DESC, s.id DESC LIMIT ?");
    params.push(limit.into());
    if offset > 0 {
        sql.push_str(" OFFSET ?");
        params.push(offset.into());
    }
    let listed = |row: &Row<'_>| {
        let Some((session, _)) = listed("sessions", row, session) else { return Ok(None) };
        let key = Key { created_at: row.get(9)?, id: session.id };
        Ok(Some((session, key)))
    };
    store.scan(sql, params, listed).await
}

/// How many sessions there are.
pub async fn count(store: &Store) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) FROM sessions WHERE nid = ?";
    store.scan(sql, vec![NETWORK], |row| row.get(0)).await?.pop().ok_or(Error::Missing)
}

/// What is done to many sessions at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bulk {
    /// Those that are active are ended.
    Disable,
    Delete,
}

/// The sessions it is done to.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    Sessions(&'a [SessionId]),
    Identities(&'a [IdentityId]),
    /// Everybody's, but no more than so many.
    All(usize),
}

/// How many values one statement names.
const CHUNK: usize = 512;

/// Ends or deletes sessions, and tells how many it was and whether there are more. `also` is written with it.
pub async fn bulk(
    store: &Store,
    action: Bulk,
    whose: Whose<'_>,
    now: OffsetDateTime,
    also: Batch,
) -> Result<(u64, bool), Error> {
    let mut batch = Batch::new();
    let mut more = false;
    match whose {
        Whose::Sessions(ids) => bulk_of(&mut batch, action, "id", ids, now),
        Whose::Identities(ids) => bulk_of(&mut batch, action, "identity_id", ids, now),
        Whose::All(most) => {
            let active = if action == Bulk::Disable { " AND active = TRUE" } else { "" };
            let sql = format!("SELECT id FROM sessions WHERE nid = ?{active} ORDER BY id LIMIT ?");
            let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
            let mut ids: Vec<SessionId> = store.scan(sql, vec![NETWORK, limit.into()], |row| row.get(0)).await?;
            more = ids.len() > most;
            ids.truncate(most);
            bulk_of(&mut batch, action, "id", &ids, now);
        }
    }
    let own = batch.len();
    batch.append(also);
    let touched = store.commit(batch).await?;
    Ok((touched.iter().take(own).sum(), more))
}

fn bulk_of<T: Copy + Into<Value<'static>>>(
    batch: &mut Batch,
    action: Bulk,
    column: &str,
    ids: &[T],
    now: OffsetDateTime,
) {
    for chunk in ids.chunks(CHUNK) {
        let condition = format!("WHERE nid = ? AND {column} IN ({})", marks(chunk.len()));
        let values = std::iter::once(NETWORK).chain(padded(chunk).map(Into::into));
        match action {
            Bulk::Disable => batch.add(
                format!("UPDATE sessions SET active = FALSE, updated_at = ? {condition} AND active = TRUE"),
                std::iter::once(now.into()).chain(values),
            ),
            Bulk::Delete => batch.add(format!("DELETE FROM sessions {condition}"), values),
        }
    }
}
