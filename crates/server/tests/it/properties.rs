//! What must hold for everything that can be sent, not only for what somebody thought of.

use crate::wire::PASSWORD;
use proptest::{prelude::*, strategy::ValueTree};
use serde_json::{Value, json};
use std::time::Duration;
use zelos_testkit::{App, Database, Mode, Persona, Setup, node};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// One Zelos for all cases of a property.
fn with_app<T>(setup: &Setup, story: impl AsyncFnOnce(App) -> T) -> T {
    runtime().block_on(async {
        let database = Database::sqlite().expect("a file for SQLite");
        let app = App::start(&database, setup).await.expect("a Zelos");
        story(app).await
    })
}

/// Runs `case` for many random inputs, on one Zelos.
fn property<S: Strategy>(count: u32, strategy: S, mut case: impl AsyncFnMut(&App, S::Value)) {
    with_app(&Setup::default(), async |app| {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..count {
            let input = strategy.new_tree(&mut runner).expect("an input").current();
            case(&app, input).await;
        }
    });
}

/// The flow without what differs between any two flows.
fn essence(mut flow: Value) -> String {
    for volatile in ["id", "issued_at", "expires_at", "created_at", "updated_at", "request_url"] {
        flow[volatile] = Value::Null;
    }
    flow["ui"]["action"] = Value::Null;
    for node in flow["ui"]["nodes"].as_array_mut().into_iter().flatten() {
        if node["attributes"]["name"] == "csrf_token" {
            node["attributes"]["value"] = Value::Null;
        }
    }
    flow.to_string()
}

async fn submit_as(visitor: &mut Persona, mode: Mode, values: &Value) -> Value {
    let flow = visitor.begin("registration", "").await;
    let before = std::mem::replace(&mut visitor.mode, mode);
    let answer = visitor.submit(&flow, values.clone()).await;
    visitor.mode = before;
    visitor.flow("registration", &answer).await
}

#[test]
fn a_form_and_json_with_the_same_values_get_the_same_answer() {
    // Passwords too short on purpose: nobody is made, the form comes back.
    let text = "[a-zA-Z0-9 @.<>&\"']{1,12}";
    property(40, (text, text, "[a-z]{1,5}"), async |app, (email, name, password)| {
        let values = json!({ "method": "password", "password": password, "traits": { "email": email, "name": name } });
        let mut visitor = app.visitor(Mode::Spa);
        let form = submit_as(&mut visitor, Mode::Page, &values).await;
        let json = submit_as(&mut visitor, Mode::Spa, &values).await;
        assert!(form["ui"]["nodes"].is_array(), "{form}");
        assert_eq!(essence(form), essence(json), "{values}");
    });
}

#[test]
fn no_submission_makes_a_server_error_or_a_person_out_of_nothing() {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,10}".prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z.]{0,8}", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    });
    let key = prop::sample::select(vec![
        "method",
        "traits",
        "traits.email",
        "password",
        "identifier",
        "screen",
        "transient_payload",
        "x",
    ]);
    let method = prop::sample::select(vec!["password", "profile", "identifier_first", "oidc", ""]);
    let submission = (method, prop::collection::vec((key, value), 0..5));
    property(150, submission, async |app, (method, members)| {
        for kind in ["login", "registration"] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin(kind, "").await;
            let mut values: serde_json::Map<String, Value> =
                members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
            values.entry("method").or_insert_with(|| method.into());
            let answer = visitor.submit(&flow, Value::Object(values.clone())).await;
            assert!(
                matches!(answer.status.as_u16(), 400 | 404),
                "{kind} {values:?}: {} {}",
                answer.status,
                answer.text
            );
        }
    });
}

#[test]
fn an_expired_flow_never_completes() {
    property(20, 1_u64..100_000, async |app, late| {
        let email = format!("late-{late}@example.org");
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        app.clock.advance(Duration::from_hours(1) + Duration::from_millis(late));
        let values = json!({ "method": "password", "password": PASSWORD, "traits": { "email": email } });
        assert_eq!(visitor.submit(&flow, values).await.status, 410);
        let query = format!("/admin/identities?credentials_identifier={email}");
        assert_eq!(app.admin("GET", &query, None).await.json(), json!([]));
    });
}

#[test]
fn a_form_drawn_twice_is_the_same_form() {
    property(20, "[a-z]{1,8}", async |app, name| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("registration", "").await;
        let values = json!({ "method": "password", "password": "short", "traits": { "email": name } });
        let once = visitor.submit(&flow, values.clone()).await.json();
        let twice = visitor.submit(&once, values).await.json();
        assert_eq!(essence(once), essence(twice.clone()));
        assert_ne!(node(&twice, "csrf_token")["attributes"]["value"], node(&flow, "csrf_token")["attributes"]["value"]);
    });
}

#[test]
fn two_submissions_of_one_flow_at_once_never_break_it() {
    with_app(&Setup::default(), async |app| {
        app.person("twice@example.org", PASSWORD).await;
        let visitor = app.visitor(Mode::Native);
        let flow = app.visitor(Mode::Native).begin("login", "").await;
        let values = json!({ "method": "password", "identifier": "twice@example.org", "password": PASSWORD });
        let attempts = (0..10).map(|_| {
            let (mut visitor, flow, values) = (visitor.clone(), flow.clone(), values.clone());
            async move { visitor.submit(&flow, values).await.status.as_u16() }
        });
        let statuses = futures_util::future::join_all(attempts).await;
        assert!(statuses.contains(&200), "{statuses:?}");
        assert!(statuses.iter().all(|status| matches!(status, 200 | 409)), "{statuses:?}");
    });
}
