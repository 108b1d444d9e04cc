//! Operators on values.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "the language has one type of number, and says where it is whole"
)]

use super::{
    format,
    machine::{Machine, Run, fail},
    manifest,
    syntax::Operator,
    value::{Thunk, Value},
};
use std::cmp::Ordering;

pub(super) fn binary<'a>(
    machine: &mut Machine<'a>,
    operator: Operator,
    left: Value<'a>,
    right: Value<'a>,
) -> Run<Value<'a>> {
    match operator {
        Operator::Add => add(machine, left, right),
        Operator::Modulo if matches!(left, Value::Text(_)) => format::format(machine, left, right),
        Operator::Equal => equal(machine, left, right).map(Value::Bool),
        Operator::NotEqual => equal(machine, left, right).map(|same| Value::Bool(!same)),
        Operator::Less => compare(machine, left, right).map(|order| Value::Bool(order == Ordering::Less)),
        Operator::Greater => compare(machine, left, right).map(|order| Value::Bool(order == Ordering::Greater)),
        Operator::LessOrEqual => compare(machine, left, right).map(|order| Value::Bool(order != Ordering::Greater)),
        Operator::GreaterOrEqual => compare(machine, left, right).map(|order| Value::Bool(order != Ordering::Less)),
        Operator::In => match (left, right) {
            (Value::Text(name), Value::Object(object)) => Ok(Value::Bool(machine.field(object, name)?.is_some())),
            (left, right) => fail(format!("in does not apply to {} and {}", left.kind(), right.kind())),
        },
        _ => match (left, right) {
            (Value::Number(left), Value::Number(right)) => arithmetic(operator, left, right),
            (left, right) => fail(format!("the operator does not apply to {} and {}", left.kind(), right.kind())),
        },
    }
}

fn arithmetic<'a>(operator: Operator, left: f64, right: f64) -> Run<Value<'a>> {
    let result = match operator {
        Operator::Multiply => left * right,
        Operator::Subtract => left - right,
        Operator::Divide | Operator::Modulo if right == 0.0 => return fail("division by zero"),
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::BitAnd => return Ok(number(bits(left)? & bits(right)?)),
        Operator::BitOr => return Ok(number(bits(left)? | bits(right)?)),
        Operator::BitXor => return Ok(number(bits(left)? ^ bits(right)?)),
        Operator::Left => return Ok(number(bits(left)?.wrapping_shl(shift(right)?))),
        Operator::Right => return Ok(number(bits(left)?.wrapping_shr(shift(right)?))),
        _ => return fail("the operator does not apply to numbers"),
    };
    finite(result)
}

/// Numbers that are none are errors where they arise.
pub(super) fn finite<'a>(number: f64) -> Run<Value<'a>> {
    if number.is_finite() { Ok(Value::Number(number)) } else { fail("the result is not a finite number") }
}

pub(super) fn bits(number: f64) -> Run<i64> {
    if number.abs() < i64::MAX as f64 { Ok(number as i64) } else { fail("bits of so large a number are not known") }
}

fn shift(number: f64) -> Run<u32> {
    if number >= 0.0 { Ok((number as u64 % 64) as u32) } else { fail("shifts go by positive numbers") }
}

pub(super) fn number<'a>(bits: i64) -> Value<'a> {
    Value::Number(bits as f64)
}

/// A number as a position below `length`.
pub(super) fn place(index: f64, length: usize) -> Option<usize> {
    let fits = index >= 0.0 && index.fract() == 0.0 && index < length as f64;
    fits.then_some(index as usize)
}

pub(super) fn add<'a>(machine: &mut Machine<'a>, left: Value<'a>, right: Value<'a>) -> Run<Value<'a>> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => finite(left + right),
        (Value::Array(left), Value::Array(right)) => {
            machine.spend(left.len() + right.len())?;
            let items: Vec<Thunk<'a>> = left.iter().chain(right).copied().collect();
            machine.slice(&items).map(Value::Array)
        }
        (Value::Object(left), Value::Object(right)) => machine.over(left, right),
        (Value::Text(_), _) | (_, Value::Text(_)) => {
            let mut joined = manifest::shown(machine, left)?;
            let rest = manifest::shown(machine, right)?;
            machine.spend((joined.len() + rest.len()) / 16)?;
            joined.push_str(&rest);
            machine.text_value(&joined)
        }
        (left, right) => fail(format!("{} and {} cannot be added", left.kind(), right.kind())),
    }
}

