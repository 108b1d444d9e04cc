//! One-time codes as a second factor, and where they are sent without being asked for.

use crate::{
    code::{code, email_of, last, message, other_than, setup, step},
    wire::PASSWORD,
};
use serde_json::{Value, json};
use zelos_testkit::{App, Mode, Persona, Setup, node, scenario, scenario_for_each};

/// Codes are second factors; with these settings beside it.
fn as_second(more: &Value) -> Setup {
    let code = json!({ "enabled": true, "passwordless_enabled": false, "mfa_enabled": true });
    setup(&json!({ "selfservice": { "methods": { "code": code } } })).and(more)
}

fn fallback() -> Value {
    json!({ "selfservice": { "methods": { "code": { "config": { "missing_credential_fallback_enabled": true } } } } })
}

/// Somebody with a password and these traits.
async fn person(app: &App, traits: Value, credentials: Value) -> String {
    let mut body = json!({
        "schema_id": "default", "traits": traits, "credentials": { "password": { "config": { "password": PASSWORD } } },
    });
    if let (Some(all), Value::Object(more)) = (body["credentials"].as_object_mut(), credentials) {
        all.extend(more);
    }
    let answer = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn names(flow: &Value) -> Vec<String> {
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let name = |node: &Value| node["attributes"]["name"].as_str().unwrap().to_owned();
    nodes.iter().map(name).filter(|name| name != "csrf_token").collect()
}

fn level(session: &Value) -> (&str, usize) {
    let methods = session["authentication_methods"].as_array().map_or(0, Vec::len);
    (session["authenticator_assurance_level"].as_str().unwrap_or_default(), methods)
}

#[tokio::test]
async fn the_only_way_is_gone_without_being_asked() {
    scenario_for_each(as_second(&json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "only");
        person(app, json!({ "email": email }), json!({})).await;
        visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.json()["error"]["id"], "session_aal2_required");
        assert_eq!(app.letters(&email).await.len(), 0);
        let started = visitor.start("login", "aal=aal2").await;
        assert_eq!(started.status, if visitor.mode == Mode::Page { 303 } else { 200 }, "{}", started.text);
        let flow = visitor.flow("login", &started).await;
        assert_eq!(names(&flow), ["identifier", "method", "code", "method", "resend"]);
        let known = node(&flow, "identifier");
        assert_eq!(
            (&known["group"], &known["attributes"]["type"], &known["attributes"]["value"]),
            (&json!("code"), &json!("hidden"), &json!(email))
        );
        assert_eq!((&flow["state"], &flow["active"]), (&json!("sent_email"), &json!("code")));
        assert_eq!((message(&flow), app.letters(&email).await.len()), (1_010_025, 1));
        let right = code(app, &email).await;

        let flow = step(&mut visitor, "login", &flow, json!({ "code": other_than(&right) })).await;
        assert_eq!(message(&flow), 4_010_008);
        let flow = step(&mut visitor, "login", &flow, json!({})).await;
        assert_eq!(node(&flow, "code")["messages"][0]["id"], 4_000_002);
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": email, "resend": "code" })).await;
        assert_eq!((message(&flow), app.letters(&email).await.len()), (1_010_025, 2));
        let newest = code(app, &email).await;
        if newest != right {
            let flow = step(&mut visitor, "login", &flow, json!({ "code": right })).await;
            assert_eq!(message(&flow), 4_010_008, "it was replaced");
        }
        last(&mut visitor, &flow, json!({ "code": newest })).await;
        let session = visitor.whoami().await.json();
        assert_eq!(level(&session), ("aal2", 2));
        let proof = &session["authentication_methods"][1];
        assert_eq!((&proof["method"], &proof["aal"]), (&json!("code"), &json!("aal2")));

        // A refresh asks for the same once more, and the session stays the same.
        let flow = visitor.begin("login", "aal=aal2&refresh=true").await;
        assert_eq!(flow["state"], "sent_email");
        last(&mut visitor, &flow, json!({ "code": code(app, &email).await })).await;
        let refreshed = visitor.whoami().await.json();
        assert_eq!((&refreshed["id"], level(&refreshed)), (&session["id"], ("aal2", 3)));
    })
    .await;
}

