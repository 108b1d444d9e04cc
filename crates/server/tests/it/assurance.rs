//! Assurance levels: what is asked of whom, where a second proof leads, and what never makes two factors.

use crate::{
    code,
    totp::{self, SECRET, person, second},
    wire::{PASSWORD, refused},
};
use axum::body::Body;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::session::Aal;
use zelos_store::Batch;
use zelos_testkit::{Answer, App, Database, Mode, Persona, node, scenario, scenario_for_each};

const STEP_UP: &str = "http://id.example.org/self-service/login/browser?aal=aal2";
const BACK: &str = "http://ui.example.org/cart?item=7";

fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

fn encoded(to: &str) -> String {
    url::form_urlencoded::byte_serialize(to.as_bytes()).collect()
}

/// What follows the host.
fn path(url: &str) -> &str {
    url.strip_prefix("http://id.example.org").unwrap_or(url)
}

/// The levels and ways of a session: `("aal2", ["password aal1", "totp aal2"])`.
fn proofs(session: &Value) -> (String, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let methods = session["authentication_methods"].as_array().cloned().unwrap_or_default();
    let way = |proof: &Value| format!("{} {}", text(&proof["method"]), text(&proof["aal"]));
    (text(&session["authenticator_assurance_level"]), methods.iter().map(way).collect())
}

/// Where a refusal for want of a second proof sends a browser.
fn step_up_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 403, "{}", answer.text);
    let body = answer.json();
    assert_eq!(body["error"]["id"], "session_aal2_required");
    body["redirect_browser_to"].as_str().unwrap().to_owned()
}

async fn json_of(visitor: &mut Persona, method: &str, path: &str) -> Answer {
    visitor.send(method, path, &[("accept", "application/json")], Body::empty()).await
}

#[tokio::test]
async fn a_login_goes_on_to_the_second_proof_and_ends_where_it_was_going() {
    scenario_for_each(totp::setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "go");
        person(app, &email).await;
        let flow = visitor.begin("login", &format!("return_to={}", encoded(BACK))).await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        visitor.keep_token(&answer);
        let to = match visitor.mode {
            Mode::Page => answer.location().to_owned(),
            Mode::Spa => {
                let error = &answer.json()["error"];
                assert_eq!((answer.status.as_u16(), &error["id"]), (422, &json!("browser_location_change_required")));
                answer.json()["redirect_browser_to"].as_str().unwrap().to_owned()
            }
            Mode::Native => {
                let session = &answer.json()["session"];
                assert_eq!((answer.status.as_u16(), proofs(session).0), (200, "aal1".to_owned()), "{}", answer.text);
                assert_eq!(session["identity"], Value::Null, "nothing is told of them yet");
                format!("{STEP_UP}&return_to={}", encoded(BACK))
            }
        };
        assert_eq!(to, format!("{STEP_UP}&return_to={}", encoded(BACK)));
        let query = to.split_once('?').unwrap().1.to_owned();
        let flow = visitor.begin("login", &query).await;
        assert_eq!((&flow["requested_aal"], &flow["return_to"]), (&json!("aal2"), &json!(BACK)));
        let values = json!({ "method": "totp", "totp_code": totp::code(app, SECRET, 0) });
        let answer = visitor.submit(&flow, values).await;
        match visitor.mode {
            Mode::Page => assert_eq!(answer.location(), BACK),
            Mode::Spa => assert_eq!(answer.json()["continue_with"][0]["redirect_browser_to"], BACK),
            Mode::Native => assert_eq!(answer.json()["session"]["identity"]["traits"]["email"], email),
        }
        let session = visitor.whoami().await.json();
        assert_eq!(proofs(&session), ("aal2".to_owned(), vec!["password aal1".to_owned(), "totp aal2".to_owned()]));
        // There is nothing above it.
        let again = visitor.start("login", "aal=aal2").await;
        match visitor.mode {
            Mode::Page => assert_eq!(again.location(), "http://ui.example.org/home"),
            _ => assert_eq!(again.json()["error"]["id"], "session_already_available", "{}", again.text),
        }
    })
    .await;
}

