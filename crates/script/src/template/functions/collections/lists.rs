//! Lists. None is changed: each function makes a new one.

use super::super::arguments::{Answer, Arguments, MANY, Row, as_list, failed, list};
use super::choices::is_empty;
use crate::template::meter::spend_product;
use gotmpl::{TemplateError, Value};

pub(in super::super) const TABLE: &[Row] = &[
    ("list", 0, MANY, |a| list(a.0.iter().cloned())),
    ("tuple", 0, MANY, |a| list(a.0.iter().cloned())),
    ("first", 1, 1, |a| Ok(a.list(0)?.first().cloned().unwrap_or(Value::Nil))),
    ("mustFirst", 1, 1, |a| Ok(a.list(0)?.first().cloned().unwrap_or(Value::Nil))),
    ("last", 1, 1, |a| Ok(a.list(0)?.last().cloned().unwrap_or(Value::Nil))),
    ("mustLast", 1, 1, |a| Ok(a.list(0)?.last().cloned().unwrap_or(Value::Nil))),
    ("rest", 1, 1, |a| list(a.list(0)?.iter().skip(1).cloned())),
    ("mustRest", 1, 1, |a| list(a.list(0)?.iter().skip(1).cloned())),
    ("initial", 1, 1, initial),
    ("mustInitial", 1, 1, initial),
    ("append", 2, 2, |a| list(a.list(0)?.iter().chain([a.value(1)]).cloned())),
    ("mustAppend", 2, 2, |a| list(a.list(0)?.iter().chain([a.value(1)]).cloned())),
    ("push", 2, 2, |a| list(a.list(0)?.iter().chain([a.value(1)]).cloned())),
    ("mustPush", 2, 2, |a| list(a.list(0)?.iter().chain([a.value(1)]).cloned())),
    ("prepend", 2, 2, |a| list([a.value(1)].into_iter().chain(a.list(0)?).cloned())),
    ("mustPrepend", 2, 2, |a| list([a.value(1)].into_iter().chain(a.list(0)?).cloned())),
    ("concat", 0, MANY, concat),
    ("reverse", 1, 1, |a| list(a.list(0)?.iter().rev().cloned())),
    ("mustReverse", 1, 1, |a| list(a.list(0)?.iter().rev().cloned())),
    ("compact", 1, 1, |a| list(a.list(0)?.iter().filter(|item| !is_empty(item)).cloned())),
    ("mustCompact", 1, 1, |a| list(a.list(0)?.iter().filter(|item| !is_empty(item)).cloned())),
    ("uniq", 1, 1, uniq),
    ("mustUniq", 1, 1, uniq),
    ("without", 1, MANY, without),
    ("mustWithout", 1, MANY, without),
    ("has", 2, 2, has),
    ("mustHas", 2, 2, has),
    ("chunk", 2, 2, chunk),
    ("mustChunk", 2, 2, chunk),
    ("slice", 1, 4, slice),
    ("mustSlice", 1, 3, slice),
];

fn initial(a: Arguments<'_>) -> Answer {
    let items = a.list(0)?;
    list(items[..items.len().saturating_sub(1)].iter().cloned())
}

fn concat(a: Arguments<'_>) -> Answer {
    let lists: Vec<_> = a.0.iter().map(as_list).collect::<Result<_, _>>()?;
    list(lists.into_iter().flatten().cloned())
}

fn uniq(a: Arguments<'_>) -> Answer {
    let mut seen: Vec<Value> = Vec::new();
    for item in a.list(0)? {
        if !holds(&seen, item)? {
            seen.push(item.clone());
        }
    }
    list(seen)
}

fn without(a: Arguments<'_>) -> Answer {
    let mut kept = Vec::new();
    for item in a.list(0)? {
        if !holds(a.from(1), item)? {
            kept.push(item.clone());
        }
    }
    list(kept)
}

fn has(a: Arguments<'_>) -> Answer {
    match a.value(1) {
        Value::Nil => Ok(Value::Bool(false)),
        items => Ok(Value::Bool(holds(as_list(items)?, a.value(0))?)),
    }
}

fn holds(items: &[Value], wanted: &Value) -> Result<bool, TemplateError> {
    spend_product(items.len(), 1)?;
    Ok(items.iter().any(|item| item == wanted))
}

fn chunk(a: Arguments<'_>) -> Answer {
    let size = a.count(0)?;
    if size == 0 {
        return Err(failed("the size must be positive"));
    }
    list(a.list(1)?.chunks(size).map(|part| Value::List(part.into())))
}

// Quirk: sprig's `slice` takes the place of the language's own, so that it does not cut text
// (Masterminds/sprig functions.go).
fn slice(a: Arguments<'_>) -> Answer {
    let items = a.list(0)?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let from = if a.0.len() > 1 { a.count(1)? } else { 0 };
    let to = if a.0.len() > 2 { a.count(2)? } else { items.len() };
    match items.get(from..to) {
        Some(part) => list(part.iter().cloned()),
        None => Err(failed(format!("no items from {from} to {to}"))),
    }
}
