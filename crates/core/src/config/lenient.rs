//! Values that Kratos starts with although they make no sense: each is replaced by one that does, with a warning.
//!
//! Kratos' JSON Schema leaves some types without bounds, checks URLs with Go's parser, which accepts hosts that no client
//! can resolve, and lets some sections hold any key. What is refused there is not touched here: [`super::check`] reports
//! it. The same for conditions between keys is in [`super::rules::settle`].

use super::{
    ByteSize, ContentUri, GoDuration,
    check::{nearest, walk},
    contents::or_path,
    cors,
    error::ConfigError,
    merge::below,
    renamed,
    schema::properties,
    value::parse_bool,
};
use serde_json::{Map, Value};
use url::Url;

/// Replaces what can be loaded, but not used. Returns what it replaced, and the unknown keys of open sections.
pub(crate) fn settle(document: &mut Value) -> Vec<ConfigError> {
    let (mut warnings, mut unset) = (Vec::new(), Vec::new());
    walk(document, &mut |schema, value, key| {
        let reason = match value {
            Value::Number(_) if schema.get("type").is_some_and(|kind| kind == "integer") => integer(schema, value),
            Value::String(text) => {
                let settled = text_of(schema, text, key);
                settled.map(|(settled, reason)| {
                    match settled {
                        Some(settled) => *value = settled.into(),
                        None => unset.push(key.to_owned()),
                    }
                    reason
                })
            }
            Value::Array(items) if schema.get("items").is_some_and(|items| items["format"] == "uri-reference") => {
                let before = items.len();
                items.retain(|item| item != "");
                (items.len() < before).then(|| "holds an empty text, which is ignored".to_owned())
            }
            Value::Object(members) => {
                warnings.extend(unknown(schema, members, key));
                None
            }
            _ => None,
        };
        warnings.extend(reason.map(|reason| ConfigError::new(key, reason)));
    });
    for key in unset {
        if let Some((parent, name)) = key.rsplit_once('.')
            && let Some(Value::Object(parent)) = document.pointer_mut(&format!("/{}", parent.replace('.', "/")))
        {
            parent.remove(name);
        }
    }
    warnings
}

/// An integer of the schema's width. JSON Schema counts `5.0` as one; a bound that is not in the schema is that of our
/// type.
fn integer(schema: &Value, value: &mut Value) -> Option<String> {
    let number = value.as_f64()?;
    if value.is_f64() && number.fract() == 0.0 && number.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
        let whole = number as i64;
        *value = whole.into();
    }
    let largest = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => u64::from(u8::MAX),
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        _ => return None,
    };
    let has = |bound: &str| schema.get(bound).is_some();
    if number < 0.0 && !has("minimum") {
        let default = schema.get("default").cloned().unwrap_or_else(|| 0.into());
        let reason = format!("is negative and counts as the default {default}");
        *value = default;
        return Some(reason);
    }
    if number > 0.0 && value.as_u64().is_none_or(|number| number > largest) && !has("maximum") && is_whole(number) {
        *value = largest.into();
        return Some(format!("is too large and counts as {largest}"));
    }
    None
}

fn is_whole(number: f64) -> bool {
    number.fract() == 0.0
}

/// What a text counts as (without a value, as not set), and why.
type Settled = Option<(Option<String>, String)>;

fn text_of(schema: &Value, text: &str, key: &str) -> Settled {
    let counts_as = |value: &str, reason: &str| Some((Some(value.to_owned()), reason.to_owned()));
    match schema.get("format").and_then(Value::as_str)? {
        "go-duration" if is_duration(text) && text.parse::<GoDuration>().is_err() => {
            counts_as(&GoDuration::MAX.to_string(), "is too long and counts as 292 years")
        }
        "byte-size" if text.parse::<ByteSize>().is_err() => byte_size(text, schema.get("default")),
        // Kratos takes any text, and what is none of these for false.
        "switch" if parse_bool(text).is_none() => {
            Some((None, "is neither \"true\" nor \"false\" and counts as not set".to_owned()))
        }
        "uri" if Url::parse(text).is_err() && is_go_url(text) => Some(unusable(text)),
        // Kratos asks only for the scheme.
        "http-url" if Url::parse(text).is_err() && is_http(text) => Some(unusable(text)),
        "cors-origin" if cors::fault(text).is_some() && is_go_url(text) && text.matches('*').count() < 2 => {
            // The entry stays, since an empty list allows every origin.
            counts_as(
                "https://unusable.invalid",
                "matches nothing: write it as scheme, host and port, as in http://localhost:3000",
            )
        }
        "base-url" if !text.is_empty() && !is_http(text) && (is_go_url(text) || is_go_reference(text)) => {
            counts_as("", "does not start with http:// or https:// and counts as not set")
        }
        "uri-reference" if text.is_empty() && key == "selfservice.default_browser_return_url" => {
            counts_as("/", "is empty and counts as /")
        }
        "base-url" | "uri-reference" if !text.is_empty() => reference(text),
        // Without its schema nothing works; Kratos does not start either.
        "content-uri" if key.starts_with("identity.schemas.") => None,
        "content-uri" if ContentUri::parse(text).is_err() && is_go_url(text) => Some(unusable(text)),
        "content-uri-or-path" if !text.is_empty() && or_path::parse(text).is_err() => Some(unusable(text)),
        _ => None,
    }
}

