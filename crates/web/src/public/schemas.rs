//! The identity schemas, for everybody who draws a form.

use crate::{app::App, caller::Caller, paging::Offset, respond};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{StatusCode, Uri};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use zelos_core::problem::Problem;

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    schema: Box<RawValue>,
}

/// All schemas, in the order of the configuration.
pub(crate) async fn list(State(_): State<Arc<App>>, caller: Caller, uri: Uri) -> Response {
    let all: Vec<_> = caller.snapshot.schemas.iter().collect();
    let query = caller.query();
    let page = Offset::read(&query);
    let entries: Result<Vec<Entry<'_>>, Problem> = page
        .slice(&all)
        .iter()
        .map(|schema| {
            let raw = RawValue::from_string(schema.raw().to_owned()).map_err(|error| Problem::Bug(error.into()))?;
            Ok(Entry { id: schema.id(), schema: raw })
        })
        .collect();
    let result = entries.map(|entries| {
        let mut response = respond::json(StatusCode::OK, &entries);
        page.write(response.headers_mut(), uri.path(), &query, all.len());
        response
    });
    respond::or_problem(&caller, result)
}

/// One schema, byte for byte as the operator wrote it.
pub(crate) async fn show(State(_): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    match caller.snapshot.schemas.find(&id) {
        Some(schema) => respond::body(StatusCode::OK, "application/json", schema.raw().to_owned()),
        None => respond::problem(&caller, &Problem::NotFound(format!("There is no identity schema `{id}`."))),
    }
}
