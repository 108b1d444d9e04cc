//! The inputs of a list: one for each item, or one for each member of an item that is an object, and those of one item
//! more, all of them empty. Submitted as they are drawn, they are read as the list that they show.

use super::{
    field::{Field, Kind},
    nodes, path,
};
use crate::ui::{InputType, Node, node::InputOption};
use serde_json::Value;

/// Inputs of one list; a longer one is a JSON text.
const MOST: usize = 500;

/// The inputs of the list at `name`.
pub(super) fn of(list: &Field, name: &str, value: Option<&Value>) -> Option<Vec<Vec<Node>>> {
    let items = match value {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(items)) => items,
        Some(_) => return None,
    };
    let item = list.items.as_deref().filter(|_| list.kind == Kind::Array && list.tuple.is_empty())?;
    let empty = entry(item, name, items.len(), None);
    let is_short = (items.len() + 1) * empty.len() <= MOST;
    if empty.is_empty() || !is_short || !items.iter().all(|value| is_shown(item, value)) {
        return None;
    }
    let filled = items.iter().enumerate().map(|(index, value)| entry(item, name, index, Some(value)));
    Some(filled.chain([empty]).collect())
}

/// The inputs of an item; nothing if there are none for such items.
fn entry(item: &Field, list: &str, index: usize, value: Option<&Value>) -> Vec<Node> {
    let place = path::join(list, &index.to_string());
    let mut inputs = match item.kind {
        Kind::String | Kind::Number | Kind::Integer | Kind::Boolean => vec![nodes::input(item, list.to_owned())],
        Kind::Object => nodes::nodes(item, &place),
        Kind::Array | Kind::Open => Vec::new(),
    };
    for input in &mut inputs {
        let within = path::split(input.name().strip_prefix(&place).unwrap_or_default(), usize::MAX).unwrap_or_default();
        // The name of a member begins with the dot before it.
        let value = value.and_then(|value| within.iter().skip(1).try_fold(value, |value, part| value.get(part)));
        fill_in(input, value.cloned());
    }
    inputs
}

fn fill_in(node: &mut Node, value: Option<Value>) {
    let Some(input) = node.as_input_mut() else { return };
    input.value = value;
    // The inputs of the item that is not there yet stay empty.
    input.required = false;
    if input.kind == InputType::Checkbox {
        // A checkbox has no third state for it.
        input.options = [true, false].map(|value| InputOption { value: value.into() }).into();
    }
}

/// Whether the inputs of an item can show this one.
fn is_shown(item: &Field, value: &Value) -> bool {
    match (item.kind, value) {
        (Kind::Object, Value::Object(members)) => {
            let is_shown = |(name, value): (&String, &Value)| {
                item.property(name).is_none_or(|field| field.kind != Kind::Object || is_shown(field, value))
            };
            members.iter().all(is_shown)
        }
        (Kind::Object | Kind::Array | Kind::Open, _) => false,
        _ => !value.is_object() && !value.is_array(),
    }
}
