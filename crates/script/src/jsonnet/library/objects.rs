//! Objects, and what type values are of.

use super::{
    Builtin,
    arguments::{Arguments, wrong},
};
use crate::jsonnet::{
    machine::{Machine, Run, Stop, fail},
    manifest, operators,
    value::{Field, Lazy, Value},
};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "type", parameters: &["x"], run: |m, a| Ok(Value::Text(a.value(m, 0)?.kind())) },
    Builtin { name: "isString", parameters: &["v"], run: |m, a| is(m, a, "string") },
    Builtin { name: "isNumber", parameters: &["v"], run: |m, a| is(m, a, "number") },
    Builtin { name: "isBoolean", parameters: &["v"], run: |m, a| is(m, a, "boolean") },
    Builtin { name: "isObject", parameters: &["v"], run: |m, a| is(m, a, "object") },
    Builtin { name: "isArray", parameters: &["v"], run: |m, a| is(m, a, "array") },
    Builtin { name: "isFunction", parameters: &["v"], run: |m, a| is(m, a, "function") },
    Builtin { name: "isNull", parameters: &["v"], run: |m, a| is(m, a, "null") },
    Builtin { name: "equals", parameters: &["a", "b"], run: equals },
    Builtin { name: "primitiveEquals", parameters: &["x", "y"], run: equals },
    Builtin { name: "assertEqual", parameters: &["a", "b"], run: assert_equal },
    Builtin { name: "trace", parameters: &["str", "rest"], run: |m, a| a.value(m, 1) },
    Builtin { name: "extVar", parameters: &["x"], run: ext_var },
    Builtin { name: "get", parameters: &["o", "f", "default?", "inc_hidden?"], run: get },
    Builtin { name: "objectHas", parameters: &["o", "f"], run: |m, a| has(m, a, false) },
    Builtin { name: "objectHasAll", parameters: &["o", "f"], run: |m, a| has(m, a, true) },
    Builtin {
        name: "objectHasEx",
        parameters: &["obj", "fname", "hidden"],
        run: |m, a| {
            let h = a.truth(m, 2)?;
            has(m, a, h)
        },
    },
    Builtin { name: "objectFields", parameters: &["o"], run: |m, a| names(m, a, false) },
    Builtin { name: "objectFieldsAll", parameters: &["o"], run: |m, a| names(m, a, true) },
    Builtin {
        name: "objectFieldsEx",
        parameters: &["obj", "hidden"],
        run: |m, a| {
            let h = a.truth(m, 1)?;
            names(m, a, h)
        },
    },
    Builtin { name: "objectValues", parameters: &["o"], run: |m, a| values(m, a, false) },
    Builtin { name: "objectValuesAll", parameters: &["o"], run: |m, a| values(m, a, true) },
    Builtin { name: "objectKeysValues", parameters: &["o"], run: |m, a| pairs(m, a, false) },
    Builtin { name: "objectKeysValuesAll", parameters: &["o"], run: |m, a| pairs(m, a, true) },
    Builtin { name: "objectRemoveKey", parameters: &["obj", "key"], run: remove_key },
    Builtin { name: "mapWithKey", parameters: &["func", "obj"], run: map_with_key },
    Builtin {
        name: "mergePatch",
        parameters: &["target", "patch"],
        run: |m, a| {
            let (t, p) = (a.value(m, 0)?, a.value(m, 1)?);
            merge_patch(m, t, p)
        },
    },
    Builtin {
        name: "prune",
        parameters: &["a"],
        run: |m, a| {
            let value = a.value(m, 0)?;
            prune(m, value)
        },
    },
];

fn is<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, kind: &str) -> Run<Value<'a>> {
    Ok(Value::Bool(a.value(machine, 0)?.kind() == kind))
}

fn equals<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (one, other) = (a.value(machine, 0)?, a.value(machine, 1)?);
    operators::equal(machine, one, other).map(Value::Bool)
}

fn assert_equal<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (one, other) = (a.value(machine, 0)?, a.value(machine, 1)?);
    if operators::equal(machine, one, other)? {
        return Ok(Value::Bool(true));
    }
    let message =
        format!("Assertion failed. {} != {}", manifest::shown(machine, one)?, manifest::shown(machine, other)?);
    Err(Box::new(Stop { raised: true, message, line: 0 }))
}

fn ext_var<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    fail(format!("there is no external variable {:?}", a.text(machine, 0)?))
}

fn get<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (object, name) = (a.object(machine, 0)?, a.text(machine, 1)?);
    let hidden = !a.is_given(3) || a.truth(machine, 3)?;
    match machine.field(object, name)?.filter(|field| field.visible || hidden) {
        Some(field) => {
            machine.sound(object)?;
            machine.force(field.value)
        }
        None => a.value(machine, 2),
    }
}

