//! Oddities kept for compatibility: what docs/quirks.md lists and no other story tells.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Mode, Setup, node, scenario};

fn flows(config: &Value) -> Setup {
    Setup::with(json!({ "selfservice": { "flows": config } }))
}

#[tokio::test]
async fn a_forbidden_address_at_logout_is_refused_after_the_fact() {
    scenario(Setup::default(), async |app| {
        app.person("late@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("late@example.org", PASSWORD).await;
        let logout = visitor.get("/self-service/logout/browser").await.json();
        let token = logout["logout_token"].as_str().unwrap().to_owned();
        let path = format!("/self-service/logout?token={token}&return_to=https://evil.example.com/");
        let answer = visitor.get(&path).await;
        assert_eq!(answer.json()["error"]["id"], "self_service_flow_return_to_forbidden");
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn only_a_login_names_the_method_of_its_first_screen() {
    let style = json!({ "login": { "style": "identifier_first" }, "registration": { "style": "profile_first" } });
    scenario(flows(&style), async |app| {
        app.person("step@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let answer = visitor.submit(&flow, json!({ "identifier": "step@example.org" })).await;
        assert_eq!(answer.json()["active"], "identifier_first");
        let flow = visitor.begin("registration", "").await;
        let values = json!({ "method": "profile", "traits": { "email": "new@example.org" } });
        assert!(visitor.submit(&flow, values).await.json().get("active").is_none());
    })
    .await;
}

#[tokio::test]
async fn whatever_nobody_else_takes_tells_who_one_is() {
    scenario(flows(&json!({ "login": { "style": "identifier_first" } })), async |app| {
        app.person("any@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "nonsense", "identifier": "any@example.org" })).await;
        assert!(!node(&answer.json(), "password").is_null(), "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn traits_may_come_as_json_in_a_text() {
    scenario(Setup::default(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let answer = visitor.sign_up(json!("{\"email\":\"text@example.org\"}"), PASSWORD).await;
        assert_eq!(answer.json()["identity"]["traits"]["email"], "text@example.org", "{}", answer.text);
        visitor.token = None;
        let answer = visitor.sign_up(json!("no json"), PASSWORD).await;
        assert_eq!(answer.status, 400);
    })
    .await;
}

#[tokio::test]
async fn a_message_brings_its_own_node_if_the_form_lacks_it() {
    scenario(Setup::default(), async |app| {
        let answer = app.visitor(Mode::Native).sign_up(json!(42), PASSWORD).await;
        assert_eq!(answer.node_messages("traits"), [4_000_026], "{}", answer.text);
        let carrier = node(&answer.json(), "traits");
        assert_eq!((&carrier["group"], &carrier["attributes"]["type"]), (&json!("default"), &json!("text")));
    })
    .await;
}

#[tokio::test]
async fn whoever_can_be_called_so_has_a_password_to_set() {
    scenario(Setup::default(), async |app| {
        let body = json!({ "traits": { "email": "empty@example.org" } });
        let made = app.admin("POST", "/admin/identities", Some(body)).await.json();
        let path = format!("/admin/identities/{}?include_credential=password", made["id"].as_str().unwrap());
        let password = app.admin("GET", &path, None).await.json()["credentials"]["password"].clone();
        assert_eq!((&password["identifiers"], &password["config"]), (&json!(["empty@example.org"]), &json!({})));
        let answer = app.visitor(Mode::Native).sign_in("empty@example.org", "").await;
        assert_eq!(answer.status, 400, "an empty password opens nothing");
    })
    .await;
}

#[tokio::test]
async fn the_way_back_is_not_guarded() {
    scenario(flows(&json!({ "registration": { "style": "profile_first" } })), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("registration", "").await;
        let path = format!("/self-service/registration?flow={}", flow["id"].as_str().unwrap());
        let send = json!({ "screen": "previous", "traits": { "email": "back@example.org" } }).to_string();
        let answer = visitor.send("POST", &path, &[("content-type", "application/json")], send).await;
        assert_eq!(node(&answer.json(), "traits.email")["attributes"]["value"], "back@example.org", "{}", answer.text);
        let on = json!({ "method": "profile", "traits": { "email": "back@example.org" } }).to_string();
        let answer = visitor.send("POST", &path, &[("content-type", "application/json")], on).await;
        assert_eq!(answer.status, 403, "the way on is");
    })
    .await;
}

#[tokio::test]
async fn a_hash_of_other_costs_stays_as_it_is() {
    scenario(Setup::default(), async |app| {
        // "a-password-of-old" at cost 5, while 4 is configured.
        let hash = "$2b$05$cCBS0idnEiQr6ZDQA9RWfuZffKoAOn7Vn8ig39kTS.NzmrS1m8mmG";
        let config = json!({ "hashed_password": hash });
        let body =
            json!({ "traits": { "email": "cost@example.org" }, "credentials": { "password": { "config": config } } });
        assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
        let mut visitor = app.visitor(Mode::Native);
        assert_eq!(visitor.sign_in("cost@example.org", "a-password-of-old").await.status, 200);
        let query = "/admin/identities?credentials_identifier=cost@example.org&include_credential=password";
        let found = app.admin("GET", query, None).await.json();
        assert_eq!(found[0]["credentials"]["password"]["config"]["hashed_password"], hash);
    })
    .await;
}

#[tokio::test]
async fn after_a_change_the_form_belongs_to_the_next_flow() {
    scenario(Setup::default(), async |app| {
        app.person("twice@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("twice@example.org", PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let named =
            |name: &str| json!({ "method": "profile", "traits": { "email": "twice@example.org", "name": name } });
        let first = visitor.submit(&flow, named("One")).await.json();
        assert_eq!(first["id"], flow["id"]);
        assert_ne!(first["ui"]["action"], flow["ui"]["action"]);
        assert_eq!(first["ui"]["messages"][0]["id"], 1_050_001);
        for form in [&first, &flow] {
            assert_eq!(visitor.submit(form, named("Two")).await.status, 200);
        }
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"]["name"], "Two");
    })
    .await;
}

/// People with a phone number to be proven, beside their address.
fn with_phone() -> Setup {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "email": { "type": "string", "format": "email",
                "ory.sh/kratos": { "credentials": { "password": { "identifier": true } } } },
            "phone": { "type": "string", "format": "tel", "ory.sh/kratos": { "verification": { "via": "sms" } } },
        } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    Setup::with(json!({
        "identity": { "schemas": [{ "id": "default", "url": url }] },
        "selfservice": { "flows": {
            "verification": { "enabled": true },
            "registration": { "after": { "password": { "hooks": [{ "hook": "show_verification_ui" }] } } },
        } },
    }))
}

#[tokio::test]
async fn the_button_that_sends_an_sms_again_is_called_after_it_and_a_code_needs_no_token() {
    scenario(with_phone(), async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let phone = "+4915112345671";
        let flow = visitor.begin("registration", "").await;
        let traits = json!({ "email": "sms@example.org", "phone": phone });
        let answer =
            visitor.submit(&flow, json!({ "method": "password", "traits": traits, "password": PASSWORD })).await;
        let hints = answer.json()["continue_with"].clone();
        let id = hints[1]["flow"]["id"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        let flow = visitor.fetch("verification", &id).await.json();
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_080_004);
        assert_eq!(node(&flow, "sms")["attributes"]["value"], phone);
        app.clock.advance(Duration::from_millis(1));
        let answer = visitor.submit(&flow, json!({ "method": "code", "sms": phone })).await;
        assert_eq!((answer.status.as_u16(), app.letters(phone).await.len()), (200, 2), "{}", answer.text);
        let values = json!({ "method": "code", "code": app.code(phone).await, "csrf_token": "none of ours" });
        assert_eq!(visitor.submit(&answer.json(), values).await.messages(), [1_080_005]);
    })
    .await;
}

#[tokio::test]
async fn only_registration_has_an_id_for_being_switched_off() {
    let off = json!({ "selfservice": { "flows": { "registration": { "enabled": false } } } });
    scenario(Setup::with(off), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        for (kind, id) in [
            ("registration", json!("self_service_flow_disabled")),
            ("recovery", json!(null)),
            ("verification", json!(null)),
        ] {
            let answer = visitor.start(kind, "").await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["id"]), (400, &id), "{kind}");
        }
    })
    .await;
}
