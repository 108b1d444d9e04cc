//! How often secrets can be guessed and messages asked for: the same for all names and doors of an account, exact however
//! many try at once, and no way for strangers to lock people out of where they sign in every day.

use crate::wire::PASSWORD;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, node, scenario, scenario_for_each};

const TOO_MANY_ATTEMPTS: u64 = 4_900_001;
const TOO_MANY_MESSAGES: u64 = 4_900_002;
const WRONG_PASSWORD: u64 = 4_000_006;
const WRONG_TOTP: u64 = 4_000_008;
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// Everything that can be guessed at, for people with an address and a name, and these budgets.
fn setup(budgets: &Value) -> Setup {
    let names = |more: Value| {
        let mut field = json!({ "credentials": { "password": { "identifier": true } } });
        field.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "type": "string", "ory.sh/kratos": field })
    };
    let reached = json!({
        "credentials": { "password": { "identifier": true }, "code": { "identifier": true, "via": "email" } },
        "verification": { "via": "email" },
        "recovery": { "via": "email" },
    });
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": {
            "email": names(reached), "username": names(json!({})), "name": { "type": "string" },
        } } },
    });
    let url = zelos_core::config::ContentUri::inline(schema.to_string());
    Setup::with(json!({
        "identity": { "schemas": [{ "id": "default", "url": url }] },
        "security": { "attempt_budgets": budgets },
        "selfservice": {
            "methods": {
                "totp": { "enabled": true },
                "lookup_secret": { "enabled": true },
                "code": { "enabled": true, "passwordless_enabled": true },
            },
            "flows": {
                "recovery": { "enabled": true, "use": "code" },
                "verification": { "enabled": true, "use": "code" },
            },
        },
    }))
}

/// That many guesses at the secrets of an account, the defaults else.
fn account(budgets: &Value) -> Setup {
    setup(&json!({ "account": budgets }))
}

async fn person(app: &App, name: &str, second_factors: bool) -> String {
    let mut credentials = json!({ "password": { "config": { "password": PASSWORD } } });
    if second_factors {
        credentials["totp"] = json!({ "config": { "totp_url": format!("otpauth://totp/x?secret={SECRET}") } });
        credentials["lookup_secret"] = json!({ "config": { "codes": [{ "code": "aaaaaaaa" }] } });
    }
    let traits = json!({ "email": address(name), "username": name });
    let body = json!({ "schema_id": "default", "traits": traits, "credentials": credentials });
    let answer = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn address(name: &str) -> String {
    format!("{name}@example.org")
}

/// The texts above the form in the answer, or behind its redirect.
async fn told(visitor: &mut Persona, kind: &str, answer: &Answer) -> Vec<u64> {
    let flow = visitor.flow(kind, answer).await;
    let messages = flow["ui"]["messages"].as_array().cloned().unwrap_or_default();
    messages.iter().filter_map(|message| message["id"].as_u64()).collect()
}

/// A sign-in that should not work, by a new flow, and what it is told.
async fn sign_in(visitor: &mut Persona, identifier: &str, password: &str) -> Vec<u64> {
    let answer = visitor.sign_in(identifier, password).await;
    told(visitor, "login", &answer).await
}

/// A stranger's sign-in.
async fn try_password(app: &App, mode: Mode, identifier: &str, password: &str) -> Vec<u64> {
    sign_in(&mut app.visitor(mode), identifier, password).await
}

async fn second(visitor: &mut Persona, values: Value) -> Vec<u64> {
    let flow = visitor.begin("login", "aal=aal2").await;
    let answer = visitor.submit(&flow, values).await;
    told(visitor, "login", &answer).await
}

async fn wrong_totp(visitor: &mut Persona) -> Vec<u64> {
    second(visitor, json!({ "method": "totp", "totp_code": "000000" })).await
}

async fn right_backup_code(visitor: &mut Persona) -> Vec<u64> {
    second(visitor, json!({ "method": "lookup_secret", "lookup_secret": "aaaaaaaa" })).await
}

async fn is_signed_in(visitor: &mut Persona) -> bool {
    visitor.whoami().await.status == 200
}

fn device_cookie(visitor: &Persona) -> Option<(&String, &String)> {
    visitor.cookies.iter().find(|(name, _)| name.starts_with("device_"))
}

#[tokio::test]
async fn all_names_and_clients_share_a_budget_that_ends_with_its_window() {
    scenario_for_each(account(&json!({ "password": { "limit": 3, "window": "10m" } })), async |app, mut visitor| {
        let name = format!("shared-{:?}", visitor.mode).to_lowercase();
        person(app, &name, false).await;
        for (mode, identifier) in
            [(Mode::Page, name.clone()), (Mode::Spa, address(&name)), (Mode::Native, address(&name).to_uppercase())]
        {
            assert_eq!(try_password(app, mode, &identifier, "wrong").await, [WRONG_PASSWORD], "{identifier}");
        }
        app.clock.advance(Duration::from_secs(61));
        for password in ["wrong", PASSWORD] {
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "password", "identifier": name, "password": password });
            let answer = visitor.submit(&flow, values).await;
            assert_eq!(answer.status, if visitor.mode == Mode::Page { 303 } else { 400 }, "{}", answer.text);
            assert_eq!(answer.header("retry-after"), "539");
            let shown = visitor.flow("login", &answer).await;
            let message = &shown["ui"]["messages"][0];
            assert_eq!((&message["id"], &message["type"]), (&json!(TOO_MANY_ATTEMPTS), &json!("error")));
            assert_eq!(message["context"], json!({ "retry_after": 539 }));
            assert!(message["text"].as_str().unwrap().contains("9 minutes"), "{message}");
            assert!(!is_signed_in(&mut visitor).await);
        }
        app.clock.advance(Duration::from_secs(539));
        visitor.sign_in(&name, PASSWORD).await;
        assert!(is_signed_in(&mut visitor).await);
    })
    .await;
}

