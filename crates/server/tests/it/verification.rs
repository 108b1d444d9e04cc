//! Proving addresses: asked for by the person, begun by a registration or a change, and demanded before a login.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;
use zelos_flow::engine::ANSWERED_AFTER;
use zelos_store::Dialect;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, node, scenario, scenario_for_each};

fn by(method: &str) -> Setup {
    Setup::with(json!({ "selfservice": {
        "flows": { "verification": { "enabled": true, "use": method } },
        "methods": { "link": { "enabled": true }, "code": { "enabled": true } },
    } }))
}

/// The same with hooks after a kind of flow finished by a method.
fn with_hooks(kind: &str, method: &str, hooks: &Value) -> Setup {
    by("code").and(&json!({ "selfservice": { "flows": { kind: { "after": { method: { "hooks": hooks } } } } } }))
}

fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

async fn ask(visitor: &mut Persona, flow: &Value, method: &str, email: &str) -> Value {
    let answer = visitor.submit(flow, json!({ "method": method, "email": email })).await;
    assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 200 }, "{}", answer.text);
    let flow = visitor.flow("verification", &answer).await;
    assert_eq!(flow["state"], "sent_email", "{flow}");
    flow
}

/// Brings a code; the flow as it is then.
async fn bring(visitor: &mut Persona, flow: &Value, code: &str) -> Value {
    let answer = visitor.submit(flow, json!({ "method": "code", "code": code })).await;
    assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 200 }, "{}", answer.text);
    visitor.flow("verification", &answer).await
}

fn message(flow: &Value) -> u64 {
    flow["ui"]["messages"][0]["id"].as_u64().unwrap_or_default()
}

/// The person's first address, as administrators see it.
async fn address(app: &App, person: &Value) -> Value {
    let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
    app.admin("GET", &path, None).await.json()["verifiable_addresses"][0].clone()
}

fn hint<'a>(hints: &'a Value, action: &str) -> &'a Value {
    hints.as_array().unwrap().iter().find(|hint| hint["action"] == action).unwrap_or(&Value::Null)
}

/// The verification that an answer leads to.
async fn led_to(visitor: &mut Persona, answer: &Answer) -> Value {
    if visitor.mode == Mode::Page {
        assert!(answer.location().starts_with("http://ui.example.org/verification?flow="), "{}", answer.location());
        return visitor.flow("verification", answer).await;
    }
    let hints = &answer.json()["continue_with"];
    let next = &hint(hints, "show_verification_ui")["flow"];
    assert_eq!(next.get("url").is_some(), visitor.mode == Mode::Spa, "{}", answer.text);
    visitor.fetch("verification", next["id"].as_str().unwrap()).await.json()
}

#[tokio::test]
async fn a_code_proves_an_address() {
    scenario_for_each(by("code"), async |app, mut visitor| {
        let email = email_of(&visitor, "prove");
        let person = app.person(&email, PASSWORD).await;
        let flow = visitor.begin("verification", "return_to=http://ui.example.org/on").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        assert_eq!((message(&flow), &address(app, &person).await["status"]), (1_080_003, &json!("sent")));
        let code = app.code(&email).await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let flow = bring(&mut visitor, &flow, wrong).await;
        assert_eq!((message(&flow), &flow["state"]), (4_070_006, &json!("sent_email")));
        let flow = bring(&mut visitor, &flow, &code).await;
        assert_eq!((message(&flow), &flow["state"]), (1_080_002, &json!("passed_challenge")));
        assert_eq!(flow["ui"]["action"], "http://ui.example.org/on");
        assert_eq!(node(&flow, "continue")["attributes"]["href"], "http://ui.example.org/on");
        let proven = address(app, &person).await;
        assert_eq!((&proven["verified"], &proven["status"]), (&json!(true), &json!("completed")));
        assert!(proven["verified_at"].is_string());
        assert_eq!(visitor.whoami().await.status, 401, "it signs nobody in");
    })
    .await;
}

