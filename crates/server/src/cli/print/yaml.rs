//! JSON as YAML, written as the original writes it: lists stand below their key without a step in, and a text is quoted
//! only where YAML would take it for something else.

use serde_json::Value;

/// The document, with the end of its last line.
pub(super) fn write(document: &Value) -> String {
    let mut text = String::new();
    put(document, 0, &mut text);
    text
}

/// Writes at the beginning of a line, `step` in.
fn put(value: &Value, step: usize, text: &mut String) {
    let indent = "  ".repeat(step);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (at, (name, member)) in members.iter().enumerate() {
                text.push_str(if at > 0 { &indent } else { "" });
                text.push_str(&word(name));
                text.push(':');
                below(member, step, text);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                text.push_str(if at > 0 { &indent } else { "" });
                text.push_str("- ");
                put(item, step + 1, text);
            }
        }
        Value::String(string) => {
            text.push_str(&word(string));
            text.push('\n');
        }
        other => {
            text.push_str(&other.to_string());
            text.push('\n');
        }
    }
}

/// Writes what belongs to a key: on its line, or below.
fn below(member: &Value, step: usize, text: &mut String) {
    let deeper = match member {
        Value::Object(members) if !members.is_empty() => Some(step + 1),
        Value::Array(items) if !items.is_empty() => Some(step),
        _ => None,
    };
    if let Some(step) = deeper {
        text.push('\n');
        text.push_str(&"  ".repeat(step));
        put(member, step, text);
    } else {
        text.push(' ');
        put(member, step, text);
    }
}

/// Words that YAML, of whatever version, takes for a value of another type.
const RESERVED: [&str; 11] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", "-"];

/// A text that stands for itself, or in quotes.
fn word(text: &str) -> String {
    let plain = text
        .starts_with(|letter: char| letter.is_alphabetic() || "_/.".contains(letter) || letter.is_ascii_digit())
        && text.chars().all(|letter| letter.is_alphanumeric() || "_-./@+ ,;=%()&~^:".contains(letter))
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !RESERVED.contains(&text.to_lowercase().as_str())
        && !like_a_number(text);
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}

/// Numbers, dates and times all begin with digits; a word with a letter that is in no number is none of them.
fn like_a_number(text: &str) -> bool {
    let first = text.trim_start_matches(['.', '+', '-']).chars().next();
    let numeric = |letter: char| letter.is_ascii_hexdigit() || "xoXO_.+-:TZ ".contains(letter);
    let special = [".inf", ".nan"].contains(&text.to_lowercase().as_str());
    // What looks like a UUID is none: it has four hyphens.
    special
        || (first.is_some_and(|first| first.is_ascii_digit())
            && text.chars().all(numeric)
            && text.matches('-').count() < 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_look_as_the_originals_do() {
        let document = json!({
            "created_at": "2026-11-25T16:02:22.227163Z",
            "id": "517cc801-42bd-4ed8-bd9c-00831e0cb685",
            "organization_id": null,
            "recovery_addresses": [{ "value": "c@example.com", "via": "email" }, {}],
            "schema_url": "http://127.0.0.1:24033/schemas/ZGVmYXVsdA",
            "lists": [[1, 2], []],
            "traits": { "name": { "first": "no" }, "age": 7 },
        });
        let expected = "\
created_at: \"2026-11-25T16:02:22.227163Z\"
id: 517cc801-42bd-4ed8-bd9c-00831e0cb685
organization_id: null
recovery_addresses:
- value: c@example.com
  via: email
- {}
schema_url: http://127.0.0.1:24033/schemas/ZGVmYXVsdA
lists:
- - 1
  - 2
- []
traits:
  name:
    first: \"no\"
  age: 7
";
        assert_eq!(write(&document), expected);
    }

    #[test]
    fn what_would_be_something_else_is_quoted() {
        for text in [
            "",
            "true",
            "Null",
            "1",
            "1.5",
            "0x1f",
            "1e3",
            "2026-01-01",
            "12:30",
            "- a",
            "a: b",
            "#a",
            "a\nb",
            " a",
            "*a",
            "'",
            "a:",
            "+49",
            ".5",
        ] {
            assert!(word(text).starts_with('"'), "{text:?} is {}", word(text));
        }
        for text in ["a", "a b", "a@b.c", "/etc/x", "a:b", "v1.2.3-x", "<none>"].iter().take(6) {
            assert_eq!(word(text), **text);
        }
        assert_eq!(word("<none>"), "\"<none>\"");
    }
}
