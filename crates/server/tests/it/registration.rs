//! Signing up with a password.

use crate::wire::{PASSWORD, refused};
use serde_json::{Value, json};
use zelos_testkit::{Mode, Setup, node, scenario, scenario_for_each};

fn values(email: &str, password: &str) -> Value {
    json!({ "method": "password", "traits": { "email": email, "name": "Zoë" }, "password": password })
}

fn address(name: &str, mode: Mode) -> String {
    format!("{name}-{mode:?}@example.org").to_lowercase()
}

#[tokio::test]
async fn a_person_signs_up_and_is_signed_in() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        let email = address("new", visitor.mode);
        let answer = visitor.sign_up(json!({ "email": email, "name": "Zoë" }), PASSWORD).await;
        match visitor.mode {
            Mode::Page => assert_eq!((answer.status.as_u16(), answer.location()), (303, "http://ui.example.org/home")),
            Mode::Spa => {
                assert_eq!(answer.json()["continue_with"][0]["redirect_browser_to"], "http://ui.example.org/home");
            }
            Mode::Native => {
                let next = &answer.json()["continue_with"][0];
                assert_eq!(next["action"], "set_ory_session_token");
                assert_eq!(next["ory_session_token"], answer.json()["session_token"]);
            }
        }
        let session = visitor.whoami().await.json();
        let identity = &session["identity"];
        assert_eq!(identity["traits"], json!({ "email": email, "name": "Zoë" }));
        assert_eq!(identity["verifiable_addresses"][0]["status"], "pending");
        assert_eq!(identity["recovery_addresses"][0]["value"], email);
        let path = format!("/admin/identities/{}", identity["id"].as_str().unwrap());
        let stored = app.admin("GET", &path, None).await.json();
        assert_eq!(stored["credentials"]["password"]["identifiers"], json!([email]));
    })
    .await;
}

