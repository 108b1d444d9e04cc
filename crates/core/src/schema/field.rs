//! One walk over a schema: the tree of values it describes, with all that is said of each value in any sub-schema.
//!
//! Whatever applies to the same value is merged, be it behind a `$ref`, in `allOf` or in a branch of `anyOf`, `oneOf`
//! or `if`; what is said first wins, and nothing becomes required by a branch alone if it stands outside of it too.
//! A value within which the same reference is followed again has a tree of any depth: it ends after a few rounds. A
//! reference that leads back to itself without going into the value is refused.

use super::{compile::SchemaError, extension::Extension, indexed, references};
use jsonschema::Draft;
use serde_json::{Map, Value};

/// Values that a document may describe when all references are followed.
const MOST: usize = 5_000;

/// How often a reference is followed within itself; less often if the tree would be too large.
const ROUNDS: usize = 3;

/// The one type that a value is declared to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Object,
    /// None, or more than one.
    #[default]
    Open,
}

/// A value that the schema describes.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    pub(super) kind: Kind,
    /// There is a default, so that a value without a type is listed in forms all the same.
    pub(super) has_default: bool,
    /// The enclosing object requires it.
    pub(super) required: bool,
    pub(super) disabled: bool,
    pub(super) title: Option<String>,
    pub(super) format: Option<String>,
    pub(super) pattern: Option<String>,
    pub(super) options: Vec<Value>,
    pub(super) marks: Vec<Mark>,
    /// Operators look for people by the value, or sort by it.
    pub(super) indexed: bool,
    /// In the order of declaration.
    pub(super) properties: Vec<(String, Field)>,
    /// What every item of an array is, or each of the first ones.
    pub(super) items: Option<Box<Field>>,
    pub(super) tuple: Vec<Field>,
}

/// An extension and where it was found.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) extension: Extension,
    /// The `format` beside it.
    pub(super) format: Option<String>,
    /// JSON pointer of the sub-schema, with `#` in front.
    pub(super) schema: String,
}

impl Field {
    /// The tree of a document, from its root.
    pub(super) fn of(document: &Value, draft: Draft) -> Result<Self, SchemaError> {
        let mut rounds = ROUNDS;
        loop {
            match Walk::new(document, draft, rounds).root() {
                Err(SchemaError::TooManyFields { .. }) if rounds > 1 => rounds -= 1,
                done => return done,
            }
        }
    }

    /// Whether it or anything within is a phone number.
    pub(super) fn has_phone(&self) -> bool {
        let within = self.properties.iter().map(|(_, field)| field).chain(self.items.as_deref()).chain(&self.tuple);
        self.format.as_deref() == Some("tel")
            || self.marks.iter().any(|mark| mark.extension.is_phone())
            || within.into_iter().any(Self::has_phone)
    }

    /// Whether forms have an input for the value as a whole.
    ///
    /// Quirk: a trait with several types (or none) has no input (Kratos `oryx/jsonschemax/keys.go`).
    pub(super) fn has_input(&self) -> bool {
        let is_value = self.kind != Kind::Object && self.properties.is_empty();
        is_value && (self.kind != Kind::Open || self.has_default)
    }

    /// Whether no form sends the value, since all its inputs are disabled.
    pub(super) fn is_disabled(&self) -> bool {
        let mut properties = self.properties.iter();
        self.disabled
            || self.items.as_deref().is_some_and(Self::is_disabled)
            || !self.properties.is_empty() && properties.all(|(_, field)| field.is_disabled() || !field.is_drawn())
    }

    /// Whether forms have an input for the value, or for any part of it.
    pub(super) fn is_drawn(&self) -> bool {
        self.has_input() || self.properties.iter().any(|(_, field)| field.is_drawn())
    }

    /// What the item of a list at that index is, if the schema says so.
    pub(super) fn item(&self, index: usize) -> Option<&Self> {
        self.tuple.get(index).or(self.items.as_deref())
    }

    /// The property of that name.
    pub(super) fn property(&self, name: &str) -> Option<&Self> {
        self.properties.iter().find(|(known, _)| known == name).map(|(_, field)| field)
    }
}

/// Until draft-07, nothing counts beside a `$ref`.
fn ignores_beside_ref(draft: Draft) -> bool {
    matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
}

struct Walk<'a> {
    document: &'a Value,
    ignores_beside_ref: bool,
    rounds: usize,
    /// Targets of the references that are being followed, and how deep in the tree each was met.
    stack: Vec<(String, usize)>,
    depth: usize,
    /// Branches that may not apply, around the present place.
    branches: usize,
    count: usize,
}

impl<'a> Walk<'a> {
    fn new(document: &'a Value, draft: Draft, rounds: usize) -> Self {
        let ignores_beside_ref = ignores_beside_ref(draft);
        Self { document, ignores_beside_ref, rounds, stack: Vec::new(), depth: 0, branches: 0, count: 0 }
    }

    fn root(mut self) -> Result<Field, SchemaError> {
        let mut field = Field::default();
        self.add(&mut field, self.document, "#")?;
        Ok(field)
    }

    /// Adds what the sub-schema says of a value within the present one.
    fn add_within(&mut self, field: &mut Field, schema: &'a Value, at: &str) -> Result<(), SchemaError> {
        self.depth += 1;
        let added = self.add(field, schema, at);
        self.depth -= 1;
        added
    }

