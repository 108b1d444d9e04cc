//! The servers as a whole, without a socket and without methods.

use crate::testing::{Answer, Server, UI, answer, config, with};
use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::rng::SeededRng;

const NO_CACHE: &str = "private, no-cache, no-store, must-revalidate";
const JSON: (&str, &str) = ("accept", "application/json");

async fn server() -> Server {
    Server::start(config()).await
}

fn csrf_cookie(answer: &Answer) -> Option<String> {
    let cookie = answer.cookies().into_iter().find(|cookie| cookie.starts_with("csrf_token_"))?;
    Some(cookie.split(';').next().unwrap().to_owned())
}

fn id(answer: &Answer) -> Option<Value> {
    answer.json()["error"].get("id").cloned()
}

#[tokio::test]
async fn unknown_paths_are_told_in_plain_text() {
    let server = server().await;
    for path in [
        "/nope",
        "/health/alive/",
        "/self-service/login/nope",
        "/",
        "/ui/login",
        "/ui/error",
        "/sessions/token-exchange",
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (404, "404 page not found\n"), "{path}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), NO_CACHE);
    }
    assert!(csrf_cookie(&server.get("/nope").await).is_some(), "an unknown path gives a cookie too");
    for line in ["GET /nope", "GET /admin", "GET /admin/identities/", "GET /"] {
        assert_eq!(server.admin(line).await.status, 404, "{line}");
    }
}

#[tokio::test]
async fn every_answer_has_security_headers() {
    let server = server().await;
    for line in [
        "GET /health/alive",
        "GET /nope",
        "PUT /self-service/login",
        "GET //health/alive",
        "GET /sessions/whoami",
        "GET /self-service/login/api",
        "GET /self-service/login/browser",
        "GET /self-service/login/flows?id=x",
        "POST /self-service/logout",
        "GET /schemas",
        "GET /.well-known/ory/webauthn.js",
        "OPTIONS /sessions/whoami",
    ] {
        let answer = server.ask(line, &[], Body::empty()).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{line}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{line}");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{line}");
    }
    for line in ["GET /identities", "GET /nope", "GET /metrics/prometheus", "DELETE /identities/x", "PUT /identities"] {
        let answer = server.admin(line).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{line}");
        assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'", "{line}");
    }
    let refused = answer(&server.admin, "GET /identities", &[("host", "evil.example")], Body::empty()).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-content-type-options")), (403, "nosniff"));
}

#[tokio::test]
async fn of_several_csrf_cookies_the_one_of_the_form_counts() {
    let server = server().await;
    let created = server.get("/self-service/login/browser").await;
    let own = csrf_cookie(&created).unwrap();
    let name = own.split('=').next().unwrap();
    let other = |byte: u8| format!("{name}={}", STANDARD.encode([byte; 32]));
    let flow = created.header("location").split_once("flow=").unwrap().1.to_owned();
    let path = format!("/self-service/login/flows?id={flow}");
    let status = async |cookies: &str| {
        server
            .ask(&format!("GET {path}"), &[("cookie", cookies), ("accept", "application/json")], Body::empty())
            .await
            .status
    };
    assert_eq!(status(&own).await, 200);
    assert_eq!(status(&format!("{}; {own}", other(1))).await, 200, "of a parent domain, first");
    assert_eq!(status(&format!("{name}=x; {}; {own}; {}", other(1), other(2))).await, 200);
    assert_eq!(status(&format!("{}; {}", other(1), other(2))).await, 403);

    let shown =
        server.ask(&format!("GET {path}"), &[("cookie", &own), ("accept", "application/json")], Body::empty()).await;
    let token = shown.json()["ui"]["nodes"].as_array().unwrap().iter().find_map(|node| {
        (node["attributes"]["name"] == "csrf_token").then(|| node["attributes"]["value"].as_str().unwrap().to_owned())
    });
    let body = serde_json::json!({ "method": "password", "csrf_token": token.unwrap() }).to_string();
    let submit = async |cookies: &str| {
        let headers = [("cookie", cookies), ("accept", "application/json"), ("content-type", "application/json")];
        let answer = server.ask(&format!("POST /self-service/login?flow={flow}"), &headers, body.clone()).await;
        id(&answer)
    };
    // No method is there: what is answered instead of a violation is the form.
    assert_eq!(submit(&format!("{}; {own}", other(1))).await, None);
    assert_eq!(submit(&format!("{}; {}", other(1), other(2))).await, Some("security_csrf_violation".into()));
}

