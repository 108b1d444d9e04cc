//! Text: cutting, joining, searching.

use super::arguments::{Answer, Arguments, MANY, Row, as_text, dictionary, failed, list, shown, text, texts};
use crate::template::meter::{spend, spend_product};
use gotmpl::{TemplateError, Value};
use regex::{Regex, RegexBuilder};
use std::{fmt::Write, sync::Arc};

pub(super) const TABLE: &[Row] = &[
    ("trim", 1, 1, |a| text(a.text(0)?.trim())),
    ("trimAll", 2, 2, trim_all),
    ("trimall", 2, 2, trim_all),
    ("trimSuffix", 2, 2, |a| text(a.text(1)?.strip_suffix(a.text(0)?).unwrap_or(a.text(1)?))),
    ("trimPrefix", 2, 2, |a| text(a.text(1)?.strip_prefix(a.text(0)?).unwrap_or(a.text(1)?))),
    ("contains", 2, 2, |a| Ok(Value::Bool(a.text(1)?.contains(a.text(0)?)))),
    ("hasPrefix", 2, 2, |a| Ok(Value::Bool(a.text(1)?.starts_with(a.text(0)?)))),
    ("hasSuffix", 2, 2, |a| Ok(Value::Bool(a.text(1)?.ends_with(a.text(0)?)))),
    ("repeat", 2, 2, repeat),
    ("replace", 3, 3, replace),
    ("substr", 3, 3, substr),
    ("trunc", 2, 2, trunc),
    ("abbrev", 2, 2, |a| Ok(abbreviated(a.text(1)?, 0, a.integer(0)?))),
    ("abbrevboth", 3, 3, |a| Ok(abbreviated(a.text(2)?, a.integer(0)?, a.integer(1)?))),
    ("indent", 2, 2, |a| text(indented(a)?)),
    ("nindent", 2, 2, |a| text(format!("\n{}", indented(a)?))),
    ("cat", 0, MANY, cat),
    ("quote", 0, MANY, |a| text(joined(a, |value| quoted(&shown(value))))),
    ("squote", 0, MANY, |a| text(joined(a, |value| format!("'{}'", shown(value))))),
    ("plural", 3, 3, |a| text(if a.integer(2)? == 1 { a.text(0)? } else { a.text(1)? })),
    ("toString", 1, 1, |a| text(shown(a.value(0)))),
    ("toStrings", 1, 1, |a| texts(strings(a.value(0)))),
    ("join", 2, 2, join),
    ("split", 2, 2, |a| numbered(pieces(a.text(0)?, a.text(1)?, -1)?)),
    ("splitList", 2, 2, |a| texts(pieces(a.text(0)?, a.text(1)?, -1)?)),
    ("splitn", 3, 3, |a| numbered(pieces(a.text(0)?, a.text(2)?, a.integer(1)?)?)),
    ("sortAlpha", 1, 1, sort_alpha),
    ("wrap", 2, 2, |a| text(wrapped(a.text(1)?, a.integer(0)?, "", false)?)),
    ("wrapWith", 3, 3, |a| text(wrapped(a.text(2)?, a.integer(0)?, a.text(1)?, true)?)),
    ("regexMatch", 2, 2, |a| {
        Ok(Value::Bool(regex(a).is_ok_and(|regex| regex.is_match(a.text(1).unwrap_or_default()))))
    }),
    ("mustRegexMatch", 2, 2, |a| Ok(Value::Bool(regex(a)?.is_match(a.text(1)?)))),
    ("regexFind", 2, 2, regex_find),
    ("mustRegexFind", 2, 2, regex_find),
    ("regexFindAll", 3, 3, regex_find_all),
    ("mustRegexFindAll", 3, 3, regex_find_all),
    ("regexReplaceAll", 3, 3, |a| regex_replace(a, true)),
    ("mustRegexReplaceAll", 3, 3, |a| regex_replace(a, true)),
    ("regexReplaceAllLiteral", 3, 3, |a| regex_replace(a, false)),
    ("mustRegexReplaceAllLiteral", 3, 3, |a| regex_replace(a, false)),
    ("regexSplit", 3, 3, regex_split),
    ("mustRegexSplit", 3, 3, regex_split),
    ("regexQuoteMeta", 1, 1, |a| text(quote_meta(a.text(0)?))),
];

fn trim_all(a: Arguments<'_>) -> Answer {
    let letters = a.text(0)?;
    text(a.text(1)?.trim_matches(|letter| letters.contains(letter)))
}