#[tokio::test]
async fn who_has_a_second_factor_is_asked_for_it_where_it_is_demanded() {
    scenario_for_each(totp::setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "asked");
        let id = app.person(&email, PASSWORD).await["id"].as_str().unwrap().to_owned();
        visitor.sign_in(&email, PASSWORD).await;
        let open = visitor.begin("settings", "").await;
        assert_eq!(node(&open, "totp_code")["group"], "totp");

        // From the moment on at which an administrator gives them one, in every session they have.
        let url = format!("otpauth://totp/x?secret={SECRET}");
        let put = json!({
            "schema_id": "default", "state": "active", "traits": { "email": email },
            "credentials": { "totp": { "config": { "totp_url": url } } },
        });
        let answer = app.admin("PUT", &format!("/admin/identities/{id}"), Some(put)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(step_up_of(&visitor.whoami().await), STEP_UP);
        assert_eq!(step_up_of(&json_of(&mut visitor, "GET", "/sessions").await), STEP_UP);
        let flow_id = open["id"].as_str().unwrap().to_owned();
        let here =
            format!("{STEP_UP}&return_to={}", encoded(&format!("http://ui.example.org/settings?flow={flow_id}")));
        assert_eq!(step_up_of(&visitor.fetch("settings", &flow_id).await), here);
        let named = json!({ "method": "profile", "traits": { "email": email, "name": "Ada" } });
        let answer = visitor.submit(&open, named.clone()).await;
        let start = visitor.start("settings", "").await;
        match visitor.mode {
            Mode::Page => assert_eq!((answer.location(), start.location()), (here.as_str(), STEP_UP)),
            _ => assert_eq!((step_up_of(&answer), step_up_of(&start)), (here.clone(), STEP_UP.to_owned())),
        }
        // The wire lets even a weak session end the others.
        assert_eq!(json_of(&mut visitor, "DELETE", "/sessions").await.status, 200);

        // Back to the form that was open, and on with it.
        let flow = visitor.begin("login", here.split_once('?').unwrap().1).await;
        let values = json!({ "method": "totp", "totp_code": totp::code(app, SECRET, 0) });
        let answer = visitor.submit(&flow, values).await;
        if visitor.mode == Mode::Page {
            assert_eq!(answer.location(), format!("http://ui.example.org/settings?flow={flow_id}"));
        }
        let open = visitor.fetch("settings", &flow_id).await.json();
        let answer = visitor.submit(&open, named).await;
        assert!([200, 303].contains(&answer.status.as_u16()), "{}", answer.text);
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"]["name"], "Ada");

        // What a session has shown stays shown, even if the factor is gone.
        let path = format!("/admin/identities/{id}/credentials/totp");
        assert_eq!(app.admin("DELETE", &path, None).await.status, 204);
        assert_eq!(proofs(&visitor.whoami().await.json()).0, "aal2");
        let mut other = app.visitor(visitor.mode);
        other.sign_in(&email, PASSWORD).await;
        assert_eq!(proofs(&other.whoami().await.json()).0, "aal1");
    })
    .await;
}

#[tokio::test]
async fn settings_that_were_asked_for_are_where_a_page_comes_back_to() {
    scenario(totp::setup(), async |app| {
        person(app, "back@example.org").await;
        let mut visitor = app.visitor(Mode::Page);
        visitor.sign_in("back@example.org", PASSWORD).await;
        let answer = visitor.start("settings", &format!("return_to={}", encoded(BACK))).await;
        let flow = visitor.begin("login", answer.location().split_once('?').unwrap().1).await;
        let values = json!({ "method": "totp", "totp_code": totp::code(app, SECRET, 0) });
        let answer = visitor.submit(&flow, values).await;
        let answer = visitor.get(path(answer.location())).await;
        assert_eq!(visitor.flow("settings", &answer).await["return_to"], BACK);
    })
    .await;
}

#[tokio::test]
async fn one_factor_is_enough_where_that_is_configured() {
    let one = json!({
        "session": { "whoami": { "required_aal": "aal1" } },
        "selfservice": { "flows": { "settings": { "required_aal": "aal1" } } },
    });
    scenario_for_each(totp::setup().and(&one), async |app, mut visitor| {
        let email = email_of(&visitor, "enough");
        person(app, &email).await;
        let flow = visitor.begin("login", "").await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        visitor.keep_token(&answer);
        if visitor.mode == Mode::Page {
            assert_eq!(answer.location(), "http://ui.example.org/home");
        }
        assert_eq!(proofs(&visitor.whoami().await.json()).0, "aal1");
        assert_eq!(json_of(&mut visitor, "GET", "/sessions").await.status, 200);
        assert_eq!(node(&visitor.begin("settings", "").await, "totp_unlink")["group"], "totp");
        // Who wants to may.
        second(&mut visitor, &totp::code(app, SECRET, 0)).await;
        assert_eq!(proofs(&visitor.whoami().await.json()).0, "aal2");
    })
    .await;
}

