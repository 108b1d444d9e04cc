//! One-time codes instead of passwords: signing up and signing in by mail and by short message.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, node, scenario, scenario_for_each};

/// People with an address and a phone, both for codes.
pub(crate) fn setup(more: &Value) -> Setup {
    let code = |format: &str, via: &str| {
        json!({ "type": "string", "format": format, "ory.sh/kratos": {
            "credentials": { "password": { "identifier": true }, "code": { "identifier": true, "via": via } },
            "verification": { "via": via },
        } })
    };
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "email": code("email", "email"), "phone": code("tel", "sms"), "name": { "type": "string" },
        } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    Setup::with(json!({
        "identity": { "schemas": [{ "id": "default", "url": url }] },
        "selfservice": {
            "methods": { "code": { "passwordless_enabled": true } },
            "flows": { "registration": { "after": { "code": { "hooks": [{ "hook": "session" }] } } } },
        },
    }))
    .and(more)
}

pub(crate) fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

/// The code in the newest letter to that address.
pub(crate) async fn code(app: &App, to: &str) -> String {
    let letter = app.letters(to).await.pop().expect("a letter was written");
    let says = |name: &str| letter.template_data.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    says("login_code").or_else(|| says("registration_code")).expect("the letter has a code")
}

/// A step that is not the last: the flow as it is then.
pub(crate) async fn step(visitor: &mut Persona, kind: &str, flow: &Value, mut values: Value) -> Value {
    values["method"] = "code".into();
    let answer = visitor.submit(flow, values).await;
    if visitor.mode == Mode::Page {
        assert!([302, 303].contains(&answer.status.as_u16()), "{}", answer.text);
    } else {
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    visitor.flow(kind, &answer).await
}

pub(crate) async fn last(visitor: &mut Persona, flow: &Value, mut values: Value) -> Answer {
    values["method"] = "code".into();
    let answer = visitor.submit(flow, values).await;
    visitor.keep_token(&answer);
    answer
}

pub(crate) fn message(flow: &Value) -> u64 {
    flow["ui"]["messages"][0]["id"].as_u64().unwrap_or_default()
}

pub(crate) fn other_than(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn nobody_is_created_before_the_code_comes_back() {
    scenario_for_each(setup(&json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "up");
        let traits = json!({ "email": email, "name": "Ada" });
        let flow = visitor.begin("registration", "").await;
        let flow = step(&mut visitor, "registration", &flow, json!({ "traits": traits })).await;
        assert_eq!(
            (message(&flow), &flow["state"], &flow["active"]),
            (1_040_005, &json!("sent_email"), &json!("code"))
        );
        assert_eq!(node(&flow, "traits.name")["attributes"]["type"], "hidden");
        let query = format!("/admin/identities?credentials_identifier={email}");
        assert_eq!(app.admin("GET", &query, None).await.json(), json!([]));
        let right = code(app, &email).await;
        let values = json!({ "traits": traits, "code": other_than(&right) });
        let flow = step(&mut visitor, "registration", &flow, values).await;
        assert_eq!(message(&flow), 4_040_003);
        let changed = json!({ "traits": { "email": email_of(&visitor, "other") }, "code": right });
        let flow = step(&mut visitor, "registration", &flow, changed).await;
        assert_eq!(message(&flow), 4_000_036, "what was told must not change on the way");
        last(&mut visitor, &flow, json!({ "traits": traits, "code": right })).await;
        let session = visitor.whoami().await.json();
        assert_eq!(session["identity"]["verifiable_addresses"][0]["verified"], true, "{session}");
        assert_eq!(session["authentication_methods"][0]["method"], "code");
    })
    .await;
}

#[tokio::test]
async fn a_code_signs_in_once_and_in_its_flow() {
    scenario_for_each(setup(&json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "in");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("login", "").await;
        let sent = step(&mut visitor, "login", &flow, json!({ "identifier": email.to_uppercase() })).await;
        assert_eq!((message(&sent), &sent["state"]), (1_010_014, &json!("sent_email")));
        let first = code(app, &email).await;
        let other = app.visitor(visitor.mode).begin("login", "").await;
        assert_ne!(other["id"], sent["id"]);
        let sent = step(&mut visitor, "login", &sent, json!({ "identifier": email, "resend": "code" })).await;
        assert_eq!(message(&sent), 1_010_014);
        let second = code(app, &email).await;
        if first != second {
            let refused = step(&mut visitor, "login", &sent, json!({ "identifier": email, "code": first })).await;
            assert_eq!(message(&refused), 4_010_008, "it was replaced");
        }
        last(&mut visitor, &sent, json!({ "identifier": email, "code": second })).await;
        let session = visitor.whoami().await.json();
        let proof = &session["authentication_methods"][0];
        assert_eq!((&proof["method"], &proof["aal"]), (&json!("code"), &json!("aal1")), "{session}");
        let mut again = app.visitor(Mode::Native);
        let flow = again.begin("login", "").await;
        let flow = step(&mut again, "login", &flow, json!({ "identifier": email })).await;
        if code(app, &email).await != second {
            let refused = step(&mut again, "login", &flow, json!({ "identifier": email, "code": second })).await;
            assert_eq!(message(&refused), 4_010_008, "another flow's");
        }
    })
    .await;
}

