//! What clients send and what is stored of it: JSON keeps its shape, fields of forms are read by the identity schema.

use crate::wire::PASSWORD;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;
use zelos_core::config::ContentUri;
use zelos_testkit::{Answer, App, Mode, Persona, Setup, node, scenario};

/// An identity schema with an address to sign in with, and these traits.
pub(crate) fn schema(traits: Value) -> Value {
    let mark = json!({ "credentials": { "password": { "identifier": true } } });
    let mut whole = json!({
        "type": "object",
        "properties": { "email": { "type": "string", "format": "email", "ory.sh/kratos": mark } },
        "required": ["email"],
    });
    let Value::Object(mut traits) = traits else { panic!("traits are an object") };
    let properties = traits.remove("properties").unwrap_or_default();
    let known = whole["properties"].as_object_mut().unwrap();
    known.extend(properties.as_object().cloned().unwrap_or_default());
    whole.as_object_mut().unwrap().extend(traits);
    json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": { "traits": whole } })
}

pub(crate) fn setup(traits: Value) -> Setup {
    let url = ContentUri::inline(schema(traits).to_string());
    Setup::with(json!({
        "identity": { "schemas": [{ "id": "default", "url": url }] },
        "selfservice": { "methods": { "profile": { "enabled": true } } },
    }))
}

/// The stored traits of whoever has that address.
pub(crate) async fn stored(app: &App, email: &str) -> Value {
    let query = format!("/admin/identities?credentials_identifier={email}");
    app.admin("GET", &query, None).await.json()[0]["traits"].clone()
}

/// Sends the fields as a browser does.
pub(crate) async fn post(visitor: &mut Persona, flow: &Value, fields: &[(&str, &str)]) -> Answer {
    let token = node(flow, "csrf_token")["attributes"]["value"].clone();
    let mut form = Serializer::new(String::new());
    form.append_pair("csrf_token", token.as_str().unwrap_or_default()).extend_pairs(fields);
    let action = flow["ui"]["action"].as_str().unwrap();
    let path = action.strip_prefix("http://id.example.org").unwrap();
    visitor.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], form.finish()).await
}

async fn register(app: &App, traits: &Value) -> Answer {
    app.visitor(Mode::Native).sign_up(traits.clone(), PASSWORD).await
}

/// Registers with these traits as JSON, and expects exactly them to be stored.
async fn is_kept(app: &App, traits: Value) {
    let answer = register(app, &traits).await;
    assert_eq!(answer.status, 200, "{traits}: {}", answer.text);
    assert_eq!(answer.json()["identity"]["traits"], traits);
    assert_eq!(stored(app, traits["email"].as_str().unwrap()).await, traits);
}

/// Expects a registration to be refused with that message at that node.
async fn is_refused(app: &App, traits: Value, at: &str, id: u64) {
    let answer = register(app, &traits).await;
    assert_eq!(answer.status, 400, "{traits}: {}", answer.text);
    assert!(answer.node_messages(at).contains(&id), "{traits}: {}", answer.text);
}

#[tokio::test]
async fn json_traits_that_the_schema_does_not_name_are_stored() {
    let lang = json!({ "type": "object", "properties": { "lang": { "type": "string" } } });
    scenario(setup(json!({ "properties": { "prefs": lang } })), async |app| {
        is_kept(app, json!({ "email": "a@example.org", "extra": "1", "null": null, "deep": { "a": [{ "b": "" }] } }))
            .await;
        is_kept(app, json!({ "email": "b@example.org", "prefs": { "lang": "de", "theme": "dark" } })).await;
        is_kept(app, json!({ "email": "c@example.org", "prefs": {} })).await;
    })
    .await;
    scenario(setup(json!({ "patternProperties": { "^x-": { "type": "string" } } })), async |app| {
        is_kept(app, json!({ "email": "c@example.org", "x-foo": "1" })).await;
        is_refused(app, json!({ "email": "d@example.org", "x-foo": 1 }), "traits.x-foo", 4_000_026).await;
    })
    .await;
    scenario(setup(json!({ "additionalProperties": { "type": "string" } })), async |app| {
        is_kept(app, json!({ "email": "c@example.org", "x-foo": "" })).await;
        is_refused(app, json!({ "email": "d@example.org", "x-foo": 1 }), "traits.x-foo", 4_000_026).await;
    })
    .await;
    scenario(setup(json!({ "additionalProperties": false })), async |app| {
        let answer = register(app, &json!({ "email": "d@example.org", "extra": "1" })).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
        assert_eq!(answer.node_messages("traits"), [4_000_001]);
        assert!(answer.text.contains("extra"), "{}", answer.text);
        assert_eq!(stored(app, "d@example.org").await, Value::Null);
    })
    .await;
}

