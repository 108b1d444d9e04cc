//! JSON as values of the engine, and back.

use gotmpl::Value;
use serde_json::{Map, Number, Value as Json};
use std::sync::Arc;

/// The data of a template: whole numbers directly in it are integers.
pub(super) fn root(data: &Json) -> Value {
    match data {
        Json::Object(members) => Value::Map(Arc::new(
            members.iter().map(|(key, member)| (Arc::from(key.as_str()), integer(member))).collect(),
        )),
        other => from_json(other),
    }
}

fn integer(value: &Json) -> Value {
    value.as_i64().map_or_else(|| from_json(value), Value::Int)
}

/// What Go's decoder makes of JSON: numbers are floating point.
pub(super) fn from_json(value: &Json) -> Value {
    match value {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Float(number.as_f64().unwrap_or_default()),
        Json::String(text) => Value::String(Arc::from(text.as_str())),
        Json::Array(items) => Value::List(items.iter().map(from_json).collect()),
        Json::Object(members) => Value::Map(Arc::new(
            members.iter().map(|(key, member)| (Arc::from(key.as_str()), from_json(member))).collect(),
        )),
    }
}

/// What Go's encoder writes: whole numbers without a fraction, keys in order.
pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil | Value::Function(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Float(number) => float(*number).map_or(Json::Null, Json::Number),
        Value::String(text) | Value::Safe { s: text, .. } => Json::String(text.to_string()),
        Value::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(members) => {
            Json::Object(members.iter().map(|(key, member)| (key.to_string(), to_json(member))).collect::<Map<_, _>>())
        }
    }
}

fn float(number: f64) -> Option<Number> {
    /// Whole numbers up to here are exact, and are written without an exponent.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}
