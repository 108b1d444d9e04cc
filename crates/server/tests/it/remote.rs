//! Templates, request bodies and schemas that lie on another server: what happens while it is away.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use zelos_core::message::MessageStatus;
use zelos_server::wiring;
use zelos_store::messages;
use zelos_testkit::{App, Database, Mode, Setup, scenario};

const HOST: &str = "https://app.example.org/";

fn by_code(courier: &Value) -> Setup {
    Setup::with(json!({
        "selfservice": {
            "flows": { "recovery": { "enabled": true, "use": "code" } },
            "methods": { "code": { "enabled": true } },
        },
        "courier": courier,
    }))
}

fn with_templates() -> Setup {
    let email = json!({ "subject": format!("{HOST}subject"), "body": {
        "plaintext": format!("{HOST}plain"), "html": format!("{HOST}html") } });
    by_code(&json!({ "templates": { "recovery_code": { "valid": { "email": email } } } }))
}

/// Asks for a recovery code; subject, text and HTML of the mail that follows.
async fn recovered(app: &App, email: &str) -> (String, String, String) {
    let mut visitor = app.visitor(Mode::Spa);
    let flow = visitor.begin("recovery", "").await;
    let answer = visitor.submit(&flow, json!({ "method": "code", "email": email })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let letter = app.letters(email).await.pop().unwrap();
    let html = app.engine.snapshot().letters.html(&letter).unwrap().unwrap();
    (letter.subject, letter.body, html)
}

const BUILT_IN: &str = "Your code to get back into your account";

#[tokio::test]
async fn mail_goes_out_while_the_host_of_its_templates_is_away_and_uses_them_once_it_answers() {
    scenario(with_templates(), async |app| {
        app.person("ada@example.org", PASSWORD).await;
        assert_eq!(app.outbound.asked(), [""; 0], "no start asks for them");
        let (subject, plain, html) = recovered(app, "ada@example.org").await;
        assert_eq!(subject, BUILT_IN);
        assert!(plain.contains(&app.code("ada@example.org").await) && html.contains("<html"), "{plain} {html}");

        app.outbound.answer(HOST, 200, "{{.RecoveryCode}} of {{.To}}");
        app.outbound.answer(&format!("{HOST}html"), 200, "<p>{{.RecoveryCode");
        let (subject, plain, html) = recovered(app, "ada@example.org").await;
        let expected = format!("{} of ada@example.org", app.code("ada@example.org").await);
        assert_eq!((&subject, &plain), (&expected, &expected));
        assert!(html.contains("<html"), "a template that arrives broken is as one that does not arrive");

        app.outbound.answer(&format!("{HOST}html"), 200, "<p>{{.RecoveryCode}}</p>");
        let code = recovered(app, "ada@example.org").await.2;
        assert_eq!(code, format!("<p>{}</p>", app.code("ada@example.org").await));
        let asked = app.outbound.asked().len();
        for _ in 0..5 {
            recovered(app, "ada@example.org").await;
        }
        assert_eq!(app.outbound.asked().len(), asked, "nothing is fetched for each mail");
        app.outbound.answer(HOST, 503, "");
        assert!(recovered(app, "ada@example.org").await.0.ends_with(" of ada@example.org"), "copies are used on");
    })
    .await;
}

#[tokio::test]
async fn host_is_asked_whether_or_not_there_is_somebody_to_write_to() {
    scenario(with_templates(), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("recovery", "").await;
        let before = app.outbound.asked().len();
        visitor.submit(&flow, json!({ "method": "code", "email": "nobody@example.org" })).await;
        assert_eq!(app.outbound.asked().len(), before + 3, "else the time of an answer would tell");
    })
    .await;
}

