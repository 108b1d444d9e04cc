//! Recoveries that an administrator begins for somebody: a code or a link comes back instead of going out by mail.

use super::{
    Refused,
    answer::{self, Done},
    change,
};
use crate::{app::App, caller::Caller, input};
use axum::{body::Body, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::{str::FromStr, sync::Arc, time::Duration};
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    config::value::GoDuration,
    flow::{Channel, Kind},
    id::IdentityId,
    problem::Problem,
};
use zelos_flow::by_admin::{Handed, Wish};
use zelos_store::identities as stored;

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    identity_id: Uuid,
    expires_in: Option<String>,
    flow_type: Option<String>,
}

#[derive(Debug, Serialize)]
struct Made<'a> {
    recovery_link: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_code: Option<&'a str>,
    #[serde(with = "zelos_core::timestamp")]
    expires_at: OffsetDateTime,
}

/// `POST /admin/recovery/code`
pub(super) async fn code(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap, body: Body) -> Response {
    let done = async {
        let unknown = Problem::NotFound("There is no identity with this id.".to_owned());
        let made = make(&app, &caller, "code", (&headers, body), unknown).await?;
        let answer = Made {
            recovery_link: caller.snapshot.ui_url_of(Kind::Recovery, made.flow.id),
            recovery_code: text(&made, "recovery_code"),
            expires_at: made.flow.expires_at,
        };
        Ok(Done::json(&answer)?.status(StatusCode::CREATED))
    };
    answer::give(&caller, done.await)
}

/// `POST /admin/recovery/link`
///
/// Quirk: that nobody has the id is a 400 here and a 404 above, and one answers 200, the other 201 (Kratos
/// selfservice/strategy/{link,code}).
pub(super) async fn link(State(app): State<Arc<App>>, caller: Caller, headers: HeaderMap, body: Body) -> Response {
    let done = async {
        let unknown = Problem::bad("There is no identity with this id.");
        let made = make(&app, &caller, "link", (&headers, body), unknown).await?;
        let link = text(&made, "recovery_url").unwrap_or_default().to_owned();
        Done::json(&Made { recovery_link: link, recovery_code: None, expires_at: made.flow.expires_at })
    };
    answer::give(&caller, done.await)
}

async fn make(
    app: &App,
    caller: &Caller,
    method: &str,
    (headers, body): (&HeaderMap, Body),
    unknown: Problem,
) -> Result<Handed, Refused> {
    change::must_be_json(headers)?;
    let asked: Asked = serde_json::from_slice(&input::read(body).await?)
        .map_err(|error| Problem::bad(format!("The body cannot be understood: {error}.")))?;
    let channel = match asked.flow_type.as_deref() {
        None | Some("browser") => Channel::Browser,
        Some("api") => Channel::Api,
        Some(_) => return Err(Problem::bad("flow_type must be browser or api.").into()),
    };
    let return_to = caller.query_value("return_to");
    let wish = Wish {
        identity: IdentityId(asked.identity_id),
        lifespan: lifespan(asked.expires_in.as_deref())?,
        channel,
        return_to: return_to.as_deref(),
    };
    app.engine.offers_recovery_by(method)?;
    stored::find(&app.engine.store, wish.identity).await?.ok_or(unknown)?;
    Ok(app.engine.recover_by_admin(&caller.request, method, wish).await?)
}

/// The time it shall be good for.
fn lifespan(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let lifespan = GoDuration::from_str(text).map_err(|why| Problem::bad(format!("expires_in: {why}.")))?;
    if lifespan.is_zero() {
        return Err(Problem::bad("expires_in must lead to a time to come."));
    }
    Ok(Some(*lifespan))
}

fn text<'a>(made: &'a Handed, name: &str) -> Option<&'a str> {
    made.says.get(name).and_then(serde_json::Value::as_str)
}
