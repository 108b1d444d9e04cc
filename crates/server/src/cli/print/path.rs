//! `--format jsonpath=…`: a small part of the path language the original has (GJSON), the part that scripts use.
//!
//! Names and numbers between points; `#` for the number of items, or for what follows of each item; `\` before a point
//! that belongs to a name; `*` and `?` for any letters of a name; `#(name=="value")` for the first item that fits and
//! `#(…)#` for all of them.

use serde_json::Value;

/// What stands at the path; `null` if nothing does.
pub(super) fn find(document: &Value, path: &str) -> Value {
    walk(document, &split(path)).unwrap_or(Value::Null)
}

fn walk(value: &Value, parts: &[String]) -> Option<Value> {
    let Some((part, rest)) = parts.split_first() else { return Some(value.clone()) };
    match value {
        Value::Object(members) => {
            let plain = part.replace('\\', "");
            let member = members.get(&plain).or_else(|| {
                let wild = part.contains(['*', '?']);
                members.iter().find(|(name, _)| wild && fits(part, name)).map(|(_, member)| member)
            })?;
            walk(member, rest)
        }
        Value::Array(items) => match part.strip_prefix('#') {
            Some("") if rest.is_empty() => Some(items.len().into()),
            Some("") => Some(items.iter().filter_map(|item| walk(item, rest)).collect()),
            Some(query) => {
                let (query, all) = query.strip_suffix('#').map_or((query, false), |query| (query, true));
                let query = Query::parse(query.strip_prefix('(')?.strip_suffix(')')?);
                let mut chosen = items.iter().filter(|item| query.holds(item));
                if all {
                    Some(chosen.filter_map(|item| walk(item, rest)).collect())
                } else {
                    walk(chosen.next()?, rest)
                }
            }
            None => walk(items.get(part.parse::<usize>().ok()?)?, rest),
        },
        _ => None,
    }
}

/// The parts between points; those in brackets or behind a backslash part nothing.
fn split(path: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for letter in path.chars() {
        match letter {
            _ if escaped => {}
            '"' if depth > 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            '.' | '|' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(letter);
        }
    }
    parts
}

/// `*` for any letters, `?` for one. Greedy with one way back, so that no pattern takes long.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut back = None;
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                back = Some((at, read));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[read] => {
                at += 1;
                read += 1;
            }
            _ => match back {
                Some((star, taken)) => {
                    back = Some((star, taken + 1));
                    (at, read) = (star + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

/// `name op value` of `#(…)`.
struct Query<'q> {
    path: Vec<String>,
    comparison: Option<(&'static str, &'q str)>,
}

const COMPARISONS: [&str; 8] = ["==", "!=", "<=", ">=", "!%", "%", "<", ">"];

impl<'q> Query<'q> {
    fn parse(text: &'q str) -> Self {
        let found = COMPARISONS.iter().filter_map(|sign| text.find(sign).map(|at| (at, *sign)));
        // The first one; of two that begin there the longer one, which stands earlier in the list.
        let first = found.min_by_key(|(at, _)| *at);
        match first {
            Some((at, sign)) => {
                let value = text[at + sign.len()..].trim();
                Self { path: split(text[..at].trim()), comparison: Some((sign, value)) }
            }
            None => Self { path: split(text.trim()), comparison: None },
        }
    }

    fn holds(&self, item: &Value) -> bool {
        let found = if self.path == [""] { Some(item.clone()) } else { walk(item, &self.path) };
        let (Some(found), Some((sign, wanted))) = (&found, self.comparison) else { return found.is_some() };
        let text = found.as_str().map_or_else(|| found.to_string(), ToOwned::to_owned);
        let wanted = wanted.trim_matches('"');
        let order = match (found.as_f64(), wanted.parse::<f64>()) {
            (Some(one), Ok(other)) => one.partial_cmp(&other),
            _ => Some(text.as_str().cmp(wanted)),
        };
        match sign {
            "==" => order.is_some_and(std::cmp::Ordering::is_eq),
            "!=" => order.is_some_and(std::cmp::Ordering::is_ne),
            "<=" => order.is_some_and(std::cmp::Ordering::is_le),
            ">=" => order.is_some_and(std::cmp::Ordering::is_ge),
            "<" => order.is_some_and(std::cmp::Ordering::is_lt),
            ">" => order.is_some_and(std::cmp::Ordering::is_gt),
            "%" => fits(wanted, &text),
            _ => !fits(wanted, &text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_scripts_ask_for_is_found() {
        let document = json!({
            "identities": [
                { "id": "a", "traits": { "email": "a@x.org", "age": 7 }, "verifiable_addresses": [{ "value": "a@x.org" }] },
                { "id": "b", "traits": { "email": "b@y.org", "age": 50 }, "verifiable_addresses": [] },
            ],
            "a.b": 1,
        });
        for (path, expected) in [
            ("identities.0.id", json!("a")),
            ("identities.#", json!(2)),
            ("identities.#.id", json!(["a", "b"])),
            ("identities.#.traits.email", json!(["a@x.org", "b@y.org"])),
            ("identities.#.verifiable_addresses.#.value", json!([["a@x.org"], []])),
            ("identities.#.verifiable_addresses.0.value", json!(["a@x.org"])),
            ("identities.#(traits.email==\"b@y.org\").id", json!("b")),
            ("identities.#(traits.email%\"*@x.org\")#.id", json!(["a"])),
            ("identities.#(traits.age>9)#.id", json!(["b"])),
            ("identities.#(traits.age>=7)#.id", json!(["a", "b"])),
            ("identities.#(traits.email!=\"b@y.org\").id", json!("a")),
            ("identities.#(traits.phone)#.id", json!([])),
            ("identities.1.tr*.em?il", json!("b@y.org")),
            ("a\\.b", json!(1)),
            ("nope", json!(null)),
            ("identities.9.id", json!(null)),
            ("identities.0.id.x", json!(null)),
            ("identities.#(", json!(null)),
        ] {
            assert_eq!(find(&document, path), expected, "{path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time() {
        let name = "a".repeat(2_000);
        assert!(!fits(&format!("{}b", "*a".repeat(500)), &name));
        assert!(fits(&"*a".repeat(500), &name));
    }
}
