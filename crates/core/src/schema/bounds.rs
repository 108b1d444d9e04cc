//! What a schema may not be: too large, too deep, with references to elsewhere or with patterns that are too long.
//!
//! Looked at before anything is compiled. Patterns run on an engine of linear time, which bounds them further.

use super::compile::SchemaError;
use serde_json::Value;

/// Bytes of a document.
pub(super) const SIZE: usize = 1 << 20;
/// Objects and arrays within each other.
const DEPTH: usize = 64;
/// Bytes of one pattern.
const PATTERN: usize = 4096;

/// Reads a document, if it is small enough. The reader bounds its depth; what is in it is not looked at.
pub(super) fn parse(raw: &[u8]) -> Result<Value, SchemaError> {
    if raw.len() > SIZE {
        return Err(SchemaError::TooLarge { bytes: raw.len(), most: SIZE });
    }
    serde_json::from_slice(raw).map_err(|error| SchemaError::NotJson(error.to_string()))
}

/// Whether a document is within bounds and refers to itself only.
pub(super) fn check(document: &Value) -> Result<(), SchemaError> {
    check_value(document, "#", 0)
}

fn check_value(value: &Value, at: &str, depth: usize) -> Result<(), SchemaError> {
    if depth > DEPTH {
        return Err(SchemaError::TooDeep { at: at.to_owned(), most: DEPTH });
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let here = format!("{at}/{name}");
                match (name.as_str(), member) {
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) => {
                        check_reference(target, &here)?;
                    }
                    ("pattern", Value::String(pattern)) => check_pattern(pattern, &here)?,
                    ("patternProperties", Value::Object(patterns)) => {
                        patterns.keys().try_for_each(|pattern| check_pattern(pattern, &here))?;
                    }
                    _ => {}
                }
                check_value(member, &here, depth + 1)?;
            }
            Ok(())
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| check_value(item, &format!("{at}/{index}"), depth + 1)),
        _ => Ok(()),
    }
}

fn check_reference(target: &str, at: &str) -> Result<(), SchemaError> {
    if target == "#" || target.starts_with("#/") {
        return Ok(());
    }
    Err(SchemaError::ForeignReference { at: at.to_owned(), target: target.to_owned() })
}

fn check_pattern(pattern: &str, at: &str) -> Result<(), SchemaError> {
    if pattern.len() > PATTERN {
        return Err(SchemaError::LongPattern { at: at.to_owned(), most: PATTERN });
    }
    match regex::Regex::new(pattern) {
        Ok(_) => Ok(()),
        Err(error) => Err(SchemaError::BadPattern { at: at.to_owned(), reason: error.to_string() }),
    }
}
