//! Passwords that another server knows: asked for once, kept from then on.

use crate::wire::{PASSWORD, refused};
use futures_util::future::join_all;
use serde_json::{Value, json};
use zelos_core::config::ContentUri;
use zelos_testkit::{App, Database, Mode, Persona, Setup, node, scenario, scenario_for_each};

const OLD: &str = "https://old.example.org/check";

fn setup(config: Value) -> Setup {
    let mut config = config;
    config["url"] = OLD.into();
    let hook = json!({ "enabled": true, "config": config });
    Setup::with(json!({ "selfservice": { "methods": { "password": { "config": { "migrate_hook": hook } } } } }))
}

/// Somebody whose password is elsewhere.
async fn person(app: &App, email: &str) -> Value {
    let config = json!({ "use_password_migration_hook": true, "password": "not taken" });
    let body = json!({ "traits": { "email": email }, "credentials": { "password": { "config": config } } });
    let made = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()
}

async fn stored(app: &App, person: &Value) -> Value {
    let path = format!("/admin/identities/{}?include_credential=password", person["id"].as_str().unwrap());
    app.admin("GET", &path, None).await.json()["credentials"]["password"]["config"].clone()
}

fn email_of(visitor: &Persona) -> String {
    format!("Old-{:?}@example.org", visitor.mode)
}

const MATCH: &str = r#"{"status":"password_match"}"#;

#[tokio::test]
async fn the_old_server_is_asked_once() {
    scenario_for_each(setup(json!({})), async |app, mut visitor| {
        let email = email_of(&visitor);
        let person = person(app, &email).await;
        let waiting = json!({ "hashed_password": "", "use_password_migration_hook": true });
        assert_eq!(stored(app, &person).await, waiting);
        let before = app.outbound.requests().len();

        app.outbound.answer(OLD, 403, "");
        let answer = visitor.sign_in(&email, "wrong").await;
        let flow = refused(&mut visitor, "login", &answer).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 4_000_006, "{flow}");
        assert_eq!(node(&flow, "identifier")["attributes"]["value"], email);
        assert_eq!(stored(app, &person).await, waiting, "a wrong password changes nothing");

        app.outbound.answer(OLD, 200, MATCH);
        visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 200);
        let asked = app.outbound.requests().split_off(before);
        assert_eq!(asked.len(), 2);
        assert_eq!((asked[1].method.as_str(), asked[1].url.as_str()), ("POST", OLD));
        assert_eq!(asked[1].headers["content-type"], "application/json");
        let said: Value = serde_json::from_slice(&asked[1].body).unwrap();
        assert_eq!(said, json!({ "identifier": email, "password": PASSWORD }), "as they were typed");
        let kept = stored(app, &person).await;
        assert!(kept["hashed_password"].as_str().unwrap().starts_with("$2a$04$"), "{kept}");
        assert!(kept.get("use_password_migration_hook").is_none(), "{kept}");

        let mut again = app.visitor(visitor.mode);
        again.sign_in(&email, PASSWORD).await;
        assert_eq!(again.whoami().await.status, 200);
        let mut stranger = app.visitor(visitor.mode);
        stranger.sign_in(&email, "wrong").await;
        assert_eq!(stranger.whoami().await.status, 401, "the old server would say yes, but is not asked");
        assert_eq!(app.outbound.requests().len(), before + 2);
    })
    .await;
}