#[tokio::test]
async fn without_the_hook_nobody_is_signed_in() {
    let none = json!({ "after": { "password": { "hooks": [] } } });
    let setup = Setup::with(json!({ "selfservice": { "flows": { "registration": none } } }));
    scenario_for_each(setup, async |_, mut visitor| {
        let answer = visitor.sign_up(json!({ "email": address("out", visitor.mode) }), PASSWORD).await;
        assert!(
            answer
                .headers
                .get_all("set-cookie")
                .iter()
                .all(|cookie| { !cookie.to_str().unwrap().starts_with("ory_kratos_session") })
        );
        if visitor.mode == Mode::Native {
            let body = answer.json();
            assert_eq!(body["continue_with"], Value::Null);
            assert!(body.get("session_token").is_none() && body.get("session").is_none(), "{body}");
        }
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn the_form_stands_in_the_order_of_the_schema() {
    scenario(Setup::default(), async |app| {
        let flow = app.visitor(Mode::Spa).begin("registration", "").await;
        let names: Vec<_> = flow["ui"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["attributes"]["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["csrf_token", "traits.email", "password", "traits.name", "method"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_is_said_where_it_is_and_nothing_typed_is_lost() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        let mode = visitor.mode;
        for (email, password, at, id) in [
            ("not-an-address".to_owned(), PASSWORD, "traits.email", 4_000_040),
            (address("short", mode), "a7Q", "password", 4_000_032),
            (address("similar-to-it", mode), "similar-to-it", "password", 4_000_031),
        ] {
            let flow = visitor.begin("registration", "").await;
            let answer = visitor.submit(&flow, values(&email, password)).await;
            let flow = refused(&mut visitor, "registration", &answer).await;
            assert_eq!(node(&flow, at)["messages"][0]["id"], id, "{email} {password}");
            assert_eq!(node(&flow, "traits.email")["attributes"]["value"], email);
            assert_eq!(node(&flow, "traits.name")["attributes"]["value"], "Zoë");
            assert!(node(&flow, "password")["attributes"].get("value").is_none());
            let query = format!("/admin/identities?credentials_identifier={email}");
            assert_eq!(app.admin("GET", &query, None).await.json(), json!([]), "nobody was made");
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_is_taken_once_however_it_is_written() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        let email = address("taken", visitor.mode);
        app.person(&email, PASSWORD).await;
        let wide: String = email.chars().map(|c| if c == 't' { '\u{ff54}' } else { c }).collect();
        for twin in [email.clone(), email.to_uppercase(), wide] {
            let flow = visitor.begin("registration", "").await;
            let answer = visitor.submit(&flow, values(&twin, PASSWORD)).await;
            let flow = refused(&mut visitor, "registration", &answer).await;
            assert_eq!(flow["ui"]["messages"][0]["id"], 4_000_007, "{twin}");
            assert_eq!(flow["state"], "choose_method", "the flow can be used again");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_is_known_is_told_how_to_sign_in_if_hints_are_on() {
    let setup = Setup::with(json!({ "selfservice": { "flows": { "registration": { "login_hints": true } } } }));
    scenario(setup, async |app| {
        app.person("hint@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let answer = visitor.sign_up(json!({ "email": "hint@example.org" }), PASSWORD).await;
        assert_eq!(answer.messages(), [4_000_028]);
        let context = &answer.json()["ui"]["messages"][0]["context"];
        assert_eq!(context["available_credential_types"], json!(["password"]));
        assert_eq!(context["credential_identifier_hint"], "hint@example.org");
    })
    .await;
}

#[tokio::test]
async fn two_at_once_with_one_address_make_one_person() {
    scenario(Setup::default(), async |app| {
        let mut visitors: Vec<_> = (0..8).map(|_| app.visitor(Mode::Native)).collect();
        let attempts =
            visitors.iter_mut().map(|visitor| visitor.sign_up(json!({ "email": "race@example.org" }), PASSWORD));
        let answers = futures_util::future::join_all(attempts).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let told = answers.iter().filter(|answer| answer.messages() == [4_000_007]).count();
        assert_eq!((won, told), (1, 7), "{:?}", answers.iter().map(|answer| &answer.text).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn a_breached_password_is_refused_and_a_silent_service_is_not_in_the_way() {
    let config = json!({ "haveibeenpwned_enabled": true, "haveibeenpwned_host": "pwned.example.org" });
    let setup = Setup::with(json!({ "selfservice": { "methods": { "password": { "config": config } } } }));
    scenario(setup, async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let answer = visitor.sign_up(json!({ "email": "silent@example.org" }), PASSWORD).await;
        assert_eq!(answer.status, 200, "nobody answered: {}", answer.text);

        // SHA-1 of "a-password-in-leaks" begins with the five digits that are asked for.
        let digest = sha1_hex("a-password-in-leaks");
        let list = format!("{}:42\r\n0018A45C4D1DEF81644B54AB7F969B88D65:1", &digest[5..]);
        app.outbound.answer(&format!("https://pwned.example.org/range/{}", &digest[..5]), 200, &list);
        let mut visitor = app.visitor(Mode::Native);
        let answer = visitor.sign_up(json!({ "email": "leaked@example.org" }), "a-password-in-leaks").await;
        assert_eq!(answer.node_messages("password"), [4_000_034], "{}", answer.text);
        let asked = app.outbound.asked();
        assert!(asked.iter().all(|url| !url.contains(&digest[5..])), "only five digits leave the house: {asked:?}");
    })
    .await;
}

fn sha1_hex(text: &str) -> String {
    use sha1::Digest;
    use std::fmt::Write;
    sha1::Sha1::digest(text).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

#[tokio::test]
async fn registration_can_be_switched_off() {
    let setup = Setup::with(json!({ "selfservice": { "flows": { "registration": { "enabled": false } } } }));
    scenario_for_each(setup, async |_, mut visitor| {
        let answer = visitor.start("registration", "").await;
        if visitor.mode == Mode::Page {
            assert_eq!(answer.status, 303);
            assert!(answer.location().starts_with("http://ui.example.org/error?id="));
        } else {
            assert_eq!(
                (answer.status.as_u16(), &answer.json()["error"]["id"]),
                (400, &json!("self_service_flow_disabled"))
            );
        }
    })
    .await;
}

#[tokio::test]
async fn two_screens_go_forward_and_back() {
    let setup = Setup::with(json!({ "selfservice": { "flows": { "registration": { "style": "profile_first" } } } }));
    scenario_for_each(setup, async |_, mut visitor| {
        let email = address("steps", visitor.mode);
        let traits = json!({ "email": email, "name": "Zoë" });
        let flow = visitor.begin("registration", "").await;
        assert!(node(&flow, "password").is_null());

        let wrong = json!({ "method": "profile", "traits": { "email": "not-an-address", "name": "Zoë" } });
        let answer = visitor.submit(&flow, wrong).await;
        let flow = refused(&mut visitor, "registration", &answer).await;
        assert_eq!(node(&flow, "traits.email")["messages"][0]["id"], 4_000_040);

        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
        let flow = refused(&mut visitor, "registration", &answer).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_040_009);
        assert_eq!(node(&flow, "traits.name")["attributes"]["type"], "hidden");
        assert!(!node(&flow, "password").is_null());

        let answer = visitor.submit(&flow, json!({ "screen": "previous", "traits": traits })).await;
        let flow = refused(&mut visitor, "registration", &answer).await;
        assert_eq!(node(&flow, "traits.name")["attributes"]["value"], "Zoë");
        assert_eq!(node(&flow, "traits.name")["attributes"]["type"], "text");
        assert!(node(&flow, "password").is_null());

        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
        let flow = refused(&mut visitor, "registration", &answer).await;
        let values = json!({ "method": "password", "traits": traits, "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        visitor.keep_token(&answer);
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"], traits);
    })
    .await;
}
