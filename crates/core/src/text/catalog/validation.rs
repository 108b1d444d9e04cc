//! What a schema finds wrong with a value (4000xxx). The keys of the contexts carry the numbers, for clients that phrase it themselves.

use crate::text::Text;
use serde_json::{Number, json};

/// Anything that has no number of its own.
pub fn invalid(reason: impl Into<String>) -> Text {
    let reason = reason.into();
    let context = json!({"reason": &reason});
    Text::error(4_000_001, reason).with_context(context)
}

/// A required property is absent.
pub fn property_missing(property: &str) -> Text {
    Text::error(4_000_002, format!("{property} is needed.")).with_context(json!({"property": property}))
}

/// `minLength`, in characters.
pub fn too_short(min: u64, actual: u64) -> Text {
    Text::error(4_000_003, format!("Too short: {actual} characters, but {min} are needed."))
        .with_context(json!({"actual_length": actual, "min_length": min}))
}

/// `pattern`.
pub fn pattern_mismatch(pattern: &str) -> Text {
    Text::error(4_000_004, format!("Does not have the form {pattern:?}.")).with_context(json!({"pattern": pattern}))
}

/// `maxLength`, in characters.
pub fn too_long(max: u64, actual: u64) -> Text {
    Text::error(4_000_017, format!("Too long: {actual} characters, but at most {max} fit."))
        .with_context(json!({"actual_length": actual, "max_length": max}))
}

/// `minimum`.
pub fn below_minimum(minimum: &Number, actual: &Number) -> Text {
    Text::error(4_000_018, format!("{actual} is less than {minimum}."))
        .with_context(json!({"actual": actual, "minimum": minimum}))
}

/// `exclusiveMinimum`.
pub fn not_above(minimum: &Number, actual: &Number) -> Text {
    Text::error(4_000_019, format!("{actual} is not more than {minimum}."))
        .with_context(json!({"actual": actual, "minimum": minimum}))
}

/// `maximum`.
pub fn above_maximum(maximum: &Number, actual: &Number) -> Text {
    Text::error(4_000_020, format!("{actual} is more than {maximum}."))
        .with_context(json!({"actual": actual, "maximum": maximum}))
}

/// `exclusiveMaximum`.
pub fn not_below(maximum: &Number, actual: &Number) -> Text {
    Text::error(4_000_021, format!("{actual} is not less than {maximum}."))
        .with_context(json!({"actual": actual, "maximum": maximum}))
}

/// `multipleOf`.
pub fn not_multiple_of(base: &Number, actual: &Number) -> Text {
    Text::error(4_000_022, format!("{actual} is not a multiple of {base}."))
        .with_context(json!({"actual": actual, "base": base}))
}

/// `maxItems`.
pub fn too_many_items(max: u64, actual: u64) -> Text {
    Text::error(4_000_023, format!("Too many: {actual}, but at most {max} fit."))
        .with_context(json!({"actual_items": actual, "max_items": max}))
}

/// `minItems`.
pub fn too_few_items(min: u64, actual: u64) -> Text {
    Text::error(4_000_024, format!("Too few: {actual}, but {min} are needed."))
        .with_context(json!({"actual_items": actual, "min_items": min}))
}

/// `uniqueItems`.
pub fn duplicate_items(first: usize, second: usize) -> Text {
    Text::error(4_000_025, format!("Entries {first} and {second} are the same."))
        .with_context(json!({"index_a": first, "index_b": second}))
}

/// `type`.
pub fn wrong_type(allowed: &[&str], actual: &str) -> Text {
    Text::error(4_000_026, format!("Must be {}, not {actual}.", allowed.join(" or ")))
        .with_context(json!({"actual_type": actual, "allowed_types": allowed}))
}

/// `const`, where the expected value can be shown.
pub fn not_constant(expected: &str) -> Text {
    Text::error(4_000_029, format!("Must be {expected}.")).with_context(json!({"expected": expected}))
}

/// `const`, where the expected value is an object or a list.
pub fn not_the_constant() -> Text {
    Text::error(4_000_030, "Not the value that is expected here.")
}

/// The value is no email address.
pub fn invalid_email(value: &str) -> Text {
    Text::error(4_000_040, "This is no email address.").with_context(json!({"value": value}))
}

/// The value is no phone number.
pub fn invalid_phone(value: &str) -> Text {
    Text::error(4_000_041, "This is no phone number.").with_context(json!({"value": value}))
}
