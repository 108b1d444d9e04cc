//! Identity schemas from end to end: what they refuse, what they read, how they say what is wrong.

use super::*;
use crate::{
    identity::{CredentialType, Via},
    text::FieldText,
    ui::{Group, InputType},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn document(traits: &Value) -> Value {
    json!({
        "$id": "https://example.com/test.schema.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"traits": traits}
    })
}

fn compile(traits: &Value) -> Result<IdentitySchema, SchemaError> {
    IdentitySchema::compile("test", document(traits).to_string().as_bytes())
}

fn person() -> IdentitySchema {
    let email = json!({
        "type": "string", "format": "email", "minLength": 3, "title": "E-Mail",
        "ory.sh/kratos": {
            "credentials": {"password": {"identifier": true}, "totp": {"account_name": true}},
            "verification": {"via": "email"}, "recovery": {"via": "email"}
        }
    });
    compile(&json!({
        "type": "object",
        "properties": {
            "email": email,
            "name": {"type": "object", "properties": {
                "last": {"type": "string", "title": "Last name", "maxLength": 40},
                "first": {"type": "string", "pattern": "^[A-Z]"}
            }},
            "age": {"type": "integer", "minimum": 18},
            "terms": {"type": "boolean", "const": true, "disableFormField": true},
            "size": {"type": "string", "enum": ["s", "m"]},
            "site": {"type": "string", "format": "uri"},
            "born": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true, "maxItems": 3},
            "maybe": {"type": ["string", "null"]}
        },
        "required": ["email", "terms"],
        "additionalProperties": false
    }))
    .unwrap()
}

/// Node and number of each text, in order.
fn ids(texts: Vec<FieldText>) -> Vec<(String, u32)> {
    texts.into_iter().map(|text| (text.at.unwrap_or_default(), text.text.id)).collect()
}

fn wrong(schema: &IdentitySchema, traits: &Value) -> Vec<(String, u32)> {
    ids(schema.validate(traits).unwrap_err().texts())
}

fn at(name: &str, id: u32) -> (String, u32) {
    (name.to_owned(), id)
}