#[tokio::test]
async fn guesses_are_counted_over_resends_and_old_codes_are_worth_nothing() {
    scenario_for_each(setup(&json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "guess");
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("login", "").await;
        let mut flow = step(&mut visitor, "login", &flow, json!({ "identifier": email })).await;
        for guess in 0..5 {
            if guess == 3 {
                flow = step(&mut visitor, "login", &flow, json!({ "identifier": email, "resend": "code" })).await;
            }
            let wrong = other_than(&code(app, &email).await);
            flow = step(&mut visitor, "login", &flow, json!({ "identifier": email, "code": wrong })).await;
            assert_eq!(message(&flow), 4_010_008);
        }
        let right = code(app, &email).await;
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": email, "code": right })).await;
        assert_eq!(message(&flow), 4_000_001, "the sixth is too late, even if it is right");

        let flow = visitor.begin("login", "").await;
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": email })).await;
        let right = code(app, &email).await;
        let path = "/admin/identities?credentials_identifier=".to_owned() + &email;
        let id = app.admin("GET", &path, None).await.json()[0]["id"].as_str().unwrap().to_owned();
        let change = json!([{ "op": "replace", "path": "/traits/email", "value": email_of(&visitor, "moved") }]);
        assert_eq!(app.admin("PATCH", &format!("/admin/identities/{id}"), Some(change)).await.status, 200);
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": email, "code": right })).await;
        assert_eq!(message(&flow), 4_010_008, "the address is not theirs any more");
        app.clock.advance(Duration::from_secs(1));
    })
    .await;
}