    /// Adds what the sub-schema says of a value.
    fn add(&mut self, field: &mut Field, schema: &'a Value, at: &str) -> Result<(), SchemaError> {
        self.count += 1;
        if self.count > MOST {
            return Err(SchemaError::TooManyFields { most: MOST });
        }
        let Some(members) = schema.as_object() else { return Ok(()) };
        if let Some(target) = members.get("$ref").and_then(Value::as_str) {
            self.follow(field, target, at)?;
            if self.ignores_beside_ref {
                return Ok(());
            }
        }
        describe(field, members);
        if let Some(extension) = Extension::of(schema, at)? {
            let format = members.get("format").and_then(Value::as_str).map(str::to_owned);
            field.marks.push(Mark { extension, format, schema: at.to_owned() });
        }
        self.add_properties(field, members, at)?;
        self.add_items(field, members, at)?;
        self.add_branches(field, members, at)
    }

    fn follow(&mut self, field: &mut Field, target: &str, at: &str) -> Result<(), SchemaError> {
        let rounds: Vec<usize> =
            self.stack.iter().filter(|(open, _)| open == target).map(|(_, depth)| *depth).collect();
        if rounds.contains(&self.depth) {
            return Err(SchemaError::Cycle { at: at.to_owned() });
        }
        let pointer = references::decode(target.trim_start_matches('#'));
        let broken = || SchemaError::BrokenReference { at: at.to_owned(), target: target.to_owned() };
        let schema = self.document.pointer(&pointer).ok_or_else(broken)?;
        if rounds.len() >= self.rounds {
            // Here the tree ends: the value has its type, but nothing in it is drawn or derived.
            if let Some(members) = schema.as_object() {
                describe(field, members);
            }
            return Ok(());
        }
        self.stack.push((target.to_owned(), self.depth));
        self.add(field, schema, target)?;
        self.stack.pop();
        Ok(())
    }

    fn add_branches(
        &mut self,
        field: &mut Field,
        members: &'a Map<String, Value>,
        at: &str,
    ) -> Result<(), SchemaError> {
        for (index, part) in members.get("allOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
            self.add(field, part, &format!("{at}/allOf/{index}"))?;
        }
        self.branches += 1;
        for name in ["if", "then", "else"] {
            if let Some(branch) = members.get(name) {
                self.add(field, branch, &format!("{at}/{name}"))?;
            }
        }
        for name in ["anyOf", "oneOf"] {
            for (index, branch) in members.get(name).and_then(Value::as_array).into_iter().flatten().enumerate() {
                self.add(field, branch, &format!("{at}/{name}/{index}"))?;
            }
        }
        self.branches -= 1;
        Ok(())
    }

    fn add_properties(
        &mut self,
        field: &mut Field,
        members: &'a Map<String, Value>,
        at: &str,
    ) -> Result<(), SchemaError> {
        let required = members.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
        for (name, schema) in members.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let known = field.properties.iter().position(|(known, _)| known == name);
            let index = known.unwrap_or(field.properties.len());
            if known.is_none() {
                field.properties.push((name.clone(), Field::default()));
            }
            let property = &mut field.properties[index].1;
            property.required |= is_required(name) && (known.is_none() || self.branches == 0);
            self.add_within(property, schema, &format!("{at}/properties/{}", escape(name)))?;
        }
        Ok(())
    }

    fn add_items(&mut self, field: &mut Field, members: &'a Map<String, Value>, at: &str) -> Result<(), SchemaError> {
        for name in ["items", "prefixItems"] {
            match members.get(name) {
                Some(Value::Array(tuple)) => {
                    for (index, schema) in tuple.iter().enumerate() {
                        if field.tuple.len() <= index {
                            field.tuple.push(Field::default());
                        }
                        self.add_within(&mut field.tuple[index], schema, &format!("{at}/{name}/{index}"))?;
                    }
                }
                Some(schema) => {
                    let items = field.items.get_or_insert_default();
                    self.add_within(items, schema, &format!("{at}/{name}"))?;
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// Takes over what is said of the value itself.
fn describe(field: &mut Field, members: &Map<String, Value>) {
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    if field.kind == Kind::Open {
        field.kind = kind(members);
    }
    field.title = field.title.take().or_else(|| text("title").filter(|title| !title.is_empty()));
    field.format = field.format.take().or_else(|| text("format"));
    field.pattern = field.pattern.take().or_else(|| text("pattern"));
    if field.options.is_empty() {
        field.options = members.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    }
    field.has_default |= members.get("default").is_some_and(|value| !value.is_null());
    field.disabled |= members.get("disableFormField") == Some(&Value::Bool(true));
    field.indexed |= members.get(indexed::KEYWORD) == Some(&Value::Bool(true));
}

fn kind(members: &Map<String, Value>) -> Kind {
    if let Some(constant) = members.get("const") {
        return match constant {
            Value::String(_) => Kind::String,
            Value::Number(_) => Kind::Number,
            Value::Bool(_) => Kind::Boolean,
            Value::Object(_) => Kind::Object,
            Value::Array(_) => Kind::Array,
            Value::Null => Kind::Open,
        };
    }
    let name = match members.get("type") {
        Some(Value::String(name)) => name.as_str(),
        Some(Value::Array(names)) if names.len() == 1 => names[0].as_str().unwrap_or_default(),
        _ => return Kind::Open,
    };
    match name {
        "string" => Kind::String,
        "number" => Kind::Number,
        "integer" => Kind::Integer,
        "boolean" => Kind::Boolean,
        "array" => Kind::Array,
        "object" => Kind::Object,
        _ => Kind::Open,
    }
}

/// A name as a part of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
