//! A document against the schema: every slip in it at once, each with its key.
//!
//! A general validator would do, but not say it well: it cannot name the nearest key, it reports a choice between
//! hooks as "matches none", and it quotes values that may be secret.

use super::{
    ByteSize, ClientIpHeader, ContentUri, GoDuration, Network,
    contents::or_path,
    error::ConfigError,
    merge::below,
    renamed,
    schema::{branches, enumeration, follow, properties, root},
    value::parse_bool,
};
use serde_json::{Map, Value};
use std::collections::HashSet;
use url::Url;

/// Goes through a document and its schema together, from the outside in; choices are made on the way.
pub(crate) fn walk(document: &mut Value, visit: &mut dyn FnMut(&'static Value, &mut Value, &str)) {
    walk_at(root(), document, "", visit);
}

fn walk_at(
    schema: &'static Value,
    value: &mut Value,
    key: &str,
    visit: &mut dyn FnMut(&'static Value, &mut Value, &str),
) {
    let schema = choose(follow(schema), value);
    visit(schema, value, key);
    match value {
        Value::Object(members) => {
            let known = properties(schema);
            let others = schema.get("additionalProperties").filter(|others| others.is_object());
            for (name, member) in members {
                if let Some(inner) = known.and_then(|known| known.get(name)).or(others) {
                    walk_at(inner, member, &below(key, name), visit);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                for (index, item) in items.iter_mut().enumerate() {
                    walk_at(inner, item, &below(key, &index.to_string()), visit);
                }
            }
        }
        _ => {}
    }
}

/// The branch of a choice whose constants (the tag) the value has; the schema itself if there is none.
fn choose(schema: &'static Value, value: &Value) -> &'static Value {
    let fits = |branch: &&Value| {
        let tags = branch.get("properties").and_then(Value::as_object);
        tags.is_some_and(|tags| {
            tags.iter().all(|(name, tag)| tag.get("const").is_none_or(|tag| value.get(name) == Some(tag)))
        })
    };
    branches(schema).iter().find(fits).unwrap_or(schema)
}

/// Everything that is wrong with the document.
pub(crate) fn check(document: &mut Value) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    walk(document, &mut |schema, value, key| node(schema, value, key, &mut errors));
    errors
}

fn node(schema: &'static Value, value: &Value, key: &str, errors: &mut Vec<ConfigError>) {
    let mut complain = |reason: String| errors.push(ConfigError::new(key, reason));
    if let Some(kinds) = schema.get("type").filter(|kinds| !is_of(kinds, value)) {
        let unquoted = kinds == "string" && (value.is_number() || value.is_boolean());
        let help = if unquoted { "; put it in quotes" } else { "" };
        return complain(format!("expected {}, found {}{help}", expected(kinds), found(value)));
    }
    if let Some(allowed) = enumeration(schema) {
        if !allowed.contains(&value) {
            complain(format!("expected one of {}", list(allowed.into_iter().filter_map(Value::as_str))));
        }
        return;
    }
    match value {
        Value::String(text) => {
            if let Some(reason) = text_fault(schema, text) {
                complain(reason);
            }
        }
        Value::Number(number) => {
            let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
            let number = number.as_f64().unwrap_or(f64::INFINITY);
            match (bound("minimum"), bound("maximum")) {
                (Some(least), _) if number < least => complain(format!("must be at least {least}")),
                (_, Some(most)) if number > most => complain(format!("must be at most {most}")),
                _ => {}
            }
        }
        Value::Array(items) => {
            if schema.get("minItems").and_then(Value::as_u64).is_some_and(|least| (items.len() as u64) < least) {
                complain("must not be empty".to_owned());
            }
            let mut seen = HashSet::new();
            if schema.get("uniqueItems") == Some(&Value::Bool(true)) && !items.iter().all(|item| seen.insert(item)) {
                complain("must not hold the same item twice".to_owned());
            }
        }
        Value::Object(members) => map(schema, members, key, errors),
        Value::Null | Value::Bool(_) => {}
    }
}

fn map(schema: &'static Value, members: &Map<String, Value>, key: &str, errors: &mut Vec<ConfigError>) {
    let choices = branches(schema);
    if !choices.is_empty() {
        errors.push(wrong_tag(choices, members, key));
        return;
    }
    let known = properties(schema);
    for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            errors.push(ConfigError::new(below(key, name), "is required"));
        }
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        for name in members.keys().filter(|name| known.is_none_or(|known| !known.contains_key(*name))) {
            let key = below(key, name);
            let near = || nearest(name, known.into_iter().flat_map(Map::keys));
            let near = || near().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let help = renamed::help(&key).unwrap_or_else(near);
            errors.push(ConfigError::new(key, format!("there is no such key{help}")));
        }
    }
}

/// None of the choices fits: the tag that tells them apart is missing or wrong.
fn wrong_tag(choices: &'static [Value], members: &Map<String, Value>, key: &str) -> ConfigError {
    let tags = |branch: &'static Value| {
        let properties = properties(branch).into_iter().flatten();
        properties.filter_map(|(name, tag)| tag.get("const").and_then(Value::as_str).map(|tag| (name.as_str(), tag)))
    };
    let name = choices.first().and_then(|branch| tags(branch).next()).map_or("", |(name, _)| name);
    let reason = match members.get(name) {
        None => "is required".to_owned(),
        Some(Value::String(_)) => {
            format!("expected one of {}", list(choices.iter().flat_map(tags).map(|(_, tag)| tag)))
        }
        Some(other) => format!("expected a text, found {}", found(other)),
    };
    ConfigError::new(below(key, name), reason)
}