#[test]
fn nodes_follow_the_schema() {
    let nodes = person().nodes(Group::Password);
    let shown: Vec<_> = nodes.iter().map(|node| (node.name(), node.as_input().unwrap().kind)).collect();
    assert_eq!(
        shown,
        [
            ("traits.email", InputType::Email),
            ("traits.name.last", InputType::Text),
            ("traits.name.first", InputType::Text),
            ("traits.age", InputType::Number),
            ("traits.terms", InputType::Checkbox),
            ("traits.size", InputType::Text),
            ("traits.site", InputType::Url),
            ("traits.born", InputType::Date),
            ("traits.tags", InputType::Text),
        ]
    );
    assert_eq!(person().keys(), shown.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    let email = serde_json::to_value(&nodes[0]).unwrap();
    assert_eq!(email["group"], "password");
    let expected = json!({"node_type": "input", "name": "traits.email", "type": "email", "required": true,
        "autocomplete": "email", "disabled": false});
    assert_eq!(email["attributes"], expected);
    assert_eq!(email["meta"]["label"]["id"], 1_070_002);
    assert_eq!(email["meta"]["label"]["context"], json!({"title": "E-Mail", "name": "traits.email"}));
    assert!(nodes[2].meta.label.is_none());
    assert_eq!(nodes[2].as_input().unwrap().pattern.as_deref(), Some("^[A-Z]"));
    assert!(nodes[4].as_input().unwrap().disabled);
    assert_eq!(
        serde_json::to_value(&nodes[5]).unwrap()["attributes"]["options"],
        json!([{"value": "s"}, {"value": "m"}])
    );
}

#[test]
fn references_and_combinations_are_followed() {
    let schema = compile(&json!({
        "type": "object",
        "properties": {"mail": {"$ref": "#/properties/traits/definitions/mail"}, "kind": {"type": "string"}},
        "allOf": [{"properties": {"extra": {"type": "number"}}, "required": ["extra"]}],
        "if": {"properties": {"kind": {"const": "x"}}},
        "then": {"properties": {"kind": {"title": "Later"}}, "required": ["kind"]},
        "definitions": {"mail": {"type": "string", "format": "email", "title": "Mail",
            "ory.sh/kratos": {"credentials": {"webauthn": {"identifier": true}}}}}
    }))
    .unwrap();
    assert_eq!(schema.keys(), ["traits.mail", "traits.kind", "traits.extra"]);
    let nodes = schema.nodes(Group::Default);
    assert!(!nodes[1].as_input().unwrap().required, "required in a branch only");
    assert!(nodes[2].as_input().unwrap().required);
    let derived = schema.validate(&json!({"mail": "A@b.de", "kind": "y", "extra": 1})).unwrap();
    assert_eq!(derived.identifiers, [(CredentialType::Webauthn, "a@b.de".to_owned())]);
    assert_eq!(schema.identifier_label().text, "Mail");
}

#[test]
fn the_label_of_the_identifier_needs_exactly_one_titled_trait() {
    assert_eq!(person().identifier_label().id, 1_070_002);
    let trait_with = |title: Option<&str>| {
        let mut schema =
            json!({"type": "string", "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}});
        if let Some(title) = title {
            schema["title"] = title.into();
        }
        schema
    };
    let untitled = compile(&json!({"type": "object", "properties": {"a": trait_with(None)}})).unwrap();
    assert_eq!(untitled.identifier_label().id, 1_070_004);
    let two = json!({"type": "object", "properties": {"a": trait_with(Some("A")), "b": trait_with(Some("B"))}});
    assert_eq!(compile(&two).unwrap().identifier_label().id, 1_070_004);
}

#[test]
fn what_follows_from_traits() {
    let traits = json!({"email": "Ada@Example.COM", "terms": true, "name": {"last": "L"}});
    let derived = person().validate(&traits).unwrap();
    assert_eq!(derived.traits, traits);
    assert_eq!(derived.identifiers, [(CredentialType::Password, "ada@example.com".to_owned())]);
    assert_eq!(derived.verifiable, [(Via::Email, "ada@example.com".to_owned())]);
    assert_eq!(derived.recovery, [(Via::Email, "ada@example.com".to_owned())]);
    assert_eq!(derived.totp_account_name.as_deref(), Some("Ada@Example.COM"));
    assert_eq!(derived.passkey_display_name, None);
}

#[test]
fn phones_are_rewritten_and_lists_are_read() {
    let sms = json!({"type": "string", "format": "tel", "ory.sh/kratos": {
        "credentials": {"code": {"identifier": true, "via": "sms"}}, "verification": {"via": "sms"},
        "recovery": {"via": "sms"}}});
    let mail = json!({"type": "string", "ory.sh/kratos": {
        "credentials": {"code": {"identifier": true, "via": "email"}, "passkey": {"display_name": true}},
        "verification": {"via": "email"}}});
    let schema = compile(&json!({"type": "object", "properties": {
        "phone": sms, "mails": {"type": "array", "items": mail}}}))
    .unwrap();
    let traits = json!({"phone": "+49 176 671 11 638", "mails": ["B@x.de", "a@x.de", "b@X.de"]});
    let derived = schema.validate(&traits).unwrap();
    assert_eq!(derived.traits["phone"], "+4917667111638");
    assert_eq!(derived.traits["mails"][0], "B@x.de");
    let verifiable = [(Via::Sms, "+4917667111638"), (Via::Email, "b@x.de"), (Via::Email, "a@x.de")];
    assert_eq!(derived.verifiable, verifiable.map(|(via, value)| (via, value.to_owned())));
    let codes = ["+4917667111638", "a@x.de", "b@x.de"];
    assert_eq!(derived.identifiers_of(CredentialType::Code).collect::<Vec<_>>(), codes);
    assert_eq!(derived.code_addresses.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), codes);
    assert_eq!(derived.passkey_display_name.as_deref(), Some("B@x.de"));
    assert_eq!(wrong(&schema, &json!({"mails": ["ok@x.de", "no"]})), [at("traits.mails.1", 4_000_001)]);
    assert_eq!(
        wrong(&schema, &json!({"phone": "123"})),
        [at("traits.phone", 4_000_041), at("traits.phone", 4_000_001)]
    );
}

#[test]
fn formats_decide_how_an_address_is_judged() {
    let with = |format: Option<&str>, via: &str| {
        let mut schema = json!({"type": "string", "ory.sh/kratos": {"verification": {"via": via}}});
        if let Some(format) = format {
            schema["format"] = format.into();
        }
        compile(&json!({"type": "object", "properties": {"a": schema}})).unwrap()
    };
    assert_eq!(wrong(&with(None, "email"), &json!({"a": "nobody"})), [at("traits.a", 4_000_040)]);
    assert_eq!(wrong(&with(None, "sms"), &json!({"a": "+16502530000"})), [at("traits.a", 4_000_001)]);
    let free = with(Some("no-validate"), "sms").validate(&json!({"a": " Anything "})).unwrap();
    assert_eq!(free.verifiable, [(Via::Sms, "Anything".to_owned())]);
}

#[test]
fn every_broken_rule_has_its_text() {
    let good = json!({"email": "a@b.de", "terms": true});
    let with = |name: &str, value: Value| {
        let mut traits = good.clone();
        traits[name] = value;
        wrong(&person(), &traits)
    };
    assert_eq!(wrong(&person(), &json!({})), [at("traits.email", 4_000_002), at("traits.terms", 4_000_002)]);
    assert_eq!(with("email", "a@".into())[..2], [at("traits.email", 4_000_003), at("traits.email", 4_000_040)]);
    assert_eq!(with("name", json!({"last": "x".repeat(41)})), [at("traits.name.last", 4_000_017)]);
    assert_eq!(with("name", json!({"first": "x"})), [at("traits.name.first", 4_000_004)]);
    assert_eq!(with("age", 17.into()), [at("traits.age", 4_000_018)]);
    assert_eq!(with("age", "x".into()), [at("traits.age", 4_000_026)]);
    assert_eq!(with("terms", false.into()), [at("traits.terms", 4_000_029)]);
    assert_eq!(with("size", "xl".into()), [at("traits.size", 4_000_001)]);
    assert_eq!(with("tags", json!(["a", "b", "a"])), [at("traits.tags", 4_000_025)]);
    assert_eq!(with("tags", json!(["a", "b", "c", "d"])), [at("traits.tags", 4_000_023)]);
    assert_eq!(with("other", 1.into()), [at("traits", 4_000_001)]);
    assert_eq!(wrong(&person(), &json!("text")), [at("traits", 4_000_026)]);
}

#[test]
fn texts_carry_what_they_speak_of() {
    let texts = person().validate(&json!({"email": "a@b.de", "terms": true, "age": 17, "tags": ["x", "y", "x"]}));
    let contexts: Vec<_> = texts.unwrap_err().texts().into_iter().filter_map(|text| text.text.context).collect();
    assert!(contexts.contains(&json!({"minimum": 18, "actual": 17})), "{contexts:?}");
    assert!(contexts.contains(&json!({"index_a": 0, "index_b": 2})), "{contexts:?}");
}

#[test]
fn a_form_is_judged_by_the_document_alone() {
    let traits = json!({"email": "nobody", "terms": true});
    assert_eq!(ids(person().check(&traits).unwrap_err().texts()), [at("traits.email", 4_000_040)]);
    let both = [at("traits.email", 4_000_040), at("traits.email", 4_000_001)];
    assert_eq!(wrong(&person(), &traits), both);
}

#[test]
fn administrators_read_where_and_why() {
    let reason = person().validate(&json!({"email": 1, "terms": true})).unwrap_err().to_string();
    let expected = "I[#/traits/email] S[#/properties/traits/properties/email/type] expected string, but got number";
    assert_eq!(reason.lines().next(), Some(expected));
}

#[test]
fn branches_tell_what_is_wrong_in_each() {
    let schema = compile(&json!({"type": "object", "properties": {"a": {"anyOf": [
        {"type": "string", "minLength": 2}, {"type": "number"}]}}}))
    .unwrap();
    assert_eq!(wrong(&schema, &json!({"a": "x"})), [at("traits.a", 4_000_003), at("traits.a", 4_000_026)]);
}

#[test]
fn submissions_are_judged_by_their_schema() {
    let schema = PayloadSchema::embedded(
        r#"{"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["password"],
            "properties": {"password": {"type": "string", "minLength": 1}, "traits": {"type": "object"},
                "transient_payload": {"type": "object", "additionalProperties": true}}}"#,
    );
    let judge = |value: Value| {
        let mut fields = Fields::default();
        for (name, value) in value.as_object().unwrap() {
            fields.insert([name.clone()], value.clone());
        }
        schema.read(&fields)
    };
    assert_eq!(ids(judge(json!({"password": ""})).unwrap_err()), [at("password", 4_000_002)]);
    let kept = judge(json!({"password": 7, "other": 1, "traits": {"any": "thing"}})).unwrap();
    assert_eq!(Value::Object(kept), json!({"password": "7"}), "traits are another schema's");
    assert!(schema.takes_traits());
    assert_eq!(
        ids(judge(json!({"password": "x", "transient_payload": []})).unwrap_err()),
        [at("transient_payload", 4_000_026)]
    );
}

#[test]
fn newer_drafts_work_too() {
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"traits": {"type": "object", "properties": {
            "mail": {"$ref": "#/$defs/mail", "title": "Mail"}, "pair": {"type": "array", "prefixItems": [{"type": "string"}]}}}},
        "$defs": {"mail": {"type": "string", "format": "email"}}
    });
    let schema = IdentitySchema::compile("new", document.to_string().as_bytes()).unwrap();
    assert_eq!(schema.nodes(Group::Default)[0].meta.label.as_ref().unwrap().text, "Mail");
    assert_eq!(
        wrong(&schema, &json!({"mail": "x", "pair": [1]})),
        [at("traits.mail", 4_000_040), at("traits.pair.0", 4_000_026)]
    );
}

