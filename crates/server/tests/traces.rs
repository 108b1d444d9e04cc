//! A trace goes through the house: taken from whoever asks, handed on to whoever is asked, and told to a collector.
//!
//! In a process of its own, one story after the other: whether a place in the code is listened to is remembered for the whole
//! process, and other tests beside it, which do not listen, would have it forgotten.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by it")]

use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt;
use zelos_core::{config::log::Tracing, outbound::OutboundRequest};
use zelos_server::telemetry::traces::Traces;
use zelos_testkit::{App, Mode, Setup, scenario};

const PASSWORD: &str = "correct Horse battery 9 staple";
const TRACE: [u8; 16] = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes();
const PARENT: [u8; 8] = 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes();
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const COLLECTOR: &str = "http://collector.example:4318/v1/traces";

fn tracing(otlp: &Value) -> Tracing {
    let mut document = json!({ "provider": "otel", "service_name": "accounts", "providers": { "otlp": {
        "server_url": "collector.example:4318", "insecure": true, "authorization_header": "Bearer collectors-token",
    } } });
    document["providers"]["otlp"].as_object_mut().unwrap().extend(otlp.as_object().cloned().unwrap_or_default());
    serde_json::from_value(document).unwrap()
}

/// Somebody signs up, as a part of a trace; their password is looked up elsewhere.
async fn sign_up(app: &App, traceparent: &str) {
    let mut visitor = app.visitor(Mode::Native);
    let flow = visitor.begin("registration", "").await;
    let new = json!({ "method": "password", "password": PASSWORD, "traits": { "email": "ada@example.org" } });
    let path = format!("/self-service/registration?flow={}", flow["id"].as_str().unwrap());
    let headers = [("content-type", "application/json"), ("traceparent", traceparent)];
    let answer = visitor.send("POST", &path, &headers, new.to_string()).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// What is sent out while somebody signs up.
async fn traced(app: &App, config: &Tracing, traceparent: &str) -> Vec<OutboundRequest> {
    app.outbound.answer("http://collector.example", 200, "");
    app.outbound.answer("https://api.pwnedpasswords.com", 200, "");
    let traces = Traces::start(config, app.outbound.clone()).unwrap().unwrap();
    let listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(traces.layer()));
    sign_up(app, traceparent).await;
    drop(listening);
    traces.finish().await;
    app.outbound.requests()
}

fn header<'a>(request: &'a OutboundRequest, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn has(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|found| found == part)
}

fn setup() -> Setup {
    Setup::with(json!({
        "selfservice": { "methods": { "password": { "config": { "haveibeenpwned_enabled": true } } } },
    }))
}

async fn a_trace_goes_through_the_house() {
    scenario(setup(), async |app| {
        let sent = traced(app, &tracing(&json!({})), TRACEPARENT).await;
        let (told, asked): (Vec<_>, Vec<_>) = sent.iter().partition(|request| request.url.as_str() == COLLECTOR);
        assert!(!told.is_empty() && asked.len() == 1, "{sent:?}");
        for request in &told {
            assert_eq!(header(request, "authorization"), "Bearer collectors-token");
            assert_eq!(header(request, "content-type"), "application/x-protobuf");
            assert_eq!(header(request, "traceparent"), "", "telling of a trace is no part of it");
        }
        let told: Vec<u8> = told.iter().flat_map(|request| request.body.to_vec()).collect();
        assert!(has(&told, &TRACE) && has(&told, &PARENT), "the trace and the parent are the caller's");
        for name in [
            "accounts",
            "POST /self-service/registration",
            "GET /self-service/registration/api",
            "flow.create",
            "flow.submit",
            "SELECT flows",
            "COMMIT",
            "INSERT identities",
            "api.pwnedpasswords.com",
        ] {
            assert!(has(&told, name.as_bytes()), "{name} in {}", String::from_utf8_lossy(&told));
        }
        for value in [PASSWORD, "ada@example.org", "WHERE", "$2a$", "/range/"] {
            assert!(!has(&told, value.as_bytes()), "{value} in {}", String::from_utf8_lossy(&told));
        }
        let handed_on = header(asked[0], "traceparent");
        assert!(handed_on.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), "{handed_on}");
        assert!(!handed_on.contains("00f067aa0ba902b7") && handed_on.ends_with("-01"), "{handed_on}");
    })
    .await;
}

async fn as_much_is_traced_as_is_wanted() {
    scenario(setup(), async |app| {
        let none = tracing(&json!({ "sampling": { "sampling_ratio": 0.0 } }));
        let sent = traced(app, &none, "nonsense").await;
        assert!(sent.iter().all(|request| request.url.as_str() != COLLECTOR), "{sent:?}");
        assert!(header(&sent[0], "traceparent").ends_with("-00"), "what is not sampled is handed on as such");
    })
    .await;
    scenario(setup(), async |app| {
        // Whoever asks does not sample; whatever our own share is.
        let sent = traced(app, &tracing(&json!({})), &format!("{}00", TRACEPARENT.trim_end_matches("01"))).await;
        let told: Vec<u8> =
            sent.iter().filter(|it| it.url.as_str() == COLLECTOR).flat_map(|it| it.body.to_vec()).collect();
        assert!(!has(&told, &TRACE) && has(&told, b"GET /self-service/registration/api"));
    })
    .await;
}

fn traces_need_somewhere_to_go() {
    let outbound = std::sync::Arc::new(zelos_testkit::ScriptedOutbound::default());
    assert!(Traces::start(&Tracing::default(), outbound.clone()).unwrap().is_none(), "off");
    let nowhere = Traces::start(&tracing(&json!({ "server_url": "" })), outbound).unwrap_err();
    assert!(format!("{nowhere:?}").contains("tracing.providers.otlp.server_url"), "{nowhere:?}");
}

#[tokio::test]
async fn traces() {
    a_trace_goes_through_the_house().await;
    as_much_is_traced_as_is_wanted().await;
    traces_need_somewhere_to_go();
}