#[tokio::test]
async fn of_several_addresses_one_is_chosen_or_named_by_its_trait() {
    scenario_for_each(as_second(&json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "several");
        let phone = format!("+4915112345{}", 600 + visitor.mode as usize);
        person(app, json!({ "email": email, "phone": phone }), json!({})).await;
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("login", "aal=aal2").await;
        assert_eq!((message(&flow), names(&flow)), (1_010_004, vec!["address".to_owned(), "address".to_owned()]));
        let label = &node(&flow, "address")["meta"]["label"];
        assert_eq!((&label["id"], &label["context"]["channel"]), (&json!(1_010_023), &json!("sms")));
        assert_eq!(app.letters(&email).await.len() + app.letters(&phone).await.len(), 0);
        // The button says no method, and numbers are known in any spelling.
        let answer =
            visitor.submit(&flow, json!({ "address": format!(" {} ", phone.replace("+49", "+49 (") + ")") })).await;
        let flow = visitor.flow("login", &answer).await;
        assert_eq!(names(&flow), ["identifier", "method", "code", "method", "resend"], "{}", answer.text);
        assert_eq!((app.letters(&email).await.len(), app.letters(&phone).await.len()), (0, 1));

        let flow = visitor.begin("login", "aal=aal2&via=email").await;
        assert_eq!(node(&flow, "identifier")["attributes"]["value"], email, "named, so it is the only one");
        assert_eq!((app.letters(&email).await.len(), app.letters(&phone).await.len()), (1, 1));
        last(&mut visitor, &flow, json!({ "code": code(app, &email).await })).await;
        assert_eq!(level(&visitor.whoami().await.json()), ("aal2", 2));
    })
    .await;
}

#[tokio::test]
async fn what_via_names_must_be_theirs() {
    scenario_for_each(as_second(&json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "via");
        person(app, json!({ "email": email, "name": "Ada" }), json!({})).await;
        visitor.sign_in(&email, PASSWORD).await;
        for via in ["phone", "name", "nothing", "email.x", &email] {
            let answer = visitor.start("login", &format!("aal=aal2&via={via}")).await;
            match visitor.mode {
                Mode::Page => assert!(answer.location().starts_with("http://ui.example.org/error?id="), "{via}"),
                _ => assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(400)), "{via}"),
            }
        }
        assert_eq!(app.letters(&email).await.len(), 0);
        assert_eq!(app.visitor(visitor.mode).begin("login", "via=nothing").await["state"], "choose_method");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_sent_where_there_is_another_way_or_to_somebody_else() {
    for (has_fallback, unknown) in [(false, 4_000_035), (true, 4_010_010)] {
        let totp = json!({ "selfservice": { "methods": { "totp": { "enabled": true } } } });
        let setup = as_second(&totp).and(&if has_fallback { fallback() } else { json!({}) });
        scenario_for_each(setup, async |app, mut visitor| {
            let (email, other) = (email_of(&visitor, "mine"), email_of(&visitor, "theirs"));
            let url = "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
            person(app, json!({ "email": email }), json!({ "totp": { "config": { "totp_url": url } } })).await;
            person(app, json!({ "email": other }), json!({})).await;
            visitor.sign_in(&email, PASSWORD).await;
            for query in ["aal=aal2", "aal=aal2&via=email"] {
                let flow = visitor.begin("login", query).await;
                assert_eq!(names(&flow), ["address", "totp_code", "method"]);
                for address in [&other, "nobody@example.org"] {
                    let flow = step(&mut visitor, "login", &flow, json!({ "address": address })).await;
                    assert_eq!((message(&flow), &flow["state"]), (unknown, &json!("choose_method")));
                }
                let flow = step(&mut visitor, "login", &flow, json!({})).await;
                assert_eq!(node(&flow, "identifier")["messages"][0]["id"], 4_000_002);
            }
            assert_eq!(app.letters(&email).await.len() + app.letters(&other).await.len(), 0);
        })
        .await;
    }
}

