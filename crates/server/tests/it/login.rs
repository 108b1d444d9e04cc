//! Signing in with a password.

use crate::wire::{PASSWORD, refused};
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Mode, Persona, Setup, node, scenario, scenario_for_each};

fn credentials(identifier: &str, password: &str) -> Value {
    json!({ "method": "password", "identifier": identifier, "password": password })
}

#[tokio::test]
async fn a_person_signs_in_and_is_recognised() {
    scenario_for_each(Setup::default(), async |app, mut visitor: Persona| {
        let email = format!("ada-{:?}@example.org", visitor.mode).to_lowercase();
        let person = app.person(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 401);

        let answer = visitor.sign_in(&format!("  {} ", email.to_uppercase()), PASSWORD).await;
        match visitor.mode {
            Mode::Page => {
                assert_eq!(answer.status, 303, "{}", answer.text);
                assert_eq!(answer.location(), "http://ui.example.org/home");
            }
            Mode::Spa => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                assert_eq!(answer.json()["continue_with"][0]["action"], "redirect_browser_to");
                assert!(answer.json().get("session_token").is_none(), "a browser never sees the token");
            }
            Mode::Native => {
                assert_eq!(answer.status, 200, "{}", answer.text);
                assert_eq!(answer.json()["continue_with"], Value::Null, "the key is there");
                assert!(answer.headers.get("set-cookie").is_none(), "a native app gets no cookies");
            }
        }

        let session = visitor.whoami().await;
        assert_eq!(session.status, 200, "{}", session.text);
        assert_eq!(session.header("x-kratos-authenticated-identity-id"), person["id"].as_str().unwrap());
        let session = session.json();
        assert_eq!(session["identity"]["id"], person["id"]);
        assert_eq!(session["identity"]["traits"]["email"], email);
        assert_eq!(session["authenticator_assurance_level"], "aal1");
        assert_eq!(session["authentication_methods"][0]["method"], "password");
        assert_eq!(session["expires_at"], "2030-01-03T03:04:05Z");
    })
    .await;
}

#[tokio::test]
async fn nobody_learns_whether_a_person_exists() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        let email = format!("known-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        let mut texts = Vec::new();
        for identifier in [email.as_str(), "nobody@example.org"] {
            let flow = visitor.begin("login", "").await;
            let answer = visitor.submit(&flow, credentials(identifier, "not-the-password")).await;
            let flow = refused(&mut visitor, "login", &answer).await;
            assert_eq!(node(&flow, "identifier")["attributes"]["value"], identifier, "what was typed is kept");
            assert!(node(&flow, "password")["attributes"].get("value").is_none(), "but for the password");
            texts.push(flow["ui"]["messages"].clone());
        }
        assert_eq!(texts[0], texts[1]);
        assert_eq!(texts[0][0]["id"], 4_000_006);
    })
    .await;
}

#[tokio::test]
async fn what_is_missing_is_said_at_its_field() {
    scenario_for_each(Setup::default(), async |_, mut visitor| {
        for (missing, values) in [
            ("identifier", json!({ "method": "password", "password": "x" })),
            ("password", json!({ "method": "password", "identifier": "x" })),
            ("password", json!({ "method": "password", "identifier": "x", "password": "" })),
        ] {
            let flow = visitor.begin("login", "").await;
            let answer = visitor.submit(&flow, values).await;
            let flow = refused(&mut visitor, "login", &answer).await;
            assert_eq!(node(&flow, missing)["messages"][0]["id"], 4_000_002, "{missing}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_inactive_person_is_kept_out() {
    scenario(Setup::default(), async |app| {
        let person = app.person("gone@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("gone@example.org", PASSWORD).await;
        let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        let change = json!({ "schema_id": "default", "state": "inactive", "traits": { "email": "gone@example.org" } });
        assert_eq!(app.admin("PUT", &path, Some(change)).await.status, 200);
        assert_eq!(visitor.whoami().await.status, 401, "a session ends with the person's state");
        visitor.token = None;
        let answer = visitor.sign_in("gone@example.org", PASSWORD).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_010_011]));
    })
    .await;
}

#[tokio::test]
async fn a_proof_is_refreshed_in_the_same_session() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        let email = format!("fresh-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let before = visitor.whoami().await.json();
        app.clock.advance(Duration::from_mins(1));

        let flow = visitor.begin("login", "refresh=true").await;
        assert_eq!(flow["refresh"], true);
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_010_003);
        assert_eq!(node(&flow, "identifier")["attributes"]["type"], "hidden");
        assert_eq!(node(&flow, "identifier")["attributes"]["value"], email);
        let answer = visitor.submit(&flow, credentials(&email, PASSWORD)).await;
        assert!(answer.status.is_success() || answer.status == 303, "{}", answer.text);

        let after = visitor.whoami().await.json();
        assert_eq!(after["id"], before["id"]);
        assert_eq!(after["issued_at"], before["issued_at"]);
        assert_ne!(after["authenticated_at"], before["authenticated_at"]);
        assert_eq!(after["authentication_methods"].as_array().unwrap().len(), 2);
        app.clock.advance(Duration::from_mins(1));
    })
    .await;
}

