//! Identities in JSON: one, an array, or one after the other, as Kratos' files and exports have them. Each is delimited by
//! its braces before it is parsed, so that one that cannot be read does not affect the others. Where even the braces do
//! not fit, reading goes on at the next line that begins with one, and the reason says which lines were passed over.

use serde_json::Value;
use std::{
    fmt::Write as _,
    io::{self, BufRead, Read},
};

/// Longer objects, in bytes, are a brace or a quote that does not end.
const LONGEST_OBJECT: usize = 16 << 20;

/// The identities of one file, with the line where each begins.
pub(super) struct People<R> {
    input: Lines<R>,
    /// The line where somebody begins.
    begun: usize,
    in_array: bool,
    found: bool,
    over: bool,
}

/// Why an item was not read.
enum Unread {
    /// It was passed by as a whole.
    Item(String),
    /// Where it ends is not known.
    Rest(String),
}

impl<R: BufRead> People<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: Lines { input, line: 1, taken: Vec::new() },
            begun: 1,
            in_array: false,
            found: false,
            over: false,
        }
    }

    /// The next identity; none at the end.
    fn read(&mut self) -> Result<Option<Value>, Unread> {
        loop {
            self.begun = self.input.line;
            match self.input.peek().map_err(|error| Unread::Rest(format!("cannot be read: {error}")))? {
                None if self.in_array => return Err(Unread::Rest("is not JSON: the array does not end".to_owned())),
                None if self.found => return Ok(None),
                None => return Err(Unread::Rest("holds no identity".to_owned())),
                Some(b'{') => return self.object().map(Some),
                Some(byte) if byte.is_ascii_whitespace() => self.input.skip(),
                Some(b',') if self.in_array => self.input.skip(),
                Some(b'[') if !self.in_array => {
                    self.in_array = true;
                    self.input.skip();
                }
                Some(b']') if self.in_array => {
                    self.in_array = false;
                    self.input.skip();
                }
                // A mark at the beginning that some editors leave.
                Some(0xef | 0xbb | 0xbf) if !self.found && self.input.line == 1 => self.input.skip(),
                Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') if self.in_array => {
                    self.found = true;
                    self.input.item().map_err(Unread::Rest)?;
                    return Err(Unread::Item("is not a map".to_owned()));
                }
                Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                    return Err(Unread::Rest("is not a map".to_owned()));
                }
                Some(_) => return Err(Unread::Rest("is not JSON".to_owned())),
            }
        }
    }

    fn object(&mut self) -> Result<Value, Unread> {
        self.found = true;
        let (text, ends) = match self.input.item() {
            Ok(text) => (text, true),
            // What there is of it tells more than that it does not end.
            Err(_) => (std::mem::take(&mut self.input.taken), false),
        };
        serde_json::from_slice(&text).map_err(|error| {
            // Where it is, is told by the place.
            let text = error.to_string();
            let text =
                format!("is not JSON: {}", text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what));
            if ends { Unread::Item(text) } else { Unread::Rest(text) }
        })
    }
}

impl<R: BufRead> Iterator for People<R> {
    type Item = (usize, Result<Value, String>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match self.read() {
            Ok(person) => person.map(|person| (self.begun, Ok(person))),
            Err(Unread::Item(reason)) => Some((self.begun, Err(reason))),
            Err(Unread::Rest(mut reason)) => {
                let from = self.input.line;
                let (goes_on, lines) = self.input.find_next_object();
                self.over = !goes_on;
                if lines > 0 {
                    let _ = write!(reason, "; {lines} lines from line {from} on were passed over");
                }
                Some((self.begun, Err(reason)))
            }
        }
    }
}

/// Counts lines.
struct Lines<R> {
    input: R,
    line: usize,
    /// What was taken of an item that does not end.
    taken: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    /// What was seen is behind.
    fn skip(&mut self) {
        let mut byte = [0];
        let _ = self.read(&mut byte);
    }

    /// The bytes of the value that begins here, delimited by braces, brackets and quotes. What was read of one that does
    /// not end is left in `taken`; a line end within a text is not read.
    fn item(&mut self) -> Result<Vec<u8>, String> {
        let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
        self.taken.clear();
        loop {
            let byte = self.peek().map_err(|error| format!("cannot be read: {error}"))?;
            let Some(byte) = byte else {
                let is_whole = depth == 0 && !in_text && !self.taken.is_empty();
                return if is_whole { Ok(std::mem::take(&mut self.taken)) } else { Err("does not end".to_owned()) };
            };
            let is_plain = depth == 0 && !in_text;
            if (in_text && byte == b'\n') || self.taken.len() > LONGEST_OBJECT {
                return Err("does not end".to_owned());
            }
            if is_plain && !self.taken.is_empty() && (matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace())
            {
                return Ok(std::mem::take(&mut self.taken));
            }
            self.skip();
            self.taken.push(byte);
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => depth += 1,
                b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !in_text && matches!(byte, b'}' | b']' | b'"') {
                return Ok(std::mem::take(&mut self.taken));
            }
        }
    }