#[tokio::test]
async fn json_traits_are_judged_as_they_are_sent() {
    let text = json!({ "type": "string" });
    let outer =
        json!({ "type": "object", "properties": { "inner": { "type": "object", "properties": { "x": text } } } });
    let setup = setup(json!({ "required": ["email", "name"], "properties": {
        "name": { "type": "object", "required": ["first", "last"], "properties": { "first": text, "last": text } },
        "nick": text, "short": { "type": "string", "minLength": 1 }, "site": { "type": "string", "format": "uri" },
        "age": { "type": "integer" }, "tags": { "type": "array", "items": text }, "outer": outer,
        "homes": { "type": "array", "items": { "type": "object", "properties": { "town": text } } },
    } }));
    scenario(setup, async |app| {
        let with = |email: &str, more: Value| {
            let mut traits = json!({ "email": email, "name": { "first": "A", "last": "B" } });
            traits.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            traits
        };
        is_kept(app, with("one@example.org", json!({ "name": { "first": "A", "last": "" } }))).await;
        is_kept(app, with("two@example.org", json!({ "nick": "", "tags": [""], "homes": [{}] }))).await;
        for (more, at, id) in [
            (json!({ "short": "" }), "traits.short", 4_000_003),
            (json!({ "site": "" }), "traits.site", 4_000_001),
            (json!({ "nick": null }), "traits.nick", 4_000_026),
            (json!({ "nick": 5 }), "traits.nick", 4_000_026),
            (json!({ "age": "21" }), "traits.age", 4_000_026),
            (json!({ "tags": "x" }), "traits.tags", 4_000_026),
            (json!({ "outer": null }), "traits.outer", 4_000_026),
            (json!({ "outer": "x" }), "traits.outer", 4_000_026),
            (json!({ "outer": { "inner": 1 } }), "traits.outer.inner", 4_000_026),
            (json!({ "name": { "first": "A" } }), "traits.name.last", 4_000_002),
        ] {
            is_refused(app, with("three@example.org", more), at, id).await;
        }
        for traits in [json!([]), json!([{ "email": "x@example.org" }]), json!(7)] {
            is_refused(app, traits, "traits", 4_000_026).await;
        }
    })
    .await;
}

#[tokio::test]
async fn flat_members_of_json_go_by_the_rules_of_forms() {
    let setup = setup(json!({ "properties": { "tos": { "type": "boolean" }, "age": { "type": "integer" },
        "nick": { "type": "string" }, "tags": { "type": "array", "items": { "type": "string" } } } }));
    scenario(setup, async |app| {
        let mut visitor = app.visitor(Mode::Native);
        let flow = visitor.begin("registration", "").await;
        let values = json!({ "method": "password", "password": PASSWORD, "traits.email": "a@example.org",
            "traits.tos": 1, "traits.age": "21", "traits.nick": "", "traits.tags": ["x", "y"], "traits.none": 1 });
        let answer = visitor.submit(&flow, values).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let expected = json!({ "email": "a@example.org", "tos": true, "age": 21, "tags": ["x", "y"] });
        assert_eq!(answer.json()["identity"]["traits"], expected);
    })
    .await;
}

