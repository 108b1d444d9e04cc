//! Secrets are exchanged while the server runs: what was signed or sealed before goes on, what comes is signed with the
//! new one, and once the old one is taken away, what hung on it is over.

use crate::{totp, wire::PASSWORD};
use axum::body::Body;
use serde_json::json;
use std::time::Duration;
use zelos_core::{config::Config, identity::CredentialType, secret::Secret};
use zelos_testkit::{App, Mode, Setup, node, scenario};

/// The secrets of the tests' usual configuration.
const COOKIE: &str = "a-cookie-secret-for-tests";
const CIPHER: &str = "a-cipher-secret-for-tests-32-lon";

const NEW_COOKIE: &str = "another-cookie-secret-for-tests";
const NEW_CIPHER: &str = "another-cipher-secret-32-letters";

const NEW_PASSWORD: &str = "another-Battery-of-horses-7";

/// Takes over a configuration with other secrets, as a reload does.
async fn rotate(app: &App, change: impl FnOnce(&mut Config)) {
    let snapshot = app.engine.snapshot();
    let mut config: Config = (**snapshot).clone();
    change(&mut config);
    let snapshot = Box::pin(zelos_server::snapshot(config, &*app.outbound)).await;
    app.engine.replace_snapshot(snapshot.unwrap_or_else(|failure| panic!("{failure:?}")));
}

fn secrets(of: &[&str]) -> Vec<Secret> {
    of.iter().map(|text| Secret::new(*text)).collect()
}

async fn cookies(app: &App, of: &[&str]) {
    rotate(app, |config| config.secrets.cookie = secrets(of)).await;
}

#[tokio::test]
async fn nobody_is_logged_out() {
    scenario(Setup::default(), async |app| {
        for mode in [Mode::Page, Mode::Spa, Mode::Native] {
            cookies(app, &[COOKIE]).await;
            let email = format!("stays-{mode:?}@example.org").to_lowercase();
            app.person(&email, PASSWORD).await;
            let mut before = app.visitor(mode);
            before.sign_in(&email, PASSWORD).await;
            assert_eq!(before.whoami().await.status, 200);
            cookies(app, &[NEW_COOKIE, COOKIE]).await;
            assert_eq!(before.whoami().await.status, 200, "{mode:?}: begun before");
            let mut after = app.visitor(mode);
            after.sign_in(&email, PASSWORD).await;
            cookies(app, &[NEW_COOKIE]).await;
            assert_eq!(after.whoami().await.status, 200, "{mode:?}: begun after");
            let status = if mode == Mode::Native { 200 } else { 401 };
            assert_eq!(before.whoami().await.status, status, "{mode:?}: the old secret is gone");
        }
    })
    .await;
}

