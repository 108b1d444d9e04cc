//! Is it alive, is it ready, which version and which configuration runs, and how busy is it?

use crate::{
    app::{App, Phase},
    caller::Caller,
    failure::Failure,
    respond,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, sync::Arc};
use zelos_core::problem::{Problem, Result};

/// The process runs.
pub(crate) async fn alive() -> Response {
    ok()
}

/// Requests are welcome; why not is not told to strangers.
pub(crate) async fn ready_public(State(app): State<Arc<App>>) -> Response {
    if obstacle(&app).await.is_none() {
        return ok();
    }
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "The service is not ready; its log says why.").into_response()
}

/// Requests are welcome, or why they are not.
pub(crate) async fn ready_admin(State(app): State<Arc<App>>) -> Response {
    match obstacle(&app).await {
        None => ok(),
        Some((check, why)) => {
            let failure = Failure::new(StatusCode::SERVICE_UNAVAILABLE, "The service is not ready.");
            failure.detail(check, why).into_response()
        }
    }
}

async fn obstacle(app: &App) -> Option<(&'static str, &'static str)> {
    match app.readiness.phase() {
        Phase::Starting => Some(("migrations", "The database is not reached yet, or migrations are pending.")),
        Phase::Stopping => Some(("server", "The server is stopping.")),
        Phase::Ready => match app.engine.store.ping().await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, "the database does not answer");
                Some(("database", "The database does not answer."))
            }
        },
    }
}

fn ok() -> Response {
    respond::json(StatusCode::OK, &json!({ "status": "ok" }))
}

/// The version that runs.
pub(crate) async fn version(State(app): State<Arc<App>>) -> Response {
    respond::json(StatusCode::OK, &json!({ "version": app.version }))
}

/// The name of the configuration that runs, or else its hash: tells whether a change has arrived.
pub(crate) async fn config(State(_): State<Arc<App>>, caller: Caller) -> Response {
    let result = revision(&caller).map(IntoResponse::into_response);
    respond::or_problem(&caller, result)
}

fn revision(caller: &Caller) -> Result<String> {
    if let Some(revision) = &caller.snapshot.revision {
        return Ok(revision.clone());
    }
    let config: &zelos_core::config::Config = &caller.snapshot;
    let text = serde_json::to_vec(config).map_err(|error| Problem::Bug(error.into()))?;
    Ok(Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hash, byte| {
        let _ = write!(hash, "{byte:02x}");
        hash
    }))
}

/// The numbers for Prometheus.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    respond::body(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", app.metrics.write(&app.engine).await)
}
