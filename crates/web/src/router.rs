//! Every route on one page.
//!
//! Routing answers like the original's: an unknown path is a 404 in plain text, a wrong method a 405 with the right
//! ones, an unclean path is redirected to the clean one. On the admin server everything stands below `/admin`, and the
//! prefix may be left out.

use crate::{
    admin,
    app::App,
    middleware,
    public::{errors, flows, health, logout, mailbox, redirects, schemas, sessions, ui, wellknown},
};
use axum::{
    Router,
    extract::Request,
    middleware::from_fn_with_state,
    routing::{any, delete, get, post},
};
use http::{Uri, uri::PathAndQuery};
use std::sync::Arc;
use tower::ServiceExt;
use zelos_core::flow::{Channel, Kind};

/// What people and their browsers talk to.
pub fn public_router(app: Arc<App>) -> Router {
    let mut routes = Router::new()
        .route("/self-service/logout/browser", get(logout::create))
        .route("/self-service/logout", get(logout::submit))
        .route("/self-service/logout/api", delete(logout::native))
        .route("/self-service/errors", get(errors::show))
        .route("/sessions/whoami", any(sessions::whoami))
        .route("/sessions", get(sessions::list).delete(sessions::revoke_others))
        .route("/sessions/token-exchange", get(middleware::unknown).delete(sessions::revoke))
        .route("/sessions/{id}", delete(sessions::revoke))
        .route("/schemas", get(schemas::list))
        .route("/schemas/{id}", get(schemas::show))
        .route("/admin/schemas", get(schemas::list))
        .route("/admin/schemas/{id}", get(schemas::show))
        .route("/health/alive", get(health::alive))
        .route("/health/ready", get(health::ready_public))
        .route("/.well-known/change-password", get(wellknown::change_password))
        .route("/.well-known/ory/webauthn.js", get(wellknown::webauthn_script))
        .route("/", get(ui::start))
        .route("/ui/error", get(ui::error))
        .route("/ui/assets/{name}", get(ui::asset))
        .route("/ui/mailbox", get(mailbox::list))
        .route("/ui/mailbox/{id}", get(mailbox::show))
        .route("/ui/mailbox/{id}/html", get(mailbox::frame));
    for kind in Kind::ALL {
        let name = kind.as_str();
        routes = routes
            .route(
                &format!("/self-service/{name}/browser"),
                get(move |app, caller| flows::create(app, caller, kind, Channel::Browser)),
            )
            .route(
                &format!("/self-service/{name}/api"),
                get(move |app, caller| flows::create(app, caller, kind, Channel::Api)),
            )
            .route(&format!("/self-service/{name}/flows"), get(move |app, caller| flows::fetch(app, caller, kind)))
            .route(
                &format!("/self-service/{name}"),
                get(move |app, request| flows::submit(app, request, kind))
                    .head(flows::look)
                    .post(move |app, request| flows::submit(app, request, kind)),
            )
            .route(&format!("/ui/{name}"), get(move |app, caller| ui::flow(app, caller, kind)));
    }
    let routes = routes
        .merge(to_admin())
        .fallback(middleware::unknown)
        .layer(from_fn_with_state(app.clone(), middleware::public))
        .with_state(app);
    // The router names the right methods only when all of its layers are through.
    Router::new().fallback_service(ServiceExt::<Request>::map_response(routes, middleware::finish_refusal))
}

/// What back ends talk to.
pub fn admin_router(app: Arc<App>) -> Router {
    let routes = admin::routes()
        .merge(to_public())
        .route("/admin/health/alive", get(health::alive))
        .route("/admin/health/ready", get(health::ready_admin))
        .route("/admin/health/config", get(health::config))
        .route("/admin/version", get(health::version))
        .route("/admin/metrics/prometheus", get(health::metrics))
        .fallback(middleware::unknown)
        .layer(from_fn_with_state(app.clone(), middleware::admin))
        .with_state(app);
    let routes = ServiceExt::<Request>::map_response(routes, middleware::finish_refusal);
    Router::new().fallback_service(routes.map_request(|mut request: Request| {
        add_prefix(request.uri_mut());
        request
    }))
}

/// Administrators who came to the wrong door.
fn to_admin() -> Router<Arc<App>> {
    let mut routes = Router::new()
        .route("/identities/{id}/sessions", delete(redirects::to_admin))
        .route("/admin/courier/messages", get(redirects::to_admin))
        .route("/admin/courier/messages/{id}", get(redirects::to_admin))
        .route("/recovery/code", post(redirects::to_admin))
        .route("/recovery/link", post(redirects::to_admin))
        .route("/admin/recovery/code", post(redirects::to_admin))
        .route("/admin/recovery/link", post(redirects::to_admin));
    for prefix in ["", "/admin"] {
        let item =
            get(redirects::to_admin).delete(redirects::to_admin).put(redirects::to_admin).patch(redirects::to_admin);
        routes = routes
            .route(&format!("{prefix}/identities"), get(redirects::to_admin).post(redirects::to_admin))
            .route(&format!("{prefix}/identities/by/external/{{external_id}}"), get(redirects::to_admin))
            .route(&format!("{prefix}/identities/{{id}}"), item)
            .route(&format!("{prefix}/identities/{{id}}/credentials/{{type}}"), delete(redirects::to_admin));
    }
    routes
}

/// People who came to the wrong door.
fn to_public() -> Router<Arc<App>> {
    let mut routes = Router::new()
        .route("/admin/self-service/logout/browser", get(redirects::to_public))
        .route("/admin/self-service/logout", get(redirects::to_public))
        .route("/admin/self-service/logout/api", delete(redirects::to_public))
        .route("/admin/self-service/errors", get(redirects::to_public))
        .route("/admin/schemas", get(redirects::to_public))
        .route("/admin/schemas/{id}", get(redirects::to_public))
        .route("/admin/sessions", delete(redirects::to_public))
        .route("/admin/sessions/whoami", get(redirects::to_public));
    for kind in Kind::ALL {
        let path = format!("/admin/self-service/{}", kind.as_str());
        routes = routes
            .route(&format!("{path}/browser"), get(redirects::to_public))
            .route(&format!("{path}/api"), get(redirects::to_public))
            .route(&format!("{path}/flows"), get(redirects::to_public))
            .route(&path, get(redirects::to_public).post(redirects::to_public));
    }
    routes
}

/// Puts `/admin` in front of a path that has it not. Such a path is cleaned on the way, its last slash included.
fn add_prefix(uri: &mut Uri) {
    if uri.path().starts_with("/admin") {
        return;
    }
    let path = middleware::clean_path(uri.path()).unwrap_or_else(|| uri.path().to_owned());
    let path = format!("/admin{}", path.trim_end_matches('/'));
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(tail) = PathAndQuery::try_from(format!("{path}{query}")) {
        let mut parts = std::mem::take(uri).into_parts();
        parts.path_and_query = Some(tail);
        *uri = Uri::from_parts(parts).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_admin_prefix_may_be_left_out() {
        for (path, whole) in [
            ("/identities?a=b", "/admin/identities?a=b"),
            ("/identities/", "/admin/identities"),
            ("//identities//x", "/admin/identities/x"),
            ("/", "/admin"),
            ("/admin/identities/", "/admin/identities/"),
            ("http://host/version", "http://host/admin/version"),
        ] {
            let mut uri: Uri = path.parse().unwrap();
            add_prefix(&mut uri);
            assert_eq!(uri.to_string(), whole, "{path}");
        }
    }
}