fn has<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, hidden: bool) -> Run<Value<'a>> {
    let (object, name) = (a.object(machine, 0)?, a.text(machine, 1)?);
    Ok(Value::Bool(machine.field(object, name)?.is_some_and(|field| field.visible || hidden)))
}

fn fields<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, hidden: bool) -> Run<Vec<Field<'a>>> {
    let object = a.object(machine, 0)?;
    let fields = machine.fields(object)?;
    machine.spend(fields.len())?;
    Ok(fields.iter().filter(|field| field.visible || hidden).copied().collect())
}

fn names<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, hidden: bool) -> Run<Value<'a>> {
    let names: Vec<_> = fields(machine, a, hidden)?.iter().map(|field| Value::Text(field.name)).collect();
    machine.array(&names)
}

fn values<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, hidden: bool) -> Run<Value<'a>> {
    let object = a.object(machine, 0)?;
    machine.sound(object)?;
    let values: Vec<_> = fields(machine, a, hidden)?.iter().map(|field| field.value).collect();
    machine.slice(&values).map(Value::Array)
}

fn pairs<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, hidden: bool) -> Run<Value<'a>> {
    let mut pairs = Vec::new();
    let object = a.object(machine, 0)?;
    machine.sound(object)?;
    for field in fields(machine, a, hidden)? {
        let key = machine.done(Value::Text(field.name))?;
        pairs.push(machine.object(&[("key", key), ("value", field.value)])?);
    }
    machine.array(&pairs)
}

fn remove_key<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let key = a.text(machine, 1)?;
    let kept: Vec<_> = fields(machine, a, false)?
        .iter()
        .filter(|field| field.name != key)
        .map(|field| (field.name, field.value))
        .collect();
    machine.object(&kept)
}

fn map_with_key<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (function, object) = (a.function(machine, 0)?, a.object(machine, 1)?);
    let mut members = Vec::new();
    for field in machine.sound(object)?.iter().filter(|field| field.visible) {
        let name = machine.done(Value::Text(field.name))?;
        let arguments = machine.slice(&[name, field.value])?;
        members.push((field.name, machine.lazy(Lazy::Apply(function, arguments))?));
    }
    machine.object(&members)
}

/// RFC 7396.
fn merge_patch<'a>(machine: &mut Machine<'a>, target: Value<'a>, patch: Value<'a>) -> Run<Value<'a>> {
    let Value::Object(patch) = patch else { return Ok(patch) };
    machine.enter()?;
    let old = match target {
        Value::Object(target) => machine.sound(target)?,
        _ => &[],
    };
    let new = machine.sound(patch)?;
    machine.spend(old.len() + new.len())?;
    let find = |fields: &'a [Field<'a>], name: &str| fields.iter().find(|field| field.visible && field.name == name);
    let mut members = Vec::new();
    for field in old.iter().filter(|field| field.visible && find(new, field.name).is_none()) {
        machine.spend(new.len())?;
        members.push((field.name, field.value));
    }
    for field in new.iter().filter(|field| field.visible) {
        machine.spend(old.len())?;
        let value = machine.force(field.value)?;
        if matches!(value, Value::Null) {
            continue;
        }
        let before = match find(old, field.name) {
            Some(before) => machine.force(before.value)?,
            None => Value::Null,
        };
        let merged = merge_patch(machine, before, value)?;
        members.push((field.name, machine.done(merged)?));
    }
    machine.leave();
    machine.object(&members)
}

fn is_something<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Run<bool> {
    Ok(match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(object) => machine.fields(object)?.iter().any(|field| field.visible),
        _ => true,
    })
}

/// Without nulls, empty arrays and empty objects.
fn prune<'a>(machine: &mut Machine<'a>, value: Value<'a>) -> Run<Value<'a>> {
    machine.enter()?;
    let pruned = match value {
        Value::Array(items) => {
            let mut kept = Vec::new();
            for item in items {
                let item = machine.force(item)?;
                let item = prune(machine, item)?;
                if is_something(machine, item)? {
                    kept.push(item);
                }
            }
            machine.array(&kept)?
        }
        Value::Object(object) => {
            let mut kept = Vec::new();
            for field in machine.sound(object)?.iter().filter(|field| field.visible) {
                let value = machine.force(field.value)?;
                let value = prune(machine, value)?;
                if is_something(machine, value)? {
                    kept.push((field.name, machine.done(value)?));
                }
            }
            machine.object(&kept)?
        }
        other => other,
    };
    machine.leave();
    Ok(pruned)
}

/// The strings of an array.
pub(super) fn strings<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, index: usize) -> Run<Vec<&'a str>> {
    let mut strings = Vec::new();
    for item in a.array(machine, index)? {
        match machine.force(item)? {
            Value::Text(text) => strings.push(text),
            other => return wrong("strings", other),
        }
    }
    Ok(strings)
}
