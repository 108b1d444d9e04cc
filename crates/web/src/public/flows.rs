//! The doors of all flows: create, fetch, submit. The kind comes from the path; nothing else here knows one kind from
//! another.

use crate::{
    app::App,
    caller::Caller,
    input,
    respond::{self, Stage},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{Method, StatusCode};
use std::sync::Arc;
use zelos_core::flow::{Channel, Kind, json::FlowView};

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
    let input = if parts.method == Method::POST {
        input::submission(kind, &parts.headers, body).await
    } else {
        // The form that a link leads to carries the secret whose cookie goes out with this very answer.
        caller.request.is_link = true;
        caller.request.csrf = caller.request.csrf.or(caller.fresh_csrf);
        input::link(caller.query())
    };
    let id = caller.query_value("flow");
    match app.engine.submit(kind, id.as_deref(), &caller.request, input).await {
        Ok(outcome) => respond::outcome(&app, &caller, kind, outcome),
        Err(refusal) => {
            respond::flow_problem(&app, &caller, (kind, Stage::Submit), refusal.channel, &refusal.problem).await
        }
    }
}
