use super::*;
use crate::testing::{config, snapshot, with};
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

/// Made by a Kratos at that time.
const COOKIE: &str = "MTc5NTYyNDA2M3xSZHFoOXIxM1l0dGVrakROZl9wQU1OMTU3WGphclNuOVVUT1NmNUdaSFd2OE03aTktQWtnSHhlX3Z1TTZQcnFtS3ZrSlRCNVVOZlp5dldVOGFGYmdUcFZiaGo2eGphWFYyU0RmbXZ4bnhOenBaYzZBc3cwX1ZIYXNxX1pKWmZvdGhqSkpKRmtJUENlaldUNllYT1BQaS0yeVFQb2tuT3NDTTFpejB1M3Z1cUJISWFRYnBrZ2hoTldPRlZldXRBT0VnTWpONEgxOGIwelp4SEo4bTRDdFhfVkllUVVYc3NxSlZaZG9oZkVIY3p0S2lCUktVMFoxS1Y3QzZGNUlIQWJqMklDaHAzNEMxeTZITTQxbzFjRT18Zx_N7-2mRTwUpMRKAGHTL8VhlMCreXLk5J6VSC8l8U8=";
const MADE_AT: OffsetDateTime = datetime!(2026-11-25 16:27:43 UTC);
const TOKEN_IN_IT: &str = "ory_st_4Y3DH725MeyQkjcAca8D8syliNant9Qc";
const SECRET: &str = "a-cookie-secret-for-tests";
const NAME: &str = "ory_kratos_session";

fn secrets(secrets: &[&str]) -> Snapshot {
    snapshot(with("secrets.cookie", json!(secrets)))
}

fn token(snapshot: &Snapshot, now: OffsetDateTime, name: &str, value: &str) -> Option<String> {
    open(snapshot, now, name, value).map(|cookie| cookie.token.expose().to_owned())
}

/// A cookie as Kratos would make it, around any content.
fn sealed(secret: &str, plain: &[u8]) -> String {
    let iv = [7; IV];
    let mut content = plain.to_vec();
    counter_mode(&Secret::new(secret), iv, &mut content);
    let content = URL_SAFE.encode([&iv[..], &content].concat());
    let signed = format!("{}|{content}", MADE_AT.unix_timestamp());
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let tag = mac.chain_update(format!("{NAME}|{signed}")).finalize().into_bytes();
    URL_SAFE.encode([signed.as_bytes(), b"|", &tag].concat())
}

/// The map of a real cookie.
fn plain() -> Vec<u8> {
    let bytes = URL_SAFE.decode(COOKIE).unwrap();
    let content = bytes.splitn(3, |byte| *byte == b'|').nth(1).unwrap();
    decrypted(&Secret::new(SECRET), content).unwrap().to_vec()
}

#[test]
fn a_cookie_of_kratos_is_read() {
    let found = open(&secrets(&[SECRET]), MADE_AT, NAME, COOKIE).unwrap();
    assert_eq!(found.token.expose(), TOKEN_IN_IT);
    assert_eq!(found.expires_at, OffsetDateTime::UNIX_EPOCH, "ours takes its place");
}

#[test]
fn only_under_our_secrets_and_that_name() {
    let found = |secrets: &[&str], name: &str| token(&self::secrets(secrets), MADE_AT, name, COOKIE).is_some();
    assert!(found(&["the-new-secret-of-tests", SECRET], NAME));
    assert!(!found(&["the-new-secret-of-tests"], NAME));
    assert!(!found(&[SECRET], "another_name"));
}

#[test]
fn every_changed_byte_makes_it_no_cookie() {
    let snapshot = secrets(&[SECRET]);
    let bytes = URL_SAFE.decode(COOKIE).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_eq!(token(&snapshot, MADE_AT, NAME, &URL_SAFE.encode(&changed)), None, "byte {at}");
        assert_eq!(token(&snapshot, MADE_AT, NAME, &URL_SAFE.encode(&bytes[..at])), None, "cut at {at}");
    }
    for value in ["", "=", "a|b|c", COOKIE.trim_end_matches('='), &COOKIE.repeat(20)] {
        assert_eq!(token(&snapshot, MADE_AT, NAME, value), None);
    }
}

#[test]
fn it_is_good_as_long_as_sessions_last() {
    let mut lasting = config();
    lasting["secrets"] = json!({ "cookie": [SECRET] });
    lasting["session"] = json!({ "lifespan": "2h" });
    let until = |config: &serde_json::Value, now| token(&snapshot(config.clone()), now, NAME, COOKIE).is_some();
    assert!(until(&lasting, MADE_AT + time::Duration::hours(2)));
    assert!(!until(&lasting, MADE_AT + time::Duration::hours(2) + time::Duration::SECOND));
    lasting["session"]["cookie"] = json!({ "persistent": false });
    assert!(until(&lasting, MADE_AT + time::Duration::days(30)));
    assert!(!until(&lasting, MADE_AT + time::Duration::days(31)));
}

#[test]
fn what_is_signed_may_be_nonsense() {
    let snapshot = secrets(&[SECRET]);
    let plain = plain();
    assert_eq!(token(&snapshot, MADE_AT, NAME, &sealed(SECRET, &plain)).as_deref(), Some(TOKEN_IN_IT));
    for at in 0..plain.len() {
        let _ = open(&snapshot, MADE_AT, NAME, &sealed(SECRET, &plain[..at]));
        for byte in [0, 1, 0x7f, 0x80, 0xf7, 0xf8, 0xff] {
            let mut changed = plain.clone();
            changed[at] = byte;
            let _ = open(&snapshot, MADE_AT, NAME, &sealed(SECRET, &changed));
        }
    }
    let text = |text: &str| {
        [
            b"\x06string\x0c",
            &[u8::try_from(text.len()).unwrap() + 2, 0, u8::try_from(text.len()).unwrap()][..],
            text.as_bytes(),
        ]
        .concat()
    };
    let map = |members: &[Vec<u8>]| {
        let body = [&[4, 0, u8::try_from(members.len() / 2).unwrap()][..], &members.concat()].concat();
        [&[u8::try_from(body.len()).unwrap()][..], &body].concat()
    };
    let number = b"\x03int\x04\x02\x00\x02".to_vec();
    let read = |stream: &[u8]| token(&snapshot, MADE_AT, NAME, &sealed(SECRET, stream));
    assert_eq!(read(&map(&[number.clone(), text("x"), text("session_token"), text("t")])).as_deref(), Some("t"));
    assert_eq!(read(&map(&[vec![0], vec![0], text("session_token"), text("t")])).as_deref(), Some("t"), "nil");
    assert_eq!(read(&map(&[text("session_token"), number])), None);
    assert_eq!(read(&map(&[text("session_token"), text("")])), None);
    assert_eq!(read(&map(&[text("another"), text("t")])), None);
    assert_eq!(read(&map(&[])), None);
}

proptest! {
    #[test]
    fn no_content_is_too_strange(stream in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = gob::text_of(&stream, TOKEN);
    }
}
