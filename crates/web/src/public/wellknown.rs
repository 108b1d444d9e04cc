//! Addresses that others know by heart.

use crate::{app::App, caller::Caller, middleware, respond};
use axum::{extract::State, response::Response};
use http::StatusCode;
use std::sync::Arc;
use zelos_core::flow::Kind;

/// Where password managers send people to change their password.
pub(crate) async fn change_password(State(_): State<Arc<App>>, caller: Caller) -> Response {
    let configured = caller.snapshot.selfservice.flows.ui_url(Kind::Settings).map(ToString::to_string);
    let to = configured.unwrap_or_else(|| caller.snapshot.start_url(Kind::Settings, &[]));
    respond::redirect(StatusCode::SEE_OTHER, &to)
}

/// The script that talks to security keys.
pub(crate) async fn webauthn_script(State(app): State<Arc<App>>) -> Response {
    match app.pages.asset("webauthn.js") {
        Some((_, script)) => respond::body(StatusCode::OK, "text/javascript; charset=UTF-8", script),
        None => middleware::not_found(),
    }
}
