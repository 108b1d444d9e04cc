//! Signing out.

use crate::{app::App, caller::Caller, cookies, input, respond};
use axum::{
    extract::{Request, State},
    response::Response,
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::sync::Arc;
use zelos_core::problem::{Problem, Result};

/// Tells a browser the address that signs it out. It is JSON for pages too.
pub(crate) async fn create(State(app): State<Arc<App>>, caller: Caller) -> Response {
    let return_to = caller.query_value("return_to");
    match app.engine.logout_url(&caller.request, return_to.as_deref()).await {
        Ok(logout) => respond::json(StatusCode::OK, &json!({ "logout_url": logout.url, "logout_token": logout.token })),
        Err(problem) => respond::forward(&app, &caller, &problem).await,
    }
}

/// Signs a browser out.
pub(crate) async fn submit(State(app): State<Arc<App>>, caller: Caller) -> Response {
    let (token, return_to) = (caller.query_value("token"), caller.query_value("return_to"));
    let (mut response, ended) = match app.engine.logout(&caller.request, token.as_deref(), return_to.as_deref()).await {
        Ok(_) if caller.client.is_json => (respond::no_content(), true),
        Ok(to) => (respond::redirect(StatusCode::SEE_OTHER, &to), true),
        Err(problem) => {
            // The session has ended before the address is judged: the cookies must not outlive it.
            let ended = matches!(problem, Problem::Bad { id: Some("self_service_flow_return_to_forbidden"), .. });
            (respond::forward(&app, &caller, &problem).await, ended)
        }
    };
    if ended {
        if let Some(cookie) = cookies::take_back(&caller.snapshot) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        respond::renew_csrf(&app, &caller, &mut response);
        let encrypted = caller.request.url.starts_with("https://");
        if encrypted && caller.snapshot.selfservice.flows.logout.clear_browser_data {
            let all = HeaderValue::from_static("\"cookies\", \"storage\", \"cache\"");
            respond::set(&mut response, "clear-site-data", all);
        }
    }
    response
}

/// Signs a native app out.
pub(crate) async fn native(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let caller = Caller::of(&app, &parts);
    let result = end(&app, &caller, body).await;
    respond::or_problem(&caller, result)
}

async fn end(app: &App, caller: &Caller, body: axum::body::Body) -> Result<Response> {
    let members = input::object(&input::read(body).await?)?;
    let token = members.get("session_token").and_then(|token| token.as_str()).unwrap_or_default();
    app.engine.logout_native(&caller.request, token).await?;
    Ok(respond::no_content())
}