    /// Goes on to the next line that begins with an object; false at the end. And how many lines that hold something were
    /// passed over as a whole.
    fn find_next_object(&mut self) -> (bool, usize) {
        let (mut ignored, mut lines, mut is_first) = (Vec::new(), 0, true);
        loop {
            ignored.clear();
            if !matches!(self.input.read_until(b'\n', &mut ignored), Ok(count) if count > 0) {
                return (false, lines);
            }
            self.line += usize::from(ignored.ends_with(b"\n"));
            lines += usize::from(!is_first && !ignored.trim_ascii().is_empty());
            is_first = false;
            match self.peek() {
                Ok(Some(b'{')) => return (true, lines),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return (false, lines),
            }
        }
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.line += buffer.iter().take(count).filter(|byte| **byte == b'\n').count();
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<(usize, Result<Value, String>)> {
        People::new(text.as_bytes()).collect()
    }

    #[test]
    fn files_hold_one_or_many() {
        let one = (1, Ok(json!({ "a": [1] })));
        assert_eq!(read(r#"{"a":[1]}"#), std::slice::from_ref(&one));
        assert_eq!(read(" [ ]\n{\"a\":[1]}"), [(2, Ok(json!({ "a": [1] })))]);
        for two in [r#"[{"a":[1]},{"b":"}"}]"#, r#"{"a":[1]}{"b":"}"}"#, r#"[{"a":[1]}] {"b":"}"}"#] {
            assert_eq!(read(two), [one.clone(), (1, Ok(json!({ "b": "}" })))], "{two}");
        }
        assert_eq!(read("\u{feff}{\"a\":[1]}\r\n\n{\n\"b\":\"}\"}\n"), [one, (3, Ok(json!({ "b": "}" })))]);
    }

    #[test]
    fn what_is_nobody_is_told() {
        for (text, reason) in [
            ("", "holds no identity"),
            ("[]", "holds no identity"),
            ("1", "is not a map"),
            ("[1]", "is not a map"),
            ("[1,", "is not JSON: the array does not end"),
            ("[[{}]]", "is not a map"),
            ("{", "is not JSON: EOF while parsing an object"),
            ("[{}", "is not JSON: the array does not end"),
            ("not json", "is not a map"),
            ("words", "is not JSON"),
        ] {
            let found = read(text);
            assert_eq!(found.last().unwrap().1, Err(reason.to_owned()), "{text}");
        }
    }

    #[test]
    fn one_who_cannot_be_read_is_one_less() {
        let found = read("{\"a\":1}\n{\"b\":oops}\n{\"c\":3}\n");
        let lines: Vec<_> = found.iter().map(|(line, what)| (*line, what.is_ok())).collect();
        assert_eq!(lines, [(1, true), (2, false), (3, true)]);
        let lines: Vec<_> =
            read("{\"a\":\"un\nended\n{\"c\":3}\n").iter().map(|(line, what)| (*line, what.is_ok())).collect();
        assert_eq!(lines.last(), Some(&(3, true)));
        let lines: Vec<_> = read("[{\"a\":1},\n{\"b\":oops}, 7, [1], \"x]\",\n{\"c\":3}]")
            .iter()
            .map(|(line, what)| (*line, what.is_ok()))
            .collect();
        assert_eq!(lines, [(1, true), (2, false), (2, false), (2, false), (2, false), (3, true)]);
        let utf8 = b"{\"a\":\"\xff\"}\n{\"c\":3}".as_slice();
        assert_eq!(People::new(utf8).map(|(_, what)| what.is_ok()).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn what_is_passed_over_is_told() {
        let found = read("{\"a\":\"un\nended\n {\"b\":2}\n\n{\"c\":3}\n");
        assert!(found[0].1.as_ref().unwrap_err().ends_with("; 2 lines from line 1 on were passed over"), "{found:?}");
        assert_eq!(found[1], (5, Ok(json!({ "c": 3 }))));
        let found = read("{\"a\":\n\n{\"b\":2}\n");
        assert_eq!(found.len(), 1, "{found:?}");
    }

    proptest::proptest! {
        #[test]
        fn every_file_comes_to_its_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = People::new(bytes.as_slice()).count();
        }
    }
}
