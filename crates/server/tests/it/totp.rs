//! Authenticator apps: set up, used, taken away, brought along.

use crate::wire::{PASSWORD, refused};
use data_encoding::BASE32_NOPAD;
use futures_util::future::join_all;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::{
    config::ContentUri,
    identity::{Credential, CredentialType},
};
use zelos_testkit::{Answer, App, Mode, Persona, Setup, node, scenario, scenario_for_each};

pub(crate) const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

pub(crate) fn setup() -> Setup {
    Setup::with(json!({ "selfservice": { "methods": { "totp": { "enabled": true } } } }))
}

fn email_of(visitor: &Persona, name: &str) -> String {
    format!("{name}-{:?}@example.org", visitor.mode).to_lowercase()
}

/// What an app shows, so many steps from now: RFC 6238, written down here once more.
pub(crate) fn code(app: &App, secret: &str, drift: i64) -> String {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let step = app.now().unix_timestamp() / 30 + drift;
    let mac = Hmac::<sha1::Sha1>::new_from_slice(&secret).unwrap().chain_update(step.to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let at = usize::from(tag[19] % 16);
    let cut = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) % (1 << 31);
    format!("{:06}", cut % 1_000_000)
}

/// Somebody with a password and, brought along by an administrator, an app.
pub(crate) async fn person(app: &App, email: &str) -> String {
    let body = json!({
        "schema_id": "default",
        "traits": { "email": email },
        "credentials": {
            "password": { "config": { "password": PASSWORD } },
            "totp": { "config": { "totp_url": format!("otpauth://totp/x?secret={SECRET}") } },
        },
    });
    let answer = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The credential as it is stored.
async fn stored(app: &App, id: &str) -> Credential {
    let found = zelos_store::identities::find_with_credentials(&app.store, id.parse().unwrap()).await.unwrap().unwrap();
    found.credential(CredentialType::Totp).unwrap().clone()
}

/// As administrators see it.
async fn shown(app: &App, id: &str) -> Value {
    let path = format!("/admin/identities/{id}?include_credential=totp");
    app.admin("GET", &path, None).await.json()["credentials"]["totp"].clone()
}

pub(crate) async fn second(visitor: &mut Persona, code: &str) -> Answer {
    let flow = visitor.begin("login", "aal=aal2").await;
    visitor.submit(&flow, json!({ "method": "totp", "totp_code": code })).await
}

async fn change(visitor: &mut Persona, flow: &Value, values: Value) -> Answer {
    visitor.submit(flow, values).await
}

fn is_done(answer: &Answer) -> bool {
    matches!(answer.status.as_u16(), 200 | 303) && !answer.location().contains("/login")
}

fn secret_of(flow: &Value) -> String {
    node(flow, "totp_secret_key")["attributes"]["text"]["context"]["secret"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_app_is_set_up_and_taken_away() {
    let named = json!({ "selfservice": { "methods": { "totp": { "config": { "issuer": "Acme & Co" } } } } });
    scenario_for_each(setup().and(&named), async |app, mut visitor| {
        let email = email_of(&visitor, "enrol");
        let id = app.person(&email, PASSWORD).await["id"].as_str().unwrap().to_owned();
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let picture = node(&flow, "totp_qr")["attributes"].clone();
        assert!(picture["src"].as_str().unwrap().starts_with("data:image/png;base64,"));
        assert_eq!((&picture["width"], &picture["height"]), (&json!(256), &json!(256)));
        let secret = secret_of(&flow);

        let wrong = code(app, &secret, 7);
        for (values, message) in
            [(json!({ "method": "totp", "totp_code": wrong }), 4_000_008), (json!({ "method": "totp" }), 4_000_002)]
        {
            let answer = change(&mut visitor, &flow, values).await;
            let shown = refused(&mut visitor, "settings", &answer).await;
            let field = node(&shown, "totp_code");
            assert_eq!(field["messages"][0]["id"], message, "{field}");
            assert_eq!(field["attributes"].get("value"), None, "a code is not shown again");
            assert_eq!(secret_of(&shown), secret, "the form keeps its secret");
        }
        assert_eq!(visitor.whoami().await.json()["authenticator_assurance_level"], "aal1");

        let right = json!({ "method": "totp", "totp_code": code(app, &secret, 0) });
        let answer = change(&mut visitor, &flow, right).await;
        assert!(is_done(&answer), "{}", answer.text);
        let session = visitor.whoami().await.json();
        assert_eq!(session["authenticator_assurance_level"], "aal2");
        assert_eq!(session["authentication_methods"][1]["method"], "totp");
        let credential = shown(app, &id).await;
        assert_eq!(credential["identifiers"], json!([id]));
        let url = credential["config"]["totp_url"].as_str().unwrap();
        assert!(url.starts_with(&format!("otpauth://totp/Acme%20&%20Co:{id}?")), "{url}");
        assert!(url.contains("&issuer=Acme%20%26%20Co&") && url.contains(&secret), "{url}");

        let flow = visitor.begin("settings", "").await;
        assert_eq!((secret_of(&flow), node(&flow, "totp_code")), (String::new(), Value::Null));
        let unlink = node(&flow, "totp_unlink");
        assert_eq!(
            (&unlink["attributes"]["value"], &unlink["meta"]["label"]["id"]),
            (&json!("true"), &json!(1_050_004))
        );
        let again = json!({ "method": "totp", "totp_code": code(app, &secret, 0) });
        let answer = change(&mut visitor, &flow, again).await;
        let told = refused(&mut visitor, "settings", &answer).await;
        assert_eq!(told["ui"]["messages"][0]["id"], 4_000_001, "nothing would be kept of it");
        assert!(
            is_done(&change(&mut visitor, &flow, json!({ "totp_unlink": true })).await),
            "the button says no method"
        );
        assert_eq!(shown(app, &id).await, Value::Null);
        let mut other = app.visitor(Mode::Native);
        other.sign_in(&email, PASSWORD).await;
        assert_eq!(other.whoami().await.status, 200, "one factor is enough again");
    })
    .await;
}

#[tokio::test]
async fn the_secret_belongs_to_the_form_that_shows_it() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "secret");
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let flow = visitor.begin("settings", "").await;
        let id = flow["id"].as_str().unwrap().to_owned();
        assert_eq!(secret_of(&visitor.fetch("settings", &id).await.json()), secret_of(&flow));
        assert_ne!(secret_of(&visitor.begin("settings", "").await), secret_of(&flow));
        // After another change the same flow shows another secret, and takes its code.
        let renamed = json!({ "method": "profile", "traits": { "email": email, "name": "Ada" } });
        assert!(is_done(&change(&mut visitor, &flow, renamed).await));
        let later = visitor.fetch("settings", &id).await.json();
        assert_ne!(secret_of(&later), secret_of(&flow));
        let mut here = later.clone();
        here["ui"]["action"] = format!("http://id.example.org/self-service/settings?flow={id}").into();
        let right = json!({ "method": "totp", "totp_code": code(app, &secret_of(&later), 0) });
        assert!(is_done(&change(&mut visitor, &here, right).await));
        assert_eq!(visitor.whoami().await.json()["authenticator_assurance_level"], "aal2");
    })
    .await;
}

