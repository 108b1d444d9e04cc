//! The form of an identity schema: one input for each trait that is no object.

use super::{
    field::{Field, Kind},
    path::join,
};
use crate::{
    text::{Text, catalog},
    ui::{Group, InputType, Node, node::InputOption},
};

/// Choices that one input offers at most, so that a huge schema does not make every answer huge.
const OPTIONS: usize = 500;

/// The inputs of all members of the object at `name`, in the order of the schema. The group is put in when they are
/// handed out.
pub(super) fn nodes(object: &Field, name: &str) -> Vec<Node> {
    let mut found = Vec::new();
    collect(object, name, &mut found);
    found
}

/// The label of the field for an identifier: the title of the trait, if exactly one can be meant.
pub(super) fn identifier_label(traits: &Field) -> Text {
    let mut found = Vec::new();
    named(traits, "traits", &mut found);
    match found.as_slice() {
        [(name, Some(title))] => catalog::label_from_title(title, name),
        _ => catalog::identifier_label(),
    }
}

/// Whose values a passkey may be called by: what is marked so, else the first trait that has no title; sorted.
pub(super) fn passkey_names(traits: &Field, nodes: &[Node]) -> Vec<String> {
    let mut found = Vec::new();
    marked(traits, "traits", &mut found);
    if found.is_empty() {
        let untitled = nodes.iter().filter(|node| node.meta.label.is_none()).map(|node| node.name().to_owned());
        found.extend(untitled.min());
    }
    found.sort_unstable();
    found
}

fn marked(field: &Field, name: &str, found: &mut Vec<String>) {
    for (property, field) in &field.properties {
        let name = join(name, property);
        if field.marks.iter().any(|mark| mark.extension.names_passkey()) {
            found.push(name.clone());
        }
        marked(field, &name, found);
    }
}

fn collect(field: &Field, name: &str, found: &mut Vec<Node>) {
    for (property, field) in &field.properties {
        let name = join(name, property);
        if field.has_input() {
            found.push(input(field, name));
        } else {
            collect(field, &name, found);
        }
    }
}

fn named<'a>(field: &'a Field, name: &str, found: &mut Vec<(String, Option<&'a str>)>) {
    for (property, field) in &field.properties {
        let name = join(name, property);
        if field.marks.iter().any(|mark| mark.extension.names_credential()) {
            found.push((name.clone(), field.title.as_deref()));
        }
        named(field, &name, found);
    }
}

/// The input of a value.
pub(super) fn input(field: &Field, name: String) -> Node {
    let (kind, autocomplete) = kind_of(field);
    let title = field.title.as_deref().map(|title| catalog::label_from_title(title, &name));
    let mut node = Node::input(Group::Default, name, kind);
    node.meta.label = title;
    if let Some(input) = node.as_input_mut() {
        input.autocomplete = autocomplete.map(Into::into);
        input.required = field.required;
        input.disabled = field.disabled;
        input.pattern.clone_from(&field.pattern);
        input.options = field.options.iter().take(OPTIONS).map(|value| InputOption { value: value.clone() }).collect();
    }
    node
}

fn kind_of(field: &Field) -> (InputType, Option<&'static str>) {
    match field.format.as_deref() {
        Some("date-time") => (InputType::DatetimeLocal, None),
        Some("date") => (InputType::Date, None),
        Some("email") => (InputType::Email, Some("email")),
        Some("tel") => (InputType::Tel, Some("tel")),
        Some("uri") => (InputType::Url, Some("url")),
        Some("regex") => (InputType::Text, None),
        _ => match field.kind {
            Kind::Number | Kind::Integer => (InputType::Number, None),
            Kind::Boolean => (InputType::Checkbox, None),
            _ => (InputType::Text, None),
        },
    }
}
