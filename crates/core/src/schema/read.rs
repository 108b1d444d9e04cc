//! Fields become the values that a schema declares.
//!
//! Form data knows texts only, so the type decides: a list takes all values of a field, a boolean the last (a hidden field
//! and a checkbox share a name), texts and numbers the first (Kratos `oryx/decoderx`). Empty fields are absent, so an empty
//! required field is *missing*, not too short. Items of lists are also taken by index (`tags.0`), and a list or object may
//! be one JSON text. What cannot be converted stays and is judged as it is. A JSON value is taken as it is.
//!
//! A form cannot name everything: members that the schema does not declare, traits without an input and those that are
//! disabled keep the value that is stored. So does a field whose input shows nothing of it, as that of an empty text does.

use super::{
    field::{Field, Kind},
    fields::{Fields, is_blank},
};
use serde_json::{Map, Value};

/// Reads a value; `None` if it is absent. `stored` is what the form was drawn of.
pub(super) fn read(field: &Field, sent: &Fields, stored: Option<&Value>) -> Option<Value> {
    match field.kind {
        Kind::Array => array(field, sent, stored),
        Kind::Object => object(field, sent, stored),
        Kind::Open if !field.properties.is_empty() || !sent.members.is_empty() => object(field, sent, stored),
        Kind::Boolean => scalar(field, sent.last()?, stored),
        _ => scalar(field, sent.first()?, stored),
    }
}

/// Reads the object that a whole form fills in: without any field it is empty.
pub(super) fn root(field: &Field, sent: &Fields, stored: Option<&Value>) -> Value {
    let is_given = sent.first().is_some_and(|value| !is_blank(value));
    let whole = || Value::Object(members(field, sent, stored.and_then(Value::as_object)));
    if is_given { object(field, sent, None).unwrap_or_else(whole) } else { whole() }
}

/// Reads the declared members, and keeps what the form cannot name. Required objects are added: forms have no name for
/// them.
pub(super) fn members(field: &Field, sent: &Fields, stored: Option<&Map<String, Value>>) -> Map<String, Value> {
    let has_properties = !field.properties.is_empty();
    let is_kept = |name: &str| if has_properties { field.property(name).is_none() } else { sent.members.is_empty() };
    let kept = stored.into_iter().flatten().filter(|(name, _)| is_kept(name));
    let mut whole: Map<String, Value> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, property) in &field.properties {
        let stored = stored.and_then(|stored| stored.get(name));
        let value = match sent.members.get(name) {
            Some(sent) => read(property, sent, stored),
            None => unsent(property, stored),
        };
        if let Some(value) = value {
            whole.insert(name.clone(), value);
        }
    }
    if !has_properties {
        let free = |(name, sent): (&String, &Fields)| Some((name.clone(), undeclared(sent)?));
        whole.extend(sent.members.iter().filter_map(free));
    }
    whole
}

/// What a member is of which nothing was sent: as it is stored if the form has no input for it, else absent.
fn unsent(field: &Field, stored: Option<&Value>) -> Option<Value> {
    if field.is_disabled() || !field.is_drawn() {
        return if field.kind == Kind::Object { object(field, &Fields::default(), stored) } else { stored.cloned() };
    }
    if field.has_input() { None } else { object(field, &Fields::default(), stored) }
}

/// A member of an object that declares none.
fn undeclared(sent: &Fields) -> Option<Value> {
    if sent.members.is_empty() {
        return sent.first().cloned();
    }
    Some(sent.members.iter().filter_map(|(name, sent)| Some((name.clone(), undeclared(sent)?))).collect())
}

fn object(field: &Field, sent: &Fields, stored: Option<&Value>) -> Option<Value> {
    let given = sent.first().filter(|value| !is_blank(value)).map(parsed);
    let stored = stored.and_then(Value::as_object);
    match given {
        Some(Value::Object(given)) => Some(Value::Object(overlaid(field, given, sent))),
        Some(other) => Some(other),
        // Of an object that need not be there nothing is made of empty fields.
        None if sent.is_blank() && !field.required && stored.is_none() => None,
        None => {
            let whole = members(field, sent, stored);
            let is_there = !whole.is_empty() || field.required || stored.is_some_and(Map::is_empty);
            is_there.then_some(Value::Object(whole))
        }
    }
}

