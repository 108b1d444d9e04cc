//! What becomes of the fields of a form, by the types that a schema declares.

use crate::schema::{Fields, IdentitySchema, split};
use serde_json::{Value, json};

fn schema() -> IdentitySchema {
    let text = json!({ "type": "string" });
    let home = json!({ "type": "object", "required": ["rooms"], "properties": {
        "town": text, "rooms": { "type": "integer" }, "tags": { "type": "array", "items": text } } });
    let traits = json!({ "type": "object", "required": ["terms", "name"], "properties": {
        "email": text, "age": { "type": "integer" }, "terms": { "type": "boolean" }, "news": { "type": "boolean" },
        "name": { "type": "object", "properties": { "first": text, "born": { "type": "object", "properties": { "town": text } } } },
        "tags": { "type": "array", "items": text }, "ages": { "type": "array", "items": { "type": "number" } },
        "flags": { "type": "array", "items": { "type": "boolean" } }, "homes": { "type": "array", "items": home },
        "any": { "type": "array" }, "pair": { "type": "array", "items": [text, { "type": "number" }] },
        "a.b": text, "c\\": text, "map": { "type": "object" }, "open": {}, "kept": { "type": "string", "disableFormField": true },
        "size": { "enum": [1, "m", null], "default": 1 },
    } });
    IdentitySchema::compile("s", json!({ "properties": { "traits": traits } }).to_string().as_bytes()).unwrap()
}

/// The fields of `name=value&…`, below `traits`.
fn fields(form: &str) -> Fields {
    let mut fields = Fields::default();
    for pair in form.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        fields.insert(split(name, 16).unwrap(), value.into());
    }
    fields
}

/// What is read beside the required members, which are there in any case.
fn read(form: &str) -> Value {
    let mut traits = schema().read(Some(&fields(form)), None);
    let members = traits.as_object_mut().unwrap();
    members.shift_remove("name").filter(|name| *name != json!({})).map(|name| members.insert("name".into(), name));
    traits
}

#[test]
fn the_type_decides_which_values_count() {
    for (form, expected) in [
        ("email=a&email=b", json!({ "email": "a" })),
        ("email=a&email=", json!({ "email": "a" })),
        ("age=42&age=7", json!({ "age": 42 })),
        ("age=18446744073709551615", json!({ "age": u64::MAX })),
        ("age=old", json!({ "age": "old" })),
        ("news=false&news=true", json!({ "news": true })),
        ("terms=false&terms=1", json!({ "terms": true })),
        ("terms=", json!({ "terms": false })),
        ("email=&age=&news=&tags=&map=&open=", json!({})),
        ("tags=a&tags=b&tags=a", json!({ "tags": ["a", "b", "a"] })),
        ("tags=a&tags=", json!({ "tags": ["a"] })),
        ("ages=1&ages=2.5&ages=x", json!({ "ages": [1, 2.5, "x"] })),
        ("flags=true&flags=0", json!({ "flags": [true, false] })),
        ("any=1&any=x", json!({ "any": ["1", "x"] })),
        ("pair=1&pair=2", json!({ "pair": ["1", 2] })),
        ("unknown=x&email.x=y", json!({})),
        ("size=1", json!({ "size": 1 })),
        ("size=m", json!({ "size": "m" })),
        ("open=5", json!({ "open": "5" })),
    ] {
        assert_eq!(read(form), expected, "{form}");
    }
}

#[test]
fn lists_are_taken_by_index_and_objects_by_member() {
    for (form, expected) in [
        ("tags.1=b&tags.0=a&tags.10=c", json!({ "tags": ["a", "b", "c"] })),
        ("tags=a&tags.0=b&tags.x=c", json!({ "tags": ["a", "b"] })),
        (
            "homes.0.town=Ulm&homes.0.rooms=2&homes.1.town=&homes.1.rooms=",
            json!({ "homes": [{ "town": "Ulm", "rooms": 2 }] }),
        ),
        ("homes.0.rooms=2&homes.0.tags=x&homes.0.tags=y", json!({ "homes": [{ "rooms": 2, "tags": ["x", "y"] }] })),
        ("homes.0.town=Ulm&homes.0.rooms=", json!({ "homes": [{ "town": "Ulm", "rooms": 0 }] })),
        ("name.first=A&name.born.town=B", json!({ "name": { "first": "A", "born": { "town": "B" } } })),
        ("name.first=A&name.born.town=", json!({ "name": { "first": "A" } })),
        ("map.a=1&map.b.c=2", json!({ "map": { "a": "1", "b": { "c": "2" } } })),
        (r"a\.b=v", json!({ "a.b": "v" })),
        ("a.b=v", json!({})),
        (r"c\\=v", json!({ "c\\": "v" })),
    ] {
        assert_eq!(read(form), expected, "{form}");
    }
}