#[tokio::test]
async fn message_waits_for_the_body_of_its_request_and_loses_no_attempt() {
    let request = json!({ "url": "https://mail.example.org/", "body": format!("{HOST}body.jsonnet") });
    let setup =
        by_code(&json!({ "delivery_strategy": "http", "message_retries": 1, "http": { "request_config": request } }));
    scenario(setup, async |app| {
        app.outbound.answer("https://mail.example.org/", 200, "");
        app.person("ada@example.org", PASSWORD).await;
        recovered(app, "ada@example.org").await;
        let id = app.letters("ada@example.org").await[0].id;
        let courier = wiring::courier(&app.engine);
        let status = async || {
            let (message, _) = messages::find(&app.store, id).await.unwrap().unwrap();
            (message.status, message.send_count)
        };
        for answer in [(503, ""), (200, "function(ctx) {"), (404, ""), (200, "\u{0}")] {
            app.outbound.answer(HOST, answer.0, answer.1);
            assert_eq!(courier.round().await.unwrap(), 1, "{answer:?}");
            assert_eq!(status().await, (MessageStatus::Queued, 0), "{answer:?}");
            assert_eq!(courier.round().await.unwrap(), 0, "not at once");
            app.clock.advance(std::time::Duration::from_secs(10));
        }
        app.outbound.answer(HOST, 200, "function(ctx) { to: ctx.recipient }");
        courier.round().await.unwrap();
        assert_eq!(status().await, (MessageStatus::Sent, 1));
        let sent = app.outbound.requests().pop().unwrap();
        assert_eq!(
            (sent.url.as_str(), &*sent.body),
            ("https://mail.example.org/", &br#"{"to":"ada@example.org"}"#[..])
        );
    })
    .await;
}

#[tokio::test]
async fn message_that_waits_in_vain_ends_when_what_it_says_has_expired() {
    let request = json!({ "url": "https://mail.example.org/", "body": format!("{HOST}body.jsonnet") });
    let setup = by_code(&json!({ "delivery_strategy": "http", "http": { "request_config": request } }));
    scenario(setup, async |app| {
        app.person("ada@example.org", PASSWORD).await;
        recovered(app, "ada@example.org").await;
        let id = app.letters("ada@example.org").await[0].id;
        let courier = wiring::courier(&app.engine);
        courier.round().await.unwrap();
        app.clock.advance(std::time::Duration::from_hours(2));
        courier.round().await.unwrap();
        assert_eq!(messages::find(&app.store, id).await.unwrap().unwrap().0.status, MessageStatus::Abandoned);
    })
    .await;
}

#[tokio::test]
async fn password_elsewhere_is_checked_once_the_body_of_the_request_is_there() {
    let config = json!({ "url": "https://old.example.org/", "body": format!("{HOST}body.jsonnet") });
    let hook = json!({ "migrate_hook": { "enabled": true, "config": config } });
    let setup = Setup::with(json!({ "selfservice": { "methods": { "password": { "config": hook } } } }));
    scenario(setup, async |app| {
        let body = json!({ "traits": { "email": "old@example.org" }, "credentials": { "password": { "config": {
            "use_password_migration_hook": true } } } });
        assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
        app.outbound.answer("https://old.example.org/", 200, r#"{"status":"password_match"}"#);
        let away = app.visitor(Mode::Native).sign_in("old@example.org", PASSWORD).await;
        assert_eq!(away.status, 502, "{}", away.text);
        app.outbound.answer(HOST, 200, "function(ctx) { is: ctx.password }");
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("old@example.org", PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 200);
        let sent = app.outbound.requests().pop().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), json!({ "is": PASSWORD }));
    })
    .await;
}

/// A schema whose traits stand in a document of its own, there.
fn with_reference(to: &str) -> Setup {
    let schema = json!({ "type": "object", "properties": { "traits": { "$ref": to } } });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    Setup::with(json!({ "identity": { "schemas": [{ "id": "default", "url": url }] } }))
}

fn traits() -> Value {
    json!({ "type": "object", "required": ["email"], "additionalProperties": false, "properties": {
        "email": { "type": "string", "format": "email", "title": "Post", "ory.sh/kratos": {
            "credentials": { "password": { "identifier": true } }, "verification": { "via": "email" } } },
        "more": { "$ref": "#" },
    } })
}

#[tokio::test]
async fn traits_of_another_document_make_the_form_the_identifiers_and_the_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traits.json");
    std::fs::write(&file, traits().to_string()).unwrap();
    let setup = with_reference(&format!("file://{}", file.display()));
    scenario(setup, async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("registration", "").await;
        let node = zelos_testkit::node(&flow, "traits.email");
        assert_eq!((&node["meta"]["label"]["text"], &node["attributes"]["required"]), (&json!("Post"), &json!(true)));
        let names =
            flow["ui"]["nodes"].as_array().unwrap().iter().filter_map(|node| node["attributes"]["name"].as_str());
        assert_eq!(names.filter(|name| name.starts_with("traits.")).count(), 3, "the recursion ends");
        let more = json!({ "email": "Ada@example.org", "more": { "email": "b@example.org" } });
        assert_eq!(visitor.sign_up(json!({ "email": "x" }), PASSWORD).await.node_messages("traits.email").len(), 1);
        assert_eq!(visitor.sign_up(more, PASSWORD).await.status, 200);
        let person = visitor.whoami().await.json()["identity"].clone();
        assert_eq!(person["verifiable_addresses"].as_array().unwrap().len(), 2, "{person}");
        let mut again = app.visitor(Mode::Native);
        again.sign_in("ada@example.org", PASSWORD).await;
        assert_eq!(again.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn references_to_other_documents_can_be_forbidden_and_fail_with_their_url() {
    let setup = with_reference("https://schemas.example.org/traits.json");
    let database = Database::sqlite().unwrap();
    let error = async |setup: &Setup| App::start(&database, setup).await.unwrap_err().to_string();
    let away = error(&setup).await;
    assert!(away.contains("identity.schemas.0.url: the schema refers to a document"), "{away}");
    assert!(away.contains("https://schemas.example.org/traits.json cannot be fetched"), "{away}");
    let forbidden = setup.and(&json!({ "security": { "disallow_ref_in_identity_schemas": true } }));
    let forbidden = error(&forbidden).await;
    assert!(forbidden.contains("security.disallow_ref_in_identity_schemas forbids"), "{forbidden}");
    database.remove().await.unwrap();
}
