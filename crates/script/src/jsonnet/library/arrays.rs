//! Arrays.
#![expect(clippy::cast_precision_loss, reason = "positions are small")]

use super::{
    Builtin,
    arguments::{Arguments, wrong},
};
use crate::jsonnet::{
    machine::{Machine, Run, fail},
    operators,
    value::{Function, Lazy, Thunk, Value},
};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "length", parameters: &["x"], run: length },
    Builtin { name: "isEmpty", parameters: &["str"], run: |m, a| Ok(Value::Bool(a.text(m, 0)?.is_empty())) },
    Builtin { name: "makeArray", parameters: &["sz", "func"], run: make_array },
    Builtin { name: "range", parameters: &["from", "to"], run: range },
    Builtin { name: "repeat", parameters: &["what", "count"], run: repeat },
    Builtin { name: "map", parameters: &["func", "arr"], run: map },
    Builtin { name: "mapWithIndex", parameters: &["func", "arr"], run: map_with_index },
    Builtin { name: "flatMap", parameters: &["func", "arr"], run: flat_map },
    Builtin { name: "filter", parameters: &["func", "arr"], run: |m, a| filtered(m, a).and_then(|i| made(m, &i)) },
    Builtin { name: "filterMap", parameters: &["filter_func", "map_func", "arr"], run: filter_map },
    Builtin { name: "foldl", parameters: &["func", "arr", "init"], run: |m, a| fold(m, a, false) },
    Builtin { name: "foldr", parameters: &["func", "arr", "init"], run: |m, a| fold(m, a, true) },
    Builtin { name: "join", parameters: &["sep", "arr"], run: join },
    Builtin { name: "deepJoin", parameters: &["arr"], run: deep_join },
    Builtin { name: "flattenArrays", parameters: &["arrs"], run: flatten_arrays },
    Builtin { name: "flattenDeepArray", parameters: &["value"], run: flatten_deep },
    Builtin { name: "reverse", parameters: &["arr"], run: reverse },
    Builtin { name: "member", parameters: &["arr", "x"], run: member },
    Builtin { name: "contains", parameters: &["arr", "elem"], run: member },
    Builtin { name: "count", parameters: &["arr", "x"], run: count },
    Builtin { name: "find", parameters: &["value", "arr"], run: find },
    Builtin { name: "remove", parameters: &["arr", "elem"], run: remove },
    Builtin { name: "removeAt", parameters: &["arr", "at"], run: remove_at },
    Builtin { name: "slice", parameters: &["indexable", "index", "end", "step"], run: slice },
    Builtin { name: "all", parameters: &["arr"], run: |m, a| every(m, a, false) },
    Builtin { name: "any", parameters: &["arr"], run: |m, a| every(m, a, true) },
    Builtin {
        name: "sum",
        parameters: &["arr"],
        run: |m, a| numbers(m, a).and_then(|n| operators::finite(n.iter().sum())),
    },
    Builtin { name: "avg", parameters: &["arr"], run: average },
];

fn made<'a>(machine: &mut Machine<'a>, items: &[Thunk<'a>]) -> Run<Value<'a>> {
    machine.slice(items).map(Value::Array)
}

fn length<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let length = match a.value(machine, 0)? {
        Value::Text(text) => {
            machine.spend(text.len() / 16)?;
            text.chars().count()
        }
        Value::Array(items) => items.len(),
        Value::Object(object) => machine.fields(object)?.iter().filter(|field| field.visible).count(),
        Value::Function(Function::Closure(lambda, _)) => lambda.parameters.len(),
        Value::Function(Function::Builtin(builtin)) => builtin.parameters.len(),
        other => return wrong("something that has a length", other),
    };
    Ok(Value::Number(length as f64))
}

/// The result of a function, computed when it is needed.
fn applied<'a>(machine: &mut Machine<'a>, function: Function<'a>, arguments: &[Thunk<'a>]) -> Run<Thunk<'a>> {
    let arguments = machine.slice(arguments)?;
    machine.lazy(Lazy::Apply(function, arguments))
}

fn make_array<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (count, function) = (a.count(machine, 0)?, a.function(machine, 1)?);
    machine.spend(count)?;
    let mut items = Vec::new();
    for index in 0..count {
        let index = machine.done(Value::Number(index as f64))?;
        items.push(applied(machine, function, &[index])?);
    }
    made(machine, &items)
}