#[tokio::test]
async fn a_code_goes_to_every_address_or_to_the_one_that_was_typed() {
    scenario(setup(&json!({})), async |app| {
        let (email, phone) = ("both@example.org", "+4915112345699");
        let traits = json!({ "email": email, "phone": phone });
        let made =
            app.admin("POST", "/admin/identities", Some(json!({ "schema_id": "default", "traits": traits }))).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": phone })).await;
        assert_eq!((app.letters(email).await.len(), app.letters(phone).await.len()), (0, 1));
        let by_sms = code(app, phone).await;
        last(&mut visitor, &flow, json!({ "identifier": phone, "code": by_sms })).await;
        assert_eq!(visitor.whoami().await.status, 200);

        // Quirk of the wire: what a mail calls traits, a short message calls identity.
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        let traits = json!({ "email": "new-both@example.org", "phone": "+4915112345688" });
        step(&mut visitor, "registration", &flow, json!({ "traits": traits })).await;
        for (to, name) in [("new-both@example.org", "traits"), ("+4915112345688", "identity")] {
            assert_eq!(app.letters(to).await[0].template_data[name], traits, "{to}");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_never_chose_codes_may_use_them_where_that_is_wanted() {
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
    for (fallback, expected) in [(false, 4_000_035), (true, 1_010_014)] {
        let code = json!({ "config": { "missing_credential_fallback_enabled": fallback } });
        let setup = setup(&old).and(&json!({ "selfservice": { "methods": { "code": code } } }));
        scenario(setup, async |app| {
            app.person("old@example.org", PASSWORD).await;
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let flow = step(&mut visitor, "login", &flow, json!({ "identifier": "old@example.org" })).await;
            assert_eq!(message(&flow), expected);
            if fallback {
                let right = self::code(app, "old@example.org").await;
                last(&mut visitor, &flow, json!({ "identifier": "old@example.org", "code": right })).await;
                assert_eq!(visitor.whoami().await.status, 200);
            }
            let flow = visitor.begin("login", "refresh=true").await;
            let nobody = json!({ "identifier": "nobody@example.org" });
            assert_eq!(message(&step(&mut visitor, "login", &flow, nobody).await), 4_000_035);
        })
        .await;
    }
}

#[tokio::test]
async fn a_sent_code_can_be_abandoned_for_another_way() {
    let two = json!({ "selfservice": { "flows": { "registration": { "style": "profile_first" } } } });
    scenario_for_each(setup(&two), async |app, mut visitor| {
        let email = email_of(&visitor, "abandon");
        let traits = json!({ "email": email });
        let flow = visitor.begin("registration", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
        let flow = visitor.flow("registration", &answer).await;
        let flow = step(&mut visitor, "registration", &flow, json!({ "traits": traits })).await;
        assert_eq!(node(&flow, "screen")["attributes"]["value"], "credential-selection");
        let answer = visitor.submit(&flow, json!({ "screen": "credential-selection", "traits": traits })).await;
        let flow = visitor.flow("registration", &answer).await;
        assert_eq!(flow["state"], "choose_method");
        assert!(node(&flow, "password").is_object() && node(&flow, "code").is_null(), "{flow}");
        let values = json!({ "method": "password", "traits": traits, "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        visitor.keep_token(&answer);
        assert_eq!(visitor.whoami().await.json()["authentication_methods"][0]["method"], "password", "{}", answer.text);
        assert_eq!(app.letters(&email).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn second_step_with_another_identifier_is_refused() {
    scenario_for_each(setup(&json!({})), async |app, mut visitor| {
        let (email, other) = (email_of(&visitor, "first"), email_of(&visitor, "second"));
        let phone = format!("+49151123456{}", visitor.mode as u8 + 10);
        let traits = json!({ "email": email, "phone": phone });
        let body = json!({ "schema_id": "default", "traits": traits });
        assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
        app.person(&other, PASSWORD).await;
        let flow = visitor.begin("login", "").await;
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": email })).await;
        let right = code(app, &email).await;
        for (identifier, expected) in [("nobody@example.org", 4_000_035), (other.as_str(), 4_010_008)] {
            let refused = step(&mut visitor, "login", &flow, json!({ "identifier": identifier, "code": right })).await;
            assert_eq!(message(&refused), expected, "{identifier}");
            assert_eq!(refused["state"], "sent_email");
            assert_eq!(visitor.whoami().await.status, 401);
        }
        // Another identifier of the same identity, however it is written, is none of another.
        let values = json!({ "identifier": format!(" {phone}"), "code": right });
        last(&mut visitor, &flow, values).await;
        assert_eq!(visitor.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn second_step_tells_nothing_of_other_identifiers_where_enumeration_is_mitigated() {
    let mitigate = json!({ "security": { "account_enumeration": { "mitigate": true } } });
    scenario(setup(&mitigate), async |app| {
        app.person("first@example.org", PASSWORD).await;
        app.person("second@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let flow = step(&mut visitor, "login", &flow, json!({ "identifier": "first@example.org" })).await;
        for identifier in ["second@example.org", "nobody@example.org"] {
            let values = json!({ "identifier": identifier, "code": "123456" });
            assert_eq!(message(&step(&mut visitor, "login", &flow, values).await), 4_010_008, "{identifier}");
        }
    })
    .await;
}

#[tokio::test]
async fn identifier_first_sends_the_code_at_once_where_it_is_the_only_method() {
    let only = json!({
        "selfservice": {
            "methods": { "password": { "enabled": false } },
            "flows": { "login": { "style": "identifier_first" } },
        },
    });
    for mitigate in [false, true] {
        let mitigation = json!({ "security": { "account_enumeration": { "mitigate": mitigate } } });
        scenario_for_each(setup(&only).and(&mitigation), async |app, mut visitor| {
            let email = email_of(&visitor, "at-once");
            let body = json!({ "schema_id": "default", "traits": { "email": email } });
            assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
            let flow = visitor.begin("login", "").await;
            let identify = json!({ "method": "identifier_first", "identifier": email });
            let answer = visitor.submit(&flow, identify).await;
            let flow = visitor.flow("login", &answer).await;
            assert_eq!((message(&flow), &flow["state"]), (1_010_014, &json!("sent_email")), "{mitigate}");
            let right = code(app, &email).await;
            last(&mut visitor, &flow, json!({ "identifier": email, "code": right })).await;
            assert_eq!(visitor.whoami().await.status, 200);
        })
        .await;
    }
    let both = json!({
        "security": { "account_enumeration": { "mitigate": true } },
        "selfservice": { "flows": { "login": { "style": "identifier_first" } } },
    });
    scenario(setup(&both), async |app| {
        app.person("choice@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let values = json!({ "method": "identifier_first", "identifier": "choice@example.org" });
        let flow = visitor.submit(&flow, values).await.json();
        assert_eq!(flow["state"], "choose_method", "there is another method");
        assert!(app.letters("choice@example.org").await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn identifiers_that_are_asked_for_at_once_are_counted() {
    let only = json!({
        "security": {
            "account_enumeration": { "mitigate": true },
            "attempt_budgets": { "messages": { "limit": 2, "window": "1h" } },
        },
        "selfservice": {
            "methods": { "password": { "enabled": false } },
            "flows": { "login": { "style": "identifier_first" } },
        },
    });
    scenario(setup(&only), async |app| {
        let mut said = Vec::new();
        for _ in 0..3 {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "identifier_first", "identifier": "nobody@example.org" });
            said.extend(visitor.submit(&flow, values).await.messages());
        }
        assert_eq!(said, [4_000_035, 4_000_035, 4_900_002]);
    })
    .await;
}
