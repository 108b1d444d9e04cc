//! The JSON Schema of the configuration, derived from the types, and the way to move in it.
//!
//! It is the only list of keys: the check of documents and the mapping of environment variables walk it. Derived
//! schemas let every optional key be `null`; ours do not, since the original's do not, and an empty key in a file is
//! more often a slip than a wish.

use super::root::Config;
use schemars::{Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde_json::{Map, Value};
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    SchemaSettings::draft2020_12()
        .with_transform(RecursiveTransform(tidy))
        .into_generator()
        .into_root_schema_for::<Config>()
        .to_value()
});

/// The schema, as `zelos config schema` prints it.
pub fn json_schema() -> Value {
    SCHEMA.clone()
}

/// The schema's root, for walking.
pub(crate) fn root() -> &'static Value {
    &SCHEMA
}

/// For keys whose integers have no lower bound in Kratos' schema: see [`super::lenient`] for what becomes of them.
pub(crate) fn any_integer(schema: &mut Schema) {
    schema.remove("minimum");
}

/// Takes `null` out, and the defaults of whole sections, which repeat those of their keys.
fn tidy(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
    if object.get("default").is_some_and(|default| default.is_null() || default.is_object()) {
        object.remove("default");
    }
}

/// Whether the schema has the key, dotted, list positions as numbers.
#[cfg(test)]
pub(crate) fn known(key: &str) -> bool {
    fn step(schema: &'static Value, part: &str) -> Option<&'static Value> {
        let schema = follow(schema);
        let inner = properties(schema).and_then(|known| known.get(part)).or_else(|| schema.get("items"));
        inner.or_else(|| branches(schema).iter().find_map(|branch| step(branch, part)))
    }
    key.split('.').try_fold(root(), step).is_some()
}

/// Follows a reference.
pub(crate) fn follow(schema: &'static Value) -> &'static Value {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| root().pointer(pointer)).unwrap_or(schema)
}

/// The keys of a map, with their schemas.
pub(crate) fn properties(schema: &'static Value) -> Option<&'static Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The branches of a choice.
pub(crate) fn branches(schema: &'static Value) -> &'static [Value] {
    schema.get("oneOf").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The values a key may have, if they can be listed.
pub(crate) fn enumeration(schema: &'static Value) -> Option<Vec<&'static Value>> {
    if let Some(only) = schema.get("const") {
        return Some(vec![only]);
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().collect());
    }
    let branches = branches(schema);
    if branches.is_empty() {
        return None;
    }
    Some(branches.iter().map(enumeration).collect::<Option<Vec<_>>>()?.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_may_be_null() {
        fn visit(value: &Value) {
            match value {
                Value::Object(map) => {
                    assert_ne!(map.get("type"), Some(&Value::from("null")));
                    assert!(!map.get("type").and_then(Value::as_array).is_some_and(|t| t.iter().any(|t| t == "null")));
                    map.values().for_each(visit);
                }
                Value::Array(list) => list.iter().for_each(visit),
                _ => {}
            }
        }
        visit(root());
    }

    #[test]
    fn enumerations_are_found_in_all_their_forms() {
        let level = follow(&follow(&root()["properties"]["log"])["properties"]["level"]);
        assert_eq!(enumeration(level).unwrap().len(), 7);
        let style = &follow(&root()["$defs"]["LoginStyle"]);
        assert_eq!(enumeration(style).unwrap(), ["unified", "identifier_first"]);
    }
}