#[tokio::test]
async fn wrong_methods_name_the_right_ones_in_order() {
    let server = server().await;
    for (line, allow) in [
        ("POST /health/alive", "GET, HEAD"),
        ("PUT /self-service/login", "GET, HEAD, POST"),
        ("PATCH /admin/identities", "GET, HEAD, POST"),
        ("GET /sessions/x", "DELETE"),
        ("PATCH /sessions", "DELETE, GET, HEAD"),
    ] {
        let answer = server.ask(line, &[], Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.text()), (405, "Method Not Allowed\n"), "{line}");
        assert_eq!(answer.header("allow"), allow, "{line}");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("cache-control").is_empty(), !line.starts_with("GET"), "{line}");
    }
    let answer = server.admin("DELETE /admin/identities").await;
    assert_eq!(answer.header("allow"), "GET, HEAD, PATCH, POST");
}

#[tokio::test]
async fn unclean_paths_are_redirected_and_head_is_answered() {
    let server = server().await;
    let answer = server.get("//health/./alive?x=1").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (307, "/health/alive?x=1"));
    let answer = server.ask("HEAD /health/alive", &[], Body::empty()).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
}

#[tokio::test]
async fn each_server_sends_to_the_other() {
    let server = server().await;
    for (line, to) in [
        ("GET /identities?a=b", "https://admin.example.org/admin/identities?a=b"),
        ("GET /admin/identities/x", "https://admin.example.org/admin/identities/x"),
        ("POST /recovery/code", "https://admin.example.org/admin/recovery/code"),
        ("DELETE /identities/x/sessions", "https://admin.example.org/admin/identities/x/sessions"),
        ("GET /admin/courier/messages", "https://admin.example.org/admin/courier/messages"),
    ] {
        let answer = server.ask(line, &[], Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (307, to), "{line}");
    }
    for (line, to) in [
        ("GET /self-service/login/browser?a=b", "https://id.example.org/self-service/login/browser?a=b"),
        ("POST /self-service/settings?flow=1", "https://id.example.org/self-service/settings?flow=1"),
        ("GET /admin/schemas/x", "https://id.example.org/schemas/x"),
        ("DELETE /sessions", "https://id.example.org/sessions"),
        ("GET /sessions/whoami", "https://id.example.org/sessions/whoami"),
    ] {
        let answer = server.admin(line).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (307, to), "{line}");
    }
}

#[tokio::test]
async fn what_changes_something_meets_the_csrf_check_before_the_router() {
    let server = server().await;
    for line in
        ["POST /admin/recovery/code", "POST /admin/sessions", "DELETE /admin/identities/x/sessions", "PUT /nope"]
    {
        let answer = server.ask(line, &[("x-request-id", "r-1")], Body::empty()).await;
        assert_eq!((answer.status.as_u16(), id(&answer)), (403, Some("security_csrf_violation".into())), "{line}");
        assert_eq!(answer.header("ory-error-id"), "security_csrf_violation");
        assert_eq!(answer.json()["error"]["request"], "r-1");
        assert!(csrf_cookie(&answer).is_some());
    }
    let cookie = csrf_cookie(&server.get("/nope").await).unwrap();
    let secret = STANDARD.decode(cookie.split_once('=').unwrap().1).unwrap().try_into().unwrap();
    let token = zelos_flow::csrf::mask(&secret, &SeededRng::new(9));
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", token.as_str())];
    let answer = server.ask("PUT /nope", &headers, Body::empty()).await;
    assert_eq!((answer.status.as_u16(), csrf_cookie(&answer)), (404, None));
}

