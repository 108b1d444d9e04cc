//! The audit log: what happens to accounts is written down with it, without secrets, and can be read by administrators.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::config::admin_auth::hash;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, scenario, scenario_for_each};

const OTHER_PASSWORD: &str = "another-horse-Battery-8";

fn setup() -> Setup {
    Setup::with(json!({ "selfservice": {
        "flows": { "recovery": { "enabled": true }, "verification": { "enabled": true } },
        "methods": { "code": { "enabled": true }, "link": { "enabled": true } },
    } }))
}

/// The events of the log, oldest first.
async fn events(app: &App, query: &str) -> Vec<Value> {
    let answer = app.admin("GET", &format!("/admin/audit/events?{query}"), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    for secret in [PASSWORD, OTHER_PASSWORD, "example.org", "$2a$"] {
        assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
    }
    let mut events = answer.json().as_array().cloned().unwrap_or_default();
    events.reverse();
    events
}

/// What came last. Time goes on: ids follow it by the millisecond.
async fn last(app: &App, query: &str) -> Value {
    app.clock.advance(Duration::from_millis(2));
    events(app, query).await.pop().unwrap_or_default()
}

fn assert_has(event: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&event[name], value, "{name} of {event}");
    }
}

async fn whoami(visitor: &mut Persona) -> Value {
    visitor.whoami().await.json()
}

async fn settings(visitor: &mut Persona, values: Value) -> Answer {
    let flow = visitor.begin("settings", "").await;
    visitor.submit(&flow, values).await
}

#[tokio::test]
async fn the_life_of_an_account_is_written_down() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = format!("life-{:?}@example.org", visitor.mode).to_lowercase();
        let flow = visitor.begin("registration", "").await;
        let new = json!({ "method": "password", "traits": { "email": email }, "password": PASSWORD });
        let answer = visitor.submit(&flow, new).await;
        visitor.keep_token(&answer);
        let session = whoami(&mut visitor).await;
        let (id, session_id) = (session["identity"]["id"].clone(), session["id"].clone());
        let own = format!("identity_id={}", id.as_str().unwrap());
        let event = last(app, &own).await;
        let expected = json!({ "kind": "RegistrationSucceeded", "identity_id": id, "session_id": session_id,
            "method": "password", "actor": "self", "ip_address": "127.0.0.1", "details": { "aal": "aal1" } });
        assert_has(&event, &expected);
        let time = event["time"].as_str().unwrap();
        assert!(time.starts_with("2030-01-02T03:04:05") && time.ends_with('Z'), "{time}");

        settings(&mut visitor, json!({ "method": "password", "password": OTHER_PASSWORD })).await;
        let expected = json!({ "kind": "SettingsSucceeded", "method": "password", "session_id": session_id,
            "details": { "credentials": ["password"], "changed": [], "aal": "aal1" } });
        assert_has(&last(app, &own).await, &expected);
        settings(&mut visitor, json!({ "method": "profile", "traits": { "email": email, "name": "Ada" } })).await;
        let expected = json!({ "kind": "SettingsSucceeded", "method": "profile",
            "details": { "credentials": [], "changed": ["traits"], "aal": "aal1" } });
        assert_has(&last(app, &own).await, &expected);

        let mut other = app.visitor(visitor.mode);
        other.sign_in(&email, OTHER_PASSWORD).await;
        let theirs = whoami(&mut other).await["id"].clone();
        assert_has(
            &last(app, &own).await,
            &json!({ "kind": "LoginSucceeded", "session_id": theirs, "method": "password" }),
        );
        // A session of nobody leaves no trace, one of theirs does.
        let before = events(app, &own).await.len();
        for nobody in
            ["00000000-0000-0000-0000-000000000000".to_owned(), "01900000-0000-7000-8000-000000000000".to_owned()]
        {
            assert_eq!(visitor.send("DELETE", &format!("/sessions/{nobody}"), &[], "").await.status, 204);
        }
        assert_eq!(events(app, &own).await.len(), before);
        visitor.send("DELETE", &format!("/sessions/{}", theirs.as_str().unwrap()), &[], "").await;
        assert_has(&last(app, &own).await, &json!({ "kind": "SessionRevoked", "session_id": theirs, "actor": "self" }));
        visitor.send("DELETE", "/sessions", &[], "").await;
        assert_has(&last(app, &own).await, &json!({ "kind": "SessionRevoked", "details": { "sessions": "others" } }));

        let mut back = app.visitor(visitor.mode);
        let flow = back.begin("recovery", "").await;
        back.submit(&flow, json!({ "method": "code", "email": email })).await;
        let code = app.code(&email).await;
        back.submit(&flow, json!({ "method": "code", "code": code })).await;
        assert_has(&last(app, &own).await, &json!({ "kind": "RecoverySucceeded", "method": "code", "actor": "self" }));
    })
    .await;
}

