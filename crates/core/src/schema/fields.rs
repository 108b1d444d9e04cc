//! What was submitted, before a schema says what it means: the values of each field, by the dotted names of the fields.
//!
//! The form data of HTML has texts only and repeats a name for each item of a list, so nothing is chosen here: a field
//! keeps all its values until [`read`](super::read) knows the type. A member of a JSON body is a field with one value.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// The values submitted under one name, and the fields whose names continue it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fields {
    #[serde(default)]
    pub(super) values: Vec<Value>,
    #[serde(default)]
    pub(super) members: BTreeMap<String, Fields>,
}

/// Values may be passwords and codes: only names are shown.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.members).finish()
    }
}

impl From<Value> for Fields {
    fn from(value: Value) -> Self {
        Self { values: vec![value], members: BTreeMap::new() }
    }
}

impl Fields {
    /// Adds a value to the field at that path; see [`split`](super::split).
    pub fn insert(&mut self, path: impl IntoIterator<Item = String>, value: Value) {
        let field = path.into_iter().fold(self, |field, part| field.members.entry(part).or_default());
        field.values.push(value);
    }

    /// Puts a field in the place of the one with that name.
    pub fn replace(&mut self, name: impl Into<String>, field: Self) {
        self.members.insert(name.into(), field);
    }

    /// The field of that name, directly below.
    pub fn member(&self, name: &str) -> Option<&Self> {
        self.members.get(name)
    }

    /// The names directly below.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The value that counts for texts and numbers.
    pub fn first(&self) -> Option<&Value> {
        self.values.first()
    }

    /// The value that counts for booleans: a checkbox stands behind a hidden field that says no.
    pub fn last(&self) -> Option<&Value> {
        self.values.last()
    }

    /// Whether something was submitted at that path: a field, or what stands there within a JSON value.
    pub fn has<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> bool {
        let mut path = path.into_iter();
        let mut field = self;
        while let Some(part) = path.next() {
            let Some(member) = field.members.get(part) else {
                let within = field.first().and_then(|value| value.get(part));
                return within.and_then(|value| path.try_fold(value, |value, part| value.get(part))).is_some();
            };
            field = member;
        }
        true
    }

    /// Whether nothing but empty fields was submitted.
    pub(super) fn is_blank(&self) -> bool {
        self.values.iter().all(is_blank) && self.members.values().all(Self::is_blank)
    }
}

/// Whether a value of a field says nothing.
pub(super) fn is_blank(value: &Value) -> bool {
    value.is_null() || value == ""
}