#[tokio::test]
async fn a_change_needs_a_fresh_proof() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "stale");
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        app.clock.advance(Duration::from_secs(3601));
        let flow = visitor.begin("settings", "").await;
        let right = json!({ "method": "totp", "totp_code": code(app, &secret_of(&flow), 0) });
        let answer = change(&mut visitor, &flow, right).await;
        if visitor.mode == Mode::Page {
            assert!(answer.location().contains("refresh=true"), "{}", answer.location());
        } else {
            assert_eq!(answer.json()["error"]["id"], "session_refresh_required", "{}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn the_second_proof_bears_some_drift_and_no_code_works_twice() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = email_of(&visitor, "drift");
        person(app, &email).await;
        visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 403);
        let flow = visitor.begin("login", "aal=aal2").await;
        assert_eq!(flow["ui"]["messages"][0]["id"], 1_010_004);
        for wrong in [code(app, SECRET, -2), code(app, SECRET, 2), "x".repeat(3000)] {
            let answer = second(&mut visitor, &wrong).await;
            let shown = refused(&mut visitor, "login", &answer).await;
            assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_008);
            assert_eq!(node(&shown, "totp_code")["attributes"]["value"], "", "a code is not shown again");
        }
        for (short, message) in [("", 4_000_002), ("12345", 4_000_003)] {
            let answer = second(&mut visitor, short).await;
            let shown = refused(&mut visitor, "login", &answer).await;
            assert_eq!(node(&shown, "totp_code")["messages"][0]["id"], message);
        }
        assert_eq!(visitor.whoami().await.status, 403);
        assert!(is_done(&second(&mut visitor, &code(app, SECRET, -1)).await));
        let session = visitor.whoami().await.json();
        let methods = session["authentication_methods"].as_array().unwrap();
        assert_eq!((methods.len(), &methods[1]["method"], &methods[1]["aal"]), (2, &json!("totp"), &json!("aal2")));

        // In other sessions: the code again, an older one, the next ones, and that again.
        for (drift, is_taken) in [(-1, false), (-2, false), (1, true), (0, false), (1, false)] {
            let mut other = app.visitor(visitor.mode);
            other.sign_in(&email, PASSWORD).await;
            let answer = second(&mut other, &code(app, SECRET, drift)).await;
            assert_eq!(other.whoami().await.status == 200, is_taken, "{drift}: {}", answer.text);
        }
        // A refresh is a new proof as well.
        let refresh = visitor.begin("login", "aal=aal2&refresh=true").await;
        let old = json!({ "method": "totp", "totp_code": code(app, SECRET, 1) });
        let answer = visitor.submit(&refresh, old).await;
        assert_eq!(refused(&mut visitor, "login", &answer).await["ui"]["messages"][0]["id"], 4_000_008);
        app.clock.advance(Duration::from_mins(1));
        let new = json!({ "method": "totp", "totp_code": code(app, SECRET, 0) });
        assert!(is_done(&visitor.submit(&refresh, new).await));
    })
    .await;
}

