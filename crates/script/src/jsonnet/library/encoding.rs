//! JSON, base64, bytes and sums.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a byte is a number that was checked to be one"
)]

use super::{
    Builtin,
    arguments::{Arguments, wrong},
};
use crate::jsonnet::{
    machine::{Machine, Run, fail},
    manifest::{self, Layout},
    value::Value,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        name: "manifestJson",
        parameters: &["value"],
        run: |m, a| written(m, a, Layout { indent: "    ", ..SPREAD }),
    },
    Builtin { name: "manifestJsonMinified", parameters: &["value"], run: |m, a| written(m, a, Layout::TIGHT) },
    Builtin {
        name: "manifestJsonEx",
        parameters: &["value", "indent", "newline?", "key_val_sep?"],
        run: manifest_json_ex,
    },
    Builtin { name: "parseJson", parameters: &["str"], run: parse_json },
    Builtin {
        name: "base64",
        parameters: &["input"],
        run: |m, a| {
            let bytes = bytes(m, a)?;
            m.text_value(&STANDARD.encode(bytes))
        },
    },
    Builtin {
        name: "base64Decode",
        parameters: &["str"],
        run: |m, a| {
            let bytes = decoded(m, a)?;
            m.text_value(&String::from_utf8_lossy(&bytes))
        },
    },
    Builtin {
        name: "base64DecodeBytes",
        parameters: &["str"],
        run: |m, a| {
            let bytes = decoded(m, a)?;
            numbers(m, &bytes)
        },
    },
    Builtin {
        name: "encodeUTF8",
        parameters: &["str"],
        run: |m, a| {
            let text = a.text(m, 0)?;
            numbers(m, text.as_bytes())
        },
    },
    Builtin {
        name: "decodeUTF8",
        parameters: &["arr"],
        run: |m, a| {
            let bytes = bytes(m, a)?;
            m.text_value(&String::from_utf8_lossy(&bytes))
        },
    },
    Builtin { name: "md5", parameters: &["s"], run: |m, a| summed::<Md5>(m, a) },
    Builtin { name: "sha1", parameters: &["str"], run: |m, a| summed::<Sha1>(m, a) },
    Builtin { name: "sha256", parameters: &["str"], run: |m, a| summed::<Sha256>(m, a) },
    Builtin { name: "sha512", parameters: &["str"], run: |m, a| summed::<Sha512>(m, a) },
];

/// JSON over several lines.
const SPREAD: Layout<'static> =
    Layout { indent: "", newline: "\n", key_separator: ": ", gap: "", empty: "", short: true };

fn written<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>, layout: Layout<'_>) -> Run<Value<'a>> {
    let value = a.value(machine, 0)?;
    let mut text = String::new();
    manifest::write(machine, value, layout, "", &mut text)?;
    machine.text_value(&text)
}

fn manifest_json_ex<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let indent = a.text(machine, 1)?;
    let newline = if a.is_given(2) { a.text(machine, 2)? } else { "\n" };
    let key_separator = if a.is_given(3) { a.text(machine, 3)? } else { ": " };
    written(machine, a, Layout { indent, newline, key_separator, ..SPREAD })
}

fn parse_json<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    let text = a.text(machine, 0)?;
    machine.spend(text.len() / 2)?;
    match serde_json::from_str(text) {
        Ok(json) => manifest::value(machine, &json),
        Err(error) => fail(format!("the text is not JSON: {error}")),
    }
}

/// A string as UTF-8, or an array of numbers.
fn bytes<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Vec<u8>> {
    if let Value::Text(text) = a.value(machine, 0)? {
        machine.spend(text.len() / 16)?;
        return Ok(text.as_bytes().to_vec());
    }
    let mut bytes = Vec::new();
    for item in a.array(machine, 0)? {
        match machine.force(item)? {
            Value::Number(byte) if (0.0..=255.0).contains(&byte) => bytes.push(byte as u8),
            other => return wrong("numbers from 0 to 255", other),
        }
    }
    Ok(bytes)
}

fn decoded<'a>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Vec<u8>> {
    STANDARD.decode(a.text(machine, 0)?).or_else(|_| fail("the text is not base64"))
}

fn numbers<'a>(machine: &mut Machine<'a>, bytes: &[u8]) -> Run<Value<'a>> {
    machine.spend(bytes.len())?;
    let numbers: Vec<_> = bytes.iter().map(|byte| Value::Number(f64::from(*byte))).collect();
    machine.array(&numbers)
}

fn summed<'a, D: Digest>(machine: &mut Machine<'a>, a: Arguments<'_, 'a>) -> Run<Value<'a>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    let sum = D::digest(a.text(machine, 0)?);
    let text: String = sum.iter().flat_map(digits).map(char::from).collect();
    machine.text_value(&text)
}
