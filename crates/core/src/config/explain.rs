//! What one key means, what may stand there, and what is in force: `zelos config explain`.
//!
//! All of it is read off the schema, whose texts are the comments of the types, and the sources as they are laid over each
//! other; nothing is written twice. It works on configurations that will not do as well: that is when one asks.

use super::{
    check::{expected, list, nearest, walk},
    error::{ConfigError, Origin},
    load::{Source, merged},
    schema::{branches, enumeration, follow, properties, root},
};
use serde_json::{Map, Value};

/// What there is to know of a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub key: String,
    /// What the key means, if that is not all in its name.
    pub meaning: Option<String>,
    /// What the section around it is.
    pub section: Option<String>,
    /// What may stand there.
    pub kind: String,
    pub default: Option<Value>,
    /// What is in force: as it was set, or the default. Secrets are `"***"`.
    pub value: Option<Value>,
    /// Who set it; nobody if it is the default.
    pub origin: Option<Origin>,
    /// The keys of a section, with what they mean.
    pub members: Vec<(String, Option<String>)>,
}

/// Explains a key, dotted; the empty one is the whole document.
///
/// # Errors
/// There is no such key, or a source cannot be read.
pub fn explain(source: &Source, key: &str) -> Result<Explained, Vec<ConfigError>> {
    let (mut document, _, errors) = merged(source);
    if !errors.is_empty() {
        return Err(errors);
    }
    walk(&mut document.value, &mut |schema, value, _| {
        if schema.get("writeOnly") == Some(&Value::Bool(true)) && value.as_str().is_some_and(|text| !text.is_empty()) {
            *value = "***".into();
        }
    });
    let parts: Vec<&str> = key.split('.').filter(|part| !part.is_empty()).collect();
    let mut around = None;
    let mut schema = root();
    let mut at = Some(&document.value);
    for (index, part) in parts.iter().enumerate() {
        around = meaning(schema);
        schema = step(schema, part).ok_or_else(|| vec![unknown(schema, &parts[..index], part)])?;
        at = at.and_then(|value| match part.parse::<usize>() {
            Ok(index) if value.is_array() => value.get(index),
            _ => value.get(part),
        });
    }
    let default = schema.get("default").cloned();
    Ok(Explained {
        key: parts.join("."),
        meaning: if parts.is_empty() { None } else { meaning(schema) },
        section: around.filter(|_| parts.len() > 1),
        kind: kind(schema),
        value: at.cloned().or_else(|| default.clone()),
        origin: at.and_then(|_| document.origin(key)).cloned(),
        default,
        members: members(schema),
    })
}

