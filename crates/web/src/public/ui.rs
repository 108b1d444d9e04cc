//! Our own pages. Each is there only while the operator has configured no address of their own for it; a page is a
//! client like any other and gets the same JSON.

use super::errors;
use crate::{
    app::App,
    caller::Caller,
    failure::Failure,
    middleware,
    pages::{ErrorPage, FlowPage, Offers, StartPage},
    respond::{self, Stage, person_json},
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use zelos_core::{
    flow::{Kind, json::FlowView},
    problem::{CsrfReason, Problem, Result},
    session::json::SessionView,
    snapshot::Snapshot,
};

pub(super) const HTML: &str = "text/html; charset=utf-8";

/// Whether our page shows flows of that kind.
fn shows(snapshot: &Snapshot, kind: Kind) -> bool {
    snapshot.selfservice.ui.enabled && snapshot.selfservice.flows.ui_url(kind).is_none()
}

/// The page of a flow. Without a flow, or with one that is gone, it begins a new one.
pub(crate) async fn flow(State(app): State<Arc<App>>, caller: Caller, kind: Kind) -> Response {
    if !shows(&caller.snapshot, kind) {
        return middleware::not_found();
    }
    let Some(id) = caller.query_value("flow") else {
        return begin(&caller, kind, caller.query_value("return_to").as_deref());
    };
    match app.engine.fetch(kind, &id, &caller.request).await {
        Ok((flow, person)) => {
            let identity = person.map(|person| person_json(&caller.snapshot, &person));
            let drawn = match to_value(&FlowView { flow: &flow, identity: identity.as_deref() }) {
                Ok(flow) => draw_flow(&app, &caller, kind, &flow).await,
                Err(problem) => Err(problem),
            };
            respond_with(&app, &caller, drawn)
        }
        Err(Problem::Expired(expired)) => begin(&caller, kind, expired.details["return_to"].as_str()),
        // The browser has a cookie, so the new flow will be its own.
        Err(Problem::NotFound(_) | Problem::Csrf(CsrfReason::Mismatch)) => begin(&caller, kind, None),
        Err(problem @ (Problem::NoSession(_) | Problem::StepUp { .. })) => {
            respond::flow_problem(&app, &caller, (kind, Stage::Submit), None, &problem).await
        }
        Err(problem) => failed(&app, &caller, &problem),
    }
}

fn begin(caller: &Caller, kind: Kind, return_to: Option<&str>) -> Response {
    let query: Vec<(&str, &str)> = return_to.iter().map(|to| ("return_to", *to)).collect();
    respond::redirect(StatusCode::SEE_OTHER, &caller.snapshot.start_url(kind, &query))
}

async fn draw_flow(app: &App, caller: &Caller, kind: Kind, flow: &Value) -> Result<String> {
    let logout_url = logout_url(app, caller).await?;
    let page = FlowPage {
        kind,
        flow,
        base: caller.snapshot.public.as_str(),
        offers: offers(caller),
        logout_url: logout_url.as_deref(),
    };
    Ok(app.pages.flow(&page)?)
}

/// The start page: who is signed in, or how to.
pub(crate) async fn start(State(app): State<Arc<App>>, caller: Caller) -> Response {
    if !shows(&caller.snapshot, Kind::Login) {
        return middleware::not_found();
    }
    let drawn = draw_start(&app, &caller).await;
    respond_with(&app, &caller, drawn)
}

async fn draw_start(app: &App, caller: &Caller) -> Result<String> {
    let snapshot = &caller.snapshot;
    let session = match app.engine.authenticate(&caller.request).await? {
        None => None,
        Some(current) => {
            let identity = person_json(snapshot, &current.person);
            let devices = Some(&*current.session.devices);
            let view = SessionView { session: &current.session, active: true, identity: Some(&identity), devices };
            Some(to_value(&view)?)
        }
    };
    let logout_url = if session.is_some() { logout_url(app, caller).await? } else { None };
    let page = StartPage {
        session: session.as_ref(),
        logout_url: logout_url.as_deref(),
        base: snapshot.public.as_str(),
        offers: offers(caller),
    };
    Ok(app.pages.start(&page)?)
}

/// The page that tells what went wrong.
pub(crate) async fn error(State(app): State<Arc<App>>, caller: Caller) -> Response {
    if !caller.snapshot.selfservice.ui.enabled || caller.snapshot.selfservice.flows.error.ui_url.is_some() {
        return middleware::not_found();
    }
    let id = caller.query_value("id").unwrap_or_default();
    match errors::find(&app, &id).await {
        Ok(error) => {
            let drawn = app.pages.error(&ErrorPage { error: &error, base: caller.snapshot.public.as_str() });
            respond_with(&app, &caller, drawn.map_err(Problem::Bug))
        }
        Err(problem) => failed(&app, &caller, &problem),
    }
}

/// A static file of the pages. Its address carries a version, so that it may be kept.
pub(crate) async fn asset(State(app): State<Arc<App>>, caller: Caller, Path(name): Path<String>) -> Response {
    let Some((content_type, bytes)) = app.pages.asset(&name).filter(|_| caller.snapshot.selfservice.ui.enabled) else {
        return middleware::not_found();
    };
    let mut response = respond::body(StatusCode::OK, content_type, bytes);
    let kept = if caller.query().is_empty() { "no-cache" } else { "public, max-age=31536000, immutable" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    respond::set(&mut response, "x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

async fn logout_url(app: &App, caller: &Caller) -> Result<Option<String>> {
    match app.engine.logout_url(&caller.request, None).await {
        Ok(logout) => Ok(Some(logout.url)),
        Err(Problem::NoSession(_)) => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn offers(caller: &Caller) -> Offers {
    let flows = &caller.snapshot.selfservice.flows;
    Offers {
        registration: flows.registration.enabled,
        recovery: flows.recovery.enabled,
        verification: flows.verification.enabled,
        settings: true,
        mailbox: caller.sees_mailbox,
    }
}

fn to_value(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Problem::Bug(error.into()))
}

/// The page, or the error page.
pub(super) fn respond_with(app: &App, caller: &Caller, drawn: Result<String>) -> Response {
    match drawn {
        Ok(html) => page(app, StatusCode::OK, html),
        Err(problem) => failed(app, caller, &problem),
    }
}

/// The error page in place, with the status of what went wrong.
pub(super) fn failed(app: &App, caller: &Caller, problem: &Problem) -> Response {
    let failure = Failure::of(problem, respond::audience(caller));
    let error = json!({ "error": failure.error });
    match app.pages.error(&ErrorPage { error: &error, base: caller.snapshot.public.as_str() }) {
        Ok(html) => page(app, failure.status, html),
        Err(worse) => {
            tracing::error!(error = format!("{worse:#}"), "the error page cannot be drawn");
            failure.into_response()
        }
    }
}

/// A page with what keeps others out of it.
fn page(app: &App, status: StatusCode, html: String) -> Response {
    let mut response = respond::body(status, HTML, html);
    respond::set(&mut response, "content-security-policy", app.pages.csp());
    respond::set(&mut response, "x-frame-options", HeaderValue::from_static("DENY"));
    respond::set(&mut response, "x-content-type-options", HeaderValue::from_static("nosniff"));
    respond::set(&mut response, "referrer-policy", HeaderValue::from_static("same-origin"));
    respond::set(&mut response, "cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}
