//! Creating many identities with one request. Each item succeeds or fails by itself; only a request that cannot be
//! meant fails as a whole.

use super::{
    Refused,
    answer::{self, Done},
    body, change,
};
use crate::{app::App, caller::Caller, failure::ErrorObject, input};
use axum::{body::Body, extract::State, response::Response};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;
use zelos_core::{id::IdentityId, problem::Problem};

const MOST: usize = 1000;

/// Each costs a hash.
const MOST_PLAIN_PASSWORDS: usize = 200;

/// What became of an item.
#[derive(Debug, Serialize)]
struct Outcome {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<IdentityId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorObject>,
}

/// `PATCH /admin/identities`
pub(super) async fn patch(State(app): State<Arc<App>>, caller: Caller, body: Body) -> Response {
    answer::give(&caller, created(&app, &caller, body).await)
}

async fn created(app: &App, caller: &Caller, body: Body) -> Result<Done, Refused> {
    let body = body::batch(&input::read(body).await?).map_err(Refused::worded)?;
    let items = body.identities.unwrap_or_default();
    if items.len() > MOST {
        return Err(Problem::bad(format!("At most {MOST} identities can be created at once.")).into());
    }
    let plain = items.iter().filter_map(|item| item.create.as_ref()).filter(|create| create.has_plain_password());
    if plain.count() > MOST_PLAIN_PASSWORDS {
        let reason = format!("At most {MOST_PLAIN_PASSWORDS} identities with a plain password can be created at once.");
        return Err(Problem::bad(reason).into());
    }
    let mut outcomes = Vec::with_capacity(items.len());
    for item in items {
        let Some(create) = item.create else {
            outcomes.push(None);
            continue;
        };
        let done = one(app, caller, create).await;
        let failed = done.is_err();
        let (identity, error) = match done {
            Ok(id) => (Some(id), None),
            Err(refused) => (None, Some(refused.into_object(caller))),
        };
        let action = if failed { "error" } else { "create" };
        outcomes.push(Some(Outcome { action, identity, patch_id: item.patch_id, error }));
    }
    Done::json(&serde_json::json!({ "identities": outcomes }))
}

async fn one(app: &App, caller: &Caller, create: body::Create) -> Result<IdentityId, Refused> {
    let cx = app.engine.cx(&caller.snapshot, &caller.request);
    let identity = change::made(&app.engine, &cx, create).await?;
    change::insert(app, caller, &identity).await?;
    Ok(identity.id)
}
