//! Lists of people beyond what the wire has: by indexed traits, in other orders, in pages.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::config::ContentUri;
use zelos_testkit::{App, Mode, Setup, scenario};

/// People with an address, a team and an age; the traits of those names are indexed.
fn schema(indexed: &[&str]) -> String {
    let mark = |name: &str, kind: &str| json!({ "type": kind, "zelos.sh/indexed": indexed.contains(&name) });
    json!({ "type": "object", "properties": { "traits": { "type": "object", "properties": {
        "email": { "type": "string", "format": "email", "ory.sh/kratos": {
            "credentials": { "password": { "identifier": true } } } },
        "team": mark("team", "string"),
        "age": mark("age", "integer"),
    }, "required": ["email"] } } })
    .to_string()
}

fn setup(indexed: &[&str]) -> Setup {
    let url = ContentUri::inline(schema(indexed));
    Setup::with(json!({
        "identity": { "default_schema_id": "default", "schemas": [{ "id": "default", "url": url }] },
        "selfservice": { "methods": { "profile": { "enabled": true } } },
    }))
}

async fn made(app: &App, name: &str, team: &str, age: u32, state: &str) -> Value {
    app.clock.advance(Duration::from_secs(1));
    let body = json!({
        "traits": { "email": format!("{name}@example.org"), "team": team, "age": age }, "state": state,
        "credentials": { "password": { "config": { "password": PASSWORD } } },
    });
    let answer = app.admin("POST", "/admin/identities", Some(body)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()
}

async fn four(app: &App) {
    for (name, team, age, state) in [
        ("a", "red", 10, "active"),
        ("b", "blue", 9, "inactive"),
        ("c", "red", 100, "inactive"),
        ("d", "blue", 9, "active"),
    ] {
        made(app, name, team, age, state).await;
    }
    app.reindex().await;
}

/// The first letters of whom a list holds, over all its pages.
async fn found(app: &App, query: &str) -> String {
    let (mut names, mut next) = (String::new(), Some(format!("/admin/identities?page_size=1&{query}")));
    while let Some(path) = next {
        let answer = app.admin("GET", &path, None).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text);
        for person in answer.json().as_array().unwrap() {
            names.push_str(&person["traits"]["email"].as_str().unwrap()[..1]);
        }
        let links = answer.header("link").to_owned();
        let link = links.split(',').find(|link| link.ends_with("rel=\"next\""));
        next = link.map(|link| link.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned());
    }
    names
}

