//! Sessions as administrators see them: all of them, those of a person, one; ending, deleting and extending them.
//!
//! Quirk: what stands for devices and for the person differs from door to door – `null` or `[]`, with an address of the
//! schema or an empty one (session/handler.go, persistence/sql/persister_session.go).

use super::{
    Refused,
    answer::{self, Done},
    query::{self, Query},
};
use crate::{
    app::App,
    caller::Caller,
    input,
    page_token::Tokens,
    paging::{Keyset, Offset},
    respond,
};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::{collections::HashMap, str::FromStr, sync::Arc};
use time::OffsetDateTime;
use zelos_core::{
    audit::EventKind,
    config::GoDuration,
    id::{IdentityId, SessionId},
    identity::{
        Identity, State as IdentityState,
        json::{IdentityView, Show},
    },
    problem::Problem,
    session::{Device, Session, json::SessionView},
};
use zelos_flow::audit::Happened;
use zelos_store::{
    Batch, Error, List, Page, identities as people,
    sessions::{self as stored, Bulk, Filter, Whose},
};

const DEFAULT_SIZE: usize = 250;
const MAX_SIZE: usize = 1000;

/// How many ids one request may name.
const MOST_IDS: usize = 500;

/// How many sessions one request ends when it means everybody's.
const MOST_AT_ONCE: usize = 5000;

/// Stands for everybody.
const EVERYBODY: &str = "*";

fn no_session() -> Problem {
    Problem::NotFound("There is no session with this id.".to_owned())
}

fn parsed<T: FromStr>(id: &str) -> Result<T, Refused> {
    T::from_str(id).map_err(|_| Refused::worded("the id in the path is not a UUID"))
}

/// What is shown beside a session.
#[derive(Debug, Clone, Copy, Default)]
struct Expand {
    identity: bool,
    devices: bool,
}

impl Expand {
    fn read(query: &Query) -> Result<Self, Problem> {
        let mut expand = Self::default();
        for word in query::values(query, "expand") {
            match word.to_ascii_lowercase().as_str() {
                "identity" => expand.identity = true,
                "devices" => expand.devices = true,
                _ => return Err(Problem::bad(format!("Could not parse expand option: {word}"))),
            }
        }
        Ok(expand)
    }
}

fn active(query: &Query) -> Result<Option<bool>, Refused> {
    query::value(query, "active")
        .map(|text| query::truth(text).ok_or_else(|| Refused::worded("could not parse parameter active")))
        .transpose()
}

/// Which sessions a list holds.
fn filter(app: &App, caller: &Caller, active: Option<bool>) -> Filter {
    let now = app.engine.clock.now();
    Filter { active, now, used_since: caller.snapshot.session.used_since(now), except: None }
}

/// `GET /admin/sessions`
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Response {
    answer::give(&caller, listed(&app, &caller, uri.path()).await)
}

async fn listed(app: &App, caller: &Caller, path: &str) -> Result<Done, Refused> {
    let query = caller.query();
    let filter = filter(app, caller, active(&query)?);
    let unreadable = || Refused::worded("could not parse parameter page_size");
    let keyset = Keyset::read(&query, DEFAULT_SIZE, MAX_SIZE).map_err(|_| unreadable())?;
    let tokens = Tokens::of(app, &caller.snapshot, "sessions", None);
    let given = keyset.token.as_deref().filter(|token| *token != FIRST);
    let key = tokens.after(given).map_err(|_| unreadable())?;
    let expand = Expand::read(&query)?;
    let List { items, next } = stored::list(&app.engine.store, &filter, Page::After { key, size: keyset.size }).await?;
    let mut headers = HeaderMap::new();
    keyset.write(&mut headers, path, &query, FIRST, next.map(|key| tokens.write(Some(key))).as_deref());
    let people = People::of(app, caller, &items, expand.identity).await?;
    let views: Vec<SessionView<'_>> = items
        .iter()
        .map(|session| people.view(session, expand.devices.then_some(session.devices.as_slice())))
        .collect();
    Ok(Done::json(&views)?.with(headers))
}

/// Quirk: the first page has a token that says in clear where a list begins (persistence/sql/persister_session.go).
const FIRST: &str = "aWQ9MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwL2NyZWF0ZWRfYXQ9MjIwMC0xMi0zMSAyMzo1OTo1OQ";

/// `GET /admin/sessions/{id}`
pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let id = parsed(&id)?;
        let expand = Expand::read(&caller.query())?;
        let (session, _) = stored::find(&app.engine.store, id).await?.ok_or_else(no_session)?;
        let people = People::of(&app, &caller, std::slice::from_ref(&session), expand.identity).await?;
        let devices = if expand.devices { session.devices.as_slice() } else { &[] };
        Done::json(&people.view(&session, Some(devices)))
    };
    answer::give(&caller, done.await)
}