#[tokio::test]
async fn whoever_has_no_app_is_told_so() {
    scenario(setup(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        app.person("none@example.org", PASSWORD).await;
        visitor.sign_in("none@example.org", PASSWORD).await;
        let flow = visitor.begin("login", "aal=aal2").await;
        assert_eq!(node(&flow, "totp_code"), Value::Null);
        let answer = second(&mut visitor, "123456").await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_011]));
        let first = app.visitor(Mode::Native).begin("login", "").await;
        let answer = app.visitor(Mode::Native).submit(&first, json!({ "method": "totp", "totp_code": "123456" })).await;
        assert_eq!(answer.messages(), vec![4_010_002], "a second factor is no first one");
    })
    .await;
}

#[tokio::test]
async fn of_twenty_who_bring_the_code_at_once_one_gets_in() {
    scenario(setup(), async |app| {
        person(app, "race@example.org").await;
        let mut people = Vec::new();
        for _ in 0..20 {
            let mut visitor = app.visitor(Mode::Native);
            visitor.sign_in("race@example.org", PASSWORD).await;
            let flow = visitor.begin("login", "aal=aal2").await;
            people.push((visitor, flow));
        }
        let code = code(app, SECRET, 0);
        let answers =
            join_all(people.iter_mut().map(async |(visitor, flow)| {
                visitor.submit(flow, json!({ "method": "totp", "totp_code": code })).await
            }))
            .await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        let told = answers.iter().filter(|answer| answer.messages() == [4_000_008]).count();
        assert_eq!((won, told), (1, 19), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        let mut strong = 0;
        for (visitor, _) in &mut people {
            strong += usize::from(visitor.whoami().await.status == 200);
        }
        assert_eq!(strong, 1);
    })
    .await;
}

#[tokio::test]
async fn administrators_bring_apps_along_and_see_them_while_they_are_sealed() {
    scenario(setup(), async |app| {
        let id = person(app, "brought@example.org").await;
        let path = format!("/admin/identities/{id}");
        assert!(!stored(app, &id).await.config.to_string().contains(SECRET));
        let url = format!("otpauth://totp/x?secret={SECRET}");
        assert_eq!(shown(app, &id).await["config"], json!({ "totp_url": url }));
        assert_eq!(app.admin("GET", &path, None).await.json()["credentials"]["totp"].get("config"), None);
        for bad in ["", "otpauth://totp/x", "otpauth://hotp/x?secret=GEZDGNBV", "otpauth://totp/x?secret=1"] {
            let body = json!({
                "schema_id": "default",
                "traits": { "email": "bad@example.org" },
                "credentials": { "totp": { "config": { "totp_url": bad } } },
            });
            let answer = app.admin("POST", "/admin/identities", Some(body)).await;
            assert_eq!(answer.status, 400, "{bad}: {}", answer.text);
        }

        // A patch of something else leaves it as it is, a patch of it is sealed again.
        let before = stored(app, &id).await;
        let named = json!([{ "op": "add", "path": "/traits/name", "value": "Ada" }]);
        assert_eq!(app.admin("PATCH", &path, Some(named)).await.status, 200);
        assert_eq!(stored(app, &id).await, before);
        let other = "otpauth://totp/y?secret=MFRGGZDFMZTWQ2LK";
        let swap = json!([{ "op": "replace", "path": "/credentials/totp/config/totp_url", "value": other }]);
        assert_eq!(app.admin("PATCH", &path, Some(swap)).await.status, 200);
        assert!(!stored(app, &id).await.config.to_string().contains("MFRGGZDF"));
        assert_eq!(shown(app, &id).await["config"]["totp_url"], other);
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("brought@example.org", PASSWORD).await;
        assert_eq!(second(&mut visitor, &code(app, "MFRGGZDFMZTWQ2LK", 0)).await.status, 200);
        assert_eq!(app.admin("DELETE", &format!("{path}/credentials/totp"), None).await.status, 204);
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("brought@example.org", PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_lost_key_of_the_operator_lets_nobody_in() {
    let database = zelos_testkit::Database::sqlite().unwrap();
    let without = Setup::with(json!({ "secrets": { "cipher": null } })).and(&json!({
        "selfservice": { "methods": { "totp": { "enabled": true } } },
    }));
    let app = App::start(&database, &without).await.unwrap();
    let readable = person(&app, "readable@example.org").await;
    assert!(stored(&app, &readable).await.config.to_string().contains(SECRET), "there is nothing to seal with");
    app.reload(&database, &setup()).await.unwrap();
    let sealed = person(&app, "sealed@example.org").await;
    let mut visitor = app.visitor(Mode::Native);
    visitor.sign_in("readable@example.org", PASSWORD).await;
    assert_eq!(second(&mut visitor, &code(&app, SECRET, 0)).await.status, 200, "what was readable stays so");
    assert!(!stored(&app, &readable).await.config.to_string().contains(SECRET), "and is sealed with the next change");

    app.reload(&database, &without).await.unwrap();
    assert_eq!(shown(&app, &sealed).await["config"], json!({}));
    let mut visitor = app.visitor(Mode::Native);
    visitor.sign_in("sealed@example.org", PASSWORD).await;
    assert_eq!(second(&mut visitor, &code(&app, SECRET, 0)).await.status, 500);
    assert_eq!(visitor.whoami().await.status, 403);
    let named = json!([{ "op": "add", "path": "/traits/name", "value": "Ada" }]);
    assert_eq!(app.admin("PATCH", &format!("/admin/identities/{sealed}"), Some(named)).await.status, 200);
    assert_eq!(visitor.whoami().await.status, 403, "the second factor is still asked for");
    let path = "/credentials/totp/config/totp_url";
    let swap = json!([{ "op": "add", "path": path, "value": format!("otpauth://totp/x?secret={SECRET}") }]);
    assert_eq!(app.admin("PATCH", &format!("/admin/identities/{sealed}"), Some(swap)).await.status, 200);
    assert_eq!(second(&mut visitor, &code(&app, SECRET, 0)).await.status, 200, "an administrator may bring another");
}

/// People who sign in by codes alone; an app calls them by their name.
fn by_codes() -> Setup {
    let schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": { "traits": { "type": "object", "properties": { "email": {
            "type": "string",
            "format": "email",
            "ory.sh/kratos": {
                "credentials": { "code": { "identifier": true, "via": "email" }, "totp": { "account_name": true } },
                "recovery": { "via": "email" },
            },
        } } } },
    });
    let url = ContentUri::inline(schema.to_string());
    setup().and(&json!({
        "identity": { "schemas": [{ "id": "default", "url": url }] },
        "selfservice": {
            "methods": { "code": { "enabled": true, "passwordless_enabled": true } },
            "flows": { "recovery": { "enabled": true, "use": "code" } },
        },
    }))
}

