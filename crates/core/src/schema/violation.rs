//! What is wrong with a document: as texts on the nodes of a form, and as a reason for administrators.

use super::path::{escape, join};
use crate::text::{FieldText, Text, catalog};
use jsonschema::{
    JsonType, ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Wrong},
    paths::{Location, LocationSegment},
};
use serde_json::{Number, Value};
use std::{collections::HashMap, fmt};

/// One rule that one value breaks.
#[derive(Debug, Clone, PartialEq)]
pub struct Violation {
    /// The node that shows it, e.g. `traits.email`; none for the form as a whole.
    pub at: Option<String>,
    pub text: Text,
    /// JSON pointer of the value, with `#` in front.
    pub instance: String,
    /// JSON pointer of the rule, with `#` in front.
    pub schema: String,
    /// In a few words, for administrators.
    pub reason: String,
}

/// All that is wrong with a document; never empty where it is an error. Displayed as the reason that the admin API gives,
/// a line for each: `I[#/traits/age] S[#/properties/traits/properties/age/type] expected number, but got string`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Violations(pub Vec<Violation>);

/// Nobody reads more; a long list of wrong items would make as many.
const MOST: usize = 100;

/// Characters of a submitted value that a text repeats.
const SHOWN: usize = 256;

/// Bytes of a node's name.
const LONGEST_NAME: usize = 1024;

impl Violations {
    /// What the validator finds wrong with the document, as far as anybody would read.
    pub(super) fn of(validator: &Validator, document: &Value) -> Self {
        let mut found = Self::default();
        for error in validator.iter_errors(document) {
            found.add(&error);
            if found.is_full() {
                break;
            }
        }
        found
    }

    /// Adds one, if there is room.
    pub(super) fn push(&mut self, violation: Violation) {
        if !self.is_full() {
            self.0.push(violation);
        }
    }

    fn is_full(&self) -> bool {
        self.0.len() >= MOST
    }

    /// The document, or what is wrong with it.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The texts for the form.
    pub fn texts(self) -> Vec<FieldText> {
        self.0.into_iter().map(|violation| FieldText { at: violation.at, text: violation.text }).collect()
    }

