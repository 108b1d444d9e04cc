//! Our own pages. Each is there only while the operator has configured no address of their own for it; a page is a
//! client like any other and gets the same JSON.

use super::errors;
use crate::{
    app::App,
    caller::Caller,
    failure::Failure,
    middleware,
    pages::{self, ConfirmPage, ErrorPage, FlowPage, Offers, StartPage, csp},
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
    snapshot::{Snapshot, with_query},
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
            let schema = caller.snapshot.schemas.find(flow.schema.as_deref().unwrap_or_default());
            let drawn = match to_value(&FlowView { flow: &flow, identity: identity.as_deref() }) {
                Ok(mut flow) => {
                    if let Some(schema) = schema {
                        pages::traits::describe(&mut flow, schema);
                    }
                    draw_flow(&app, &caller, kind, flow).await
                }
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

async fn draw_flow(app: &App, caller: &Caller, kind: Kind, mut flow: Value) -> Result<String> {
    let logout_url = logout_url(app, caller).await?;
    if kind == Kind::Verification
        && logout_url.is_some()
        && let Some(current) = app.engine.authenticate(&caller.request).await?
    {
        fill_in_address(&mut flow, &to_value(&person_json(&caller.snapshot, &current.person))?);
    }
    let page = FlowPage {
        kind,
        flow: &flow,
        base: caller.snapshot.public.as_str(),
        offers: offers(caller),
        logout_url: logout_url.as_deref(),
    };
    Ok(app.pages.flow(&page)?)
}

/// Whoever is signed in need not type the address that is still to be verified.
fn fill_in_address(flow: &mut Value, person: &Value) {
    let asks = flow["state"] == "choose_method";
    let nodes = flow["ui"]["nodes"].as_array_mut().into_iter().flatten();
    let mut fields = nodes.map(|node| &mut node["attributes"]).filter(|field| asks && field["name"] == "email");
    let Some(field) = fields.next() else { return };
    let addresses = person["verifiable_addresses"].as_array().into_iter().flatten();
    let mut fitting = addresses.filter(|address| field["type"] != "email" || address["via"] == "email");
    if let Some(address) = fitting.find(|address| address["verified"] == false)
        && field["value"].as_str().is_none_or(str::is_empty)
    {
        field["value"] = address["value"].clone();
    }
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

/// The page that a link leads to: its button uses the link up. It is drawn for operators' own pages as well.
pub(super) fn confirm(app: &App, caller: &Caller, kind: Kind, (flow, token): (&str, &str)) -> Response {
    let snapshot = &caller.snapshot;
    let action = with_query(&snapshot.public_path(&format!("self-service/{}", kind.as_str())), &[("flow", flow)]);
    let page = ConfirmPage { kind, action: &action, token, base: snapshot.public.as_str() };
    respond_with(app, caller, app.pages.confirm(&page).map_err(Problem::Bug))
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
    let confirms = Kind::ALL.into_iter().any(|kind| caller.snapshot.confirms_links(kind));
    let is_shown = caller.snapshot.selfservice.ui.enabled || confirms;
    let Some((content_type, bytes)) = app.pages.asset(&name).filter(|_| is_shown) else {
        return middleware::not_found();
    };
    let mut response = respond::body(StatusCode::OK, content_type, bytes);
    let kept = if caller.query().is_empty() { "no-cache" } else { "public, max-age=31536000, immutable" };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    // An image in SVG may have styles of its own.
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
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
        Ok(html) => page(caller, StatusCode::OK, html),
        Err(problem) => failed(app, caller, &problem),
    }
}

/// The error page in place, with the status of what went wrong.
pub(super) fn failed(app: &App, caller: &Caller, problem: &Problem) -> Response {
    let failure = Failure::of(problem, respond::audience(caller));
    let error = json!({ "error": failure.error });
    match app.pages.error(&ErrorPage { error: &error, base: caller.snapshot.public.as_str() }) {
        Ok(html) => page(caller, failure.status, html),
        Err(worse) => {
            tracing::error!(error = format!("{worse:#}"), "the error page cannot be drawn");
            failure.into_response()
        }
    }
}

/// A page with what keeps others out of it.
fn page(caller: &Caller, status: StatusCode, html: String) -> Response {
    let mut response = respond::body(status, HTML, html);
    respond::set(&mut response, "content-security-policy", csp(&caller.snapshot.form_targets));
    respond::set(&mut response, "x-frame-options", HeaderValue::from_static("DENY"));
    respond::set(&mut response, "cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_filled_in_where_it_is_asked_for() {
        let flow = |state: &str, kind: &str, value: &str| {
            let attributes = json!({ "name": "email", "type": kind, "value": value });
            json!({ "state": state, "ui": { "nodes": [{ "attributes": attributes }] } })
        };
        let address =
            |value: &str, via: &str, verified: bool| json!({ "value": value, "via": via, "verified": verified });
        let phone = address("+4915112345678", "sms", false);
        let person = json!({ "verifiable_addresses": [
            address("old@example.org", "email", true), phone, address("new@example.org", "email", false),
        ] });
        for (mut flow, expected) in [
            (flow("choose_method", "email", ""), "new@example.org"),
            (flow("choose_method", "text", ""), "+4915112345678"),
            (flow("choose_method", "email", "typed@example.org"), "typed@example.org"),
            (flow("sent_email", "submit", ""), ""),
        ] {
            fill_in_address(&mut flow, &person);
            assert_eq!(flow["ui"]["nodes"][0]["attributes"]["value"], expected);
        }
        let mut verified = flow("choose_method", "email", "");
        fill_in_address(&mut verified, &json!({ "verifiable_addresses": [address("a@example.org", "email", true)] }));
        assert_eq!(verified["ui"]["nodes"][0]["attributes"]["value"], "");
    }
}
