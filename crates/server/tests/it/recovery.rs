//! Getting back into an account: by code, by link, with a choice among addresses, and with an administrator's help.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Answer, Mode, Persona, Setup, node, scenario, scenario_for_each};

const NEW_PASSWORD: &str = "another-Battery-of-horses-7";

/// Recovery on, by that method, with more configuration on top.
pub(crate) fn by(method: &str, more: &Value) -> Setup {
    let setup = Setup::with(json!({ "selfservice": {
        "flows": { "recovery": { "enabled": true, "use": method } },
        "methods": { "link": { "enabled": true }, "code": { "enabled": true } },
    } }));
    setup.and(more)
}

fn continues() -> Value {
    json!({ "feature_flags": { "use_continue_with_transitions": true } })
}

pub(crate) fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

/// Asks for a code or link; the flow that waits for it.
pub(crate) async fn ask(visitor: &mut Persona, flow: &Value, method: &str, email: &str) -> Value {
    let answer = visitor.submit(flow, json!({ "method": method, "email": email })).await;
    assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 200 }, "{}", answer.text);
    let flow = visitor.flow("recovery", &answer).await;
    assert_eq!(flow["state"], "sent_email", "{flow}");
    flow
}

pub(crate) async fn bring(visitor: &mut Persona, flow: &Value, code: &str) -> Answer {
    visitor.submit(flow, json!({ "method": "code", "code": code })).await
}

fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// That the right code was answered by a way to the settings; the id of their flow.
pub(crate) fn settings_behind(visitor: &Persona, answer: &Answer) -> String {
    let to = if visitor.mode == Mode::Page {
        assert_eq!(answer.status, 303, "{}", answer.text);
        answer.location().to_owned()
    } else {
        assert_eq!(answer.status, 422, "{}", answer.text);
        answer.json()["redirect_browser_to"].as_str().unwrap().to_owned()
    };
    to.strip_prefix("http://ui.example.org/settings?flow=").unwrap_or_else(|| panic!("{to}")).to_owned()
}