/// Whether the text has Go's form of a duration, whatever its length.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        if digits == 0 || !["h", "m", "s", "ms", "us", "ns"].contains(&&rest[digits..digits + unit]) {
            return false;
        }
        rest = &rest[digits + unit..];
    }
    !text.is_empty()
}

/// Kratos' pattern of sizes is open at its end, and a size that cannot be read counts as the default
/// (oryx/configx/provider.go).
fn byte_size(text: &str, default: Option<&Value>) -> Settled {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let units = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
    if digits == 0 || !units.iter().any(|unit| text[digits..].starts_with(unit)) {
        return None;
    }
    if units.contains(&&text[digits..]) {
        return Some((Some(ByteSize(u64::MAX).to_string()), "is too large and counts as the largest size".to_owned()));
    }
    let default = default?.as_str()?;
    Some((Some(default.to_owned()), format!("is not a size such as 128MB and counts as the default {default}")))
}

/// A URL, or a reference to one: relative ones start at the public base URL.
fn reference(text: &str) -> Settled {
    match Url::parse(text) {
        Err(url::ParseError::RelativeUrlWithoutBase) if text.starts_with('/') => None,
        Err(url::ParseError::RelativeUrlWithoutBase) if is_go_reference(text) => {
            let path = format!("/{text}");
            let reason = format!("is neither a URL nor a path from / and counts as {path}");
            Some((Some(path), reason))
        }
        Err(_) if is_go_url(text) => Some(unusable(text)),
        Ok(_) | Err(_) => None,
    }
}

/// The first segment of a relative reference holds no colon, since that would end a scheme (RFC 3986, section 4.2).
fn is_go_reference(text: &str) -> bool {
    let first = text.split(['/', '?', '#']).next().unwrap_or_default();
    !first.contains(':') && !text.contains(|character: char| character.is_ascii_control() || character == '\\')
}

