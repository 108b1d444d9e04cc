//! Every document that Kratos' JSON Schema accepts can be loaded: what Kratos starts with starts here.
//!
//! The schema is walked from its root. For each place in it there are values at and beyond its bounds, of each type, length
//! and choice; each makes a document that has one of them and else no more than it must. What Kratos' schema refuses is
//! left out by a general validator; all the rest is loaded.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use zelos_core::config::Config;

fn reference() -> Value {
    serde_json::from_str(include_str!("fixtures/config.reference.schema.json")).expect("the fixture is JSON")
}

struct Walk<'a> {
    root: &'a Value,
    /// How often a definition was walked through; the first times are enough.
    seen: HashMap<&'a str, usize>,
}

/// Walked this often, a definition has shown all that there is in it.
const OFTEN: usize = 2;

impl<'a> Walk<'a> {
    fn follow(&self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(target) => self.follow(self.root.pointer(target.trim_start_matches('#')).expect("a definition")),
            None => schema,
        }
    }

    /// The least that a place may hold.
    fn least(&self, schema: &'a Value) -> Value {
        let schema = self.follow(schema);
        if let Some(only) = schema.get("const") {
            return only.clone();
        }
        if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
            return first.clone();
        }
        for choice in ["oneOf", "anyOf", "allOf"] {
            if schema.get("type").is_none_or(|kind| kind == "object")
                && schema.get("properties").is_none()
                && let Some(first) = schema.get(choice).and_then(|choices| choices.get(0))
            {
                return self.least(first);
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.least_object(schema),
            None if schema.get("properties").is_some() => self.least_object(schema),
            Some("array") => match schema.get("items") {
                Some(items) if schema.get("minItems").is_some() => json!([self.least(items)]),
                _ => json!([]),
            },
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
            Some("boolean") => json!(true),
            _ => text(schema).first().cloned().expect("a text"),
        }
    }

    fn least_object(&self, schema: &'a Value) -> Value {
        let mut members = Map::new();
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str().expect("a name");
            let inner = schema.get("properties").and_then(|known| known.get(name));
            members.insert(name.to_owned(), inner.map_or_else(|| json!("x"), |inner| self.least(inner)));
        }
        Value::Object(members)
    }

    /// Values of a place, each odd in one way.
    fn values(&mut self, schema: &'a Value, out: &mut Vec<Value>) {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let seen = self.seen.entry(target).or_default();
            *seen += 1;
            if *seen > OFTEN {
                return out.push(self.least(schema));
            }
        }
        let schema = self.follow(schema);
        out.extend(schema.get("const").cloned());
        out.extend(schema.get("enum").and_then(Value::as_array).into_iter().flatten().cloned());
        for choice in ["oneOf", "anyOf", "allOf"] {
            for branch in schema.get(choice).and_then(Value::as_array).into_iter().flatten() {
                self.values(branch, out);
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("boolean") => out.extend([json!(true), json!(false)]),
            Some("integer") => out.extend(integers(schema)),
            Some("number") => out.extend([json!(-1.5), json!(0), json!(0.5), json!(1), json!(1e300)]),
            Some("string") => out.extend(text(schema)),
            Some("array") => self.lists(schema, out),
            Some("object") => self.objects(schema, out),
            _ if schema.get("properties").is_some() => self.objects(schema, out),
            _ => {}
        }
    }

    fn lists(&mut self, schema: &'a Value, out: &mut Vec<Value>) {
        out.push(json!([]));
        let Some(items) = schema.get("items") else { return };
        let mut values = Vec::new();
        self.values(items, &mut values);
        out.extend(values.iter().map(|value| json!([value])));
        out.push(Value::Array(vec![self.least(items); 2]));
    }

    fn objects(&mut self, schema: &'a Value, out: &mut Vec<Value>) {
        let least = self.least_object(schema);
        out.push(least.clone());
        let with = |name: &str, value: Value| {
            let mut object = least.clone();
            object[name] = value;
            object
        };
        out.push(with("a_key_that_is_not_known", json!(1)));
        for (name, inner) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let mut values = Vec::new();
            self.values(inner, &mut values);
            out.extend(values.into_iter().map(|value| with(name, value)));
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::values);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        for inner in patterns.chain(others) {
            let mut values = Vec::new();
            self.values(inner, &mut values);
            out.extend(values.into_iter().map(|value| with("some-name", value)));
        }
    }
}

