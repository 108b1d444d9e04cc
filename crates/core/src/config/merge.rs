//! Documents laid over each other, with a memory of who set which key.
//!
//! Files: maps are merged key by key, anything else replaces what was there, lists as a whole. The environment: laid
//! over leaf by leaf, through lists too, so that `…_PROVIDERS_0_CLIENT_SECRET` adds one value to a file's provider.
//! Both are the original's ways (oryx/configx/provider.go, koanf_full_merge.go). Lists of the built-in configuration, which
//! Kratos does not have, are replaced as a whole.

use super::error::Origin;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A document made of several.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) value: Value,
    origins: BTreeMap<String, Origin>,
}

/// The key of a member.
pub(crate) fn below(key: &str, member: &str) -> String {
    if key.is_empty() { member.to_owned() } else { format!("{key}.{member}") }
}

impl Document {
    /// An empty document.
    pub(crate) fn new() -> Self {
        Self { value: Value::Object(Map::new()), origins: BTreeMap::new() }
    }

    /// Lays a file's document over this one.
    pub(crate) fn merge(&mut self, over: Value, origin: &Origin) {
        merge_at(&mut self.value, over, "", origin, &mut self.origins);
    }

    /// Lays one value over this document, leaf by leaf.
    pub(crate) fn overlay(&mut self, path: &[String], value: Value, origin: &Origin) {
        let mut place = &mut self.value;
        let mut key = String::new();
        for part in path {
            empty_built_in(place, &key, origin, &mut self.origins);
            key = below(&key, part);
            place = member(place, part);
            if place.is_null() {
                self.origins.insert(key.clone(), origin.clone());
            }
        }
        overlay_at(place, value, &key, origin, &mut self.origins);
    }

    /// Sets the leaves of `under` that this document does not have; `null` counts as not set.
    pub(crate) fn fill(&mut self, under: Value, origin: &Origin) {
        fill_at(&mut self.value, under, "", origin, &mut self.origins);
    }

    /// Who set the key, or else what is nearest around it.
    pub(crate) fn origin(&self, key: &str) -> Option<&Origin> {
        let mut key = key;
        loop {
            if let Some(origin) = self.origins.get(key) {
                return Some(origin);
            }
            key = &key[..key.rfind('.')?];
        }
    }
}

fn merge_at(place: &mut Value, over: Value, key: &str, origin: &Origin, origins: &mut BTreeMap<String, Origin>) {
    if !key.is_empty() {
        origins.insert(key.to_owned(), origin.clone());
    }
    if !place.is_object() || !over.is_object() {
        forget_below(key, origins);
    }
    match over {
        Value::Object(over) => {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            for (name, value) in over {
                merge_at(&mut place[&name], value, &below(key, &name), origin, origins);
            }
        }
        over => *place = over,
    }
}

fn fill_at(place: &mut Value, under: Value, key: &str, origin: &Origin, origins: &mut BTreeMap<String, Origin>) {
    match under {
        Value::Object(under) => {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            if place.is_object() {
                for (name, value) in under {
                    fill_at(&mut place[&name], value, &below(key, &name), origin, origins);
                }
            }
        }
        under if place.is_null() => {
            origins.insert(key.to_owned(), origin.clone());
            *place = under;
        }
        _ => {}
    }
}

/// What was set inside a value that is replaced has no say any more.
fn forget_below(key: &str, origins: &mut BTreeMap<String, Origin>) {
    let prefix = format!("{key}.");
    origins.retain(|known, _| !known.starts_with(&prefix));
}

/// A list of the built-in configuration is replaced as a whole: its items mean nothing to those who set others.
fn empty_built_in(place: &mut Value, key: &str, origin: &Origin, origins: &mut BTreeMap<String, Origin>) {
    if let Value::Array(items) = place
        && origins.get(key) == Some(&Origin::BuiltIn)
    {
        items.clear();
        forget_below(key, origins);
        origins.insert(key.to_owned(), origin.clone());
    }
}

fn overlay_at(place: &mut Value, over: Value, key: &str, origin: &Origin, origins: &mut BTreeMap<String, Origin>) {
    empty_built_in(place, key, origin, origins);
    match over {
        Value::Object(members) => {
            for (name, value) in members {
                overlay_at(member(place, &name), value, &below(key, &name), origin, origins);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.into_iter().enumerate() {
                let name = index.to_string();
                overlay_at(member(place, &name), value, &below(key, &name), origin, origins);
            }
        }
        leaf => {
            origins.insert(key.to_owned(), origin.clone());
            *place = leaf;
        }
    }
}

/// The place of a member, made if it is not there. Numbers lead into lists, whose gaps are filled with `null`.
fn member<'a>(place: &'a mut Value, name: &str) -> &'a mut Value {
    match name.parse::<usize>() {
        Ok(index) if !place.is_object() && index < MOST_ITEMS => {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            if let Value::Array(items) = place {
                if items.len() <= index {
                    items.resize(index + 1, Value::Null);
                }
                return &mut items[index];
            }
        }
        _ => {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
        }
    }
    &mut place[name]
}

