//! What all flows have in common: who may use them, how long, and where they lead.

use crate::wire::{PASSWORD, refused};
use axum::body::Body;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Mode, Setup, node, scenario, scenario_for_each};

fn login(email: &str) -> Value {
    json!({ "method": "password", "identifier": email, "password": PASSWORD })
}

#[tokio::test]
async fn a_browser_flow_belongs_to_its_browser_and_a_native_one_to_whoever_knows_it() {
    scenario(Setup::default(), async |app| {
        for kind in ["login", "registration"] {
            let flow = app.visitor(Mode::Spa).begin(kind, "").await;
            let mut other = app.visitor(Mode::Spa);
            let answer = other.fetch(kind, flow["id"].as_str().unwrap()).await;
            assert_eq!(answer.status, 403);
            assert_eq!(answer.json()["error"]["id"], "security_csrf_violation");
            other.begin(kind, "").await;
            assert_eq!(other.fetch(kind, flow["id"].as_str().unwrap()).await.status, 403, "a cookie of its own");

            let flow = app.visitor(Mode::Native).begin(kind, "").await;
            let answer = app.visitor(Mode::Native).fetch(kind, flow["id"].as_str().unwrap()).await;
            assert_eq!(answer.json()["id"], flow["id"]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_flow_of_one_kind_is_none_of_another() {
    scenario(Setup::default(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let id = flow["id"].as_str().unwrap();
        for unknown in [id, "00000000-0000-4000-8000-000000000000", "not-a-uuid", ""] {
            assert_eq!(visitor.fetch("registration", unknown).await.status, 404, "{unknown}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_submission_without_the_browsers_token_is_refused() {
    scenario(Setup::default(), async |app| {
        app.person("csrf@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("login", "").await;
        let foreign = app.visitor(Mode::Spa).begin("login", "").await;
        for token in [json!(""), json!("x"), node(&foreign, "csrf_token")["attributes"]["value"].clone()] {
            let mut values = login("csrf@example.org");
            values["csrf_token"] = token;
            let answer = visitor.submit(&flow, values).await;
            assert_eq!(answer.status, 403);
            assert_eq!(answer.json()["error"]["id"], "security_csrf_violation");
            assert!(answer.json()["error"]["details"]["reject_reason"].is_string());
        }
        let mut page = app.visitor(Mode::Page);
        let flow = page.begin("login", "").await;
        let mut values = login("csrf@example.org");
        values["csrf_token"] = json!("x");
        let answer = page.submit(&flow, values).await;
        assert_eq!(answer.status, 303);
        let id = answer.location_query("id").unwrap();
        let told = page.get(&format!("/self-service/errors?id={id}")).await.json();
        assert_eq!((&told["error"]["id"], &told["error"]["code"]), (&json!("security_csrf_violation"), &json!(403)));
        assert_eq!(page.whoami().await.status, 401);
    })
    .await;
}

#[tokio::test]
async fn a_native_flow_takes_nothing_that_looks_like_a_browser() {
    scenario(Setup::default(), async |app| {
        app.person("native@example.org", PASSWORD).await;
        for (header, value, status) in [
            ("origin", "https://spa.example.org", 400),
            ("cookie", "a=b", 400),
            ("cookie", "__cfduid=1; _cf_bm=2; cf_clearance=3", 200),
        ] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("login", "").await;
            let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
            let headers = [("content-type", "application/json"), (header, value)];
            let answer = visitor.send("POST", &path, &headers, login("native@example.org").to_string()).await;
            assert_eq!(answer.status, status, "{header}: {value}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn the_secret_changes_with_the_person_in_front_of_the_browser() {
    scenario(Setup::default(), async |app| {
        app.person("rotate@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Spa);
        let secret = |visitor: &zelos_testkit::Persona| {
            visitor.cookies.iter().find(|(name, _)| name.starts_with("csrf_token_")).unwrap().1.clone()
        };
        visitor.begin("login", "").await;
        let before = secret(&visitor);
        visitor.begin("registration", "").await;
        assert_eq!(secret(&visitor), before);
        visitor.sign_in("rotate@example.org", PASSWORD).await;
        let signed_in = secret(&visitor);
        assert_ne!(signed_in, before);
        let logout = visitor.get("/self-service/logout/browser").await.json();
        let token = logout["logout_token"].as_str().unwrap().to_owned();
        visitor.get(&format!("/self-service/logout?token={token}")).await;
        assert_ne!(secret(&visitor), signed_in);
    })
    .await;
}

#[tokio::test]
async fn an_old_flow_is_replaced_and_says_so() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        for (kind, id, values) in [
            ("login", 4_010_001, login("x@example.org")),
            (
                "registration",
                4_040_001,
                json!({ "method": "password", "traits": { "email": "x@example.org" }, "password": PASSWORD }),
            ),
        ] {
            let flow = visitor.begin(kind, "return_to=http://ui.example.org/back").await;
            app.clock.advance(Duration::from_secs(3601));
            let fetched = visitor.fetch(kind, flow["id"].as_str().unwrap()).await;
            assert_eq!(fetched.status, 410);
            assert_eq!(fetched.json()["error"]["id"], "self_service_flow_expired");
            if visitor.mode != Mode::Native {
                let details = &fetched.json()["error"]["details"];
                assert_eq!(details["return_to"], "http://ui.example.org/back");
            }
            let answer = visitor.submit(&flow, values).await;
            let new = if visitor.mode == Mode::Page {
                assert_eq!(answer.status, 303, "{}", answer.text);
                answer.location_query("flow").unwrap()
            } else {
                assert_eq!(answer.status, 410);
                assert!(answer.json()["since"].as_i64().unwrap() > 0);
                answer.json()["use_flow_id"].as_str().unwrap().to_owned()
            };
            let new = visitor.fetch(kind, &new).await.json();
            assert_eq!(new["ui"]["messages"][0]["id"], id);
            assert_eq!(new["return_to"], "http://ui.example.org/back");
            assert_eq!(new["type"], flow["type"]);
        }
    })
    .await;
}

#[tokio::test]
async fn browsers_are_sent_to_allowed_addresses_only() {
    scenario_for_each(Setup::default(), async |app, mut visitor| {
        for bad in [
            "https://evil.example.com/",
            "//evil.example.com",
            "javascript:alert(1)",
            "http://ui.example.org.evil.com/",
        ] {
            let answer = visitor.start("login", &format!("return_to={bad}")).await;
            if visitor.mode == Mode::Page {
                assert!(answer.location().starts_with("http://ui.example.org/error?id="), "{bad}");
            } else {
                assert_eq!(answer.json()["error"]["id"], "self_service_flow_return_to_forbidden", "{bad}");
            }
        }
        let email = format!("back-{:?}@example.org", visitor.mode).to_lowercase();
        app.person(&email, PASSWORD).await;
        let flow = visitor.begin("login", "return_to=http://ui.example.org/back?a=b").await;
        let answer =
            visitor.submit(&flow, json!({ "method": "password", "identifier": email, "password": "no" })).await;
        let flow = refused(&mut visitor, "login", &answer).await;
        let answer = visitor.submit(&flow, login(&email)).await;
        match visitor.mode {
            Mode::Page => assert_eq!(answer.location(), "http://ui.example.org/back?a=b"),
            Mode::Spa => {
                assert_eq!(answer.json()["continue_with"][0]["redirect_browser_to"], "http://ui.example.org/back?a=b");
            }
            Mode::Native => assert_eq!(answer.status, 200),
        }
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_becomes_a_message_and_loses_nothing() {
    scenario(Setup::default(), async |app| {
        app.person("read@example.org", PASSWORD).await;
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("login", "").await;
        let path = format!("/self-service/login?flow={}", flow["id"].as_str().unwrap());
        for (content, body) in [
            ("application/json", "{"),
            ("application/json", ""),
            ("application/json", "[]"),
            ("application/json", "\u{0}"),
            ("application/json", deep.as_str()),
            ("text/plain", "{}"),
            ("multipart/form-data; boundary=x", "--x\r\nbroken"),
        ] {
            let answer = visitor.send("POST", &path, &[("content-type", content)], body.to_owned()).await;
            assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_001]), "{content} {body:.20}");
        }
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(5 << 20));
        let answer = visitor.send("POST", &path, &[("content-type", "application/json")], large).await;
        assert_eq!(answer.status, 413);
        assert_eq!(visitor.submit(&flow, login("read@example.org")).await.status, 200, "the flow is still good");
    })
    .await;
}

#[tokio::test]
async fn names_with_dots_are_nested_and_the_last_of_two_json_members_counts() {
    scenario(Setup::default(), async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        let path = format!("/self-service/registration?flow={}", flow["id"].as_str().unwrap());
        let body = format!(
            r#"{{"method":"nope","method":"password","traits.email":"dots@example.org","traits":{{"name":"D"}},"password":"{PASSWORD}"}}"#
        );
        let answer = visitor.send("POST", &path, &[("content-type", "application/json")], body).await;
        assert_eq!(answer.json()["identity"]["traits"], json!({ "name": "D", "email": "dots@example.org" }), "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn huge_passwords_cost_no_hash_and_bcrypts_limit_is_said() {
    scenario(Setup::default(), async |app| {
        app.person("long@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        let huge = "x".repeat(60 << 10);
        let flow = visitor.begin("login", "").await;
        let values = json!({ "method": "password", "identifier": "long@example.org", "password": huge });
        let answer = visitor.submit(&flow, values).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (400, vec![4_000_006]));
        for (length, id) in [(73, 4_000_033), (4 << 20, 4_000_033)] {
            let flow = visitor.begin("registration", "").await;
            let traits = json!({ "email": "longer@example.org" });
            let values = json!({ "method": "password", "traits": traits, "password": "x".repeat(length) });
            assert_eq!(visitor.submit(&flow, values).await.node_messages("password"), [id], "{length} bytes");
        }
        let answer = visitor.sign_up(json!({ "email": "just@example.org" }), &"x".repeat(72)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    })
    .await;
}

#[tokio::test]
async fn unknown_flows_and_missing_ids_are_refused() {
    scenario_for_each(Setup::default(), async |_, mut visitor| {
        for (query, status) in [("?flow=00000000-0000-4000-8000-000000000000", 404), ("", 400), ("?flow=x", 400)] {
            let path = format!("/self-service/login{query}");
            let (content, body) = match visitor.mode {
                Mode::Page => ("application/x-www-form-urlencoded", "method=password"),
                _ => ("application/json", "{\"method\":\"password\"}"),
            };
            let answer = visitor.send("POST", &path, &[("content-type", content)], body).await;
            if visitor.mode == Mode::Page {
                assert!(answer.location().starts_with("http://ui.example.org/error?id="), "{query}");
            } else {
                assert_eq!(
                    (answer.status.as_u16(), answer.json()["error"]["code"].as_u64()),
                    (status, Some(u64::from(status)))
                );
            }
        }
        let answer =
            visitor.send("GET", "/self-service/errors?id=x", &[("accept", "application/json")], Body::empty()).await;
        assert_eq!(answer.status, 404);
    })
    .await;
}