#[tokio::test]
async fn the_default_secrets_serve_cookies_where_no_others_are_set() {
    scenario(Setup::default(), async |app| {
        rotate(app, |config| {
            config.secrets.cookie = Vec::new();
            config.secrets.default = secrets(&[COOKIE]);
        })
        .await;
        app.person("default@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Page);
        visitor.sign_in("default@example.org", PASSWORD).await;
        for (of, status) in [(&[NEW_COOKIE, COOKIE][..], 200), (&[NEW_COOKIE][..], 401)] {
            rotate(app, |config| config.secrets.default = secrets(of)).await;
            assert_eq!(visitor.whoami().await.status, status, "{of:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn forms_that_were_shown_can_be_sent() {
    scenario(Setup::default(), async |app| {
        for mode in [Mode::Page, Mode::Spa] {
            cookies(app, &[COOKIE]).await;
            let email = format!("form-{mode:?}@example.org").to_lowercase();
            app.person(&email, PASSWORD).await;
            let mut visitor = app.visitor(mode);
            let form = visitor.begin("login", "").await;
            cookies(app, &[NEW_COOKIE, COOKIE]).await;
            let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
            visitor.submit(&form, values.clone()).await;
            assert_eq!(visitor.whoami().await.status, 200, "{mode:?}");
            // And the check is one still: the token of somebody else's form does not do.
            let (mut one, mut other) = (app.visitor(mode), app.visitor(mode));
            let (form, foreign) = (one.begin("login", "").await, other.begin("login", "").await);
            let mut values = values;
            values["csrf_token"] = node(&foreign, "csrf_token")["attributes"]["value"].clone();
            one.submit(&form, values).await;
            assert_eq!(one.whoami().await.status, 401, "{mode:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn lists_go_on() {
    scenario(Setup::default(), async |app| {
        for name in ["a", "b"] {
            app.person(&format!("{name}@example.org"), PASSWORD).await;
            app.visitor(Mode::Native).sign_in(&format!("{name}@example.org"), PASSWORD).await;
            app.clock.advance(Duration::from_secs(1));
        }
        let next = async |list: &str| {
            let links = app.admin("GET", &format!("{list}?page_size=1"), None).await.header("link").to_owned();
            links.rsplit_once("page_token=").unwrap().1.split(['&', '>']).next().unwrap().to_owned()
        };
        let status = async |list: &str, token: &str| {
            app.admin("GET", &format!("{list}?page_size=1&page_token={token}"), None).await.status.as_u16()
        };
        for list in ["/admin/identities", "/admin/sessions"] {
            cookies(app, &[COOKIE]).await;
            let token = next(list).await;
            for (of, expected) in [(&[NEW_COOKIE, COOKIE][..], 200), (&[NEW_COOKIE][..], 400)] {
                cookies(app, of).await;
                assert_eq!(status(list, &token).await, expected, "{list} {of:?}");
            }
            rotate(app, |config| config.secrets.pagination = secrets(&[COOKIE])).await;
            let token = next(list).await;
            for (of, expected) in [(&[NEW_COOKIE, COOKIE][..], 200), (&[NEW_COOKIE][..], 400)] {
                rotate(app, |config| config.secrets.pagination = secrets(of)).await;
                assert_eq!(status(list, &token).await, expected, "{list}, secrets of pages: {of:?}");
            }
            rotate(app, |config| config.secrets.pagination = Vec::new()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn sealed_second_factors_open_and_are_sealed_anew() {
    scenario(totp::setup(), async |app| {
        let id = totp::person(app, "sealed@example.org").await;
        let sign_in = async |right: bool| {
            let mut visitor = app.visitor(Mode::Native);
            visitor.sign_in("sealed@example.org", PASSWORD).await;
            let form = visitor.begin("login", "aal=aal2").await;
            // A code is good once.
            app.clock.advance(Duration::from_mins(2));
            let code = totp::code(app, totp::SECRET, 0);
            let answer = visitor.submit(&form, json!({ "method": "totp", "totp_code": code })).await;
            assert_eq!(answer.status.is_success(), right, "{}", answer.text);
        };
        sign_in(true).await;
        rotate(app, |config| config.secrets.cipher = secrets(&[NEW_CIPHER, CIPHER])).await;
        sign_in(true).await;
        let shown = app.admin("GET", &format!("/admin/identities/{id}?include_credential=totp"), None).await.json();
        assert!(shown["credentials"]["totp"]["config"]["totp_url"].as_str().unwrap().contains(totp::SECRET));
        // Whatever is written of the credential is sealed under the new secret.
        let found = zelos_store::identities::find_with_credentials(&app.store, id.parse().unwrap()).await;
        let sealed = found.unwrap().unwrap().credential(CredentialType::Totp).unwrap().config.clone();
        assert!(!sealed.to_string().contains(totp::SECRET));
        let again = json!({ "traits": { "email": "sealed@example.org" }, "credentials": { "totp": {
            "config": { "totp_url": format!("otpauth://totp/x?secret={}", totp::SECRET) } } } });
        assert_eq!(app.admin("PUT", &format!("/admin/identities/{id}"), Some(again)).await.status, 200);
        rotate(app, |config| config.secrets.cipher = secrets(&[NEW_CIPHER])).await;
        sign_in(true).await;
        rotate(app, |config| config.secrets.cipher = secrets(&[CIPHER])).await;
        sign_in(false).await;
    })
    .await;
}

#[tokio::test]
async fn what_waits_for_a_proof_is_taken_up() {
    let privileged = json!({ "selfservice": { "flows": { "settings": { "privileged_session_max_age": "5m" } } } });
    scenario(Setup::with(privileged), async |app| {
        let email = "waits@example.org";
        app.person(email, PASSWORD).await;
        let mut visitor = app.visitor(Mode::Page);
        visitor.sign_in(email, PASSWORD).await;
        let form = visitor.begin("settings", "").await;
        app.clock.advance(Duration::from_secs(301));
        let answer = visitor.submit(&form, json!({ "method": "password", "password": NEW_PASSWORD })).await;
        let to = answer.location().strip_prefix("http://id.example.org").unwrap().to_owned();
        cookies(app, &[NEW_COOKIE, COOKIE]).await;
        let html = [("accept", "text/html")];
        let answer = visitor.send("GET", &to, &html, Body::empty()).await;
        let login = visitor.flow("login", &answer).await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        let answer = visitor.submit(&login, values).await;
        let back = answer.location().strip_prefix("http://id.example.org").unwrap().to_owned();
        visitor.send("GET", &back, &html, Body::empty()).await;
        assert_eq!(app.visitor(Mode::Native).sign_in(email, NEW_PASSWORD).await.status, 200, "the change was made");
    })
    .await;
}

#[tokio::test]
async fn letters_that_are_out_keep_their_codes() {
    let setup = Setup::with(json!({ "selfservice": {
        "flows": { "recovery": { "enabled": true, "use": "code" } }, "methods": { "code": { "enabled": true } },
    } }));
    scenario(setup, async |app| {
        for (of, works) in [(&[NEW_COOKIE, COOKIE][..], true), (&[NEW_COOKIE][..], false)] {
            cookies(app, &[COOKIE]).await;
            let email = format!("letter-{works}@example.org");
            app.person(&email, PASSWORD).await;
            let mut visitor = app.visitor(Mode::Native);
            let form = visitor.begin("recovery", "").await;
            let answer = visitor.submit(&form, json!({ "method": "code", "email": email })).await;
            let form = visitor.flow("recovery", &answer).await;
            let code = app.code(&email).await;
            cookies(app, of).await;
            let answer = visitor.submit(&form, json!({ "method": "code", "code": code })).await;
            if works {
                assert_eq!(answer.status, 422, "the way to the settings: {}", answer.text);
            } else {
                assert_eq!(answer.json()["ui"]["messages"][0]["id"], 4_060_006, "{}", answer.text);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_logout_that_was_offered_is_good() {
    scenario(Setup::default(), async |app| {
        app.person("leaves@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Page);
        visitor.sign_in("leaves@example.org", PASSWORD).await;
        let json = [("accept", "application/json")];
        let offered = visitor.send("GET", "/self-service/logout/browser", &json, Body::empty()).await.json();
        cookies(app, &[NEW_COOKIE, COOKIE]).await;
        let to = offered["logout_url"].as_str().unwrap().strip_prefix("http://id.example.org").unwrap().to_owned();
        assert_eq!(visitor.get(&to).await.status, 303);
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}