#[tokio::test]
async fn a_verification_that_is_over_is_replaced() {
    scenario_for_each(by("code"), async |app, mut visitor| {
        let email = email_of(&visitor, "over");
        app.person(&email, PASSWORD).await;
        let begun = visitor.begin("verification", "").await;
        let sent = ask(&mut visitor, &begun, "code", &email).await;
        let code = app.code(&email).await;
        bring(&mut visitor, &sent, &code).await;
        for (values, id) in [
            (json!({ "method": "code", "code": code }), 4_070_002),
            (json!({ "method": "code", "email": email }), 4_070_002),
        ] {
            let answer = visitor.submit(&sent, values).await;
            let fresh = if visitor.mode == Mode::Page {
                answer.location_query("flow").unwrap()
            } else {
                assert_eq!(
                    (answer.status.as_u16(), &answer.json()["error"]["id"]),
                    (410, &json!("self_service_flow_replaced"))
                );
                answer.json()["use_flow_id"].as_str().unwrap().to_owned()
            };
            let fresh = visitor.fetch("verification", &fresh).await;
            assert_eq!((fresh.messages(), &fresh.json()["state"]), (vec![id], &json!("choose_method")));
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_address_looks_known() {
    let notify = json!({ "selfservice": { "flows": { "verification": { "notify_unknown_recipients": true } } } });
    for (more, letters) in [(json!({}), 0), (notify, 1)] {
        scenario_for_each(by("code").and(&more), async |app, mut visitor| {
            let email = email_of(&visitor, "unknown");
            let flow = visitor.begin("verification", "").await;
            let flow = ask(&mut visitor, &flow, "code", &email).await;
            assert_eq!((message(&flow), &node(&flow, "email")["attributes"]["value"]), (1_080_003, &json!(email)));
            assert_eq!(app.letters(&email).await.len(), letters);
            let flow = visitor.begin("verification", "").await;
            let flow = ask(&mut visitor, &flow, "code", "+4915112345678").await;
            assert_eq!(message(&flow), 1_080_004);
            let evil = "x@example.org\r\nBcc: all@example.org";
            let flow = visitor.begin("verification", "").await;
            ask(&mut visitor, &flow, "code", evil).await;
            assert!(app.letters(evil).await.is_empty() && app.letters("+4915112345678").await.is_empty());
        })
        .await;
    }
}

#[tokio::test]
async fn a_code_is_for_one_person_one_kind_and_one_address() {
    let both = json!({ "selfservice": { "flows": { "recovery": { "enabled": true } } } });
    scenario_for_each(by("code").and(&both), async |app, mut visitor| {
        let (own, other) = (email_of(&visitor, "own"), email_of(&visitor, "other"));
        app.person(&own, PASSWORD).await;
        let victim = app.person(&other, PASSWORD).await;
        let flow = visitor.begin("verification", "").await;
        let flow = ask(&mut visitor, &flow, "code", &other).await;
        let mine = visitor.begin("verification", "").await;
        ask(&mut visitor, &mine, "code", &own).await;
        let code = app.code(&own).await;
        assert_eq!(message(&bring(&mut visitor, &flow, &code).await), 4_070_006, "somebody else's");
        let recovery = visitor.begin("recovery", "").await;
        visitor.submit(&recovery, json!({ "method": "code", "email": other })).await;
        let code = app.code(&other).await;
        assert_eq!(message(&bring(&mut visitor, &flow, &code).await), 4_070_006, "another kind's");
        assert_eq!(address(app, &victim).await["verified"], false);

        // The address changes while the code is on its way.
        let flow = ask(&mut visitor, &flow, "code", &other).await;
        let code = app.code(&other).await;
        let path = format!("/admin/identities/{}", victim["id"].as_str().unwrap());
        let change = json!([{ "op": "replace", "path": "/traits/email", "value": email_of(&visitor, "moved") }]);
        assert_eq!(app.admin("PATCH", &path, Some(change)).await.status, 200);
        assert_eq!(message(&bring(&mut visitor, &flow, &code).await), 4_070_006, "not theirs any more");
        assert_eq!(address(app, &victim).await["verified"], false);
    })
    .await;
}

#[tokio::test]
async fn the_link_in_a_mail_fills_in_the_code_and_proves_nothing_by_itself() {
    scenario_for_each(by("code"), async |app, mut visitor| {
        let email = email_of(&visitor, "fill");
        let person = app.person(&email, PASSWORD).await;
        let flow = visitor.begin("verification", "").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&app.link(&email).await).await;
        assert_eq!(
            answer.location(),
            format!("http://ui.example.org/verification?flow={}", flow["id"].as_str().unwrap())
        );
        let shown = browser.flow("verification", &answer).await;
        assert_eq!(node(&shown, "code")["attributes"]["value"], app.code(&email).await);
        assert_eq!((message(&shown), &address(app, &person).await["verified"]), (1_080_003, &json!(false)));
        let code = app.code(&email).await;
        assert_eq!(message(&bring(&mut browser, &shown, &code).await), 1_080_002);
        if visitor.mode == Mode::Native {
            let id = flow["id"].as_str().unwrap();
            assert_eq!(visitor.fetch("verification", id).await.json()["state"], "passed_challenge", "the app sees it");
        }
    })
    .await;
}

#[tokio::test]
async fn made_up_code_on_a_link_takes_no_flow_over() {
    scenario(by("code"), async |app| {
        for mode in [Mode::Page, Mode::Spa] {
            let email = format!("made-up-{mode:?}@example.org").to_lowercase();
            app.person(&email, PASSWORD).await;
            let mut owner = app.visitor(mode);
            let flow = owner.begin("verification", "").await;
            let flow = ask(&mut owner, &flow, "code", &email).await;
            let id = flow["id"].as_str().unwrap();
            let right = app.code(&email).await;
            let wrong = format!("{:06}", (right.parse::<u32>().unwrap() + 1) % 1_000_000);
            let mut stranger = app.visitor(Mode::Page);
            let answer = stranger.get(&format!("/self-service/verification?flow={id}&code={wrong}")).await;
            assert_eq!(answer.location(), format!("http://ui.example.org/verification?flow={id}"));
            assert_eq!(stranger.fetch("verification", id).await.status, 403, "the flow is still its owner's");
            let kept = owner.fetch("verification", id).await.json();
            assert_eq!(kept["ui"], flow["ui"], "and its form is as it was");

            // A wrong code in a submission from elsewhere, which needs no token, leaves the form alone, too.
            let action = url::Url::parse(flow["ui"]["action"].as_str().unwrap()).unwrap();
            let path = action[url::Position::BeforePath..].to_owned();
            let headers = [("content-type", "application/json"), ("accept", "application/json")];
            let body = json!({ "method": "code", "code": wrong }).to_string();
            let answer = stranger.send("POST", &path, &headers, body).await;
            assert_eq!(answer.messages(), [4_070_006], "{}", answer.text);
            assert_eq!(owner.fetch("verification", id).await.json()["ui"], flow["ui"]);
            let again = ask(&mut owner, &flow, "code", &email).await;
            assert_eq!(message(&again), 1_080_003, "its token is still good");
            assert_eq!(message(&bring(&mut owner, &again, &app.code(&email).await).await), 1_080_002);
        }
    })
    .await;
}

#[tokio::test]
async fn links_count_as_attempts_only_where_their_code_is_wrong() {
    scenario(by("code"), async |app| {
        app.person("counted@example.org", PASSWORD).await;
        let mut owner = app.visitor(Mode::Page);
        let flow = owner.begin("verification", "").await;
        let flow = ask(&mut owner, &flow, "code", "counted@example.org").await;
        let (link, right) = (app.link("counted@example.org").await, app.code("counted@example.org").await);
        for _ in 0..7 {
            let mut scanner = app.visitor(Mode::Page);
            let answer = scanner.get(&link).await;
            assert_eq!(node(&scanner.flow("verification", &answer).await, "code")["attributes"]["value"], right);
        }
        let wrong = link.replace(&right, &format!("{:06}", (right.parse::<u32>().unwrap() + 1) % 1_000_000));
        for _ in 0..5 {
            app.visitor(Mode::Page).get(&wrong).await;
        }
        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&link).await;
        let shown = browser.flow("verification", &answer).await;
        assert_ne!(shown["id"], flow["id"], "the sixth attempt is too late, even if it is right");
        assert_eq!(message(&shown), 4_000_001);
    })
    .await;
}

#[tokio::test]
async fn a_link_proves_an_address_in_any_browser() {
    scenario_for_each(by("link"), async |app, mut visitor| {
        let email = email_of(&visitor, "click");
        let person = app.person(&email, PASSWORD).await;
        let flow = visitor.begin("verification", "").await;
        let flow = ask(&mut visitor, &flow, "link", &email).await;
        assert_eq!(message(&flow), 1_080_001);
        let link = app.link(&email).await;
        let wrong = format!("{}x", &link[..link.len() - 1]);
        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&wrong).await;
        assert_eq!(
            (message(&browser.flow("verification", &answer).await), &address(app, &person).await["verified"]),
            (4_070_001, &json!(false))
        );
        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&link).await;
        assert_eq!(
            answer.location(),
            format!("http://ui.example.org/verification?flow={}", flow["id"].as_str().unwrap())
        );
        assert_eq!(address(app, &person).await["verified"], true);
        assert_eq!(
            message(&visitor.fetch("verification", flow["id"].as_str().unwrap()).await.json()),
            if visitor.mode == Mode::Native { 1_080_002 } else { 0 },
            "who sees it"
        );
        let answer = browser.get(&link).await;
        assert_eq!(message(&browser.flow("verification", &answer).await), 4_070_001, "once");
    })
    .await;
}

