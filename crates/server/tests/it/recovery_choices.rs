//! Getting back into an account by ways that not everybody has: a choice among addresses, an administrator's help.

use super::recovery::{ask, bring, by, email_of, settings_behind};
use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Mode, node, scenario, scenario_for_each};

/// A schema with two addresses and a phone number to recover by.
fn reachable_thrice() -> Value {
    let recovers = |via: &str, format: &str| json!({ "type": "string", "format": format, "ory.sh/kratos": { "recovery": { "via": via } } });
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "name": { "type": "string", "ory.sh/kratos": { "credentials": { "password": { "identifier": true } } } },
            "first": recovers("email", "email"),
            "second": recovers("email", "email"),
            "phone": recovers("sms", "tel"),
        } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    json!({ "identity": { "schemas": [{ "id": "default", "url": url }] },
        "feature_flags": { "choose_recovery_address": true } })
}

#[tokio::test]
async fn people_may_choose_where_the_code_goes() {
    scenario_for_each(by("code", &reachable_thrice()), async |app, mut visitor| {
        let mode = format!("{:?}", visitor.mode).to_lowercase();
        let (first, second) = (format!("first-{mode}@example.org"), format!("second-{mode}@example.org"));
        let phone = format!("+491511234567{}", mode.len());
        let traits = json!({ "name": mode, "first": first, "second": second, "phone": phone });
        let created =
            app.admin("POST", "/admin/identities", Some(json!({ "schema_id": "default", "traits": traits }))).await;
        assert_eq!(created.status, 201, "{}", created.text);

        let flow = visitor.begin("recovery", "").await;
        assert_eq!(flow["state"], "recovery_awaiting_address");
        let answer = visitor.submit(&flow, json!({ "method": "code", "recovery_address": first })).await;
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(flow["state"], "recovery_awaiting_address_choice");
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_060_006);
        let choices: Vec<Value> = flow["ui"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|node| node["attributes"]["name"] == "recovery_select_address")
            .cloned()
            .collect();
        let labels: Vec<&str> = choices.iter().map(|node| node["meta"]["label"]["text"].as_str().unwrap()).collect();
        assert_eq!(labels, [&format!("+49****7{}", mode.len()), "fi****@example.org", "se****@example.org"]);
        assert!(!flow.to_string().contains(&second), "what was not told is not shown");
        let mut other = app.visitor(Mode::Spa);
        let other_flow = other.begin("recovery", "").await;
        let other_flow = other.submit(&other_flow, json!({ "method": "code", "recovery_address": first })).await.json();
        let other_mark = node(&other_flow, "recovery_select_address")["attributes"]["value"].clone();
        assert_ne!(
            other_mark, choices[0]["attributes"]["value"],
            "no hash of an address, which tells it to who tries all"
        );

        let answer = visitor.submit(&flow, json!({ "method": "code", "recovery_select_address": "bm9uZQ==" })).await;
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 4_000_001);

        let chosen = &choices[2]["attributes"]["value"];
        let answer = visitor.submit(&flow, json!({ "method": "code", "recovery_select_address": chosen })).await;
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(flow["state"], "recovery_confirming_address");
        let answer = visitor.submit(&flow, json!({ "method": "code", "screen": "previous" })).await;
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(flow["state"], "recovery_awaiting_address_choice");
        let answer = visitor.submit(&flow, json!({ "method": "code", "recovery_select_address": chosen })).await;
        let flow = visitor.flow("recovery", &answer).await;

        let answer =
            visitor.submit(&flow, json!({ "method": "code", "recovery_confirm_address": "no@example.org" })).await;
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(flow["state"], "recovery_awaiting_code", "the answer is the same");
        assert_eq!(flow["ui"]["messages"][0]["context"]["masked_address"], "no****@example.org");
        assert!(app.letters(&second).await.is_empty());
        let answer = visitor.submit(&flow, json!({ "method": "code", "screen": "previous" })).await;
        let flow = visitor.flow("recovery", &answer).await;

        // By SMS, to the phone.
        let answer = visitor
            .submit(&flow, json!({ "method": "code", "recovery_select_address": choices[0]["attributes"]["value"] }))
            .await;
        let flow = visitor.flow("recovery", &answer).await;
        assert_eq!(node(&flow, "recovery_confirm_address")["attributes"]["type"], "tel");
        let answer = visitor.submit(&flow, json!({ "method": "code", "recovery_confirm_address": phone })).await;
        let flow = visitor.flow("recovery", &answer).await;
        app.clock.advance(Duration::from_millis(1));
        let resent = visitor.submit(&flow, json!({ "method": "code", "recovery_confirm_address": phone })).await;
        let flow = visitor.flow("recovery", &resent).await;
        assert_eq!(app.letters(&phone).await.len(), 2);
        let answer = bring(&mut visitor, &flow, &app.code(&phone).await).await;
        settings_behind(&visitor, &answer);
    })
    .await;
}