pub(super) fn equal<'a>(machine: &mut Machine<'a>, left: Value<'a>, right: Value<'a>) -> Run<bool> {
    machine.enter()?;
    let same = match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Number(left), Value::Number(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => {
            machine.spend(left.len().min(right.len()) / 16)?;
            left == right
        }
        (Value::Array(left), Value::Array(right)) => left.len() == right.len() && same_items(machine, left, right)?,
        (Value::Object(left), Value::Object(right)) => {
            let left: Vec<_> = machine.sound(left)?.iter().filter(|field| field.visible).copied().collect();
            let right: Vec<_> = machine.sound(right)?.iter().filter(|field| field.visible).copied().collect();
            machine.spend(left.len())?;
            let names = left.iter().map(|field| field.name).eq(right.iter().map(|field| field.name));
            let values =
                |fields: Vec<super::value::Field<'a>>| fields.iter().map(|field| field.value).collect::<Vec<_>>();
            names && same_items(machine, &values(left), &values(right))?
        }
        (Value::Function(_), Value::Function(_)) => return fail("functions cannot be compared"),
        _ => false,
    };
    machine.leave();
    Ok(same)
}

fn same_items<'a>(machine: &mut Machine<'a>, left: &[Thunk<'a>], right: &[Thunk<'a>]) -> Run<bool> {
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (machine.force(left)?, machine.force(right)?);
        if !equal(machine, left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn compare<'a>(machine: &mut Machine<'a>, left: Value<'a>, right: Value<'a>) -> Run<Ordering> {
    machine.enter()?;
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.total_cmp(&right),
        (Value::Text(left), Value::Text(right)) => {
            machine.spend(left.len().min(right.len()) / 16)?;
            left.cmp(right)
        }
        (Value::Array(left), Value::Array(right)) => {
            let mut order = left.len().cmp(&right.len());
            for (left, right) in left.iter().zip(right) {
                let (left, right) = (machine.force(left)?, machine.force(right)?);
                let items = compare(machine, left, right)?;
                if items != Ordering::Equal {
                    order = items;
                    break;
                }
            }
            order
        }
        (left, right) => return fail(format!("{} and {} cannot be ordered", left.kind(), right.kind())),
    };
    machine.leave();
    Ok(order)
}

/// `value[from:to:step]`; null stands for what was left out.
pub(super) fn slice<'a>(machine: &mut Machine<'a>, value: Value<'a>, bounds: [Value<'a>; 3]) -> Run<Value<'a>> {
    let letters: Vec<char> = match value {
        Value::Text(text) => {
            machine.spend(text.len())?;
            text.chars().collect()
        }
        _ => Vec::new(),
    };
    let length = match value {
        Value::Text(_) => letters.len(),
        Value::Array(items) => items.len(),
        other => return fail(format!("{} cannot be sliced", other.kind())),
    };
    let bound = |value: Value<'a>, instead: usize| match value {
        Value::Null => Ok(instead),
        Value::Number(number) if number < 0.0 => Ok((length as f64 + number).max(0.0) as usize),
        Value::Number(number) => Ok((number as usize).min(length)),
        other => fail(format!("a slice goes by numbers, not by {}", other.kind())),
    };
    let [from, to, step] = bounds;
    let (from, to) = (bound(from, 0)?, bound(to, length)?);
    let step = match step {
        Value::Null => 1,
        Value::Number(step) if step >= 1.0 => step as usize,
        _ => return fail("the step of a slice must be positive"),
    };
    let places = (from..to.max(from)).step_by(step);
    if let Value::Array(items) = value {
        let chosen: Vec<_> = places.map(|at| items[at]).collect();
        return machine.slice(&chosen).map(Value::Array);
    }
    let chosen: String = places.map(|at| letters[at]).collect();
    machine.text_value(&chosen)
}
