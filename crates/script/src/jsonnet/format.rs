//! Numbers as text, and `std.format` (the operator `%` on strings).
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the language has one type of number, and says where it is whole"
)]

use super::{
    machine::{Machine, Run, fail},
    manifest,
    value::{Thunk, Value},
};

/// Whole numbers below this are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Seventeen digits tell any two numbers apart; whole numbers need no point.
pub(super) fn number(number: f64) -> String {
    if number.fract() == 0.0 {
        return format!("{number:.0}");
    }
    general(number, 17, false, false)
}

/// As few digits as tell two numbers apart.
pub(super) fn short(given: f64) -> String {
    if given.fract() == 0.0 { number(given) } else { given.to_string() }
}

/// C's `%e`.
fn scientific(number: f64, precision: usize, upper: bool) -> String {
    let written = format!("{number:.precision$e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}{}{sign}{:02}", if upper { 'E' } else { 'e' }, exponent.unsigned_abs())
}

/// C's `%f`, but halves are rounded up, as the original does.
fn fixed(number: f64, precision: usize) -> String {
    let scale = 10_f64.powi(precision.min(300) as i32);
    let scaled = (number * scale + 0.5).floor();
    let rounded = if scaled < EXACT { scaled / scale } else { number };
    format!("{rounded:.precision$}")
}

/// C's `%g`.
fn general(number: f64, precision: usize, keep_zeros: bool, upper: bool) -> String {
    let precision = precision.max(1);
    let written = format!("{number:.*e}", precision - 1);
    let exponent: i32 = written.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let trim = |digits: &str| {
        let trimmed = if digits.contains('.') && !keep_zeros { digits.trim_end_matches('0') } else { digits };
        trimmed.trim_end_matches('.').to_owned()
    };
    if exponent < -4 || exponent >= precision as i32 {
        let written = scientific(number, precision - 1, upper);
        let (digits, exponent) = written.split_at(written.find(['e', 'E']).unwrap_or(written.len()));
        return format!("{}{exponent}", trim(digits));
    }
    trim(&format!("{number:.*}", (precision as i32 - 1 - exponent) as usize))
}

#[derive(Debug, Default, Clone)]
struct Directive {
    key: Option<String>,
    alternate: bool,
    zero: bool,
    left: bool,
    blank: bool,
    plus: bool,
    width: Option<usize>,
    precision: Option<usize>,
    verb: char,
}

/// The widest field.
const WIDEST: usize = 1 << 16;

enum Given<'v, 'a> {
    Items(std::slice::Iter<'v, Thunk<'a>>),
    Object(&'a super::value::Object<'a>),
}

/// Lays values into a text: those of an array in order, those of an object by name, or a single one.
pub(super) fn format<'a>(machine: &mut Machine<'a>, text: Value<'a>, values: Value<'a>) -> Run<Value<'a>> {
    let Value::Text(text) = text else { return fail("format wants a string") };
    let single;
    let mut given = match values {
        Value::Array(items) => Given::Items(items.iter()),
        Value::Object(object) => Given::Object(object),
        other => {
            single = [machine.done(other)?];
            Given::Items(single.iter())
        }
    };
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        result.push_str(&rest[..at]);
        let (directive, tail) = directive(machine, &rest[at + 1..], &mut given)?;
        rest = tail;
        machine.spend(1 + (at + directive.width.unwrap_or(0) + directive.precision.unwrap_or(0)) / 16)?;
        if directive.verb == '%' {
            pad(&directive, "%", &mut result);
            continue;
        }
        let value = match (&mut given, &directive.key) {
            (Given::Object(object), Some(key)) => match machine.field(object, key)? {
                Some(field) => {
                    machine.sound(object)?;
                    machine.force(field.value)?
                }
                None => return fail(format!("format does not find the field {key:?}")),
            },
            (Given::Items(items), _) => next(machine, items)?,
            (Given::Object(_), None) => return fail("format of an object wants names: %(name)s"),
        };
        let written = written(machine, &directive, value)?;
        machine.spend(written.len() / 16)?;
        pad(&directive, &written, &mut result);
    }
    result.push_str(rest);
    if let Given::Items(items) = &given
        && items.len() > 0
    {
        return fail("format got too many values");
    }
    machine.text_value(&result)
}

fn next<'a>(machine: &mut Machine<'a>, items: &mut std::slice::Iter<'_, Thunk<'a>>) -> Run<Value<'a>> {
    match items.next() {
        Some(item) => machine.force(item),
        None => fail("format got too few values"),
    }
}