#[tokio::test]
async fn only_a_match_opens() {
    scenario(setup(json!({})), async |app| {
        let person = person(app, "careful@example.org").await;
        for (status, body, expected) in [
            (200, "", 400),
            (200, "{}", 400),
            (200, "[]", 400),
            (200, r#"{"status":"match"}"#, 400),
            (200, r#"{"status":["password_match"]}"#, 400),
            (200, "password_match", 400),
            (403, MATCH, 400),
            (201, MATCH, 502),
            (204, "", 502),
            (401, MATCH, 502),
            (404, "", 502),
            (500, MATCH, 502),
        ] {
            app.outbound.answer(OLD, status, body);
            let answer = app.visitor(Mode::Native).sign_in("careful@example.org", PASSWORD).await;
            assert_eq!(answer.status, expected, "{status} {body}: {}", answer.text);
            if expected == 400 {
                assert_eq!(answer.messages(), [4_000_006], "{status} {body}");
            }
        }
        assert_eq!(stored(app, &person).await["hashed_password"], "");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_told_from_a_wrong_password() {
    scenario(setup(json!({})), async |app| {
        person(app, "away@example.org").await;
        let answer = app.visitor(Mode::Native).sign_in("away@example.org", PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"]["code"].as_u64()), (502, Some(502)));
        assert!(!answer.text.contains("scripted"), "what it ran into is the operator's business: {}", answer.text);
        let answer = app.visitor(Mode::Native).sign_in("nobody@example.org", PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_006]), "strangers are not asked for");
        assert_eq!(app.outbound.requests().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn without_the_hook_its_people_cannot_sign_in() {
    scenario(Setup::default(), async |app| {
        person(app, "stranded@example.org").await;
        let answer = app.visitor(Mode::Native).sign_in("stranded@example.org", PASSWORD).await;
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert_eq!(answer.json()["error"]["id"], "invalid_configuration");
        assert!(app.outbound.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_request_is_made_as_configured() {
    let snippet = "function(ctx) {
        user: ctx.identifier, secret: ctx.password, person: ctx.identity.id, name: ctx.identity.traits.email,
        flow: ctx.flow.type, method: ctx.request_method, url: ctx.request_url, cookies: ctx.request_cookies,
        agent: ctx.request_headers['User-Agent'], hidden: std.objectHas(ctx.identity, 'metadata_admin') || std.objectHas(ctx.identity, 'credentials'),
    }";
    let config = json!({
        "headers": { "X-Tenant": "seven" },
        "auth": { "type": "api_key", "config": { "name": "X-Key", "value": "a-key", "in": "header" } },
        "body": ContentUri::inline(snippet),
    });
    scenario(setup(config), async |app| {
        let person = person(app, "made@example.org").await;
        app.outbound.answer(OLD, 200, MATCH);
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
        let values = json!({ "method": "password", "identifier": "made@example.org", "password": PASSWORD });
        let headers = [("content-type", "application/json"), ("user-agent", "App/1")];
        let answer = visitor.send("POST", &path, &headers, values.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let asked = app.outbound.requests().pop().unwrap();
        assert_eq!(
            (&asked.headers["x-tenant"], &asked.headers["x-key"]),
            (&"seven".parse().unwrap(), &"a-key".parse().unwrap())
        );
        assert!(!format!("{asked:?}").contains("a-key"));
        let said: Value = serde_json::from_slice(&asked.body).unwrap();
        let expected = json!({
            "user": "made@example.org", "secret": PASSWORD, "person": person["id"], "name": "made@example.org",
            "flow": "api", "method": "POST", "url": format!("http://id.example.org{path}"), "cookies": {},
            "agent": ["App/1"], "hidden": false,
        });
        assert_eq!(said, expected);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_cannot_be_made_asks_nobody() {
    let config = json!({ "body": ContentUri::inline("function(ctx) error ctx.password") });
    scenario(setup(config), async |app| {
        person(app, "error@example.org").await;
        app.outbound.answer(OLD, 200, MATCH);
        let answer = app.visitor(Mode::Native).sign_in("error@example.org", PASSWORD).await;
        assert_eq!(answer.status, 500, "{}", answer.text);
        assert!(!answer.text.contains(PASSWORD), "{}", answer.text);
        assert!(app.outbound.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_password_that_could_not_be_kept_is_not_asked_for() {
    scenario(setup(json!({})), async |app| {
        let person = person(app, "long@example.org").await;
        app.outbound.answer(OLD, 200, MATCH);
        let answer = app.visitor(Mode::Native).sign_in("long@example.org", &"x".repeat(73)).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_006]), "{}", answer.text);
        assert!(app.outbound.requests().is_empty());
        assert_eq!(stored(app, &person).await["hashed_password"], "");
        let answer = app.visitor(Mode::Native).sign_in("long@example.org", &"x".repeat(72)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    })
    .await;
}

/// A hash is made while the old server answers: without it, the time of a refusal would tell who has an account there.
#[tokio::test]
async fn a_refusal_costs_a_hash() {
    scenario(setup(json!({})), async |app| {
        person(app, "timed@example.org").await;
        app.outbound.answer(OLD, 403, "");
        let mut costs = Vec::new();
        for email in ["timed@example.org", "nobody@example.org"] {
            let before = app.engine.measures.hash_work.get();
            let answer = app.visitor(Mode::Native).sign_in(email, PASSWORD).await;
            assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_006]), "{email}: {}", answer.text);
            costs.push(app.engine.measures.hash_work.get() - before);
        }
        assert!(costs[0] > 0 && costs[0] == costs[1], "{costs:?}");
    })
    .await;
}

#[tokio::test]
async fn many_at_once_keep_one_hash() {
    scenario(setup(json!({})), async |app| {
        let person = person(app, "many@example.org").await;
        app.outbound.answer(OLD, 200, MATCH);
        let mut visitors: Vec<_> = (0..8).map(|_| app.visitor(Mode::Native)).collect();
        let attempts = visitors.iter_mut().map(|visitor| visitor.sign_in("many@example.org", PASSWORD));
        for answer in join_all(attempts).await {
            assert!(matches!(answer.status.as_u16(), 200 | 409), "{}", answer.text);
        }
        assert!(stored(app, &person).await["hashed_password"].as_str().unwrap().starts_with("$2a$"));
        let answer = app.visitor(Mode::Native).sign_in("many@example.org", PASSWORD).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn two_screens_and_fresh_proofs_offer_a_password() {
    let style = json!({ "selfservice": { "flows": { "login": { "style": "identifier_first" } } } });
    for (setup, offered) in [(setup(json!({})).and(&style), true), (Setup::with(style.clone()), false)] {
        scenario(setup, async |app| {
            person(app, "screens@example.org").await;
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "identifier_first", "identifier": "screens@example.org" });
            let flow = visitor.submit(&flow, values).await.json();
            assert_eq!(!node(&flow, "password").is_null(), offered, "{flow}");
        })
        .await;
    }
}

#[tokio::test]
async fn who_sets_a_password_needs_the_old_server_no_more() {
    scenario(setup(json!({})), async |app| {
        let person = person(app, "set@example.org").await;
        app.outbound.answer(OLD, 200, MATCH);
        let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        let member = json!({ "password": { "config": { "password": PASSWORD } } });
        let put = json!({ "traits": { "email": "set@example.org" }, "credentials": member });
        assert_eq!(app.admin("PUT", &path, Some(put)).await.status, 200);
        assert!(stored(app, &person).await.get("use_password_migration_hook").is_none());
        let answer = app.visitor(Mode::Native).sign_in("set@example.org", "wrong").await;
        assert_eq!(answer.status, 400);
        assert_eq!(app.visitor(Mode::Native).sign_in("set@example.org", PASSWORD).await.status, 200);
        assert!(app.outbound.requests().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_hook_that_cannot_be_called_stops_the_start() {
    let database = Database::sqlite().unwrap();
    for (config, key) in [
        (json!({ "body": ContentUri::inline("function(ctx) {") }), "migrate_hook.config.body: "),
        (json!({ "headers": { "no name": "x" } }), "migrate_hook.config.headers.no name: "),
    ] {
        let refused = App::start(&database, &setup(config)).await.unwrap_err().to_string();
        assert!(refused.contains(key), "{refused}");
    }
    database.remove().await.unwrap();
}
