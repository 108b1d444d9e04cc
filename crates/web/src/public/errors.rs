//! What happened to a browser, for the page that tells it.

use crate::{app::App, caller::Caller, failure::Failure, respond};
use axum::{extract::State, response::Response};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use time::{OffsetDateTime, macros::datetime};
use zelos_core::{
    id::ErrorId,
    identity::json::Rfc3339,
    problem::{Problem, Result},
};
use zelos_store::errors::ErrorContainer;

/// An example for people who build an error page.
const STUB: &str = "stub:500";

/// What the original prints for "no time at all".
const NEVER: OffsetDateTime = datetime!(0001-01-01 00:00 UTC);

/// Shows the error kept under an id.
pub(crate) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Response {
    let id = [caller.query_value("error"), caller.query_value("id")].into_iter().flatten().find(|id| !id.is_empty());
    let result = find(&app, &id.unwrap_or_default()).await.map(|error| respond::json(StatusCode::OK, &error));
    respond::or_problem(&caller, result)
}

/// The container of an error, as the wire has it.
pub(crate) async fn find(app: &App, id: &str) -> Result<Value> {
    let kept = if id == STUB {
        let stub = Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "This is an example of an error.");
        let document = serde_json::to_value(&stub.error).map_err(|error| Problem::Bug(error.into()))?;
        ErrorContainer { id: ErrorId(app.engine.rng.uuid_v4()), document, created_at: NEVER, updated_at: NEVER }
    } else {
        let found = app.engine.error(id).await?;
        found.ok_or_else(|| Problem::NotFound("No error is kept under this id.".to_owned()))?
    };
    Ok(json!({
        "id": kept.id,
        "error": kept.document,
        "created_at": Rfc3339(kept.created_at),
        "updated_at": Rfc3339(kept.updated_at),
    }))
}
