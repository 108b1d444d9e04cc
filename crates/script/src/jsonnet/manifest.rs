//! Values become JSON: as text within the language, and as the result of a call.
#![expect(clippy::cast_possible_truncation, reason = "the language has one type of number, and says where it is whole")]

use super::{
    format,
    machine::{Machine, Run, fail},
    value::{Lazy, Thunk, Value},
};
use serde_json::{Map, Number, Value as Json};
use std::fmt::Write;

/// Whole numbers below this are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How JSON is laid out in text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'l> {
    pub(super) indent: &'l str,
    pub(super) newline: &'l str,
    pub(super) key_separator: &'l str,
    /// Behind a comma where nothing else stands there.
    pub(super) gap: &'l str,
    /// What stands in empty brackets, besides an empty line.
    pub(super) empty: &'l str,
    /// Numbers in as few digits as tell them apart.
    pub(super) short: bool,
}

impl Layout<'static> {
    /// On one line, as strings are joined with values.
    pub(super) const LINE: Self =
        Self { indent: "", newline: "", key_separator: ": ", gap: " ", empty: " ", short: false };
    /// Without any blank.
    pub(super) const TIGHT: Self =
        Self { indent: "", newline: "", key_separator: ":", gap: "", empty: "", short: true };
}

/// The result of a call.
pub(super) fn json<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Run<Json> {
    machine.enter()?;
    let json = match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => Json::Bool(truth),
        Value::Number(number) => Json::Number(as_number(number)?),
        Value::Text(text) => {
            machine.spend(text.len() / 16)?;
            Json::String(text.to_owned())
        }
        Value::Array(items) => {
            let mut array = Vec::new();
            for item in items {
                let item = machine.force(item)?;
                array.push(json(machine, item)?);
            }
            Json::Array(array)
        }
        Value::Object(object) => {
            let mut members = Map::new();
            for field in machine.sound(object)?.iter().filter(|field| field.visible) {
                let value = machine.force(field.value)?;
                machine.spend(1 + field.name.len() / 16)?;
                members.insert(field.name.to_owned(), json(machine, value)?);
            }
            Json::Object(members)
        }
        Value::Function(_) => return fail("a function cannot be written as JSON"),
    };
    machine.leave();
    Ok(json)
}

fn as_number(number: f64) -> Run<Number> {
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return Ok(Number::from(number as i64));
    }
    Number::from_f64(number).map_or_else(|| fail("a number is not finite"), Ok)
}

/// JSON from outside as a value.
pub(super) fn value<'a>(machine: &mut Machine<'a>, json: &Json) -> Run<Value<'a>> {
    machine.enter()?;
    let made = match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or_default()),
        Json::String(text) => machine.text_value(text)?,
        Json::Array(items) => {
            let mut values: Vec<Thunk<'a>> = Vec::with_capacity(items.len());
            for item in items {
                let item = value(machine, item)?;
                values.push(machine.lazy(Lazy::Done(item))?);
            }
            machine.slice(&values).map(Value::Array)?
        }
        Json::Object(members) => {
            let mut values = Vec::with_capacity(members.len());
            for (name, member) in members {
                let name = machine.text(name)?;
                let member = value(machine, member)?;
                values.push((name, machine.done(member)?));
            }
            machine.object(&values)?
        }
    };
    machine.leave();
    Ok(made)
}

/// A value as a part of a string: strings as they are, all else as JSON.
pub(super) fn shown<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Run<String> {
    if let Value::Text(text) = value {
        machine.spend(text.len() / 16)?;
        return Ok(text.to_owned());
    }
    let mut text = String::new();
    write(machine, value, Layout::LINE, "", &mut text)?;
    Ok(text)
}

/// Writes JSON behind `to`.
pub(super) fn write<'a>(
    machine: &mut Machine<'a>,
    value: Value<'a>,
    layout: Layout<'_>,
    indent: &str,
    to: &mut String,
) -> Run<()> {
    machine.enter()?;
    let before = to.len();
    match value {
        Value::Null => to.push_str("null"),
        Value::Bool(truth) => to.push_str(if truth { "true" } else { "false" }),
        Value::Number(number) if layout.short => to.push_str(&format::short(number)),
        Value::Number(number) => to.push_str(&format::number(number)),
        Value::Text(text) => {
            machine.spend(text.len() / 16)?;
            quote(text, to);
        }
        Value::Array(items) => {
            let inner = format!("{indent}{}", layout.indent);
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                between(machine, at, layout, &inner, to)?;
                let item = machine.force(item)?;
                write(machine, item, layout, &inner, to)?;
            }
            close(items.is_empty(), layout, indent, ']', to);
        }
        Value::Object(object) => {
            let inner = format!("{indent}{}", layout.indent);
            to.push('{');
            let mut count = 0;
            for field in machine.sound(object)?.iter().filter(|field| field.visible) {
                between(machine, count, layout, &inner, to)?;
                count += 1;
                quote(field.name, to);
                to.push_str(layout.key_separator);
                let value = machine.force(field.value)?;
                write(machine, value, layout, &inner, to)?;
            }
            close(count == 0, layout, indent, '}', to);
        }
        Value::Function(_) => return fail("a function cannot be written as JSON"),
    }
    machine.spend((to.len() - before) / 16)?;
    machine.leave();
    Ok(())
}

fn between(machine: &mut Machine<'_>, at: usize, layout: Layout<'_>, indent: &str, to: &mut String) -> Run<()> {
    machine.spend(1 + (indent.len() + layout.newline.len() + layout.key_separator.len()) / 16)?;
    if at > 0 {
        to.push(',');
        to.push_str(layout.gap);
    }
    to.push_str(layout.newline);
    to.push_str(indent);
    Ok(())
}

fn close(empty: bool, layout: Layout<'_>, indent: &str, bracket: char, to: &mut String) {
    if empty {
        to.push_str(layout.empty);
        to.push_str(layout.newline);
    }
    to.push_str(layout.newline);
    to.push_str(indent);
    to.push(bracket);
}

/// A string of JSON.
pub(super) fn quote(text: &str, to: &mut String) {
    to.push('"');
    for letter in text.chars() {
        match letter {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            control if u32::from(control) < 0x20 || (0x7f..=0x9f).contains(&u32::from(control)) => {
                let _ = write!(to, "\\u{:04x}", u32::from(control));
            }
            other => to.push(other),
        }
    }
    to.push('"');
}