/// `DELETE /admin/sessions/{id}`
pub(super) async fn revoke(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let id = parsed(&id)?;
        let (session, _) = stored::find(&app.engine.store, id).await?.ok_or_else(no_session)?;
        let mut batch = Batch::new();
        stored::revoke(&mut batch, id, app.engine.clock.now());
        let revoked = Happened::new(EventKind::SessionRevoked).to(session.identity_id).in_session(id);
        caller.record(&app, &mut batch, [revoked]);
        match app.engine.store.commit(batch).await {
            Err(Error::Unmet(_)) => Err(no_session().into()),
            done => Ok(done.map(|_| Done::nothing())?),
        }
    };
    answer::give(&caller, done.await)
}

/// `PATCH /admin/sessions/{id}/extend`
pub(super) async fn extend(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let snapshot = &caller.snapshot;
        let store = &app.engine.store;
        let (mut session, person) = stored::find(store, parsed(&id)?).await?.ok_or_else(no_session)?;
        let now = app.engine.clock.now();
        let may = session.expires_at - *snapshot.earliest_possible_extend() < now;
        if session.active && may {
            session.expires_at = now + *snapshot.session.lifespan;
            let mut batch = Batch::new();
            stored::extend(&mut batch, session.id, session.expires_at, now);
            let extended =
                Happened::new(EventKind::SessionLifespanExtended).to(session.identity_id).in_session(session.id);
            caller.record(&app, &mut batch, [extended]);
            store.commit(batch).await?;
        }
        if snapshot.feature_flags.faster_session_extend {
            return Ok(Done::nothing());
        }
        let identity = respond::person_json(snapshot, &person);
        let active = session.is_active(now, person.state, snapshot.session.idle_timeout);
        Done::json(&SessionView { session: &session, active, identity: Some(&identity), devices: Some(&[]) })
    };
    answer::give(&caller, done.await)
}

/// `GET /admin/identities/{id}/sessions`
pub(super) async fn list_of_identity(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let done = async {
        let id: IdentityId = parsed(&id)?;
        let query = caller.query();
        let filter = filter(&app, &caller, active(&query)?);
        let store = &app.engine.store;
        let part = Offset::read(&query);
        // Quirk: pages are counted from one here, and page 0 is page 1 (persistence/sql/persister_session.go).
        let page = Page::Number { page: u64::try_from(part.page.max(1) - 1).unwrap_or(u64::MAX), size: part.size };
        let (items, total) = stored::list_of_identity(store, id, &filter, page).await?;
        let mut headers = HeaderMap::new();
        part.write(&mut headers, uri.path(), &query, usize::try_from(total).unwrap_or_default());
        let identity = match people::find(store, id).await {
            // An identity that cannot be read does not hide its sessions.
            Err(error @ Error::Other(_)) => {
                tracing::error!(%error, identity_id = %id, "identity of a list of sessions cannot be read");
                None
            }
            found => found?,
        };
        let state = identity.as_ref().map_or(IdentityState::Inactive, |identity| identity.state);
        let shown = identity.as_ref().map(|identity| rendered(identity, "", false)).transpose()?;
        let views: Vec<SessionView<'_>> = items
            .iter()
            .map(|session| SessionView {
                session,
                active: session.is_active(filter.now, state, caller.snapshot.session.idle_timeout),
                identity: shown.as_deref(),
                devices: Some(&session.devices),
            })
            .collect();
        Ok(Done::json(&views)?.with(headers))
    };
    answer::give(&caller, done.await)
}

/// `DELETE /admin/identities/{id}/sessions`
pub(super) async fn delete_of_identity(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Response {
    let done = async {
        let mut batch = Batch::new();
        let id = parsed(&id)?;
        stored::delete_of_identity(&mut batch, id);
        let deleted =
            Happened::new(EventKind::SessionRevoked).to(id).with(json!({ "action": "delete", "sessions": "all" }));
        caller.record(&app, &mut batch, [deleted]);
        match app.engine.store.commit(batch).await {
            Err(Error::Unmet(_)) => Err(Problem::NotFound("The identity has no session.".to_owned()).into()),
            done => Ok(done.map(|_| Done::nothing())?),
        }
    };
    answer::give(&caller, done.await)
}

/// Whom to end or delete sessions of.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Manage {
    action: Option<String>,
    identities: Option<Vec<String>>,
    sessions: Option<Vec<String>>,
}

