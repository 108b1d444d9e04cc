//! Paths and URLs, as text: nothing is looked up.

use super::arguments::{Answer, Arguments, Row, dictionary, failed, text};
use gotmpl::{TemplateError, Value};
use std::{collections::BTreeMap, fmt::Write, sync::Arc};

pub(super) const TABLE: &[Row] = &[
    ("base", 1, 1, |a| text(base(a.text(0)?))),
    ("osBase", 1, 1, |a| text(base(a.text(0)?))),
    ("dir", 1, 1, |a| text(dir(a.text(0)?))),
    ("osDir", 1, 1, |a| text(dir(a.text(0)?))),
    ("clean", 1, 1, |a| text(clean(a.text(0)?))),
    ("osClean", 1, 1, |a| text(clean(a.text(0)?))),
    ("ext", 1, 1, |a| text(ext(a.text(0)?))),
    ("osExt", 1, 1, |a| text(ext(a.text(0)?))),
    ("isAbs", 1, 1, |a| Ok(Value::Bool(a.text(0)?.starts_with('/')))),
    ("osIsAbs", 1, 1, |a| Ok(Value::Bool(a.text(0)?.starts_with('/')))),
    ("urlParse", 1, 1, url_parse),
    ("urlJoin", 1, 1, url_join),
];

fn base(path: &str) -> &str {
    let trimmed = path.trim_end_matches('/');
    match (path, trimmed) {
        ("", _) => ".",
        (_, "") => "/",
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

fn dir(path: &str) -> String {
    clean(path.rfind('/').map_or("", |slash| &path[..=slash]))
}

fn ext(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |dot| &name[dot..])
}

/// The shortest path that means the same.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn url_parse(a: Arguments<'_>) -> Answer {
    let whole = a.text(0)?;
    if whole.chars().any(char::is_control) {
        return Err(failed("unable to parse url: invalid control character"));
    }
    let (rest, fragment) = whole.split_once('#').unwrap_or((whole, ""));
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path, opaque) = match rest.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (authority, path, "")
        }
        None if !scheme.is_empty() && !rest.starts_with('/') => ("", "", rest),
        None => ("", rest, ""),
    };
    let (userinfo, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let hostname = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let path = unescaped(path).ok_or_else(|| failed("unable to parse url: invalid URL escape"))?;
    let fragment = unescaped(fragment).ok_or_else(|| failed("unable to parse url: invalid URL escape"))?;
    let members = [
        ("scheme", scheme.to_ascii_lowercase()),
        ("host", host.to_owned()),
        ("hostname", hostname.to_owned()),
        ("path", path),
        ("query", query.to_owned()),
        ("opaque", opaque.to_owned()),
        ("fragment", fragment),
        ("userinfo", userinfo.to_owned()),
    ];
    let member = |(key, part): (&str, String)| (Arc::from(key), Value::String(part.into()));
    dictionary(members.into_iter().map(member).collect())
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"+-.".contains(&letter))
}

fn unescaped(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next()?)? << 4 | digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn escaped(part: &str, also: &[u8]) -> String {
    let mut written = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&byte) || also.contains(&byte) {
            written.push(char::from(byte));
        } else {
            let _ = write!(written, "%{byte:02X}");
        }
    }
    written
}

fn url_join(a: Arguments<'_>) -> Answer {
    let parts = a.dictionary(0)?;
    let part = |key: &str| member(parts, key);
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment, userinfo) = (part("query")?, part("opaque")?, part("fragment")?, part("userinfo")?);
    let mut url = String::new();
    if !scheme.is_empty() {
        url.push_str(scheme);
        url.push(':');
    }
    if opaque.is_empty() {
        if !scheme.is_empty() || !host.is_empty() || !userinfo.is_empty() {
            if !host.is_empty() || !path.is_empty() || !userinfo.is_empty() {
                url.push_str("//");
            }
            if !userinfo.is_empty() {
                let _ = write!(url, "{userinfo}@");
            }
            url.push_str(host);
        }
        if !path.is_empty() && !path.starts_with('/') && !host.is_empty() {
            url.push('/');
        }
        url.push_str(&escaped(path, b""));
    } else {
        url.push_str(opaque);
    }
    if !query.is_empty() {
        let _ = write!(url, "?{query}");
    }
    if !fragment.is_empty() {
        let _ = write!(url, "#{}", escaped(fragment, b"!()*?"));
    }
    text(url)
}

fn member<'a>(parts: &'a BTreeMap<Arc<str>, Value>, key: &str) -> Result<&'a str, TemplateError> {
    match parts.get(key) {
        None => Ok(""),
        Some(Value::String(part)) => Ok(part),
        Some(other) => Err(failed(format!("unable to parse {key} key, must be a string but is {}", other.type_name()))),
    }
}
