//! The address of a client behind a proxy: attempt budgets and the audit log know it by the configured header, and by nothing
//! that the client itself sends.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use zelos_testkit::{App, Mode, Setup, scenario};

const WRONG_PASSWORD: u64 = 4_000_006;

fn behind(header: Option<&str>) -> Setup {
    let mut public = json!({ "trusted_proxies": ["127.0.0.1"] });
    if let Some(header) = header {
        public["client_ip_header"] = json!(header);
    }
    Setup::with(json!({
        "serve": { "public": public },
        "security": { "attempt_budgets": { "enabled": true, "network": { "limit": 3, "window": "1h" } } },
    }))
}

/// Somebody tries a password; what is said to it.
async fn try_one(app: &App, number: usize, headers: &[(&str, String)]) -> Vec<u64> {
    let mut visitor = app.visitor(Mode::Native);
    let flow = visitor.begin("login", "").await;
    let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
    let body = json!({ "method": "password", "identifier": format!("nobody-{number}"), "password": "x" });
    let sent = headers.iter().map(|(name, value)| (*name, value.as_str()));
    let headers: Vec<_> = sent.chain([("content-type", "application/json")]).collect();
    visitor.send("POST", &path, &headers, body.to_string()).await.messages()
}

/// What a client that wants to be another one each time sends, before the proxy adds what it knows.
fn spoofed(number: usize) -> Vec<(&'static str, String)> {
    let own = format!("198.51.100.{number}");
    let names = ["true-client-ip", "cf-connecting-ip", "x-real-ip", "x-forwarded-for", "x-client-ip"];
    let mut headers: Vec<_> = names.into_iter().map(|name| (name, own.clone())).collect();
    headers.push(("forwarded", format!("for={own}")));
    headers
}

#[tokio::test]
async fn made_up_headers_evade_no_budget() {
    for (configured, name, appended) in [
        (None, "x-forwarded-for", "203.0.113.9:4711"),
        (Some("Forwarded"), "forwarded", "for=\"203.0.113.9:4711\";proto=https"),
        (Some("X-Forwarded-For"), "x-forwarded-for", "203.0.113.9"),
    ] {
        scenario(behind(configured), async |app| {
            for number in 0..5 {
                let mut headers = spoofed(number);
                if number % 2 == 0 {
                    headers.push((name, appended.to_owned()));
                } else {
                    let sent = headers.iter_mut().find(|(found, _)| *found == name).unwrap();
                    sent.1 = format!("{}, {appended}", sent.1);
                }
                let expected = number < 3;
                let told = try_one(app, number, &headers).await;
                assert_eq!(told == [WRONG_PASSWORD], expected, "{configured:?} {number}: {told:?}");
            }
        })
        .await;
    }
}

#[tokio::test]
async fn the_audit_log_has_the_address_of_the_configured_header() {
    for (configured, name, value) in
        [(None, "x-forwarded-for", "203.0.113.9"), (Some("X-Real-IP"), "x-real-ip", "[2001:db8::9]:1")]
    {
        scenario(behind(configured), async |app| {
            app.person("audited@example.org", PASSWORD).await;
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
            let body = json!({ "method": "password", "identifier": "audited@example.org", "password": PASSWORD });
            let spoofed: Vec<_> = spoofed(7).into_iter().filter(|(found, _)| *found != name).collect();
            let mut headers: Vec<_> = spoofed.iter().map(|(name, value)| (*name, value.as_str())).collect();
            headers.extend([(name, value), ("content-type", "application/json")]);
            assert_eq!(visitor.send("POST", &path, &headers, body.to_string()).await.status, 200);
            app.clock.advance(std::time::Duration::from_millis(2));
            let events: Value = app.admin("GET", "/admin/audit/events", None).await.json();
            let expected = if configured.is_some() { "2001:db8::9" } else { "203.0.113.9" };
            assert_eq!(events[0]["ip_address"], expected, "{events}");
        })
        .await;
    }
}