/// No list here is longer; a larger index in a variable's name is a slip that must not cost memory.
const MOST_ITEMS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn file(name: &str) -> Origin {
        Origin::File(name.into())
    }

    fn merged(documents: &[Value]) -> Value {
        let mut out = Document::new();
        for document in documents {
            out.merge(document.clone(), &file("a.yml"));
        }
        out.value
    }

    #[test]
    fn maps_merge_and_lists_replace() {
        let a = json!({ "x": { "a": 1, "b": [1, 2] }, "y": 1 });
        let b = json!({ "x": { "b": [3] }, "y": { "z": null } });
        assert_eq!(merged(&[a, b]), json!({ "x": { "a": 1, "b": [3] }, "y": { "z": null } }));
    }

    #[test]
    fn origins_follow_the_last_who_set_a_key() {
        let mut document = Document::new();
        document.merge(json!({ "x": { "a": 1, "l": [{ "k": 1 }] } }), &file("a.yml"));
        document.merge(json!({ "x": { "b": 1 } }), &file("b.yml"));
        let variable = Origin::Environment("X_L_0_K".into());
        document.overlay(&["x", "l", "0", "k"].map(str::to_owned), json!(2), &variable);
        assert_eq!(document.origin("x.a"), Some(&file("a.yml")));
        assert_eq!(document.origin("x.b"), Some(&file("b.yml")));
        assert_eq!(document.origin("x.l.0.k"), Some(&variable));
        assert_eq!(document.origin("x.l.0.other"), Some(&file("a.yml")));
        assert_eq!(document.origin("unset"), None);
    }

    #[test]
    fn the_environment_patches_lists_leaf_by_leaf() {
        let mut document = Document::new();
        document.merge(json!({ "l": ["x", "y"], "p": [{ "id": "a" }] }), &file("a.yml"));
        let variable = Origin::Environment("V".into());
        document.overlay(&["l".into()], json!(["a"]), &variable);
        document.overlay(&["l".into()], json!([]), &variable);
        document.overlay(&["p".into(), "1".into(), "id".into()], json!("b"), &variable);
        assert_eq!(document.value, json!({ "l": ["a", "y"], "p": [{ "id": "a" }, { "id": "b" }] }));
    }

    #[test]
    fn lists_of_the_built_in_configuration_are_replaced_as_a_whole() {
        let mut document = Document::new();
        document.merge(json!({ "l": [{ "hook": "a" }, { "hook": "b" }], "s": ["x", "y"] }), &Origin::BuiltIn);
        let variable = |name: &str| Origin::Environment(name.into());
        document.overlay(&["l", "0", "hook"].map(str::to_owned), json!("c"), &variable("L_0_HOOK"));
        document.overlay(&["l", "1", "hook"].map(str::to_owned), json!("d"), &variable("L_1_HOOK"));
        document.overlay(&["s".into()], json!(["z"]), &variable("S"));
        assert_eq!(document.value, json!({ "l": [{ "hook": "c" }, { "hook": "d" }], "s": ["z"] }));
        assert_eq!(document.origin("l.1.hook"), Some(&variable("L_1_HOOK")));
        assert_eq!(document.origin("s"), Some(&variable("S")));
    }

    #[test]
    fn an_absurd_index_makes_no_list() {
        let mut document = Document::new();
        document.overlay(&["l".into(), "99999999999".into()], json!(1), &Origin::BuiltIn);
        assert_eq!(document.value, json!({ "l": { "99999999999": 1 } }));
    }

    /// Documents of one shape: maps above, scalars and lists at the leaves.
    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![any::<u8>().prop_map(Value::from), Just(json!(["list"])), Just(Value::Null)];
        let section = prop::collection::btree_map("[a-c]", leaf, 0..3);
        prop::collection::btree_map("[x-z]", section, 0..3).prop_map(|map| json!(map))
    }

    proptest! {
        #[test]
        fn merging_is_associative(a in documents(), b in documents(), c in documents()) {
            let left = merged(&[merged(&[a.clone(), b.clone()]), c.clone()]);
            let right = merged(&[a, merged(&[b, c])]);
            prop_assert_eq!(left, right);
        }

        #[test]
        fn the_last_document_wins(a in documents(), b in documents()) {
            let all = merged(&[a, b.clone()]);
            for (section, members) in b.as_object().unwrap() {
                for (key, value) in members.as_object().unwrap() {
                    prop_assert_eq!(&all[section][key], value);
                }
            }
        }
    }
}
