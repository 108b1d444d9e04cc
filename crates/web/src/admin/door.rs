//! Access control of the admin API, decided before anything else of a request is looked at, once for every route.
//!
//! Where tokens are configured, each request brings one whose scopes allow what it wants. Where none are, the server listens
//! on this machine only, or its operator has said that the API is open (see [`zelos_core::config::admin_auth`]).
//!
//! A browser on this machine reaches the port, too, so web pages are kept out in any case: those of other origins by what
//! browsers report of them (Fetch Metadata, `Origin`), and those whose host name was pointed here (DNS rebinding) by the host
//! that they ask for, unless a token is demanded, which such a page has not.

use crate::{
    client::Peer,
    failure::{Audience, Failure},
    respond,
};
use axum::{
    extract::{MatchedPath, Request},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority};
use std::{net::IpAddr, str::FromStr};
use url::Url;
use zelos_core::{config::admin_auth::AdminScope, snapshot::Snapshot};
use zelos_flow::audit::Actor;

/// What is asked without a token: health, by whoever watches over the process, and schemas, of which only the way to the
/// public server is told. SDKs, which know them as public, would not send it.
const OPEN: [&str; 4] = ["/admin/health/alive", "/admin/health/ready", "/admin/schemas", "/admin/schemas/{id}"];

/// What is answered whatever host and origin a request names: probes know the server by its address.
const HEALTH: [&str; 2] = ["/admin/health/alive", "/admin/health/ready"];

/// Whose request is let in, and what it may see.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) actor: Actor,
    pub(crate) credentials: Option<SeesCredentials>,
}

/// An extension of requests that may see the secrets of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeesCredentials;

impl Admitted {
    /// Lets the handlers know.
    pub(crate) fn mark(self, request: &mut Request) {
        request.extensions_mut().insert(self.actor);
        self.credentials.map(|credentials| request.extensions_mut().insert(credentials));
    }
}

/// Decides whether a request is let in.
///
/// # Errors
/// The answer to a request that is not.
pub(crate) fn pass(snapshot: &Snapshot, request: &Request) -> Result<Admitted, Box<Response>> {
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| request.uri().path(), MatchedPath::as_str);
    let auth = &snapshot.serve.admin.auth;
    if !HEALTH.contains(&route) {
        if is_of_another_site(snapshot, request) {
            let reason = "The admin API answers no requests of web pages of other origins (Sec-Fetch-Site, Origin). A page that \
                          is served beside it is known by serve.admin.base_url.";
            return Err(refuse(request, StatusCode::FORBIDDEN, reason).into());
        }
        if auth.is_open() && !auth.insecure_open && !names_own_host(snapshot, request) {
            let reason = "Without tokens the admin API answers only requests for localhost, a loopback address or the host of \
                          serve.admin.base_url (Host). Set serve.admin.base_url, serve.admin.auth.tokens or \
                          serve.admin.auth.insecure_open.";
            return Err(refuse(request, StatusCode::FORBIDDEN, reason).into());
        }
    }
    if auth.is_open() || OPEN.contains(&route) {
        return Ok(Admitted { actor: Actor::Admin(None), credentials: auth.is_open().then_some(SeesCredentials) });
    }
    let Some(token) = shown(request.headers()).and_then(|shown| auth.find(shown)) else {
        let mut response = refuse(request, StatusCode::UNAUTHORIZED, "The admin API needs a token here.");
        respond::set(&mut response, "www-authenticate", HeaderValue::from_static("Bearer"));
        return Err(response.into());
    };
    let scope = scope(request.method(), route);
    if token.allows(scope) {
        let credentials = token.allows(AdminScope::Credentials).then_some(SeesCredentials);
        return Ok(Admitted { actor: Actor::Admin(Some(token.name.clone())), credentials });
    }
    tracing::info!(name = token.name, scope = scope.as_str(), route, "admin token lacks a scope");
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

/// Whether a browser reports that a page of another origin makes the request. Only browsers send these headers, and pages
/// cannot change them.
fn is_of_another_site(snapshot: &Snapshot, request: &Request) -> bool {
    let headers = request.headers();
    let mut sites = headers.get_all("sec-fetch-site").iter().peekable();
    let is_vouched_for = sites.peek().is_some();
    for site in sites {
        match site.as_bytes() {
            b"cross-site" => return true,
            b"same-origin" | b"none" => {}
            // Of the same site (another port of this machine, another host of the domain): the origin decides.
            _ => return headers.get_all(header::ORIGIN).iter().any(|origin| !is_own_origin(snapshot, request, origin)),
        }
    }
    // A browser compares with the address that it asked for, which a proxy may not pass on.
    !is_vouched_for && headers.get_all(header::ORIGIN).iter().any(|origin| !is_own_origin(snapshot, request, origin))
}

/// Whether an origin is that of the address that was asked for, or of the configured one.
fn is_own_origin(snapshot: &Snapshot, request: &Request, origin: &HeaderValue) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok()) else { return false };
    let of = |url: &Url| (url.host_str().map(ToOwned::to_owned), url.port_or_known_default());
    let is_asked_for =
        |host: &str| Url::parse(&format!("{}://{host}", origin.scheme())).is_ok_and(|asked| of(&asked) == of(&origin));
    matches!(origin.scheme(), "http" | "https")
        && (origin.origin() == snapshot.admin_url().origin()
            || hosts(request).any(|host| host.is_some_and(is_asked_for)))
}

