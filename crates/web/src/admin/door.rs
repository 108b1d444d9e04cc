//! Who may pass to the admin API. Asked before anything else is looked at, once for every route.
//!
//! Where tokens are configured, each request brings one that is good for what it wants; where none are, the server listens
//! on this machine only, or its operator has said that the door stands open (see [`zelos_core::config::admin_auth`]). Web
//! pages of others are kept out in any case: a browser on this machine reaches the port, too.

use crate::{
    failure::{Audience, Failure},
    respond,
};
use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use zelos_core::{config::admin_auth::AdminScope, snapshot::Snapshot};
use zelos_flow::audit::Actor;

/// What is asked without a token: health, by whoever watches over the process, and schemas, of which only the way to the
/// public server is told. SDKs, which know them as public, would not send it.
const OPEN: [&str; 4] = ["/admin/health/alive", "/admin/health/ready", "/admin/schemas", "/admin/schemas/{id}"];

/// Who it is that passes, or else the answer to a request that may not.
pub(crate) fn pass(snapshot: &Snapshot, request: &Request) -> Result<Actor, Box<Response>> {
    if is_of_another_site(request.headers()) {
        return Err(refuse(request, StatusCode::FORBIDDEN, "Pages of other sites have no business here.").into());
    }
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let auth = &snapshot.serve.admin.auth;
    if auth.is_open() || OPEN.contains(&route) {
        return Ok(Actor::Admin(None));
    }
    let Some(token) = shown(request.headers()).and_then(|shown| auth.find(shown)) else {
        let mut response = refuse(request, StatusCode::UNAUTHORIZED, "The admin API needs a token here.");
        respond::set(&mut response, "www-authenticate", HeaderValue::from_static("Bearer"));
        return Err(response.into());
    };
    let scope = scope(request.method(), route);
    if token.allows(scope) {
        return Ok(Actor::Admin(Some(token.name.clone())));
    }
    tracing::info!(name = token.name, scope = scope.as_str(), route, "an admin token is not good for this");
    Err(refuse(request, StatusCode::FORBIDDEN, &format!("The token lacks the scope {}.", scope.as_str())).into())
}

/// What a request needs.
fn scope(method: &Method, route: &str) -> AdminScope {
    if route.starts_with("/admin/courier/") {
        AdminScope::Courier
    } else if *method == Method::GET || *method == Method::HEAD {
        AdminScope::Read
    } else {
        AdminScope::Write
    }
}

/// The token: SDKs send it with `Bearer` in front or as it is.
fn shown(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim();
    let bare = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Some(bare.map_or(value, |(_, token)| token.trim()))
}

/// Whether a browser says so (Fetch Metadata); nothing else sends the header.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

fn refuse(request: &Request, status: StatusCode, reason: &str) -> Response {
    let mut failure = Failure::new(status, reason);
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    failure = failure.told(Audience { request_id: id, is_script: false });
    failure.into_response()
}

#[cfg(test)]
mod tests {
    use crate::testing::{Server, answer, with};
    use axum::body::Body;
    use serde_json::json;
    use zelos_core::config::admin_auth::hash;

    async fn server() -> Server {
        let token =
            |name: &str, scopes: &[&str]| json!({ "name": name, "sha256": hash(name).expose(), "scopes": scopes });
        let tokens = json!([token("reader", &["read"]), token("writer", &["write"]), token("postman", &["courier"])]);
        Server::start(with("serve.admin.auth", json!({ "tokens": tokens }))).await
    }

    async fn status(server: &Server, line: &str, authorization: Option<&str>) -> u16 {
        let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        answer(&server.admin, line, &headers, Body::empty()).await.status.as_u16()
    }

    #[tokio::test]
    async fn nobody_passes_without_a_token() {
        let server = server().await;
        for line in [
            "GET /admin/identities",
            "GET /identities",
            "GET //admin//identities",
            "GET /admin/%69dentities",
            "DELETE /admin/identities/x",
            "GET /admin/health/alive/../../identities",
            "GET /admin/metrics/prometheus",
            "GET /nope",
        ] {
            for shown in [None, Some(""), Some("Bearer"), Some("Bearer nobody"), Some("Basic reader"), Some("reader x")]
            {
                assert_eq!(status(&server, line, shown).await, 401, "{line} {shown:?}");
            }
        }
        let refused = answer(&server.admin, "GET /admin/identities", &[("x-request-id", "7")], Body::empty()).await;
        assert_eq!((refused.header("www-authenticate"), &refused.json()["error"]["request"]), ("Bearer", &json!("7")));
        for line in ["GET /admin/health/alive", "GET /health/ready"] {
            assert_eq!(status(&server, line, None).await, 200, "{line}");
        }
        for line in ["GET /schemas", "GET /admin/schemas/default"] {
            assert_eq!(status(&server, line, None).await, 307, "{line}: they stand on the public server");
        }
    }

    #[tokio::test]
    async fn a_token_is_good_for_its_scopes() {
        let server = server().await;
        for (line, good, bad) in [
            ("GET /admin/identities", &["Bearer reader", "bearer writer", "reader"][..], &["Bearer postman"][..]),
            ("GET /admin/metrics/prometheus", &["Bearer reader"], &["postman"]),
            ("POST /admin/identities", &["Bearer writer"], &["Bearer reader", "Bearer postman"]),
            ("GET /admin/courier/messages", &["Bearer postman"], &["Bearer reader", "Bearer writer"]),
        ] {
            for shown in good {
                let status = status(&server, line, Some(shown)).await;
                assert!(![401, 403].contains(&status), "{line} {shown}: {status}");
            }
            for shown in bad {
                assert_eq!(status(&server, line, Some(shown)).await, 403, "{line} {shown}");
            }
        }
    }

    #[tokio::test]
    async fn pages_of_other_sites_stay_out() {
        let server = Server::start(crate::testing::config()).await;
        for (site, expected) in [("cross-site", 403), ("same-site", 200), ("same-origin", 200), ("none", 200)] {
            let headers = [("sec-fetch-site", site)];
            let answer = answer(&server.admin, "GET /admin/identities", &headers, Body::empty()).await;
            assert_eq!(answer.status, expected, "{site}");
        }
    }
}