#[test]
fn what_is_unsafe_is_refused_at_load() {
    let property = |schema: Value| compile(&json!({"type": "object", "properties": {"a": schema}})).unwrap_err();
    let foreign = property(json!({"$ref": "https://example.com/other.json"}));
    assert!(matches!(foreign, SchemaError::ForeignReference { .. }), "{foreign}");
    let file = property(json!({"$ref": "file:///etc/passwd"}));
    assert!(matches!(file, SchemaError::ForeignReference { .. }), "{file}");
    let own = property(json!({"$ref": "#/properties/traits/properties/a"}));
    assert!(matches!(own, SchemaError::Cycle { .. }), "{own}");
    let all_of = property(json!({"allOf": [{"$ref": "#/properties/traits/properties/a"}]}));
    assert!(matches!(all_of, SchemaError::Cycle { .. }), "{all_of}");
    let broken = property(json!({"$ref": "#/nowhere"}));
    assert!(matches!(broken, SchemaError::BrokenReference { .. }), "{broken}");
    let backtracking = property(json!({"type": "string", "pattern": r"(a)\1"}));
    assert!(matches!(backtracking, SchemaError::BadPattern { .. }), "{backtracking}");
    let long = property(json!({"type": "string", "pattern": "a".repeat(5000)}));
    assert!(matches!(long, SchemaError::LongPattern { .. }), "{long}");
    let unknown = property(json!({"type": "string", "ory.sh/kratos": {"credentials": {"passwort": {}}}}));
    assert!(matches!(unknown, SchemaError::Extension { .. }), "{unknown}");
    let no_via = property(json!({"type": "string", "ory.sh/kratos": {"credentials": {"code": {"identifier": true}}}}));
    assert!(matches!(no_via, SchemaError::Extension { .. }), "{no_via}");
    let invalid = property(json!({"type": "strange"}));
    assert!(matches!(invalid, SchemaError::Invalid { .. }), "{invalid}");
    let mut deep = json!({"type": "string"});
    for _ in 0..40 {
        deep = json!({"type": "array", "items": {"allOf": [deep]}});
    }
    assert!(matches!(property(deep), SchemaError::TooDeep { .. } | SchemaError::NotJson(_)));
    assert_eq!(compile(&json!({"type": "object"})).unwrap_err(), SchemaError::NoTraits);
    let large = IdentitySchema::compile("large", &vec![b' '; (1 << 20) + 1]).unwrap_err();
    assert!(matches!(large, SchemaError::TooLarge { .. }), "{large}");
}