/// Whether a request names a host that no page of another origin can have. Nothing but a client on this machine, or a proxy, is
/// behind a Unix socket; what names no host at all is no browser.
fn names_own_host(snapshot: &Snapshot, request: &Request) -> bool {
    if matches!(request.extensions().get(), Some(Peer { address: None, .. })) {
        return true;
    }
    let configured = snapshot.admin_url();
    let configured = configured.host_str().unwrap_or_default();
    let mut hosts = hosts(request);
    hosts.all(|host| {
        let Some(authority) = host.and_then(|host| Authority::from_str(host).ok()) else { return false };
        let name = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        name.eq_ignore_ascii_case("localhost")
            || name.eq_ignore_ascii_case(configured.trim_start_matches('[').trim_end_matches(']'))
            || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
    })
}

/// Every host that a request names, in its line (`:authority`) or in headers; none for one that is no text.
fn hosts(request: &Request) -> impl Iterator<Item = Option<&str>> {
    let line = request.uri().authority().map(|authority| Some(authority.as_str()));
    line.into_iter().chain(request.headers().get_all(header::HOST).iter().map(|host| host.to_str().ok()))
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
        let tokens = json!([
            token("reader", &["read"]),
            token("writer", &["write"]),
            token("postman", &["courier"]),
            token("auditor", &["credentials"]),
        ]);
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
            ("GET /admin/identities/x", &["Bearer reader"], &["Bearer auditor"]),
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
        let tokens = server().await;
        let open = Server::start(crate::testing::config()).await;
        let insecure = Server::start(with("serve.admin.auth", json!({ "insecure_open": true }))).await;
        let token = ("authorization", "Bearer reader");
        for (headers, expected) in [
            (&[("sec-fetch-site", "cross-site")][..], 403),
            (&[("sec-fetch-site", "same-site")], 200),
            (&[("sec-fetch-site", "same-origin")], 200),
            (&[("sec-fetch-site", "none")], 200),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], 403),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://localhost:3000")], 403),
            (&[("sec-fetch-site", "same-origin"), ("origin", "https://panel.example.org")], 200),
            (&[("origin", "https://evil.example")], 403),
            (&[("origin", "http://localhost.evil.example:4434")], 403),
            (&[("origin", "null")], 403),
            (&[("origin", "")], 403),
            (&[("origin", "file://localhost:4434")], 403),
            (&[("origin", "http://localhost:4434"), ("origin", "https://evil.example")], 403),
            (&[("origin", "http://localhost:4434")], 200),
            (&[("origin", "https://admin.example.org")], 200),
        ] {
            let headers: Vec<_> = [("host", "localhost:4434"), token].iter().chain(headers).copied().collect();
            for server in [&open, &insecure, &tokens] {
                let answer = answer(&server.admin, "GET /admin/identities", &headers, Body::empty()).await;
                assert_eq!(answer.status, expected, "{headers:?}");
                let answer = answer_of(server, "GET /admin/health/ready", &headers).await;
                assert_eq!(answer, 200, "{headers:?}: probes are answered");
            }
        }
    }

    async fn answer_of(server: &Server, line: &str, headers: &[(&str, &str)]) -> u16 {
        answer(&server.admin, line, headers, Body::empty()).await.status.as_u16()
    }

    #[tokio::test]
    async fn without_tokens_only_names_of_this_machine_are_served() {
        let open = Server::start(crate::testing::config()).await;
        let insecure = Server::start(with("serve.admin.auth", json!({ "insecure_open": true }))).await;
        let tokens = server().await;
        for (host, served) in [
            ("localhost", true),
            ("LocalHost:4434", true),
            ("localhost.:4434", true),
            ("127.0.0.1:4434", true),
            ("127.8.9.1", true),
            ("[::1]:4434", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("admin.example.org", true),
            ("admin.example.org:8443", true),
            ("evil.example", false),
            ("evil.example:4434", false),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("0.0.0.0:4434", false),
            ("[::]:4434", false),
            ("192.0.2.1", false),
            ("localhost@evil.example", false),
            ("", false),
            ("a b", false),
            ("x.admin.example.org", false),
        ] {
            let headers = [("host", host)];
            assert_eq!(
                answer_of(&open, "GET /admin/identities", &headers).await,
                if served { 200 } else { 403 },
                "{host}"
            );
            assert_eq!(answer_of(&open, "GET /identities", &headers).await, if served { 200 } else { 403 }, "{host}");
            assert_eq!(answer_of(&insecure, "GET /admin/identities", &headers).await, 200, "{host}");
            assert_eq!(answer_of(&tokens, "GET /admin/identities", &headers).await, 401, "{host}");
            for server in [&open, &insecure, &tokens] {
                assert_eq!(answer_of(server, "GET /admin/health/alive", &headers).await, 200, "{host}");
            }
        }
        let both = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(answer_of(&open, "GET /admin/identities", &both).await, 403);
        assert_eq!(answer_of(&open, "GET http://evil.example/admin/identities", &both[..1]).await, 403, ":authority");
        assert_eq!(answer_of(&open, "GET http://[::1]:4434/admin/identities", &both[..1]).await, 200);
        let refused = answer(&open.admin, "GET /admin/identities", &[("host", "evil.example")], Body::empty()).await;
        assert!(refused.text().contains("serve.admin.base_url"), "{}", refused.text());

        let mut request = axum::extract::Request::builder().uri("/admin/identities").header("host", "evil.example");
        request.extensions_mut().unwrap().insert(crate::Peer::default());
        let response =
            tower::ServiceExt::oneshot(open.admin.clone(), request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "a unix socket");
    }
}