/// Reads a directive behind its `%`.
fn directive<'t, 'a>(machine: &mut Machine<'a>, text: &'t str, given: &mut Given<'_, 'a>) -> Run<(Directive, &'t str)> {
    let mut directive = Directive::default();
    let mut rest = text;
    if let Some(inner) = rest.strip_prefix('(') {
        let Some((key, tail)) = inner.split_once(')') else { return fail("format has a name without an end") };
        directive.key = Some(key.to_owned());
        rest = tail;
    }
    while let Some(flag) = rest.chars().next().filter(|flag| "#0- +".contains(*flag)) {
        match flag {
            '#' => directive.alternate = true,
            '0' => directive.zero = true,
            '-' => directive.left = true,
            ' ' => directive.blank = true,
            _ => directive.plus = true,
        }
        rest = &rest[1..];
    }
    (directive.width, rest) = size(machine, rest, given)?;
    if let Some(tail) = rest.strip_prefix('.') {
        let (precision, tail) = size(machine, tail, given)?;
        directive.precision = Some(precision.unwrap_or(0));
        rest = tail;
    }
    rest = rest.trim_start_matches(['h', 'l', 'L']);
    let Some(verb) = rest.chars().next() else { return fail("format ends in the middle of a directive") };
    directive.verb = verb;
    Ok((directive, &rest[verb.len_utf8()..]))
}

/// A width or precision, maybe one of the values.
fn size<'t, 'a>(machine: &mut Machine<'a>, text: &'t str, given: &mut Given<'_, 'a>) -> Run<(Option<usize>, &'t str)> {
    let (size, rest) = if let Some(rest) = text.strip_prefix('*') {
        let Given::Items(items) = given else { return fail("format of an object takes no *") };
        match next(machine, items)? {
            Value::Number(size) if size >= 0.0 => (Some(size as usize), rest),
            _ => return fail("the width of a format must be a number"),
        }
    } else {
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        (if digits.is_empty() { None } else { Some(digits.parse().unwrap_or(usize::MAX)) }, rest)
    };
    if size.is_some_and(|size| size > WIDEST) {
        return fail("the width of a format is too large");
    }
    machine.spend(size.unwrap_or(0) / 16)?;
    Ok((size, rest))
}

fn written<'a>(machine: &mut Machine<'a>, directive: &Directive, value: Value<'a>) -> Run<String> {
    let verb = directive.verb;
    if verb == 's' {
        return manifest::shown(machine, value);
    }
    if verb == 'c' {
        return match value {
            Value::Number(code) => match char::from_u32(code as u32) {
                Some(letter) => Ok(letter.to_string()),
                None => fail("%c wants the number of a letter"),
            },
            Value::Text(letter) if letter.chars().count() == 1 => Ok(letter.to_owned()),
            _ => fail("%c wants one letter"),
        };
    }
    let Value::Number(number) = value else {
        return fail(format!("%{verb} wants a number, but got {}", value.kind()));
    };
    let size = number.abs();
    let precision = directive.precision.unwrap_or(6);
    let digits = match verb {
        'd' | 'i' | 'u' => whole(directive, &format!("{:.0}", size.floor()), ""),
        'o' => whole(directive, &format!("{:o}", size.floor() as u64), "0"),
        'x' => whole(directive, &format!("{:x}", size.floor() as u64), "0x"),
        'X' => whole(directive, &format!("{:X}", size.floor() as u64), "0X"),
        'e' | 'E' => scientific(size, precision, verb == 'E'),
        'f' | 'F' => fixed(size, precision),
        'g' | 'G' => general(size, precision, directive.alternate, verb == 'G'),
        other => return fail(format!("format does not know %{other}")),
    };
    let sign = match (number < 0.0, directive.plus, directive.blank) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (.., true) => " ",
        _ => "",
    };
    let zeros = match directive.width {
        Some(width) if directive.zero && !directive.left => width.saturating_sub(sign.len() + digits.len()),
        _ => 0,
    };
    Ok(format!("{sign}{}{digits}", "0".repeat(zeros)))
}

fn whole(directive: &Directive, digits: &str, prefix: &str) -> String {
    let missing = directive.precision.unwrap_or(0).saturating_sub(digits.len());
    let prefix = if directive.alternate { prefix } else { "" };
    format!("{prefix}{}{digits}", "0".repeat(missing))
}

fn pad(directive: &Directive, written: &str, to: &mut String) {
    let missing = directive.width.unwrap_or(0).saturating_sub(written.chars().count());
    if !directive.left {
        to.push_str(&" ".repeat(missing));
    }
    to.push_str(written);
    if directive.left {
        to.push_str(&" ".repeat(missing));
    }
}