#[tokio::test]
async fn neither_a_code_by_mail_nor_a_recovery_takes_the_place_of_the_app() {
    scenario(by_codes(), async |app| {
        let email = "codes@example.org";
        let body = json!({ "schema_id": "default", "traits": { "email": email } });
        let id = app.admin("POST", "/admin/identities", Some(body)).await.json()["id"].as_str().unwrap().to_owned();
        let mut visitor = app.visitor(Mode::Spa);
        let log_in = async |visitor: &mut Persona| {
            let flow = visitor.begin("login", "").await;
            let answer = visitor.submit(&flow, json!({ "method": "code", "identifier": email })).await;
            let letter = app.letters(email).await.pop().unwrap();
            let code = letter.template_data["login_code"].clone();
            let values = json!({ "method": "code", "identifier": email, "code": code });
            visitor.submit(&answer.json(), values).await
        };
        log_in(&mut visitor).await;
        let flow = visitor.begin("settings", "").await;
        let secret = secret_of(&flow);
        change(&mut visitor, &flow, json!({ "method": "totp", "totp_code": code(app, &secret, 0) })).await;
        assert_eq!(visitor.whoami().await.json()["authenticator_assurance_level"], "aal2");
        let url = shown(app, &id).await["config"]["totp_url"].as_str().unwrap().to_owned();
        assert!(url.starts_with("otpauth://totp/id.example.org:codes@example.org?"), "{url}");

        let mut again = app.visitor(Mode::Spa);
        log_in(&mut again).await;
        assert_eq!(again.whoami().await.json()["error"]["id"], "session_aal2_required");
        assert!(is_done(&second(&mut again, &code(app, &secret, 0)).await), "the code that set it up works once more");
        assert_eq!(again.whoami().await.status, 200);

        let mut lost = app.visitor(Mode::Spa);
        let flow = lost.begin("recovery", "").await;
        let flow = lost.submit(&flow, json!({ "method": "code", "email": email })).await.json();
        let recovered = lost.submit(&flow, json!({ "method": "code", "code": app.code(email).await })).await;
        assert_eq!(recovered.status, 422, "{}", recovered.text);
        assert_eq!(lost.whoami().await.json()["error"]["id"], "session_aal2_required");
        assert_eq!(lost.start("settings", "").await.json()["error"]["id"], "session_aal2_required");
    })
    .await;
}