#[tokio::test]
async fn a_refresh_by_somebody_else_begins_a_session_of_their_own() {
    scenario(Setup::default(), async |app| {
        app.person("one@example.org", PASSWORD).await;
        let other = app.person("two@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("one@example.org", PASSWORD).await;
        let first = visitor.whoami().await.json();
        let flow = visitor.begin("login", "refresh=true").await;
        let answer = visitor.submit(&flow, credentials("two@example.org", PASSWORD)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let second = visitor.whoami().await.json();
        assert_ne!(second["id"], first["id"]);
        assert_eq!(second["identity"]["id"], other["id"]);
        assert_eq!(second["authentication_methods"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_is_signed_in_needs_no_login() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        let email = format!("in-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        let old = visitor.begin("login", "").await;
        visitor.sign_in(&email, PASSWORD).await;
        let answer = visitor.start("login", "return_to=http://ui.example.org/there").await;
        if visitor.mode == Mode::Page {
            assert_eq!((answer.status.as_u16(), answer.location()), (303, "http://ui.example.org/there"));
        } else {
            assert_eq!(answer.status, 400);
            assert_eq!(answer.json()["error"]["id"], "session_already_available");
        }
        if visitor.mode != Mode::Page {
            let answer = visitor.submit(&old, credentials(&email, PASSWORD)).await;
            assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_001]));
        }
    })
    .await;
}

#[tokio::test]
async fn other_sessions_end_where_the_hook_says_so() {
    let hook = json!({ "after": { "password": { "hooks": [{ "hook": "revoke_active_sessions" }] } } });
    let setup = Setup::with(json!({ "selfservice": { "flows": { "login": hook } } }));
    scenario(setup, async |app| {
        app.person("many@example.org", PASSWORD).await;
        let (mut first, mut second) = (app.visitor(Mode::Native), app.visitor(Mode::Spa));
        first.sign_in("many@example.org", PASSWORD).await;
        second.sign_in("many@example.org", PASSWORD).await;
        assert_eq!(first.whoami().await.status, 401);
        assert_eq!(second.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_hash_of_another_kind_is_renewed() {
    scenario(Setup::default(), async |app| {
        // "a-password-of-old", made by the reference implementation.
        let hash = "$argon2id$v=19$m=1024,t=1,p=1$c29tZS1zYWx0LTEyMzQ1Ng$swMmv7LhjHRRjW3ZqqL6/Ft5hFMqXHKDHwMlgzSPCoU";
        let stored = async |email: &str| {
            let query = format!("/admin/identities?credentials_identifier={email}&include_credential=password");
            let found = app.admin("GET", &query, None).await.json();
            found[0]["credentials"]["password"]["config"]["hashed_password"].as_str().unwrap_or_default().to_owned()
        };
        let import = async |email: &str, hash: &str| {
            let config = json!({ "hashed_password": hash });
            let body = json!({ "traits": { "email": email }, "credentials": { "password": { "config": config } } });
            app.admin("POST", "/admin/identities", Some(body)).await
        };
        assert_eq!(import("old@example.org", hash).await.status, 201);
        let mut visitor = app.visitor(Mode::Native);
        assert_eq!(visitor.sign_in("old@example.org", "a-password-of-old").await.status, 200);
        let renewed = stored("old@example.org").await;
        assert!(renewed.starts_with("$2"), "{renewed}");
        visitor.token = None;
        assert_eq!(visitor.sign_in("old@example.org", "a-password-of-old").await.status, 200, "it still opens");
        visitor.token = None;
        assert_eq!(visitor.sign_in("old@example.org", "another-password").await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn a_second_factor_needs_a_first() {
    scenario_for_each(Setup::default(), async |_, mut visitor| {
        let answer = visitor.start("login", "aal=aal2").await;
        if visitor.mode == Mode::Page {
            assert_eq!(answer.status, 303);
            assert!(answer.location().starts_with("http://ui.example.org/error?id="));
        } else {
            assert_eq!(answer.status, 401);
            assert_eq!(answer.json()["error"]["id"], "session_aal1_required");
        }
    })
    .await;
}

#[tokio::test]
async fn two_screens_ask_who_first() {
    let style = json!({ "selfservice": { "flows": { "login": { "style": "identifier_first" } } } });
    scenario_for_each(Setup::with(style), async |app, mut visitor| {
        let email = format!("step-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("login", "").await;
        assert!(node(&flow, "password").is_null());
        let answer = visitor.submit(&flow, json!({ "method": "identifier_first", "identifier": email })).await;
        let flow = refused(&mut visitor, "login", &answer).await;
        assert!(flow["ui"].get("messages").is_none(), "the second screen is no error");
        assert_eq!(node(&flow, "identifier")["attributes"]["type"], "hidden");
        assert_eq!(node(&flow, "identifier")["attributes"]["value"], email);
        assert!(!node(&flow, "password").is_null());
        let answer = visitor.submit(&flow, credentials(&email, PASSWORD)).await;
        visitor.keep_token(&answer);
        assert_eq!(visitor.whoami().await.status, 200, "{}", answer.text);

        let mut stranger = app.visitor(visitor.mode);
        let flow = stranger.begin("login", "").await;
        let values = json!({ "method": "identifier_first", "identifier": "nobody@example.org" });
        let answer = stranger.submit(&flow, values).await;
        let flow = refused(&mut stranger, "login", &answer).await;
        assert_eq!(node(&flow, "identifier")["messages"][0]["id"], 4_000_037);
    })
    .await;
}

#[tokio::test]
async fn two_screens_say_nothing_about_who_exists_when_told_to() {
    let setup = Setup::with(json!({
        "selfservice": { "flows": { "login": { "style": "identifier_first" } } },
        "security": { "account_enumeration": { "mitigate": true } },
    }));
    scenario(setup, async |app| {
        app.person("known@example.org", PASSWORD).await;
        let mut forms = Vec::new();
        for identifier in ["known@example.org", "nobody@example.org"] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "identifier_first", "identifier": identifier });
            let mut form = visitor.submit(&flow, values).await.json()["ui"].clone();
            form["action"] = Value::Null;
            forms.push(form.to_string().replace(identifier, "IDENTIFIER"));
        }
        assert_eq!(forms[0], forms[1]);
    })
    .await;
}

#[tokio::test]
async fn more_logins_than_can_be_hashed_in_time_are_told_when_to_come_back() {
    let setup = Setup::with(json!({
        "hashers": { "bcrypt": { "cost": 10 }, "pool": { "threads": 1, "max_wait": "1ms" } },
    }));
    scenario(setup, async |app| {
        app.person("busy@example.org", PASSWORD).await;
        let mut visitors: Vec<_> = (0..24).map(|_| app.visitor(Mode::Native)).collect();
        let attempts = visitors.iter_mut().map(|visitor| visitor.sign_in("busy@example.org", PASSWORD));
        let answers = futures_util::future::join_all(attempts).await;
        let turned_away: Vec<_> = answers.iter().filter(|answer| answer.status == 429).collect();
        assert!(!turned_away.is_empty(), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        for answer in turned_away {
            assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert_eq!(answer.json()["error"]["code"], 429);
        }
        assert!(answers.iter().any(|answer| answer.status == 200), "whoever was let in is served");
    })
    .await;
}
