//! Links of mails that a button uses up, so that programs that open them do not.

use crate::{recovery::ask, wire::PASSWORD};
use axum::body::Body;
use serde_json::{Value, json};
use zelos_testkit::{App, Mode, Setup, scenario};

fn setup(confirm: Option<bool>) -> Setup {
    with(&json!({ "enabled": true, "use": "link" }), confirm)
}

fn with(flow: &Value, confirm: Option<bool>) -> Setup {
    let config = confirm.map_or_else(|| json!({}), |confirm| json!({ "confirm": confirm }));
    Setup::with(json!({ "selfservice": {
        "methods": { "link": { "enabled": true, "config": config } },
        "flows": { "recovery": flow, "verification": flow },
    } }))
}

const FORM: [(&str, &str); 2] = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];

/// Where the form of a page leads and what is hidden in it.
fn form(page: &str) -> (String, String) {
    let after = |mark: &str| page.split_once(mark).unwrap().1.split('"').next().unwrap().to_owned();
    let action = after("<form action=\"").replace("&amp;", "&");
    assert!(action.starts_with("http://id.example.org/self-service/"), "{action}");
    (action.replace("http://id.example.org", ""), after("name=\"token\" value=\""))
}

/// A link to that address, sent by a flow of that kind.
async fn sent(app: &App, kind: &str, mode: Mode, email: &str) -> String {
    let mut visitor = app.visitor(mode);
    let flow = visitor.begin(kind, "").await;
    if kind == "recovery" {
        ask(&mut visitor, &flow, "link", email).await;
    } else {
        visitor.submit(&flow, json!({ "method": "link", "email": email })).await;
    }
    app.link(email).await
}

async fn by_admin(app: &App, email: &str) -> String {
    let people = app.admin("GET", &format!("/admin/identities?credentials_identifier={email}"), None).await.json();
    let answer = app.admin("POST", "/admin/recovery/link", Some(json!({ "identity_id": people[0]["id"] }))).await;
    answer.json()["recovery_link"].as_str().unwrap().replace("http://id.example.org", "")
}

#[tokio::test]
async fn a_button_uses_the_link_up() {
    scenario(setup(Some(true)), async |app| {
        app.person("button@example.org", PASSWORD).await;
        for (kind, mode) in [
            ("recovery", Some(Mode::Page)),
            ("recovery", Some(Mode::Native)),
            ("recovery", None),
            ("verification", Some(Mode::Page)),
            ("verification", Some(Mode::Native)),
        ] {
            let link = match mode {
                Some(mode) => sent(app, kind, mode, "button@example.org").await,
                None => by_admin(app, "button@example.org").await,
            };
            let what = format!("{kind} {mode:?}");
            // Programs look first, some as scripts do.
            for accept in ["text/html", "*/*", "application/json"] {
                let looked = app.visitor(Mode::Page).send("GET", &link, &[("accept", accept)], Body::empty()).await;
                assert_eq!((looked.status.as_u16(), looked.location()), (200, ""), "{what}: {}", looked.text);
                assert!(looked.header("content-type").starts_with("text/html"), "{what}");
                assert!(looked.header("content-security-policy").contains("form-action 'self'"), "{what}");
                assert!(looked.header("cache-control").contains("no-store"), "{what}");
            }
            let head = app.visitor(Mode::Page).send("HEAD", &link, &[], Body::empty()).await;
            assert_eq!((head.status.as_u16(), head.header("set-cookie")), (200, ""), "{what}");

            let page = app.visitor(Mode::Page).get(&link).await.text;
            assert_eq!(page.matches("<button").count(), 1, "{what}: {page}");
            let (action, token) = form(&page);
            // Neither the cookie of the browser that began the flow nor that of the page is needed.
            let mut other = app.visitor(Mode::Page);
            let done = other.send("POST", &action, &FORM, format!("token={token}")).await;
            assert_eq!(done.status, 303, "{what}: {}", done.text);
            let to = if kind == "recovery" { "settings" } else { "verification" };
            assert!(
                done.location().starts_with(&format!("http://ui.example.org/{to}?flow=")),
                "{what}: {}",
                done.location()
            );
            assert_eq!(other.whoami().await.status, if kind == "recovery" { 200 } else { 401 }, "{what}");
            let id = done.location_query("flow").unwrap();
            let shown = other.fetch(to, &id).await;
            assert_eq!(shown.status, 200, "{what}: the flow belongs to this browser: {}", shown.text);
            if kind == "verification" {
                assert_eq!(shown.json()["state"], "passed_challenge", "{what}");
            }

            let again = app.visitor(Mode::Page).send("POST", &action, &FORM, format!("token={token}")).await;
            assert!(!again.location().contains("/settings"), "{what}: {}", again.location());
        }
    })
    .await;
}

#[tokio::test]
async fn a_form_with_a_wrong_token_does_nothing() {
    scenario(setup(Some(true)), async |app| {
        app.person("wrong@example.org", PASSWORD).await;
        let link = sent(app, "recovery", Mode::Page, "wrong@example.org").await;
        let (action, token) = form(&app.visitor(Mode::Page).get(&link).await.text);
        let mut thief = app.visitor(Mode::Page);
        let refused = thief.send("POST", &action, &FORM, format!("token=x{}", &token[1..])).await;
        assert!(refused.location().starts_with("http://ui.example.org/recovery?flow="), "{}", refused.location());
        assert_eq!(thief.whoami().await.status, 401);
        let unknown = action.replace("flow=", "flow=0");
        assert_ne!(thief.send("POST", &unknown, &FORM, format!("token={token}")).await.status, 200);
        let gone = app
            .visitor(Mode::Page)
            .get("/self-service/recovery?flow=00000000-0000-0000-0000-000000000000&token=x")
            .await;
        assert_eq!(gone.status, 303, "an unknown flow has no page");
    })
    .await;
}

#[tokio::test]
async fn without_the_key_it_depends_on_whose_page_shows_the_flow() {
    scenario(setup(None), async |app| {
        app.person("theirs@example.org", PASSWORD).await;
        let link = sent(app, "recovery", Mode::Page, "theirs@example.org").await;
        let opened = app.visitor(Mode::Page).get(&link).await;
        assert!(opened.location().starts_with("http://ui.example.org/settings?flow="), "{}", opened.location());
    })
    .await;
    for (confirm, status) in [(None, 200), (Some(false), 303)] {
        let own = json!({ "enabled": true, "use": "link", "ui_url": null });
        scenario(with(&own, confirm), async |app| {
            app.person("ours@example.org", PASSWORD).await;
            let link = sent(app, "recovery", Mode::Page, "ours@example.org").await;
            assert_eq!(app.visitor(Mode::Page).get(&link).await.status, status);
            let link = sent(app, "verification", Mode::Page, "ours@example.org").await;
            assert_eq!(app.visitor(Mode::Page).get(&link).await.status, status);
        })
        .await;
    }
    let hardened = json!({ "security": { "preset": "hardened" } });
    scenario(setup(None).and(&hardened), async |app| {
        app.person("hardened@example.org", PASSWORD).await;
        let link = sent(app, "recovery", Mode::Page, "hardened@example.org").await;
        let mut visitor = app.visitor(Mode::Page);
        let page = visitor.get(&link).await;
        assert_eq!(page.status, 200);
        let style = page.text.split_once("stylesheet\" href=\"http://id.example.org").unwrap().1;
        let style = visitor.get(style.split('"').next().unwrap()).await;
        assert_eq!(style.status, 200, "also beside pages of the operator's");
    })
    .await;
}
