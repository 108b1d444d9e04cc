//! Sorting, and sorted arrays as sets.
#![expect(clippy::cast_precision_loss, reason = "positions are small")]

use super::{Builtin, arguments::Arguments};
use crate::jsonnet::{
    machine::{Machine, Run, fail},
    operators::{compare, equal},
    value::{Function, Thunk, Value},
};
use std::cmp::Ordering;

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "sort",
        parameters: &["arr", "keyF?"],
        run: |m, a| keyed(m, a, 0, 1).and_then(|i| sorted(m, i)).and_then(|i| made(m, &i)),
    },
    Builtin {
        name: "uniq",
        parameters: &["arr", "keyF?"],
        run: |m, a| keyed(m, a, 0, 1).and_then(|i| unique(m, i)).and_then(|i| made(m, &i)),
    },
    Builtin { name: "set", parameters: &["arr", "keyF?"], run: |m, a| set(m, a).and_then(|i| made(m, &i)) },
    Builtin { name: "setMember", parameters: &["x", "arr", "keyF?"], run: set_member },
    Builtin { name: "setUnion", parameters: &["a", "b", "keyF?"], run: |m, a| combined(m, a, [true, true, true]) },
    Builtin { name: "setInter", parameters: &["a", "b", "keyF?"], run: |m, a| combined(m, a, [false, true, false]) },
    Builtin { name: "setDiff", parameters: &["a", "b", "keyF?"], run: |m, a| combined(m, a, [true, false, false]) },
    Builtin { name: "minArray", parameters: &["arr", "keyF?", "onEmpty?"], run: |m, a| extreme(m, a, Ordering::Less) },
    Builtin {
        name: "maxArray",
        parameters: &["arr", "keyF?", "onEmpty?"],
        run: |m, a| extreme(m, a, Ordering::Greater),
    },
];

/// An item and what it is ordered by.
type Keyed<'a> = (Thunk<'a>, Value<'a>);

fn key<'a>(machine: &mut Machine<'a>, function: Option<Function<'a>>, item: Thunk<'a>) -> Run<Value<'a>> {
    match function {
        Some(function) => machine.apply(function, &[item]),
        None => machine.force(item),
    }
}

fn keyed<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, array: usize, function: usize) -> Run<Vec<Keyed<'a>>> {
    let function = a.maybe_function(machine, function)?;
    let mut items = Vec::new();
    for item in a.items(machine, array)? {
        items.push((*item, key(machine, function, item)?));
    }
    Ok(items)
}

fn made<'a>(machine: &mut Machine<'a>, items: &[Keyed<'a>]) -> Run<Value<'a>> {
    let items: Vec<_> = items.iter().map(|(item, _)| *item).collect();
    machine.slice(&items).map(Value::Array)
}

/// Merges sorted halves: comparing may fail, which the sorting of the platform does not allow.
fn sorted<'a>(machine: &mut Machine<'a>, mut items: Vec<Keyed<'a>>) -> Run<Vec<Keyed<'a>>> {
    if items.len() < 2 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let (left, right) = (sorted(machine, items)?, sorted(machine, right)?);
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let first = compare(machine, one.1, other.1)? != Ordering::Greater;
        merged.extend(if first { left.next() } else { right.next() });
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

fn unique<'a>(machine: &mut Machine<'a>, items: Vec<Keyed<'a>>) -> Run<Vec<Keyed<'a>>> {
    let mut kept: Vec<Keyed<'a>> = Vec::new();
    for item in items {
        let same = match kept.last() {
            Some(last) => equal(machine, last.1, item.1)?,
            None => false,
        };
        if !same {
            kept.push(item);
        }
    }
    Ok(kept)
}

fn set<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Vec<Keyed<'a>>> {
    let items = keyed(machine, a, 0, 1)?;
    let items = sorted(machine, items)?;
    unique(machine, items)
}

fn set_member<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let function = a.maybe_function(machine, 2)?;
    let Some(wanted) = a.lazy(0) else { return fail("setMember wants a value") };
    let wanted = key(machine, function, wanted)?;
    for (_, item) in keyed(machine, a, 1, 2)? {
        if equal(machine, item, wanted)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Of two sets: what stands in the first alone, in both, in the second alone.
fn combined<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, keep: [bool; 3]) -> Run<Value<'a>> {
    let (mut left, mut right) =
        (keyed(machine, a, 0, 2)?.into_iter().peekable(), keyed(machine, a, 1, 2)?.into_iter().peekable());
    let [first, both, second] = keep;
    let mut kept = Vec::new();
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(one), Some(other)) => compare(machine, one.1, other.1)?,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return made(machine, &kept),
        };
        let item = if order == Ordering::Greater { right.next() } else { left.next() };
        if order == Ordering::Equal {
            right.next();
        }
        let wanted = match order {
            Ordering::Less => first,
            Ordering::Equal => both,
            Ordering::Greater => second,
        };
        kept.extend(item.filter(|_| wanted));
    }
}

fn extreme<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, wanted: Ordering) -> Run<Value<'a>> {
    let mut items = keyed(machine, a, 0, 1)?.into_iter();
    let Some(mut best) = items.next() else {
        return if a.is_given(2) { a.value(machine, 2) } else { fail("an empty array has no smallest and no largest") };
    };
    for item in items {
        if compare(machine, item.1, best.1)? == wanted {
            best = item;
        }
    }
    machine.force(best.0)
}

/// Where a text stands within another, by letters.
pub(super) fn letter_places(text: &str, part: &str) -> Vec<f64> {
    let mut found = Vec::new();
    for (index, (at, _)) in text.char_indices().enumerate() {
        if text[at..].starts_with(part) {
            found.push(index as f64);
        }
    }
    found
}
