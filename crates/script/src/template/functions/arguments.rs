//! Arguments as functions want them. Go's templates check types, and so does this.

use gotmpl::{TemplateError, Value};
use std::{collections::BTreeMap, sync::Arc};

pub(super) type Answer = Result<Value, TemplateError>;
pub(super) type Function = fn(Arguments<'_>) -> Answer;
/// Name, fewest and most arguments, and what it does.
pub(super) type Row = (&'static str, usize, usize, Function);
/// For functions that take any number of arguments.
pub(super) const MANY: usize = usize::MAX;

/// The arguments of one call; their number has been checked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arguments<'a>(pub(super) &'a [Value]);

impl<'a> Arguments<'a> {
    pub(super) fn value(self, index: usize) -> &'a Value {
        self.0.get(index).unwrap_or(&Value::Nil)
    }

    pub(super) fn last(self) -> &'a Value {
        self.0.last().unwrap_or(&Value::Nil)
    }

    pub(super) fn from(self, index: usize) -> &'a [Value] {
        self.0.get(index..).unwrap_or_default()
    }

    pub(super) fn text(self, index: usize) -> Result<&'a str, TemplateError> {
        as_text(self.value(index))
    }

    pub(super) fn integer(self, index: usize) -> Result<i64, TemplateError> {
        match self.value(index) {
            Value::Int(number) => Ok(*number),
            Value::Uint(number) => i64::try_from(*number).map_err(|_| wrong("int", self.value(index))),
            #[expect(clippy::cast_possible_truncation, reason = "whole, and saturating is right")]
            Value::Float(number) if number.fract() == 0.0 => Ok(*number as i64),
            other => Err(wrong("int", other)),
        }
    }

    /// A count; what is negative counts nothing.
    pub(super) fn count(self, index: usize) -> Result<usize, TemplateError> {
        self.integer(index).map(|number| usize::try_from(number).unwrap_or(0))
    }

    pub(super) fn truth(self, index: usize) -> Result<bool, TemplateError> {
        match self.value(index) {
            Value::Bool(truth) => Ok(*truth),
            other => Err(wrong("bool", other)),
        }
    }

    pub(super) fn list(self, index: usize) -> Result<&'a [Value], TemplateError> {
        as_list(self.value(index))
    }

    pub(super) fn dictionary(self, index: usize) -> Result<&'a BTreeMap<Arc<str>, Value>, TemplateError> {
        as_dictionary(self.value(index))
    }
}

pub(super) fn as_text(value: &Value) -> Result<&str, TemplateError> {
    match value {
        Value::String(text) | Value::Safe { s: text, .. } => Ok(text),
        other => Err(wrong("string", other)),
    }
}

pub(super) fn as_list(value: &Value) -> Result<&[Value], TemplateError> {
    match value {
        Value::List(items) => Ok(items),
        other => Err(wrong("a list", other)),
    }
}

pub(super) fn as_dictionary(value: &Value) -> Result<&BTreeMap<Arc<str>, Value>, TemplateError> {
    match value {
        Value::Map(members) => Ok(members),
        other => Err(wrong("a dictionary", other)),
    }
}

/// The value as `print` writes it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) | Value::Safe { s: text, .. } => text.to_string(),
        other => other.to_string(),
    }
}

pub(super) fn wrong(wanted: &str, given: &Value) -> TemplateError {
    failed(format!("expected {wanted}; found {}", given.type_name()))
}

pub(super) fn failed(message: impl Into<String>) -> TemplateError {
    TemplateError::Exec(message.into())
}

#[expect(clippy::unnecessary_wraps, reason = "the last word of most functions")]
pub(super) fn text(text: impl Into<Arc<str>>) -> Answer {
    Ok(Value::String(text.into()))
}

#[expect(clippy::unnecessary_wraps, reason = "the last word of most functions")]
pub(super) fn list(items: impl IntoIterator<Item = Value>) -> Answer {
    Ok(Value::List(items.into_iter().collect()))
}

#[expect(clippy::unnecessary_wraps, reason = "the last word of most functions")]
pub(super) fn dictionary(members: BTreeMap<Arc<str>, Value>) -> Answer {
    Ok(Value::Map(Arc::new(members)))
}

pub(super) fn texts<T: Into<Arc<str>>>(items: impl IntoIterator<Item = T>) -> Answer {
    list(items.into_iter().map(|item| Value::String(item.into())))
}