#[tokio::test]
async fn what_an_administrator_stored_survives_a_save() {
    let properties = json!({ "nick": { "type": "string" }, "shut": { "type": "string", "disableFormField": true } });
    scenario(setup(json!({ "properties": properties })), async |app| {
        for mode in Mode::ALL {
            let email = format!("e-{mode:?}@example.org").to_lowercase();
            let traits = json!({ "email": email, "legacy": { "a": [1] }, "shut": "s", "nick": "n" });
            let password = json!({ "password": { "config": { "password": PASSWORD } } });
            let body = json!({ "schema_id": "default", "traits": traits, "credentials": password });
            assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
            let mut visitor = app.visitor(mode);
            visitor.sign_in(&email, PASSWORD).await;
            let flow = visitor.begin("settings", "").await;
            if mode == Mode::Page {
                let fields = [("method", "profile"), ("traits.email", &email), ("traits.nick", "n")];
                post(&mut visitor, &flow, &fields).await;
                assert_eq!(stored(app, &email).await, traits);
                let fields = [("method", "profile"), ("traits.email", &email), ("traits.nick", "")];
                post(&mut visitor, &flow, &fields).await;
                let expected = json!({ "email": email, "legacy": { "a": [1] }, "shut": "s" });
                assert_eq!(stored(app, &email).await, expected);
                continue;
            }
            let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(stored(app, &email).await, traits);
            // What JSON sends is the whole.
            let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": { "email": email } })).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(stored(app, &email).await, json!({ "email": email }));
        }
    })
    .await;
}

#[tokio::test]
async fn stored_traits_that_a_closed_schema_forbids_do_not_block_a_form() {
    let database = zelos_testkit::Database::sqlite().unwrap();
    let app = App::start(&database, &setup(json!({}))).await.unwrap();
    let email = "old@example.org";
    let body = json!({ "schema_id": "default", "traits": { "email": email, "legacy": "L" },
        "credentials": { "password": { "config": { "password": PASSWORD } } } });
    assert_eq!(app.admin("POST", "/admin/identities", Some(body)).await.status, 201);
    let closed = json!({ "additionalProperties": false, "properties": { "nick": { "type": "string" } } });
    app.reload(&database, &setup(closed)).await.unwrap();
    let mut visitor = app.visitor(Mode::Page);
    visitor.sign_in(email, PASSWORD).await;
    let flow = visitor.begin("settings", "").await;
    post(&mut visitor, &flow, &[("method", "profile"), ("traits.email", email), ("traits.nick", "n")]).await;
    assert_eq!(stored(&app, email).await, json!({ "email": email, "nick": "n" }));
}