#[tokio::test]
async fn an_administrator_lets_somebody_back_in() {
    scenario_for_each(
        by("link", &json!({ "selfservice": { "flows": { "recovery": { "enabled": false } } } })),
        async |app, mut visitor| {
            let email = email_of(&visitor, "admin");
            let person = app.person(&email, PASSWORD).await;
            let body = json!({ "identity_id": person["id"], "expires_in": "30m" });
            let made = app.admin("POST", "/admin/recovery/code", Some(body)).await;
            assert_eq!(made.status, 201, "{}", made.text);
            let made = made.json();
            let id =
                made["recovery_link"].as_str().unwrap().strip_prefix("http://ui.example.org/recovery?flow=").unwrap();
            let flow = visitor.fetch("recovery", id).await.json();
            let names: Vec<&str> = flow["ui"]["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["attributes"]["name"].as_str().unwrap())
                .collect();
            assert_eq!(names, ["code", "method"]);
            let answer = bring(&mut visitor, &flow, made["recovery_code"].as_str().unwrap()).await;
            settings_behind(&visitor, &answer);
            if visitor.mode != Mode::Native {
                let session = visitor.whoami().await.json();
                assert_eq!(session["identity"]["verifiable_addresses"][0]["verified"], false, "no address was proven");
            }

            let made = app
                .admin(
                    "POST",
                    "/admin/recovery/link?return_to=http://ui.example.org/a",
                    Some(json!({ "identity_id": person["id"] })),
                )
                .await;
            assert_eq!(made.status, 200, "{}", made.text);
            let link = made.json()["recovery_link"].as_str().unwrap().replace("http://id.example.org", "");
            let mut browser = app.visitor(Mode::Page);
            let answer = browser.get(&link).await;
            let settings = browser.flow("settings", &answer).await;
            assert_eq!(settings["return_to"], "http://ui.example.org/a");
            assert!(app.letters(&email).await.is_empty());
        },
    )
    .await;
}

#[tokio::test]
async fn an_administrator_is_told_what_is_wrong() {
    scenario(by("code", &json!({ "selfservice": { "methods": { "link": { "enabled": false } } } })), async |app| {
        let person = app.person("wish@example.org", PASSWORD).await;
        let id = &person["id"];
        let nobody = json!("00000000-0000-4000-8000-000000000000");
        for (path, body, status) in [
            ("code", json!({ "identity_id": nobody }), 404),
            ("code", json!({ "identity_id": id, "expires_in": "soon" }), 400),
            ("code", json!({ "identity_id": id, "expires_in": "0s" }), 400),
            ("code", json!({ "identity_id": id, "expires_in": "-1h" }), 400),
            ("code", json!({ "identity_id": id, "flow_type": "pigeon" }), 400),
            ("code", json!({ "identity_id": "x" }), 400),
            ("code?return_to=http://evil.example/", json!({ "identity_id": id }), 400),
            ("link", json!({ "identity_id": id }), 404),
        ] {
            let answer = app.admin("POST", &format!("/admin/recovery/{path}"), Some(body.clone())).await;
            assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_was_handed_a_code_may_ask_for_one_like_everybody() {
    scenario(by("code", &json!({})), async |app| {
        let person = app.person("handed@example.org", PASSWORD).await;
        let made = app.admin("POST", "/admin/recovery/code", Some(json!({ "identity_id": person["id"] }))).await.json();
        let id = made["recovery_link"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.fetch("recovery", &id).await.json();
        let body = json!({ "method": "code", "email": "handed@example.org", "csrf_token": "none" });
        assert_eq!(visitor.submit(&flow, body).await.status, 403, "not without the browser's token");
        visitor.begin("login", "").await;
        let token = node(&visitor.begin("login", "").await, "csrf_token")["attributes"]["value"].clone();
        let body = json!({ "method": "code", "email": "handed@example.org", "csrf_token": token });
        let flow = visitor.submit(&flow, body).await.json();
        assert_eq!(visitor.fetch("recovery", &id).await.status, 200, "from now on it is this browser's");
        assert_eq!(app.visitor(Mode::Spa).fetch("recovery", &id).await.status, 403);
        assert!(node(&flow, "csrf_token").is_object() && node(&flow, "email").is_object(), "{flow}");
        let answer = bring(&mut visitor, &flow, made["recovery_code"].as_str().unwrap()).await;
        assert_eq!(answer.messages(), [4_060_006], "the one that was handed over is gone");
        let answer = bring(&mut visitor, &flow, &app.code("handed@example.org").await).await;
        settings_behind(&visitor, &answer);
    })
    .await;
}

#[tokio::test]
async fn a_code_of_an_administrator_opens_no_recovery_that_is_switched_off() {
    let off = json!({ "selfservice": { "flows": { "recovery": { "enabled": false } } } });
    scenario(by("code", &off), async |app| {
        let person = app.person("off@example.org", PASSWORD).await;
        let made = app.admin("POST", "/admin/recovery/code", Some(json!({ "identity_id": person["id"] }))).await.json();
        let id = made["recovery_link"].as_str().unwrap().rsplit('=').next().unwrap().to_owned();
        let mut visitor = app.visitor(Mode::Spa);
        let token = node(&visitor.begin("login", "").await, "csrf_token")["attributes"]["value"].clone();
        let flow = visitor.fetch("recovery", &id).await.json();
        let body = json!({ "method": "code", "email": "off@example.org", "csrf_token": token });
        let answer = visitor.submit(&flow, body).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert!(app.letters("off@example.org").await.is_empty());
        let answer = bring(&mut visitor, &flow, made["recovery_code"].as_str().unwrap()).await;
        settings_behind(&visitor, &answer);
    })
    .await;
}

#[tokio::test]
async fn what_was_sent_before_is_worth_nothing_after_a_recovery_or_a_new_password() {
    scenario_for_each(by("code", &json!({})), async |app, mut visitor| {
        let email = email_of(&visitor, "outlived");
        let person = app.person(&email, PASSWORD).await;
        // Their address is proven, so that a recovery changes nothing about them.
        let proven = json!([{ "op": "replace", "path": "/verifiable_addresses/0/verified", "value": true }]);
        let path = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        assert_eq!(app.admin("PATCH", &path, Some(proven)).await.status, 200);
        let mut thief = app.visitor(Mode::Spa);
        let mut kept = Vec::new();
        for _ in 0..2 {
            let flow = thief.begin("recovery", "").await;
            let flow = ask(&mut thief, &flow, "code", &email).await;
            kept.push((flow, app.code(&email).await));
        }
        let body = json!({ "identity_id": person["id"], "expires_in": "30m" });
        let handed = app.admin("POST", "/admin/recovery/code", Some(body)).await.json();

        let flow = visitor.begin("recovery", "").await;
        let flow = ask(&mut visitor, &flow, "code", &email).await;
        let answer = bring(&mut visitor, &flow, &app.code(&email).await).await;
        settings_behind(&visitor, &answer);
        let (flow, code) = &kept[0];
        assert_eq!(bring(&mut thief, flow, code).await.messages(), vec![4_060_006]);

        let flow = thief.begin("recovery", "").await;
        let flow = ask(&mut thief, &flow, "code", &email).await;
        let code = app.code(&email).await;
        let mut owner = app.visitor(Mode::Spa);
        owner.sign_in(&email, PASSWORD).await;
        let settings = owner.begin("settings", "").await;
        let answer =
            owner.submit(&settings, json!({ "method": "password", "password": "quite-Another-77-horse" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        for (flow, code) in [(&flow, &code), (&kept[1].0, &kept[1].1)] {
            assert_eq!(bring(&mut thief, flow, code).await.messages(), vec![4_060_006]);
        }
        assert_eq!(thief.whoami().await.status, 401);

        // What an administrator handed over is not asked for by anybody who reads mail, and stays.
        let id = handed["recovery_link"].as_str().unwrap().split_once("flow=").unwrap().1;
        let mut back = app.visitor(Mode::Spa);
        let flow = back.fetch("recovery", id).await.json();
        let answer = bring(&mut back, &flow, handed["recovery_code"].as_str().unwrap()).await;
        settings_behind(&back, &answer);
    })
    .await;
}