#[tokio::test]
async fn a_registration_leads_to_the_proof() {
    let setup =
        with_hooks("registration", "password", &json!([{ "hook": "show_verification_ui" }, { "hook": "session" }]));
    scenario_for_each(setup, async |app, mut visitor| {
        let email = email_of(&visitor, "signup");
        let flow = visitor.begin("registration", "after_verification_return_to=http://ui.example.org/done").await;
        let answer = visitor
            .submit(&flow, json!({ "method": "password", "traits": { "email": email }, "password": PASSWORD }))
            .await;
        let flow = led_to(&mut visitor, &answer).await;
        assert_eq!((message(&flow), &flow["state"]), (1_080_003, &json!("sent_email")));
        assert_eq!(flow["return_to"], "http://ui.example.org/done");
        assert!(!flow["request_url"].as_str().unwrap().contains("after_verification"), "{}", flow["request_url"]);
        let flow = bring(&mut visitor, &flow, &app.code(&email).await).await;
        assert_eq!((message(&flow), &flow["ui"]["action"]), (1_080_002, &json!("http://ui.example.org/done")));
        if visitor.mode != Mode::Native {
            assert_eq!(visitor.whoami().await.json()["identity"]["verifiable_addresses"][0]["verified"], true);
        }
    })
    .await;
}

