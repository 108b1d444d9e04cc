//! Numbers: whole, floating, and decimal where sprig counts in decimals.

use super::arguments::{Answer, Arguments, MANY, Row, failed, list, shown, text};
use crate::template::meter::spend;
use gotmpl::{TemplateError, Value};

pub(super) const TABLE: &[Row] = &[
    ("atoi", 1, 1, |a| Ok(Value::Int(a.text(0)?.parse().unwrap_or(0)))),
    ("int", 1, 1, |a| Ok(Value::Int(whole(a.value(0))))),
    ("int64", 1, 1, |a| Ok(Value::Int(whole(a.value(0))))),
    ("float64", 1, 1, |a| Ok(Value::Float(float(a.value(0))))),
    ("toDecimal", 1, 1, |a| Ok(Value::Int(i64::from_str_radix(&shown(a.value(0)), 8).unwrap_or(0)))),
    ("add", 0, MANY, |a| Ok(Value::Int(a.0.iter().fold(0, |sum: i64, value| sum.wrapping_add(whole(value)))))),
    ("add1", 1, 1, |a| Ok(Value::Int(whole(a.value(0)).wrapping_add(1)))),
    ("sub", 2, 2, |a| Ok(Value::Int(whole(a.value(0)).wrapping_sub(whole(a.value(1)))))),
    ("mul", 1, MANY, |a| Ok(Value::Int(a.0.iter().fold(1, |product: i64, value| product.wrapping_mul(whole(value)))))),
    ("div", 2, 2, |a| divided(a, i64::wrapping_div)),
    ("mod", 2, 2, |a| divided(a, i64::wrapping_rem)),
    ("max", 1, MANY, |a| Ok(Value::Int(a.0.iter().map(whole).max().unwrap_or(0)))),
    ("biggest", 1, MANY, |a| Ok(Value::Int(a.0.iter().map(whole).max().unwrap_or(0)))),
    ("min", 1, MANY, |a| Ok(Value::Int(a.0.iter().map(whole).min().unwrap_or(0)))),
    ("maxf", 1, MANY, |a| Ok(Value::Float(a.0.iter().map(float).fold(f64::NEG_INFINITY, f64::max)))),
    ("minf", 1, MANY, |a| Ok(Value::Float(a.0.iter().map(float).fold(f64::INFINITY, f64::min)))),
    ("addf", 0, MANY, |a| decimals(0.0, a.0, Decimal::add)),
    ("add1f", 1, 1, |a| decimals(1.0, a.0, Decimal::add)),
    ("subf", 1, MANY, |a| decimals(float(a.value(0)), a.from(1), |one, other| one.add(other.negated()))),
    ("mulf", 1, MANY, |a| decimals(float(a.value(0)), a.from(1), Decimal::multiply)),
    ("divf", 1, MANY, |a| decimals(float(a.value(0)), a.from(1), Decimal::divide)),
    ("ceil", 1, 1, |a| Ok(Value::Float(float(a.value(0)).ceil()))),
    ("floor", 1, 1, |a| Ok(Value::Float(float(a.value(0)).floor()))),
    ("round", 2, 3, round),
    ("until", 1, 1, |a| steps(0, a.integer(0)?, if a.integer(0)? < 0 { -1 } else { 1 }).and_then(integers)),
    ("untilStep", 3, 3, |a| steps(a.integer(0)?, a.integer(1)?, a.integer(2)?).and_then(integers)),
    ("seq", 0, MANY, sequence),
];

/// What sprig takes for a whole number; what is none is zero.
#[expect(clippy::cast_possible_truncation, reason = "Go truncates as well")]
fn whole(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::Uint(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Value::Float(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        Value::String(digits) => digits_of(digits),
        _ => 0,
    }
}

/// Go's notation: `0x`, `0o`, `0b` and a leading zero name the base; a fraction of zeros is cut off.
fn digits_of(digits: &str) -> i64 {
    let cut = digits.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|digit| digit == b'0'));
    let digits = cut.map_or(digits, |(whole, _)| whole).replace('_', "");
    let (sign, rest) = match digits.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let lower = rest.to_ascii_lowercase();
    let (base, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    i64::from_str_radix(rest, base).map_or(0, |number| sign * number)
}

#[expect(clippy::cast_precision_loss, reason = "Go converts as well")]
fn float(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(digits) => digits.parse().unwrap_or(0.0),
        _ => 0.0,
    }
}