fn integers(schema: &Value) -> Vec<Value> {
    let mut out = vec![json!(i64::MIN), json!(-100_000_000), json!(-1), json!(0), json!(1), json!(5.0)];
    for name in ["minimum", "maximum"] {
        if let Some(bound) = schema.get(name).and_then(Value::as_i64) {
            out.extend([json!(bound - 1), json!(bound), json!(bound + 1)]);
        }
    }
    out.extend([json!(u32::MAX), json!(u64::from(u32::MAX) + 1), json!(u64::MAX), json!(1e30)]);
    out
}

/// Texts of all forms that the schema knows; which of them it takes here, the validator says.
fn text(schema: &Value) -> Vec<Value> {
    let mut out: Vec<String> = Vec::new();
    let length = schema.get("minLength").and_then(Value::as_u64).unwrap_or_default();
    out.extend(schema.get("default").and_then(Value::as_str).map(str::to_owned));
    if schema.get("format").is_none() && schema.get("pattern").is_none() {
        out.push("x".repeat(usize::try_from(length).expect("a length").max(1)));
        out.push(String::new());
        out.push(" ä\n{{ .x }}\t".repeat(8));
    }
    let forms = [
        "base64://e30=",
        "https://a.example/x?y#z",
        "https://<name>.api.example.com/",
        "https://user:pass@a.example:99999/",
        "http://[::1]:4433/",
        "https://256.256.256.256/",
        "https://",
        "http://-/",
        "mailto:a@example.org",
        "ftp://a.example/x",
        "file:///etc/x",
        "file://",
        "base64://",
        "base64://*",
        "smtp://a.example",
        "smtps://user:p%2Fss@a.example:465/?skip_ssl_verify=true",
        "/x",
        "x",
        "x/y?z",
        "//a.example/x",
        "",
        "*",
        "https://*.example.org",
        "app://localhost",
        "a@example.org",
        "a.b+c@sub.example.org",
        "example.org",
        "0s",
        "1h",
        "1h30m",
        "00ms",
        "99999999999999h",
        "1h99999999999999999999s",
        "1ns",
        "0B",
        "1B",
        "1KB",
        "128MB",
        "16EB",
        "99999999999999999999EB",
        "1MB or so",
        "v1.2.3",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "127.0.0.1:6831",
    ];
    out.extend(forms.map(str::to_owned));
    if let Some(fit) = forms.iter().position(|form| fits(schema, form)) {
        out.insert(0, forms[fit].to_owned());
    }
    out.into_iter().map(Value::String).collect()
}

/// Whether the text has the form that the schema demands.
fn fits(schema: &Value, text: &str) -> bool {
    (schema.get("format").is_some() || schema.get("pattern").is_some()) && validator(schema).is_valid(&json!(text))
}

/// As Go's URL parser judges the texts above.
fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !scheme.contains(['/', ' ', '*', '@'])
    })
}

fn is_reference(text: &str) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    !text.contains(['\\', ' ', '\n']) && (is_uri(text) || !first.contains(':'))
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .should_validate_formats(true)
        .offline()
        // As Go judges them: absolute; and any reference.
        .with_format("uri", is_uri)
        .with_format("uri-reference", is_reference)
        .build(schema)
        .expect("the fixture is a schema")
}

#[test]
fn every_document_that_kratos_accepts_is_loaded() {
    let root = reference();
    let whole = validator(&root);
    let mut walk = Walk { root: &root, seen: HashMap::new() };
    let mut documents = Vec::new();
    walk.values(&root, &mut documents);
    let (mut loaded, mut refused) = (0, Vec::new());
    for document in &mut documents {
        // What every configuration needs.
        let schemas = json!([{ "id": "default", "url": "base64://e30=" }]);
        if document.pointer("/identity/schemas/0/id").is_none_or(|id| id == "x") && document["identity"].is_object() {
            let kept = document["identity"]["schemas"].as_array().is_some_and(|schemas| {
                schemas.first().is_some_and(|schema| schema.as_object().is_some_and(|schema| schema.len() > 2))
            });
            if !kept {
                document["identity"]["schemas"] = schemas;
            }
        }
        // A condition between sections.
        if document.get("courier").is_none() {
            document["courier"] = json!({});
        }
        if document.get("secrets").is_none() {
            document["secrets"] = json!({ "cipher": ["0123456789abcdef0123456789abcdef"] });
        }
        if !whole.is_valid(document) {
            continue;
        }
        match Config::from_document(document.clone()) {
            Ok(_) => loaded += 1,
            Err(errors) => {
                let text = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                refused.push(text);
            }
        }
    }
    refused.sort();
    refused.dedup();
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
    assert!(loaded > 4_000, "the reference was not walked: {loaded} of {} documents are valid", documents.len());
}