#[tokio::test]
async fn the_fields_of_a_form_are_read_by_their_type() {
    let text = json!({ "type": "string" });
    let home = json!({ "type": "object", "properties": { "town": text, "rooms": { "type": "integer" } } });
    let list = |items: Value| json!({ "type": "array", "items": items });
    let setup = setup(json!({ "properties": {
        "tags": list(text.clone()), "ages": list(json!({ "type": "number" })), "flags": list(json!({ "type": "boolean" })),
        "homes": list(home.clone()), "home": home, "news": { "type": "boolean" }, "nick": text, "a.b": text,
        "https://example.org/role": text,
    } }));
    scenario(setup, async |app| {
        let mut number = 0;
        for (fields, expected) in [
            (
                vec![("traits.tags", "1"), ("traits.tags", "2"), ("traits.tags", "3")],
                json!({ "tags": ["1", "2", "3"] }),
            ),
            (vec![("traits.ages", "1"), ("traits.ages", "2.5")], json!({ "ages": [1, 2.5] })),
            (vec![("traits.flags", "true"), ("traits.flags", "false")], json!({ "flags": [true, false] })),
            (vec![("traits.news", "false"), ("traits.news", "true")], json!({ "news": true })),
            (vec![("traits.nick", "one"), ("traits.nick", "two")], json!({ "nick": "one" })),
            (vec![("traits.tags.1", "b"), ("traits.tags.0", "a")], json!({ "tags": ["a", "b"] })),
            (
                vec![("traits.homes.0.town", "Ulm"), ("traits.homes.0.rooms", "3")],
                json!({ "homes": [{ "town": "Ulm", "rooms": 3 }] }),
            ),
            (vec![("traits.home.town", "Ulm"), ("traits.home.rooms", "")], json!({ "home": { "town": "Ulm" } })),
            (vec![("traits.tags", r#"["p","q"]"#)], json!({ "tags": ["p", "q"] })),
            (vec![("traits.home", r#"{"town":"Ulm"}"#)], json!({ "home": { "town": "Ulm" } })),
            (vec![(r"traits.a\.b", "v")], json!({ "a.b": "v" })),
            (vec![(r"traits.https://example\.org/role", "v")], json!({ "https://example.org/role": "v" })),
            (vec![("traits.unknown", "v"), ("traits.a.b", "v")], json!({})),
        ] {
            number += 1;
            let email = format!("p{number}@example.org");
            let mut visitor = app.visitor(Mode::Page);
            let flow = visitor.begin("registration", "").await;
            let mut all = vec![("traits.email", &*email), ("method", "password"), ("password", PASSWORD)];
            all.extend(fields);
            let answer = post(&mut visitor, &flow, &all).await;
            assert_eq!(answer.status, 303, "{all:?}: {}", answer.text);
            let mut whole = json!({ "email": email });
            whole.as_object_mut().unwrap().extend(expected.as_object().unwrap().clone());
            assert_eq!(stored(app, &email).await, whole, "{all:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn all_addresses_of_a_list_stay_identifiers() {
    let mark = json!({ "credentials": { "password": { "identifier": true } } });
    let email = json!({ "type": "string", "format": "email", "ory.sh/kratos": mark });
    let emails = json!({ "type": "array", "items": email });
    let setup = setup(json!({ "required": ["emails"], "properties": { "emails": emails } }));
    scenario(setup, async |app| {
        let mut visitor = app.visitor(Mode::Page);
        let flow = visitor.begin("registration", "").await;
        let both =
            [("traits.email", "e@example.org"), ("traits.emails", "a@example.org"), ("traits.emails", "b@example.org")];
        let more = [("method", "password"), ("password", PASSWORD)];
        assert_eq!(post(&mut visitor, &flow, &[&both[..], &more].concat()).await.status, 303);
        let expected = json!({ "email": "e@example.org", "emails": ["a@example.org", "b@example.org"] });
        assert_eq!(stored(app, "e@example.org").await, expected);
        let flow = visitor.begin("settings", "").await;
        post(&mut visitor, &flow, &[&both[..], &[("method", "profile")]].concat()).await;
        assert_eq!(stored(app, "e@example.org").await, expected);
        for email in ["a@example.org", "b@example.org"] {
            assert_eq!(app.visitor(Mode::Native).sign_in(email, PASSWORD).await.status, 200);
        }
        // The API shows the list as one value, as Kratos does.
        let flow = visitor.begin("settings", "").await;
        assert_eq!(node(&flow, "traits.emails")["attributes"]["value"], expected["emails"]);
        let wrong = [
            ("method", "profile"),
            ("traits.email", "e@example.org"),
            ("traits.emails", "x"),
            ("traits.emails", "b@example.org"),
        ];
        let answer = post(&mut visitor, &flow, &wrong).await;
        let flow = visitor.flow("settings", &answer).await;
        assert_eq!(node(&flow, "traits.emails.0")["messages"][0]["id"], 4_000_040, "{flow}");
        assert_eq!(node(&flow, "traits.emails")["attributes"]["value"], json!(["x", "b@example.org"]));
    })
    .await;
}

#[tokio::test]
async fn all_that_is_missing_is_told_at_once() {
    let name = json!({ "type": "object", "required": ["first"], "properties": { "first": { "type": "string" } } });
    let setup = setup(json!({ "required": ["email", "name"], "properties": { "name": name } }));
    scenario(setup, async |app| {
        for mode in Mode::ALL {
            let mut visitor = app.visitor(mode);
            for (kind, fields) in [
                ("login", vec!["identifier", "password"]),
                ("registration", vec!["traits.email", "traits.name.first", "password"]),
            ] {
                for blank in [false, true] {
                    let flow = visitor.begin(kind, "").await;
                    let mut values = serde_json::Map::from_iter([("method".to_owned(), json!("password"))]);
                    if blank {
                        values.extend(fields.iter().map(|field| ((*field).to_owned(), json!(""))));
                    }
                    let answer = visitor.submit(&flow, values.into()).await;
                    let flow = visitor.flow(kind, &answer).await;
                    for field in &fields {
                        assert_eq!(node(&flow, field)["messages"][0]["id"], 4_000_002, "{field} in {flow}");
                    }
                    let texts: usize = flow["ui"]["nodes"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|node| node["messages"].as_array().unwrap().len())
                        .sum();
                    assert_eq!((texts, &flow["ui"]["messages"]), (fields.len(), &Value::Null), "{flow}");
                }
            }
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "password", "password_identifier": "x@example.org" });
            let answer = visitor.submit(&flow, values).await;
            let flow = visitor.flow("login", &answer).await;
            assert_eq!(node(&flow, "password")["messages"][0]["id"], 4_000_002);
            assert_eq!(node(&flow, "identifier")["messages"], json!([]));
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_echoed_is_bounded() {
    let setup = setup(
        json!({ "properties": { "about": { "type": "string" }, "short": { "type": "string", "maxLength": 3 } } }),
    );
    scenario(setup, async |app| {
        let mut visitor = app.visitor(Mode::Native);
        for (length, is_shown) in [(512, true), (513, false)] {
            let identifier = "ö".repeat(length);
            let flow = visitor.begin("login", "").await;
            let values = json!({ "method": "password", "identifier": identifier, "password": "x" });
            let shown = visitor.submit(&flow, values).await.json();
            let value = &node(&shown, "identifier")["attributes"]["value"];
            assert_eq!(*value, if is_shown { identifier.into() } else { json!("") }, "{length}");
        }
        let flow = visitor.begin("registration", "").await;
        for (length, is_shown) in [(60 << 10, true), (70 << 10, false), (2 << 20, false)] {
            let traits =
                json!({ "email": "a@example.org", "about": "x".repeat(length), "short": "long".repeat(length / 4) });
            let (about, all) = (traits["about"].clone(), json!({ "about": traits["about"], "email": "a@example.org" }));
            let values =
                json!({ "method": "password", "password": "x", "traits": if is_shown { all } else { traits } });
            let answer = visitor.submit(&flow, values).await;
            assert_eq!(answer.status, 400);
            assert!(answer.text.len() < 80 << 10, "{}", answer.text.len());
            assert_eq!(
                node(&answer.json(), "traits.about")["attributes"]["value"],
                if is_shown { about } else { Value::Null }
            );
        }
        let names: Value = (0..2_000).map(|index| (format!("{index}{}", "n".repeat(1_000)), json!(1))).collect();
        let values = json!({ "method": "password", "password": "x", "traits": names });
        let answer = visitor.submit(&flow, values).await;
        assert!(answer.text.len() < 80 << 10, "{}", answer.text.len());
    })
    .await;
}

#[tokio::test]
async fn json_texts_of_forms_have_the_bounds_of_json() {
    let enabled = json!({ "enabled": true });
    let flows = json!({ "selfservice": { "methods": { "code": enabled }, "flows": { "recovery": enabled } } });
    scenario(setup(json!({ "properties": { "any": { "type": "array" } } })).and(&flows), async |app| {
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        for object in [nested(64), nested(122), r#"{"a":"\u0000"}"#.to_owned(), r#"{"\u0000":1}"#.to_owned()] {
            let mut visitor = app.visitor(Mode::Page);
            let list = format!("[{object}]");
            for password in [PASSWORD, ""] {
                let flow = visitor.begin("registration", "").await;
                let fields = [
                    ("traits.email", "a@example.org"),
                    ("traits.any", &*list),
                    ("method", "password"),
                    ("password", password),
                ];
                let answer = post(&mut visitor, &flow, &fields).await;
                let shown = visitor.flow("registration", &answer).await;
                assert_eq!(node(&shown, "traits")["messages"][0]["id"], 4_000_001, "{list}: {shown}");
                assert_eq!(node(&shown, "traits.any")["attributes"].get("value"), None, "{list}");
            }
            let flow = visitor.begin("recovery", "").await;
            let fields = [("method", "code"), ("email", "a@example.org"), ("transient_payload", &*object)];
            let answer = post(&mut visitor, &flow, &fields).await;
            let shown = visitor.flow("recovery", &answer).await;
            assert_eq!(shown["ui"]["messages"][0]["id"], 4_000_001, "{object}: {shown}");
            assert_eq!(shown["state"], "choose_method");
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_step_of_a_registration_keeps_so_much() {
    let two_steps = json!({ "selfservice": { "flows": { "registration": { "style": "profile_first" } } } });
    let setup = setup(json!({ "properties": { "about": { "type": "string" } } })).and(&two_steps);
    scenario(setup, async |app| {
        for screen in [json!({ "method": "profile" }), json!({ "screen": "previous" })] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin("registration", "").await;
            let with = |about: &str| {
                let mut values = screen.clone();
                values["traits"] = json!({ "email": "a@example.org", "about": about });
                values
            };
            let answer = visitor.submit(&flow, with(&"x".repeat(70 << 10))).await;
            assert_eq!(answer.node_messages("traits"), [4_000_001], "{}", &answer.text[..2_000]);
            assert!(answer.text.len() < 20 << 10);
            let answer = visitor.submit(&flow, with("short")).await;
            assert_eq!(node(&answer.json(), "traits.about")["attributes"]["value"], "short");
        }
    })
    .await;
}

#[tokio::test]
async fn the_second_step_of_a_registration_keeps_what_the_first_has_told() {
    let two_steps = json!({ "selfservice": { "flows": { "registration": { "style": "profile_first" } } } });
    let list = json!({ "type": "array", "items": { "type": "string" } });
    let setup = setup(json!({ "properties": { "tags": list, "nick": { "type": "string" } } })).and(&two_steps);
    scenario(setup, async |app| {
        let mut visitor = app.visitor(Mode::Spa);
        let flow = visitor.begin("registration", "").await;
        let traits = json!({ "email": "a@example.org", "tags": ["p", ""], "nick": "", "extra": { "a": 1 } });
        let answer = visitor.submit(&flow, json!({ "method": "profile", "traits": traits })).await;
        let flow = answer.json();
        let tags = node(&flow, "traits.tags")["attributes"]["value"].to_string();
        let fields = [("traits.email", "a@example.org"), ("traits.tags", &tags), ("traits.nick", "")];
        let more = [("method", "password"), ("password", PASSWORD)];
        let answer = post(&mut visitor, &flow, &[&fields[..], &more].concat()).await;
        assert!(matches!(answer.status.as_u16(), 200 | 303), "{}", answer.text);
        assert_eq!(stored(app, "a@example.org").await, traits);
    })
    .await;
}

#[tokio::test]
async fn long_bodies_are_for_traits_only() {
    let enabled = json!({ "enabled": true });
    let flows = json!({ "selfservice": { "methods": { "code": enabled }, "flows": { "recovery": enabled, "verification": enabled } } });
    scenario(setup(json!({})).and(&flows), async |app| {
        for (kind, expected) in [("login", 413), ("recovery", 413), ("verification", 413), ("registration", 400)] {
            let mut visitor = app.visitor(Mode::Native);
            let flow = visitor.begin(kind, "").await;
            let values = json!({ "method": "password", "unknown": "x".repeat(65 << 10) });
            let answer = visitor.submit(&flow, values).await;
            assert_eq!(answer.status, expected, "{kind}: {}", answer.text);
        }
    })
    .await;
}