fn divided(a: Arguments<'_>, divide: fn(i64, i64) -> i64) -> Answer {
    let divisor = whole(a.value(1));
    if divisor == 0 { Err(failed("division by zero")) } else { Ok(Value::Int(divide(whole(a.value(0)), divisor))) }
}

fn decimals(start: f64, others: &[Value], combine: fn(Decimal, Decimal) -> Option<Decimal>) -> Answer {
    let mut result = Decimal::new(start);
    for value in others {
        let next = Decimal::new(float(value));
        result = result.zip(next).and_then(|(one, other)| combine(one, other));
    }
    result.map(|decimal| Value::Float(decimal.float())).ok_or_else(|| failed("the numbers cannot be computed"))
}

/// A decimal number: `digits` · 10^`exponent`. Sums and products of such are exact, where those of floating point are not.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// The shortest decimal that stands for the number.
    fn new(number: f64) -> Option<Self> {
        let written = format!("{number:e}");
        let (digits, exponent) = written.split_once('e')?;
        let fraction = digits.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction).ok()?)?;
        Some(Self { digits: digits.replace('.', "").parse().ok()?, exponent })
    }

    fn float(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(0.0)
    }

    fn negated(self) -> Self {
        Self { digits: -self.digits, ..self }
    }

    /// The same number with a smaller exponent.
    fn scaled(self, exponent: i32) -> Option<i128> {
        let factor = 10_i128.checked_pow(self.exponent.checked_sub(exponent)?.try_into().ok()?)?;
        self.digits.checked_mul(factor)
    }

    fn add(self, other: Self) -> Option<Self> {
        let exponent = self.exponent.min(other.exponent);
        Some(Self { digits: self.scaled(exponent)?.checked_add(other.scaled(exponent)?)?, exponent })
    }

    fn multiply(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self { digits, exponent: self.exponent.checked_add(other.exponent)? })
    }

    /// To sixteen places behind the point, rounded away from zero.
    fn divide(self, other: Self) -> Option<Self> {
        const PLACES: i32 = -16;
        let lift = self.exponent.checked_sub(other.exponent)?.checked_sub(PLACES)?;
        let factor = 10_i128.checked_pow(lift.unsigned_abs())?;
        let (over, under) = if lift >= 0 {
            (self.digits.checked_mul(factor)?, other.digits)
        } else {
            (self.digits, other.digits.checked_mul(factor)?)
        };
        let quotient = over.checked_div(under)?;
        let rest = over.checked_rem(under)?;
        let up = rest.unsigned_abs().checked_mul(2)? >= under.unsigned_abs();
        let sign = if (over < 0) == (under < 0) { 1 } else { -1 };
        Some(Self { digits: if up { quotient + sign } else { quotient }, exponent: PLACES })
    }
}

fn round(a: Arguments<'_>) -> Answer {
    let places = i32::try_from(a.integer(1)?).map_err(|_| failed("too many places"))?;
    let up_from = if a.0.len() > 2 { float(a.value(2)) } else { 0.5 };
    let power = 10_f64.powi(places);
    let shifted = power * float(a.value(0));
    let rounded = if shifted.fract() >= up_from { shifted.ceil() } else { shifted.floor() };
    Ok(Value::Float(rounded / power))
}

/// From `start`, before `end`; paid for before the first is made.
fn steps(start: i64, end: i64, by: i64) -> Result<Vec<i64>, TemplateError> {
    let away = (end > start && by <= 0) || (end <= start && by >= 0);
    if away {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(end).div_ceil(by.unsigned_abs());
    spend(usize::try_from(count).unwrap_or(usize::MAX))?;
    let nth = |index: u64| start.wrapping_add(by.wrapping_mul(i64::try_from(index).unwrap_or(0)));
    Ok((0..count).map(nth).collect())
}

fn integers(numbers: Vec<i64>) -> Answer {
    list(numbers.into_iter().map(Value::Int))
}

/// Numbers like those of the command `seq`, with blanks between them.
fn sequence(a: Arguments<'_>) -> Answer {
    let (start, step, end) = match a.0.len() {
        1 => (1, None, a.integer(0)?),
        2 => (a.integer(0)?, None, a.integer(1)?),
        3 => (a.integer(0)?, Some(a.integer(1)?), a.integer(2)?),
        _ => return text(""),
    };
    let towards = if end < start { -1 } else { 1 };
    if step.is_some_and(|step| end < start && step > 0) {
        return text("");
    }
    let numbers = steps(start, end.saturating_add(towards), step.unwrap_or(towards))?;
    let written: Vec<_> = numbers.iter().map(i64::to_string).collect();
    text(written.join(" "))
}