/// An object that was given whole, with what was sent of its members beside it.
fn overlaid(field: &Field, mut given: Map<String, Value>, sent: &Fields) -> Map<String, Value> {
    for (name, sent) in &sent.members {
        let Some(property) = field.property(name) else { continue };
        let value = match (given.remove(name), property.kind) {
            (Some(Value::Object(given)), Kind::Object | Kind::Open) if sent.values.is_empty() => {
                Some(Value::Object(overlaid(property, given, sent)))
            }
            _ => read(property, sent, None),
        };
        if let Some(value) = value {
            given.insert(name.clone(), value);
        }
    }
    given
}

fn array(field: &Field, sent: &Fields, stored: Option<&Value>) -> Option<Value> {
    if let [value] = &sent.values[..]
        && let list @ Value::Array(_) = parsed(value)
    {
        return Some(list);
    }
    let known = stored.and_then(Value::as_array);
    let mut found = Vec::new();
    for (index, value) in sent.values.iter().enumerate() {
        found.extend(item(field, index, &Fields::from(value.clone()), known));
    }
    let mut indexed: Vec<(usize, &Fields)> =
        sent.members.iter().filter_map(|(name, sent)| Some((name.parse().ok()?, sent))).collect();
    indexed.sort_unstable_by_key(|(index, _)| *index);
    for (index, sent) in indexed {
        found.extend(item(field, index, sent, known));
    }
    let is_there = !found.is_empty() || known.is_some_and(Vec::is_empty);
    is_there.then_some(Value::Array(found))
}

/// One item of a list. An empty one is none, unless it is the input of one that shows nothing.
fn item(list: &Field, index: usize, sent: &Fields, stored: Option<&Vec<Value>>) -> Option<Value> {
    let stored = stored.and_then(|items| items.get(index));
    let field = list.item(index);
    if sent.is_blank() {
        return stored.filter(|stored| field.is_some_and(|field| shows_nothing(field, stored))).cloned();
    }
    match field {
        Some(field) => read(field, sent, stored),
        None => undeclared(sent),
    }
}

/// Whether all inputs of a value that are sent are empty.
fn shows_nothing(field: &Field, value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let mut properties = field.properties.iter().filter(|(_, field)| field.is_drawn() && !field.is_disabled());
            properties.all(|(name, field)| members.get(name).is_none_or(|value| shows_nothing(field, value)))
        }
        other => is_blank(other),
    }
}

/// A text, number or boolean, or whatever else was sent instead.
fn scalar(field: &Field, sent: &Value, stored: Option<&Value>) -> Option<Value> {
    if let Some(stored) = stored.filter(|stored| is_shown_as(stored, sent)) {
        return Some(stored.clone());
    }
    if is_blank(sent) {
        // Quirk: what is required and of these types is never missing (Kratos oryx/decoderx/http.go).
        return match field.kind {
            Kind::Boolean if field.required => Some(Value::Bool(false)),
            Kind::Number | Kind::Integer if field.required => Some(Value::from(0)),
            _ => None,
        };
    }
    let text = match sent {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => sent.to_string(),
        _ => return Some(sent.clone()),
    };
    let read = match field.kind {
        Kind::String => Some(Value::String(text)),
        Kind::Boolean => boolean(&text),
        Kind::Number | Kind::Integer => number(&text),
        _ => field.options.iter().find(|option| is_shown_as(option, sent)).cloned(),
    };
    Some(read.unwrap_or_else(|| sent.clone()))
}

/// Whether the input of a value holds what was sent. Browsers write each end of a line as CR LF.
fn is_shown_as(value: &Value, sent: &Value) -> bool {
    let Value::String(sent) = sent else { return false };
    match value {
        Value::Null => sent.is_empty(),
        Value::String(text) => text == sent || lines(text) == lines(sent),
        other => serde_json::from_str::<Value>(sent).is_ok_and(|sent| sent == *other),
    }
}

fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// A text as the JSON object or list that it is; anything else as it is.
fn parsed(value: &Value) -> Value {
    let read = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    read.filter(|read| read.is_object() || read.is_array()).unwrap_or_else(|| value.clone())
}

fn boolean(text: &str) -> Option<Value> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    let whole = text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from));
    let number = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from);
    whole.ok().or_else(number)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