fn range<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (from, to) = (a.whole(machine, 0)?, a.whole(machine, 1)?);
    if to < from {
        return made(machine, &[]);
    }
    let count = usize::try_from(to.abs_diff(from)).unwrap_or(usize::MAX).saturating_add(1);
    machine.spend(count)?;
    let mut items = Vec::new();
    for number in from..=to {
        items.push(machine.done(operators::number(number))?);
    }
    made(machine, &items)
}

fn repeat<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let count = a.count(machine, 1)?;
    match a.value(machine, 0)? {
        Value::Text(text) => {
            machine.spend(text.len().saturating_mul(count) / 16)?;
            let text = text.repeat(if text.is_empty() { 0 } else { count });
            machine.text_value(&text)
        }
        Value::Array(items) => {
            machine.spend(items.len().saturating_mul(count))?;
            let items = items.repeat(if items.is_empty() { 0 } else { count });
            made(machine, &items)
        }
        other => wrong("a string or an array", other),
    }
}

fn map<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let function = a.function(machine, 0)?;
    let mut items = Vec::new();
    for item in a.items(machine, 1)? {
        items.push(applied(machine, function, &[item])?);
    }
    made(machine, &items)
}

fn map_with_index<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let function = a.function(machine, 0)?;
    let mut items = Vec::new();
    for (index, item) in a.items(machine, 1)?.iter().enumerate() {
        let index = machine.done(Value::Number(index as f64))?;
        items.push(applied(machine, function, &[index, item])?);
    }
    made(machine, &items)
}

fn flat_map<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let function = a.function(machine, 0)?;
    let is_text = matches!(a.value(machine, 1)?, Value::Text(_));
    let (mut text, mut items) = (String::new(), Vec::new());
    for item in a.items(machine, 1)? {
        match machine.apply(function, &[item])? {
            Value::Text(part) if is_text => {
                machine.spend(part.len() / 16)?;
                text.push_str(part);
            }
            Value::Array(part) if !is_text => {
                machine.spend(part.len())?;
                items.extend_from_slice(part);
            }
            Value::Null if !is_text => {}
            other => return wrong("a function that makes parts of its kind", other),
        }
    }
    if is_text { machine.text_value(&text) } else { made(machine, &items) }
}

fn filtered<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Vec<Thunk<'a>>> {
    let function = a.function(machine, 0)?;
    let items = a.items(machine, 1)?;
    chosen(machine, function, items)
}

fn chosen<'a>(machine: &mut Machine<'a>, function: Function<'a>, items: &[Thunk<'a>]) -> Run<Vec<Thunk<'a>>> {
    let mut kept = Vec::new();
    for item in items {
        match machine.apply(function, &[item])? {
            Value::Bool(true) => kept.push(*item),
            Value::Bool(false) => {}
            other => return wrong("a function that makes booleans", other),
        }
    }
    Ok(kept)
}

fn filter_map<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (filter, function) = (a.function(machine, 0)?, a.function(machine, 1)?);
    let items = a.items(machine, 2)?;
    let mut mapped = Vec::new();
    for item in chosen(machine, filter, items)? {
        mapped.push(applied(machine, function, &[item])?);
    }
    made(machine, &mapped)
}

fn fold<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, backwards: bool) -> Run<Value<'a>> {
    let function = a.function(machine, 0)?;
    let mut items = a.items(machine, 1)?.to_vec();
    if backwards {
        items.reverse();
    }
    let mut result = a.value(machine, 2)?;
    for item in items {
        let sum = machine.done(result)?;
        result =
            if backwards { machine.apply(function, &[item, sum])? } else { machine.apply(function, &[sum, item])? };
    }
    Ok(result)
}

fn join<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let between = a.value(machine, 0)?;
    let (mut text, mut items) = (String::new(), Vec::new());
    let mut first = true;
    for part in a.array(machine, 1)? {
        match (between, machine.force(part)?) {
            (_, Value::Null) => continue,
            (Value::Text(between), Value::Text(part)) => {
                machine.spend(1 + (between.len() + part.len()) / 16)?;
                text.push_str(if first { "" } else { between });
                text.push_str(part);
            }
            (Value::Array(between), Value::Array(part)) => {
                machine.spend(1 + between.len() + part.len())?;
                items.extend_from_slice(if first { &[] } else { between });
                items.extend_from_slice(part);
            }
            (between, part) => return fail(format!("join got {} to join by {}", part.kind(), between.kind())),
        }
        first = false;
    }
    if matches!(between, Value::Text(_)) { machine.text_value(&text) } else { made(machine, &items) }
}

fn deep_join<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let value = a.value(machine, 0)?;
    let mut text = String::new();
    join_deeply(machine, value, &mut text)?;
    machine.text_value(&text)
}