    /// Adds an error; one that only sums up others is replaced by those.
    fn add(&mut self, error: &ValidationError<'_>) {
        match error.kind() {
            Wrong::AnyOf { context } | Wrong::OneOfNotValid { context }
                if context.iter().any(|list| !list.is_empty()) =>
            {
                context.iter().flatten().for_each(|error| self.add(error));
            }
            Wrong::PropertyNames { error } => self.add(error),
            _ => {
                let violation = Violation::of(error);
                // Branches of `anyOf` often say the same.
                if !self.0.iter().any(|known| known.at == violation.at && known.text == violation.text) {
                    self.push(violation);
                }
            }
        }
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}I[{}] S[{}] {}", violation.instance, violation.schema, violation.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

impl From<Violations> for Vec<FieldText> {
    fn from(violations: Violations) -> Self {
        violations.texts()
    }
}

impl Violation {
    fn of(error: &ValidationError<'_>) -> Self {
        let path = error.instance_path();
        let text = text(error.kind(), error.instance());
        let at = match error.kind() {
            Wrong::Required { property } => Some(child(path, property.as_str().unwrap_or_default())),
            _ => dotted(path),
        };
        Self {
            at: at.map(near),
            reason: reason(error.kind(), error.instance()).unwrap_or_else(|| text.text.to_string()),
            text,
            instance: format!("#{}", short(path.as_str())),
            schema: format!("#{}", error.schema_path().as_str()),
        }
    }
}

/// A place in a document as the name of a node; none for the document itself.
fn dotted(path: &Location) -> Option<String> {
    path.iter().fold(None, |name: Option<String>, segment| {
        let part = match segment {
            LocationSegment::Property(name) => name.into_owned(),
            LocationSegment::Index(index) => index.to_string(),
        };
        Some(name.map_or_else(|| escape(&part), |name| join(&name, &part)))
    })
}

/// The name itself, or of what it is within if it is longer than is worth repeating.
fn near(name: String) -> String {
    if name.len() <= LONGEST_NAME { name } else { name.split('.').next().unwrap_or_default().to_owned() }
}

fn child(path: &Location, property: &str) -> String {
    dotted(path).map_or_else(|| escape(property), |parent| join(&parent, property))
}

fn text(wrong: &Wrong, instance: &Value) -> Text {
    let length = || instance.as_str().map_or(0, |text| text.chars().count() as u64);
    let items = || instance.as_array().map_or(0, |items| items.len() as u64);
    match wrong {
        Wrong::Required { property } => catalog::property_missing(property.as_str().unwrap_or_default()),
        Wrong::MinLength { limit } => catalog::too_short(*limit, length()),
        Wrong::MaxLength { limit } => catalog::too_long(*limit, length()),
        Wrong::Pattern { pattern } => catalog::pattern_mismatch(pattern),
        Wrong::Minimum { limit } => catalog::below_minimum(&as_number(limit), &as_number(instance)),
        Wrong::ExclusiveMinimum { limit } => catalog::not_above(&as_number(limit), &as_number(instance)),
        Wrong::Maximum { limit } => catalog::above_maximum(&as_number(limit), &as_number(instance)),
        Wrong::ExclusiveMaximum { limit } => catalog::not_below(&as_number(limit), &as_number(instance)),
        Wrong::MultipleOf { multiple_of } => {
            catalog::not_multiple_of(&as_number(&Value::from(*multiple_of)), &as_number(instance))
        }
        Wrong::MaxItems { limit } => catalog::too_many_items(*limit, items()),
        Wrong::MinItems { limit } => catalog::too_few_items(*limit, items()),
        Wrong::UniqueItems => {
            let (first, second) = twins(instance);
            catalog::duplicate_items(first, second)
        }
        Wrong::Type { kind } => catalog::wrong_type(&allowed_types(kind), type_of(instance)),
        Wrong::Constant { expected_value } if expected_value.is_object() || expected_value.is_array() => {
            catalog::not_the_constant()
        }
        Wrong::Constant { expected_value } => catalog::not_constant(&expected_value.to_string()),
        Wrong::Format { format } => wrong_format(format, instance),
        other => catalog::invalid(generic(other)),
    }
}

/// The text for a value that has not the form it should have.
pub(super) fn wrong_format(format: &str, value: &Value) -> Text {
    let shown = short(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    match format {
        "email" => catalog::invalid_email(&shown),
        "tel" => catalog::invalid_phone(&shown),
        other => catalog::invalid(format!("{shown:?} is not of the format {other:?}.")),
    }
}

/// The words clients of the admin API look for; for everything else the text's own words do.
fn reason(wrong: &Wrong, instance: &Value) -> Option<String> {
    match wrong {
        Wrong::Type { kind } => {
            Some(format!("expected {}, but got {}", allowed_types(kind).join(" or "), type_of(instance)))
        }
        Wrong::Required { property } => Some(format!("missing properties: {property}")),
        Wrong::Format { format } => Some(format!("{} is not valid {format:?}", short(&instance.to_string()))),
        _ => None,
    }
}

fn generic(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Enum { options } => format!("Must be one of {}.", list(options.as_array().into_iter().flatten())),
        Wrong::AdditionalProperties { unexpected } | Wrong::UnevaluatedProperties { unexpected } => {
            format!("Not known here: {}.", list(unexpected))
        }
        Wrong::AdditionalItems { limit } => format!("At most {limit} entries fit."),
        Wrong::UnevaluatedItems { .. } => "There are entries that are not known here.".to_owned(),
        Wrong::MaxProperties { limit } => format!("At most {limit} members fit."),
        Wrong::MinProperties { limit } => format!("At least {limit} members are needed."),
        Wrong::OneOfMultipleValid { .. } => "Fits more than one of the forms it may have.".to_owned(),
        Wrong::Contains => "An entry that is needed is not there.".to_owned(),
        Wrong::FalseSchema => "Must not be there.".to_owned(),
        _ => "Is not what it should be.".to_owned(),
    }
}

fn list<T: fmt::Display>(values: impl IntoIterator<Item = T>) -> String {
    short(&values.into_iter().take(MOST).map(|value| value.to_string()).collect::<Vec<_>>().join(", "))
}

/// The beginning of what was submitted: texts are stored with a flow and sent to whoever asks for it.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whole numbers without a fraction, as they were written.
fn as_number(value: &Value) -> Number {
    match value {
        Value::Number(number) => match number.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "whole and small enough, as just seen")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => Number::from(float as i64),
            _ => number.clone(),
        },
        _ => Number::from(0),
    }
}

fn twins(instance: &Value) -> (usize, usize) {
    let mut first = HashMap::new();
    let items = instance.as_array().into_iter().flatten().enumerate();
    let mut pairs = items.filter_map(|(index, item)| first.insert(item, index).map(|first| (first, index)));
    pairs.next().unwrap_or_default()
}

fn allowed_types(kind: &TypeKind) -> Vec<&'static str> {
    match kind {
        TypeKind::Single(kind) => vec![kind.as_str()],
        TypeKind::Multiple(kinds) => kinds.iter().map(JsonType::as_str).collect(),
    }
}

/// The JSON type of a value, in JSON Schema's words.
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
