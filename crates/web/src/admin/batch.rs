//! Creating many identities with one request. Each item succeeds or fails by itself; only a request that cannot be
//! meant fails as a whole.

use super::{
    Refused,
    answer::{self, Done},
    body, change,
};
use crate::{app::App, caller::Caller, failure::ErrorObject, input};
use axum::{body::Body, extract::State, response::Response};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;
use zelos_core::{id::IdentityId, identity::Identity, problem::Problem};
use zelos_store::{Batch, Error, identities as stored};

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
    let (ids, creates): (Vec<_>, Vec<_>) =
        items.into_iter().map(|item| ((item.patch_id, item.unusable), item.create)).unzip();
    let made: Vec<Option<Result<Identity, Refused>>> =
        stream::iter(creates).map(|create| one(app, caller, create)).buffered(AT_ONCE).collect().await;
    let mut written = stored_each(app, caller, made).await;
    let outcomes: Vec<Option<Outcome>> = ids
        .into_iter()
        .zip(written.drain(..))
        .map(|((patch_id, unusable), done)| {
            let done = unusable.map_or(done, |why| Some(Err(Refused::worded(why))));
            let (action, identity, error) = match done? {
                Ok(id) => ("create", Some(id), None),
                Err(refused) => ("error", None, Some(refused.into_object(caller))),
            };
            Some(Outcome { action, identity, patch_id, error })
        })
        .collect();
    Done::json(&serde_json::json!({ "identities": outcomes }))
}

/// How many are made at the same time: passwords are hashed beside each other.
const AT_ONCE: usize = 8;

async fn one(app: &App, caller: &Caller, create: Option<body::Create>) -> Option<Result<Identity, Refused>> {
    let create = create?;
    // A thousand of them take some time, and requests of others wait for this thread.
    tokio::task::yield_now().await;
    let cx = app.engine.cx(&caller.snapshot, &caller.request);
    Some(change::made(&app.engine, &cx, create).await)
}

/// Writes all that were made: in one batch, which nearly always is what there is to it; where somebody's name is taken,
/// in halves, down to whoever cannot be taken in.
async fn stored_each(
    app: &App,
    caller: &Caller,
    made: Vec<Option<Result<Identity, Refused>>>,
) -> Vec<Option<Result<IdentityId, Refused>>> {
    let mut done = Vec::with_capacity(made.len());
    let mut people = Vec::with_capacity(made.len());
    for (index, item) in made.into_iter().enumerate() {
        match item {
            None => done.push(None),
            Some(Err(refused)) => done.push(Some(Err(refused))),
            Some(Ok(person)) => {
                done.push(Some(Ok(person.id)));
                people.push((index, person));
            }
        }
    }
    let mut parts: Vec<&[(usize, Identity)]> = vec![&people];
    while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
        let mut batch = Batch::new();
        stored::insert_all(&mut batch, part.iter().map(|(_, person)| person));
        caller.record(app, &mut batch, part.iter().map(|(_, person)| change::created(person)));
        match app.engine.store.commit(batch).await {
            Ok(_) => {}
            // The first half before the second: of two in one request with the same name, the first gets it.
            Err(Error::Unique(_)) if part.len() > 1 => {
                let (first, second) = part.split_at(part.len() / 2);
                parts.extend([second, first]);
            }
            Err(Error::Unique(name)) => {
                done[part[0].0] = Some(Err(change::conflict(Error::Unique(name))));
            }
            Err(error) => {
                for (index, _) in part {
                    done[*index] = Some(Err(unwritten(&error).into()));
                }
            }
        }
    }
    done
}

/// What became of one item when the database failed for many.
fn unwritten(error: &Error) -> Problem {
    match error {
        Error::Unavailable(reason) | Error::Refused(reason) => Problem::Unavailable(reason.clone()),
        other => Problem::bug(anyhow::anyhow!("{other}")),
    }
}
