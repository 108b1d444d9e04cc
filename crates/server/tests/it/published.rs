//! Configurations as people have published them for the life of an account, played from end to end.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{Mode, Setup, node, scenario};

const NEW_PASSWORD: &str = "another-Battery-of-horses-7";
const PREFIX: &str = "/.ory/kratos";

/// A single-page app on its own domain, the server below a path of it, recovery by link.
fn below_a_path() -> Setup {
    let page = |name: &str| json!({ "ui_url": format!("https://app.example.org/{name}") });
    let recovery = json!({ "enabled": true, "use": "link", "ui_url": "https://app.example.org/recovery",
        "after": { "hooks": [{ "hook": "revoke_active_sessions" }],
            "default_browser_return_url": "https://app.example.org/back" } });
    Setup::with(json!({
        "dev": false,
        "serve": { "public": { "base_url": format!("https://app.example.org{PREFIX}/") } },
        "cookies": { "domain": "app.example.org", "path": "/", "same_site": "Lax" },
        "hashers": { "bcrypt": { "cost": 12 } },
        "selfservice": {
            "default_browser_return_url": "https://app.example.org/home",
            "allowed_return_urls": ["https://app.example.org"],
            "methods": { "link": { "enabled": true }, "code": { "enabled": false } },
            "flows": {
                "error": page("error"), "login": page("login"), "settings": page("settings"),
                "registration": page("registration"), "recovery": recovery,
            },
        },
    }))
}

#[tokio::test]
async fn recovery_by_link_below_a_path_ends_on_the_apps_page_with_cookies_that_work() {
    scenario(below_a_path(), async |app| {
        app.person("path@example.org", PASSWORD).await;
        let mut thief = app.visitor_behind(Mode::Native, PREFIX);
        thief.sign_in("path@example.org", PASSWORD).await;
        let mut spa = app.visitor_behind(Mode::Spa, PREFIX);
        let flow = spa.begin("recovery", "").await;
        let action = flow["ui"]["action"].as_str().unwrap();
        assert!(action.starts_with("https://app.example.org/.ory/kratos/self-service/recovery?flow="), "{action}");
        let answer = spa.submit(&flow, json!({ "method": "link", "email": "path@example.org" })).await;
        assert_eq!((answer.status.as_u16(), answer.messages()), (200, vec![1_060_002]), "{}", answer.text);

        let link = app.link("path@example.org").await;
        assert!(link.starts_with("/.ory/kratos/self-service/recovery?flow="), "{link}");
        let mut browser = app.visitor_behind(Mode::Page, PREFIX);
        let answer = browser.get(&link).await;
        assert!(answer.location().starts_with("https://app.example.org/settings?flow="), "{}", answer.location());
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("Domain=app.example.org") && cookie.contains("Secure"), "{cookie}");
        }
        assert_eq!((browser.whoami().await.status.as_u16(), thief.whoami().await.status.as_u16()), (200, 401));
        let settings = browser.flow("settings", &answer).await;
        assert_eq!(settings["ui"]["messages"][0]["id"], 1_060_001);
        let answer = browser.submit(&settings, json!({ "method": "password", "password": NEW_PASSWORD })).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (303, "https://app.example.org/back"));
        assert_eq!(
            app.visitor_behind(Mode::Native, PREFIX).sign_in("path@example.org", NEW_PASSWORD).await.status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn nobody_comes_in_unproven_and_a_change_of_password_ends_what_was_open() {
    let setup = Setup::with(json!({ "selfservice": {
        "methods": { "code": { "enabled": true }, "link": { "enabled": true } },
        "flows": {
            "verification": { "enabled": true, "use": "link",
                "after": { "default_browser_return_url": "http://ui.example.org/welcome" } },
            "registration": { "after": { "password": { "hooks": [] } } },
            "login": { "after": { "password": { "hooks": [{ "hook": "require_verified_address" }] } } },
            "settings": { "after": { "password": { "hooks": [{ "hook": "revoke_active_sessions" }] } } },
        },
    } }));
    scenario(setup, async |app| {
        let mut browser = app.visitor(Mode::Page);
        browser.sign_up(json!({ "email": "new@example.org" }), PASSWORD).await;
        assert_eq!(browser.whoami().await.status, 401, "a registration without the hook signs nobody in");
        let answer = browser.sign_in("new@example.org", PASSWORD).await;
        assert!(answer.location().starts_with("http://ui.example.org/verification?flow="), "{}", answer.location());
        assert_eq!(browser.whoami().await.status, 401);
        app.clock.advance(Duration::from_secs(1));
        let answer = browser.get(&app.link("new@example.org").await).await;
        let done = browser.flow("verification", &answer).await;
        assert_eq!(node(&done, "continue")["attributes"]["href"], "http://ui.example.org/welcome");

        let mut elsewhere = app.visitor(Mode::Native);
        for visitor in [&mut browser, &mut elsewhere] {
            visitor.sign_in("new@example.org", PASSWORD).await;
            assert_eq!(visitor.whoami().await.status, 200);
        }
        let settings = browser.begin("settings", "").await;
        browser.submit(&settings, json!({ "method": "password", "password": NEW_PASSWORD })).await;
        assert_eq!((browser.whoami().await.status.as_u16(), elsewhere.whoami().await.status.as_u16()), (200, 401));
        let sent: Vec<Value> =
            app.letters("new@example.org").await.iter().map(|letter| json!(letter.template_type)).collect();
        assert_eq!(sent, [json!("verification_valid"), json!("verification_valid")]);
    })
    .await;
}
