//! A Zelos for one test: its routers are called in process, without a socket.

use crate::{
    database::Database,
    outbound::ScriptedOutbound,
    persona::{Answer, PEER, answer},
};
use anyhow::{Result, anyhow};
use axum::{Router, body::Body};
use http::Request;
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use time::macros::datetime;
use zelos_core::{
    clock::{Clock, FixedClock},
    config::Config,
    message::Message,
    rng::SeededRng,
};
use zelos_flow::{Compiled, Engine, engine::Parts};
use zelos_server::wiring::{self, Surroundings};
use zelos_store::{Page, Store, messages};

/// A running Zelos and the world around it.
#[derive(Debug)]
pub struct App {
    pub engine: Arc<Engine>,
    pub store: Store,
    pub clock: Arc<FixedClock>,
    pub outbound: Arc<ScriptedOutbound>,
    pub public: Router,
    pub admin: Router,
}

/// What a test wants to be different from the usual.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    config: Value,
    wire: Option<fn(&mut Parts)>,
}

impl Setup {
    /// The usual configuration with these changes: objects merge, everything else replaces.
    pub fn with(config: Value) -> Self {
        Self { config, wire: None }
    }

    /// With more changes on top.
    #[must_use]
    pub fn and(mut self, config: &Value) -> Self {
        merge(&mut self.config, config);
        self
    }

    /// The usual parts with these changes, e.g. a method more.
    #[must_use]
    pub fn wired(mut self, wire: fn(&mut Parts)) -> Self {
        self.wire = Some(wire);
        self
    }
}

impl App {
    /// Starts a Zelos on that database.
    pub async fn start(database: &Database, setup: &Setup) -> Result<Self> {
        let mut document = base(&database.dsn);
        merge(&mut document, &setup.config);
        let store = database.store().await?;
        let clock = Arc::new(FixedClock::new(datetime!(2030-01-02 03:04:05 UTC)));
        let outbound = Arc::new(ScriptedOutbound::default());
        let snapshot = Box::pin(snapshot(document, &outbound)).await?;
        let pages = zelos_web::pages::Pages::new(snapshot.selfservice.ui.template_path.as_deref().map(Path::new))?;
        let surroundings = Surroundings {
            store: store.clone(),
            clock: clock.clone(),
            rng: Arc::new(SeededRng::new(1)),
            outbound: outbound.clone(),
            script_integrity: wiring::script_integrity(&pages),
        };
        let mut parts = wiring::parts(snapshot, surroundings)?;
        if let Some(wire) = setup.wire {
            wire(&mut parts);
        }
        let engine = Arc::new(Engine::new(parts));
        let readiness = Arc::new(zelos_web::Readiness::new());
        readiness.set(zelos_web::Phase::Ready);
        let app = zelos_web::App::new(engine.clone(), pages, readiness, "test");
        let (public, admin) = (zelos_web::public_router(app.clone()), zelos_web::admin_router(app));
        Ok(Self { engine, store, clock, outbound, public, admin })
    }

    /// Exchanges the configuration, as a reload does.
    pub async fn reload(&self, database: &Database, setup: &Setup) -> Result<()> {
        let mut document = base(&database.dsn);
        merge(&mut document, &setup.config);
        self.engine.replace_snapshot(Box::pin(snapshot(document, &self.outbound)).await?);
        Ok(())
    }

    /// Builds the index of traits, as a server does by itself.
    pub async fn reindex(&self) -> u64 {
        let built = zelos_store::trait_index::rebuild(&self.store, &self.engine.snapshot().schemas).await;
        built.expect("the index can be built")
    }

    /// A request to the admin API; a body is sent as JSON.
    pub async fn admin(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.admin_as("", method, path, body).await
    }

