//! Texts of forms become the values that a schema declares.
//!
//! HTML forms know texts only, and JSON submissions follow the same rules: blank fields are absent (so a blank required
//! field is *missing*, not too short), texts that read as a number or a truth become one, members that the schema does
//! not name are dropped. What can't be converted stays and is judged as it is.

use super::field::{Field, Kind};
use serde_json::{Map, Value};

/// Converts a value in place. False: nothing is left of it, so that the member is absent.
pub(super) fn coerce(field: &Field, value: &mut Value) -> bool {
    match field.kind {
        Kind::String => text(value),
        Kind::Boolean => scalar(value, field.required, Value::Bool(false), truth),
        Kind::Number | Kind::Integer => scalar(value, field.required, Value::from(0), number),
        Kind::Object => object(field, value),
        Kind::Array => array(field, value),
        Kind::Open if value.is_object() => object(field, value),
        Kind::Open => true,
    }
}

/// Converts the members of an object, and adds required objects that are absent: forms have no names for them.
pub(super) fn coerce_members(field: &Field, members: &mut Map<String, Value>) {
    if !field.properties.is_empty() {
        members.retain(|name, member| field.property(name).is_some_and(|field| coerce(field, member)));
    }
    for (name, property) in &field.properties {
        if property.kind == Kind::Object && property.required && !members.contains_key(name) {
            let mut absent = Map::new();
            coerce_members(property, &mut absent);
            members.insert(name.clone(), Value::Object(absent));
        }
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value == ""
}

fn text(value: &mut Value) -> bool {
    if value.is_number() || value.is_boolean() {
        *value = Value::String(value.to_string());
    }
    !is_blank(value)
}

fn scalar(value: &mut Value, required: bool, blank: Value, read: fn(&str) -> Option<Value>) -> bool {
    if is_blank(value) {
        *value = blank;
        return required;
    }
    if let Some(read) = value.as_str().and_then(read) {
        *value = read;
    }
    true
}

fn truth(text: &str) -> Option<Value> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Value::Bool(true)),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
    Some(Value::from(number))
}

fn object(field: &Field, value: &mut Value) -> bool {
    let blank = is_blank(value);
    if blank {
        *value = Value::Object(Map::new());
    } else if let Some(parsed) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
        *value = parsed;
    }
    if let Value::Object(members) = value {
        coerce_members(field, members);
    }
    !blank || field.required
}

fn array(field: &Field, value: &mut Value) -> bool {
    if is_blank(value) {
        return false;
    }
    if value.is_string() || value.is_number() || value.is_boolean() {
        *value = Value::Array(vec![value.take()]);
    }
    for (index, item) in value.as_array_mut().into_iter().flatten().enumerate() {
        if let Some(field) = field.tuple.get(index).or(field.items.as_deref()) {
            coerce(field, item);
        }
    }
    true
}