fn repeat(a: Arguments<'_>) -> Answer {
    let (count, part) = (a.count(0)?, a.text(1)?);
    spend_product(count, part.len())?;
    text(part.repeat(if part.is_empty() { 0 } else { count }))
}

fn replace(a: Arguments<'_>) -> Answer {
    let (old, new, whole) = (a.text(0)?, a.text(1)?, a.text(2)?);
    spend_product(whole.matches(old).count(), new.len())?;
    text(whole.replace(old, new))
}

/// The byte offset, moved to the beginning of the letter that it falls into.
fn offset(whole: &str, index: i64) -> usize {
    whole.floor_char_boundary(usize::try_from(index).unwrap_or(0))
}

fn substr(a: Arguments<'_>) -> Answer {
    let (start, end, whole) = (a.integer(0)?, a.integer(1)?, a.text(2)?);
    let from = if start < 0 { 0 } else { offset(whole, start) };
    let to = if start >= 0 && end < 0 { whole.len() } else { offset(whole, end) };
    whole.get(from..to).map_or_else(|| Err(failed(format!("no text from {start} to {end}"))), text)
}

fn trunc(a: Arguments<'_>) -> Answer {
    let (count, whole) = (a.integer(0)?, a.text(1)?);
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let kept = if count >= 0 {
        &whole[..offset(whole, count.min(length))]
    } else if length + count > 0 {
        &whole[offset(whole, length + count)..]
    } else {
        whole
    };
    text(kept)
}

fn abbreviated(whole: &str, left: i64, width: i64) -> Value {
    let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
    let short = if width < 4 || (left > 0 && width < 7) || length <= width {
        whole.to_owned()
    } else {
        let left = if left > length { length } else { left };
        let left = if length - left < width - 3 { length - (width - 3) } else { left };
        if left <= 4 {
            format!("{}...", &whole[..offset(whole, width - 3)])
        } else if left + width - 3 < length {
            let Value::String(rest) = abbreviated(&whole[offset(whole, left)..], 0, width - 3) else {
                return Value::Nil;
            };
            format!("...{rest}")
        } else {
            format!("...{}", &whole[offset(whole, length - (width - 3))..])
        }
    };
    Value::String(short.into())
}

fn indented(a: Arguments<'_>) -> Result<String, TemplateError> {
    let (spaces, whole) = (a.count(0)?, a.text(1)?);
    spend_product(spaces, 1 + whole.matches('\n').count())?;
    let pad = " ".repeat(spaces);
    Ok(format!("{pad}{}", whole.replace('\n', &format!("\n{pad}"))))
}

fn cat(a: Arguments<'_>) -> Answer {
    let parts: Vec<_> = a.0.iter().filter(|value| !matches!(value, Value::Nil)).map(shown).collect();
    text(parts.join(" "))
}

fn joined(a: Arguments<'_>, write: impl Fn(&Value) -> String) -> String {
    let parts: Vec<_> = a.0.iter().filter(|value| !matches!(value, Value::Nil)).map(write).collect();
    parts.join(" ")
}

/// A literal of Go.
fn quoted(whole: &str) -> String {
    let mut literal = String::with_capacity(whole.len() + 2);
    literal.push('"');
    for letter in whole.chars() {
        match letter {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\u{7}' => literal.push_str("\\a"),
            '\u{8}' => literal.push_str("\\b"),
            '\u{c}' => literal.push_str("\\f"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '\u{b}' => literal.push_str("\\v"),
            control if u32::from(control) < 0x80 && control.is_control() => {
                let _ = write!(literal, "\\x{:02x}", u32::from(control));
            }
            hidden if hidden.is_control() || matches!(hidden, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{a0}') => {
                let _ = write!(literal, "\\u{:04x}", u32::from(hidden));
            }
            other => literal.push(other),
        }
    }
    literal.push('"');
    literal
}

/// A list as strings; a single value is a list of itself.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(items) => items.iter().filter(|item| !matches!(item, Value::Nil)).map(shown).collect(),
        other => vec![shown(other)],
    }
}

fn join(a: Arguments<'_>) -> Answer {
    let (between, parts) = (a.text(0)?, strings(a.value(1)));
    spend_product(between.len(), parts.len())?;
    text(parts.join(between))
}