#[tokio::test]
async fn of_fifty_guesses_at_once_as_many_as_there_may_be_are_told_to_be_wrong() {
    scenario(account(&json!({ "password": { "limit": 7 } })), async |app| {
        person(app, "race", false).await;
        let mut people = Vec::new();
        for number in 0..50 {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            people.push((visitor, flow, number));
        }
        let answers = join_all(people.into_iter().map(async |(mut visitor, flow, number)| {
            let identifier = if number % 2 == 0 { "race" } else { "race@example.org" };
            let values = json!({ "method": "password", "identifier": identifier, "password": "wrong" });
            let answer = visitor.submit(&flow, values).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
            answer.messages()
        }))
        .await;
        let count = |id| answers.iter().filter(|messages| **messages == [id]).count();
        assert_eq!((count(WRONG_PASSWORD), count(TOO_MANY_ATTEMPTS)), (7, 43));
        assert_eq!(try_password(app, Mode::Native, "race", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
    })
    .await;
}

#[tokio::test]
async fn a_right_guess_among_wrong_ones_counts_by_its_place() {
    scenario(account(&json!({ "password": { "limit": 5 } })), async |app| {
        for round in 0..6 {
            let name = format!("place-{round}");
            person(app, &name, false).await;
            let mut people = Vec::new();
            for number in 0..24 {
                let mut visitor = app.visitor(Mode::Native);
                let flow = visitor.begin("login", "").await;
                let password = if number == 4 * round { PASSWORD } else { "wrong" };
                people.push((visitor, flow, password));
            }
            let answers = join_all(people.into_iter().map(async |(mut visitor, flow, password)| {
                let values = json!({ "method": "password", "identifier": name, "password": password });
                let answer = visitor.submit(&flow, values).await;
                (password == PASSWORD, answer.status == 200, answer.messages())
            }))
            .await;
            let wrong = answers.iter().filter(|(_, _, told)| *told == [WRONG_PASSWORD]).count();
            assert_eq!(wrong, 5);
            let (_, is_in, told) = answers.iter().find(|(is_right, ..)| *is_right).unwrap();
            assert!(*is_in || *told == [TOO_MANY_ATTEMPTS], "{told:?}");
            let mut late = app.visitor(Mode::Native);
            assert_eq!(sign_in(&mut late, &name, PASSWORD).await, [TOO_MANY_ATTEMPTS]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_guess_right_or_wrong_is_answered_alike_once_there_were_too_many() {
    scenario(account(&json!({ "password": { "limit": 2 } })), async |app| {
        person(app, "known", false).await;
        let body = json!({ "state": "inactive", "schema_id": "default", "traits": { "username": "gone" },
            "credentials": { "password": { "config": { "password": PASSWORD } } } });
        assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
        let mut bodies = Vec::new();
        for (identifier, password) in
            [("known", "wrong"), ("known", PASSWORD), ("unknown", PASSWORD), ("gone", PASSWORD)]
        {
            if password == "wrong" || identifier != "known" {
                for _ in 0..2 {
                    assert_eq!(try_password(app, Mode::Native, identifier, "wrong").await, [WRONG_PASSWORD]);
                }
            }
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "password", "identifier": identifier, "password": password });
            let answer = visitor.submit(&flow, values).await;
            let text = answer.text.replace(flow["id"].as_str().unwrap(), "id").replace(identifier, "name");
            bodies.push((answer.status, answer.header("retry-after").to_owned(), text));
        }
        assert!(bodies[0].2.contains("4900001"), "{bodies:?}");
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:#?}");
    })
    .await;
}

#[tokio::test]
async fn all_kinds_of_secrets_share_one_budget() {
    scenario(account(&json!({ "all": { "limit": 4 } })), async |app| {
        person(app, "all", true).await;
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("all", PASSWORD).await;
        assert_eq!(wrong_totp(&mut visitor).await, [WRONG_TOTP]);
        assert_eq!(
            second(&mut visitor, json!({ "method": "lookup_secret", "lookup_secret": "bbbbbbbb" })).await,
            [4_000_016]
        );
        assert_eq!(try_password(app, Mode::Page, "all", "wrong").await, [WRONG_PASSWORD]);
        let mut other = app.visitor(Mode::Native);
        let flow = other.begin("recovery", "").await;
        other.submit(&flow, json!({ "method": "code", "email": "all@example.org" })).await;
        let answer = other.submit(&flow, json!({ "method": "code", "code": "000000" })).await;
        assert_eq!(told(&mut other, "recovery", &answer).await, [4_060_006]);
        // Used up, at each door.
        assert_eq!(wrong_totp(&mut visitor).await, [TOO_MANY_ATTEMPTS]);
        assert_eq!(right_backup_code(&mut visitor).await, [TOO_MANY_ATTEMPTS]);
        assert!(!is_signed_in(&mut visitor).await);
        assert_eq!(try_password(app, Mode::Native, "all@example.org", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
        let answer = other.submit(&flow, json!({ "method": "code", "code": app.code("all@example.org").await })).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![TOO_MANY_ATTEMPTS]), "{}", answer.text);
        app.clock.advance(Duration::from_hours(24));
        visitor.sign_in("all", PASSWORD).await;
        right_backup_code(&mut visitor).await;
        assert!(is_signed_in(&mut visitor).await);
    })
    .await;
}

#[tokio::test]
async fn codes_of_an_app_are_bounded_over_all_sessions() {
    scenario_for_each(account(&json!({ "totp": { "limit": 3 } })), async |app, visitor: Persona| {
        let name = format!("totp-{:?}", visitor.mode).to_lowercase();
        person(app, &name, true).await;
        for _ in 0..3 {
            // Each time a new session, and, in a browser, a cookie of a device that has shown the password.
            let mut guesser = app.visitor(visitor.mode);
            guesser.sign_in(&name, PASSWORD).await;
            assert_eq!(wrong_totp(&mut guesser).await, [WRONG_TOTP]);
        }
        let mut guesser = app.visitor(visitor.mode);
        guesser.sign_in(&name, PASSWORD).await;
        assert_eq!(wrong_totp(&mut guesser).await, [TOO_MANY_ATTEMPTS]);
        right_backup_code(&mut guesser).await;
        assert!(is_signed_in(&mut guesser).await, "another kind of secret has a budget of its own");
    })
    .await;
}

#[tokio::test]
async fn wrong_codes_are_bounded_over_all_flows() {
    scenario_for_each(account(&json!({ "code": { "limit": 6 } })), async |app, mut visitor: Persona| {
        let name = format!("codes-{:?}", visitor.mode).to_lowercase();
        let (known, unknown) = (address(&name), address(&format!("nobody-{name}")));
        person(app, &name, false).await;
        for email in [&known, &unknown] {
            for number in 0..8 {
                let mut guesser = app.visitor(visitor.mode);
                let kind = ["recovery", "verification"][number % 2];
                let flow = guesser.begin(kind, "").await;
                guesser.submit(&flow, json!({ "method": "code", "email": email })).await;
                let answer = guesser.submit(&flow, json!({ "method": "code", "code": "000000" })).await;
                let expected = match (number, kind) {
                    (6.., _) => TOO_MANY_ATTEMPTS,
                    (_, "recovery") => 4_060_006,
                    _ => 4_070_006,
                };
                assert_eq!(told(&mut guesser, kind, &answer).await, [expected], "{email} {number}");
            }
        }
        app.clock.advance(Duration::from_secs(1));
        let flow = visitor.begin("login", "").await;
        let answer = visitor.submit(&flow, json!({ "method": "code", "identifier": known })).await;
        let flow = visitor.flow("login", &answer).await;
        let code = app.letters(&known).await.pop().unwrap().template_data["login_code"].clone();
        let values = json!({ "method": "code", "identifier": known, "code": code });
        let answer = visitor.submit(&flow, values.clone()).await;
        assert_eq!(told(&mut visitor, "login", &answer).await, [TOO_MANY_ATTEMPTS]);
        app.clock.advance(Duration::from_mins(14));
        let answer = visitor.submit(&flow, values.clone()).await;
        assert_eq!(told(&mut visitor, "login", &answer).await, [TOO_MANY_ATTEMPTS]);
        app.clock.advance(Duration::from_mins(1));
        let answer = visitor.submit(&flow, values).await;
        visitor.keep_token(&answer);
        assert!(is_signed_in(&mut visitor).await, "what was refused for the time is still good: {}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn codes_to_sign_up_are_bounded_for_each_address() {
    scenario(account(&json!({ "code": { "limit": 2 } })), async |app| {
        let guess = async |values: &Value, code: Option<&str>| {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("registration", "").await;
            visitor.submit(&flow, json!({ "method": "code", "traits": values })).await;
            let right = app.letters("new@example.org").await.pop().unwrap().template_data["registration_code"].clone();
            let code = code.map_or(right, Value::from);
            let answer = visitor.submit(&flow, json!({ "method": "code", "traits": values, "code": code })).await;
            (answer.status.as_u16(), answer.messages())
        };
        let traits = json!({ "email": "new@example.org", "name": "Ada" });
        for _ in 0..2 {
            assert_eq!(guess(&traits, Some("000000")).await, (400, vec![4_040_003]));
        }
        let other = json!({ "email": "NEW@example.org", "username": "grace" });
        for code in [Some("000000"), None] {
            assert_eq!(guess(&other, code).await, (400, vec![TOO_MANY_ATTEMPTS]));
        }
        app.clock.advance(Duration::from_mins(15));
        assert_eq!(guess(&other, None).await.0, 200);
    })
    .await;
}

#[tokio::test]
async fn no_hook_tells_that_a_guess_was_right() {
    let hook = json!({ "selfservice": { "flows": { "login": { "after": { "password": {
        "hooks": [{ "hook": "require_verified_address" }],
    } } } } } });
    scenario_for_each(account(&json!({ "password": { "limit": 1 } })).and(&hook), async |app, mut visitor| {
        let name = format!("unproven-{:?}", visitor.mode).to_lowercase();
        person(app, &name, false).await;
        assert_eq!(sign_in(&mut visitor, &name, "wrong").await, [WRONG_PASSWORD]);
        assert_eq!(sign_in(&mut visitor, &name, PASSWORD).await, [TOO_MANY_ATTEMPTS]);
        assert!(app.letters(&address(&name)).await.is_empty(), "what the hook would have sent was taken back");
        app.clock.advance(Duration::from_mins(15));
        sign_in(&mut visitor, &name, PASSWORD).await;
        assert_eq!(app.letters(&address(&name)).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn strangers_do_not_lock_out_a_known_device() {
    scenario(account(&json!({ "password": { "limit": 2 }, "totp": { "limit": 2 } })), async |app| {
        person(app, "mine", false).await;
        person(app, "other", false).await;
        let mut browser = app.visitor(Mode::Page);
        browser.sign_in("other", PASSWORD).await;
        browser.cookies.remove("ory_kratos_session");
        browser.sign_in("mine", PASSWORD).await;
        let (_, sealed) = device_cookie(&browser).unwrap();
        assert!(sealed.len() > 80 && !sealed.contains("mine"));
        browser.cookies.remove("ory_kratos_session");
        for _ in 0..3 {
            try_password(app, Mode::Native, "mine", "wrong").await;
            try_password(app, Mode::Native, "other", "wrong").await;
        }
        assert_eq!(try_password(app, Mode::Page, "mine", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
        let mut spoiled = browser.clone();
        let (name, sealed) = device_cookie(&browser).map(|(name, value)| (name.clone(), format!("A{value}"))).unwrap();
        spoiled.cookies.insert(name, sealed);
        assert_eq!(sign_in(&mut spoiled, "mine", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
        for account in ["mine", "other"] {
            browser.sign_in(account, PASSWORD).await;
            assert!(is_signed_in(&mut browser).await, "both are known there");
            browser.cookies.remove("ory_kratos_session");
        }
        // What is known has an end, too, over all devices.
        let mut second = app.visitor(Mode::Page);
        second.cookies = browser.cookies.clone();
        assert_eq!(sign_in(&mut browser, "mine", "wrong").await, [WRONG_PASSWORD]);
        assert_eq!(sign_in(&mut second, "mine", "wrong").await, [WRONG_PASSWORD]);
        assert_eq!(sign_in(&mut browser, "mine", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
    })
    .await;
}

#[tokio::test]
async fn whoever_has_but_the_password_is_a_stranger_to_the_second_factor() {
    scenario(account(&json!({ "totp": { "limit": 1 }, "lookup_secret": { "limit": 1 } })), async |app| {
        person(app, "strong", true).await;
        let mut own = app.visitor(Mode::Spa);
        own.sign_in("strong", PASSWORD).await;
        right_backup_code(&mut own).await;
        assert!(is_signed_in(&mut own).await);
        for expected in [WRONG_TOTP, TOO_MANY_ATTEMPTS, TOO_MANY_ATTEMPTS] {
            let mut thief = app.visitor(Mode::Spa);
            thief.sign_in("strong", PASSWORD).await;
            assert_eq!(wrong_totp(&mut thief).await, [expected]);
        }
        own.cookies.remove("ory_kratos_session");
        own.sign_in("strong", PASSWORD).await;
        assert_eq!(wrong_totp(&mut own).await, [WRONG_TOTP], "a device that has shown a second factor is known");
        assert_eq!(wrong_totp(&mut own).await, [TOO_MANY_ATTEMPTS]);
    })
    .await;
}

#[tokio::test]
async fn a_session_can_be_refreshed_whatever_strangers_do() {
    scenario_for_each(account(&json!({ "password": { "limit": 1 } })), async |app, mut visitor| {
        let name = format!("refresh-{:?}", visitor.mode).to_lowercase();
        person(app, &name, false).await;
        visitor.sign_in(&name, PASSWORD).await;
        visitor.cookies.retain(|name, _| !name.starts_with("device_"));
        for _ in 0..2 {
            try_password(app, Mode::Native, &name, "wrong").await;
        }
        assert_eq!(try_password(app, Mode::Native, &name, PASSWORD).await, [TOO_MANY_ATTEMPTS]);
        app.clock.advance(Duration::from_mins(1));
        let flow = visitor.begin("login", "refresh=true").await;
        let values = json!({ "method": "password", "identifier": name, "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        assert!(answer.header("retry-after").is_empty(), "{}", answer.text);
        let at = visitor.whoami().await.json()["authenticated_at"].as_str().unwrap().to_owned();
        let at = time::OffsetDateTime::parse(&at, &time::format_description::well_known::Rfc3339).unwrap();
        assert!(app.now() - at < time::Duration::seconds(1), "{at}");
        // And others' sessions are no way around.
        let mut thief = app.visitor(visitor.mode);
        person(app, &format!("thief-{name}"), false).await;
        thief.sign_in(&format!("thief-{name}"), PASSWORD).await;
        let flow = thief.begin("login", "refresh=true").await;
        let answer = thief.submit(&flow, json!({ "method": "password", "identifier": name, "password": "x" })).await;
        assert_eq!(told(&mut thief, "login", &answer).await, [TOO_MANY_ATTEMPTS]);
    })
    .await;
}

#[tokio::test]
async fn a_network_is_bounded_over_all_accounts_but_not_for_known_devices() {
    let proxies = json!({ "serve": { "public": { "trusted_proxies": ["127.0.0.1"] } } });
    scenario(setup(&json!({ "network": { "limit": 3, "window": "1h" } })).and(&proxies), async |app| {
        person(app, "net", false).await;
        let mut known = app.visitor(Mode::Spa);
        known.sign_in("net", PASSWORD).await;
        known.cookies.remove("ory_kratos_session");
        let from = async |address: &str, identifier: &str, password: &str| {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let body = json!({ "method": "password", "identifier": identifier, "password": password });
            let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
            let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
            visitor.send("POST", &path, &headers, body.to_string()).await
        };
        for (number, address) in ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:9::"].into_iter().enumerate() {
            assert_eq!(from(address, &format!("nobody-{number}"), "x").await.messages(), [WRONG_PASSWORD]);
        }
        for (identifier, password) in [("nobody", "x"), ("net", PASSWORD)] {
            let answer = from("2001:db8::4", identifier, password).await;
            assert_eq!((answer.messages(), answer.header("retry-after")), (vec![TOO_MANY_ATTEMPTS], "3600"));
        }
        assert_eq!(from("2001:db8:0:1::1", "net", PASSWORD).await.status, 200, "another network");
        let flow = known.begin("login", "").await;
        let token = node(&flow, "csrf_token")["attributes"]["value"].clone();
        let body = json!({ "method": "password", "identifier": "net", "password": PASSWORD, "csrf_token": token });
        let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
        let headers = [("content-type", "application/json"), ("x-forwarded-for", "2001:db8::5")];
        assert_eq!(known.send("POST", &path, &headers, body.to_string()).await.status, 200, "a known device");
        for _ in 0..4 {
            let told = try_password(app, Mode::Native, "nobody", "x").await;
            assert_eq!(told, [WRONG_PASSWORD], "behind a proxy that does not tell all would be one");
        }
    })
    .await;
}

#[tokio::test]
async fn messages_to_an_address_are_bounded_for_those_who_have_it_and_those_who_do_not() {
    scenario(setup(&json!({ "messages": { "limit": 3 } })), async |app| {
        person(app, "letters", false).await;
        let mut bodies = Vec::new();
        for email in ["letters@example.org", "nobody@example.org"] {
            for (number, kind) in
                ["recovery", "verification", "recovery", "verification", "recovery"].iter().enumerate()
            {
                let mut visitor = app.visitor(Mode::Native);
                let flow = visitor.begin(kind, "").await;
                let typed = if number == 1 { email.to_uppercase() } else { email.to_owned() };
                let answer = visitor.submit(&flow, json!({ "method": "code", "email": typed })).await;
                if number < 3 {
                    assert_eq!(answer.status, 200, "{number} {}", answer.text);
                    continue;
                }
                assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![TOO_MANY_MESSAGES]));
                assert_eq!(answer.header("retry-after"), "3600");
                let text = answer.text.replace(flow["id"].as_str().unwrap(), "id").replace(email, "address");
                bodies.push((*kind, text));
            }
        }
        assert_eq!(bodies[..2], bodies[2..]);
        assert_eq!(app.letters("letters@example.org").await.len(), 3);
        for email in ["letters@example.org", "nobody@example.org"] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let answer = visitor.submit(&flow, json!({ "method": "code", "identifier": email })).await;
            assert_eq!(answer.messages(), [TOO_MANY_MESSAGES]);
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("registration", "").await;
            let answer = visitor.submit(&flow, json!({ "method": "code", "traits": { "email": email } })).await;
            assert_eq!(answer.messages(), [TOO_MANY_MESSAGES]);
        }
        app.clock.advance(Duration::from_hours(1));
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("recovery", "").await;
        visitor.submit(&flow, json!({ "method": "code", "email": "letters@example.org" })).await;
        assert_eq!(app.letters("letters@example.org").await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn what_sends_by_itself_goes_on_without_sending() {
    let hook =
        json!({ "selfservice": { "flows": { "login": { "after": { "hooks": [{ "hook": "verification" }] } } } } });
    scenario(setup(&json!({ "messages": { "limit": 2 } })).and(&hook), async |app| {
        person(app, "hooked", false).await;
        for _ in 0..4 {
            let mut visitor = app.visitor(Mode::Native);
            visitor.sign_in("hooked", PASSWORD).await;
            assert!(is_signed_in(&mut visitor).await);
        }
        assert_eq!(app.letters("hooked@example.org").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn fifty_who_ask_at_once_get_as_many_messages_as_there_may_be() {
    scenario(setup(&json!({ "messages": { "limit": 4 } })), async |app| {
        person(app, "crowd", false).await;
        let mut people = Vec::new();
        for _ in 0..50 {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("recovery", "").await;
            people.push((visitor, flow));
        }
        let answers = join_all(people.into_iter().map(async |(mut visitor, flow)| {
            visitor.submit(&flow, json!({ "method": "code", "email": "crowd@example.org" })).await.status.as_u16()
        }))
        .await;
        assert_eq!(answers.iter().filter(|status| **status == 200).count(), 4, "{answers:?}");
        assert_eq!(app.letters("crowd@example.org").await.len(), 4);
    })
    .await;
}

#[tokio::test]
async fn switched_off_nothing_is_counted_and_nobody_remembered() {
    let mut budgets = json!({ "enabled": false, "messages": { "limit": 1 }, "network": { "limit": 1 } });
    budgets["account"] = json!({ "password": { "limit": 1 }, "all": { "limit": 1 } });
    scenario(setup(&budgets), async |app| {
        person(app, "off", false).await;
        for _ in 0..4 {
            assert_eq!(try_password(app, Mode::Page, "off", "wrong").await, [WRONG_PASSWORD]);
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("recovery", "").await;
            let answer = visitor.submit(&flow, json!({ "method": "code", "email": "off@example.org" })).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let mut visitor = app.visitor(Mode::Page);
        visitor.sign_in("off", PASSWORD).await;
        assert!(is_signed_in(&mut visitor).await);
        assert_eq!(device_cookie(&visitor), None);
        let rows: i64 = app.store.one("SELECT COUNT(*) FROM attempts", &[], |row| row.get(0)).await.unwrap();
        assert_eq!(rows, 0);
    })
    .await;
}

#[tokio::test]
async fn a_reload_changes_the_limits() {
    let database = zelos_testkit::Database::sqlite().unwrap();
    let app = App::start(&database, &account(&json!({ "password": { "limit": 1 } }))).await.unwrap();
    person(&app, "reload", false).await;
    assert_eq!(try_password(&app, Mode::Native, "reload", "wrong").await, [WRONG_PASSWORD]);
    assert_eq!(try_password(&app, Mode::Native, "reload", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
    app.reload(&database, &account(&json!({ "password": { "limit": 2 } }))).await.unwrap();
    assert_eq!(try_password(&app, Mode::Native, "reload", "wrong").await, [WRONG_PASSWORD]);
    assert_eq!(try_password(&app, Mode::Native, "reload", PASSWORD).await, [TOO_MANY_ATTEMPTS]);
    app.reload(&database, &setup(&json!({ "enabled": false }))).await.unwrap();
    let mut visitor = app.visitor(Mode::Native);
    visitor.sign_in("reload", PASSWORD).await;
    assert!(is_signed_in(&mut visitor).await);
}

#[tokio::test]
async fn what_is_kept_names_nobody_and_goes_with_its_window() {
    scenario(setup(&json!({})), async |app| {
        person(app, "kept", false).await;
        try_password(app, Mode::Native, "kept", "wrong").await;
        try_password(app, Mode::Native, "nobody", "wrong").await;
        let keys = app.store.all("SELECT key_hash FROM attempts", &[], |row| row.get::<Vec<u8>>(0)).await.unwrap();
        assert_eq!(keys.len(), 4, "two for each account");
        assert!(keys.iter().all(|key| key.len() == 24));
        for _ in 0..3 {
            let mut visitor = app.visitor(Mode::Native);
            visitor.sign_in("kept", PASSWORD).await;
        }
        let count: i64 = app.store.one("SELECT COUNT(*) FROM attempts", &[], |row| row.get(0)).await.unwrap();
        assert_eq!(count, 4, "who is right leaves nothing");
        let later = app.now() + Duration::from_hours(25);
        assert_eq!(zelos_store::cleanup::attempts(&app.store, later, 3).await.unwrap(), 3);
        assert_eq!(zelos_store::cleanup::attempts(&app.store, later, 3).await.unwrap(), 1);
    })
    .await;
}
