//! The budget of the rendering that runs on this thread.
//!
//! Functions of a template get their arguments and nothing else, so what they share stands with the thread: a rendering
//! never leaves the one it began on.

use gotmpl::{TemplateError, Value};
use std::cell::Cell;

/// Deeper values are refused: they are written and dropped by recursion.
const DEPTH: usize = 130;

/// An action costs as much as this many bytes that are read or made.
const STEP_PRICE: usize = 20;

/// The names of the functions that [`instrument`](super::instrument) puts into trees; no template can write them.
pub(super) const STEP: &str = "\u{b7}step";
pub(super) const METER: &str = "\u{b7}meter";
pub(super) const FORMAT: &str = "\u{b7}format";

/// Where a rendering stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// Index of the source.
    pub(super) template: usize,
    /// Counted from one; zero before the first action.
    pub(super) line: usize,
}

thread_local! {
    static FUEL: Cell<u64> = const { Cell::new(0) };
    static PLACE: Cell<Place> = const { Cell::new(Place { template: 0, line: 0 }) };
}

/// The thread's budget, from the beginning of a rendering to its end.
#[derive(Debug)]
pub(super) struct Budget(());

impl Budget {
    pub(super) fn begin(fuel: u64, template: usize) -> Self {
        FUEL.set(fuel);
        PLACE.set(Place { template, line: 0 });
        Self(())
    }
}

/// Where the rendering that has just ended stood.
pub(super) fn place() -> Place {
    PLACE.get()
}

impl Drop for Budget {
    fn drop(&mut self) {
        FUEL.set(0);
    }
}

/// Pays for work, before it is done.
pub(super) fn spend(units: usize) -> Result<(), TemplateError> {
    let left = FUEL.get().checked_sub(units as u64);
    FUEL.set(left.unwrap_or(0));
    left.map(|_| ()).ok_or_else(|| TemplateError::Exec("the template does too much".to_owned()))
}

/// Pays for a product of two sizes.
pub(super) fn spend_product(one: usize, other: usize) -> Result<(), TemplateError> {
    spend(one.saturating_mul(other))
}

/// In front of each action: counts it, and remembers where it stands.
pub(super) fn step(arguments: &[Value]) -> Result<Value, TemplateError> {
    if let [Value::Int(template), Value::Int(line)] = arguments {
        let number = |value: &i64| usize::try_from(*value).unwrap_or_default();
        PLACE.set(Place { template: number(template), line: number(line) });
    }
    spend(STEP_PRICE)?;
    Ok(Value::Nil)
}

/// Behind each value: hands it on when its size can be paid.
pub(super) fn meter(arguments: &[Value]) -> Result<Value, TemplateError> {
    let value = arguments.first().cloned().unwrap_or(Value::Nil);
    pay(&value, 0)?;
    Ok(value)
}

fn pay(value: &Value, depth: usize) -> Result<(), TemplateError> {
    if depth > DEPTH {
        return Err(TemplateError::Exec("a value is nested too deeply".to_owned()));
    }
    match value {
        Value::String(text) | Value::Safe { s: text, .. } => spend(1 + text.len()),
        Value::List(items) => {
            spend(1)?;
            items.iter().try_for_each(|item| pay(item, depth + 1))
        }
        Value::Map(members) => {
            spend(1)?;
            members.iter().try_for_each(|(key, member)| {
                spend(1 + key.len())?;
                pay(member, depth + 1)
            })
        }
        _ => spend(1),
    }
}

/// In front of the format of `printf`: its widths and precisions cost what they may add.
pub(super) fn format(arguments: &[Value]) -> Result<Value, TemplateError> {
    /// More than this the engine does not pad.
    const WIDEST: usize = u16::MAX as usize;
    let value = meter(arguments)?;
    if let Value::String(text) = &value {
        let mut directives = text.split('%');
        directives.next();
        for directive in directives {
            let numbers = directive.split(|letter: char| !letter.is_ascii_digit() && letter != '*');
            for number in numbers.filter(|number| !number.is_empty()) {
                spend(number.parse().map_or(WIDEST, |width: usize| width.min(WIDEST)))?;
            }
        }
    }
    Ok(value)
}
