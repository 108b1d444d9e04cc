//! Strings. Positions count letters, not bytes.

use super::{
    Builtin,
    arguments::{Arguments, letters, wrong},
    objects::strings,
    sets::letter_places,
};
use crate::jsonnet::{
    machine::{Machine, Run, fail},
    manifest,
    value::Value,
};

pub(super) const TABLE: &[Builtin] = &[
    Builtin { name: "toString", parameters: &["a"], run: to_string },
    Builtin {
        name: "asciiUpper",
        parameters: &["str"],
        run: |m, a| {
            let t = a.text(m, 0)?.to_ascii_uppercase();
            m.text_value(&t)
        },
    },
    Builtin {
        name: "asciiLower",
        parameters: &["str"],
        run: |m, a| {
            let t = a.text(m, 0)?.to_ascii_lowercase();
            m.text_value(&t)
        },
    },
    Builtin {
        name: "stringChars",
        parameters: &["str"],
        run: |m, a| {
            let text = a.text(m, 0)?;
            letters(m, text)
        },
    },
    Builtin {
        name: "startsWith",
        parameters: &["a", "b"],
        run: |m, a| Ok(Value::Bool(a.text(m, 0)?.starts_with(a.text(m, 1)?))),
    },
    Builtin {
        name: "endsWith",
        parameters: &["a", "b"],
        run: |m, a| Ok(Value::Bool(a.text(m, 0)?.ends_with(a.text(m, 1)?))),
    },
    Builtin {
        name: "equalsIgnoreCase",
        parameters: &["str1", "str2"],
        run: |m, a| Ok(Value::Bool(a.text(m, 0)?.eq_ignore_ascii_case(a.text(m, 1)?))),
    },
    Builtin { name: "substr", parameters: &["str", "from", "len"], run: substr },
    Builtin { name: "findSubstr", parameters: &["pat", "str"], run: find_substr },
    Builtin { name: "strReplace", parameters: &["str", "from", "to"], run: str_replace },
    Builtin { name: "split", parameters: &["str", "c"], run: |m, a| split(m, a, None) },
    Builtin {
        name: "splitLimit",
        parameters: &["str", "c", "maxsplits"],
        run: |m, a| {
            let most = a.whole(m, 2)?;
            split(m, a, Some((most, false)))
        },
    },
    Builtin {
        name: "splitLimitR",
        parameters: &["str", "c", "maxsplits"],
        run: |m, a| {
            let most = a.whole(m, 2)?;
            split(m, a, Some((most, true)))
        },
    },
    Builtin { name: "stripChars", parameters: &["str", "chars"], run: |m, a| strip(m, a, true, true) },
    Builtin { name: "lstripChars", parameters: &["str", "chars"], run: |m, a| strip(m, a, true, false) },
    Builtin { name: "rstripChars", parameters: &["str", "chars"], run: |m, a| strip(m, a, false, true) },
    Builtin {
        name: "trim",
        parameters: &["str"],
        run: |m, a| {
            let t = a.text(m, 0)?.trim_matches([' ', '\t', '\n', '\u{c}', '\r', '\u{85}', '\u{a0}']);
            Ok(Value::Text(t))
        },
    },
    Builtin { name: "lines", parameters: &["arr"], run: lines },
    Builtin {
        name: "escapeStringJson",
        parameters: &["str_"],
        run: |m, a| {
            escaped(m, a, |text| {
                let mut quoted = String::new();
                manifest::quote(text, &mut quoted);
                quoted
            })
        },
    },
    Builtin {
        name: "escapeStringPython",
        parameters: &["str"],
        run: |m, a| {
            escaped(m, a, |text| {
                let mut quoted = String::new();
                manifest::quote(text, &mut quoted);
                quoted
            })
        },
    },
    Builtin {
        name: "escapeStringBash",
        parameters: &["str_"],
        run: |m, a| escaped(m, a, |text| format!("'{}'", text.replace('\'', "'\"'\"'"))),
    },
    Builtin {
        name: "escapeStringDollars",
        parameters: &["str_"],
        run: |m, a| escaped(m, a, |text| text.replace('$', "$$")),
    },
    Builtin { name: "escapeStringXML", parameters: &["str_"], run: |m, a| escaped(m, a, xml) },
];

fn to_string<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let value = a.value(machine, 0)?;
    let shown = manifest::shown(machine, value)?;
    machine.text_value(&shown)
}

fn escaped<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, escape: fn(&str) -> String) -> Run<Value<'a>> {
    let value = a.value(machine, 0)?;
    let shown = manifest::shown(machine, value)?;
    machine.spend(shown.len() / 2)?;
    machine.text_value(&escape(&shown))
}

fn xml(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '&' => written.push_str("&amp;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&apos;"),
            other => written.push(other),
        }
    }
    written
}

fn substr<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (text, from, length) = (a.text(machine, 0)?, a.count(machine, 1)?, a.count(machine, 2)?);
    let part: String = text.chars().skip(from).take(length).collect();
    machine.text_value(&part)
}

fn find_substr<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (part, text) = (a.text(machine, 0)?, a.text(machine, 1)?);
    // Each place may be compared to the end of the part.
    machine.spend(text.len().saturating_mul(1 + part.len() / 16))?;
    let found = if part.is_empty() { Vec::new() } else { letter_places(text, part) };
    let found: Vec<_> = found.into_iter().map(Value::Number).collect();
    machine.array(&found)
}

fn str_replace<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let (text, from, to) = (a.text(machine, 0)?, a.text(machine, 1)?, a.text(machine, 2)?);
    if from.is_empty() {
        return fail("strReplace wants something to look for");
    }
    let count = text.matches(from).count();
    machine.spend(count.saturating_mul(to.len()) / 16)?;
    machine.text_value(&text.replace(from, to))
}

fn split<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, limit: Option<(i64, bool)>) -> Run<Value<'a>> {
    let (text, separator) = (a.text(machine, 0)?, a.text(machine, 1)?);
    if separator.is_empty() {
        return fail("split wants something to split at");
    }
    machine.spend(text.len())?;
    if limit.is_some_and(|(limit, _)| limit < -1) {
        return fail("split wants a limit of -1 or more");
    }
    let most = |most: i64| usize::try_from(most).map_or(usize::MAX, |most| most.saturating_add(1));
    match limit {
        None => machine.texts(text.split(separator)),
        Some((limit, false)) => machine.texts(text.splitn(most(limit), separator)),
        Some((limit, true)) => {
            let mut parts: Vec<_> = text.rsplitn(most(limit), separator).collect();
            parts.reverse();
            machine.texts(parts)
        }
    }
}

fn strip<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, left: bool, right: bool) -> Run<Value<'a>> {
    let (mut text, letters) = (a.text(machine, 0)?, strings_or_letters(machine, a)?);
    machine.spend(text.len().saturating_mul(letters.len()) / 16)?;
    let gone = |letter: char| letters.contains(&letter);
    if left {
        text = text.trim_start_matches(gone);
    }
    if right {
        text = text.trim_end_matches(gone);
    }
    Ok(Value::Text(text))
}

fn strings_or_letters<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Vec<char>> {
    match a.value(machine, 1)? {
        Value::Text(text) => Ok(text.chars().collect()),
        Value::Array(_) => Ok(strings(machine, a, 1)?.iter().filter_map(|text| text.chars().next()).collect()),
        other => wrong("letters", other),
    }
}

fn lines<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let mut text = String::new();
    for line in strings(machine, a, 0)? {
        machine.spend(1 + line.len() / 16)?;
        text.push_str(line);
        text.push('\n');
    }
    machine.text_value(&text)
}