    /// The same by somebody who shows a token.
    pub async fn admin_as(&self, authorization: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "admin.example.org");
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request.body(body).expect("a test sends a valid request");
        request.extensions_mut().insert(PEER);
        answer(self.admin.clone(), request).await
    }

    /// A person with that address and password, made by an administrator.
    pub async fn person(&self, email: &str, password: &str) -> Value {
        let body = json!({
            "schema_id": "default",
            "traits": { "email": email },
            "credentials": { "password": { "config": { "password": password } } },
        });
        let answer = self.admin("POST", "/admin/identities", Some(body)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()
    }

    /// What waits in the outbox for that address, oldest first: no courier runs in these tests. Looking takes a
    /// millisecond, so that letters before and after are told apart by their time.
    pub async fn letters(&self, to: &str) -> Vec<Message> {
        let filter = messages::Filter { recipient: Some(to.to_owned()), ..messages::Filter::default() };
        let list = messages::list(&self.store, &filter, Page::After { key: None, size: 50 }).await;
        let mut letters = list.expect("the outbox can be read").items;
        letters.reverse();
        self.clock.advance(Duration::from_millis(1));
        letters
    }

    /// The code in the newest letter to that address.
    pub async fn code(&self, to: &str) -> String {
        let letter = self.letters(to).await.pop().expect("a letter was written");
        let says = |name: &str| letter.template_data.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        says("recovery_code").or_else(|| says("verification_code")).expect("the letter has a code")
    }

    /// The link in the newest letter to that address: what follows the host.
    pub async fn link(&self, to: &str) -> String {
        let letter = self.letters(to).await.pop().expect("a letter was written");
        let says = |name: &str| letter.template_data.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let url = says("recovery_url").or_else(|| says("verification_url")).expect("the letter has a link");
        let url = url::Url::parse(&url).expect("a link is an address");
        url[url::Position::BeforePath..].to_owned()
    }

    /// The time it is here.
    pub fn now(&self) -> time::OffsetDateTime {
        self.clock.now()
    }
}

async fn snapshot(document: Value, outbound: &Arc<ScriptedOutbound>) -> Result<Compiled> {
    let config = Config::from_document(document)
        .map_err(|errors| anyhow!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    Box::pin(zelos_server::snapshot(config, &**outbound)).await.map_err(|failure| anyhow!("{failure:?}"))
}

/// The identity schema of most tests: an address to sign in with, and a name.
pub(crate) fn person_schema() -> Value {
    json!({
        "$id": "https://id.example.org/person.schema.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Person",
        "type": "object",
        "properties": { "traits": {
            "type": "object",
            "properties": {
                "email": {
                    "type": "string",
                    "format": "email",
                    "title": "E-Mail",
                    "minLength": 3,
                    "ory.sh/kratos": {
                        "credentials": { "password": { "identifier": true } },
                        "verification": { "via": "email" },
                        "recovery": { "via": "email" },
                    },
                },
                "name": { "type": "string", "title": "Name", "maxLength": 40 },
            },
            "required": ["email"],
            "additionalProperties": false,
        } },
    })
}

/// The usual configuration of a test: bcrypt at its lowest cost, no breach check, everybody signed in after signing up.
fn base(dsn: &str) -> Value {
    let ui = "http://ui.example.org";
    let schema = zelos_core::config::ContentUri::inline(person_schema().to_string());
    let page = |name: &str| json!({ "ui_url": format!("{ui}/{name}") });
    json!({
        "dev": true,
        "dsn": dsn,
        "serve": {
            "public": { "base_url": "http://id.example.org/" },
            "admin": { "base_url": "http://admin.example.org/" },
        },
        "secrets": { "cookie": ["a-cookie-secret-for-tests"], "cipher": ["a-cipher-secret-for-tests-32-lon"] },
        "hashers": { "algorithm": "bcrypt", "bcrypt": { "cost": 4 } },
        "identity": { "default_schema_id": "default", "schemas": [{ "id": "default", "url": schema }] },
        "selfservice": {
            "default_browser_return_url": format!("{ui}/home"),
            "allowed_return_urls": [ui],
            "methods": { "password": { "enabled": true, "config": { "haveibeenpwned_enabled": false } } },
            "flows": {
                "error": page("error"),
                "login": page("login"),
                "settings": page("settings"),
                "recovery": page("recovery"),
                "verification": page("verification"),
                "registration": {
                    "ui_url": format!("{ui}/registration"),
                    "style": "unified",
                    "after": { "password": { "hooks": [{ "hook": "session" }] } },
                },
            },
        },
    })
}

/// Lays `over` on `under`: objects merge, `null` removes, everything else replaces.
fn merge(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    under.remove(key);
                } else {
                    merge(under.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (_, Value::Null) => {}
        (under, over) => *under = over.clone(),
    }
}
