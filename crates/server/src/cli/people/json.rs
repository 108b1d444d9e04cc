//! People in JSON: one, an array, or one after the other, as the original's files and exports have them. In an array
//! somebody who cannot be read ends the file; of people on lines of their own only that one is lost.

use serde::Deserialize as _;
use serde_json::{Deserializer, Value};
use std::io::{self, BufRead, Read};

/// The people of one file, with the line where each begins.
pub(super) struct People<R> {
    input: Lines<R>,
    /// The line where somebody begins.
    begun: usize,
    in_array: bool,
    found: bool,
    over: bool,
}

impl<R: BufRead> People<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input: Lines { input, line: 1 }, begun: 1, in_array: false, found: false, over: false }
    }

    /// The next person; none at the end.
    fn read(&mut self) -> Result<Option<Value>, String> {
        loop {
            self.begun = self.input.line;
            match self.input.peek().map_err(|error| format!("cannot be read: {error}"))? {
                None if self.in_array => return Err("is not JSON: the array does not end".to_owned()),
                None if self.found => return Ok(None),
                None => return Err("holds no identity".to_owned()),
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
                Some(b'[' | b'"' | b't' | b'f' | b'n' | b'-' | b'0'..=b'9') => {
                    return Err("is not a map".to_owned());
                }
                Some(_) => return Err("is not JSON".to_owned()),
            }
        }
    }

    /// An object ends with its brace, so nothing is read beyond it.
    fn object(&mut self) -> Result<Value, String> {
        self.found = true;
        Value::deserialize(&mut Deserializer::from_reader(&mut self.input)).map_err(|error| {
            // Where it is, is told by the place.
            let text = error.to_string();
            format!("is not JSON: {}", text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what))
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
            Err(reason) => {
                self.over = self.in_array || !self.input.find_next_object();
                Some((self.begun, Err(reason)))
            }
        }
    }
}

/// Counts lines.
struct Lines<R> {
    input: R,
    line: usize,
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

    /// Goes on to the next line that begins with an object; false at the end.
    fn find_next_object(&mut self) -> bool {
        let mut ignored = Vec::new();
        loop {
            ignored.clear();
            if !matches!(self.input.read_until(b'\n', &mut ignored), Ok(count) if count > 0) {
                return false;
            }
            self.line += usize::from(ignored.ends_with(b"\n"));
            match self.peek() {
                Ok(Some(b'{')) => return true,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return false,
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
        assert_eq!(read("[{\"a\":1},\n{\"b\":oops},\n{\"c\":3}]").len(), 2, "an array ends there");
    }

    proptest::proptest! {
        #[test]
        fn every_file_comes_to_its_end(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = People::new(bytes.as_slice()).count();
        }
    }
}
