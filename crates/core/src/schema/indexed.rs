//! The keyword `zelos.sh/indexed`: by which traits operators find and sort people.
//!
//! An index holds one text for each value, so a value is written such that texts sort as the values do, and what an
//! operator asks for is written in the same way. A list has no one place in such an order: the keyword stands at traits
//! of one plain type.

use super::{
    compile::SchemaError,
    derive::fits,
    field::{Field, Kind},
    path::join,
    violation::{Violation, Violations},
};
use crate::storable;
use serde_json::Value;

/// The keyword's name.
pub(super) const KEYWORD: &str = "zelos.sh/indexed";

/// Traits of one schema: each costs every person a row.
const MOST: usize = 16;

/// Characters of a trait's name with all names above it.
const LONGEST_NAME: usize = 64;

/// A trait that is indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// As forms call it, for instance `traits.name.last`.
    pub name: String,
    /// How its values are compared.
    pub kind: IndexKind,
    /// The names that lead to it.
    parts: Vec<String>,
}

/// How values of an indexed trait are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexKind {
    /// By their characters' numbers, capitals first.
    Text,
    Number,
    /// `false` before `true`.
    Truth,
}

impl IndexKind {
    /// The kind's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Truth => "boolean",
        }
    }

    /// How the index holds what an operator asks for; none if no value of this kind is written so.
    pub fn key_of_text(self, text: &str) -> Option<String> {
        match self {
            Self::Text => storable::key(text).is_ok().then(|| text.to_owned()),
            Self::Number => text.parse().ok().and_then(number),
            Self::Truth => matches!(text, "true" | "false").then(|| text.to_owned()),
        }
    }

    fn key(self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::Text, Value::String(text)) => Some(text.clone()),
            (Self::Number, Value::Number(value)) => value.as_f64().and_then(number),
            (Self::Truth, Value::Bool(value)) => Some(value.to_string()),
            _ => None,
        }
    }
}

/// Sixteen digits that sort as the numbers do: the bits of a float sort by themselves but for the sign.
///
/// Whole numbers beyond 2^53 that a float cannot tell apart count as equal.
fn number(value: f64) -> Option<String> {
    const SIGN: u64 = 1 << 63;
    if !value.is_finite() {
        return None;
    }
    // Zero has two signs and is one number.
    let bits = (value + 0.0).to_bits();
    let sorted = if bits & SIGN == 0 { bits | SIGN } else { !bits };
    Some(format!("{sorted:016x}"))
}