/// The text of a key itself, else that of the type it has.
fn meaning(schema: &'static Value) -> Option<String> {
    let own = schema.get("description").or_else(|| follow(schema).get("description"));
    // Links between types are for readers of the code.
    own.and_then(Value::as_str).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The schema of a member.
fn step(schema: &'static Value, part: &str) -> Option<&'static Value> {
    let schema = follow(schema);
    if let Some(inner) = properties(schema).and_then(|known| known.get(part)) {
        return Some(inner);
    }
    if let Some(items) = schema.get("items").filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(items);
    }
    if let Some(others) = schema.get("additionalProperties").filter(|others| others.is_object()) {
        return Some(others);
    }
    branches(schema).iter().find_map(|branch| step(branch, part))
}

fn members(schema: &'static Value) -> Vec<(String, Option<String>)> {
    let own = properties(follow(schema)).into_iter().flatten();
    own.map(|(name, inner)| (name.clone(), meaning(inner))).collect()
}

fn unknown(schema: &'static Value, above: &[&str], part: &str) -> ConfigError {
    let known = properties(follow(schema));
    let near = nearest(part, known.into_iter().flat_map(Map::keys));
    let help = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    ConfigError::new([above, &[part]].concat().join("."), format!("there is no such key{help}"))
}

/// What may stand there, in words.
fn kind(schema: &'static Value) -> String {
    let schema = follow(schema);
    if let Some(allowed) = enumeration(schema) {
        let names: Vec<String> =
            allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
        return format!("one of {}", list(names.iter().map(String::as_str)));
    }
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let named = match format {
        "go-duration" => Some("a duration such as 1h30m or 500ms"),
        "byte-size" => Some("a size such as 128MB"),
        "switch" => Some("true or false"),
        "network" => Some("an IP address or a block such as 10.0.0.0/8"),
        "uri" => Some("a URL"),
        "uri-reference" => Some("a URL, or a path that starts with /"),
        "base-url" | "http-url" => Some("a URL that starts with http:// or https://"),
        "smtp-uri" => Some("a URI that starts with smtp:// or smtps://"),
        "email" => Some("an e-mail address"),
        "cors-origin" => Some("an origin such as https://example.org, or *"),
        "content-uri" => Some("a URI with file://, http://, https:// or base64://"),
        "content-uri-or-path" => Some("a URI with file://, http://, https:// or base64://, or a path"),
        _ => None,
    };
    let plain = || schema.get("type").map_or_else(|| "a map".to_owned(), expected);
    let mut text = named.map_or_else(plain, str::to_owned);
    if let Some(items) = schema.get("items") {
        text = format!("{text} of: {}", kind(items));
    }
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => text = format!("{text} from {least} to {most}"),
        (Some(least), None) => text = format!("{text}, at least {least}"),
        (None, Some(most)) => text = format!("{text}, at most {most}"),
        (None, None) => {}
    }
    match (bound("minLength"), bound("maxLength")) {
        (Some(least), Some(most)) if least == most => format!("{text} of {least} characters"),
        (Some(least), _) => format!("{text} of at least {least} characters"),
        (None, _) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source() -> Source {
        Source {
            built_in: Some(json!({
                "dsn": "postgres://zelos:hunter2@db/zelos",
                "secrets": { "cookie": ["hunter2hunter2hunter2"] },
                "serve": { "public": { "port": 8080 } },
                "courier": { "channels": [{ "id": "sms", "request_config": { "url": "https://sms.example.org" } }] },
            })),
            environment: vec![("SESSION_LIFESPAN".to_owned(), "1h".to_owned())],
            ..Source::default()
        }
    }

    fn told(key: &str) -> Explained {
        explain(&source(), key).unwrap_or_else(|errors| panic!("{key}: {errors:?}"))
    }

    #[test]
    fn a_key_has_a_type_a_value_and_somebody_who_set_it() {
        let port = told("serve.public.port");
        assert_eq!((port.kind.as_str(), port.default), ("a whole number from 1 to 65535", Some(json!(4433))));
        assert_eq!((port.value, port.origin), (Some(json!(8080)), Some(Origin::BuiltIn)));
        assert_eq!(port.section.as_deref(), Some("What people and their browsers talk to."));

        let lifespan = told("session.lifespan");
        assert_eq!(lifespan.origin, Some(Origin::Environment("SESSION_LIFESPAN".to_owned())));
        assert_eq!((lifespan.value, lifespan.default), (Some(json!("1h")), Some(json!("24h"))));

        let level = told("log.level");
        assert!(level.kind.starts_with("one of ") && level.kind.contains("debug"), "{}", level.kind);
        assert_eq!((level.origin, level.value), (None, level.default));
        assert_eq!(told("courier.channels.0.request_config.url").value, Some(json!("https://sms.example.org")));
        assert_eq!(told("secrets.cipher.0").kind, "a text of 32 characters");
    }

    #[test]
    fn sections_tell_their_keys() {
        let names = |key: &str| told(key).members.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert!(names("").contains(&"selfservice".to_owned()));
        assert!(names("serve.public").contains(&"trusted_proxies".to_owned()));
        assert!(names("serve.public.port").is_empty());
    }

    #[test]
    fn secrets_are_not_shown() {
        for key in ["dsn", "secrets.cookie", "secrets.cookie.0", "secrets", "serve", ""] {
            let told = format!("{:?}", told(key));
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_slip_is_told_with_the_nearest_key() {
        let errors = explain(&source(), "serve.public.prot").unwrap_err();
        assert_eq!(errors[0].to_string(), "serve.public.prot: there is no such key; did you mean port?");
    }
}
