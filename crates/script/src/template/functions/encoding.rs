//! Base64, base32, sums, JSON.

use super::arguments::{Answer, Arguments, Row, failed, shown, text};
use crate::template::{
    meter::spend_product,
    value::{from_json, to_json},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use gotmpl::Value;
use serde_json::Value as Json;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::fmt::Write;

pub(super) const TABLE: &[Row] = &[
    ("b64enc", 1, 1, |a| text(STANDARD.encode(a.text(0)?))),
    ("b64dec", 1, 1, |a| decoded(STANDARD.decode(a.text(0)?.replace(['\r', '\n'], "")).ok())),
    ("b32enc", 1, 1, |a| text(base32(a.text(0)?.as_bytes()))),
    ("b32dec", 1, 1, |a| decoded(unbase32(&a.text(0)?.replace(['\r', '\n'], "")))),
    ("sha1sum", 1, 1, |a| text(hexadecimal(&Sha1::digest(a.text(0)?)))),
    ("sha256sum", 1, 1, |a| text(hexadecimal(&Sha256::digest(a.text(0)?)))),
    ("sha512sum", 1, 1, |a| text(hexadecimal(&Sha512::digest(a.text(0)?)))),
    ("adler32sum", 1, 1, |a| text(adler32(a.text(0)?.as_bytes()).to_string())),
    ("toJson", 1, 1, |a| json(a, true, false)),
    ("mustToJson", 1, 1, |a| json(a, true, false)),
    ("toRawJson", 1, 1, |a| json(a, false, false)),
    ("mustToRawJson", 1, 1, |a| json(a, false, false)),
    ("toPrettyJson", 1, 1, |a| json(a, true, true)),
    ("mustToPrettyJson", 1, 1, |a| json(a, true, true)),
    ("fromJson", 1, 1, |a| Ok(read(a.text(0)?).unwrap_or(Value::Nil))),
    ("mustFromJson", 1, 1, |a| read(a.text(0)?)),
    ("typeOf", 1, 1, |a| text(type_of(a.value(0)))),
    ("typeIs", 2, 2, |a| Ok(Value::Bool(a.text(0)? == type_of(a.value(1))))),
    ("typeIsLike", 2, 2, |a| Ok(Value::Bool(a.text(0)? == type_of(a.value(1))))),
    ("kindOf", 1, 1, |a| text(kind_of(a.value(0)))),
    ("kindIs", 2, 2, |a| Ok(Value::Bool(a.text(0)? == kind_of(a.value(1))))),
    ("duration", 1, 1, |a| text(duration(seconds(a.value(0))))),
    ("durationRound", 1, 1, |a| text(rounded(nanoseconds(a.value(0))))),
];

/// A second, in the unit in which Go counts durations.
const NANOSECONDS: i64 = 1_000_000_000;

/// What was decoded; like sprig, a message in its place when it cannot be.
fn decoded(bytes: Option<Vec<u8>>) -> Answer {
    match bytes {
        Some(bytes) => text(String::from_utf8_lossy(&bytes).into_owned()),
        None => text("illegal data"),
    }
}

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let mut block = [0; 8];
        block[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(block);
        let used = (chunk.len() * 8).div_ceil(5);
        for place in 0..8 {
            let letter = usize::try_from(bits >> (35 - 5 * place) & 31).unwrap_or_default();
            encoded.push(if place < used { char::from(LETTERS[letter]) } else { '=' });
        }
    }
    encoded
}

fn unbase32(encoded: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let whole = encoded.len().is_multiple_of(8);
    let letters = encoded.trim_end_matches('=').as_bytes();
    for chunk in letters.chunks(8) {
        let mut bits = 0_u64;
        for letter in chunk {
            let value = LETTERS.iter().position(|known| known == letter)?;
            bits = bits << 5 | value as u64;
        }
        bits <<= 5 * (8 - chunk.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[3..3 + chunk.len() * 5 / 8]);
    }
    whole.then_some(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut written = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(written, "{byte:02x}");
    }
    written
}

fn adler32(bytes: &[u8]) -> u32 {
    let step = |(low, high): (u32, u32), byte: &u8| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    };
    let (low, high) = bytes.iter().fold((1, 0), step);
    high << 16 | low
}

fn json(a: Arguments<'_>, escape: bool, pretty: bool) -> Answer {
    let value = to_json(a.value(0));
    let written = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
    let mut written = written.map_err(|error| failed(error.to_string()))?;
    spend_product(written.len(), 1)?;
    // These stand in strings alone, so the whole may be searched.
    for (letter, instead) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
        if escape && written.contains(letter) {
            written = written.replace(letter, instead);
        }
    }
    text(written.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

fn read(source: &str) -> Answer {
    let value: Json = serde_json::from_str(source).map_err(|error| failed(error.to_string()))?;
    Ok(from_json(&value))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Uint(_) => "uint",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        Value::Function(_) => "func()",
        Value::Safe { .. } => "template.HTML",
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Function(_) => "func",
        Value::Safe { .. } => "string",
        other => type_of(other),
    }
}

/// A number of seconds, or its digits, in nanoseconds.
fn seconds(value: &Value) -> i64 {
    let seconds = match value {
        Value::Int(number) => *number,
        other => shown(other).parse().unwrap_or(0),
    };
    seconds.saturating_mul(NANOSECONDS)
}

/// A duration: a whole number, or Go's notation.
fn nanoseconds(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        other => parsed(&shown(other)).unwrap_or(0),
    }
}

fn parsed(written: &str) -> Option<i64> {
    let (sign, mut rest) = written.strip_prefix('-').map_or((1, written), |rest| (-1, rest));
    let mut sum = 0.0;
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|letter: char| letter.is_ascii_lowercase())?);
        let (unit, tail) = tail.split_at(tail.find(|letter: char| !letter.is_alphabetic()).unwrap_or(tail.len()));
        let factor = match unit {
            "h" => 3.6e12,
            "m" => 6e10,
            "s" => 1e9,
            "ms" => 1e6,
            "us" | "µs" => 1e3,
            "ns" => 1.0,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    #[expect(clippy::cast_possible_truncation, reason = "saturates, which is far enough")]
    Some(sign * (sum as i64))
}

/// Go's notation: `1h2m3s`.
fn duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let seconds = (nanoseconds / NANOSECONDS).unsigned_abs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, _) => format!("{sign}{minutes}m{seconds}s"),
        _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

/// The largest unit of a duration in nanoseconds.
fn rounded(nanoseconds: i64) -> String {
    let seconds = nanoseconds.unsigned_abs() / NANOSECONDS.unsigned_abs();
    let units = [(31_536_000, "y"), (2_592_000, "mo"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let found = units.iter().find(|(unit, _)| seconds > *unit || (seconds == *unit && nanoseconds % NANOSECONDS != 0));
    found.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", seconds / unit))
}
