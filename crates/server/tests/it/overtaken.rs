//! An authentication with a credential that is replaced while the request is under way: judged by what was read before, it
//! must neither begin nor renew a session.

use crate::wire::PASSWORD;
use async_trait::async_trait;
use serde_json::json;
use std::time::Duration;
use zelos_core::{config::Hook as Configured, flow::Kind, identity::CredentialType, problem::Result};
use zelos_flow::{
    Cx, Engine,
    hooks::{Event, Hook, Verdict},
    identities as people,
};
use zelos_store::{Batch, identities};
use zelos_testkit::{App, Setup, scenario_for_each};

/// "a-password-of-old".
const OTHER: &str = "$2b$05$cCBS0idnEiQr6ZDQA9RWfuZffKoAOn7Vn8ig39kTS.NzmrS1m8mmG";

/// Replaces the password of an identity that is marked for it, as another process would: between the judgement of a
/// login and its commit.
struct Overtake;

#[async_trait]
impl Hook for Overtake {
    fn name(&self) -> &'static str {
        "revoke_active_sessions"
    }

    fn serves(&self, kind: Kind) -> bool {
        kind == Kind::Login
    }

    async fn run(&self, engine: &Engine, cx: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        if event.identity.metadata_public == json!("marked") {
            let found = identities::find_with_credentials(&engine.store, event.identity.id).await?;
            let old = found.expect("the identity exists");
            let mut new = old.clone();
            let config = json!({ "hashed_password": OTHER });
            people::set_credential(cx.clock, cx.rng, &mut new, CredentialType::Password, config);
            new.metadata_public = json!(null);
            let mut batch = Batch::new();
            identities::update(&mut batch, &old, &new);
            engine.store.commit(batch).await?;
        }
        Ok(Verdict::Go)
    }
}

fn setup() -> Setup {
    let after = json!({ "password": { "hooks": [{ "hook": "revoke_active_sessions" }] } });
    Setup::with(json!({ "selfservice": { "flows": { "login": { "after": after } } } }))
        .wired(|parts| parts.hooks.insert(0, Box::new(Overtake)))
}

async fn mark(app: &App, id: &str) {
    let mark = json!([{ "op": "add", "path": "/metadata_public", "value": "marked" }]);
    assert_eq!(app.admin("PATCH", &format!("/admin/identities/{id}"), Some(mark)).await.status, 200);
}

#[tokio::test]
async fn session_is_not_refreshed_with_a_replaced_password() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = format!("refresh-{:?}@example.org", visitor.mode).to_lowercase();
        let person = app.person(&email, PASSWORD).await;
        visitor.sign_in(&email, PASSWORD).await;
        let before = visitor.whoami().await.json();
        assert!(before["authenticated_at"].is_string(), "{before}");
        app.clock.advance(Duration::from_mins(1));
        let flow = visitor.begin("login", "refresh=true").await;
        mark(app, person["id"].as_str().unwrap()).await;
        let values = json!({ "method": "password", "identifier": email, "password": PASSWORD });
        let answer = visitor.submit(&flow, values).await;
        let form = visitor.flow("login", &answer).await;
        assert_eq!(form["ui"]["messages"][0]["id"], 4_000_006, "{}", answer.text);
        let after = visitor.whoami().await.json();
        assert_eq!(after["authenticated_at"], before["authenticated_at"], "the session is not privileged again");
        assert_eq!(after["authentication_methods"], before["authentication_methods"]);
        let values = json!({ "method": "password", "identifier": email, "password": "a-password-of-old" });
        visitor.submit(&form, values).await;
        assert_ne!(visitor.whoami().await.json()["authenticated_at"], before["authenticated_at"]);
    })
    .await;
}

#[tokio::test]
async fn session_does_not_begin_with_a_replaced_password() {
    scenario_for_each(setup(), async |app, mut visitor| {
        let email = format!("begin-{:?}@example.org", visitor.mode).to_lowercase();
        let person = app.person(&email, PASSWORD).await;
        mark(app, person["id"].as_str().unwrap()).await;
        visitor.sign_in(&email, PASSWORD).await;
        assert_eq!(visitor.whoami().await.status, 401);
    })
    .await;
}
