//! Backup codes: made, kept, looked at, used up, turned off.

use crate::wire::{PASSWORD, refused};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::identity::CredentialType;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, node, scenario, scenario_for_each};

fn setup() -> Setup {
    Setup::with(json!({ "selfservice": { "methods": { "lookup_secret": { "enabled": true } } } }))
}

fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

/// Somebody with a password and these codes.
async fn person(app: &App, email: &str, codes: &[&str]) -> String {
    let codes: Vec<Value> = codes.iter().map(|code| json!({ "code": code })).collect();
    let body = json!({
        "schema_id": "default",
        "traits": { "email": email },
        "credentials": {
            "password": { "config": { "password": PASSWORD } },
            "lookup_secret": { "config": { "codes": codes } },
        },
    });
    let answer = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Presses a button of the settings; the buttons say no method.
async fn press(visitor: &mut Persona, flow: &Value, button: &str) -> Answer {
    let name = format!("lookup_secret_{button}");
    visitor.submit(flow, json!({ name: true })).await
}

/// The settings after a button that shows something.
async fn pressed(visitor: &mut Persona, flow: &Value, button: &str) -> Value {
    let answer = press(visitor, flow, button).await;
    assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 200 }, "{}", answer.text);
    visitor.flow("settings", &answer).await
}

async fn second(visitor: &mut Persona, code: &str) -> Answer {
    let flow = visitor.begin("login", "aal=aal2").await;
    visitor.submit(&flow, json!({ "method": "lookup_secret", "lookup_secret": code })).await
}

fn is_done(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 200 | 303) && !answer.location().contains("/login")
}

/// The texts of the list of codes.
fn list(flow: &Value) -> Vec<Value> {
    let texts = node(flow, "lookup_secret_codes")["attributes"]["text"]["context"]["secrets"].clone();
    texts.as_array().cloned().unwrap_or_default()
}

fn codes(flow: &Value) -> Vec<String> {
    list(flow).iter().filter_map(|text| Some(text["context"]["secret"].as_str()?.to_owned())).collect()
}

/// The nodes of the group, in order.
fn names(flow: &Value) -> Vec<String> {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let of_group = nodes.iter().filter(|node| node["group"] == "lookup_secret");
    let name = |node: &Value| {
        let attributes = &node["attributes"];
        let name = attributes["name"].as_str().or(attributes["id"].as_str()).unwrap();
        name.trim_start_matches("lookup_secret_").to_owned()
    };
    of_group.map(name).collect()
}

#[tokio::test]
async fn codes_are_made_kept_shown_and_turned_off() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "codes");
        let id = app.person(&email, PASSWORD).await["id"].as_str().unwrap().to_owned();
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        assert_eq!(names(&flow), ["regenerate"]);
        for button in ["confirm", "reveal"] {
            let answer = press(&mut visitor, &flow, button).await;
            let told = refused(&mut visitor, "settings", &answer).await;
            assert_eq!(told["ui"]["messages"][0]["id"], 4_000_001, "{button}");
        }
        let made = pressed(&mut visitor, &flow, "regenerate").await;
        assert_eq!((names(&made), codes(&made).len()), (vec!["codes".to_owned(), "confirm".to_owned()], 12));
        let session = visitor.whoami().await.json();
        assert_eq!(session["authenticator_assurance_level"], "aal1", "they are not in force yet");
        let remade = pressed(&mut visitor, &made, "regenerate").await;
        assert_ne!(codes(&remade), codes(&made));
        assert!(is_done(&press(&mut visitor, &remade, "confirm").await));
        let session = visitor.whoami().await.json();
        assert_eq!(session["authenticator_assurance_level"], "aal2");
        assert_eq!(session["authentication_methods"][1]["method"], "lookup_secret");

        let flow = visitor.begin("settings", "").await;
        assert_eq!(names(&flow), ["reveal", "disable"]);
        let answer = press(&mut visitor, &flow, "confirm").await;
        refused(&mut visitor, "settings", &answer).await;
        let revealed = pressed(&mut visitor, &flow, "reveal").await;
        assert_eq!(names(&revealed), ["regenerate", "codes", "disable"]);
        assert_eq!(codes(&revealed), codes(&remade));
        let found =
            zelos_store::identities::find_with_credentials(&app.store, id.parse().unwrap()).await.unwrap().unwrap();
        let stored = found.credential(CredentialType::LookupSecret).unwrap();
        assert_eq!(stored.identifiers, std::slice::from_ref(&id));
        assert!(
            codes(&remade).iter().all(|code| !stored.config.to_string().contains(code.as_str())),
            "they are sealed"
        );

        // New ones that nobody confirms leave the old ones as they are.
        pressed(&mut visitor, &revealed, "regenerate").await;
        let mut other = app.visitor(visitor.mode);
        other.sign_in(&email, PASSWORD).await;
        assert!(is_done(&second(&mut other, &codes(&remade)[3]).await));
        assert_eq!(other.whoami().await.status, 200);

        let flow = visitor.begin("settings", "").await;
        assert!(is_done(&press(&mut visitor, &flow, "disable").await));
        assert_eq!(names(&visitor.begin("settings", "").await), ["regenerate"]);
        let mut other = app.visitor(Mode::Native);
        other.sign_in(&email, PASSWORD).await;
        assert_eq!(other.whoami().await.status, 200, "one factor is enough again");
    })
    .await;
}