#[tokio::test]
async fn a_code_is_a_second_factor_of_whom_it_was_sent_to_only() {
    scenario(as_second(&json!({})), async |app| {
        for name in ["alice", "mallory"] {
            person(app, json!({ "email": format!("{name}@example.org") }), json!({})).await;
        }
        let mut alice = app.visitor(Mode::Native);
        alice.sign_in("alice@example.org", PASSWORD).await;
        let flow = alice.begin("login", "aal=aal2").await;
        let right = code(app, "alice@example.org").await;
        let mut mallory = app.visitor(Mode::Native);
        mallory.sign_in("mallory@example.org", PASSWORD).await;
        let answer = mallory.submit(&flow, json!({ "method": "code", "code": right })).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_010_008]), "{}", answer.text);
        assert_eq!(answer.json()["session_token"], Value::Null);
        assert_eq!(mallory.whoami().await.status, 403);
        // It stays hers.
        last(&mut alice, &flow, json!({ "code": right })).await;
        assert_eq!(level(&alice.whoami().await.json()), ("aal2", 2));
        let mut nobody = app.visitor(Mode::Native);
        let answer = nobody.submit(&flow, json!({ "method": "code", "code": right })).await;
        assert_eq!(answer.json()["error"]["id"], "session_aal1_required");
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_credential_for_codes_may_use_their_addresses_where_that_is_wanted() {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": { "email": {
            "type": "string", "format": "email", "ory.sh/kratos": {
                "credentials": { "password": { "identifier": true } }, "verification": { "via": "email" },
            },
        } } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    let old = json!({ "identity": { "schemas": [{ "id": "default", "url": url }] } });
    for has_fallback in [false, true] {
        let setup = as_second(&old).and(&if has_fallback { fallback() } else { json!({}) });
        scenario(setup, async |app| {
            person(app, json!({ "email": "old@example.org" }), json!({})).await;
            let mut visitor = app.visitor(Mode::Spa);
            visitor.sign_in("old@example.org", PASSWORD).await;
            assert_eq!(visitor.whoami().await.status, 200, "nothing more is asked of them");
            let flow = visitor.begin("login", "aal=aal2").await;
            assert_eq!(flow["state"], if has_fallback { "sent_email" } else { "choose_method" });
            if has_fallback {
                last(&mut visitor, &flow, json!({ "code": code(app, "old@example.org").await })).await;
                assert_eq!(level(&visitor.whoami().await.json()), ("aal2", 2));
            } else {
                assert_eq!(names(&flow), Vec::<String>::new());
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_method_that_is_switched_off_is_no_second_factor() {
    let off = json!({ "selfservice": { "methods": { "code": { "enabled": false } } } });
    scenario(as_second(&off), async |app| {
        person(app, json!({ "email": "off@example.org" }), json!({})).await;
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("off@example.org", PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 200);
        assert_eq!(names(&visitor.begin("login", "aal=aal2").await), Vec::<String>::new());
    })
    .await;
}

async fn identify(visitor: &mut Persona, identifier: &str) -> Value {
    let flow = visitor.begin("login", "").await;
    let answer = visitor.submit(&flow, json!({ "method": "identifier_first", "identifier": identifier })).await;
    assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 400 }, "{}", answer.text);
    visitor.flow("login", &answer).await
}

#[tokio::test]
async fn whoever_has_only_codes_gets_one_by_saying_who_they_are() {
    for mitigate in [false, true] {
        let setup = setup(&json!({
            "selfservice": { "flows": { "login": { "style": "identifier_first" } } },
            "security": { "account_enumeration": { "mitigate": mitigate } },
        }));
        scenario_for_each(setup, async |app, mut visitor| {
            let email = email_of(&visitor, "said");
            let phone = format!("+4915112346{}", 600 + visitor.mode as usize);
            let traits = json!({ "email": email, "phone": phone });
            let made =
                app.admin("POST", "/admin/identities", Some(json!({ "schema_id": "default", "traits": traits })));
            assert_eq!(made.await.status, 201);
            if mitigate {
                let flow = identify(&mut visitor, &email).await;
                assert_eq!((&flow["state"], app.letters(&email).await.len()), (&json!("choose_method"), 0));
                return;
            }
            let spelled = format!("{} / {}", &phone[..6], &phone[6..]);
            for (typed, to) in [(email.to_uppercase(), &email), (spelled, &phone)] {
                let flow = identify(&mut visitor, &typed).await;
                assert_eq!((&flow["state"], &flow["active"]), (&json!("sent_email"), &json!("code")));
                assert_eq!((message(&flow), app.letters(to).await.len()), (1_010_014, 1), "to that address only");
                assert_eq!(node(&flow, "identifier")["group"], "identifier_first");
                let mut other = app.visitor(visitor.mode);
                let elsewhere = identify(&mut other, to).await;
                last(&mut other, &elsewhere, json!({ "code": code(app, to).await, "identifier": to })).await;
                assert_eq!(level(&other.whoami().await.json()), ("aal1", 1));
            }
            let with_password = email_of(&visitor, "choice");
            person(app, json!({ "email": with_password }), json!({})).await;
            let flow = identify(&mut visitor, &with_password).await;
            assert_eq!((&flow["state"], app.letters(&with_password).await.len()), (&json!("choose_method"), 0));
            assert_eq!(names(&flow), ["identifier", "method", "password", "method"]);
        })
        .await;
    }
}