#[tokio::test]
async fn cookies_are_given_where_forms_are_and_nowhere_else() {
    let server = server().await;
    let answer = server.get("/self-service/login/browser").await;
    let cookie = answer.cookies()[0];
    assert!(cookie.ends_with("; Path=/; Max-Age=31536000; HttpOnly; Secure; SameSite=Lax"), "{cookie}");
    assert_eq!((answer.cookies().len(), answer.header("vary")), (1, "Cookie"));
    for path in ["/health/alive", "/sessions/whoami", "/self-service/login/api", "/schemas/default"] {
        assert_eq!(server.get(path).await.cookies(), [""; 0], "{path}");
    }
    let link = server.get("/self-service/recovery?flow=x&token=x").await;
    assert!(csrf_cookie(&link).is_some(), "a link in a mail may be opened by a browser that was never here");
    let kept = csrf_cookie(&answer).unwrap();
    let again = server.ask("GET /self-service/login/browser", &[("cookie", &kept)], Body::empty()).await;
    assert_eq!(again.cookies(), [""; 0], "a browser keeps its secret");
    let broken = format!("{}=x", kept.split_once('=').unwrap().0);
    let again = server.ask("GET /self-service/login/browser", &[("cookie", &broken)], Body::empty()).await;
    assert!(csrf_cookie(&again).is_some(), "a tampered secret is replaced");
}

#[tokio::test]
async fn a_flow_is_shown_to_each_client_in_its_way() {
    let server = server().await;
    let page = server.get("/self-service/login/browser").await;
    assert_eq!(page.status, 303);
    let flow = page.header("location").strip_prefix(&format!("{UI}/login?flow=")).unwrap().to_owned();
    let spa = server.ask("GET /self-service/login/browser?x=1", &[JSON], Body::empty()).await;
    assert_eq!((spa.status.as_u16(), spa.header("content-type")), (200, "application/json; charset=utf-8"));
    assert_eq!(spa.json()["request_url"], "https://id.example.org/self-service/login/browser?x=1");
    assert!(spa.text().ends_with("}\n"));
    let native = server.get("/self-service/login/api").await;
    assert_eq!((native.status.as_u16(), &native.json()["type"]), (200, &json!("api")));
    let fetch = format!("GET /self-service/login/flows?id={flow}");
    let own = csrf_cookie(&page).unwrap();
    assert_eq!(server.ask(&fetch, &[("cookie", &own)], Body::empty()).await.status, 200);
    let stranger = server.ask(&fetch, &[], Body::empty()).await;
    assert_eq!((stranger.status.as_u16(), id(&stranger)), (403, Some("security_csrf_violation".into())));
    assert_eq!(stranger.json()["error"]["details"]["reject_reason"], "the request carried no cookies.");
    assert_eq!(server.get("/self-service/login/flows?id=x").await.status, 404);
}

#[tokio::test]
async fn a_refused_submission_goes_back_to_where_it_came_from() {
    let server = server().await;
    for (kind, page_status, message) in [("login", 303, 4_010_002), ("registration", 302, 4_010_003)] {
        let shown = server.ask(&format!("GET /self-service/{kind}/browser"), &[JSON], Body::empty()).await;
        let (flow, cookie) = (shown.json(), csrf_cookie(&shown).unwrap());
        let cookie = ("cookie", cookie.as_str());
        let line = format!("POST /self-service/{kind}?flow={}", flow["id"].as_str().unwrap());
        let form = ("content-type", "application/x-www-form-urlencoded");
        let answer = server.ask(&line, &[form, cookie, ("accept", "text/html")], "method=x").await;
        let location = format!("{UI}/{kind}?flow={}", flow["id"].as_str().unwrap());
        assert_eq!((answer.status.as_u16(), answer.header("location")), (page_status, location.as_str()));
        for (content_type, body, expected, id) in [
            ("application/json", "{}", 400, message),
            ("application/json", "{", 400, 4_000_001),
            ("text/plain", "{}", 400, 4_000_001),
        ] {
            let answer = server.ask(&line, &[("content-type", content_type), cookie, JSON], body).await;
            assert_eq!(answer.status.as_u16(), expected, "{content_type} {body}");
            assert_eq!(answer.json()["ui"]["messages"][0]["id"], id, "{content_type} {body}");
        }
        let answer = server.ask(&line.replace("POST", "GET"), &[cookie, JSON], Body::empty()).await;
        assert_eq!(answer.json()["ui"]["messages"][0]["id"], 4_000_001);
    }
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    let server = server().await;
    let flow = server.get("/self-service/login/api").await.json();
    let line = format!("POST /self-service/login?flow={}", flow["id"].as_str().unwrap());
    let body = format!("{{\"a\":\"{}\"}}", "x".repeat(5 << 20));
    let answer = server.ask(&line, &[("content-type", "application/json")], body).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (413, &json!(413)));
}