/// Whether the text starts with `http://` or `https://`.
fn is_http(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// Whether Go's `url.Parse` takes the text for an absolute URL. It accepts hosts that no DNS has, such as `<name>.example`,
/// and any number as port.
fn is_go_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|character: char| character.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme || text.contains(|character: char| character.is_ascii_control()) {
        return false;
    }
    let Some(rest) = rest.strip_prefix("//") else { return true };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let is_allowed = |character: char| {
        !character.is_ascii() || character.is_ascii_alphanumeric() || "-_.~!$&'()*+,;=:[]<>\"%".contains(character)
    };
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    host.chars().all(is_allowed) && (host.ends_with(']') || port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// In place of a URL that no request can be sent to: one that looks like it, under the top-level domain `.invalid`, which
/// never resolves (RFC 6761). So what needs it fails when it is needed.
fn unusable(text: &str) -> (Option<String>, String) {
    let scheme = if text.starts_with("http://") { "http" } else { "https" };
    let authority =
        text.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let name: String =
        host.chars().filter(|character| character.is_ascii_alphanumeric() || ".-".contains(*character)).collect();
    let like = Url::parse(&format!("{scheme}://{}.invalid/", name.trim_matches(['.', '-'])));
    let like = like.ok().filter(|_| !name.is_empty() && !name.contains("..") && name.len() < 200);
    let url = like.map_or_else(|| format!("{scheme}://unusable.invalid/"), String::from);
    (Some(url), "is no URL that a request can be sent to: what needs it fails when it is needed".to_owned())
}

/// The keys of an open section that Zelos does not know. Kratos ignores them.
fn unknown(schema: &'static Value, members: &Map<String, Value>, key: &str) -> Vec<ConfigError> {
    let Some(known) = properties(schema).filter(|_| schema.get("additionalProperties").is_none()) else {
        return Vec::new();
    };
    let unknown = members.keys().filter(|name| !known.contains_key(*name));
    let warning = |name: &String| {
        let key = below(key, name);
        let help = renamed::help(&key).unwrap_or_else(|| {
            nearest(name, known.keys()).map(|near| format!("; did you mean {near}?")).unwrap_or_default()
        });
        ConfigError::new(key, format!("there is no such key, it is ignored{help}"))
    };
    unknown.map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settled(document: Value) -> (Value, Vec<String>) {
        let mut document = document;
        let warnings = settle(&mut document).iter().map(ToString::to_string).collect();
        (document, warnings)
    }

    #[test]
    fn numbers_out_of_range_count_as_ones_that_make_sense() {
        let (document, warnings) = settled(json!({
            "courier": { "worker": { "pull_count": -100_000_000 }, "message_retries": 4_294_967_296_u64 },
            "serve": { "public": { "port": 80.0, "cors": { "max_age": 1e300 } }, "admin": { "port": -1 } },
        }));
        assert_eq!(document["courier"], json!({ "worker": { "pull_count": 10 }, "message_retries": u32::MAX }));
        assert_eq!(document["serve"]["public"], json!({ "port": 80, "cors": { "max_age": u32::MAX } }));
        assert_eq!(document["serve"]["admin"]["port"], -1, "Kratos refuses it, and so does the check");
        let expected = [
            "courier.message_retries: is too large and counts as 4294967295",
            "courier.worker.pull_count: is negative and counts as the default 10",
            "serve.public.cors.max_age: is too large and counts as 4294967295",
        ];
        let mut warnings = warnings;
        warnings.sort();
        assert_eq!(warnings, expected);
    }

    #[test]
    fn durations_and_sizes_out_of_range_count_as_the_largest() {
        let (document, warnings) = settled(json!({
            "session": { "lifespan": "99999999999999999999h" },
            "hashers": { "argon2": { "memory": "99999999999EB", "dedicated_memory": "1GB for all" } },
        }));
        assert_eq!(document["session"]["lifespan"].as_str().unwrap().parse(), Ok(GoDuration::MAX));
        let argon2 = &document["hashers"]["argon2"];
        assert_eq!(argon2["memory"].as_str().unwrap().parse(), Ok(ByteSize(u64::MAX)));
        assert_eq!(argon2["dedicated_memory"], "1GB");
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert_eq!(settled(json!({ "session": { "lifespan": "1 hour" } })).1, [""; 0], "left to the check");
    }

    #[test]
    fn urls_of_go_that_no_client_can_use_lead_nowhere() {
        let web_hook = |url: &str| {
            json!({ "selfservice": { "flows": { "login": { "after": { "hooks": [
                { "hook": "web_hook", "config": { "url": url, "method": "POST" } },
            ] } } } } })
        };
        let url = |document: &Value| {
            document.pointer("/selfservice/flows/login/after/hooks/0/config/url").unwrap().as_str().unwrap().to_owned()
        };
        for (text, expected) in [
            ("https://<name>.api.example.com/", "https://name.api.example.com.invalid/"),
            ("http://<name>/x", "http://name.invalid/"),
            ("https://", "https://unusable.invalid/"),
            ("https://a.example:99999/", "https://a.example.invalid/"),
        ] {
            let (document, warnings) = settled(web_hook(text));
            assert_eq!((url(&document).as_str(), warnings.len()), (expected, 1), "{text}");
        }
        for text in ["https://a.example/", "x", "https://a b/", "https://a.example:x/", ""] {
            let (document, warnings) = settled(web_hook(text));
            assert_eq!((url(&document).as_str(), warnings.len()), (text, 0), "{text}");
        }
    }

    #[test]
    fn unknown_keys_of_open_sections_are_named() {
        let (_, warnings) = settled(json!({
            "courier": { "worker": { "pull_cuont": 1 }, "wroker": {} },
            "clients": { "http": { "colour": "red" } },
            "selfservice": { "methods": { "code": { "passwordless_login_fallback_enabled": true } } },
        }));
        let expected = [
            "clients.http.colour: there is no such key, it is ignored",
            "courier.worker.pull_cuont: there is no such key, it is ignored; did you mean pull_count?",
            "selfservice.methods.code.passwordless_login_fallback_enabled: there is no such key, it is ignored: Kratos \
             renamed it to selfservice.methods.code.config.missing_credential_fallback_enabled in v1.3; `zelos config \
             upgrade FILE` rewrites it",
        ];
        let mut warnings = warnings;
        warnings.sort();
        assert_eq!(warnings, expected, "a closed section is left to the check");
    }
}
