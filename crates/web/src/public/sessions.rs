//! Who am I, and where else am I signed in?

use crate::{
    app::App,
    caller::Caller,
    cookies,
    paging::Offset,
    respond::{self, bare_person_json, person_json},
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{StatusCode, Uri, header};
use serde_json::json;
use std::sync::Arc;
use time::Duration;
use zelos_core::{
    audit::EventKind,
    id::SessionId,
    problem::{NoSession, Problem, Result},
    session::json::SessionView,
};
use zelos_flow::{audit::Happened, plug::Current};
use zelos_store::{Batch, Error, Page, sessions};

/// How long, in seconds, a proxy may believe that nobody is signed in who showed nothing.
const NOBODY_CACHED_FOR: u64 = 60;

/// Tells who is signed in, to any method: proxies forward that of their own request.
pub(crate) async fn whoami(State(app): State<Arc<App>>, caller: Caller) -> Response {
    match app.engine.whoami(&caller.request).await {
        Ok(current) => tell(&app, &caller, &current),
        Err(problem) => {
            let mut response = respond::problem(&caller, &problem);
            let cacheable = caller.snapshot.feature_flags.cacheable_sessions;
            if cacheable && caller.request.token.is_none() && matches!(problem, Problem::NoSession(_)) {
                respond::set(&mut response, "ory-session-cache-for", NOBODY_CACHED_FOR);
            }
            response
        }
    }
}

fn tell(app: &App, caller: &Caller, current: &Current) -> Response {
    if caller.query_value("tokenize_as").is_some_and(|template| !template.is_empty()) {
        return respond::problem(caller, &Problem::bad("There is no token template with that name."));
    }
    let snapshot = &caller.snapshot;
    let (session, now) = (&current.session, app.engine.clock.now());
    let identity = person_json(snapshot, &current.person);
    let view = SessionView { session, active: true, identity: Some(&identity), devices: Some(&session.devices) };
    let mut response = respond::json(StatusCode::OK, &view);
    respond::set(&mut response, "x-kratos-authenticated-identity-id", current.person.id.to_string());
    let flags = &snapshot.feature_flags;
    if flags.cacheable_sessions {
        let left = u64::try_from((session.expires_at - now).whole_seconds()).unwrap_or_default();
        let most = flags.cacheable_sessions_max_age.map(|age| age.as_secs()).filter(|most| *most > 0);
        respond::set(&mut response, "ory-session-cache-for", most.map_or(left, |most| left.min(most)));
    }
    // A session that was made to live longer: its cookie learns of it. (Cookies count in whole seconds.)
    let is_older =
        |cookie: &cookies::SessionCookie| cookie.expires_at.saturating_add(Duration::SECOND) <= session.expires_at;
    if caller.session_cookie.as_ref().is_some_and(is_older)
        && let Some(cookie) = cookies::hand_out(snapshot, &*app.engine.rng, now, session, &current.token)
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The other sessions of whoever is signed in, newest first.
pub(crate) async fn list(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Response {
    let result = list_others(&app, &caller, &uri).await;
    respond::or_problem(&caller, result)
}

async fn list_others(app: &App, caller: &Caller, uri: &Uri) -> Result<Response> {
    let current = app.engine.whoami(&caller.request).await?;
    let query = caller.query();
    let page = Offset::read(&query);
    let now = app.engine.clock.now();
    let used_since = caller.snapshot.session.used_since(now);
    let filter = sessions::Filter { active: Some(true), now, used_since, except: Some(current.session.id) };
    // Quirk: pages are counted from one here, and page 0 is page 1 (Kratos persistence/sql/persister_session.go).
    let wanted = Page::Number { page: u64::try_from(page.page.max(1) - 1).unwrap_or(u64::MAX), size: page.size };
    let (found, total) = sessions::list_of_identity(&app.engine.store, current.person.id, &filter, wanted).await?;
    // Quirk: the person in this list lacks the addresses and says an empty `schema_url` (Kratos session/handler.go).
    let identity = bare_person_json(&current.person)?;
    let views: Vec<SessionView<'_>> = found
        .iter()
        .map(|session| SessionView {
            session,
            active: true,
            identity: Some(&identity),
            devices: Some(&session.devices),
        })
        .collect();
    let mut response = respond::json(StatusCode::OK, &views);
    let total = usize::try_from(total).unwrap_or_default();
    page.write(response.headers_mut(), uri.path(), &query, total);
    Ok(response)
}

/// Ends the other sessions of whoever is signed in.
pub(crate) async fn revoke_others(State(app): State<Arc<App>>, caller: Caller) -> Response {
    let result = async {
        let current = signed_in(&app, &caller).await?;
        let mut batch = Batch::new();
        let now = app.engine.clock.now();
        sessions::revoke_others(&mut batch, current.person.id, Some(current.session.id), now);
        caller.record(&app, &mut batch, [Happened::others_revoked(current.person.id)]);
        let count = app.engine.store.commit(batch).await?.first().copied().unwrap_or_default();
        Ok(respond::json(StatusCode::OK, &json!({ "count": count })))
    };
    let result = result.await;
    respond::or_problem(&caller, result)
}

/// Ends one of the sessions of whoever is signed in.
pub(crate) async fn revoke(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let result = revoke_one(&app, &caller, &id).await;
    respond::or_problem(&caller, result)
}

async fn revoke_one(app: &App, caller: &Caller, id: &str) -> Result<Response> {
    let current = signed_in(app, caller).await?;
    let id: SessionId = id.parse().map_err(|_| Problem::bad("This is not the id of a session."))?;
    if id == current.session.id {
        return Err(Problem::bad("This is the present session: log out to end it."));
    }
    let mut batch = Batch::new();
    sessions::revoke_of_identity(&mut batch, current.person.id, id, app.engine.clock.now());
    let ended = Happened::new(EventKind::SessionRevoked).to(current.person.id).in_session(id);
    caller.record(app, &mut batch, [ended]);
    match app.engine.store.commit(batch).await {
        // Whether there is such a session of somebody else is not told.
        Ok(_) | Err(Error::Unmet(_)) => Ok(respond::no_content()),
        Err(error) => Err(error.into()),
    }
}

async fn signed_in(app: &App, caller: &Caller) -> Result<Current> {
    app.engine.authenticate(&caller.request).await?.ok_or(Problem::NoSession(NoSession::WithoutId))
}