#[test]
fn references_that_fan_out_are_bounded() {
    let mut definitions = serde_json::Map::new();
    definitions.insert("d0".to_owned(), json!({"type": "string"}));
    for level in 1..30 {
        let below = json!({"$ref": format!("#/definitions/d{}", level - 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": [below, below]}));
    }
    let document = json!({"definitions": definitions, "type": "object", "properties": {"traits": {"type": "object",
        "properties": {"a": {"$ref": "#/definitions/d29"}}}}});
    let error = IdentitySchema::compile("wide", document.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, SchemaError::TooManyFields { .. }), "{error}");
}

#[test]
fn schemas_are_found_by_id_and_by_its_encoding() {
    let named = |id: &str| {
        IdentitySchema::compile(
            id,
            document(&json!({"type": "object", "properties": {"a": {}}})).to_string().as_bytes(),
        )
        .unwrap()
    };
    let schemas = Schemas::new("one", [(named("one"), false), (named("two"), true), (named("three"), false)]).unwrap();
    assert_eq!(schemas.find("").unwrap().id(), "one");
    assert_eq!(schemas.find("two").unwrap().id(), "two");
    assert_eq!(schemas.find("dHdv").unwrap().id(), "two");
    assert!(schemas.find("four").is_none());
    assert_eq!(schemas.find_selectable("two").unwrap().id(), "two");
    assert_eq!(schemas.find_selectable("one").unwrap().id(), "one");
    assert!(schemas.find_selectable("three").is_none());
    assert_eq!(schemas.iter().map(|schema| schema.id()).collect::<Vec<_>>(), ["one", "two", "three"]);
    assert_eq!(Schemas::new("x", [(named("one"), false)]).unwrap_err(), SchemaError::NoDefault("x".to_owned()));
    let twice = Schemas::new("one", [(named("one"), false), (named("one"), false)]).unwrap_err();
    assert_eq!(twice, SchemaError::Twice("one".to_owned()));
}

#[test]
fn the_document_is_kept_as_it_was_read() {
    let text =
        r#"{ "type":"object",  "properties": {"traits": {"type": "object", "properties": {"b": {"type":"string"}}}}}"#;
    assert_eq!(IdentitySchema::compile("raw", text.as_bytes()).unwrap().raw(), text);
}

#[test]
fn compiled_schemas_are_shared_among_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<IdentitySchema>();
    shared::<PayloadSchema>();
}

#[test]
fn texts_repeat_values_only_so_far() {
    let schema = compile(&json!({"type": "object", "additionalProperties": {"type": "string"},
        "properties": {"mail": {"type": "string", "format": "email"}, "site": {"type": "string", "format": "uri"}}}))
    .unwrap();
    let long = "é".repeat(100_000);
    let traits = json!({"mail": long, "site": long, "n".repeat(5_000): 1});
    let violations = schema.check(&traits).unwrap_err();
    assert!(violations.to_string().len() < 4_000);
    let texts = violations.texts();
    assert!(texts.iter().all(|text| text.at.as_deref().unwrap().len() < 20), "{texts:?}");
    assert!(texts.iter().all(|text| serde_json::to_string(&text.text).unwrap().len() < 2_000), "{texts:?}");
    assert_eq!(texts.len(), 3);
}

proptest! {
    #[test]
    fn no_text_breaks_the_judge(email in any::<String>(), last in any::<String>(), age in any::<String>()) {
        let schema = person();
        let mut fields = Fields::default();
        for (path, value) in [("email", email), ("name.last", last), ("age", age), ("terms", "true".to_owned())] {
            fields.insert(split(path, 9).unwrap(), value.into());
        }
        let traits = schema.read(Some(&fields), None);
        let known = schema.keys();
        if let Err(violations) = schema.validate(&traits) {
            for text in violations.texts() {
                let at = text.at.unwrap();
                prop_assert!(known.contains(&at), "{}", at);
            }
        }
    }
}
