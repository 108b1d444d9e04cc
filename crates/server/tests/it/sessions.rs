//! Sessions: how they are carried, how long they hold, how they end.

use crate::wire::PASSWORD;
use axum::body::Body;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_store::Dialect;
use zelos_testkit::{Mode, Setup, scenario, scenario_for_each};

#[tokio::test]
async fn a_session_ends_with_its_time() {
    let setup = Setup::with(json!({ "session": { "lifespan": "1h" } }));
    scenario_for_each(setup, async |app, mut visitor| {
        let email = format!("hour-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        app.clock.advance(Duration::from_secs(3599));
        assert_eq!(visitor.whoami().await.status, 200);
        app.clock.advance(Duration::from_secs(1));
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_taken_from_header_cookie_or_bearer_and_from_nowhere_else() {
    scenario(Setup::default(), async |app| {
        app.person("carry@example.org", PASSWORD).await;
        let mut native = app.visitor(Mode::Native);
        native.sign_in("carry@example.org", PASSWORD).await;
        let token = native.token.clone().unwrap();
        let bearer = format!("Bearer {token}");
        let mut stranger = app.visitor(Mode::Native);
        for (headers, status) in [
            (vec![("x-session-token", token.as_str())], 200),
            (vec![("authorization", bearer.as_str())], 200),
            (vec![("cookie", "ory_kratos_session=broken"), ("authorization", bearer.as_str())], 200),
            (vec![("x-session-token", "ory_st_nothing")], 401),
            (vec![("authorization", "Basic YTpi")], 401),
            (vec![("cookie", "ory_kratos_session=broken")], 401),
        ] {
            let answer = stranger.send("GET", "/sessions/whoami", &headers, Body::empty()).await;
            assert_eq!(answer.status, status, "{headers:?}");
        }
        let raw = format!("ory_kratos_session={token}");
        let answer = stranger.send("GET", "/sessions/whoami", &[("cookie", &raw)], Body::empty()).await;
        assert_eq!(answer.status, 401, "a bare token is no cookie of ours");
    })
    .await;
}

#[tokio::test]
async fn a_tampered_cookie_is_no_session() {
    scenario(Setup::default(), async |app| {
        app.person("tamper@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        visitor.sign_in("tamper@example.org", PASSWORD).await;
        let cookie = visitor.cookies["ory_kratos_session"].clone();
        for at in [0, cookie.len() / 2, cookie.len() - 2] {
            let mut broken = cookie.clone().into_bytes();
            broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
            visitor.cookies.insert("ory_kratos_session".to_owned(), String::from_utf8(broken).unwrap());
            assert_eq!(visitor.whoami().await.status, 401, "byte {at}");
        }
        visitor.cookies.insert("ory_kratos_session".to_owned(), cookie);
        assert_eq!(visitor.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_person_ends_their_other_sessions() {
    scenario(Setup::default(), async |app| {
        app.person("list@example.org", PASSWORD).await;
        app.person("foreign@example.org", PASSWORD).await;
        let mut foreign = app.visitor(Mode::Native);
        foreign.sign_in("foreign@example.org", PASSWORD).await;
        let (mut first, mut second, mut third) =
            (app.visitor(Mode::Native), app.visitor(Mode::Spa), app.visitor(Mode::Native));
        for visitor in [&mut first, &mut second, &mut third] {
            visitor.sign_in("list@example.org", PASSWORD).await;
            app.clock.advance(Duration::from_secs(1));
        }
        let id = async |visitor: &mut zelos_testkit::Persona| {
            visitor.whoami().await.json()["id"].as_str().unwrap().to_owned()
        };
        let listed = third.get("/sessions").await.json();
        let ids: Vec<_> = listed.as_array().unwrap().iter().map(|session| session["id"].clone()).collect();
        assert_eq!(ids, [json!(id(&mut second).await), json!(id(&mut first).await)], "newest first, not the own one");

        let end = format!("/sessions/{}", id(&mut foreign).await);
        assert_eq!(third.send("DELETE", &end, &[], Body::empty()).await.status, 204);
        assert_eq!(foreign.whoami().await.status, 200, "somebody else's session stays");
        let end = format!("/sessions/{}", id(&mut third).await);
        assert_eq!(third.send("DELETE", &end, &[], Body::empty()).await.status, 400, "one's own is for the logout");
        let end = format!("/sessions/{}", id(&mut first).await);
        assert_eq!(third.send("DELETE", &end, &[], Body::empty()).await.status, 204);
        assert_eq!(first.whoami().await.status, 401);
        let answer = third.send("DELETE", "/sessions", &[], Body::empty()).await;
        assert_eq!(answer.json(), json!({ "count": 2 }), "those that had ended before count too");
        assert_eq!(second.whoami().await.status, 401);
        assert_eq!(third.whoami().await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_browser_signs_out_with_its_own_token_only() {
    scenario(Setup::default(), async |app| {
        app.person("out@example.org", PASSWORD).await;
        let (mut visitor, mut other) = (app.visitor(Mode::Spa), app.visitor(Mode::Spa));
        visitor.sign_in("out@example.org", PASSWORD).await;
        other.sign_in("out@example.org", PASSWORD).await;
        let logout = visitor.get("/self-service/logout/browser").await.json();
        let foreign = other.get("/self-service/logout/browser").await.json();
        let path = |logout: &Value| format!("/self-service/logout?token={}", logout["logout_token"].as_str().unwrap());
        assert_eq!(visitor.get("/self-service/logout").await.status, 400);
        assert_eq!(visitor.get(&path(&foreign)).await.status, 403);
        assert_eq!(visitor.whoami().await.status, 200);
        assert_eq!(visitor.get(&path(&logout)).await.status, 204);
        assert_eq!(visitor.whoami().await.status, 401);
        assert_eq!(other.whoami().await.status, 200);
        assert_eq!(visitor.get("/self-service/logout/browser").await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_native_app_signs_out_with_its_session_token() {
    scenario(Setup::default(), async |app| {
        app.person("app@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("app@example.org", PASSWORD).await;
        let body = json!({ "session_token": visitor.token }).to_string();
        let json = [("content-type", "application/json")];
        for _ in 0..2 {
            let answer = visitor.send("DELETE", "/self-service/logout/api", &json, body.clone()).await;
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        }
        assert_eq!(visitor.whoami().await.status, 401);
        let unknown = json!({ "session_token": "nope" }).to_string();
        assert_eq!(visitor.send("DELETE", "/self-service/logout/api", &json, unknown).await.status, 403);
    })
    .await;
}

#[tokio::test]
async fn tokens_are_stored_as_hashes_only() {
    scenario(Setup::default(), async |app| {
        app.person("hash@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("hash@example.org", PASSWORD).await;
        let token = zelos_core::session::SessionToken::received(visitor.token.as_deref().unwrap());
        let stored = app
            .store
            .all("SELECT token_hash FROM sessions WHERE active = TRUE", &[], |row| row.get::<Vec<u8>>(0))
            .await
            .unwrap();
        assert_eq!(stored, [token.hash().to_vec()]);
    })
    .await;
}

#[tokio::test]
async fn the_hot_paths_take_as_few_statements_as_promised() {
    scenario(Setup::default(), async |app| {
        app.person("count@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        // What is to be written takes one round trip, and on MySQL one for each statement, BEGIN and COMMIT.
        let batch = |statements: u64| if app.store.dialect() == Dialect::MySql { statements + 2 } else { 1 };
        let before = app.store.trace().total_round_trips();
        let values = json!({ "method": "password", "identifier": "count@example.org", "password": "wrong" });
        assert_eq!(visitor.submit(&flow, values).await.status, 400);
        let wrong = app.store.trace().total_round_trips() - before;
        assert_eq!(wrong, 2 + batch(3), "a wrong guess is counted with the flow");

        let before = app.store.trace().total_round_trips();
        let values = json!({ "method": "password", "identifier": "count@example.org", "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        visitor.keep_token(&answer);
        let after = app.store.trace().total_round_trips();
        assert_eq!(after - before, 2 + batch(5), "login: the flow, the person, then one batch");
        assert_eq!(visitor.whoami().await.status, 200);
        assert_eq!(app.store.trace().total_round_trips() - after, 1, "whoami: one");

        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        let before = app.store.trace().total_round_trips();
        let traits = json!({ "email": "counted@example.org" });
        let answer =
            visitor.submit(&flow, json!({ "method": "password", "traits": traits, "password": PASSWORD })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(
            app.store.trace().total_round_trips() - before,
            1 + batch(8),
            "registration: the flow, then one batch"
        );
    })
    .await;
}
