//! Which key an environment variable means, and what its text becomes.
//!
//! No prefix: every variable is considered, `_` stands for both `_` and `.` (oryx/configx/koanf_env.go). Names are
//! matched against our own schema. The environment itself is handed in: nothing is read here.

use super::{
    schema::{branches, enumeration, follow, properties, root},
    value::parse_bool,
};
use serde_json::Value;

/// What a variable said.
#[derive(Debug, PartialEq)]
pub(crate) struct Assignment {
    /// The parts of the key; list positions as numbers.
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
    /// Set when the text was not of the key's type and was read as the original reads it.
    pub(crate) warning: Option<String>,
}

/// What a variable means; `None` if no key has its name.
///
/// # Errors
/// The key and why the text cannot be its value.
pub(crate) fn assignment(name: &str, text: &str) -> Option<Result<Assignment, (String, String)>> {
    let name = name.to_lowercase();
    let parts: Vec<&str> = name.split(['_', '.']).collect();
    let (path, schema) = find(root(), &parts)?;
    Some(match cast(schema, text) {
        Ok((value, warning)) => Ok(Assignment { path, value, warning }),
        Err(reason) => Err((path.join("."), reason)),
    })
}

/// The key whose name, cut at `_`, has these parts.
fn find(schema: &'static Value, parts: &[&str]) -> Option<(Vec<String>, &'static Value)> {
    let schema = follow(schema);
    let Some(first) = parts.first() else { return Some((Vec::new(), schema)) };
    let go = |name: &str, inner: &'static Value, used: usize| {
        find(inner, &parts[used..]).map(|(mut path, schema)| {
            path.insert(0, name.to_owned());
            (path, schema)
        })
    };
    if let Some(items) = schema.get("items") {
        return first.bytes().all(|b| b.is_ascii_digit()).then(|| go(first, items, 1)).flatten();
    }
    let own = properties(schema).into_iter().flatten().find_map(|(name, inner)| {
        let used = name.split('_').count();
        let matches = parts.len() >= used && name.split('_').eq(parts[..used].iter().copied());
        matches.then(|| go(name, inner, used)).flatten()
    });
    own.or_else(|| branches(schema).iter().find_map(|branch| find(branch, parts)))
}

type Cast = (Value, Option<String>);

fn cast(schema: &'static Value, text: &str) -> Result<Cast, String> {
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    Ok(match kind {
        Some("boolean") => match parse_bool(text) {
            Some(value) => (value.into(), None),
            None => (false.into(), Some("is not true or false; it counts as false".to_owned())),
        },
        Some("integer") => match parse_integer(text) {
            Some(value) => (value.into(), None),
            None => (0.into(), Some("is not a whole number; it counts as 0".to_owned())),
        },
        Some("number") => match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(value) => (value.into(), None),
            None => (0.0.into(), Some("is not a number; it counts as 0".to_owned())),
        },
        Some("array") if is_list_of_texts(schema) => (list(text)?, None),
        Some("array") => (json(text, "a list written as JSON", Value::is_array)?, None),
        None if enumeration(schema).is_some() => (text.into(), None),
        Some("object") | None => (json(text, "a map written as JSON", Value::is_object)?, None),
        Some(_) => (text.into(), None),
    })
}

fn is_list_of_texts(schema: &'static Value) -> bool {
    schema.get("items").map(follow).and_then(|items| items.get("type")).is_some_and(|kind| kind == "string")
}

/// Go's `ParseInt` with base 0, after zeros behind a decimal point are gone.
pub(super) fn parse_integer(text: &str) -> Option<i64> {
    let text = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(['+', '-']) { None } else { i64::from_str_radix(digits, radix).ok().map(|n| sign * n) }
}

fn json(text: &str, expected: &str, fits: fn(&Value) -> bool) -> Result<Value, String> {
    serde_json::from_str(text).ok().filter(fits).ok_or_else(|| format!("expected {expected}"))
}

/// A JSON list, or else values between commas.
///
/// The original takes any valid JSON for JSON and then finds no list in it: a secret made of digits alone becomes
/// nothing. We stop as well, but say why.
fn list(text: &str) -> Result<Value, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Array(_)) => Ok(value),
        Ok(_) => Err("the text is JSON but no list; write a list as [\"…\"]".to_owned()),
        Err(_) => comma_separated(text).map(Value::from),
    }
}

/// One line of CSV (RFC 4180): values between commas, in quotes if they hold commas or quotes.
fn comma_separated(text: &str) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    if text.is_empty() {
        return Ok(values);
    }
    let mut rest = text;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (value, more) = rest.split_once(',').map_or((rest, None), |(value, more)| (value, Some(more)));
            values.push(value.to_owned());
            match more {
                Some(more) => rest = more,
                None => return Ok(values),
            }
            continue;
        };
        let (value, after) = unquote(quoted).ok_or("a quote is not closed")?;
        values.push(value);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(values),
            None => return Err("a closing quote must be followed by a comma".to_owned()),
        }
    }
}

