//! JSON as the wire writes it: `<`, `>`, `&` and the two line separators are escaped, so that an answer which lands in
//! a page by accident cannot become markup, and the body ends with a line break (Go's `encoding/json` does both).

use serde::Serialize;
use serde_json::ser::Formatter;
use std::io;

/// The bytes of a body.
pub(crate) fn to_bytes<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(1024);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Escaping))?;
    bytes.push(b'\n');
    Ok(bytes)
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(writer, fragment)
    }

    /// Outside of texts JSON has none of these characters, so a rendered document can be treated like a text.
    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        write_escaped(writer, fragment)
    }
}

fn write_escaped<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    let bytes = text.as_bytes();
    let mut done = 0;
    for at in memchr::memchr3_iter(b'<', b'>', b'&', bytes) {
        write_separators(writer, &text[done..at])?;
        writer.write_all(match bytes[at] {
            b'<' => br"\u003c",
            b'>' => br"\u003e",
            _ => br"\u0026",
        })?;
        done = at + 1;
    }
    write_separators(writer, &text[done..])
}

fn write_separators<W: ?Sized + io::Write>(writer: &mut W, text: &str) -> io::Result<()> {
    // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
    let bytes = text.as_bytes();
    let mut done = 0;
    for at in memchr::memchr_iter(0xe2, bytes) {
        let escape: &[u8] = match bytes.get(at + 1..at + 3) {
            Some([0x80, 0xa8]) => br"\u2028",
            Some([0x80, 0xa9]) => br"\u2029",
            _ => continue,
        };
        writer.write_all(&bytes[done..at])?;
        writer.write_all(escape)?;
        done = at + 3;
    }
    writer.write_all(&bytes[done..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, value::RawValue};

    #[test]
    fn markup_is_escaped_in_keys_texts_and_rendered_parts() {
        let raw = RawValue::from_string(r#"{"a":"<é&\u2028"}"#.to_owned()).unwrap();
        let value = json!({"<": "a>b & \u{2028}\u{2029}é\"\n€"});
        assert_eq!(
            String::from_utf8(to_bytes(&(value, raw)).unwrap()).unwrap(),
            "[{\"\\u003c\":\"a\\u003eb \\u0026 \\u2028\\u2029é\\\"\\n€\"},{\"a\":\"\\u003cé\\u0026\\u2028\"}]\n"
        );
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        let value = json!({"x": ["<script>&amp;", "\u{2028}", 1, null, {"y>": "â€"}]});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&to_bytes(&value).unwrap()).unwrap(), value);
    }
}