/// `POST /admin/sessions`
pub(super) async fn manage(State(app): State<Arc<App>>, caller: Caller, body: Body) -> Response {
    let done = async {
        let body = input::read(body).await?;
        let body: Manage = serde_json::from_slice(&body).map_err(|_| Problem::bad("Invalid JSON body."))?;
        let action = match body.action.as_deref() {
            Some("disable") => Bulk::Disable,
            Some("delete") => Bulk::Delete,
            _ => return Err(Problem::bad("The 'action' field must be one of 'disable' or 'delete'.").into()),
        };
        let identities = body.identities.unwrap_or_default();
        let sessions = body.sessions.unwrap_or_default();
        if identities.is_empty() == sessions.is_empty() {
            return Err(Problem::bad("Exactly one of 'identities' or 'sessions' must be a non-empty array.").into());
        }
        let named: Vec<IdentityId>;
        let ids: Vec<SessionId>;
        let whose = if identities == [EVERYBODY] {
            Whose::All(MOST_AT_ONCE)
        } else if sessions.is_empty() {
            named = all(&identities, "identities")?;
            Whose::Identities(&named)
        } else {
            ids = all(&sessions, "sessions")?;
            Whose::Sessions(&ids)
        };
        let mut also = Batch::new();
        caller.record(&app, &mut also, revoked(action, whose));
        let (processed, more) = stored::bulk(&app.engine.store, action, whose, app.engine.clock.now(), also).await?;
        Done::json(&serde_json::json!({ "processed": processed, "more": more }))
    };
    answer::give(&caller, done.await)
}

/// One event for each that was named.
fn revoked(action: Bulk, whose: Whose<'_>) -> Vec<Happened<'static>> {
    let action = match action {
        Bulk::Disable => "disable",
        Bulk::Delete => "delete",
    };
    let happened = || Happened::new(EventKind::SessionRevoked);
    match whose {
        Whose::Sessions(ids) => {
            ids.iter().map(|id| happened().in_session(*id).with(json!({ "action": action }))).collect()
        }
        Whose::Identities(ids) => {
            let details = json!({ "action": action, "sessions": "all" });
            ids.iter().map(|id| happened().to(*id).with(details.clone())).collect()
        }
        Whose::All(_) => vec![happened().with(json!({ "action": action, "sessions": "of everybody" }))],
    }
}

fn all<T: FromStr>(ids: &[String], field: &str) -> Result<Vec<T>, Problem> {
    if ids.len() > MOST_IDS {
        return Err(Problem::bad(format!("The '{field}' field may hold at most {MOST_IDS} ids.")));
    }
    let unreadable = |id: &String| Problem::bad(format!("Could not parse '{field}' field: `{id}` is not a UUID."));
    ids.iter().map(|id| id.parse().map_err(|_| unreadable(id))).collect()
}

/// The people of a list of sessions.
struct People {
    now: OffsetDateTime,
    idle_timeout: Option<GoDuration>,
    found: HashMap<IdentityId, (IdentityState, Option<Box<RawValue>>)>,
}

impl People {
    async fn of(app: &App, caller: &Caller, sessions: &[Session], shown: bool) -> Result<Self, Refused> {
        let store = &app.engine.store;
        let mut ids: Vec<IdentityId> = sessions.iter().map(|session| session.identity_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut found = HashMap::with_capacity(ids.len());
        if shown && !ids.is_empty() {
            let page = Page::After { key: None, size: ids.len() };
            let filter = people::Filter { ids, ..people::Filter::default() };
            for identity in people::list(store, &filter, page).await?.items {
                let url = caller.snapshot.schema_url(&identity.schema_id);
                found.insert(identity.id, (identity.state, Some(rendered(&identity, &url, true)?)));
            }
        } else {
            for person in people::people(store, &ids).await? {
                found.insert(person.id, (person.state, None));
            }
        }
        Ok(Self { now: app.engine.clock.now(), idle_timeout: caller.snapshot.session.idle_timeout, found })
    }

    fn view<'a>(&'a self, session: &'a Session, devices: Option<&'a [Device]>) -> SessionView<'a> {
        let person = self.found.get(&session.identity_id);
        let state = person.map_or(IdentityState::Inactive, |(state, _)| *state);
        let identity = person.and_then(|(_, shown)| shown.as_deref());
        SessionView { session, active: session.is_active(self.now, state, self.idle_timeout), identity, devices }
    }
}

fn rendered(identity: &Identity, schema_url: &str, addresses: bool) -> Result<Box<RawValue>, Problem> {
    let view = IdentityView {
        identity,
        schema_url: Some(schema_url),
        addresses,
        metadata_admin: Show::Always,
        credentials: None,
    };
    serde_json::value::to_raw_value(&view).map_err(Problem::bug)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expanded() {
        let query = |text: &str| -> Vec<(String, String)> {
            url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
        };
        let expand = Expand::read(&query("expand=Identity&expand=devices")).unwrap();
        assert!(expand.identity && expand.devices);
        assert!(Expand::read(&query("expand=nope")).is_err());
    }
}
