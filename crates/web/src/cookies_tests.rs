use super::*;
use crate::testing::{config, snapshot, with};
use serde_json::json;
use time::macros::datetime;
use zelos_core::{
    id::{IdentityId, SessionId},
    rng::SeededRng,
    session::Aal,
};

const NOW: OffsetDateTime = datetime!(2030-01-02 03:04:05 UTC);

fn session() -> Session {
    Session {
        id: SessionId(uuid::Uuid::nil()),
        identity_id: IdentityId(uuid::Uuid::nil()),
        active: true,
        issued_at: NOW,
        authenticated_at: NOW,
        expires_at: NOW + time::Duration::hours(2),
        aal: Aal::Aal1,
        methods: Vec::new(),
        devices: Vec::new(),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn made(snapshot: &Snapshot, token: &str) -> String {
    let token = SessionToken::received(token);
    let cookie = hand_out(snapshot, &SeededRng::new(1), NOW, &session(), &token).unwrap();
    cookie.to_str().unwrap().to_owned()
}

fn sent(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

#[test]
fn a_session_comes_back_from_its_cookie() {
    let snapshot = snapshot(config());
    let cookie = made(&snapshot, "ory_st_a");
    assert!(!cookie.contains("ory_st_a"), "the token is sealed");
    let found = super::session(&snapshot, NOW, &sent(&[("cookie", &format!("a=b; {}", pair(&cookie)))])).unwrap();
    assert_eq!(found, SessionCookie { token: SessionToken::received("ory_st_a"), expires_at: session().expires_at });
}

#[test]
fn every_changed_byte_makes_it_no_cookie() {
    let snapshot = snapshot(config());
    let cookie = made(&snapshot, "ory_st_a");
    let (name, value) = pair(&cookie).split_once('=').unwrap();
    for at in 0..value.len() {
        let mut bytes = value.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = format!("{name}={}", String::from_utf8(bytes).unwrap());
        assert_eq!(super::session(&snapshot, NOW, &sent(&[("cookie", &changed)])), None, "byte {at}");
    }
    for value in ["", "x", "%", &value[..20]] {
        assert_eq!(super::session(&snapshot, NOW, &sent(&[("cookie", &format!("{name}={value}"))])), None);
    }
}

#[test]
fn secrets_are_rotated_without_signing_anybody_out() {
    let old = snapshot(with("secrets.cookie", json!(["the-old-secret-of-tests"])));
    let both = snapshot(with("secrets.cookie", json!(["the-new-secret-of-tests", "the-old-secret-of-tests"])));
    let new = snapshot(with("secrets.cookie", json!(["the-new-secret-of-tests"])));
    let cookie = made(&old, "ory_st_a");
    let headers = sent(&[("cookie", pair(&cookie))]);
    assert!(super::session(&both, NOW, &headers).is_some());
    assert!(super::session(&new, NOW, &headers).is_none());
}

#[test]
fn the_token_is_looked_for_in_order() {
    let snapshot = snapshot(config());
    let cookie = made(&snapshot, "cookie");
    let all = [("x-session-token", "header"), ("cookie", pair(&cookie)), ("authorization", "bearer bearer")];
    let token = |lines: &[(&'static str, &str)]| {
        let headers = sent(lines);
        let cookie = super::session(&snapshot, NOW, &headers);
        session_token(&headers, cookie.as_ref()).map(|token| token.expose().to_owned())
    };
    assert_eq!(token(&all).as_deref(), Some("header"));
    assert_eq!(token(&all[1..]).as_deref(), Some("cookie"));
    assert_eq!(token(&all[2..]).as_deref(), Some("bearer"));
    assert_eq!(token(&[("cookie", "ory_kratos_session=x"), all[2]]).as_deref(), Some("bearer"), "a broken cookie");
    assert_eq!(token(&[("x-session-token", ""), all[2]]).as_deref(), Some("bearer"));
    for value in ["Basic abc", "Bearer ", "Bearer", "Bearer a b"] {
        assert_eq!(token(&[("authorization", value)]), None, "{value}");
    }
}

#[test]
fn attributes_come_from_the_configuration() {
    let mut special = config();
    special["session"] = json!({"cookie": {"name": "mine", "persistent": false, "same_site": "Strict", "path": "/p",
        "domain": "example.org", "secure": false}});
    let snapshot = snapshot(special);
    let cookie = made(&snapshot, "t");
    assert!(cookie.starts_with("mine="), "{cookie}");
    assert!(cookie.ends_with("; Path=/p; Domain=example.org; HttpOnly; SameSite=Strict"), "{cookie}");
    let removed = take_back(&snapshot).unwrap();
    assert_eq!(
        removed,
        "mine=; Path=/p; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Strict"
    );
}

#[test]
fn expires_and_max_age_are_the_same_instant() {
    let cookie = made(&crate::testing::snapshot(config()), "t");
    let attributes = "; Path=/; Expires=Wed, 02 Jan 2030 05:04:05 GMT; Max-Age=7200; HttpOnly; Secure; SameSite=Lax";
    assert!(cookie.ends_with(attributes), "{cookie}");
}

#[test]
fn cookies_of_proxies_are_told_apart() {
    assert!(!are_foreign(&sent(&[("cookie", "__cf_bm=1; cf_clearance=2")])));
    assert!(are_foreign(&sent(&[("cookie", "__cf_bm=1; a=2")])));
    assert!(!are_foreign(&HeaderMap::new()));
}
