//! A server without methods for the tests of this crate: what a method would do is other crates' business.

use crate::{App, Peer, Phase, Readiness, pages::Pages};
use axum::{
    Router,
    body::{Body, Bytes},
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use time::{OffsetDateTime, macros::datetime};
use tower::ServiceExt;
use uuid::Uuid;
use zelos_core::{
    clock::FixedClock,
    config::Config,
    id::MessageId,
    message::{Message, MessageChannel, MessageStatus, TemplateType},
    outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse},
    rng::SeededRng,
    schema::{IdentitySchema, Schemas},
    snapshot::Snapshot,
};
use zelos_flow::{Engine, engine::Parts};
use zelos_store::{PoolOptions, Store};

/// Nothing is outside.
#[derive(Debug)]
struct Nowhere;

#[async_trait::async_trait]
impl Outbound for Nowhere {
    async fn send(&self, _: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        Err(OutboundError::Timeout)
    }
}

/// Both servers on a database of their own.
pub(crate) struct Server {
    pub(crate) app: Arc<App>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) public: Router,
    pub(crate) admin: Router,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// A header's value; empty if it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
    }
}

pub(crate) const UI: &str = "https://ui.example.org";

/// The usual configuration, with own pages of the operator.
pub(crate) fn config() -> Value {
    let page = |name: &str| json!({ "ui_url": format!("{UI}/{name}") });
    let mut registration = page("registration");
    registration["style"] = "unified".into();
    json!({
        "dsn": "memory",
        "identity": { "default_schema_id": "default", "schemas": [{ "id": "default", "url": "base64://e30=" }] },
        "secrets": { "cookie": ["a-cookie-secret-for-tests"] },
        "serve": {
            "public": { "base_url": "https://id.example.org/", "trusted_proxies": ["10.0.0.0/8"] },
            "admin": { "base_url": "https://admin.example.org/" },
        },
        "selfservice": {
            "default_browser_return_url": format!("{UI}/welcome"),
            "allowed_return_urls": [UI],
            "flows": {
                "login": page("login"), "registration": registration, "settings": page("settings"),
                "recovery": page("recovery"), "verification": page("verification"), "error": page("error"),
            },
        },
    })
}

/// Sets a member deep in a configuration.
pub(crate) fn with(pointer: &str, value: Value) -> Value {
    let mut config = config();
    let mut place = &mut config;
    for part in pointer.split('.') {
        place = &mut place[part];
    }
    *place = value;
    config
}

pub(crate) fn snapshot(config: Value) -> Snapshot {
    let config = Config::from_document(config).unwrap();
    let raw = json!({"$id": "https://example.org/s.json", "type": "object", "properties": {"traits": {
        "type": "object", "properties": {"email": {"type": "string"}}
    }}});
    let schema = IdentitySchema::compile("default", raw.to_string().as_bytes()).unwrap();
    Snapshot::new(config, Schemas::new("default", [(schema, true)]).unwrap())
}

impl Server {
    pub(crate) async fn start(config: Value) -> Self {
        let store = Box::pin(Store::connect("memory", PoolOptions::default())).await.unwrap();
        let clock = Arc::new(FixedClock::new(datetime!(2030-01-02 03:04:05 UTC)));
        let engine = Engine::new(Parts {
            snapshot: snapshot(config).into(),
            store,
            clock: clock.clone(),
            rng: Arc::new(SeededRng::new(1)),
            outbound: Arc::new(Nowhere),
            methods: Vec::new(),
            hooks: Vec::new(),
            measures: Arc::default(),
        });
        let readiness = Arc::new(Readiness::new());
        readiness.set(Phase::Ready);
        let app = App::new(Arc::new(engine), Pages::new(None).unwrap(), readiness.clone(), "1.2.3");
        let (public, admin) = (crate::public_router(app.clone()), crate::admin_router(app.clone()));
        Self { app, clock, readiness, public, admin }
    }

    /// A request to the public server: `METHOD path`, headers, body.
    pub(crate) async fn ask(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        answer(&self.public, line, headers, body.into()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &[], Body::empty()).await
    }

    pub(crate) async fn admin(&self, line: &str) -> Answer {
        answer(&self.admin, line, &[("host", "localhost")], Body::empty()).await
    }
}

/// A request to any router.
pub(crate) async fn answer(router: &Router, line: &str, headers: &[(&str, &str)], body: Body) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "asked.example.org");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body).unwrap();
    request.extensions_mut().insert(Peer { address: Some("192.0.2.1:4711".parse().unwrap()), tls: false });
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

/// A message with a code, as the outbox holds it.
pub(crate) fn message(number: u128, recipient: &str, now: OffsetDateTime) -> Message {
    let Value::Object(template_data) = json!({"to": recipient, "recovery_code": "123456"}) else { unreachable!() };
    Message {
        id: MessageId(Uuid::from_u128(number)),
        channel: MessageChannel::Email,
        recipient: recipient.to_owned(),
        subject: "Your code".to_owned(),
        body: "Your code is 123456.".to_owned(),
        template_type: TemplateType::RecoveryCodeValid,
        template_data,
        request_headers: serde_json::Map::new(),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: None,
        created_at: now,
        updated_at: now,
    }
}
