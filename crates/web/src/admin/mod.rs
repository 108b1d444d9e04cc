//! The admin API: what back ends and operators do with identities and sessions. Who may is asked
//! once, at the [`door`]; so it has no cookies, no CSRF and no pages.
//!
//! [`identities`] reads (with [`filter`] for what lists are asked for), [`change`] writes (with [`body`] and [`patch`] for
//! what comes in), [`credentials`] takes away, [`batch`] creates many, [`sessions`] is about sessions, [`recovery`] lets
//! people back in, [`courier`] about what is sent, [`audit`] about what happened. [`answer`] makes the answer of
//! all of them.

mod answer;
mod audit;
mod batch;
mod body;
mod change;
mod courier;
mod credentials;
pub(crate) mod door;
mod filter;
mod identities;
mod patch;
mod query;
mod recovery;
mod sessions;

use crate::app::App;
use answer::Refused;
use axum::{
    Router,
    routing::{delete, get, patch, post},
};
use std::sync::Arc;
use zelos_core::identity::Identity;
use zelos_flow::{Cx, Engine};

/// Its routes, each with the prefix that the router puts in front of those that come without.
pub(crate) fn routes() -> Router<Arc<App>> {
    let identity = get(identities::get).put(change::put).patch(change::patch).delete(identities::delete);
    Router::new()
        .route("/admin/identities", get(identities::list).post(change::create).patch(batch::patch))
        .route("/admin/identities/by/external/{external_id}", get(identities::by_external_id))
        .route("/admin/identities/{id}", identity)
        .route("/admin/identities/{id}/credentials/{type}", delete(credentials::delete))
        .route("/admin/identities/{id}/sessions", get(sessions::list_of_identity).delete(sessions::delete_of_identity))
        .route("/admin/sessions", get(sessions::list).post(sessions::manage))
        .route("/admin/sessions/{id}", get(sessions::get).delete(sessions::revoke))
        .route("/admin/sessions/{id}/extend", patch(sessions::extend))
        .route("/admin/recovery/code", post(recovery::code))
        .route("/admin/recovery/link", post(recovery::link))
        .route("/admin/audit/events", get(audit::list))
        .route("/admin/courier/messages", get(courier::list))
        .route("/admin/courier/messages/{id}", get(courier::get))
}

/// Whether a text is the body of a create, as far as its shape goes; for those who check files before they send them.
///
/// # Errors
/// What the API would answer.
pub fn check_create(body: &[u8]) -> Result<(), String> {
    body::create(body).map(|_| ())
}

/// The person whom the body of a create describes, ready to be stored; for those who bring people in without a server.
///
/// # Errors
/// What the API would answer.
pub async fn made(engine: &Engine, cx: &Cx<'_>, body: &[u8]) -> Result<Identity, String> {
    change::made(engine, cx, body::create(body)?).await.map_err(Refused::into_text)
}