/// The value up to the closing quote (two quotes stand for one), and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"')?;
        value.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn assigned(name: &str, text: &str) -> (String, Value) {
        let Assignment { path, value, .. } = assignment(name, text).unwrap().unwrap();
        (path.join("."), value)
    }

    #[test]
    fn names_lead_to_keys() {
        for (name, text, key, value) in [
            ("DSN", "memory", "dsn", json!("memory")),
            ("SERVE_PUBLIC_BASE_URL", "https://a/", "serve.public.base_url", json!("https://a/")),
            ("serve_public_port", "80", "serve.public.port", json!(80)),
            ("SELFSERVICE_METHODS_PASSWORD_ENABLED", "false", "selfservice.methods.password.enabled", json!(false)),
            ("IDENTITY_SCHEMAS_0_URL", "file://a", "identity.schemas.0.url", json!("file://a")),
            ("SECRETS_COOKIE_1", "x", "secrets.cookie.1", json!("x")),
            ("COURIER_CHANNELS_0_ID", "sms", "courier.channels.0.id", json!("sms")),
            ("COURIER_SMTP_HEADERS", r#"{"a":"b"}"#, "courier.smtp.headers", json!({ "a": "b" })),
            ("COURIER_SMTP_CONNECTION_URI", "smtp://a:1", "courier.smtp.connection_uri", json!("smtp://a:1")),
            ("SESSION_COOKIE_SECURE", "true", "session.cookie.secure", json!("true")),
            ("LOG_LEVEL", "debug", "log.level", json!("debug")),
            ("SELFSERVICE_FLOWS_LOGIN_STYLE", "unified", "selfservice.flows.login.style", json!("unified")),
            (
                "SELFSERVICE_FLOWS_LOGIN_AFTER_HOOKS_0_HOOK",
                "verification",
                "selfservice.flows.login.after.hooks.0.hook",
                json!("verification"),
            ),
            ("SQA-OPT-OUT", "true", "sqa-opt-out", json!(true)),
            (
                "SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS_3_CLIENT_SECRET",
                "s",
                "selfservice.methods.oidc.config.providers.3.client_secret",
                json!("s"),
            ),
            (
                "SELFSERVICE_FLOWS_REGISTRATION_AFTER_PASSWORD_HOOKS_0_CONFIG_AUTH_CONFIG_PASSWORD",
                "s",
                "selfservice.flows.registration.after.password.hooks.0.config.auth.config.password",
                json!("s"),
            ),
        ] {
            assert_eq!(assigned(name, text), (key.to_owned(), value), "{name}");
        }
    }

    #[test]
    fn other_variables_are_left_alone() {
        for name in [
            "PATH",
            "HOME",
            "SERVE_PUBLIC_NONSENSE",
            "",
            "_",
            "WATCH_COURIER",
            "COURIER_SMTP_HEADERS_X",
            "SECRETS_COOKIE_X",
        ] {
            assert!(assignment(name, "1").is_none(), "{name}");
        }
    }

    #[test]
    fn scalars_are_cast_as_go_casts_them() {
        for (name, text, value, warns) in [
            ("DEV", "1", json!(true), false),
            ("DEV", "T", json!(true), false),
            ("DEV", "yes", json!(false), true),
            ("DEV", "", json!(false), true),
            ("SERVE_PUBLIC_PORT", "0x10", json!(16), false),
            ("SERVE_PUBLIC_PORT", "010", json!(8), false),
            ("SERVE_PUBLIC_PORT", "80.0", json!(80), false),
            ("SERVE_PUBLIC_PORT", "80.5", json!(0), true),
            ("SERVE_PUBLIC_PORT", "--80", json!(0), true),
            ("SERVE_PUBLIC_PORT", "-80", json!(-80), false),
            ("SERVE_PUBLIC_PORT", "http", json!(0), true),
            ("TRACING_PROVIDERS_ZIPKIN_SAMPLING_SAMPLING_RATIO", "0.5", json!(0.5), false),
            ("TRACING_PROVIDERS_ZIPKIN_SAMPLING_SAMPLING_RATIO", "half", json!(0.0), true),
            ("REVISION", "1", json!("1"), false),
        ] {
            let found = assignment(name, text).unwrap().unwrap();
            assert_eq!((found.value, found.warning.is_some()), (value, warns), "{name}={text}");
        }
    }

    #[test]
    fn lists_are_json_or_else_csv() {
        for (text, values) in [
            ("a,b", json!(["a", "b"])),
            ("a", json!(["a"])),
            ("", json!([])),
            (r#"["a","b,c"]"#, json!(["a", "b,c"])),
            (r#""a,b",c"#, json!(["a,b", "c"])),
            (r#""say ""hi""",b"#, json!(["say \"hi\"", "b"])),
            ("a,", json!(["a", ""])),
            ("[a", json!(["[a"])),
        ] {
            assert_eq!(assigned("SECRETS_COOKIE", text).1, values, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_the_keys_value_is_an_error() {
        for (name, text, reason) in [
            ("SECRETS_COOKIE", "1234567890123456", "the text is JSON but no list; write a list as [\"…\"]"),
            ("SECRETS_COOKIE", "\"a\" b,c", "a closing quote must be followed by a comma"),
            ("SECRETS_COOKIE", "\"a", "a quote is not closed"),
            ("SESSION", "x11", "expected a map written as JSON"),
            ("SELFSERVICE_METHODS_OIDC_CONFIG_PROVIDERS", "{}", "expected a list written as JSON"),
        ] {
            assert_eq!(assignment(name, text).unwrap().unwrap_err().1, reason, "{name}={text}");
        }
    }
}
