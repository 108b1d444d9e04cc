//! What people do, as a native app does it for them; and what an administrator sees of them afterwards.

use super::client::{self, Answer};
use serde_json::{Value, json};
use std::{collections::BTreeMap, io};

pub(super) const PASSWORD: &str = "a long pass phrase 93";

/// Somebody signs up. An answer that is not 200 to the first of the two requests is the answer.
pub(super) fn sign_up(port: u16, email: &str) -> io::Result<Answer> {
    let body = json!({ "method": "password", "password": PASSWORD, "traits": { "email": email } });
    submit(port, "registration", &body)
}

/// Somebody signs in.
pub(super) fn sign_in(port: u16, email: &str) -> io::Result<Answer> {
    submit(port, "login", &json!({ "method": "password", "password": PASSWORD, "identifier": email }))
}

fn submit(port: u16, kind: &str, body: &Value) -> io::Result<Answer> {
    let flow = client::get(port, &format!("/self-service/{kind}/api"))?;
    if flow.status != 200 {
        return Ok(flow);
    }
    let path = format!("/self-service/{kind}?flow={}", flow.json()["id"].as_str().unwrap_or_default());
    client::send(port, "POST", &path, &[], &body.to_string())
}

/// The status of `whoami` with a session token.
pub(super) fn whoami(port: u16, token: &str) -> io::Result<u16> {
    Ok(client::send(port, "GET", "/sessions/whoami", &[("X-Session-Token", token)], "")?.status)
}

/// Who tried to sign up, and to whom it was said that it was done, with the token of the session.
#[derive(Debug, Default)]
pub(super) struct SignUps {
    pub(super) tried: Vec<String>,
    pub(super) done: BTreeMap<String, String>,
}

impl SignUps {
    /// Notes what came of a try.
    pub(super) fn note(&mut self, email: &str, answer: &Answer) {
        if answer.status == 200 {
            let token = answer.json()["session_token"].as_str().unwrap().to_owned();
            self.done.insert(email.to_owned(), token);
        }
    }

    /// Nothing that was acknowledged is lost, and everybody else is here as a whole or not at all.
    pub(super) fn check(&self, public: u16, admin: u16) {
        let people = identities(admin);
        for (email, token) in &self.done {
            assert!(people.contains_key(email), "{email} was told to be registered and is not");
            assert_eq!(whoami(public, token).unwrap(), 200, "the session of {email}");
        }
        for email in &self.tried {
            let Some(person) = people.get(email) else {
                // Had anything been left of the try, the address would count as taken.
                let again = sign_up(public, email).unwrap();
                assert_eq!(again.status, 200, "{email} cannot register again: {}", again.body);
                continue;
            };
            assert_eq!(person["credentials"]["password"]["identifiers"], json!([email]), "{person}");
            for addresses in ["verifiable_addresses", "recovery_addresses"] {
                assert_eq!(person[addresses][0]["value"], email.as_str(), "{addresses} of {person}");
            }
            let signed_in = sign_in(public, email).unwrap();
            assert_eq!(signed_in.status, 200, "{email} is registered but cannot sign in: {}", signed_in.body);
        }
        let strangers: Vec<_> = people.keys().filter(|email| !self.tried.contains(email)).collect();
        assert!(strangers.is_empty(), "{strangers:?}");
    }
}

/// Everybody, by address.
pub(super) fn identities(admin: u16) -> BTreeMap<String, Value> {
    let mut people = BTreeMap::new();
    let mut page = String::new();
    loop {
        let path = format!("/admin/identities?page_size=200&include_credential=password{page}");
        let answer = client::get(admin, &path).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        for person in answer.json().as_array().unwrap() {
            people.insert(person["traits"]["email"].as_str().unwrap().to_owned(), person.clone());
        }
        let links = answer.headers("link").join(",");
        let Some(next) = links.split(',').find(|link| link.contains("rel=\"next\"")) else { return people };
        let token = next.split("page_token=").nth(1).unwrap().split(['&', '>']).next().unwrap();
        page = format!("&page_token={token}");
    }
}
