//! What administrators and visitors send that should not have any effect, or not all of it.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use uuid::Uuid;
use zelos_store::Batch;
use zelos_testkit::{App, Mode, Setup, scenario};

const ANOTHER: &str = "another-Battery-of-horses-7";

async fn batch(app: &App, items: &[Value]) -> Vec<Value> {
    let answer = app.admin("PATCH", "/admin/identities", Some(json!({ "identities": items }))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["identities"].as_array().unwrap().clone()
}

async fn count(app: &App) -> usize {
    app.admin("GET", "/admin/identities?page_size=500", None).await.json().as_array().unwrap().len()
}

#[tokio::test]
async fn one_poisoned_item_does_not_spoil_the_others() {
    scenario(Setup::default(), async |app| {
        app.person("taken@example.org", PASSWORD).await;
        let item = |email: &str| json!({ "create": { "traits": { "email": email } } });
        let deep = (0..80).fold(json!(1), |inner, _| json!([inner]));
        let poisons = [
            (item("taken@example.org"), 409),
            (item("nobody"), 400),
            (item("good-0@example.org"), 409),
            (item("a\0b@example.org"), 400),
            (json!({ "create": { "traits": { "email": "n@example.org", "name": "a\0b" } } }), 400),
            (json!({ "create": { "traits": { "email": "d@example.org" }, "metadata_admin": deep } }), 400),
            (json!({ "create": { "traits": { "email": "s@example.org" }, "state": "asleep" } }), 400),
            (json!({ "create": { "traits": { "email": "i@example.org" }, "schema_id": "nope" } }), 400),
            (json!({ "create": { "traits": { "email": "e@example.org" }, "external_id": "x".repeat(600) } }), 400),
            (json!({ "create": { "traits": { "email": "h@example.org" }, "credentials": { "password": {
                "config": { "hashed_password": "$argon2id$v=19$m=1152921504606846976,t=1,p=1$YWFhYWFhYWE$YWFh" } } } } }), 400),
        ];
        for (round, (poison, code)) in poisons.into_iter().enumerate() {
            let mut items: Vec<Value> = (0..6).map(|n| item(&format!("good-{}@example.org", round * 6 + n))).collect();
            items.insert(4, poison.clone());
            let made = batch(app, &items).await;
            for (index, outcome) in made.iter().enumerate() {
                let expected = if index == 4 { ("error", Some(code)) } else { ("create", None) };
                let found = (outcome["action"].as_str().unwrap(), outcome["error"]["code"].as_u64());
                assert_eq!(found, expected, "item {index} with {poison}: {outcome}");
            }
            assert_eq!(count(app).await, 1 + (round + 1) * 6);
        }
    })
    .await;
}

#[tokio::test]
async fn of_twins_in_one_batch_the_first_is_made() {
    scenario(Setup::default(), async |app| {
        let item =
            |number: u32| json!({ "create": { "traits": { "email": format!("p{}@example.org", number % 40) } } });
        let made = batch(app, &(0..100).map(item).collect::<Vec<_>>()).await;
        for (index, outcome) in made.iter().enumerate() {
            assert_eq!(outcome["action"], if index < 40 { "create" } else { "error" }, "{index}: {outcome}");
        }
        assert_eq!(count(app).await, 40);
    })
    .await;
}

#[tokio::test]
async fn of_fifty_who_want_an_address_one_gets_it() {
    scenario(Setup::default(), async |app| {
        let body = json!({ "traits": { "email": "wanted@example.org" } });
        let item = json!({ "identities": [{ "create": body }, { "create": { "traits": { "email": "x" } } }] });
        let requests = (0..50).map(|number| {
            let (body, item) = (body.clone(), item.clone());
            async move {
                // Every fifth comes in a batch.
                if number % 5 == 0 {
                    let answer = app.admin("PATCH", "/admin/identities", Some(item)).await;
                    let outcome = answer.json()["identities"][0].clone();
                    return outcome["error"]["code"].as_u64().unwrap_or(201);
                }
                u64::from(app.admin("POST", "/admin/identities", Some(body)).await.status.as_u16())
            }
        });
        let mut statuses = futures_util::future::join_all(requests).await;
        statuses.sort_unstable();
        assert_eq!(statuses[0], 201);
        assert_eq!(statuses[1..], [409; 49]);
        assert_eq!(count(app).await, 1);
    })
    .await;
}

/// What only administrators may say of a person.
fn presumptuous() -> Value {
    json!({
        "state": "inactive", "verified": true, "metadata_admin": { "role": "root" }, "metadata_public": { "role": "root" },
        "external_id": "mine", "schema_id": "default", "organization_id": "00000000-0000-4000-8000-000000000000",
        "verifiable_addresses": [{ "value": "mine@example.org", "verified": true, "via": "email", "status": "completed" }],
        "recovery_addresses": [{ "value": "other@example.org", "via": "email" }],
        "available_aal": "aal2", "id": "00000000-0000-4000-8000-000000000000",
    })
}

fn with(values: &Value) -> Value {
    let mut all = presumptuous();
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    all
}

#[tokio::test]
async fn nobody_gives_themselves_what_administrators_give() {
    let setup = Setup::with(json!({ "selfservice": { "methods": { "profile": { "enabled": true } } } }));
    scenario(setup, async |app| {
        for mode in [Mode::Native, Mode::Spa] {
            let email = format!("mine-{mode:?}@example.org").to_lowercase();
            let mut visitor = app.visitor(mode);
            let form = visitor.begin("registration", "").await;
            let traits = json!({ "email": email });
            let values = with(&json!({ "method": "password", "password": PASSWORD, "traits": traits }));
            let answer = visitor.submit(&form, values).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            visitor.keep_token(&answer);
            unharmed(app, &email).await;
            let form = visitor.begin("settings", "").await;
            let traits = json!({ "email": email, "name": "Ada" });
            visitor.submit(&form, with(&json!({ "method": "profile", "traits": traits }))).await;
            assert_eq!(unharmed(app, &email).await["traits"]["name"], "Ada");
            let form = visitor.begin("settings", "").await;
            visitor.submit(&form, with(&json!({ "method": "password", "password": ANOTHER }))).await;
            unharmed(app, &email).await;
            assert_eq!(app.visitor(Mode::Native).sign_in(&email, ANOTHER).await.status, 200);
            let form = visitor.begin("settings", "").await;
            let traits = json!({ "email": email, "state": "inactive", "metadata_admin": 1 });
            visitor.submit(&form, json!({ "method": "profile", "traits": traits })).await;
            unharmed(app, &email).await;
        }
    })
    .await;
}

/// The person with that address, whom nothing of it has changed.
async fn unharmed(app: &App, email: &str) -> Value {
    let path = format!("/admin/identities?credentials_identifier={}", email.replace('@', "%40"));
    let person = app.admin("GET", &path, None).await.json()[0].clone();
    assert_eq!(person["state"], "active");
    assert_eq!((&person["metadata_admin"], &person["metadata_public"]), (&Value::Null, &Value::Null));
    assert_eq!((&person["organization_id"], person.get("external_id")), (&Value::Null, None));
    assert_ne!(person["id"], "00000000-0000-4000-8000-000000000000");
    let addresses = person["verifiable_addresses"].as_array().unwrap();
    assert_eq!((addresses.len(), &addresses[0]["verified"], &addresses[0]["value"]), (1, &json!(false), &json!(email)));
    let addresses = person["recovery_addresses"].as_array().unwrap();
    assert_eq!((addresses.len(), &addresses[0]["value"]), (1, &json!(email)));
    assert!(person["traits"].get("state").is_none() && person["traits"].get("metadata_admin").is_none());
    person
}

#[tokio::test]
async fn denied_paths_are_refused_at_the_door() {
    scenario(Setup::default(), async |app| {
        let person = app.person("patch@example.org", PASSWORD).await;
        let place = format!("/admin/identities/{}", person["id"].as_str().unwrap());
        for denied in
            ["/id", "/ID", "/credentials", "/Credentials/OIDC/config", "/credentials~1saml", "/stateChangedAt"]
        {
            for op in ["add", "replace", "remove"] {
                let answer = app.admin("PATCH", &place, Some(json!([{ "op": op, "path": denied, "value": {} }]))).await;
                let error = &answer.json()["error"];
                assert_eq!((answer.status.as_u16(), &error["reason"]), (400, &json!("failed to apply JSON patch")));
                assert_eq!(error["message"], format!("patch includes denied path: {denied}"));
            }
        }
        for (op, path_in, from) in
            [("move", "/x", "/id"), ("copy", "/traits/name", "/credentials"), ("test", "/id", "")]
        {
            let patch = json!([{ "op": op, "path": path_in, "from": from, "value": 1 }]);
            let answer = app.admin("PATCH", &place, Some(patch)).await;
            assert_eq!(answer.json()["error"]["message"], format!("unsupported operation: {op}"));
        }
        for harmless in ["/%69d", "/credentials%2Foidc", "/credentials~01oidc", "/region~1x", "//id"] {
            let patch = json!([{ "op": "add", "path": harmless, "value": "00000000-0000-4000-8000-000000000000" }]);
            app.admin("PATCH", &place, Some(patch)).await;
        }
        for bad in ["/credentials/", "/credentials/nope", "/id/", "/id/x"] {
            let patch =
                json!([{ "op": "add", "path": bad, "value": { "type": bad.trim_start_matches("/credentials/") } }]);
            assert_eq!(app.admin("PATCH", &place, Some(patch)).await.status, 400, "{bad}");
        }
        let now = app.admin("GET", &place, None).await.json();
        assert_eq!(now["id"], person["id"]);
        assert_eq!(now["credentials"].as_object().unwrap().keys().collect::<Vec<_>>(), ["password"]);
        for state in [json!("asleep"), json!(""), json!(null), json!(1), json!("ACTIVE")] {
            let patch = json!([{ "op": "replace", "path": "/state", "value": state }]);
            assert_eq!(app.admin("PATCH", &place, Some(patch)).await.status, 400, "{state}");
        }
    })
    .await;
}

/// Times whose year leaves the four digits of RFC 3339 in UTC.
const BEYOND: [&str; 4] = [
    "0000-01-01T00:00:00+23:59",
    "0000-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:59.999999999-00:01",
];

#[tokio::test]
async fn a_time_beyond_the_years_of_rfc_3339_is_refused_by_its_name() {
    scenario(Setup::default(), async |app| {
        let body = |email: &str, at: &str| {
            let address = json!({ "via": "email", "value": email, "verified": true, "verified_at": at });
            json!({ "traits": { "email": email }, "verifiable_addresses": [address] })
        };
        for at in BEYOND {
            let answer = app.admin("POST", "/admin/identities", Some(body("a@example.org", at))).await;
            assert_eq!(answer.status, 400, "{}", answer.text);
            assert!(answer.text.contains("verifiable_addresses[0].verified_at"), "{}", answer.text);
        }
        assert_eq!(count(app).await, 0, "nothing is stored of what is refused");
        let ends = ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:01"];
        for (number, at) in ends.into_iter().enumerate() {
            let email = format!("a{number}@example.org");
            let made = app.admin("POST", "/admin/identities", Some(body(&email, at))).await;
            assert_eq!(made.status, 201, "{at}: {}", made.text);
            let path = format!("/admin/identities/{}", made.json()["id"].as_str().unwrap());
            for at in BEYOND {
                let replaced = json!([{ "op": "replace", "path": "/verifiable_addresses/0/verified_at", "value": at }]);
                let answer = app.admin("PATCH", &path, Some(replaced)).await;
                assert_eq!(answer.status, 400, "{}", answer.text);
                assert!(answer.text.contains("verified_at"), "{}", answer.text);
            }
            assert_eq!(app.admin("GET", &path, None).await.status, 200);
        }
        assert_eq!(count(app).await, ends.len());
        for at in BEYOND {
            let at = at.replace('+', "%2B");
            for path in [
                "identities?created_after",
                "identities?created_before",
                "identities?updated_after",
                "identities?updated_before",
                "audit/events?since",
                "audit/events?until",
            ] {
                let answer = app.admin("GET", &format!("/admin/{path}={at}"), None).await;
                let name = path.split('?').nth(1).unwrap();
                assert_eq!(answer.status, 400, "{path}: {}", answer.text);
                assert!(answer.text.contains(name), "{}", answer.text);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rows_that_cannot_be_read_do_not_break_lists() {
    scenario(Setup::default(), async |app| {
        let mut ids = Vec::new();
        for number in 0..3 {
            let made = app.person(&format!("p{number}@example.org"), PASSWORD).await;
            ids.push(made["id"].as_str().unwrap().parse::<Uuid>().unwrap());
            let mut visitor = app.visitor(Mode::Native);
            visitor.sign_in(&format!("p{number}@example.org"), PASSWORD).await;
        }
        let mut batch = Batch::new();
        batch.add("UPDATE identities SET document = '{' WHERE id = ?", [ids[0].into()]);
        batch.add("UPDATE credentials SET config = '{' WHERE identity_id = ?", [ids[1].into()]);
        batch.add("UPDATE sessions SET methods = '{' WHERE identity_id = ?", [ids[0].into()]);
        batch.add("UPDATE sessions SET devices = '{' WHERE identity_id = ?", [ids[1].into()]);
        app.store.commit(batch).await.unwrap();
        let shown = async |path: &str| -> Vec<Value> {
            let answer = app.admin("GET", path, None).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            answer.json().as_array().unwrap().clone()
        };
        let [first, second, _] = ids[..] else { unreachable!() };
        assert_eq!(shown("/admin/identities").await.len(), 3);
        assert_eq!(shown("/admin/identities?include_credential=password").await.len(), 3);
        assert_eq!(shown("/admin/identities?sort=-created_at&page_size=1").await.len(), 1);
        assert_eq!(shown("/admin/identities?preview_credentials_identifier_similar=p").await.len(), 3);
        assert_eq!(shown(&format!("/admin/identities?ids={first}")).await[0]["traits"], json!({}));
        assert_eq!(shown("/admin/sessions?expand=identity&expand=devices").await.len(), 3);
        assert_eq!(shown("/admin/sessions").await.len(), 3);
        assert_eq!(shown(&format!("/admin/identities/{first}/sessions")).await.len(), 1);
        assert_eq!(shown(&format!("/admin/identities/{second}/sessions")).await.len(), 1);
        for path in [format!("/admin/identities/{first}"), format!("/admin/identities/{second}")] {
            let answer = app.admin("GET", &path, None).await;
            assert_eq!(answer.status, 500, "{path}: {}", answer.text);
        }
    })
    .await;
}
