//! What operators watch: numbers that move with what happens.

use crate::wire::PASSWORD;
use serde_json::json;
use std::time::Duration;
use zelos_testkit::{App, Mode, Setup, scenario};

async fn metrics(app: &App) -> String {
    let answer = app.admin("GET", "/admin/metrics/prometheus", None).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    answer.text
}

/// The value of the one line that begins so.
fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{series} in {text}")).parse().unwrap()
}

fn setup() -> Setup {
    Setup::with(json!({
        "security": { "attempt_budgets": { "account": { "password": { "limit": 1 } } } },
        "selfservice": {
            "flows": { "recovery": { "enabled": true } },
            "methods": { "code": { "enabled": true }, "password": { "config": { "haveibeenpwned_enabled": true } } },
        },
    }))
}

#[tokio::test]
async fn flows_are_counted_by_kind_method_and_outcome() {
    scenario(setup(), async |app| {
        app.person("ada@example.org", PASSWORD).await;
        let flow = |kind: &str, method: &str, outcome: &str| {
            format!("zelos_flows_total{{kind=\"{kind}\",method=\"{method}\",outcome=\"{outcome}\"}}")
        };
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("ada@example.org", PASSWORD).await;
        let mut stranger = app.visitor(Mode::Native);
        for _ in 0..2 {
            let begun = stranger.begin("login", "").await;
            let wrong = json!({ "method": "password", "identifier": "ada@example.org", "password": "wrong" });
            stranger.submit(&begun, wrong).await;
        }
        let begun = stranger.begin("recovery", "").await;
        stranger.submit(&begun, json!({ "method": "code", "email": "ada@example.org" })).await;
        // Nobody answers the breach check: it is counted, and the person is taken all the same.
        let begun = stranger.begin("registration", "").await;
        let new = json!({ "method": "password", "password": PASSWORD, "traits": { "email": "bob@example.org" } });
        assert_eq!(stranger.submit(&begun, new).await.status, 200);
        app.clock.advance(Duration::from_secs(90));

        let text = metrics(app).await;
        for (series, expected) in [
            (flow("login", "", "created"), 3.0),
            (flow("login", "password", "completed"), 1.0),
            (flow("login", "password", "invalid"), 1.0),
            (flow("login", "password", "exhausted"), 1.0),
            (flow("recovery", "code", "advanced"), 1.0),
            (flow("registration", "password", "completed"), 1.0),
            ("zelos_attempts_refused_total{budget=\"account.password\"}".to_owned(), 1.0),
            ("zelos_outbound_requests_total{answer=\"failed\"}".to_owned(), 1.0),
            ("zelos_outbound_duration_seconds_count".to_owned(), 1.0),
            ("zelos_courier_queue_length".to_owned(), 1.0),
            ("zelos_courier_lag_seconds".to_owned(), 90.0),
            ("zelos_hash_queue_length".to_owned(), 0.0),
            // Made by an administrator, a login, two guesses, a registration.
            ("zelos_hash_wait_seconds_count".to_owned(), 5.0),
        ] {
            assert!((value(&text, &series) - expected).abs() < f64::EPSILON, "{series} {expected} in {text}");
        }
        for operation in ["read", "commit"] {
            let series = format!("zelos_database_duration_seconds_count{{operation=\"{operation}\"}}");
            assert!(value(&text, &series) > 5.0, "{text}");
        }
        let is_server = app.store.connections().is_some();
        assert_eq!(text.contains("zelos_database_connections{state=\"idle\"}"), is_server, "{text}");
        for name in ["process_start_time_seconds", "process_open_fds", "process_cpu_seconds_total"] {
            assert!(!cfg!(target_os = "linux") || value(&text, name) >= 0.0, "{text}");
        }
    })
    .await;
}

/// The names and labels that dashboards made for the original look for.
#[tokio::test]
async fn requests_are_counted_as_dashboards_of_the_original_expect() {
    scenario(Setup::default(), async |app| {
        app.visitor(Mode::Spa).whoami().await;
        app.admin("GET", "/identities/00000000-0000-0000-0000-000000000000", None).await;
        let text = metrics(app).await;
        let has = |name: &str, labels: &[&str]| {
            let line = text.lines().find(|line| {
                line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{'))
                    && ["app=\"kratos\"", "version=\"test\"", "hash=\"", "buildTime=\""]
                        .iter()
                        .all(|it| line.contains(it))
                    && labels.iter().all(|label| line.contains(label))
            });
            assert!(line.is_some(), "{name} {labels:?} in {text}");
        };
        let whoami = ["code=\"401\"", "method=\"get\"", "endpoint=\"/sessions/whoami\""];
        has("http_requests_total", &whoami);
        has("http_requests_total", &["code=\"404\"", "endpoint=\"/admin/identities/{param}\""]);
        has("http_requests_duration_seconds_bucket", &[whoami[0], whoami[1], whoami[2], "le=\"2.5\""]);
        has("http_requests_size_bytes_count", &whoami[..2]);
        has("http_response_size_bytes_sum", &whoami[..2]);
        has("http_requests_statuses_total", &["method=\"GET\"", "status_bucket=\"4xx\""]);
        has("http_response_time_seconds_bucket", &[whoami[2], "le=\"+Inf\""]);
    })
    .await;
}
