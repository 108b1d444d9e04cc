//! The admin API: making, changing and finding people, and ending their sessions.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::{
    id::CredentialId,
    identity::{Credential, CredentialType},
};
use zelos_testkit::{App, Mode, Setup, scenario};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

async fn made(app: &App, body: Value) -> Value {
    let answer = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    answer.json()
}

fn path(identity: &Value) -> String {
    format!("/admin/identities/{}", identity["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_person_is_brought_along_with_what_is_known_of_them() {
    scenario(Setup::default(), async |app| {
        let person = made(
            app,
            json!({
                "traits": { "email": "Ada@example.org" }, "external_id": "7", "metadata_public": { "p": 1 },
                "verifiable_addresses": [
                    { "value": "ADA@example.org", "verified": true },
                    { "value": "stranger@example.org", "verified": true },
                ],
            }),
        )
        .await;
        assert_eq!(person["verifiable_addresses"].as_array().unwrap().len(), 1, "only what the schema finds");
        assert_eq!(person["verifiable_addresses"][0]["status"], "completed");
        assert!(person["verifiable_addresses"][0]["verified_at"].is_string());
        assert!(person.get("metadata_admin").is_none(), "not shown before it is read back");
        let found = app.admin("GET", "/admin/identities/by/external/7", None).await.json();
        assert_eq!((&found["id"], &found["metadata_admin"]), (&person["id"], &Value::Null));
        for twin in [json!({ "email": "ada@EXAMPLE.org" }), json!({ "email": "ada@example.org" })] {
            assert_eq!(app.admin("POST", "/identities", Some(json!({ "traits": twin }))).await.status, 409);
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_body_says_what_is_wrong_with_it() {
    scenario(Setup::default(), async |app| {
        for (body, member, part) in [
            (json!({ "schema_url": "x" }), "message", "json: unknown field \"schema_url\""),
            (json!({ "schema_id": "nope" }), "reason", "nope"),
            (json!({ "traits": { "email": 1 } }), "reason", "I[#/traits/email]"),
            (json!({ "traits": { "email": 1 } }), "reason", "expected string, but got number"),
            (json!({ "traits": { "email": "a@b.example" }, "state": "x" }), "reason", "state"),
            (
                json!({ "traits": { "email": "a@b.example" },
                        "credentials": { "password": { "config": { "hashed_password": "x" } } } }),
                "reason",
                "does not match any known hash format",
            ),
            (
                json!({ "traits": { "email": "a@b.example" }, "credentials": { "oidc": { "config": {} } } }),
                "reason",
                "oidc",
            ),
        ] {
            let answer = app.admin("POST", "/admin/identities", Some(body.clone())).await;
            let error = &answer.json()["error"];
            assert_eq!(answer.status, 400, "{body}");
            assert!(error[member].as_str().unwrap_or_default().contains(part), "{body}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_put_clears_what_it_leaves_out_but_keeps_the_password() {
    scenario(Setup::default(), async |app| {
        let person = made(
            app,
            json!({
                "traits": { "email": "before@example.org" }, "external_id": "x", "metadata_admin": { "a": 1 },
                "credentials": { "password": { "config": { "password": PASSWORD } } },
            }),
        )
        .await;
        let body = json!({ "traits": { "email": "after@example.org" } });
        let put = app.admin("PUT", &path(&person), Some(body)).await.json();
        assert!(put.get("external_id").is_none() && put.get("metadata_admin").is_none(), "{put}");
        let mut visitor = app.visitor(Mode::Native);
        assert_eq!(visitor.sign_in("before@example.org", PASSWORD).await.status, 400);
        assert_eq!(visitor.sign_in("after@example.org", PASSWORD).await.status, 200);
        let unknown = format!("/admin/identities/{NOBODY}");
        assert_eq!(app.admin("PUT", &unknown, Some(json!({ "traits": {} }))).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    scenario(Setup::default(), async |app| {
        let person = app.person("patch@example.org", PASSWORD).await;
        app.clock.advance(Duration::from_secs(1));
        let patch = json!([
            { "op": "add", "path": "/metadata_admin/a/b", "value": 1 },
            { "op": "replace", "path": "/state", "value": "inactive" },
            { "op": "replace", "path": "/verifiable_addresses/0/verified", "value": true },
        ]);
        let patched = app.admin("PATCH", &path(&person), Some(patch)).await.json();
        assert_eq!(patched["metadata_admin"], json!({ "a": { "b": 1 } }));
        assert_ne!(patched["state_changed_at"], person["state_changed_at"]);
        let address = &patched["verifiable_addresses"][0];
        assert_eq!((&address["verified"], &address["id"]), (&json!(true), &person["verifiable_addresses"][0]["id"]));
        for (patch, message) in [
            (json!([{ "op": "replace", "path": "/ID", "value": NOBODY }]), "patch includes denied path: /ID"),
            (json!([{ "op": "move", "from": "/traits", "path": "/x" }]), "unsupported operation: move"),
        ] {
            let answer = app.admin("PATCH", &path(&person), Some(patch)).await;
            assert_eq!((answer.status.as_u16(), &answer.json()["error"]["message"]), (400, &json!(message)));
        }
        let swapped = json!([{ "op": "add", "path": "/credentials/totp", "value": { "config": {} } }]);
        assert_eq!(app.admin("PATCH", &path(&person), Some(swapped)).await.status, 400, "a type that is not its key");
    })
    .await;
}

#[tokio::test]
async fn many_are_made_at_once_and_each_stands_for_itself() {
    scenario(Setup::default(), async |app| {
        app.person("taken@example.org", PASSWORD).await;
        let item = |email: &str| json!({ "create": { "traits": { "email": email } }, "patch_id": NOBODY });
        let items = json!([item("one@example.org"), item("taken@example.org"), item("x"), {}]);
        let answer = app.admin("PATCH", "/admin/identities", Some(json!({ "identities": items }))).await;
        let made = answer.json()["identities"].clone();
        let said = |index: usize| (made[index]["action"].as_str(), made[index]["error"]["code"].as_u64());
        assert_eq!(said(0), (Some("create"), None));
        assert_eq!((said(1), said(2)), ((Some("error"), Some(409)), (Some("error"), Some(400))));
        assert_eq!((&made[0]["patch_id"], &made[3]), (&json!(NOBODY), &Value::Null));
        let many: Vec<Value> = (0..1001).map(|_| json!({})).collect();
        assert_eq!(app.admin("PATCH", "/admin/identities", Some(json!({ "identities": many }))).await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn people_are_listed_in_pages_and_found_by_what_they_are_called() {
    scenario(Setup::default(), async |app| {
        for name in ["a", "b", "c"] {
            app.person(&format!("{name}@example.org"), PASSWORD).await;
            // Ids follow the clock by the millisecond.
            app.clock.advance(Duration::from_millis(1));
        }
        let mut seen = Vec::new();
        let mut next = Some("/admin/identities?page_size=2".to_owned());
        while let Some(path) = next {
            let answer = app.admin("GET", &path, None).await;
            seen.extend(answer.json().as_array().unwrap().iter().map(|person| person["traits"]["email"].clone()));
            let links = answer.header("link").to_owned();
            next = links
                .split(',')
                .find(|link| link.ends_with("rel=\"next\""))
                .map(|link| link.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned());
        }
        assert_eq!(seen, ["a@example.org", "b@example.org", "c@example.org"]);
        let found = app.admin("GET", "/admin/identities?credentials_identifier=B%40EXAMPLE.org", None).await.json();
        assert_eq!(found[0]["credentials"]["password"]["identifiers"], json!(["b@example.org"]));
        assert!(found[0]["credentials"]["password"].get("config").is_none());
        let two = "/admin/identities?credentials_identifier=a&preview_credentials_identifier_similar=b";
        assert_eq!(app.admin("GET", two, None).await.status, 400, "two filters");
    })
    .await;
}

#[tokio::test]
async fn the_last_way_in_is_not_taken_away() {
    scenario(Setup::default(), async |app| {
        let person = app.person("last@example.org", PASSWORD).await;
        let credentials = format!("{}/credentials", path(&person));
        for (kind, status) in [("password", 400), ("totp", 404), ("nope", 404)] {
            let answer = app.admin("DELETE", &format!("{credentials}/{kind}"), None).await;
            assert_eq!(answer.status, status, "{kind}");
        }
    })
    .await;
}

/// Gives somebody a credential as another server would have left it.
async fn give(app: &App, id: &str, kind: CredentialType, identifiers: &[&str], config: Value) {
    let old = zelos_store::identities::find_with_credentials(&app.store, id.parse().unwrap()).await.unwrap().unwrap();
    let mut new = old.clone();
    new.credentials.push(Credential {
        id: CredentialId(uuid::Uuid::from_u128(kind as u128 + 1)),
        kind,
        identifiers: identifiers.iter().map(|&one| one.to_owned()).collect(),
        config,
        version: 1,
        created_at: app.now(),
        updated_at: app.now(),
    });
    let mut batch = zelos_store::Batch::new();
    zelos_store::identities::update(&mut batch, &old, &new);
    app.store.commit(batch).await.unwrap();
}

#[tokio::test]
async fn a_login_elsewhere_is_taken_away_by_its_identifier() {
    scenario(Setup::with(json!({ "selfservice": { "methods": { "webauthn": { "enabled": true, "config": {
        "passwordless": true, "rp": { "id": "example.org", "display_name": "x", "origin": "https://example.org" } } } } } })), async |app| {
        let person = app.person("elsewhere@example.org", PASSWORD).await;
        let id = person["id"].as_str().unwrap();
        let login = |provider: &str, subject: &str| json!({ "provider": provider, "subject": subject });
        let logins = json!({ "providers": [login("one", "a:b"), login("one", "c"), login("two", "c")] });
        give(app, id, CredentialType::Oidc, &["one:a:b", "one:c", "two:c"], logins).await;
        let oidc = format!("{}/credentials/oidc", path(&person));
        let delete = async |query: &str| app.admin("DELETE", &format!("{oidc}{query}"), None).await;
        assert_eq!(delete("?identifier=one:c").await.status, 400, "nothing but the password would be left");
        let key = json!({ "credentials": [{ "id": "AAAA", "public_key": "AAAA", "is_passwordless": true }] });
        give(app, id, CredentialType::Webauthn, &["elsewhere@example.org"], key).await;
        for (query, status) in [
            ("", 400),
            ("?identifier=", 400),
            ("?identifier=one", 404),
            ("?identifier=two:a:b", 404),
            ("?identifier=one:a:b", 204),
            ("?identifier=one:a:b", 404),
        ] {
            assert_eq!(delete(query).await.status, status, "{query}");
        }
        let shown = app.admin("GET", &format!("{}?include_credential=oidc", path(&person)), None).await.json();
        let oidc = &shown["credentials"]["oidc"];
        assert_eq!(oidc["identifiers"], json!(["one:c", "two:c"]));
        assert_eq!(oidc["config"]["providers"], json!([login("one", "c"), login("two", "c")]));
        let found = app.admin("GET", "/admin/identities?credentials_identifier=one:a:b", None).await.json();
        assert_eq!(found, json!([]), "nobody signs in by it any more");
    })
    .await;
}

#[tokio::test]
async fn sessions_of_many_are_ended_at_once() {
    scenario(Setup::default(), async |app| {
        let person = app.person("many@example.org", PASSWORD).await;
        for _ in 0..3 {
            app.visitor(Mode::Native).sign_in("many@example.org", PASSWORD).await;
        }
        let manage = async |body: Value| app.admin("POST", "/admin/sessions", Some(body)).await.json();
        let everybody = json!({ "action": "disable", "identities": ["*"] });
        assert_eq!(manage(everybody.clone()).await, json!({ "processed": 3, "more": false }));
        assert_eq!(manage(everybody).await["processed"], 0, "ended already");
        let theirs = format!("{}/sessions", path(&person));
        let listed = app.admin("GET", &theirs, None).await;
        assert_eq!((listed.json().as_array().unwrap().len(), listed.header("x-total-count")), (3, "3"));
        assert_eq!(listed.json()[0]["active"], false);
        let body = json!({ "action": "delete", "identities": [person["id"]] });
        assert_eq!(manage(body).await["processed"], 3);
        assert_eq!(app.admin("DELETE", &theirs, None).await.status, 404, "none is left");
        assert_eq!(app.admin("DELETE", "/admin/identities/x/sessions", None).await.status, 400);
    })
    .await;
}

#[tokio::test]
async fn a_session_is_extended_only_near_its_end() {
    let setup = Setup::with(json!({ "session": { "lifespan": "1h", "earliest_possible_extend": "10m" } }));
    scenario(setup, async |app| {
        app.person("extend@example.org", PASSWORD).await;
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("extend@example.org", PASSWORD).await;
        let session = visitor.whoami().await.json();
        let path = format!("/admin/sessions/{}/extend", session["id"].as_str().unwrap());
        let extended = app.admin("PATCH", &path, None).await.json();
        assert_eq!(extended["expires_at"], session["expires_at"], "too early");
        app.clock.advance(Duration::from_mins(51));
        let extended = app.admin("PATCH", &path, None).await.json();
        assert_ne!(extended["expires_at"], session["expires_at"]);
        assert!(extended["identity"].get("metadata_admin").is_none(), "the public view");
    })
    .await;
}

#[tokio::test]
async fn secrets_of_credentials_have_a_scope_of_their_own() {
    let token = |name: &str, scopes: &[&str]| json!({ "name": name, "sha256": zelos_core::config::admin_auth::hash(name).expose(), "scopes": scopes });
    let tokens = json!([
        token("reader", &["read"]),
        token("writer", &["write"]),
        token("auditor", &["read", "credentials"]),
        token("all", &["read", "write", "courier", "credentials"]),
    ]);
    let setup = Setup::with(json!({ "serve": { "admin": { "auth": { "tokens": tokens } } } }));
    scenario(setup, async |app| {
        let body = json!({
            "schema_id": "default", "traits": { "email": "hashed@example.org" },
            "credentials": { "password": { "config": { "hashed_password": "$2a$04$9Jdn0VBHlNhmzYKkHFHlSuqEUPYn3rTeVkRPZFIFPIHwdcC0jFpXq" } } },
        });
        let made = app.admin_as("Bearer writer", "POST", "/admin/identities", Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let paths = [
            format!("/admin/identities/{id}?include_credential=password"),
            "/admin/identities?include_credential=password".to_owned(),
            "/admin/identities?credentials_identifier=hashed@example.org&include_credential=password".to_owned(),
        ];
        for path in &paths {
            for (token, is_shown) in [("reader", false), ("writer", false), ("auditor", true), ("all", true)] {
                let answer = app.admin_as(&format!("Bearer {token}"), "GET", path, None).await;
                assert_eq!(answer.status, 200, "{token} {path}: {}", answer.text);
                assert_eq!(answer.text.contains("$2a$"), is_shown, "{token} {path}: {}", answer.text);
                let json = answer.json();
                let person = if json.is_array() { &json[0] } else { &json };
                let credential = &person["credentials"]["password"];
                assert_eq!(credential["identifiers"], json!(["hashed@example.org"]), "{token} {path}: it exists");
                assert!(credential["created_at"].is_string() && credential["type"] == "password", "{token} {path}");
            }
        }
        assert_eq!(app.admin_as("Bearer reader", "GET", &format!("/admin/identities/{id}?include_credential=x"), None).await.status, 400);
    })
    .await;
}