#[tokio::test]
async fn even_looking_needs_a_fresh_proof() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "stale");
        person(app, &email, &["aaaaaaaa", "bbbbbbbb"]).await;
        visitor.sign_in(&email, PASSWORD).await;
        assert!(is_done(&second(&mut visitor, "aaaaaaaa").await));
        let flow = visitor.begin("settings", "").await;
        app.clock.advance(Duration::from_hours(1));
        for button in ["reveal", "regenerate", "disable"] {
            let answer = press(&mut visitor, &flow, button).await;
            if visitor.mode == Mode::Page {
                assert!(answer.location().contains("refresh=true"), "{}", answer.location());
            } else {
                assert_eq!(answer.json()["error"]["id"], "session_refresh_required", "{}", answer.text);
            }
        }
        let again = visitor.fetch("settings", flow["id"].as_str().unwrap()).await.json();
        assert_eq!(codes(&again), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn each_code_works_once_and_says_when_it_did() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "once");
        person(app, &email, &["aaaaaaaa", "bbbbbbbb"]).await;
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("login", "aal=aal2").await;
        assert_eq!(node(&flow, "lookup_secret")["meta"]["label"]["id"], 1_010_007);
        let answer = second(&mut visitor, "cccccccc").await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_016);
        assert_eq!(node(&shown, "lookup_secret")["attributes"]["value"], "", "a code is not shown again");
        let answer = second(&mut visitor, "").await;
        let shown = refused(&mut visitor, "login", &answer).await;
        assert_eq!(node(&shown, "lookup_secret")["messages"][0]["id"], 4_000_002);
        assert_eq!(visitor.whoami().await.status, 403);
        assert!(is_done(&second(&mut visitor, " aaaaaaaa ").await));
        let session = visitor.whoami().await.json();
        assert_eq!(session["authentication_methods"][1]["method"], "lookup_secret");

        let mut other = app.visitor(visitor.mode);
        other.sign_in(&email, PASSWORD).await;
        let answer = second(&mut other, "aaaaaaaa").await;
        assert_eq!(refused(&mut other, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_012);
        assert_eq!(other.whoami().await.status, 403);

        let flow = visitor.begin("settings", "").await;
        let revealed = pressed(&mut visitor, &flow, "reveal").await;
        let ids: Vec<_> = list(&revealed).iter().map(|text| text["id"].as_u64().unwrap()).collect();
        assert_eq!((ids, codes(&revealed)), (vec![1_050_014, 1_050_009], vec!["bbbbbbbb".to_owned()]));
        let answer = second(&mut other, "bbbbbbbb").await;
        assert!(is_done(&answer), "{}", answer.text);
        // All are used up, and still they are asked for.
        let mut late = app.visitor(visitor.mode);
        late.sign_in(&email, PASSWORD).await;
        assert_eq!(late.whoami().await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_codes_is_told_so() {
    scenario(setup(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        app.person("none@example.org", PASSWORD).await;
        visitor.sign_in("none@example.org", PASSWORD).await;
        let answer = second(&mut visitor, "aaaaaaaa").await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_014]));
        assert_eq!(node(&answer.json(), "lookup_secret"), Value::Null);
        let flow = visitor.begin("settings", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "lookup_secret" })).await;
        assert_eq!(answer.messages(), vec![4_010_004], "the method alone says nothing");
    })
    .await;
}

#[tokio::test]
async fn of_thirty_who_bring_one_code_at_once_one_gets_in() {
    let enough = json!({ "security": { "attempt_budgets": { "account": { "lookup_secret": { "limit": 30 } } } } });
    scenario(setup().and(&enough), async |app| {
        person(app, "race@example.org", &["aaaaaaaa", "bbbbbbbb"]).await;
        let mut people = Vec::new();
        for _ in 0..30 {
            let mut visitor = app.visitor(Mode::Native);
            visitor.sign_in("race@example.org", PASSWORD).await;
            let flow = visitor.begin("login", "aal=aal2").await;
            people.push((visitor, flow));
        }
        let answers = join_all(people.iter_mut().map(async |(visitor, flow)| {
            visitor.submit(flow, json!({ "method": "lookup_secret", "lookup_secret": "aaaaaaaa" })).await
        }))
        .await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let told = answers.iter().filter(|answer| answer.messages() == [4_000_012]).count();
        assert_eq!((won, told), (1, 29), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn administrators_bring_codes_along_and_add_to_them() {
    scenario(setup(), async |app| {
        let email = "brought@example.org";
        let id = person(app, email, &["aaaaaaaa"]).await;
        let path = format!("/admin/identities/{id}");
        let more = |codes: Value| {
            json!({ "traits": { "email": email }, "credentials": { "lookup_secret": { "config": { "codes": codes } } } })
        };
        let used = json!([{ "code": "bbbbbbbb", "used_at": "2024-05-06T07:08:09Z" }]);
        assert_eq!(app.admin("PUT", &path, Some(more(used))).await.status, 200);
        let shown = app.admin("GET", &format!("{path}?include_credential=lookup_secret"), None).await.json();
        let expected = json!([
            { "code": "aaaaaaaa", "used_at": null },
            { "code": "bbbbbbbb", "used_at": "2024-05-06T07:08:09Z" },
        ]);
        assert_eq!(shown["credentials"]["lookup_secret"]["config"], json!({ "recovery_codes": expected }));
        for bad in [json!([{}]), json!("x"), json!([{ "code": "c", "used_at": "9999-12-31T23:59:59-23:59" }])] {
            assert_eq!(app.admin("PUT", &path, Some(more(bad.clone()))).await.status, 400, "{bad}");
        }
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in(email, PASSWORD).await;
        assert_eq!(second(&mut visitor, "bbbbbbbb").await.messages(), [4_000_012]);
        assert_eq!(second(&mut visitor, "aaaaaaaa").await.status, 200);
        assert_eq!(app.admin("DELETE", &format!("{path}/credentials/lookup_secret"), None).await.status, 204);
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in(email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 200);
    })
    .await;
}