fn is_of(kinds: &Value, value: &Value) -> bool {
    let is = |kind: &str| match kind {
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match kinds {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        kind => kind.as_str().is_some_and(is),
    }
}

pub(super) fn expected(kinds: &Value) -> String {
    let name = |kind: &Value| match kind.as_str() {
        Some("string") => "a text",
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("array") => "a list",
        _ => "a map",
    };
    match kinds {
        Value::Array(kinds) => kinds.iter().map(name).collect::<Vec<_>>().join(" or "),
        kind => name(kind).to_owned(),
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

fn text_fault(schema: &Value, text: &str) -> Option<String> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    let length = text.chars().count() as u64;
    match (bound("minLength"), bound("maxLength")) {
        (Some(least), Some(most)) if least == most && length != least => {
            return Some(format!("must be {least} characters long, not {length}"));
        }
        (Some(least), _) if length < least => return Some(format!("must be at least {least} characters long")),
        (_, Some(most)) if length > most => return Some(format!("must be at most {most} characters long")),
        _ => {}
    }
    schema.get("format").and_then(Value::as_str).and_then(|format| format_fault(format, text))
}

fn format_fault(format: &str, text: &str) -> Option<String> {
    let url = || Url::parse(text).map_err(|e| format!("expected a URL with its scheme: {e}"));
    let started = |with: &[&str], otherwise: &str| {
        if with.iter().any(|with| text.starts_with(with)) { Ok(()) } else { Err(otherwise.to_owned()) }
    };
    match format {
        "uri" => url().err(),
        // Empty stands for unset and relative ones are completed later.
        "uri-reference" if text.is_empty() || text.starts_with('/') => None,
        "uri-reference" => Url::parse(text).err().map(|e| format!("expected a URL, or a path that starts with /: {e}")),
        "base-url" | "content-uri-or-path" if text.is_empty() => None,
        "base-url" | "http-url" => url()
            .and_then(|_| started(&["http://", "https://"], "expected a URL that starts with http:// or https://"))
            .err(),
        "smtp-uri" => started(&["smtp://", "smtps://"], "expected a URI that starts with smtp:// or smtps://").err(),
        "email" => match text.split_once('@') {
            Some((local, domain)) if !local.is_empty() && !domain.is_empty() && !text.contains(' ') => None,
            _ => Some("expected an e-mail address".to_owned()),
        },
        "cors-origin" => super::cors::fault(text),
        "switch" => parse_bool(text).is_none().then(|| "expected true or false".to_owned()),
        "go-duration" => text.parse::<GoDuration>().err(),
        "byte-size" => text.parse::<ByteSize>().err(),
        "network" => text.parse::<Network>().err(),
        "header-name" => text.parse::<ClientIpHeader>().err(),
        "content-uri" => text.parse::<ContentUri>().err(),
        "content-uri-or-path" => or_path::parse(text).err(),
        _ => None,
    }
}

pub(super) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut seen = Vec::new();
    names.for_each(|name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
    });
    seen.join(", ")
}

