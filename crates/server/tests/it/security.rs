//! What somebody with bad intentions, or bad luck, tries.

use crate::wire::{PASSWORD, refused};
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{App, Mode, Persona, Setup, node, scenario, scenario_for_each};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const FORM: [(&str, &str); 1] = [("content-type", "application/x-www-form-urlencoded")];

fn credentials(identifier: &str, password: &str) -> Value {
    json!({ "method": "password", "identifier": identifier, "password": password })
}

/// A schema in which people can do without a name to sign in with.
fn named() -> Setup {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "username": { "type": "string", "ory.sh/kratos": { "credentials": { "password": { "identifier": true } } } },
            "city": { "type": "string" },
            "likes": { "type": "object" },
            "mails": { "type": "array", "items": {
                "type": "string", "format": "email", "ory.sh/kratos": { "verification": { "via": "email" } },
            } },
        } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    Setup::with(json!({ "identity": { "schemas": [{ "id": "default", "url": url }] } }))
}

async fn create(app: &App, body: Value) -> zelos_testkit::Answer {
    app.admin("POST", "/admin/identities", Some(body)).await
}

#[tokio::test]
async fn a_flow_to_prove_oneself_again_outlives_its_session() {
    scenario_for_each(Setup::default(), async |app, mut visitor: Persona| {
        let email = format!("again-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("login", "refresh=true").await;
        let id = visitor.whoami().await.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(app.admin("DELETE", &format!("/admin/sessions/{id}"), None).await.status, 204);
        let answer = visitor.submit(&flow, credentials(&email, "wrong")).await;
        let flow = refused(&mut visitor, "login", &answer).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 4_000_006);
        app.clock.advance(Duration::from_secs(3601));
        let answer = visitor.submit(&flow, credentials(&email, PASSWORD)).await;
        assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 410 }, "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn a_hash_that_cannot_be_used_looks_like_a_wrong_password() {
    scenario(Setup::default(), async |app| {
        for hash in ["plain", "$scrypt$ln=16384,r=8,p=1$c2FsdA$a2V5", "$2a$31$x"] {
            let email = format!("hash{}@example.org", hash.len());
            let person = app.person(&email, PASSWORD).await;
            let path = "/credentials/password/config/hashed_password";
            let change = json!([{ "op": "replace", "path": path, "value": hash }]);
            let id = person["id"].as_str().unwrap();
            let changed = app.admin("PATCH", &format!("/admin/identities/{id}"), Some(change)).await;
            assert_eq!(changed.status, 200, "{}", changed.text);
            let answer = app.visitor(Mode::Native).sign_in(&email, PASSWORD).await;
            assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_006]), "{hash}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_to_sign_in_with_goes_and_comes_with_a_fresh_proof_only() {
    scenario_for_each(named(), async |app, mut visitor: Persona| {
        let name = format!("ada-{:?}", visitor.mode).to_lowercase();
        let created = create(
            app,
            json!({
                "schema_id": "default",
                "traits": { "username": name },
                "credentials": { "password": { "config": { "password": PASSWORD } } },
            }),
        );
        assert_eq!(created.await.status, 201);
        visitor.sign_in(&name, PASSWORD).await;
        app.clock.advance(Duration::from_secs(3601));
        let flow = visitor.begin("settings", "").await;
        let same = json!({ "method": "profile", "traits": { "username": name, "city": "London" } });
        let answer = visitor.submit(&flow, same).await;
        assert!(matches!(answer.status.as_u16(), 200 | 303), "{}", answer.text);
        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": { "city": "Paris" } })).await;
        if visitor.mode == Mode::Page {
            assert!(answer.location().contains("refresh=true"), "{}", answer.location());
        } else {
            assert_eq!(answer.json()["error"]["id"], "session_refresh_required", "{}", answer.text);
        }
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"]["username"], name);
    })
    .await;
}

#[tokio::test]
async fn a_browsers_flow_tells_nothing_to_another_browser_and_stays_as_it_is() {
    let two_steps = json!({ "selfservice": { "flows": { "registration": { "style": "profile_first" } } } });
    scenario(Setup::with(two_steps), async |app| {
        let mut owner = app.visitor(Mode::Spa);
        let flow = owner.begin("registration", "").await;
        let traits = json!({ "email": "private@example.org", "name": "Private" });
        owner.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
        let id = flow["id"].as_str().unwrap();
        let before = owner.fetch("registration", id).await.json();
        assert_eq!(node(&before, "traits.email")["attributes"]["value"], "private@example.org");
        let path = format!("/self-service/registration?flow={id}");
        for method in ["GET", "POST"] {
            let mut other = app.visitor(Mode::Spa);
            other.begin("registration", "").await;
            for mut stranger in [app.visitor(Mode::Spa), other] {
                let answer = stranger.send(method, &path, &JSON, "{\"method\":\"nothing\"}").await;
                assert_eq!(answer.status, 403, "{}", answer.text);
                assert!(!answer.text.contains("private"), "{}", answer.text);
            }
        }
        assert_eq!(owner.fetch("registration", id).await.json(), before);
        let answer = owner.send("POST", &path, &JSON, "{\"method\":\"nothing\"}").await;
        assert_eq!(answer.messages(), [4_010_003], "its own browser is told what is wrong");
    })
    .await;
}

#[tokio::test]
async fn who_is_signed_in_reads_nobody_elses_login() {
    let two_steps = json!({ "selfservice": { "flows": { "login": { "style": "identifier_first" } } } });
    scenario(Setup::with(two_steps), async |app| {
        app.person("reader@example.org", PASSWORD).await;
        app.person("private@example.org", PASSWORD).await;
        let mut owner = app.visitor(Mode::Spa);
        let flow = owner.begin("login", "").await;
        owner.submit(&flow, json!({ "method": "identifier_first", "identifier": "private@example.org" })).await;
        let id = flow["id"].as_str().unwrap();
        let before = owner.fetch("login", id).await.json();
        let mut reader = app.visitor(Mode::Spa);
        reader.sign_in("reader@example.org", PASSWORD).await;
        let answer = reader.send("POST", &format!("/self-service/login?flow={id}"), &JSON, "{}").await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_001]));
        assert!(!answer.text.contains("private"), "{}", answer.text);
        let token = |flow: &Value| node(flow, "csrf_token")["attributes"]["value"].clone();
        assert_ne!(token(&answer.json()), token(&before));
        assert_eq!(owner.fetch("login", id).await.json(), before);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_signed_in_already_is_told_once() {
    scenario(Setup::default(), async |app| {
        app.person("once@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        visitor.sign_in("once@example.org", PASSWORD).await;
        for _ in 0..3 {
            let answer = visitor.submit(&flow, credentials("once@example.org", PASSWORD)).await;
            assert_eq!(answer.messages(), [4_000_001]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_cookie_that_is_no_text_hides_no_other() {
    scenario(Setup::default(), async |app| {
        app.person("crumbs@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("crumbs@example.org", PASSWORD).await;
        visitor.cookies.insert("a".to_owned(), "é".to_owned());
        assert_eq!(visitor.whoami().await.status, 200);
        let mut app_like = app.visitor(Mode::Native);
        let flow = app_like.begin("login", "").await;
        let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
        let headers = [("content-type", "application/json"), ("cookie", "a=é")];
        let answer =
            app_like.send("POST", &path, &headers, credentials("crumbs@example.org", PASSWORD).to_string()).await;
        assert_eq!(answer.status, 400, "a browser is seen as one");
    })
    .await;
}

#[tokio::test]
async fn what_no_database_keeps_is_the_senders_mistake() {
    scenario(named(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        let path = format!("/self-service/registration?flow={}", flow["id"].as_str().unwrap());
        let deep = format!("{}1{}", "{\"a\":".repeat(120), "}".repeat(120));
        let name = "n".repeat(3000);
        for (at, traits) in [
            ("traits", "{\"username\":\"a\\u0000b\"}".to_owned()),
            ("traits", format!("{{\"username\":\"deep\",\"likes\":{deep}}}")),
            ("traits.username", format!("{{\"username\":{name:?}}}")),
        ] {
            let body = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("method", "password")
                .append_pair("password", PASSWORD)
                .append_pair("traits", &traits)
                .finish();
            let answer = visitor.send("POST", &path, &FORM, body).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
            assert_eq!(answer.node_messages(at).len(), 1, "{at}: {}", answer.text);
        }
        for body in [
            json!({ "traits": { "username": "a\0b" } }),
            json!({ "traits": {}, "external_id": "a\0b" }),
            json!({ "traits": {}, "external_id": name }),
            json!({ "traits": { "username": name } }),
            json!({ "traits": {}, "metadata_admin": { "a": ["\0"] } }),
            json!({ "traits": {}, "metadata_public": serde_json::from_str::<Value>(&deep).unwrap() }),
        ] {
            let answer = create(app, body).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        let person = create(app, json!({ "traits": {} })).await.json();
        let id = person["id"].as_str().unwrap();
        for patch in [
            json!([{ "op": "add", "path": format!("/metadata_public{}", "/a".repeat(500_000)), "value": 1 }]),
            json!([{ "op": "add", "path": "/metadata_public/a", "value": "\0" }]),
            json!([{ "op": "add", "path": "/external_id", "value": name }]),
        ] {
            let answer = app.admin("PATCH", &format!("/admin/identities/{id}"), Some(patch)).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
        let put = json!({ "schema_id": "default", "state": "active", "traits": {}, "metadata_admin": "\0" });
        assert_eq!(app.admin("PUT", &format!("/admin/identities/{id}"), Some(put)).await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn long_lists_are_judged_no_further_than_anybody_reads() {
    scenario(named(), async |app| {
        let mails = |mail: fn(usize) -> Value| (0..200_000).map(mail).collect::<Vec<_>>();
        for mails in [mails(|index| json!(format!("m{index}@b.c"))), mails(|index| json!({ "x": index }))] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("registration", "").await;
            let traits = json!({ "username": "many", "mails": mails });
            let values = json!({ "method": "password", "password": PASSWORD, "traits": traits });
            let answer = visitor.submit(&flow, values).await;
            assert_eq!(answer.status, 400);
            let wrong = answer.json()["ui"]["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|node| node["messages"] != json!([]))
                .count();
            assert!((1..=100).contains(&wrong), "{wrong}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_way_back_is_judged_again_at_the_end() {
    let database = zelos_testkit::Database::sqlite().unwrap();
    let app = App::start(&database, &Setup::default()).await.unwrap();
    app.person("back@example.org", PASSWORD).await;
    let mut visitor = app.visitor(Mode::Page);
    let flow = visitor.begin("login", "return_to=http://ui.example.org/back").await;
    let narrower = Setup::with(json!({ "selfservice": { "allowed_return_urls": ["http://other.example.org"] } }));
    app.reload(&database, &narrower).await.unwrap();
    let answer = visitor.submit(&flow, credentials("back@example.org", PASSWORD)).await;
    assert_eq!(answer.location(), "http://ui.example.org/home");
    drop(app);
    database.remove().await.unwrap();
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let input = zelos_flow::Input::new(serde_json::Map::from_iter([("password".to_owned(), json!(PASSWORD))]));
    let request = zelos_flow::Request {
        url: "https://id.example.org/x?token=hidden".to_owned(),
        csrf: Some([177; 32]),
        ..zelos_flow::Request::default()
    };
    let shown = format!("{input:?} {request:?}");
    assert!(shown.contains("id.example.org/x"), "{shown}");
    for secret in [PASSWORD, "hidden", "177"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn a_password_is_no_second_factor() {
    scenario_for_each(Setup::default(), async |app, mut visitor: Persona| {
        let email = format!("second-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("login", "aal=aal2").await;
        let answer = visitor.submit(&flow, credentials(&email, PASSWORD)).await;
        let flow = refused(&mut visitor, "login", &answer).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 4_010_002);
        assert_eq!(flow["state"], "choose_method");
        let proofs = visitor.whoami().await.json()["authentication_methods"].as_array().unwrap().len();
        assert_eq!(proofs, 1, "the session is as it was");
    })
    .await;
}