#[tokio::test]
async fn a_login_that_fails_is_written_down_once_it_is_one_too_many() {
    let few = json!({ "security": { "attempt_budgets": { "account": { "password": { "limit": 2 } } } } });
    scenario(setup().and(&few), async |app| {
        let id = app.person("guess@example.org", PASSWORD).await["id"].clone();
        let own = format!("identity_id={}", id.as_str().unwrap());
        for number in 0..5 {
            let mut stranger = app.visitor(Mode::Native);
            let flow = stranger.begin("login", "").await;
            let wrong = json!({ "method": "password", "identifier": "guess@example.org", "password": "wrong" });
            stranger.submit(&flow, wrong).await;
            let failed = events(app, &format!("{own}&kind=LoginFailed")).await;
            assert_eq!(failed.len(), usize::from(number >= 2), "attempt {number}");
            app.clock.advance(Duration::from_millis(2));
        }
        let expected =
            json!({ "kind": "LoginFailed", "method": "password", "details": { "budget": "account.password" } });
        assert_has(&last(app, &own).await, &expected);
    })
    .await;
}

#[tokio::test]
async fn what_administrators_do_is_written_down_with_their_name() {
    scenario(setup(), async |app| {
        let id = app.person("admin@example.org", PASSWORD).await["id"].as_str().unwrap().to_owned();
        let own = format!("identity_id={id}");
        let expected = json!({ "kind": "IdentityCreated", "actor": "admin", "identity_id": id });
        assert_has(&last(app, &own).await, &expected);
        let patch = json!([
            { "op": "replace", "path": "/state", "value": "inactive" },
            { "op": "replace", "path": "/metadata_admin", "value": { "note": "a secret" } },
        ]);
        app.admin("PATCH", &format!("/admin/identities/{id}"), Some(patch)).await;
        let expected = json!({ "kind": "IdentityUpdated",
            "details": { "credentials": [], "changed": ["state", "metadata_admin"] } });
        assert_has(&last(app, &own).await, &expected);
        let active = json!([{ "op": "replace", "path": "/state", "value": "active" }]);
        app.admin("PATCH", &format!("/admin/identities/{id}"), Some(active)).await;
        app.clock.advance(Duration::from_millis(2));

        app.admin("POST", "/admin/recovery/code", Some(json!({ "identity_id": id }))).await;
        let expected = json!({ "kind": "RecoveryInitiatedByAdmin", "method": "code", "actor": "admin" });
        assert_has(&last(app, &own).await, &expected);

        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("admin@example.org", PASSWORD).await;
        let session = whoami(&mut visitor).await["id"].as_str().unwrap().to_owned();
        app.clock.advance(Duration::from_hours(12));
        app.admin("PATCH", &format!("/admin/sessions/{session}/extend"), None).await;
        assert_has(&last(app, &own).await, &json!({ "kind": "SessionLifespanExtended", "session_id": session }));
        app.admin("DELETE", &format!("/admin/sessions/{session}"), None).await;
        let expected = json!({ "kind": "SessionRevoked", "session_id": session, "actor": "admin" });
        assert_has(&last(app, &format!("{own}&kind=SessionRevoked")).await, &expected);
        app.admin("POST", "/admin/sessions", Some(json!({ "action": "disable", "identities": [id] }))).await;
        let expected = json!({ "kind": "SessionRevoked", "details": { "action": "disable", "sessions": "all" } });
        assert_has(&last(app, &own).await, &expected);
        let processed =
            app.admin("POST", "/admin/sessions", Some(json!({ "action": "delete", "identities": ["*"] }))).await;
        assert_eq!(processed.json()["processed"], 1, "the log is not counted");
        app.admin("DELETE", &format!("/admin/identities/{id}"), None).await;
        assert_has(&last(app, &own).await, &json!({ "kind": "IdentityDeleted", "identity_id": id }));
        // Nobody was deleted the second time.
        let before = events(app, "").await.len();
        assert_eq!(app.admin("DELETE", &format!("/admin/identities/{id}"), None).await.status, 404);
        assert_eq!(events(app, "").await.len(), before);
    })
    .await;
}

