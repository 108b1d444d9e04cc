//! Changes that matter need a fresh proof, and are made when it has come.

use crate::wire::PASSWORD;
use axum::body::Body;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, scenario, scenario_for_each};

const NEW_PASSWORD: &str = "another-Battery-of-horses-7";

fn setup() -> Setup {
    Setup::with(json!({ "selfservice": { "flows": { "settings": { "privileged_session_max_age": "5m" } } } }))
}

/// Somebody whose session is too old for changes, and their settings.
async fn stale(app: &App, visitor: &mut Persona, name: &str) -> (String, Value) {
    let email = format!("{name}-{:?}@example.org", visitor.mode).to_lowercase();
    app.person(&email, PASSWORD).await;
    visitor.sign_in(&email, PASSWORD).await;
    let flow = visitor.begin("settings", "return_to=http://ui.example.org/done").await;
    app.clock.advance(Duration::from_secs(301));
    (email, flow)
}

/// Where an answer sends the browser to prove itself again: what follows the host.
fn login_in(visitor: &Persona, answer: &Answer) -> String {
    let to = if visitor.mode == Mode::Page {
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.location().to_owned()
    } else {
        let problem = answer.json();
        assert_eq!((answer.status.as_u16(), &problem["error"]["id"]), (403, &json!("session_refresh_required")));
        problem["redirect_browser_to"].as_str().unwrap().to_owned()
    };
    to.strip_prefix("http://id.example.org").unwrap_or_else(|| panic!("{to}")).to_owned()
}

/// Proves oneself again; where that leads: what follows the host.
async fn prove_again(visitor: &mut Persona, to: &str, email: &str) -> String {
    let html = [("accept", "text/html")];
    let answer = visitor.send("GET", to, &html, Body::empty()).await;
    let login = visitor.flow("login", &answer).await;
    let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
    let answer = visitor.submit(&login, values).await;
    let to = if visitor.mode == Mode::Page {
        answer.location().to_owned()
    } else {
        answer.json()["continue_with"][0]["redirect_browser_to"].as_str().unwrap().to_owned()
    };
    to.strip_prefix("http://id.example.org").unwrap_or_else(|| panic!("{to} {}", answer.text)).to_owned()
}

fn a_new_password() -> Value {
    json!({ "method": "password", "password": NEW_PASSWORD })
}

#[tokio::test]
async fn a_change_waits_for_the_proof_and_is_made_with_it() {
    for change in [a_new_password(), json!({ "method": "profile", "traits": { "email": "moved@example.org" } })] {
        scenario(setup(), async |app| {
            for mode in [Mode::Page, Mode::Spa] {
                let mut visitor = app.visitor(mode);
                let (email, flow) = stale(app, &mut visitor, "resume").await;
                let mut change = change.clone();
                if change["method"] == "profile" {
                    change["traits"]["email"] = format!("moved-{email}").into();
                }
                let answer = visitor.submit(&flow, change.clone()).await;
                let to = login_in(&visitor, &answer);
                let stored = visitor.fetch("settings", flow["id"].as_str().unwrap()).await.text;
                assert!(!stored.contains(NEW_PASSWORD), "what waits is not shown");
                let back = prove_again(&mut visitor, &to, &email).await;
                let answer = visitor.send("GET", &back, &[("accept", "text/html")], Body::empty()).await;
                assert_eq!((answer.status.as_u16(), answer.location()), (303, "http://ui.example.org/done"));
                let mut again = app.visitor(Mode::Native);
                let (name, password) = match change["method"].as_str() {
                    Some("password") => (email.clone(), NEW_PASSWORD),
                    _ => (format!("moved-{email}"), PASSWORD),
                };
                assert_eq!(again.sign_in(&name, password).await.status, 200, "{mode:?}");
                // Once: whoever comes again finds their settings, and nothing that waits.
                let answer = visitor.send("GET", &back, &[("accept", "text/html")], Body::empty()).await;
                assert!(answer.location().starts_with("http://ui.example.org/settings?flow="), "{}", answer.location());
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_native_app_sends_the_change_again() {
    scenario(setup(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let (email, flow) = stale(app, &mut visitor, "native").await;
        let answer = visitor.submit(&flow, a_new_password()).await;
        login_in(&visitor, &answer);
        let login = visitor.begin("login", "refresh=true").await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        visitor.submit(&login, values).await;
        assert_eq!(visitor.submit(&flow, a_new_password()).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn nobody_else_takes_up_what_waits() {
    scenario(setup(), async |app| {
        for case in ["another browser", "another session", "too late", "another person", "not proven"] {
            let mut visitor = app.visitor(Mode::Page);
            let (email, flow) = stale(app, &mut visitor, &case.replace(' ', "-")).await;
            let answer = visitor.submit(&flow, a_new_password()).await;
            let to = login_in(&visitor, &answer);
            let back = format!("/self-service/settings?flow={}", flow["id"].as_str().unwrap());
            let mut comes_back = visitor.clone();
            match case {
                "another browser" => {
                    // The session is carried over, by a thief perhaps; the browser's secret is not.
                    prove_again(&mut visitor, &to, &email).await;
                    comes_back.cookies.clone_from(&visitor.cookies);
                    comes_back.cookies.retain(|name, _| !name.starts_with("csrf_token"));
                    comes_back.begin("login", "refresh=true").await;
                }
                "another session" => {
                    let mut other = app.visitor(Mode::Page);
                    other.sign_in(&email, PASSWORD).await;
                    let session = other.cookies["ory_kratos_session"].clone();
                    comes_back.cookies.insert("ory_kratos_session".to_owned(), session);
                }
                "too late" => {
                    app.clock.advance(Duration::from_secs(901));
                    prove_again(&mut comes_back, &to, &email).await;
                }
                "another person" => {
                    app.person("thief@example.org", PASSWORD).await;
                    comes_back = app.visitor(Mode::Page);
                    comes_back.sign_in("thief@example.org", PASSWORD).await;
                }
                _ => {}
            }
            comes_back.get(&back).await;
            let mut again = app.visitor(Mode::Native);
            assert_eq!(again.sign_in(&email, PASSWORD).await.status, 200, "{case}: the password is as it was");
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_that_recovers_the_account_is_worth_a_proof() {
    let recovers = |via: &str| json!({ "type": "string", "ory.sh/kratos": { "recovery": { "via": via } } });
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "email": { "type": "string", "format": "email",
                "ory.sh/kratos": { "credentials": { "password": { "identifier": true } } } },
            "spare": recovers("email"),
            "phone": recovers("sms"),
            "city": { "type": "string" },
        } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    let setup = setup().and(&json!({ "identity": { "schemas": [{ "id": "default", "url": url }] } }));
    scenario_for_each(setup, async |app, mut visitor| {
        let (email, flow) = stale(app, &mut visitor, "spare").await;
        for (name, value, is_privileged) in
            [("spare", "s@example.org", true), ("phone", "+4915112345678", true), ("city", "Bonn", false)]
        {
            let traits = json!({ "email": email, name: value });
            let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
            if is_privileged {
                login_in(&visitor, &answer);
            } else {
                assert!(answer.status == 200 || answer.location() == "http://ui.example.org/done", "{}", answer.text);
            }
        }
    })
    .await;
}
