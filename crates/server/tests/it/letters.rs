//! Templates from the configuration to the reader.

use crate::wire::PASSWORD;
use serde_json::json;
use zelos_core::config::ContentUri;
use zelos_testkit::{App, Database, Mode, Setup, node, scenario};

fn by_code() -> Setup {
    Setup::with(json!({ "selfservice": {
        "flows": { "recovery": { "enabled": true, "use": "code" } },
        "methods": { "code": { "enabled": true } },
    } }))
}

#[tokio::test]
async fn a_letter_is_in_the_language_of_the_browser_that_asked_for_it() {
    scenario(by_code(), async |app| {
        app.person("leser@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.send("GET", "/self-service/recovery/browser", &[], axum::body::Body::empty()).await.json();
        let token = node(&flow, "csrf_token")["attributes"]["value"].clone();
        let body = json!({ "method": "code", "email": "leser@example.org", "csrf_token": token }).to_string();
        let path = format!("/self-service/recovery?flow={}", flow["id"].as_str().unwrap());
        let headers = [("content-type", "application/json"), ("accept-language", "de-AT,de;q=0.9,en;q=0.5")];
        assert_eq!(visitor.send("POST", &path, &headers, body).await.status, 200);
        let letter = app.letters("leser@example.org").await.pop().unwrap();
        assert_eq!(letter.subject, "Ihr Code zurück in Ihr Konto");
        let html = app.engine.snapshot().letters.html(&letter).unwrap().unwrap();
        assert!(html.contains("<html lang=\"de\">") && html.contains(&app.code("leser@example.org").await), "{html}");
    })
    .await;
}

#[tokio::test]
async fn a_broken_template_stops_the_start_and_is_refused_by_a_reload() {
    let subject = |source: &str| {
        let subject = ContentUri::inline(source.to_owned());
        by_code().and(&json!({ "courier": { "templates": { "recovery_code": { "valid": { "email": { "subject": subject } } } } } }))
    };
    let (fine, broken) = (subject("{{.RecoveryCode}}!"), subject("\n{{.RecoveryCode"));
    let told = "courier.templates.recovery_code.valid.email.subject: line 2: unclosed action";
    let database = Database::sqlite().unwrap();
    let refusal = App::start(&database, &broken).await.unwrap_err().to_string();
    assert!(refusal.contains(told), "{refusal}");
    let app = App::start(&database, &fine).await.unwrap();
    let refusal = app.reload(&database, &broken).await.unwrap_err().to_string();
    assert!(refusal.contains(told), "{refusal}");
    app.person("old@example.org", PASSWORD).await;
    let mut visitor = app.visitor(Mode::Spa);
    let flow = visitor.begin("recovery", "").await;
    visitor.submit(&flow, json!({ "method": "code", "email": "old@example.org" })).await;
    let letter = app.letters("old@example.org").await.pop().unwrap();
    assert_eq!(letter.subject, format!("{}!", app.code("old@example.org").await), "the templates from before stay");
    drop(app);
    database.remove().await.unwrap();
}