/// The known name closest to a misspelt one, if any is close.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let far = 1 + name.chars().count() / 3;
    known.map(|known| (distance(name, known), known)).filter(|(d, _)| *d <= far).min().map(|(_, known)| known.as_str())
}

/// How many letters must be changed, added or dropped (Levenshtein); `-` and `_` count as the same.
fn distance(a: &str, b: &str) -> usize {
    let letters = |text: &str| text.to_lowercase().replace('-', "_").chars().collect::<Vec<_>>();
    let (a, b) = (letters(a), letters(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn complaints(mut document: Value) -> Vec<String> {
        check(&mut document).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_document_lacks_the_required_keys() {
        let found = complaints(json!({}));
        assert_eq!(found, ["dsn: is required", "identity: is required", "selfservice: is required"]);
    }

    #[test]
    fn every_slip_is_reported_with_its_key() {
        let found = complaints(json!({
            "dsn": "memory",
            "identity": { "schemas": [] },
            "selfservice": {
                "default_browser_return_url": "example",
                "flows": {
                    "login": { "lifspan": "1h", "lifespan": "1 hour", "style": "both", "ui_url": null },
                    "registration": { "after": {
                        "hooks": [{ "hook": "session" }],
                        "password": { "hooks": [{ "hook": "web_hook", "config": { "url": "x", "methd": "POST" } }] },
                        "profile": {},
                    } },
                },
            },
            "serve": { "public": { "port": 0, "host": 1, "trusted_proxies": ["10.0.0.0/99"] } },
            "secrets": {
                "cookie": ["short"],
                "cipher": ["short"],
                "default": ["same-secret-same-secret", "same-secret-same-secret"],
            },
            "session": { "cookie": { "secure": "maybe" } },
            "courier": { "smtp": { "headers": { "a": 1 }, "connection_uri": "http://a" } },
            "hashers": { "bcrypt": { "cost": 32 } },
            "nonsense": 1,
        }));
        let expected = [
            "nonsense: there is no such key",
            "identity.schemas: must not be empty",
            "selfservice.default_browser_return_url: expected a URL, or a path that starts with /: relative URL without a base",
            "selfservice.flows.login.lifspan: there is no such key; did you mean lifespan?",
            "selfservice.flows.login.lifespan: expected a duration such as 1h30m or 500ms (units h, m, s, ms, us, ns)",
            "selfservice.flows.login.style: expected one of unified, identifier_first",
            "selfservice.flows.login.ui_url: expected a text, found nothing",
            "selfservice.flows.registration.after.profile: there is no such key",
            "selfservice.flows.registration.after.hooks.0.hook: expected one of web_hook, b2b_sso, organization",
            "selfservice.flows.registration.after.password.hooks.0.config.method: is required",
            "selfservice.flows.registration.after.password.hooks.0.config.methd: there is no such key; did you mean method?",
            "selfservice.flows.registration.after.password.hooks.0.config.url: expected a URL with its scheme: relative URL without a base",
            "serve.public.port: must be at least 1",
            "serve.public.host: expected a text, found a number; put it in quotes",
            "serve.public.trusted_proxies.0: expected an IP address or a block such as 10.0.0.0/8",
            "secrets.cookie.0: must be at least 16 characters long",
            "secrets.cipher.0: must be 32 characters long, not 5",
            "secrets.default: must not hold the same item twice",
            "session.cookie.secure: expected true or false",
            "courier.smtp.headers.a: expected a text, found a number; put it in quotes",
            "courier.smtp.connection_uri: expected a URI that starts with smtp:// or smtps://",
            "hashers.bcrypt.cost: must be at most 31",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_distant_name_is_not_suggested() {
        let known = ["lifespan".to_owned(), "ui_url".to_owned(), "watch-courier".to_owned()];
        assert_eq!(nearest("lifspan", known.iter()), Some("lifespan"));
        assert_eq!(nearest("watch_courier", known.iter()), Some("watch-courier"));
        assert_eq!(nearest("colour", known.iter()), None);
    }

    #[test]
    fn free_form_parts_are_left_alone() {
        let mut document = json!({ "organizations": [null, { "a": null }] });
        let keys =
            |document: &mut Value| check(document).into_iter().map(|e| e.key).filter(|k| k.starts_with("org")).count();
        assert_eq!(keys(&mut document), 0);
    }
}