fn require_encrypted() -> Setup {
    setup().and(&json!({ "security": { "credentials": { "require_encrypted": true } } }))
}

/// Puts a stored `config` in the place of an identity's, past the server.
async fn store(app: &App, id: &str, config: &Value) {
    let id: zelos_core::id::IdentityId = id.parse().unwrap();
    let mut batch = zelos_store::Batch::new();
    let config = batch.json(config);
    let sql = "UPDATE credentials SET config = ? WHERE identity_id = ? AND type = 'totp'";
    batch.add(sql, [config, id.into()]);
    app.store.commit(batch).await.unwrap();
}

/// The status of a login's second step.
async fn second_step(app: &App, email: &str) -> u16 {
    let mut visitor = app.visitor(Mode::Native);
    visitor.sign_in(email, PASSWORD).await;
    app.clock.advance(Duration::from_mins(2));
    second(&mut visitor, &code(app, SECRET, 0)).await.status.as_u16()
}

#[tokio::test]
async fn app_of_one_identity_cannot_be_put_in_place_of_anothers() {
    scenario(setup(), async |app| {
        let (ada, bob) = (person(app, "ada@example.org").await, person(app, "bob@example.org").await);
        assert_eq!(second_step(app, "bob@example.org").await, 200);
        store(app, &bob, &stored(app, &ada).await.config).await;
        assert_eq!(second_step(app, "bob@example.org").await, 500, "it is encrypted for the other one");
        assert_eq!(shown(app, &bob).await["config"], json!({}));
        assert_eq!(second_step(app, "ada@example.org").await, 200);
    })
    .await;
}

#[tokio::test]
async fn app_that_is_not_encrypted_is_refused_where_that_is_required() {
    scenario(require_encrypted(), async |app| {
        let id = person(app, "strict@example.org").await;
        assert_eq!(second_step(app, "strict@example.org").await, 200, "what is stored now is encrypted");
        let readable = json!({ "totp_url": format!("otpauth://totp/x?secret={SECRET}") });
        store(app, &id, &readable).await;
        assert_eq!(second_step(app, "strict@example.org").await, 500);
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("strict@example.org", PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 403, "the second factor is still asked for");
    })
    .await;
}

#[tokio::test]
async fn app_stored_by_the_first_version_opens_and_is_written_anew() {
    use zelos_core::{
        rng::SeededRng,
        sealed::{Domain, Keys},
        secret::Secret,
    };
    scenario(setup(), async |app| {
        let id = person(app, "first@example.org").await;
        let keys = Keys::derive(Domain::Cipher, &[Secret::new("a-cipher-secret-for-tests-32-lon")]);
        let config = json!({ "totp_url": format!("otpauth://totp/x?secret={SECRET}") }).to_string();
        let first = json!({ "sealed": keys.seal(&SeededRng::new(7), "credential totp", config.as_bytes()) });
        store(app, &id, &first).await;
        assert_eq!(second_step(app, "first@example.org").await, 200);
        let sealed = stored(app, &id).await.config;
        assert!(sealed["sealed"].as_str().unwrap().starts_with("v2."), "{sealed}");
    })
    .await;
}