/// The indexed traits, sorted by name.
pub(super) fn of(traits: &Field) -> Result<Vec<Indexed>, SchemaError> {
    let mut found = Vec::new();
    collect(traits, "traits", &mut Vec::new(), &mut found)?;
    if found.len() > MOST {
        let reason = "stands at more than 16 traits";
        return Err(SchemaError::Indexed { at: "#".to_owned(), reason });
    }
    found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn collect(field: &Field, name: &str, parts: &mut Vec<String>, found: &mut Vec<Indexed>) -> Result<(), SchemaError> {
    let wrong = |reason| Err(SchemaError::Indexed { at: name.to_owned(), reason });
    if field.indexed {
        let kind = match field.kind {
            Kind::String => IndexKind::Text,
            Kind::Number | Kind::Integer => IndexKind::Number,
            Kind::Boolean => IndexKind::Truth,
            Kind::Array | Kind::Object | Kind::Open => {
                return wrong("stands at a trait that is not of one type out of string, number, integer and boolean");
            }
        };
        if name.chars().count() > LONGEST_NAME {
            return wrong("stands at a trait whose name has more than 64 characters");
        }
        found.push(Indexed { name: name.to_owned(), kind, parts: parts.clone() });
    }
    if field.items.as_deref().into_iter().chain(&field.tuple).any(is_within) {
        return wrong("stands within a list");
    }
    for (part, property) in &field.properties {
        parts.push(part.clone());
        collect(property, &join(name, part), parts, found)?;
        parts.pop();
    }
    Ok(())
}

fn is_within(field: &Field) -> bool {
    let within = field.properties.iter().map(|(_, field)| field).chain(field.items.as_deref()).chain(&field.tuple);
    field.indexed || within.into_iter().any(is_within)
}

/// What the index holds of these traits. A value that is too long for it is added to `wrong`.
pub(super) fn keys(indexed: &[Indexed], traits: &Value, wrong: &mut Violations) -> Vec<(String, String)> {
    let mut keys = Vec::with_capacity(indexed.len());
    for Indexed { name, kind, parts } in indexed {
        let value = parts.iter().try_fold(traits, |value, part| value.get(part));
        let Some(key) = value.and_then(|value| kind.key(value)) else { continue };
        match fits(&key) {
            Ok(()) if storable::key(&key).is_ok() => keys.push((name.clone(), key)),
            // What holds a NUL is refused elsewhere, in all traits alike.
            Ok(()) => {}
            Err((keyword, told)) => wrong.push(Violation {
                at: Some(name.clone()),
                reason: told.text.to_string(),
                text: told,
                instance: format!("#/traits/{}", parts.join("/")),
                schema: format!("#/properties/traits/properties/{}/{keyword}", parts.join("/properties/")),
            }),
        }
    }
    keys
}

/// Whether the keyword is a truth value wherever it stands, even where nothing would read it.
pub(super) fn check_everywhere(document: &Value, at: &str) -> Result<(), SchemaError> {
    match document {
        Value::Object(members) => members.iter().try_for_each(|(name, member)| match (name.as_str(), member) {
            (KEYWORD, Value::Bool(_)) => Ok(()),
            (KEYWORD, _) => Err(SchemaError::Indexed { at: at.to_owned(), reason: "must be true or false" }),
            _ => check_everywhere(member, &format!("{at}/{name}")),
        }),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| check_everywhere(item, &format!("{at}/{index}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{IdentitySchema, Schemas};
    use serde_json::json;

    fn schema(id: &str, properties: &Value) -> Result<IdentitySchema, SchemaError> {
        let document = json!({ "properties": { "traits": { "type": "object", "properties": properties } } });
        IdentitySchema::compile(id, document.to_string().as_bytes())
    }

    #[test]
    fn texts_sort_as_numbers_do() {
        let numbers = [f64::MIN, -1e9, -2.5, -1.0, 0.0, 1e-9, 1.0, 9.0, 10.0, 9_007_199_254_740_991.0, f64::MAX];
        let keys: Vec<_> = numbers.iter().map(|value| number(*value).unwrap()).collect();
        assert!(keys.is_sorted() && keys.iter().all(|key| key.len() == 16), "{keys:?}");
        assert_eq!(number(-0.0), number(0.0));
        assert_eq!(IndexKind::Number.key_of_text("7"), IndexKind::Number.key(&json!(7.0)));
        for text in ["", "x", "NaN", "inf"] {
            assert_eq!(IndexKind::Number.key_of_text(text), None, "{text}");
        }
        assert_eq!(IndexKind::Truth.key_of_text("yes"), None);
        assert_eq!(IndexKind::Text.key_of_text("a\0"), None);
    }

    #[test]
    fn what_is_marked_is_found() {
        let mark = |kind: &str| json!({ "type": kind, "zelos.sh/indexed": true });
        let schema = schema(
            "s",
            &json!({
                "name": { "type": "object", "properties": { "last": mark("string"), "first": { "type": "string" } } },
                "age": mark("integer"), "a.b": mark("boolean"),
            }),
        )
        .unwrap();
        let names: Vec<&str> = schema.indexed().iter().map(|indexed| indexed.name.as_str()).collect();
        assert_eq!(names, ["traits.a\\.b", "traits.age", "traits.name.last"]);
        let derived = schema.validate(&json!({ "name": { "last": "L" }, "age": 1, "a.b": true })).unwrap();
        let pair = |name: &str, key: &str| (name.to_owned(), key.to_owned());
        let one = number(1.0).unwrap();
        assert_eq!(
            derived.indexed,
            [pair("traits.a\\.b", "true"), pair("traits.age", &one), pair("traits.name.last", "L")]
        );
        assert_eq!(schema.validate(&json!({ "name": {} })).unwrap().indexed, [], "who lacks a trait has no row");
        assert!(schema.validate(&json!({ "name": { "last": "x".repeat(513) } })).is_err());
    }

    #[test]
    fn a_mark_where_it_means_nothing_is_refused() {
        for properties in [
            json!({ "a": { "type": "string", "zelos.sh/indexed": "yes" } }),
            json!({ "a": { "type": "object", "zelos.sh/indexed": true } }),
            json!({ "a": { "zelos.sh/indexed": true } }),
            json!({ "a": { "type": "array", "items": { "type": "string", "zelos.sh/indexed": true } } }),
            json!({ "a": { "type": "array", "items": {
                "type": "object", "properties": { "b": { "type": "string", "zelos.sh/indexed": true } } } } }),
            json!({ "a".repeat(60): { "type": "string", "zelos.sh/indexed": true } }),
        ] {
            assert!(matches!(schema("s", &properties), Err(SchemaError::Indexed { .. })), "{properties}");
        }
    }

    #[test]
    fn schemas_agree_on_the_type_of_a_trait() {
        let of = |id: &str, kind: &str| {
            (schema(id, &json!({ "a": { "type": kind, "zelos.sh/indexed": true } })).unwrap(), true)
        };
        assert_eq!(Schemas::new("x", [of("x", "string"), of("y", "string")]).unwrap().indexed().len(), 1);
        let mixed = Schemas::new("x", [of("x", "string"), of("y", "number")]);
        assert!(matches!(mixed, Err(SchemaError::IndexedTwice(name)) if name == "traits.a"));
    }
}