#[tokio::test]
async fn an_expired_flow_is_replaced() {
    let server = server().await;
    let flow = server.get("/self-service/login/api").await.json();
    let id_of = flow["id"].as_str().unwrap();
    server.clock.advance(Duration::from_secs(3601));
    let read = server.get(&format!("/self-service/login/flows?id={id_of}")).await;
    assert_eq!((read.status.as_u16(), id(&read)), (410, Some("self_service_flow_expired".into())));
    let line = format!("POST /self-service/login?flow={id_of}");
    let answer = server.ask(&line, &[("content-type", "application/json")], "{}").await;
    assert_eq!(answer.status, 410);
    let new = answer.json()["use_flow_id"].as_str().unwrap().to_owned();
    let new = server.get(&format!("/self-service/login/flows?id={new}")).await.json();
    assert_eq!(new["ui"]["messages"][0]["id"], 4_010_001);
}

#[tokio::test]
async fn errors_of_pages_are_kept_for_the_error_page() {
    let server = server().await;
    let line = "POST /self-service/login?flow=00000000-0000-4000-8000-000000000000";
    let page = server.ask(line, &[("accept", "text/html")], "a=b").await;
    assert_eq!(page.status, 303);
    let kept = page.header("location").strip_prefix(&format!("{UI}/error?id=")).unwrap().to_owned();
    for name in ["id", "error"] {
        let shown = server.get(&format!("/self-service/errors?{name}={kept}")).await.json();
        assert_eq!((&shown["id"], &shown["error"]["code"]), (&json!(kept), &json!(404)));
        assert_eq!(shown["created_at"], "2030-01-02T03:04:05Z");
    }
    assert_eq!(server.ask(line, &[JSON], "a=b").await.status, 404);
    let stub = server.get("/self-service/errors?error=stub:500").await.json();
    assert_eq!((&stub["error"]["code"], &stub["created_at"]), (&json!(500), &json!("0001-01-01T00:00:00Z")));
    assert_eq!(server.get("/self-service/errors").await.status, 404);
}

#[tokio::test]
async fn nobody_is_told_so() {
    let server = server().await;
    for headers in [
        vec![],
        vec![("x-session-token", "ory_st_x")],
        vec![("authorization", "Bearer ory_st_x")],
        vec![("cookie", "ory_kratos_session=tampered; a=b")],
    ] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let answer = server.ask(&format!("{method} /sessions/whoami"), &headers, Body::empty()).await;
            assert_eq!((answer.status.as_u16(), id(&answer)), (401, None));
            assert_eq!(answer.json()["error"]["reason"], "No valid session credentials found in the request.");
            assert_eq!((answer.header("ory-error-id"), answer.cookies().len()), ("", 0));
        }
    }
    assert_eq!(server.get("/sessions").await.status, 401);
    let logout = server.ask("GET /self-service/logout/browser", &[JSON], Body::empty()).await;
    assert_eq!((logout.status.as_u16(), id(&logout)), (401, Some("session_inactive".into())));
}

#[tokio::test]
async fn a_proxy_may_be_told_to_remember_nobody() {
    let server = Server::start(with("feature_flags", json!({"cacheable_sessions": true}))).await;
    assert_eq!(server.get("/sessions/whoami").await.header("ory-session-cache-for"), "60");
    let wrong = server.ask("GET /sessions/whoami", &[("x-session-token", "x")], Body::empty()).await;
    assert_eq!(wrong.header("ory-session-cache-for"), "");
}

#[tokio::test]
async fn health_tells_strangers_little() {
    use crate::Phase;
    let server = server().await;
    assert_eq!(server.get("/health/ready").await.json(), json!({"status": "ok"}));
    for phase in [Phase::Starting, Phase::Stopping] {
        server.readiness.set(phase);
        let answer = server.get("/health/ready").await;
        assert_eq!(answer.status, 503);
        assert!(answer.json()["error"].get("details").is_none());
        assert!(server.admin("GET /health/ready").await.json()["error"]["details"].is_object());
        assert_eq!(server.get("/health/alive").await.status, 200);
    }
}

