//! Tokens of pages: they lead on in their own list and nowhere else, whatever is done to them.

use crate::wire::PASSWORD;
use serde_json::json;
use std::time::Duration;
use zelos_testkit::{App, Mode, Setup, scenario};

const LISTS: [&str; 4] = ["/admin/identities", "/admin/sessions", "/admin/courier/messages", "/admin/audit/events"];

/// Two people with a session and a letter each, so that every list has a second page.
async fn fill(app: &App) {
    for email in ["first@example.org", "second@example.org"] {
        app.person(email, PASSWORD).await;
        app.clock.advance(Duration::from_secs(1));
        app.visitor(Mode::Native).sign_in(email, PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let form = visitor.begin("recovery", "").await;
        visitor.submit(&form, json!({ "method": "code", "email": email })).await;
    }
}

fn setup() -> Setup {
    Setup::with(json!({ "selfservice": {
        "methods": { "code": { "enabled": true } }, "flows": { "recovery": { "enabled": true } },
    } }))
}

fn token_in(links: &str) -> String {
    let link = links.split(',').find(|link| link.ends_with("rel=\"next\"")).expect("there is a next page");
    let query = link.split_once("page_token=").unwrap().1;
    query.split(['&', '>']).next().unwrap().to_owned()
}

async fn next(app: &App, list: &str) -> String {
    let answer = app.admin("GET", &format!("{list}?page_size=1"), None).await;
    assert_eq!(answer.status, 200, "{list}: {}", answer.text);
    token_in(answer.header("link"))
}

async fn status(app: &App, list: &str, token: &str) -> u16 {
    app.admin("GET", &format!("{list}?page_size=1&page_token={token}"), None).await.status.as_u16()
}

#[tokio::test]
async fn a_token_is_good_for_its_own_list_only() {
    scenario(setup(), async |app| {
        fill(app).await;
        let mut tokens = Vec::new();
        for list in LISTS {
            tokens.push((list, next(app, list).await));
        }
        for (list, token) in &tokens {
            for (other, _) in &tokens {
                let expected = if list == other { 200 } else { 400 };
                assert_eq!(status(app, other, token).await, expected, "{list}'s token at {other}");
            }
            let shown = String::from_utf8_lossy(&base64_url(token)).into_owned();
            assert!(!shown.contains("created_at") && !shown.contains("id="), "{list}: no names of columns");
            assert!(!token.contains('-') || uuid(token).is_none(), "{list}: no id in clear");
        }
    })
    .await;
}

#[tokio::test]
async fn a_forged_or_cut_token_is_refused() {
    scenario(setup(), async |app| {
        fill(app).await;
        for list in LISTS {
            let token = next(app, list).await;
            let mut flipped = token.clone().into_bytes();
            let last = flipped.len() - 2;
            flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
            let somebody = app.admin("GET", "/admin/identities", None).await.json()[0]["id"].clone();
            let plain =
                "aWQ9MDE5MDAwMDAtMDAwMC03MDAwLTgwMDAtMDAwMDAwMDAwMDAwL2NyZWF0ZWRfYXQ9MjAyNi0wMS0wMSAwMDowMDowMA";
            for forged in [
                String::from_utf8(flipped).unwrap(),
                token[..token.len() - 1].to_owned(),
                token[..8].to_owned(),
                format!("{token}{token}"),
                "x".to_owned(),
                "%00".to_owned(),
                somebody.as_str().unwrap().to_owned(),
                plain.to_owned(),
                "A".repeat(8000),
            ] {
                let answer = app.admin("GET", &format!("{list}?page_size=1&page_token={forged}"), None).await;
                assert_eq!(answer.status, 400, "{list}: {forged}");
                assert_eq!(answer.json()["error"]["code"], 400);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn sizes_are_what_the_wire_makes_of_them() {
    scenario(setup(), async |app| {
        fill(app).await;
        for list in LISTS {
            // What happened to two people is more than two things.
            let whole = app.admin("GET", list, None).await.json().as_array().map(Vec::len);
            assert!(whole == Some(2) || list == "/admin/audit/events" && whole > Some(2), "{list}: {whole:?}");
            for (size, status) in [
                ("0", 200),
                ("-1", 200),
                ("9223372036854775807", 200),
                ("100000000000000000000", 400),
                ("1.5", 400),
                ("x", 400),
            ] {
                let answer = app.admin("GET", &format!("{list}?page_size={size}"), None).await;
                assert_eq!(answer.status, status, "{list}: {size}");
                if status == 200 {
                    assert_eq!(answer.json().as_array().map(Vec::len), whole, "{list}: {size}");
                }
            }
        }
        for size in ["0", "-1", "100000000000000000000", "x"] {
            let answer = app.admin("GET", &format!("/admin/identities?page=0&per_page={size}"), None).await;
            assert_eq!(answer.status, 200, "by number: {size}");
        }
    })
    .await;
}

fn base64_url(text: &str) -> Vec<u8> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}

fn uuid(text: &str) -> Option<uuid::Uuid> {
    text.parse().ok()
}
