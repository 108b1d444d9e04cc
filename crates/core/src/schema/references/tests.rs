use super::*;
use crate::{
    identity::{CredentialType, Via},
    schema::{Fields, IdentitySchema},
};
use serde_json::json;

/// Documents by their URLs.
type Files<'a> = &'a [(&'a str, Value)];

/// A schema whose traits are `address` as the reference says, read at that URL.
fn gathered(url: &str, root: &Value, files: Files<'_>) -> Result<References, SchemaError> {
    let mut references = References::new(url, root.to_string().as_bytes())?;
    while let Some(place) = references.missing()? {
        let found = files.iter().find(|(known, _)| *known == place.as_str());
        let raw = match (found, place.local()) {
            (Some((_, value)), _) => value.to_string().into_bytes(),
            (None, Ok(crate::config::Contents::Here(raw))) => raw.to_vec(),
            (None, _) => panic!("{place} is asked for and not there"),
        };
        references.add(&place, &raw)?;
    }
    Ok(references)
}

fn schema(url: &str, root: &Value, files: Files<'_>) -> Result<IdentitySchema, SchemaError> {
    IdentitySchema::of("default", gathered(url, root, files)?)
}

fn root(reference: &str) -> Value {
    with(&json!({ "address": { "$ref": reference } }))
}

fn with(properties: &Value) -> Value {
    json!({ "properties": { "traits": { "type": "object", "properties": properties } } })
}

fn address() -> Value {
    json!({ "type": "object", "required": ["city"], "properties": {
        "city": { "type": "string", "title": "City", "minLength": 2 },
        "mail": { "type": "string", "format": "email", "ory.sh/kratos": {
            "credentials": { "password": { "identifier": true } },
            "verification": { "via": "email" },
            "recovery": { "via": "email" },
        } },
    } })
}

/// What is read of the address, wherever it is described.
fn is_understood(schema: &IdentitySchema, case: &str) {
    assert_eq!(schema.keys(), ["traits.address.city", "traits.address.mail"], "{case}");
    let nodes = schema.nodes(crate::ui::Group::Default);
    assert_eq!(nodes[0].meta.label.as_ref().unwrap().text, "City", "{case}");
    let derived = schema.validate(&json!({ "address": { "city": "Rome", "mail": "A@example.org" } })).unwrap();
    assert_eq!(derived.identifiers, [(CredentialType::Password, "a@example.org".to_owned())], "{case}");
    let mail = [(Via::Email, "a@example.org".to_owned())];
    assert_eq!((derived.verifiable, derived.recovery), (mail.to_vec(), mail.to_vec()), "{case}");
    let wrong = schema.validate(&json!({ "address": { "city": "R" } })).unwrap_err();
    assert_eq!(wrong.0[0].at.as_deref(), Some("traits.address.city"), "{case}");
    assert!(schema.validate(&json!({ "address": {} })).is_err(), "{case}");
}

#[test]
fn references_lead_to_where_kratos_finds_them() {
    let encoded = ContentUri::inline(address().to_string());
    let parts = json!({ "definitions": { "a/b %": address() }, "$defs": { "a": address() } });
    let chain = json!({ "$ref": "../b.json" });
    let own_chain =
        json!({ "$ref": "#/definitions/x", "definitions": { "x": { "$ref": "#/definitions/y" }, "y": address() } });
    let named =
        json!({ "$id": "https://else.example/named.json", "definitions": { "x": { "$id": "#x", "$ref": "b.json" } } });
    for (url, reference, files) in [
        ("file:///etc/zelos/person.json", "file:///srv/a.json", &[("file:///srv/a.json", address())][..]),
        ("file:///etc/zelos/person.json", "a.json", &[("file:///etc/zelos/a.json", address())]),
        ("file:///etc/zelos/person.json", "./a.json#", &[("file:///etc/zelos/a.json", address())]),
        ("file:///etc/zelos/person.json", "../a.json", &[("file:///etc/a.json", address())]),
        ("file:///etc/zelos/person.json", "/a.json", &[("file:///a.json", address())]),
        ("file://./schemas/person.json", "a.json", &[("file://./schemas/a.json", address())]),
        ("file://person.json", "a.json", &[("file://a.json", address())]),
        ("https://id.example/s/person.json?v=2", "a.json", &[("https://id.example/s/a.json", address())]),
        ("https://id.example/s/person.json", "//b.example/a", &[("https://b.example/a", address())]),
        ("https://id.example/s/person.json", "file:///a.json", &[("file:///a.json", address())]),
        ("base64://e30=", "https://a.example/a.json", &[("https://a.example/a.json", address())]),
        ("base64://e30=", encoded.as_str(), &[]),
        ("file:///p.json", "a.json#/definitions/a~1b%20%25", &[("file:///a.json", parts.clone())]),
        ("file:///p.json", "a.json#/$defs/a", &[("file:///a.json", parts.clone())]),
        ("file:///d/p.json", "c/c.json", &[("file:///d/c/c.json", chain), ("file:///d/b.json", address())]),
        ("file:///p.json", "a.json", &[("file:///a.json", own_chain)]),
        ("file:///p.json", "n.json#x", &[("file:///n.json", named), ("https://else.example/b.json", address())]),
    ] {
        let case = format!("{url} {reference}");
        let schema = schema(url, &root(reference), files).unwrap_or_else(|error| panic!("{case}: {error}"));
        is_understood(&schema, &case);
    }
}

#[test]
fn id_of_a_schema_is_where_its_references_count_from() {
    let mut by_id = root("a.json");
    by_id["$id"] = json!("https://id.example/s/person.json");
    is_understood(
        &schema("file:///p.json", &by_id, &[("https://id.example/s/a.json", address())]).unwrap(),
        "absolute",
    );
    by_id["$id"] = json!("s/person");
    is_understood(&schema("file:///p.json", &by_id, &[("file:///s/a.json", address())]).unwrap(), "relative");
    by_id["$id"] = json!("https://id.example/s/person.json");
    by_id["definitions"] = json!({ "address": address() });
    for reference in ["person.json#/definitions/address", "https://id.example/s/person.json#/definitions/address"] {
        by_id["properties"]["traits"]["properties"]["address"]["$ref"] = json!(reference);
        is_understood(&schema("base64://e30=", &by_id, &[]).unwrap(), reference);
    }
    // The name of a part does not matter to what stays in the document.
    by_id["definitions"] =
        json!({ "address": { "$id": "https://elsewhere.example/", "$ref": "#/definitions/real" }, "real": address() });
    is_understood(&schema("base64://e30=", &by_id, &[]).unwrap(), "within");
}

#[test]
fn drafts_of_today_are_bundled_as_well() {
    let mut modern = root("a.json#address");
    modern["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    let mut anchored = address();
    anchored["$anchor"] = json!("address");
    let anchored = json!({ "$defs": { "x": anchored } });
    is_understood(&schema("file:///p.json", &modern, &[("file:///a.json", anchored)]).unwrap(), "anchor");
    let old = json!({ "$schema": "http://json-schema.org/draft-07/schema#" });
    let error = gathered("file:///p.json", &modern, &[("file:///a.json", old)]).unwrap_err();
    assert!(matches!(error, SchemaError::Document { .. }), "{error}");
}

#[test]
fn documents_may_refer_to_each_other_and_back() {
    let root = with(&json!({ "person": { "$ref": "person.json" } }));
    let person = json!({ "type": "object", "properties": {
        "name": { "type": "string", "minLength": 2 }, "address": { "$ref": "address.json" } } });
    let address = json!({ "type": "object", "properties": {
        "city": { "type": "string" }, "neighbours": { "type": "array", "items": { "$ref": "person.json" } } } });
    let files = [("file:///person.json", person), ("file:///address.json", address)];
    let schema = schema("file:///p.json", &root, &files).unwrap();
    assert_eq!(schema.keys(), ["traits.person.name", "traits.person.address.city", "traits.person.address.neighbours"]);
    let mut traits = json!({ "person": { "name": "Xx" } });
    for _ in 0..20 {
        traits["person"] = json!({ "name": "Xx", "address": { "neighbours": [traits["person"]] } });
    }
    schema.validate(&traits).unwrap();
    traits["person"]["address"]["neighbours"][0]["address"]["neighbours"][0]["name"] = json!("x");
    assert!(schema.validate(&traits).is_err(), "at any depth");
}

#[test]
fn form_of_a_recursive_schema_ends() {
    let node = json!({ "type": "object", "properties": { "name": { "type": "string" }, "next": { "$ref": "#/definitions/node" } } });
    let mut chain = with(&json!({ "list": { "$ref": "#/definitions/node" } }));
    chain["definitions"] = json!({ "node": node });
    let chain = schema("", &chain, &[]).unwrap();
    assert_eq!(chain.keys(), ["traits.list.name", "traits.list.next.name", "traits.list.next.next.name"]);
    let deep = json!({ "list": { "name": "a", "next": { "next": { "next": { "next": { "name": "e" } } } } } });
    assert_eq!(chain.validate(&deep).unwrap().traits, deep);
    let fields = Fields::from(deep.clone());
    assert_eq!(chain.read(Some(&fields), None), deep, "nothing is lost below the end");
    let wrong = json!({ "list": { "next": { "next": { "next": { "next": { "name": 5 } } } } } });
    assert!(chain.validate(&wrong).is_err(), "and everything is judged");

    let own = schema("", &with(&json!({ "a": { "type": "string" }, "more": { "$ref": "#/properties/traits" } })), &[])
        .unwrap();
    assert_eq!(own.keys().len(), 4);
    let whole = schema("", &with(&json!({ "a": { "type": "string" }, "more": { "$ref": "#" } })), &[]).unwrap();
    assert!(whole.keys().contains(&"traits.more.traits.a".to_owned()), "{:?}", whole.keys());
}

#[test]
fn wide_recursion_is_cut_and_not_refused() {
    let names = (0..30).map(|n| (format!("n{n}"), json!({ "$ref": "#/definitions/node" })));
    let mut properties: Map<String, Value> = names.collect();
    properties.insert("name".to_owned(), json!({ "type": "string" }));
    let mut document = with(&json!({ "tree": { "$ref": "#/definitions/node" } }));
    document["definitions"] = json!({ "node": { "type": "object", "properties": properties } });
    let schema = schema("", &document, &[]).unwrap();
    assert_eq!(schema.keys().len(), 31, "one round of 30, where another would make too many");
}

#[test]
fn what_nothing_refers_to_is_not_read() {
    let mut document = with(&json!({ "name": { "type": "string", "default": { "$ref": "x.json" } } }));
    document["definitions"] = json!({ "unused": { "$ref": "https://gone.example/x.json" } });
    document["properties"]["traits"]["properties"]["$ref"] = json!({ "type": "string" });
    let schema = schema("https://id.example/p.json", &document, &[]);
    assert!(
        matches!(schema, Err(SchemaError::ForeignReference { .. })),
        "data that looks like a reference is refused still"
    );
    document["properties"]["traits"]["properties"]["name"] = json!({ "type": "string" });
    assert_eq!(self::schema("https://id.example/p.json", &document, &[]).unwrap().keys().len(), 2);
}

#[test]
fn what_cannot_be_followed_is_told() {
    let refused =
        |url: &str, reference: &str, files: Files<'_>| schema(url, &root(reference), files).unwrap_err().to_string();
    for (url, reference, files, told) in [
        ("base64://e30=", "a.json", &[][..], "the schema refers to a.json: a relative reference needs"),
        (
            "file:///p.json",
            "ftp://a.example/",
            &[],
            "the schema refers to ftp://a.example/: expected a URI that starts with file://",
        ),
        (
            "file:///p.json",
            "a.json#/x",
            &[("file:///a.json", json!({}))],
            "refers to \"a.json#/x\", which is not there",
        ),
        ("file:///p.json", "a.json#x", &[("file:///a.json", json!({}))], "refers to \"a.json#x\", which is not there"),
        (
            "file:///p.json",
            "a.json",
            &[("file:///a.json", json!({ "properties": { "b": { "$ref": "#/x" } } }))],
            "file:///a.json#/properties/b refers to",
        ),
        (
            "file:///p.json",
            "a.json",
            &[("file:///a.json", json!({ "type": "strange" }))],
            "the schema is no valid JSON Schema: #/definitions/file:~1~1~1a.json/type",
        ),
        (
            "file:///p.json",
            "a.json",
            &[("file:///a.json", json!({ "ory.sh/kratos": { "x": 1 } }))],
            "is no valid ory.sh/kratos extension",
        ),
        ("file:///p.json", "a.json", &[("file:///a.json", json!({ "$ref": "a.json" }))], "refers to itself"),
    ] {
        let error = refused(url, reference, files);
        assert!(error.contains(told), "{url} {reference}: {error}");
    }
    let secret = refused(
        "file:///p.json",
        "https://u:pass@a.example/x?key=k",
        &[("https://u:pass@a.example/x?key=k", json!({ "type": 1 }))],
    );
    assert!(secret.contains("a.example") && !secret.contains("pass") && !secret.contains("key=k"), "{secret}");
}

#[test]
fn number_and_size_of_documents_are_bounded() {
    let mut references = References::new("file:///p.json", root("0.json").to_string().as_bytes()).unwrap();
    let error = (0..).find_map(|number| {
        let place = references.missing().unwrap().unwrap();
        references.add(&place, json!({ "$ref": format!("{}.json", number + 1) }).to_string().as_bytes()).err()
    });
    assert!(error.unwrap().to_string().contains("64 documents"));
    let mut references = References::new("file:///p.json", root("0.json").to_string().as_bytes()).unwrap();
    let mut added = 0;
    let error = (0..).find_map(|number| {
        let place = references.missing().unwrap().unwrap();
        let padding = "x".repeat(bounds::SIZE - 100);
        added += 1;
        let document = json!({ "title": padding, "$ref": format!("{}.json", number + 1) });
        references.add(&place, document.to_string().as_bytes()).err()
    });
    assert!(error.unwrap().to_string().contains("bytes at most") && added == 5);
}
