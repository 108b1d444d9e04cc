//! Arguments as functions want them.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "the language has one type of number, and says where it is whole"
)]

use crate::jsonnet::{
    machine::{Machine, Run, fail},
    value::{Function, Object, Thunk, Value},
};

/// One for each parameter; those that may be left out may be none.
#[derive(Clone, Copy)]
pub(in crate::jsonnet) struct Arguments<'g, 'a>(&'g [Option<Thunk<'a>>]);

impl<'g, 'a> Arguments<'g, 'a> {
    pub(in crate::jsonnet) fn new(given: &'g [Option<Thunk<'a>>]) -> Self {
        Self(given)
    }

    /// As it was given, maybe not computed yet.
    pub(super) fn lazy(self, index: usize) -> Option<Thunk<'a>> {
        self.0.get(index).copied().flatten()
    }

    pub(super) fn is_given(self, index: usize) -> bool {
        self.lazy(index).is_some()
    }

    /// The value; null where none was given.
    pub(super) fn value(self, machine: &mut Machine<'a>, index: usize) -> Run<Value<'a>> {
        self.lazy(index).map_or(Ok(Value::Null), |thunk| machine.force(thunk))
    }

    pub(super) fn text(self, machine: &mut Machine<'a>, index: usize) -> Run<&'a str> {
        match self.value(machine, index)? {
            Value::Text(text) => {
                machine.spend(text.len() / 16)?;
                Ok(text)
            }
            other => wrong("a string", other),
        }
    }

    pub(super) fn number(self, machine: &mut Machine<'a>, index: usize) -> Run<f64> {
        match self.value(machine, index)? {
            Value::Number(number) => Ok(number),
            other => wrong("a number", other),
        }
    }

    pub(super) fn whole(self, machine: &mut Machine<'a>, index: usize) -> Run<i64> {
        let number = self.number(machine, index)?;
        if number.fract() == 0.0 && number.abs() < i64::MAX as f64 {
            Ok(number as i64)
        } else {
            fail(format!("wants a whole number, but got {number}"))
        }
    }

    pub(super) fn count(self, machine: &mut Machine<'a>, index: usize) -> Run<usize> {
        let whole = self.whole(machine, index)?;
        usize::try_from(whole).or_else(|_| fail(format!("wants a number that is not negative, but got {whole}")))
    }

    pub(super) fn truth(self, machine: &mut Machine<'a>, index: usize) -> Run<bool> {
        match self.value(machine, index)? {
            Value::Bool(truth) => Ok(truth),
            other => wrong("a boolean", other),
        }
    }

    pub(super) fn array(self, machine: &mut Machine<'a>, index: usize) -> Run<&'a [Thunk<'a>]> {
        match self.value(machine, index)? {
            Value::Array(items) => {
                machine.spend(items.len())?;
                Ok(items)
            }
            other => wrong("an array", other),
        }
    }

    /// An array; the letters of a string.
    pub(super) fn items(self, machine: &mut Machine<'a>, index: usize) -> Run<&'a [Thunk<'a>]> {
        match self.value(machine, index)? {
            Value::Text(text) => match letters(machine, text)? {
                Value::Array(items) => Ok(items),
                other => wrong("an array", other),
            },
            _ => self.array(machine, index),
        }
    }

    pub(super) fn object(self, machine: &mut Machine<'a>, index: usize) -> Run<&'a Object<'a>> {
        match self.value(machine, index)? {
            Value::Object(object) => Ok(object),
            other => wrong("an object", other),
        }
    }

    pub(super) fn function(self, machine: &mut Machine<'a>, index: usize) -> Run<Function<'a>> {
        match self.value(machine, index)? {
            Value::Function(function) => Ok(function),
            other => wrong("a function", other),
        }
    }

    /// A function that may be left out.
    pub(super) fn maybe_function(self, machine: &mut Machine<'a>, index: usize) -> Run<Option<Function<'a>>> {
        if self.is_given(index) { self.function(machine, index).map(Some) } else { Ok(None) }
    }
}

pub(super) fn wrong<T>(wanted: &str, given: Value<'_>) -> Run<T> {
    fail(format!("wants {wanted}, but got {}", given.kind()))
}

/// Letters of a text, each a string.
pub(super) fn letters<'a>(machine: &mut Machine<'a>, text: &str) -> Run<Value<'a>> {
    machine.spend(text.len())?;
    let mut buffer = [0; 4];
    let mut items = Vec::new();
    for letter in text.chars() {
        let value = machine.text_value(letter.encode_utf8(&mut buffer))?;
        items.push(machine.done(value)?);
    }
    machine.slice(&items).map(Value::Array)
}