#[tokio::test]
async fn a_first_factor_twice_is_not_two() {
    let passwordless = code::setup(&json!({ "selfservice": { "methods": { "totp": { "enabled": true } } } }));
    scenario_for_each(passwordless, async |app, mut visitor| {
        let email = email_of(&visitor, "twice");
        person(app, &email).await;
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("login", "refresh=true").await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        visitor.submit(&flow, values).await;
        let flow = visitor.begin("login", "refresh=true").await;
        let flow = code::step(&mut visitor, "login", &flow, json!({ "identifier": email })).await;
        let values = json!({ "identifier": email, "code": code::code(app, &email).await });
        code::last(&mut visitor, &flow, values).await;
        step_up_of(&visitor.whoami().await);
        assert_eq!(visitor.begin("login", "aal=aal2").await["state"], "choose_method", "codes are no second factor");
        // Nor does a refresh ask for less than there is: the level stays what it was.
        second(&mut visitor, &totp::code(app, SECRET, 0)).await;
        let (level, ways) = proofs(&visitor.whoami().await.json());
        let expected = ["password aal1", "password aal1", "code aal1", "totp aal2"];
        assert_eq!((level.as_str(), ways.as_slice()), ("aal2", expected.map(ToOwned::to_owned).as_slice()));
    })
    .await;
}

#[tokio::test]
async fn nobody_is_lifted_by_the_factor_of_another() {
    scenario(totp::setup(), async |app| {
        person(app, "alice@example.org").await;
        let other = format!("otpauth://totp/x?secret={}", "MFRGGZDFMZTWQ2LK");
        let body = json!({
            "schema_id": "default", "traits": { "email": "mallory@example.org" },
            "credentials": {
                "password": { "config": { "password": PASSWORD } }, "totp": { "config": { "totp_url": other } },
            },
        });
        assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
        let (mut alice, mut mallory) = (app.visitor(Mode::Native), app.visitor(Mode::Native));
        alice.sign_in("alice@example.org", PASSWORD).await;
        mallory.sign_in("mallory@example.org", PASSWORD).await;
        let flow = alice.begin("login", "aal=aal2").await;
        let values = json!({ "method": "totp", "totp_code": totp::code(app, SECRET, 0) });
        let answer = mallory.submit(&flow, values.clone()).await;
        assert_eq!(answer.messages(), vec![4_000_008]);
        step_up_of(&mallory.whoami().await);
        // Who brings their own gets on with it, as themselves.
        let own = json!({ "method": "totp", "totp_code": totp::code(app, "MFRGGZDFMZTWQ2LK", 0) });
        let answer = mallory.submit(&flow, own).await;
        assert_eq!(answer.json()["session"]["identity"]["traits"]["email"], "mallory@example.org", "{}", answer.text);
        step_up_of(&alice.whoami().await);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_can_reach_is_worked_out_anew_when_they_sign_in() {
    scenario_for_each(totp::setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "never");
        let id = person(app, &email).await.parse().unwrap();
        // Brought along by something that knew nothing of levels.
        let old = zelos_store::identities::find(&app.store, id).await.unwrap().unwrap();
        let mut new = old.clone();
        new.available_aal = Aal::Aal0;
        let mut batch = Batch::new();
        zelos_store::identities::update(&mut batch, &old, &new);
        app.store.commit(batch).await.unwrap();
        visitor.sign_in(&email, PASSWORD).await;
        step_up_of(&visitor.whoami().await);
        let now = zelos_store::identities::find(&app.store, id).await.unwrap().unwrap();
        assert_eq!(now.available_aal, Aal::Aal2);
    })
    .await;
}

/// Somebody with a password, whose address takes codes.
async fn with_address(app: &App, email: &str) {
    let body = json!({
        "schema_id": "default", "traits": { "email": email },
        "credentials": { "password": { "config": { "password": PASSWORD } } },
    });
    assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
}

#[tokio::test]
async fn a_factor_that_is_switched_on_later_is_asked_for_and_one_that_is_switched_off_is_not() {
    let database = Database::sqlite().unwrap();
    let with = |is_second: bool| {
        let code = json!({ "enabled": true, "passwordless_enabled": false, "mfa_enabled": is_second });
        code::setup(&json!({ "selfservice": { "methods": { "code": code } } }))
    };
    let app = App::start(&database, &with(false)).await.unwrap();
    with_address(&app, "later@example.org").await;
    for (is_second, status) in [(true, 403), (false, 200)] {
        app.reload(&database, &with(is_second)).await.unwrap();
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("later@example.org", PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, status);
    }
}

#[tokio::test]
async fn mail_twice_is_one_factor_where_that_is_wanted() {
    for is_strict in [false, true] {
        let more = json!({
            "selfservice": {
                "methods": { "code": { "enabled": true, "passwordless_enabled": false, "mfa_enabled": true } },
                "flows": { "recovery": { "enabled": true, "use": "code" } },
            },
            "security": { "assurance": { "distinct_channels": is_strict } },
            "identity": { "schemas": [{ "id": "default", "url": recoverable() }] },
        });
        scenario_for_each(code::setup(&more), async |app, mut visitor| {
            let email = email_of(&visitor, "strict");
            with_address(app, &email).await;
            let flow = visitor.begin("recovery", "").await;
            let answer = visitor.submit(&flow, json!({ "method": "code", "email": email })).await;
            let flow = visitor.flow("recovery", &answer).await;
            let answer = visitor.submit(&flow, json!({ "method": "code", "code": app.code(&email).await })).await;
            if visitor.mode == Mode::Native {
                // Recovery hands an app no session unless it goes on by hints.
                assert_eq!(answer.status, 422);
                return;
            }
            step_up_of(&visitor.whoami().await);
            app.clock.advance(Duration::from_secs(1));
            let flow = visitor.begin("login", "aal=aal2").await;
            if is_strict {
                assert_eq!((&flow["state"], node(&flow, "address")), (&json!("choose_method"), Value::Null));
                let answer = visitor.submit(&flow, json!({ "method": "code", "address": email })).await;
                let shown = refused(&mut visitor, "login", &answer).await;
                assert_eq!(code::message(&shown), 4_000_035);
                step_up_of(&visitor.whoami().await);
                step_up_of(&json_of(&mut visitor, "GET", "/self-service/settings/browser").await);
            } else {
                code::last(&mut visitor, &flow, json!({ "code": code::code(app, &email).await })).await;
                let (level, ways) = proofs(&visitor.whoami().await.json());
                assert_eq!((level.as_str(), ways), ("aal2", vec!["code_recovery aal1".into(), "code aal2".into()]));
            }
            // A password and a code are two in any case.
            let mut other = app.visitor(visitor.mode);
            other.sign_in(&email, PASSWORD).await;
            let flow = other.begin("login", "aal=aal2").await;
            code::last(&mut other, &flow, json!({ "code": code::code(app, &email).await })).await;
            assert_eq!(proofs(&other.whoami().await.json()).0, "aal2");
        })
        .await;
    }
}

fn recoverable() -> zelos_core::config::ContentUri {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": { "email": {
            "type": "string", "format": "email", "ory.sh/kratos": {
                "credentials": { "password": { "identifier": true }, "code": { "identifier": true, "via": "email" } },
                "verification": { "via": "email" }, "recovery": { "via": "email" },
            },
        } } } },
    });
    zelos_core::config::ContentUri::inline(schema.to_string())
}