#[tokio::test]
async fn people_are_found_by_traits_states_and_times_in_any_order() {
    scenario(setup(&["team", "age"]), async |app| {
        four(app).await;
        for (query, expected) in [
            ("", "abcd"),
            ("traits.team=red", "ac"),
            ("traits.team=red&state=inactive", "c"),
            ("traits.age=9&traits.team=blue", "bd"),
            ("traits.team=Red", ""),
            ("state=inactive", "bc"),
            ("sort=-id", "dcba"),
            ("sort=traits.age", "bdac"),
            ("sort=-traits.age&traits.team=red", "ca"),
            ("sort=traits.team&state=active", "da"),
            ("sort=-created_at", "dcba"),
            ("created_after=2030-01-02T03:04:07Z", "bcd"),
            ("created_after=2030-01-02T03:04:07Z&created_before=2030-01-02T03:04:09Z&sort=-updated_at", "cb"),
            ("credentials_identifier=c%40example.org&traits.team=red&schema_id=default", "c"),
            ("preview_credentials_identifier_similar=b&traits.team=red", ""),
        ] {
            assert_eq!(found(app, query).await, expected, "{query}");
        }
        for (query, part) in [
            ("traits.name=x", "These are: `traits.age`, `traits.team`."),
            ("sort=traits.name", "These are: `traits.age`, `traits.team`."),
            ("sort=email", "`sort`"),
            ("traits.age=old", "`traits.age`"),
            ("state=asleep", "`state`"),
            ("created_after=yesterday", "`created_after`"),
        ] {
            let answer = app.admin("GET", &format!("/admin/identities?{query}"), None).await;
            assert_eq!(answer.status, 400, "{query}");
            assert!(answer.json()["error"]["reason"].as_str().unwrap_or_default().contains(part), "{}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_is_of_its_order() {
    scenario(setup(&["team", "age"]), async |app| {
        four(app).await;
        let links = app.admin("GET", "/admin/identities?page_size=1&sort=traits.age", None).await;
        let token =
            links.header("link").split("page_token=").nth(2).unwrap().split(['&', '>']).next().unwrap().to_owned();
        for (sort, status) in
            [("traits.age", 200), ("-traits.age", 400), ("traits.team", 400), ("created_at", 400), ("id", 400)]
        {
            let answer = app.admin("GET", &format!("/admin/identities?sort={sort}&page_token={token}"), None).await;
            assert_eq!(answer.status, status, "{sort}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_index_follows_whoever_changes_somebody() {
    scenario(setup(&["team"]), async |app| {
        app.reindex().await;
        let person = made(app, "a", "red", 1, "active").await;
        let place = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        let patch = json!([{ "op": "replace", "path": "/traits/team", "value": "green" }]);
        assert_eq!(app.admin("PATCH", &place, Some(patch)).await.status, 200);
        assert_eq!(
            (found(app, "traits.team=green").await, found(app, "traits.team=red").await),
            ("a".into(), String::new())
        );
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in("a@example.org", PASSWORD).await;
        let form = visitor.begin("settings", "").await;
        let traits = json!({ "email": "a@example.org", "team": "white" });
        visitor.submit(&form, json!({ "method": "profile", "traits": traits })).await;
        assert_eq!(found(app, "traits.team=white").await, "a");
        let traits = json!({ "email": "b@example.org", "team": "white" });
        app.clock.advance(Duration::from_secs(1));
        app.visitor(Mode::Native).sign_up(traits, PASSWORD).await;
        assert_eq!(found(app, "traits.team=white&sort=created_at").await, "ab");
        assert_eq!(app.admin("DELETE", &place, None).await.status, 204);
        assert_eq!(found(app, "traits.team=white").await, "b");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_found_by_half_an_index() {
    scenario(setup(&[]), async |app| {
        made(app, "a", "red", 1, "active").await;
        let refused = app.admin("GET", "/admin/identities?traits.team=red", None).await;
        assert_eq!(refused.status, 400);
        let document = Box::pin(zelos_server::snapshot(with_index(app), &*app.outbound)).await;
        app.engine.replace_snapshot(document.unwrap_or_else(|failure| panic!("{failure:?}")));
        for query in ["traits.team=red", "sort=traits.team"] {
            let early = app.admin("GET", &format!("/admin/identities?{query}"), None).await;
            assert_eq!(early.status, 409, "{query}: {}", early.text);
        }
        assert_eq!(app.reindex().await, 1);
        assert_eq!(found(app, "traits.team=red").await, "a");
    })
    .await;
}

#[tokio::test]
async fn looking_takes_few_statements() {
    scenario(setup(&["team"]), async |app| {
        app.reindex().await;
        let person = made(app, "a", "red", 1, "active").await;
        for number in 0..250 {
            let item = json!({ "create": { "traits": { "email": format!("p{number}@example.org"), "team": "red" } } });
            let body = json!({ "identities": [item] });
            assert_eq!(app.admin("PATCH", "/admin/identities", Some(body)).await.status, 200);
        }
        let id = person["id"].as_str().unwrap();
        for (path, most) in [
            (format!("/admin/identities/{id}"), 1),
            (format!("/admin/identities/{id}?include_credential=password"), 1),
            ("/admin/identities?page_size=250".to_owned(), 1),
            ("/admin/identities?page_size=250&include_credential=password".to_owned(), 2),
            ("/admin/identities?page_size=250&sort=-created_at&state=active".to_owned(), 1),
            ("/admin/identities?page_size=250&traits.team=red".to_owned(), 2),
            ("/admin/identities?credentials_identifier=a%40example.org".to_owned(), 2),
            ("/admin/sessions?page_size=250&expand=identity&expand=devices".to_owned(), 2),
        ] {
            let before = app.store.trace().statements();
            assert_eq!(app.admin("GET", &path, None).await.status, 200, "{path}");
            let taken = app.store.trace().statements() - before;
            assert!(taken <= most, "{path}: {taken} statements");
        }
    })
    .await;
}

/// The configuration of a running server, with the team indexed.
fn with_index(app: &App) -> zelos_core::config::Config {
    let snapshot = app.engine.snapshot();
    let mut config: zelos_core::config::Config = (**snapshot).clone();
    config.identity.schemas[0].url = ContentUri::inline(schema(&["team"]));
    config
}