/// Go's `strings.SplitN`: letters where the separator is empty, everything where the count is negative.
fn pieces<'a>(separator: &str, whole: &'a str, count: i64) -> Result<Vec<&'a str>, TemplateError> {
    let count = if count < 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    spend(whole.len())?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if !separator.is_empty() {
        return Ok(whole.splitn(count, separator).collect());
    }
    let mut parts = Vec::new();
    let mut rest = whole;
    while let Some(letter) = rest.chars().next() {
        if parts.len() + 1 == count {
            parts.push(rest);
            break;
        }
        let (head, tail) = rest.split_at(letter.len_utf8());
        parts.push(head);
        rest = tail;
    }
    Ok(parts)
}

fn numbered(parts: Vec<&str>) -> Answer {
    let member = |(index, part): (usize, &str)| (Arc::from(format!("_{index}")), Value::String(Arc::from(part)));
    dictionary(parts.into_iter().enumerate().map(member).collect())
}

fn sort_alpha(a: Arguments<'_>) -> Answer {
    let mut items = strings(a.value(0));
    if matches!(a.value(0), Value::List(_)) {
        items.sort_unstable();
    }
    texts(items)
}

/// Go's goutils.Wrap: breaks at blanks; words that are too long are cut when `long` says so.
fn wrapped(whole: &str, width: i64, line_end: &str, long: bool) -> Result<String, TemplateError> {
    let line_end = if line_end.is_empty() { "\n" } else { line_end };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut lines = String::with_capacity(whole.len());
    let mut rest = whole;
    while rest.len() > width {
        if let Some(trimmed) = rest.strip_prefix(' ') {
            rest = trimmed;
            continue;
        }
        let cut = rest.floor_char_boundary(width + 1);
        let (line, next) = if let Some(blank) = rest[..cut].rfind(' ') {
            (&rest[..blank], &rest[blank + 1..])
        } else if long {
            let cut = rest.floor_char_boundary(width);
            let cut = if cut == 0 { rest.ceil_char_boundary(width) } else { cut };
            rest.split_at(cut)
        } else if let Some(blank) = rest[rest.ceil_char_boundary(width)..].find(' ') {
            let blank = rest.ceil_char_boundary(width) + blank;
            (&rest[..blank], &rest[blank + 1..])
        } else {
            break;
        };
        spend(line_end.len())?;
        lines.push_str(line);
        lines.push_str(line_end);
        rest = next;
    }
    lines.push_str(rest);
    Ok(lines)
}

/// The pattern of a regex function: its first argument. Searching takes time by pattern and text, and is paid here.
fn regex(a: Arguments<'_>) -> Result<Regex, TemplateError> {
    let pattern = a.text(0)?;
    spend_product(1000 + pattern.len(), 1 + a.text(1)?.len() / 64)?;
    let built = RegexBuilder::new(pattern).size_limit(1 << 20).dfa_size_limit(1 << 20).build();
    built.map_err(|error| failed(format!("the pattern {pattern:?} cannot be read: {error}")))
}

fn regex_find(a: Arguments<'_>) -> Answer {
    text(regex(a)?.find(a.text(1)?).map_or("", |found| found.as_str()))
}

fn regex_find_all(a: Arguments<'_>) -> Answer {
    let most = usize::try_from(a.integer(2)?).unwrap_or(usize::MAX);
    texts(regex(a)?.find_iter(a.text(1)?).take(most).map(|found| found.as_str()))
}

fn regex_replace(a: Arguments<'_>, expand: bool) -> Answer {
    let (regex, whole, with) = (regex(a)?, a.text(1)?, a.text(2)?);
    let mut result = String::new();
    let mut end = 0;
    for captures in regex.captures_iter(whole) {
        let Some(found) = captures.get(0) else { continue };
        result.push_str(&whole[end..found.start()]);
        let before = result.len();
        if expand {
            captures.expand(with, &mut result);
        } else {
            result.push_str(with);
        }
        spend(1 + result.len() - before)?;
        end = found.end();
    }
    result.push_str(&whole[end..]);
    text(result)
}

fn regex_split(a: Arguments<'_>) -> Answer {
    let (regex, whole, most) = (regex(a)?, a.text(1)?, a.integer(2)?);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let parts = regex.splitn(whole, most).map(|part| Value::String(Arc::from(part)));
    if most == 0 { list([]) } else { list(parts) }
}

fn quote_meta(whole: &str) -> String {
    let mut quoted = String::with_capacity(whole.len());
    for letter in whole.chars() {
        if r"\.+*?()|[]{}^$".contains(letter) {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

/// Concatenates what must be text.
pub(super) fn all_texts(values: &[Value]) -> Result<Vec<&str>, TemplateError> {
    values.iter().map(as_text).collect()
}