#[test]
fn lists_and_objects_may_be_one_json_text() {
    for (form, expected) in [
        (r#"tags=["p","q"]"#, json!({ "tags": ["p", "q"] })),
        (r#"tags=["p"]&tags="#, json!({ "tags": [r#"["p"]"#] })),
        (r#"homes={"rooms":1}"#, json!({ "homes": [{ "rooms": 1 }] })),
        (r#"name={"first":"","x":1}"#, json!({ "name": { "first": "", "x": 1 } })),
        (r#"name={"first":"A","x":1}&name.first=B"#, json!({ "name": { "first": "B", "x": 1 } })),
        ("name=A", json!({ "name": "A" })),
        ("name=[]", json!({ "name": [] })),
    ] {
        assert_eq!(read(form), expected, "{form}");
    }
}

#[test]
fn json_is_taken_as_it_is_sent() {
    let sent = json!({ "email": "", "age": "21", "news": null, "tags": "x", "extra": { "a": [] } });
    assert_eq!(schema().read(Some(&sent.clone().into()), Some(&json!({ "open": 1 }))), sent);
    for (sent, expected) in [
        (json!("{\"email\": \"\"}"), json!({ "email": "" })),
        (json!("[]"), json!([])),
        (json!("no json"), json!("no json")),
        (json!(7), json!(7)),
        (json!(null), json!({ "name": {} })),
        (json!(""), json!({ "name": {} })),
    ] {
        assert_eq!(schema().read(Some(&sent.clone().into()), None), expected, "{sent}");
    }
    let mut both = Fields::from(json!({ "email": "a", "name": { "first": "A", "x": 1 } }));
    both.insert(["terms".to_owned()], json!(1));
    both.insert(["name".to_owned(), "first".to_owned()], json!(5));
    let expected = json!({ "email": "a", "name": { "first": "5", "x": 1 }, "terms": true });
    assert_eq!(schema().read(Some(&both), None), expected);
}

#[test]
fn what_a_form_cannot_name_stays() {
    let stored = json!({
        "email": "a", "legacy": 1, "open": [1], "kept": "k", "map": { "x": 1 }, "name": { "first": "A", "title": "Dr" },
        "homes": [{ "rooms": 1, "key": 7 }, {}], "news": true, "tags": ["", "a"], "size": null,
    });
    let read = |form: &str| schema().read(Some(&fields(form)), Some(&stored));
    let unchanged = "email=a&name.first=A&name.born.town=&homes.0.rooms=1&homes.0.town=&homes.1.rooms=&homes.2.rooms=\
                     &news=false&news=true&tags=&tags=a&tags=&size=";
    assert_eq!(read(unchanged), stored);
    let changed = json!({
        "legacy": 1, "open": [1], "kept": "k", "map": { "x": 1 }, "name": { "title": "Dr" }, "homes": [{ "rooms": 2, "key": 7 }],
    });
    assert_eq!(read("email=&homes.0.rooms=2"), changed);
    assert_eq!(read("map.y=2")["map"], json!({ "y": "2" }));
}

#[test]
fn line_ends_of_browsers_change_nothing() {
    for stored in ["a\nb", "a\r\nb", "a\rb\n"] {
        let mut sent = Fields::default();
        sent.insert(
            ["email".to_owned()],
            json!(stored.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")),
        );
        assert_eq!(schema().read(Some(&sent), Some(&json!({ "email": stored })))["email"], stored);
    }
}
