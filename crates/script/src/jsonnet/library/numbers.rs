//! Numbers.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the language has one type of number, and says where it is whole"
)]

use super::{Builtin, arguments::Arguments};
use crate::jsonnet::{
    format,
    machine::{Machine, Run, fail},
    operators::{self, finite},
    syntax::Operator,
    value::Value,
};

/// A function of one number.
macro_rules! of_one {
    ($name:literal, $run:expr) => {
        Builtin { name: $name, parameters: &["x"], run: |m, a| finite(($run)(a.number(m, 0)?)) }
    };
}

/// A question about one number.
macro_rules! ask {
    ($name:literal, $run:expr) => {
        Builtin { name: $name, parameters: &["x"], run: |m, a| Ok(Value::Bool(($run)(a.number(m, 0)?))) }
    };
}

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "abs", parameters: &["n"], run: |m, a| finite(a.number(m, 0)?.abs()) },
    Builtin { name: "sign", parameters: &["n"], run: |m, a| finite(sign(a.number(m, 0)?)) },
    Builtin { name: "max", parameters: &["a", "b"], run: |m, a| finite(a.number(m, 0)?.max(a.number(m, 1)?)) },
    Builtin { name: "min", parameters: &["a", "b"], run: |m, a| finite(a.number(m, 0)?.min(a.number(m, 1)?)) },
    Builtin {
        name: "clamp",
        parameters: &["x", "minVal", "maxVal"],
        run: |m, a| finite(a.number(m, 0)?.min(a.number(m, 2)?).max(a.number(m, 1)?)),
    },
    Builtin { name: "pow", parameters: &["x", "n"], run: |m, a| finite(a.number(m, 0)?.powf(a.number(m, 1)?)) },
    Builtin { name: "hypot", parameters: &["a", "b"], run: |m, a| finite(a.number(m, 0)?.hypot(a.number(m, 1)?)) },
    Builtin { name: "atan2", parameters: &["y", "x"], run: |m, a| finite(a.number(m, 0)?.atan2(a.number(m, 1)?)) },
    Builtin { name: "mod", parameters: &["a", "b"], run: modulo },
    Builtin { name: "modulo", parameters: &["x", "y"], run: modulo },
    of_one!("exp", f64::exp),
    of_one!("log", f64::ln),
    of_one!("log2", f64::log2),
    of_one!("log10", f64::log10),
    of_one!("sqrt", f64::sqrt),
    of_one!("sin", f64::sin),
    of_one!("cos", f64::cos),
    of_one!("tan", f64::tan),
    of_one!("asin", f64::asin),
    of_one!("acos", f64::acos),
    of_one!("atan", f64::atan),
    of_one!("floor", f64::floor),
    of_one!("ceil", f64::ceil),
    of_one!("round", |x: f64| (x + 0.5).floor()),
    of_one!("deg2rad", f64::to_radians),
    of_one!("rad2deg", f64::to_degrees),
    of_one!("exponent", |x: f64| parts(x).1),
    of_one!("mantissa", |x: f64| parts(x).0),
    ask!("isEven", |x: f64| x % 2.0 == 0.0),
    ask!("isOdd", |x: f64| x % 2.0 != 0.0 && x.fract() == 0.0),
    ask!("isInteger", |x: f64| x.fract() == 0.0),
    ask!("isDecimal", |x: f64| x.fract() != 0.0),
    Builtin { name: "xor", parameters: &["x", "y"], run: |m, a| Ok(Value::Bool(a.truth(m, 0)? != a.truth(m, 1)?)) },
    Builtin { name: "xnor", parameters: &["x", "y"], run: |m, a| Ok(Value::Bool(a.truth(m, 0)? == a.truth(m, 1)?)) },
    Builtin { name: "parseInt", parameters: &["str"], run: |m, a| parse(a.text(m, 0)?, 10) },
    Builtin { name: "parseOctal", parameters: &["str"], run: |m, a| parse(a.text(m, 0)?, 8) },
    Builtin { name: "parseHex", parameters: &["str"], run: |m, a| parse(a.text(m, 0)?, 16) },
    Builtin { name: "char", parameters: &["n"], run: char },
    Builtin { name: "codepoint", parameters: &["str"], run: codepoint },
    Builtin {
        name: "format",
        parameters: &["str", "vals"],
        run: |m, a| {
            let (text, values) = (a.value(m, 0)?, a.value(m, 1)?);
            format::format(m, text, values)
        },
    },
];

fn sign(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number.signum() }
}

fn modulo<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (left, right) = (a.value(machine, 0)?, a.value(machine, 1)?);
    operators::binary(machine, Operator::Modulo, left, right)
}

/// C's `frexp`.
fn parts(number: f64) -> (f64, f64) {
    if number == 0.0 {
        return (0.0, 0.0);
    }
    let exponent = (number.abs().log2().floor() + 1.0).clamp(-1022.0, 1024.0);
    let mantissa = number / 2_f64.powf(exponent - 1.0) / 2.0;
    if mantissa.abs() >= 1.0 { (mantissa / 2.0, exponent + 1.0) } else { (mantissa, exponent) }
}

fn parse<'a>(text: &str, base: u32) -> Run<Value<'a>> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) if base == 10 => (-1.0, digits),
        _ => (1.0, text),
    };
    let mut number = 0.0;
    for letter in digits.chars() {
        let Some(digit) = letter.to_digit(base) else {
            return fail(format!("{text:?} is not a number of base {base}"));
        };
        number = number * f64::from(base) + f64::from(digit);
    }
    if digits.is_empty() { fail("an empty string is not a number") } else { finite(sign * number) }
}

fn char<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let number = a.number(machine, 0)?;
    let letter = if number >= 0.0 { char::from_u32(number as u32) } else { None };
    match letter {
        Some(letter) => machine.text_value(letter.encode_utf8(&mut [0; 4])),
        None => fail(format!("{number} is not the number of a letter")),
    }
}

fn codepoint<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let text = a.text(machine, 0)?;
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Ok(Value::Number(f64::from(u32::from(letter)))),
        _ => fail("codepoint wants one letter"),
    }
}