#[tokio::test]
async fn without_the_hook_a_registration_sends_the_code_and_says_nothing_of_it() {
    scenario_for_each(by("code"), async |app, mut visitor| {
        let email = email_of(&visitor, "quiet");
        let answer = visitor.sign_up(json!({ "email": email }), PASSWORD).await;
        assert!(
            !answer.text.contains("verification_ui") && !answer.location().contains("verification"),
            "{}",
            answer.text
        );
        let letters = app.letters(&email).await;
        assert_eq!(letters.len(), 1);
        assert_eq!(letters[0].template_type.as_str(), "verification_code_valid");
    })
    .await;
}

#[tokio::test]
async fn every_address_is_asked_for_where_the_old_flag_is_set() {
    let flag = json!({ "feature_flags": { "legacy_continue_with_verification_ui": true } });
    scenario_for_each(by("code").and(&flag), async |app, mut visitor| {
        let email = email_of(&visitor, "legacy");
        let answer = visitor.sign_up(json!({ "email": email }), PASSWORD).await;
        if visitor.mode == Mode::Page {
            assert_eq!(answer.location(), "http://ui.example.org/home", "a page is led there by the hook alone");
        } else {
            assert!(hint(&answer.json()["continue_with"], "show_verification_ui").is_object(), "{}", answer.text);
        }
        assert_eq!(app.letters(&email).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn page_goes_to_return_to_where_only_the_old_flag_is_set() {
    let flag = json!({ "feature_flags": { "legacy_continue_with_verification_ui": true } });
    scenario(by("code").and(&flag), async |app| {
        let mut visitor = app.visitor(Mode::Page);
        let flow = visitor.begin("registration", "return_to=http://ui.example.org/on").await;
        let traits = json!({ "email": "legacy-return@example.org" });
        let answer =
            visitor.submit(&flow, json!({ "method": "password", "traits": traits, "password": PASSWORD })).await;
        assert_eq!(answer.location(), "http://ui.example.org/on");
    })
    .await;
    let hooks = json!([{ "hook": "show_verification_ui" }]);
    scenario(with_hooks("registration", "password", &hooks).and(&flag), async |app| {
        let mut visitor = app.visitor(Mode::Page);
        let answer = visitor.sign_up(json!({ "email": "legacy-hook@example.org" }), PASSWORD).await;
        assert_eq!(message(&led_to(&mut visitor, &answer).await), 1_080_003, "with the hook it is led there");
    })
    .await;
}

#[tokio::test]
async fn a_new_address_is_asked_for_once() {
    let setup = with_hooks(
        "settings",
        "profile",
        &json!([{ "hook": "show_verification_ui" }, { "hook": "notify_previous_addresses" }]),
    );
    scenario_for_each(setup, async |app, mut visitor| {
        let (old, new) = (email_of(&visitor, "before"), email_of(&visitor, "after"));
        let person = app.person(&old, PASSWORD).await;
        visitor.sign_in(&old, PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": { "email": new } })).await;
        let verification = if visitor.mode == Mode::Page {
            // Quirk: a page is not led to the verification after settings.
            assert!(answer.location().starts_with("http://ui.example.org/settings?flow="), "{}", answer.location());
            let answer = visitor.get(&app.link(&new).await).await;
            visitor.flow("verification", &answer).await
        } else {
            led_to(&mut visitor, &answer).await
        };
        assert_eq!(verification["state"], "sent_email");
        let to_old: Vec<_> = app.letters(&old).await.iter().map(|letter| letter.template_type.as_str()).collect();
        assert_eq!(to_old, ["verifiable_address_changed"]);
        assert_eq!(app.letters(&new).await.len(), 1);
        let flow = visitor.begin("settings", "").await;
        visitor.submit(&flow, json!({ "method": "profile", "traits": { "email": new, "name": "N" } })).await;
        assert_eq!(
            (app.letters(&new).await.len(), app.letters(&old).await.len()),
            (1, 1),
            "another change says nothing"
        );
        assert_eq!(message(&bring(&mut visitor, &verification, &app.code(&new).await).await), 1_080_002);
        assert_eq!(address(app, &person).await["verified"], true);
    })
    .await;
}

#[tokio::test]
async fn an_address_changes_only_when_it_is_proven() {
    let hooks = json!([{ "hook": "notify_previous_addresses", "config": { "recipients": "all" } }, { "hook": "verify_new_address" }]);
    scenario_for_each(with_hooks("settings", "profile", &hooks), async |app, mut visitor| {
        let (old, new) = (email_of(&visitor, "held"), email_of(&visitor, "wanted"));
        let person = app.person(&old, PASSWORD).await;
        visitor.sign_in(&old, PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let change = json!({ "method": "profile", "traits": { "email": new, "name": "New" } });
        let answer = visitor.submit(&flow, change).await;
        if visitor.mode != Mode::Page {
            let shown = answer.json();
            assert_eq!((answer.status.as_u16(), &shown["state"]), (200, &json!("show_form")));
            assert_eq!(shown["continue_with"].as_array().unwrap().len(), 1);
            assert_eq!(node(&shown, "traits.email")["attributes"]["value"], new, "what was wished stays in the form");
            assert_eq!(shown["identity"]["traits"]["email"], old);
        }
        let verification = led_to(&mut visitor, &answer).await;
        assert_eq!(address(app, &person).await["value"], old);
        assert!(app.letters(&old).await.is_empty(), "nothing has changed yet");

        // Sent again to the new address only, whatever is typed.
        let verification = ask(&mut visitor, &verification, "code", &old).await;
        assert_eq!((app.letters(&new).await.len(), app.letters(&old).await.len()), (2, 0));
        let done = bring(&mut visitor, &verification, &app.code(&new).await).await;
        assert_eq!(message(&done), 1_080_002);
        let after = address(app, &person).await;
        assert_eq!((&after["value"], &after["verified"]), (&json!(new), &json!(true)));
        assert_eq!(app.letters(&old).await.len(), 1, "now the old address hears of it");
        assert_eq!(visitor.whoami().await.json()["identity"]["traits"]["name"], "New");
        assert_eq!(app.visitor(Mode::Native).sign_in(&new, PASSWORD).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_held_change_is_dropped_when_the_ground_moved() {
    let setup = with_hooks("settings", "profile", &json!([{ "hook": "verify_new_address" }]));
    scenario_for_each(setup, async |app, mut visitor| {
        let mode = format!("{:?}", visitor.mode).to_lowercase();
        for what in ["traits", "session", "taken"] {
            let (old, new) = (format!("{what}-{mode}@example.org"), format!("{what}-{mode}-new@example.org"));
            let person = app.person(&old, PASSWORD).await;
            let mut own = app.visitor(visitor.mode);
            own.sign_in(&old, PASSWORD).await;
            let flow = own.begin("settings", "").await;
            let answer = own.submit(&flow, json!({ "method": "profile", "traits": { "email": new } })).await;
            let verification = led_to(&mut own, &answer).await;
            let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
            match what {
                "traits" => {
                    let change = json!([{ "op": "add", "path": "/traits/name", "value": "Other" }]);
                    assert_eq!(app.admin("PATCH", &path, Some(change)).await.status, 200);
                }
                "session" => {
                    assert_eq!(app.admin("DELETE", &format!("{path}/sessions"), None).await.status, 204);
                }
                _ => {
                    app.person(&new, PASSWORD).await;
                }
            }
            let code = app.code(&new).await;
            let answer = own.submit(&verification, json!({ "method": "code", "code": code })).await;
            let shown = own.flow("verification", &answer).await;
            assert_eq!(message(&shown), if what == "taken" { 4_000_007 } else { 4_070_006 }, "{what}");
            if own.mode != Mode::Page {
                assert_eq!(answer.status, if what == "taken" { 400 } else { 200 }, "{what}");
            }
            assert_eq!(address(app, &person).await["value"], old, "{what}");
        }
        // Somebody's address cannot even be asked for.
        let flow = {
            visitor.sign_in(&format!("traits-{mode}@example.org"), PASSWORD).await;
            visitor.begin("settings", "").await
        };
        let taken = json!({ "method": "profile", "traits": { "email": format!("session-{mode}@example.org") } });
        let answer = visitor.submit(&flow, taken).await;
        assert_eq!(message(&visitor.flow("settings", &answer).await), 4_000_007);
    })
    .await;
}

#[tokio::test]
async fn a_login_may_lead_to_the_proof() {
    let setup =
        with_hooks("login", "password", &json!([{ "hook": "verification" }, { "hook": "show_verification_ui" }]));
    scenario_for_each(setup, async |app, mut visitor| {
        let email = email_of(&visitor, "login");
        let person = app.person(&email, PASSWORD).await;
        let answer = visitor.sign_in(&email, PASSWORD).await;
        let flow = led_to(&mut visitor, &answer).await;
        assert_eq!((visitor.whoami().await.status.as_u16(), message(&flow)), (200, 1_080_003));
        assert_eq!(address(app, &person).await["status"], "sent");
        assert_eq!(message(&bring(&mut visitor, &flow, &app.code(&email).await).await), 1_080_002);
        let mut again = app.visitor(visitor.mode);
        let answer = again.sign_in(&email, PASSWORD).await;
        assert!(
            !answer.text.contains("verification_ui") && !answer.location().contains("verification"),
            "{}",
            answer.text
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_signs_in_with_an_address_that_is_not_proven() {
    let setup = with_hooks("login", "password", &json!([{ "hook": "require_verified_address" }]));
    scenario_for_each(setup, async |app, mut visitor| {
        let email = email_of(&visitor, "unproven");
        let person = app.person(&email, PASSWORD).await;
        let answer = visitor.sign_in(&email, PASSWORD).await;
        let flow = if visitor.mode == Mode::Page {
            led_to(&mut visitor, &answer).await
        } else {
            let error = &answer.json()["error"];
            assert_eq!((answer.status.as_u16(), &error["id"]), (403, &json!("session_verified_address_required")));
            assert_eq!(error["code"], 400);
            let next = &error["details"]["continue_with"][0]["flow"];
            assert_eq!(next["verifiable_address"], email);
            visitor.fetch("verification", next["id"].as_str().unwrap()).await.json()
        };
        assert_eq!((visitor.whoami().await.status.as_u16(), message(&flow)), (401, 1_080_003));
        let path = format!("/admin/identities/{}/sessions", person["id"].as_str().unwrap());
        assert_eq!(app.admin("GET", &path, None).await.json(), json!([]), "no session was stored");
        let code = app.code(&email).await;
        let mut again = app.visitor(visitor.mode);
        again.sign_in(&email, PASSWORD).await;
        assert_eq!(again.whoami().await.status, 401, "that something was sent proves nothing");
        assert_eq!(message(&bring(&mut visitor, &flow, &code).await), 1_080_002);
        visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn an_unproven_address_is_a_message_where_the_old_flag_is_set() {
    let flag = json!({ "feature_flags": { "legacy_require_verified_login_error": true } });
    let setup = with_hooks("login", "password", &json!([{ "hook": "require_verified_address" }])).and(&flag);
    scenario_for_each(setup, async |app, mut visitor| {
        let email = email_of(&visitor, "legacy-login");
        app.person(&email, PASSWORD).await;
        let answer = visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(message(&visitor.flow("login", &answer).await), 4_000_010, "{}", answer.text);
        assert!(app.letters(&email).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_old_verification_is_replaced_for_the_same_client() {
    scenario_for_each(by("code"), async |app, mut visitor| {
        let flow = visitor.begin("verification", "return_to=http://ui.example.org/kept").await;
        app.clock.advance(Duration::from_secs(3601));
        let answer = visitor.submit(&flow, json!({ "method": "code", "email": "x@example.org" })).await;
        assert_eq!(answer.status, 303);
        let id = answer.location_query("flow").or_else(|| answer.location_query("id")).unwrap();
        let fresh = visitor.fetch("verification", &id).await;
        assert_eq!(
            (fresh.messages(), &fresh.json()["type"], &fresh.json()["return_to"]),
            (vec![4_070_005], &flow["type"], &json!("http://ui.example.org/kept"))
        );
        let link = format!("/self-service/verification?flow={}&code=123456", flow["id"].as_str().unwrap());
        let mut browser = app.visitor(Mode::Page);
        let answer = browser.get(&link).await;
        let fresh = browser.flow("verification", &answer).await;
        assert_eq!((message(&fresh), &fresh["type"]), (4_070_005, &json!("browser")));
    })
    .await;
}

#[tokio::test]
async fn a_start_costs_three_round_trips_and_its_answer_waits() {
    let both = json!({ "selfservice": { "flows": { "recovery": { "enabled": true } } } });
    scenario(by("code").and(&both), async |app| {
        app.person("cost@example.org", PASSWORD).await;
        for kind in ["recovery", "verification"] {
            for email in ["cost@example.org", "nobody@example.org"] {
                let mut visitor = app.visitor(Mode::Native);
                let flow = visitor.begin(kind, "").await;
                let (before, begun) = (app.store.trace().total_round_trips(), Instant::now());
                let answer = visitor.submit(&flow, json!({ "method": "code", "email": email })).await;
                assert_eq!(answer.status, 200);
                assert!(begun.elapsed() >= ANSWERED_AFTER, "{kind} {email}");
                let trips = app.store.trace().total_round_trips() - before;
                // MySQL takes one for each statement of a batch, and two more.
                let most = if app.store.dialect() == Dialect::MySql { 11 } else { 3 };
                assert!(trips <= most, "{kind} {email}: {trips}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn many_who_ask_at_once_learn_nothing_and_touch_nobody() {
    let enough = json!({ "security": { "attempt_budgets": { "messages": { "limit": 30 } } } });
    scenario(by("code").and(&enough), async |app| {
        let person = app.person("crowd@example.org", PASSWORD).await;
        let mut flows = Vec::new();
        for _ in 0..20 {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("verification", "").await;
            flows.push((visitor, flow));
        }
        let asked = flows.into_iter().map(|(mut visitor, flow)| {
            let body = json!({ "method": "code", "email": "crowd@example.org" });
            tokio::spawn(async move { visitor.submit(&flow, body).await.status })
        });
        for status in asked.collect::<Vec<_>>() {
            assert_eq!(status.await.unwrap(), 200, "an address that nobody has is never lost a race for");
        }
        let before = address(app, &person).await;
        app.clock.advance(std::time::Duration::from_secs(5));
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("verification", "").await;
        ask(&mut visitor, &flow, "code", "crowd@example.org").await;
        assert_eq!(address(app, &person).await, before, "strangers do not write to a person time and again");
    })
    .await;
}