#[tokio::test]
async fn the_log_can_be_paged_filtered_and_switched_off() {
    let token = |name: &str, scope: &str| json!({ "name": name, "sha256": hash(name).expose(), "scopes": [scope] });
    let tokens = json!([token("panel", "write"), token("auditor", "read"), token("postman", "courier")]);
    let doors = json!({ "serve": { "admin": { "auth": { "tokens": tokens } } } });
    scenario(setup().and(&doors), async |app| {
        let ask = async |method: &str, path: &str, name: &str, body: Option<Value>| {
            app.admin_as(&format!("Bearer {name}"), method, path, body).await
        };
        for number in 0..5 {
            let body = json!({ "schema_id": "default", "traits": { "email": format!("p{number}@example.org") } });
            assert_eq!(ask("POST", "/admin/identities", "panel", Some(body)).await.status, 201);
            app.clock.advance(Duration::from_secs(1));
        }
        let list = async |query: &str| ask("GET", &format!("/admin/audit/events?{query}"), "auditor", None).await;
        let answer = list("page_size=2").await;
        let first = answer.json().as_array().unwrap().clone();
        assert_eq!((first.len(), &first[0]["actor"]), (2, &json!("admin:panel")), "{}", answer.text);
        let next = answer.header("link").split(',').find(|link| link.contains("rel=\"next\"")).unwrap().to_owned();
        let next = next.trim_start_matches('<').split('>').next().unwrap().to_owned();
        let second = ask("GET", &next, "auditor", None).await.json();
        assert!(second[0]["time"].as_str() < first[1]["time"].as_str(), "{second}");
        let part = list("since=2030-01-02T03:04:06Z&until=2030-01-02T03:04:08Z").await.json();
        let times: Vec<_> = part.as_array().unwrap().iter().map(|event| event["time"].clone()).collect();
        assert_eq!(times, ["2030-01-02T03:04:07Z", "2030-01-02T03:04:06Z"]);
        assert_eq!(list("kind=IdentityDeleted").await.json(), json!([]));
        for wrong in ["kind=x", "since=yesterday", "until=1", "identity_id=x", "page_token=x", "page_size=x"] {
            assert_eq!(list(wrong).await.status, 400, "{wrong}");
        }
        assert_eq!(ask("GET", "/admin/audit/events", "postman", None).await.status, 403);
        for method in ["DELETE", "POST", "PUT", "PATCH"] {
            assert_eq!(ask(method, "/admin/audit/events", "panel", None).await.status, 405, "{method}");
        }
    })
    .await;
    scenario(setup().and(&json!({ "audit": { "enabled": false } })), async |app| {
        app.person("off@example.org", PASSWORD).await;
        app.visitor(Mode::Spa).sign_in("off@example.org", PASSWORD).await;
        assert_eq!(events(app, "").await, Vec::<Value>::new());
    })
    .await;
}