#[tokio::test]
async fn the_admin_server_knows_its_state() {
    let server = server().await;
    assert_eq!(server.admin("GET /version").await.json(), json!({"version": "1.2.3"}));
    let hash = server.admin("GET /admin/health/config").await;
    assert_eq!((hash.body.len(), hash.header("content-type")), (64, "text/plain; charset=utf-8"));
    let metrics = server.admin("GET /metrics/prometheus").await;
    let line = "code=\"200\",method=\"get\",endpoint=\"/admin/version\"} 1";
    assert!(metrics.text().contains(line), "{}", metrics.text());
    assert_eq!(server.get("/version").await.status, 404);
    assert_eq!(server.get("/health/config").await.status, 404);
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_for() {
    let server = server().await;
    let boom = axum::routing::get(async || -> &'static str { panic!("a secret") });
    let layer = axum::middleware::from_fn_with_state(server.app.clone(), crate::middleware::admin);
    let router = axum::Router::new().route("/boom", boom).layer(layer);
    let answer = crate::testing::answer(&router, "GET /boom", &[("host", "localhost")], Body::empty()).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (500, "application/json"));
    assert!(!answer.text().contains("secret"));
}

#[tokio::test]
async fn schemas_are_for_everybody() {
    let server = server().await;
    for path in ["/schemas", "/admin/schemas"] {
        let list = server.get(path).await;
        assert_eq!((list.json()[0]["id"].as_str(), list.header("x-total-count")), (Some("default"), "1"));
    }
    let plain = server.get("/schemas/default").await;
    assert_eq!(plain.body, server.get("/schemas/ZGVmYXVsdA").await.body);
    let unknown = server.get("/schemas/nope").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.json()["error"]["reason"].as_str().unwrap().contains("nope"));
}

#[tokio::test]
async fn forged_addresses_are_not_believed() {
    let server = server().await;
    let forged = [JSON, ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "ftp"), ("host", "evil.example")];
    let flow = server.ask("GET /self-service/login/browser", &forged, Body::empty()).await.json();
    assert_eq!(flow["request_url"], "https://id.example.org/self-service/login/browser");
    let plain = Server::start(with("serve.public", json!({}))).await;
    let flow = plain.ask("GET /self-service/login/browser", &[JSON, forged[1]], Body::empty()).await.json();
    assert_eq!(flow["request_url"], "http://asked.example.org/self-service/login/browser");
}

#[tokio::test]
async fn own_pages_are_there_unless_the_operator_has_others() {
    let mut own = config();
    own["selfservice"]["flows"] = json!({});
    let server = Server::start(own.clone()).await;
    let start = server.get("/").await;
    assert_eq!((start.status.as_u16(), start.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(start.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(start.header("x-frame-options"), "DENY");
    let begin = server.get("/ui/login").await;
    assert_eq!(begin.header("location"), "https://id.example.org/self-service/login/browser");
    let created = server.get("/self-service/login/browser").await;
    let page = created.header("location").strip_prefix("https://id.example.org").unwrap().to_owned();
    let cookie = csrf_cookie(&created).unwrap();
    let shown = server.ask(&format!("GET {page}"), &[("cookie", &cookie)], Body::empty()).await;
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert!(shown.text().contains("<html"));
    let without_cookies = server.get(&page).await;
    assert_eq!(without_cookies.status, 403, "no redirect, or it would never end");
    let asset = server.get("/ui/assets/app.css?v=1").await;
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(asset.cookies(), [""; 0]);
    assert_eq!(server.get("/ui/error?id=x").await.status, 404);
    own["selfservice"]["ui"] = json!({"enabled": false});
    assert_eq!(Server::start(own).await.get("/").await.status, 404);
}

#[tokio::test]
async fn cross_origin_access_is_off_until_it_is_on() {
    let origin = ("origin", "https://spa.example.org");
    let ask = [origin, ("access-control-request-method", "GET")];
    let off = server().await;
    assert_eq!(
        off.ask("GET /sessions/whoami", &[origin], Body::empty()).await.header("access-control-allow-origin"),
        ""
    );
    let rules = json!({"enabled": true, "allowed_origins": ["https://spa.example.org"]});
    let on = Server::start(with("serve.public.cors", rules)).await;
    let preflight = on.ask("OPTIONS /self-service/login/browser", &ask, Body::empty()).await;
    assert_eq!((preflight.status.as_u16(), preflight.header("access-control-allow-origin")), (204, origin.1));
    assert_eq!(preflight.cookies(), [""; 0]);
    let answer = on.ask("GET /sessions/whoami", &[origin], Body::empty()).await;
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    let refused = on.ask("POST /nope", &[origin], Body::empty()).await;
    assert_eq!(refused.header("access-control-allow-origin"), origin.1, "a script can read why it was refused");
}
