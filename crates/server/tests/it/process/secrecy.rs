//! What a server writes into its log while people sign up, in, and recover: at its most talkative, none of their secrets;
//! and while its traces go nowhere, that they do.

use super::{
    client::{self, Cookies},
    people::{self, PASSWORD},
    place::{Place, eventually, free_port},
};
use serde_json::{Value, json};
use zelos_core::config::admin_auth::hash;
use zelos_testkit::{MailServer, node};

const ADA: &str = "ada.lovelace@example.org";
const ADMIN_TOKEN: &str = "an-administrators-token";
const WRONG: &str = "a wrong pass phrase 17";

/// Everything that people and operators would not want to read in a log.
#[derive(Debug, Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn note(&mut self, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 6, "a secret is worth looking for: {secret:?}");
        self.0.push(secret);
    }
}

fn config(place: &Place, mail: &MailServer, format: &str, leaks: bool) -> Value {
    let mut config = place.config(&place.sqlite());
    config["log"] = json!({ "level": "trace", "format": format, "leak_sensitive_values": leaks });
    let service = &mut config["selfservice"];
    service["methods"]["code"] = json!({ "enabled": true });
    for kind in ["recovery", "verification"] {
        service["flows"][kind] = json!({ "enabled": true, "use": "code", "ui_url": "http://127.0.0.1/ui" });
    }
    let token = json!({ "name": "panel", "sha256": hash(ADMIN_TOKEN).expose(), "scopes": ["read", "write"] });
    // Its line is told at the level that all else is hidden behind.
    config["serve"]["admin"]["request_log"] = json!({ "disable_for_health": true });
    config["serve"]["admin"]["auth"] = json!({ "tokens": [token] });
    config["courier"] = json!({
        "smtp": { "connection_uri": mail.uri(), "from_address": "accounts@example.org" },
        "worker": { "pull_wait": "100ms" },
    });
    config
}

/// What native apps and administrators do.
fn as_an_app(place: &Place, secrets: &mut Secrets) {
    let signed_up = people::sign_up(place.public, ADA).unwrap();
    assert_eq!(signed_up.status, 200, "{}", signed_up.body);
    let token = signed_up.json()["session_token"].as_str().unwrap().to_owned();
    assert_eq!(people::whoami(place.public, &token).unwrap(), 200);
    secrets.note(token);
    let wrong = json!({ "method": "password", "password": WRONG, "identifier": ADA });
    let flow = client::get(place.public, "/self-service/login/api").unwrap().json();
    let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
    assert_eq!(client::send(place.public, "POST", &path, &[], &wrong.to_string()).unwrap().status, 400);
    for token in [ADMIN_TOKEN, "a-guessed-admin-token"] {
        client::send(place.admin, "GET", "/admin/identities", &[("Authorization", &format!("Bearer {token}"))], "")
            .unwrap();
        secrets.note(token);
    }
}

/// What browsers do; the token to sign out.
fn as_a_browser(place: &Place, secrets: &mut Secrets) -> String {
    let mut browser = Cookies::default();
    let flow = browser.send(place.public, "GET", "/self-service/login/browser", "application/json", "{}").json();
    let csrf = node(&flow, "csrf_token")["attributes"]["value"].as_str().unwrap().to_owned();
    let right = json!({ "method": "password", "password": PASSWORD, "identifier": ADA, "csrf_token": csrf });
    let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
    let answer = browser.send(place.public, "POST", &path, "application/json", &right.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let logout = browser.send(place.public, "GET", "/self-service/logout/browser", "application/json", "").json();
    let token = logout["logout_token"].as_str().unwrap().to_owned();
    browser.send(place.public, "GET", &format!("/self-service/logout?token={token}"), "text/html", "");
    secrets.note(csrf);
    browser.0.into_values().filter(|value| !value.is_empty()).for_each(|cookie| secrets.note(cookie));
    token
}

/// What somebody does who has forgotten their password.
fn recovers(place: &Place, mail: &MailServer, secrets: &mut Secrets) {
    let flow = client::get(place.public, "/self-service/recovery/api").unwrap().json();
    let path = format!("/self-service/recovery?flow={}", flow["id"].as_str().unwrap());
    let ask = json!({ "method": "code", "email": ADA }).to_string();
    assert_eq!(client::send(place.public, "POST", &path, &[], &ask).unwrap().status, 200);
    let code = eventually("a code comes by mail", || {
        let mails = mail.mails();
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        let bodies: Vec<String> = mails.iter().map(|mail| format!("{mail:?}")).collect();
        let codes = bodies.iter().map(|body| body.split(|c: char| !c.is_ascii_alphanumeric()).find(is_code));
        codes.flatten().map(str::to_owned).next_back()
    });
    let answer = client::send(place.public, "POST", &path, &[], &json!({ "method": "code", "code": code }).to_string());
    assert!(answer.unwrap().status < 500);
    secrets.note(code);
}

fn log_of(format: &str, leaks: bool) -> (String, Secrets, String) {
    let (place, mail) = (Place::new(), MailServer::obliging());
    let mut server = place.serve_with(&config(&place, &mail, format, leaks));
    let mut secrets = Secrets::default();
    for secret in [PASSWORD, WRONG, ADA, "a-cookie-secret-for-tests", "a-cipher-secret-for-tests-32-lon"] {
        secrets.note(secret);
    }
    as_an_app(&place, &mut secrets);
    let token = as_a_browser(&place, &mut secrets);
    recovers(&place, &mail, &mut secrets);
    server.terminate();
    (server.end().log, secrets, token)
}

#[test]
fn no_secret_is_in_the_log_however_much_is_told() {
    for format in ["json", "text"] {
        let (log, mut secrets, token) = log_of(format, false);
        assert!(log.contains("/self-service/recovery") && log.contains("TRACE"), "{log}");
        secrets.note(token);
        for secret in &secrets.0 {
            assert!(!log.contains(secret.as_str()), "{format}: {secret} in {log}");
        }
    }
}

#[test]
fn what_stands_in_addresses_is_shown_to_whoever_wants_that() {
    let (log, secrets, token) = log_of("json", true);
    assert!(log.contains(&token), "{log}");
    // What stands nowhere but in bodies and headers still is not.
    for secret in secrets.0.iter().filter(|secret| **secret != token) {
        assert!(!log.contains(secret.as_str()), "{secret} in {log}");
    }
}

#[test]
fn a_collector_that_is_away_is_told_once_and_stops_nothing() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    let collector = format!("127.0.0.1:{}", free_port());
    config["tracing"] =
        json!({ "provider": "otel", "providers": { "otlp": { "server_url": collector, "insecure": true } } });
    let mut server = place.serve_with(&config);
    assert_eq!(people::sign_up(place.public, ADA).unwrap().status, 200);
    server.wait_for_log("the collector takes no traces");
    assert_eq!(people::sign_in(place.public, ADA).unwrap().status, 200);
    server.terminate();
    let ended = server.end();
    assert_eq!((ended.code, ended.log.matches("the collector takes no traces").count()), (Some(0), 1), "{}", ended.log);
    config["tracing"]["providers"]["otlp"]["server_url"] = json!("");
    place.write(&config);
    let refused = place.run("serve -c kratos.yml --dev", &[]);
    assert!(refused.code != Some(0) && refused.log.contains("tracing.providers.otlp.server_url"), "{}", refused.log);
}
