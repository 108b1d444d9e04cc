//! `${NAME}` and `${NAME:-default}` in the values of configuration files, where that is asked for (`--expand-env`).
//!
//! Files are parsed first, so that what stands in a variable is a text whatever it holds: it cannot add a key or a list.
//! Where the schema demands a number, true or false, a text that came from variables is read as one. Names of keys are not
//! expanded. `$${` stands for the text `${`.

use super::{check::walk, environment::parse_integer, merge::below, value::parse_bool};
use serde_json::Value;
use std::collections::BTreeSet;

/// Expands all texts of a document. Returns what cannot be expanded: the key, and why.
pub(super) fn expand(document: &mut Value, environment: &[(String, String)]) -> Vec<(String, String)> {
    let find = |name: &str| {
        let found = environment.iter().find(|(known, text)| known == name && !text.is_empty());
        found.map(|(_, text)| text.as_str())
    };
    let (mut expanded, mut wrong) = (BTreeSet::new(), Vec::new());
    visit(document, "", &mut |value, key| {
        let Value::String(text) = value else { return };
        if !text.contains("${") {
            return;
        }
        match replaced(text, &find) {
            Ok(replaced) => {
                *value = replaced.into();
                expanded.insert(key.to_owned());
            }
            Err(reason) => wrong.push((key.to_owned(), reason)),
        }
    });
    walk(document, &mut |schema, value, key| {
        if let Value::String(text) = &*value
            && expanded.contains(key)
            && let Some(cast) = cast(schema, text)
        {
            *value = cast;
        }
    });
    wrong
}

fn visit(value: &mut Value, key: &str, change: &mut dyn FnMut(&mut Value, &str)) {
    match value {
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, member)| visit(member, &below(key, name), change));
        }
        Value::Array(items) => {
            items.iter_mut().enumerate().for_each(|(at, item)| visit(item, &below(key, &at.to_string()), change));
        }
        _ => change(value, key),
    }
}

/// The value of the type that the schema demands; what is none stays a text, which the check reports.
fn cast(schema: &Value, text: &str) -> Option<Value> {
    match schema.get("type")?.as_str()? {
        "boolean" => parse_bool(text).map(Value::from),
        "integer" => parse_integer(text).map(Value::from),
        "number" => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
        _ => None,
    }
}

/// The text with all variables replaced.
fn replaced<'e>(text: &str, find: &dyn Fn(&str) -> Option<&'e str>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let end = end_of(from).ok_or_else(|| format!("{from:?} is not closed; write $${{ for the text ${{"))?;
        let inner = &from[2..end];
        let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
        if !is_name(name) {
            return Err(format!(
                "{:?} is neither ${{NAME}} nor ${{NAME:-default}}; write $${{ for the text ${{",
                &from[..=end]
            ));
        }
        match (find(name), default) {
            (Some(value), _) => out.push_str(value),
            (None, Some(default)) => out.push_str(&replaced(default, find)?),
            (None, None) => {
                return Err(format!("the environment variable {name} is not set, and ${{{name}}} has no default"));
            }
        }
        rest = &from[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Where the brace is that closes the first one; a default may hold variables.
fn end_of(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if at > 0 && bytes[at - 1] == b'$' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    name.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn environment() -> Vec<(String, String)> {
        [
            ("HOST", "db.example"),
            ("PORT", "8080"),
            ("ON", "true"),
            ("EMPTY", ""),
            ("EVIL", "x\ndev: true\nlist: [a, b]"),
            ("NESTED", "${HOST}"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .to_vec()
    }

    fn text(text: &str) -> Result<String, String> {
        let mut document = json!({ "version": text });
        let wrong = expand(&mut document, &environment());
        match wrong.as_slice() {
            [] => Ok(document["version"].as_str().unwrap().to_owned()),
            [(key, reason)] => {
                assert_eq!(key, "version");
                Err(reason.clone())
            }
            _ => panic!("{wrong:?}"),
        }
    }

    #[test]
    fn variables_stand_in_texts() {
        for (given, expected) in [
            ("postgres://${HOST}:${PORT}/x", "postgres://db.example:8080/x"),
            ("${MISSING:-default}", "default"),
            ("${MISSING:-}", ""),
            ("${EMPTY:-default}", "default"),
            ("${HOST:-default}", "db.example"),
            ("${MISSING:-${PORT}/x}", "8080/x"),
            ("$${HOST}", "${HOST}"),
            ("a$$b $HOST {HOST} $", "a$$b $HOST {HOST} $"),
            ("${NESTED}", "${HOST}"),
            ("${EVIL}", "x\ndev: true\nlist: [a, b]"),
        ] {
            assert_eq!(text(given).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_is_an_error_with_its_key() {
        for (given, part) in [
            ("${MISSING}", "MISSING is not set, and ${MISSING} has no default"),
            ("${EMPTY}", "EMPTY is not set"),
            ("${HOST", "is not closed"),
            ("${a.b}", "is neither ${NAME} nor"),
            ("${}", "is neither"),
            ("${HOST-x}", "is neither"),
        ] {
            assert!(text(given).unwrap_err().contains(part), "{given}");
        }
    }

    #[test]
    fn only_values_are_expanded_and_have_the_type_of_their_key() {
        let mut document = json!({
            "serve": { "public": { "port": "${PORT}", "cors": { "enabled": "${ON}" } } },
            "selfservice": { "allowed_return_urls": "${HOST}", "flows": { "login": { "ui_url": "https://${HOST}/" } } },
            "secrets": { "cookie": ["${HOST}"] },
            "tracing": { "providers": { "otlp": { "sampling": { "sampling_ratio": "${RATIO:-0.5}" } } } },
            "${HOST}": 1,
        });
        assert_eq!(expand(&mut document, &environment()), []);
        let expected = json!({
            "serve": { "public": { "port": 8080, "cors": { "enabled": true } } },
            "selfservice": { "allowed_return_urls": "db.example", "flows": { "login": { "ui_url": "https://db.example/" } } },
            "secrets": { "cookie": ["db.example"] },
            "tracing": { "providers": { "otlp": { "sampling": { "sampling_ratio": 0.5 } } } },
            "${HOST}": 1,
        });
        assert_eq!(document, expected);
    }
}