#[tokio::test]
async fn a_code_leads_to_a_new_password() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "back");
        let person = app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "return_to=http://ui.example.org/after").await;
        assert_eq!((&flow["state"], &flow["active"]), (&json!("choose_method"), &json!("code")));
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let code = app.code(&email).await;
        let answer = bring(&mut visitor, &flow, &other_than(&code)).await;
        assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 200 });
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 4_060_006);
        assert_eq!(node(&flow, "code")["attributes"]["value"], Value::Null, "what was typed is not shown again");

        let answer = bring(&mut visitor, &flow, &code).await;
        let settings = settings_behind(&visitor, &answer);
        if visitor.mode == Mode::Native {
            assert!(!answer.text.contains("ory_st_"), "an app that cannot go on by a browser is given no session");
            return;
        }
        let session = visitor.whoami().await.json();
        assert_eq!(session["identity"]["id"], person["id"]);
        assert_eq!(session["authentication_methods"][0]["method"], "code_recovery");
        let address = &session["identity"]["verifiable_addresses"][0];
        assert_eq!((&address["verified"], &address["status"]), (&json!(true), &json!("completed")));

        let settings = visitor.fetch("settings", &settings).await.json();
        assert_eq!(settings["ui"]["messages"][0]["id"], 1_060_001);
        let answer = visitor.submit(&settings, json!({ "method": "password", "password": NEW_PASSWORD })).await;
        if visitor.mode == Mode::Page {
            assert_eq!(answer.location(), "http://ui.example.org/after");
        } else {
            assert_eq!(answer.json()["continue_with"][0]["redirect_browser_to"], "http://ui.example.org/after");
        }
        let mut again = app.visitor(Mode::Native);
        assert_eq!(again.sign_in(&email, NEW_PASSWORD).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn programs_may_go_on_by_hints() {
    scenario_for_each(by("code", &continues()), async |app, mut visitor| {
        let email = email_of(&visitor, "hint");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let answer = bring(&mut visitor, &flow, &app.code(&email).await).await;
        if visitor.mode == Mode::Page {
            assert!(answer.location().starts_with("http://ui.example.org/settings?flow="), "{}", answer.location());
            return;
        }
        let done = answer.json();
        assert_eq!((answer.status.as_u16(), &done["state"]), (200, &json!("passed_challenge")));
        let hints = done["continue_with"].as_array().unwrap();
        let settings = hints.last().unwrap();
        assert_eq!(settings["action"], "show_settings_ui");
        assert_eq!(hints.len(), if visitor.mode == Mode::Native { 2 } else { 1 });
        if visitor.mode == Mode::Native {
            visitor.token = hints[0]["ory_session_token"].as_str().map(ToOwned::to_owned);
        }
        let id = settings["flow"]["id"].as_str().unwrap();
        assert_eq!(settings["flow"]["url"], format!("http://ui.example.org/settings?flow={id}"));
        let settings = visitor.fetch("settings", id).await.json();
        let answer = visitor.submit(&settings, json!({ "method": "password", "password": NEW_PASSWORD })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn whoever_asks_does_not_learn_who_has_an_account() {
    let setup =
        by("code", &json!({ "selfservice": { "flows": { "recovery": { "notify_unknown_recipients": true } } } }));
    scenario_for_each(setup, async |app, mut visitor| {
        let (known, unknown) = (email_of(&visitor, "some"), email_of(&visitor, "none"));
        app.person(&known, PASSWORD).await;
        let mut shown = Vec::new();
        for email in [&known, &unknown] {
            let flow = visitor.begin("recovery", "").await;
            let mut flow = ask(&mut visitor, &flow, "code", email).await;
            for name in ["id", "expires_at", "issued_at"] {
                flow[name] = Value::Null;
            }
            flow["ui"]["action"] = Value::Null;
            for node in flow["ui"]["nodes"].as_array_mut().unwrap() {
                if ["csrf_token", "email"].contains(&node["attributes"]["name"].as_str().unwrap()) {
                    node["attributes"]["value"] = Value::Null;
                }
            }
            shown.push(flow);
        }
        assert_eq!(shown[0], shown[1]);
        let letters = |to: String| async move {
            app.letters(&to).await.iter().map(|letter| letter.template_type.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(letters(known).await, ["recovery_code_valid"]);
        assert_eq!(letters(unknown.clone()).await, ["recovery_code_invalid"]);

        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", &unknown).await;
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(bring(&mut visitor, &flow, "123456").await.status.as_u16());
        }
        let expected = if visitor.mode == Mode::Page { [303; 6] } else { [200, 200, 200, 200, 200, 303] };
        assert_eq!(answers, expected, "guesses are counted there, too");
    })
    .await;
}

#[tokio::test]
async fn a_code_may_be_guessed_five_times() {
    for (flags, json_status) in [(json!({}), 303), (continues(), 400)] {
        scenario_for_each(by("code", &flags), async |app, mut visitor| {
            let email = email_of(&visitor, "guess");
            app.person(&email, PASSWORD).await;
            let flow = visitor.begin("recovery", "").await;
            let mut flow = ask(&mut visitor, &flow, "code", &email).await;
            let wrong = other_than(&app.code(&email).await);
            for _ in 0..5 {
                let answer = bring(&mut visitor, &flow, &wrong).await;
                flow = visitor.flow("recovery", &answer).await;
                assert_eq!(flow["ui"]["messages"][0]["id"], 4_060_006);
            }
            let answer = bring(&mut visitor, &flow, &app.code(&email).await).await;
            let expected = if visitor.mode == Mode::Page { 303 } else { json_status };
            assert_eq!(answer.status, expected, "the sixth is too late, even if it is right: {}", answer.text);
            let fresh = match answer.json()["error"]["details"]["continue_with"][0]["flow"]["id"].as_str() {
                Some(id) => id.to_owned(),
                None => answer.location_query("flow").or_else(|| answer.location_query("id")).unwrap(),
            };
            let fresh = visitor.fetch("recovery", &fresh).await.json();
            assert_ne!(fresh["id"], flow["id"]);
            assert_eq!(
                (&fresh["state"], &fresh["ui"]["messages"][0]["id"]),
                (&json!("choose_method"), &json!(4_000_001))
            );
        })
        .await;
    }
}

#[tokio::test]
async fn a_code_is_good_for_its_flow_its_time_and_once() {
    let setup = by("code", &json!({ "selfservice": { "methods": { "code": { "config": { "lifespan": "10m" } } } } }));
    scenario_for_each(setup, async |app, mut visitor| {
        let email = email_of(&visitor, "once");
        app.person(&email, PASSWORD).await;
        let first = visitor.begin("recovery", "").await;
        let first = ask(&mut visitor, &first, "code", &email).await;
        let code = app.code(&email).await;
        let second = visitor.begin("recovery", "").await;
        let second = ask(&mut visitor, &second, "code", &email).await;
        let second_code = app.code(&email).await;
        for (flow, code) in [(&second, &code), (&first, &second_code)] {
            let answer = bring(&mut visitor, flow, code).await;
            let flow = visitor.flow("recovery", &answer).await;
            assert_eq!(flow["ui"]["messages"][0]["id"], 4_060_006, "a code of another flow");
        }
        // Asked for again: the first code is of no use any more.
        let first = ask(&mut visitor, &first, "code", &email).await;
        let answer = bring(&mut visitor, &first, &code).await;
        assert_eq!(visitor.flow("recovery", &answer).await["ui"]["messages"][0]["id"], 4_060_006);

        app.clock.advance(Duration::from_secs(601));
        let newest = app.code(&email).await;
        let answer = bring(&mut visitor, &first, &newest).await;
        assert_eq!(visitor.flow("recovery", &answer).await["ui"]["messages"][0]["id"], 4_060_006, "it is too old");
        let first = ask(&mut visitor, &first, "code", &email).await;
        let code = app.code(&email).await;
        let answer = bring(&mut visitor, &first, &code).await;
        settings_behind(&visitor, &answer);

        let mut other = app.visitor(Mode::Native);
        other.mode = visitor.mode;
        other.cookies.clone_from(&visitor.cookies);
        let answer = bring(&mut other, &first, &code).await;
        let expected = match visitor.mode {
            // The browser that got in has another anti-CSRF secret since.
            Mode::Spa => 403,
            _ => 303,
        };
        assert_eq!(answer.status, expected, "{}", answer.text);
        assert!(!answer.location().contains("/settings"), "{}", answer.location());
    })
    .await;
}

#[tokio::test]
async fn a_code_for_an_address_that_has_changed_is_worth_nothing() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let (old, new) = (email_of(&visitor, "old"), email_of(&visitor, "new"));
        let person = app.person(&old, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", &old).await;
        let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        let change = json!([{ "op": "replace", "path": "/traits/email", "value": new }]);
        assert_eq!(app.admin("PATCH", &path, Some(change)).await.status, 200);
        // Somebody else has it now.
        app.person(&old, PASSWORD).await;
        let answer = bring(&mut visitor, &flow, &app.code(&old).await).await;
        assert_eq!(visitor.flow("recovery", &answer).await["ui"]["messages"][0]["id"], 4_060_006);
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_link_leads_to_the_settings_in_any_browser_and_once() {
    scenario_for_each(by("link", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "link");
        let person = app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "link", &email).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_060_002);
        assert_eq!(node(&flow, "email")["attributes"]["value"], email);
        let link = app.link(&email).await;

        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&link).await;
        assert!(answer.location().starts_with("http://ui.example.org/settings?flow="), "{}", answer.location());
        let session = browser.whoami().await.json();
        assert_eq!(session["identity"]["id"], person["id"]);
        assert_eq!(session["authentication_methods"][0]["method"], "link_recovery");
        let settings = browser.flow("settings", &answer).await;
        assert_eq!((&settings["type"], &settings["ui"]["messages"][0]["id"]), (&json!("browser"), &json!(1_060_001)));
        let answer = browser.submit(&settings, json!({ "method": "password", "password": NEW_PASSWORD })).await;
        assert_eq!(answer.status, 303, "the cookies work there: {}", answer.text);

        let mut late = app.visitor(Mode::Page);
        let answer = late.get(&link).await;
        assert!(answer.location().starts_with("http://ui.example.org/recovery?flow="), "{}", answer.location());
        assert_eq!(late.flow("recovery", &answer).await["ui"]["messages"][0]["id"], 4_060_004);
        assert_eq!(late.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_is_wrong_or_old_leads_to_a_new_form() {
    let setup = by("link", &json!({ "selfservice": { "methods": { "link": { "config": { "lifespan": "5m" } } } } }));
    scenario(setup, async |app| {
        app.person("stale@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "link", "stale@example.org").await;
        let link = app.link("stale@example.org").await;
        let wrong = format!("{}x", &link[..link.len() - 1]);
        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&wrong).await;
        let fresh = browser.flow("recovery", &answer).await;
        assert_eq!((&fresh["type"], &fresh["ui"]["messages"][0]["id"]), (&json!("browser"), &json!(4_060_004)));
        let answer = ask(&mut browser, &fresh, "link", "stale@example.org").await;
        assert_ne!(answer["id"], flow["id"], "the form that it led to can be used");

        app.clock.advance(Duration::from_secs(301));
        let answer = browser.get(&app.link("stale@example.org").await).await;
        assert_eq!(browser.flow("recovery", &answer).await["ui"]["messages"][0]["id"], 4_060_005);
        app.clock.advance(Duration::from_hours(1));
        let answer = app.visitor(Mode::Page).get(&link).await;
        assert!(answer.location().starts_with("http://ui.example.org/recovery?flow="), "{}", answer.location());
    })
    .await;
}

#[tokio::test]
async fn a_forged_host_is_in_no_link() {
    for method in ["link", "code"] {
        let setup = by(method, &json!({ "selfservice": { "flows": { "verification": { "enabled": true } } } }));
        scenario(setup, async |app| {
            app.person("host@example.org", PASSWORD).await;
            let mut visitor = app.visitor(Mode::Spa);
            for kind in ["recovery", "verification"] {
                let evil =
                    [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "http")];
                let path = format!("/self-service/{kind}/browser");
                let flow = visitor.send("GET", &path, &evil, axum::body::Body::empty()).await.json();
                let uses = flow["active"].as_str().unwrap().to_owned();
                let token = node(&flow, "csrf_token")["attributes"]["value"].clone();
                let body = json!({ "method": uses, "email": "host@example.org", "csrf_token": token }).to_string();
                let path = format!("/self-service/{kind}?flow={}", flow["id"].as_str().unwrap());
                let mut headers = evil.to_vec();
                headers.push(("content-type", "application/json"));
                assert_eq!(visitor.send("POST", &path, &headers, body).await.status, 200);
            }
            for letter in app.letters("host@example.org").await {
                let html = app.engine.snapshot().letters.html(&letter).unwrap().unwrap_or_default();
                assert!(!letter.body.contains("evil.example") && !html.contains("evil.example"), "{}", letter.body);
                for name in ["recovery_url", "verification_url"] {
                    let url = letter.template_data.get(name).and_then(Value::as_str);
                    assert!(url.is_none_or(|url| url.starts_with("http://id.example.org/self-service/")), "{url:?}");
                }
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_recovery_ends_other_sessions_where_that_is_wanted() {
    let hooks = json!({ "selfservice": { "flows": { "recovery": {
        "after": { "hooks": [{ "hook": "revoke_active_sessions" }] },
    } } } });
    scenario(by("code", &hooks), async |app| {
        app.person("revoke@example.org", PASSWORD).await;
        let mut thief = app.visitor(Mode::Native);
        thief.sign_in("revoke@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", "revoke@example.org").await;
        bring(&mut visitor, &flow, &app.code("revoke@example.org").await).await;
        assert_eq!((thief.whoami().await.status.as_u16(), visitor.whoami().await.status.as_u16()), (401, 200));
    })
    .await;
}

#[tokio::test]
async fn nobody_who_is_signed_in_is_sent_anything() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "signed");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        visitor.sign_in(&email, PASSWORD).await;
        let answer = visitor.start("recovery", "return_to=http://ui.example.org/x").await;
        match visitor.mode {
            Mode::Page => {
                assert_eq!((answer.status.as_u16(), answer.location()), (302, "http://ui.example.org/home"));
            }
            _ => assert_eq!(answer.json()["error"]["id"], "session_already_available"),
        }
        if visitor.mode == Mode::Native {
            let answer = visitor.submit(&flow, json!({ "method": "code", "email": email })).await;
            assert_eq!(answer.json()["error"]["id"], "session_already_available", "{}", answer.text);
        }
        assert!(app.letters(&email).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn somebody_who_is_switched_off_does_not_get_back_in() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "off");
        let person = app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        let change = json!([{ "op": "replace", "path": "/state", "value": "inactive" }]);
        assert_eq!(app.admin("PATCH", &path, Some(change)).await.status, 200);
        let answer = bring(&mut visitor, &flow, &app.code(&email).await).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let id = answer.location_query("flow").or_else(|| answer.location_query("id")).unwrap();
        assert_eq!(visitor.fetch("recovery", &id).await.messages(), [4_010_011]);
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_recovery_may_end_without_the_settings() {
    scenario_for_each(by("code", &continues()), async |app, mut visitor| {
        let email = email_of(&visitor, "skip");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "skip_settings=true&return_to=http://ui.example.org/x").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let answer = bring(&mut visitor, &flow, &app.code(&email).await).await;
        match visitor.mode {
            Mode::Page => assert_eq!((answer.status.as_u16(), answer.location()), (303, "http://ui.example.org/x")),
            Mode::Spa => assert_eq!((answer.status.as_u16(), &answer.json()["continue_with"]), (200, &Value::Null)),
            Mode::Native => assert_eq!(answer.json()["continue_with"].as_array().unwrap().len(), 1, "{}", answer.text),
        }
    })
    .await;
}

#[tokio::test]
async fn of_fifty_who_bring_the_code_at_once_one_gets_in() {
    scenario(by("code", &continues()), async |app| {
        app.person("race@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", "race@example.org").await;
        let code = app.code("race@example.org").await;
        let tries: Vec<_> = (0..50)
            .map(|_| {
                let (mut visitor, flow, code) = (visitor.clone(), flow.clone(), code.clone());
                tokio::spawn(async move { bring(&mut visitor, &flow, &code).await })
            })
            .collect();
        let mut winners = 0;
        for one in tries {
            let answer = one.await.unwrap();
            winners += u32::from(answer.json()["state"] == "passed_challenge");
            assert!([200, 400, 409].contains(&answer.status.as_u16()), "{} {}", answer.status, answer.text);
        }
        assert_eq!(winners, 1);
        let sessions = app.admin("GET", "/admin/sessions?active=true", None).await.json();
        assert_eq!(sessions.as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn guesses_at_once_are_counted_each() {
    scenario(by("code", &continues()), async |app| {
        app.person("count@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", "count@example.org").await;
        let wrong = other_than(&app.code("count@example.org").await);
        let tries: Vec<_> = (0..30)
            .map(|_| {
                let (mut visitor, flow, wrong) = (visitor.clone(), flow.clone(), wrong.clone());
                tokio::spawn(async move { bring(&mut visitor, &flow, &wrong).await })
            })
            .collect();
        let mut judged = 0;
        for one in tries {
            judged += u32::from(one.await.unwrap().messages() == [4_060_006]);
        }
        assert!(judged <= 5, "{judged} guesses were judged");
    })
    .await;
}

#[tokio::test]
async fn a_browser_does_not_go_on_with_an_apps_recovery() {
    for (flags, status) in [(json!({}), 303), (continues(), 400)] {
        scenario(by("code", &flags), async |app| {
            app.person("fence@example.org", PASSWORD).await;
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("recovery", "").await;
            let path = format!("/self-service/recovery?flow={}", flow["id"].as_str().unwrap());
            let body = json!({ "method": "code", "email": "fence@example.org" }).to_string();
            for header in [("origin", "https://spa.example.org"), ("cookie", "a=b")] {
                let headers = [("content-type", "application/json"), header];
                let answer = visitor.send("POST", &path, &headers, body.clone()).await;
                assert_eq!(answer.status, status, "{}", answer.text);
                let hint =
                    answer.json()["error"]["details"]["continue_with"][0]["flow"]["id"].as_str().map(ToOwned::to_owned);
                let id = hint.or_else(|| answer.location_query("id")).unwrap();
                assert_eq!(visitor.fetch("recovery", &id).await.messages(), [4_000_001]);
            }
            assert!(app.letters("fence@example.org").await.is_empty());
        })
        .await;
    }
}

#[tokio::test]
async fn a_recovery_by_code_can_become_one_by_link() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "switch");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "link", &email).await;
        assert_eq!((&flow["active"], &flow["ui"]["messages"][0]["id"]), (&json!("link"), &json!(1_060_002)));
        let answer = app.visitor(Mode::Page).get(&app.link(&email).await).await;
        assert!(answer.location().starts_with("http://ui.example.org/settings?flow="), "{}", answer.location());
    })
    .await;
}

#[tokio::test]
async fn a_code_is_no_token_of_a_link() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "disguised");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let code = app.code(&email).await;
        let answer = visitor.submit(&flow, json!({ "method": "link", "token": code, "email": email })).await;
        assert_eq!(answer.status, 303, "guesses at it would not be counted: {}", answer.text);
        assert!(!answer.location().contains("/settings"), "{}", answer.location());
        assert_eq!(visitor.whoami().await.status, 401);
        let answer = bring(&mut visitor, &flow, &code).await;
        settings_behind(&visitor, &answer);
    })
    .await;
}

#[tokio::test]
async fn whoever_looks_at_a_link_has_not_opened_it() {
    scenario(by("link", &json!({})), async |app| {
        app.person("scanned@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Page);
        let flow = visitor.begin("recovery", "").await;
        ask(&mut visitor, &flow, "link", "scanned@example.org").await;
        let link = app.link("scanned@example.org").await;
        let looked = app.visitor(Mode::Page).send("HEAD", &link, &[], String::new()).await;
        assert_eq!((looked.status.as_u16(), looked.header("set-cookie")), (200, ""), "a scanner of mails");
        let answer = app.visitor(Mode::Page).get(&link).await;
        assert!(answer.location().starts_with("http://ui.example.org/settings?flow="), "{}", answer.location());
    })
    .await;
}

#[tokio::test]
async fn only_the_browser_of_a_flow_has_something_sent() {
    for method in ["code", "link"] {
        let both = json!({ "selfservice": { "flows": { "verification": { "enabled": true, "use": method } } } });
        scenario(by(method, &both), async |app| {
            app.person("lured@example.org", PASSWORD).await;
            for kind in ["recovery", "verification"] {
                let mut visitor = app.visitor(Mode::Spa);
                let flow = visitor.begin(kind, "").await;
                let body = json!({ "method": method, "email": "lured@example.org", "csrf_token": "none" });
                assert_eq!(visitor.submit(&flow, body).await.status, 403, "{kind} by {method}");
            }
            assert!(app.letters("lured@example.org").await.is_empty());
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_letter_carries_along_has_an_end() {
    scenario(by("code", &json!({})), async |app| {
        app.person("heavy@example.org", PASSWORD).await;
        for (letters, status, size) in [(1, 200, 60_000), (1, 413, 70_000)] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("recovery", "").await;
            let payload = json!({ "text": "x".repeat(size) });
            let body = json!({ "method": "code", "email": "heavy@example.org", "transient_payload": payload });
            let answer = visitor.submit(&flow, body).await;
            assert_eq!((answer.status.as_u16(), app.letters("heavy@example.org").await.len()), (status, letters));
        }
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        let payload = json!({ "text": "x".repeat(70_000) });
        let traits = json!({ "email": "heavier@example.org" });
        let body =
            json!({ "method": "password", "password": PASSWORD, "traits": traits, "transient_payload": payload });
        let answer = visitor.submit(&flow, body).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_001]), "{}", answer.text);
    })
    .await;
}