#[tokio::test]
async fn a_session_tells_every_proof_in_order() {
    let setup = totp::setup().and(&json!({ "selfservice": { "methods": { "lookup_secret": { "enabled": true } } } }));
    scenario_for_each(setup, async |app, mut visitor: Persona| {
        let email = email_of(&visitor, "every");
        visitor.sign_up(json!({ "email": email }), PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let secret = node(&flow, "totp_secret_key")["attributes"]["text"]["context"]["secret"].clone();
        let values = json!({ "method": "totp", "totp_code": totp::code(app, secret.as_str().unwrap(), 0) });
        visitor.submit(&flow, values).await;
        let flow = visitor.begin("settings", "").await;
        let answer = visitor.submit(&flow, json!({ "lookup_secret_regenerate": true })).await;
        let flow = visitor.flow("settings", &answer).await;
        visitor.submit(&flow, json!({ "lookup_secret_confirm": true })).await;
        let flow = visitor.begin("login", "refresh=true").await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        visitor.submit(&flow, values).await;
        let (level, ways) = proofs(&visitor.whoami().await.json());
        let expected = ["password aal1", "totp aal2", "lookup_secret aal2", "password aal1"];
        assert_eq!((level.as_str(), ways.as_slice()), ("aal2", expected.map(ToOwned::to_owned).as_slice()));
        // A refresh asks for the first factor, or for the second, and offers all that there is of it.
        let names = |flow: &Value| {
            let nodes = flow["ui"]["nodes"].as_array().unwrap().clone();
            let names = nodes.iter().map(|node| node["attributes"]["name"].as_str().unwrap_or_default().to_owned());
            names.filter(|name| name != "csrf_token").collect::<Vec<_>>()
        };
        assert_eq!(names(&visitor.begin("login", "refresh=true").await), ["identifier", "password", "method"]);
        let flow = visitor.begin("login", "refresh=true&aal=aal2").await;
        assert_eq!(names(&flow), ["totp_code", "method", "lookup_secret", "method"]);
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_010_003);
    })
    .await;
}