fn join_deeply<'a>(machine: &mut Machine<'a>, value: Value<'a>, to: &mut String) -> Run<()> {
    machine.enter()?;
    match value {
        Value::Text(text) => {
            machine.spend(text.len() / 16)?;
            to.push_str(text);
        }
        Value::Array(items) => {
            for item in items {
                let item = machine.force(item)?;
                join_deeply(machine, item, to)?;
            }
        }
        other => return wrong("strings and arrays", other),
    }
    machine.leave();
    Ok(())
}

fn flatten_arrays<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let mut items = Vec::new();
    for part in a.array(machine, 0)? {
        match machine.force(part)? {
            Value::Array(part) => {
                machine.spend(part.len())?;
                items.extend_from_slice(part);
            }
            other => return wrong("arrays", other),
        }
    }
    made(machine, &items)
}

fn flatten_deep<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    fn flatten<'a>(machine: &mut Machine<'a>, item: Thunk<'a>, to: &mut Vec<Thunk<'a>>) -> Run<()> {
        machine.enter()?;
        match machine.force(item)? {
            Value::Array(items) => items.iter().try_for_each(|item| flatten(machine, item, to))?,
            _ => to.push(item),
        }
        machine.leave();
        Ok(())
    }
    let value = a.value(machine, 0)?;
    let value = machine.done(value)?;
    let mut items = Vec::new();
    flatten(machine, value, &mut items)?;
    made(machine, &items)
}

fn reverse<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let mut items = a.items(machine, 0)?.to_vec();
    items.reverse();
    made(machine, &items)
}

/// Where an array holds a value.
fn places<'a>(machine: &mut Machine<'a>, items: &[Thunk<'a>], wanted: Value<'a>) -> Run<Vec<usize>> {
    let mut found = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let item = machine.force(item)?;
        if operators::equal(machine, item, wanted)? {
            found.push(index);
        }
    }
    Ok(found)
}

fn member<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let wanted = a.value(machine, 1)?;
    if let (Value::Text(text), Value::Text(part)) = (a.value(machine, 0)?, wanted) {
        machine.spend(text.len() / 16)?;
        return Ok(Value::Bool(text.contains(part)));
    }
    let items = a.array(machine, 0)?;
    Ok(Value::Bool(!places(machine, items, wanted)?.is_empty()))
}

fn count<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (items, wanted) = (a.array(machine, 0)?, a.value(machine, 1)?);
    Ok(Value::Number(places(machine, items, wanted)?.len() as f64))
}

fn find<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (wanted, items) = (a.value(machine, 0)?, a.array(machine, 1)?);
    let found: Vec<_> = places(machine, items, wanted)?.iter().map(|at| Value::Number(*at as f64)).collect();
    machine.array(&found)
}

fn remove<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (items, wanted) = (a.array(machine, 0)?, a.value(machine, 1)?);
    let gone = places(machine, items, wanted)?.first().copied();
    without(machine, items, gone)
}

fn remove_at<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (items, at) = (a.array(machine, 0)?, a.number(machine, 1)?);
    without(machine, items, operators::place(at, items.len()))
}

fn without<'a>(machine: &mut Machine<'a>, items: &[Thunk<'a>], gone: Option<usize>) -> Run<Value<'a>> {
    let kept = items.iter().enumerate().filter(|(at, _)| Some(*at) != gone);
    let kept: Vec<_> = kept.map(|(_, item)| *item).collect();
    made(machine, &kept)
}

fn slice<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let value = a.value(machine, 0)?;
    let bounds = [a.value(machine, 1)?, a.value(machine, 2)?, a.value(machine, 3)?];
    operators::slice(machine, value, bounds)
}

/// Whether some item is true, or all are.
fn every<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, some: bool) -> Run<Value<'a>> {
    for item in a.array(machine, 0)? {
        match machine.force(item)? {
            Value::Bool(truth) if truth == some => return Ok(Value::Bool(some)),
            Value::Bool(_) => {}
            other => return wrong("booleans", other),
        }
    }
    Ok(Value::Bool(!some))
}

fn numbers<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Vec<f64>> {
    let mut numbers = Vec::new();
    for item in a.array(machine, 0)? {
        match machine.force(item)? {
            Value::Number(number) => numbers.push(number),
            other => return wrong("numbers", other),
        }
    }
    Ok(numbers)
}

fn average<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let numbers = numbers(machine, a)?;
    if numbers.is_empty() {
        return fail("an empty array has no average");
    }
    operators::finite(numbers.iter().sum::<f64>() / numbers.len() as f64)
}
