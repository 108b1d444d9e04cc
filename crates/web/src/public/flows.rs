//! The doors of all flows: create, fetch, submit. The kind comes from the path; nothing else here knows one kind from
//! another.

use crate::{
    app::App,
    caller::Caller,
    input,
    public::ui,
    respond::{self, Stage},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{Method, StatusCode};
use std::sync::Arc;
use zelos_core::flow::{Channel, Kind, json::FlowView};
use zelos_flow::Input;

/// Begins a flow.
pub(crate) async fn create(State(app): State<Arc<App>>, mut caller: Caller, kind: Kind, channel: Channel) -> Response {
    // The form carries the secret whose cookie goes out with this very answer.
    caller.request.csrf = caller.request.csrf.or(caller.fresh_csrf);
    match app.engine.create(kind, channel, &caller.request, &caller.query()).await {
        Ok(outcome) => respond::outcome(&app, &caller, kind, outcome),
        Err(problem) => respond::flow_problem(&app, &caller, (kind, Stage::Create), Some(channel), &problem).await,
    }
}

/// Shows a flow.
pub(crate) async fn fetch(State(app): State<Arc<App>>, caller: Caller, kind: Kind) -> Response {
    let id = caller.query_value("id").unwrap_or_default();
    match app.engine.fetch(kind, &id, &caller.request).await {
        Ok((flow, person)) => {
            let identity = person.map(|person| respond::person_json(&caller.snapshot, &person));
            respond::json(StatusCode::OK, &FlowView { flow: &flow, identity: identity.as_deref() })
        }
        Err(problem) => respond::flow_problem(&app, &caller, (kind, Stage::Fetch), None, &problem).await,
    }
}

/// Whoever only looks whether a link leads anywhere, as machines that read mail do, has not opened it.
pub(crate) async fn look() -> StatusCode {
    StatusCode::OK
}

/// Takes what was sent to a flow. What cannot be read is handed on as a problem: it becomes a message of the form.
pub(crate) async fn submit(State(app): State<Arc<App>>, request: Request, kind: Kind) -> Response {
    let (parts, body) = request.into_parts();
    let mut caller = Caller::of(&app, &parts);
    caller.keep_headers(&parts.headers);
    let id = caller.query_value("flow");
    let is_get = parts.method != Method::POST;
    let input = if is_get { input::link(caller.query()) } else { input::submission(kind, &parts.headers, body).await };
    let token = match &input {
        Ok(input) if is_get || !caller.client.is_json => {
            token_of_link(&app, &caller, (kind, id.as_deref()), input).await
        }
        _ => None,
    };
    match (&id, token) {
        (Some(id), Some(token)) if is_get && caller.snapshot.confirms_links(kind) => {
            return ui::confirm(&app, &caller, kind, (id, &token));
        }
        (_, token) => caller.request.is_link = is_get || token.is_some(),
    }
    let mut given = None;
    if caller.request.is_link {
        // The form that a link leads to carries the secret whose cookie goes out with this very answer. A link may be opened,
        // and confirmed, by a browser that was never here.
        let known = caller.request.csrf.or(caller.fresh_csrf);
        given = known.is_none().then(|| zelos_flow::csrf::generate(&*app.engine.rng));
        caller.request.csrf = known.or(given);
    }
    let mut response = match app.engine.submit(kind, id.as_deref(), &caller.request, input).await {
        Ok(outcome) => respond::outcome(&app, &caller, kind, outcome),
        Err(refusal) => {
            respond::flow_problem(&app, &caller, (kind, Stage::Submit), refusal.channel, &refusal.problem).await
        }
    };
    respond::give_csrf(&caller, given, &mut response);
    response
}

/// The token of a link that is opened, or confirmed with the form of the page that it led to. Such a form comes from any
/// browser: its secret is the token, not a cookie. What programs send as JSON is no such form.
async fn token_of_link(app: &App, caller: &Caller, (kind, id): (Kind, Option<&str>), input: &Input) -> Option<String> {
    let token = input.given("token").filter(|_| matches!(kind, Kind::Recovery | Kind::Verification))?;
    app.engine.is_link(kind, id?, &caller.request, input).await.then(|| token.to_owned())
}
