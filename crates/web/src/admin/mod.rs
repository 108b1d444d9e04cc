//! The admin API: what back ends and operators do with identities and sessions. Who may is asked
//! once, at the [`door`]; so it has no cookies, no CSRF and no pages.
//!
//! [`identities`] reads (with [`filter`] for what lists are asked for), [`change`] writes (with [`body`] and [`patch`] for what comes in), [`credentials`] takes away,
//! [`batch`] creates many, [`sessions`] is about sessions, [`recovery`] lets people back in, [`courier`] about what is sent. [`answer`] makes the answer of
//! all of them.

mod answer;
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
        .route("/admin/courier/messages", get(courier::list))
        .route("/admin/courier/messages/{id}", get(courier::get))
}
