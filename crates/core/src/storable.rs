//! What can be kept: the bounds that hold for whatever strangers and administrators send, whichever database stands
//! behind.
//!
//! PostgreSQL's texts have no NUL, its indexes and MySQL's take keys of some length only, and a document that is nested
//! too deep can be written but not read back. Past a bound it would be a bug of ours; here it is a mistake of the sender.

use serde_json::Value;

/// Objects and arrays within each other. JSON is read to a depth of 128; what people send is kept within a document.
pub const DEEPEST: usize = 64;

/// Characters of what somebody is found by: identifiers, addresses, external ids.
pub const LONGEST_KEY: usize = 512;

/// Why a value cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unstorable {
    #[error("it holds a NUL character")]
    Nul,
    #[error("it is nested deeper than {DEEPEST} levels")]
    TooDeep,
    #[error("it holds a name of more than {LONGEST_KEY} characters")]
    TooLong,
}

/// Whether a value can be kept as (part of) a document.
pub fn document(value: &Value) -> Result<(), Unstorable> {
    within(value, DEEPEST)
}

/// Whether a text can stand in an index.
pub fn key(text: &str) -> Result<(), Unstorable> {
    plain(text)?;
    if text.len() > LONGEST_KEY && text.chars().count() > LONGEST_KEY { Err(Unstorable::TooLong) } else { Ok(()) }
}

fn within(value: &Value, levels: usize) -> Result<(), Unstorable> {
    match value {
        Value::String(text) => plain(text),
        Value::Array(_) | Value::Object(_) if levels == 0 => Err(Unstorable::TooDeep),
        Value::Array(items) => items.iter().try_for_each(|item| within(item, levels - 1)),
        Value::Object(members) => {
            members.iter().try_for_each(|(name, member)| plain(name).and_then(|()| within(member, levels - 1)))
        }
        _ => Ok(()),
    }
}

fn plain(text: &str) -> Result<(), Unstorable> {
    if text.contains('\0') { Err(Unstorable::Nul) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({ "a": inner }) })
    }

    #[test]
    fn documents_have_no_nul_and_an_end() {
        assert_eq!(document(&json!({ "a": ["b", 1, null] })), Ok(()));
        for value in [json!("\0"), json!({ "a": ["b\0"] }), json!({ "a\0": 1 })] {
            assert_eq!(document(&value), Err(Unstorable::Nul));
        }
        assert_eq!(document(&nested(DEEPEST)), Ok(()));
        assert_eq!(document(&nested(DEEPEST + 1)), Err(Unstorable::TooDeep));
    }

    #[test]
    fn keys_are_counted_in_characters() {
        assert_eq!(key(&"é".repeat(LONGEST_KEY)), Ok(()));
        assert_eq!(key(&"a".repeat(LONGEST_KEY + 1)), Err(Unstorable::TooLong));
        assert_eq!(key("a\0"), Err(Unstorable::Nul));
    }
}
