//! Words of the language: names, numbers, strings of four kinds, operators; comments are dropped.

/// What is wrong with the source, and in which line.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) line: u32,
    /// Where in the source, in bytes, if that is known.
    pub(super) at: Option<u32>,
    pub(super) reason: Box<str>,
}

impl Refusal {
    pub(super) fn new(line: u32, reason: impl Into<Box<str>>) -> Self {
        Self { line, at: None, reason: reason.into() }
    }
}

/// A token and where it stands.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) token: Token,
    pub(super) line: u32,
    /// In bytes.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Word {
    /// Where it begins, as refusals have it; no source is so long that it does not fit.
    pub(super) fn at(&self) -> u32 {
        u32::try_from(self.start).unwrap_or(u32::MAX)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(f64),
    Text(String),
    /// A bracket, a point, or an operator.
    Sign(&'static str),
    End,
}

/// Longest first, so that none hides another.
const BRACKETS: [&str; 10] = ["(", ")", "[", "]", "{", "}", ",", ";", ".", "$"];
const OPERATORS: [&str; 27] = [
    "+:::", "+::", "+:", ":::", "::", ":", "==", "=", "!=", "!", "<<", "<=", "<", ">>", ">=", ">", "&&", "&", "||",
    "|", "+", "-", "*", "/", "%", "~", "^",
];

pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    line: u32,
}

impl<'s> Lexer<'s> {
    /// Every word, the end included.
    pub(super) fn words(source: &'s str) -> Result<Vec<Word>, Refusal> {
        let mut lexer = Self { source, at: 0, line: 1 };
        let mut words = Vec::new();
        loop {
            let word = lexer.word().map_err(|refusal| Refusal { at: u32::try_from(lexer.at).ok(), ..refusal })?;
            let end = word.token == Token::End;
            words.push(word);
            if end {
                return Ok(words);
            }
        }
    }

    fn word(&mut self) -> Result<Word, Refusal> {
        self.skip_blank()?;
        let (line, start) = (self.line, self.at);
        Ok(Word { token: self.next()?, line, start, end: self.at })
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    fn advance(&mut self, bytes: usize) -> &'s str {
        let taken = &self.rest()[..bytes];
        self.line += u32::try_from(taken.matches('\n').count()).unwrap_or(u32::MAX);
        self.at += bytes;
        taken
    }

    fn skip_blank(&mut self) -> Result<(), Refusal> {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let comment = if rest[blank..].starts_with('#') || rest[blank..].starts_with("//") {
                rest[blank..].find('\n').unwrap_or(rest.len() - blank)
            } else if rest[blank..].starts_with("/*") {
                let end = rest[blank..].find("*/").ok_or_else(|| Refusal::new(self.line, "a comment does not end"))?;
                end + 2
            } else {
                0
            };
            if blank + comment == 0 {
                return Ok(());
            }
            self.advance(blank + comment);
        }
    }

    fn next(&mut self) -> Result<Token, Refusal> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            return Ok(Token::Name(self.advance(end.unwrap_or(rest.len())).to_owned()));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        if rest.starts_with("|||") {
            return self.block();
        }
        match first {
            '"' | '\'' => self.quoted(first),
            '@' if rest[1..].starts_with(['"', '\'']) => self.verbatim(),
            _ => self.sign(first),
        }
    }

    fn number(&mut self) -> Result<Token, Refusal> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = if bytes.first() == Some(&b'0') { 1 } else { digits(0) };
        if bytes.get(end) == Some(&b'.') {
            let fraction = digits(end + 1);
            if fraction == end + 1 {
                return Err(Refusal::new(self.line, "a number ends in a point"));
            }
            end = fraction;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = digits((end + 1 + sign).min(bytes.len()));
            if exponent == end + 1 + sign {
                return Err(Refusal::new(self.line, "a number has no exponent"));
            }
            end = exponent;
        }
        let number = self.advance(end).parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Token::Number).ok_or_else(|| Refusal::new(self.line, "a number is too large"))
    }

    fn sign(&mut self, first: char) -> Result<Token, Refusal> {
        let rest = self.rest();
        let known = BRACKETS.iter().chain(&OPERATORS).find(|sign| rest.starts_with(**sign));
        let sign = known.ok_or_else(|| Refusal::new(self.line, format!("{first:?} means nothing here")))?;
        self.advance(sign.len());
        Ok(Token::Sign(sign))
    }

    fn unended(&self) -> Refusal {
        Refusal::new(self.line, "a string does not end")
    }

    fn quoted(&mut self, quote: char) -> Result<Token, Refusal> {
        let start = self.line;
        let rest = self.rest();
        let mut text = String::new();
        let mut letters = rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            if letter == quote {
                self.advance(at + 1);
                return Ok(Token::Text(text));
            }
            if letter != '\\' {
                text.push(letter);
                continue;
            }
            let (_, escaped) = letters.next().ok_or_else(|| Refusal::new(start, "a string does not end"))?;
            match escaped {
                '"' | '\'' | '\\' | '/' => text.push(escaped),
                'b' => text.push('\u{8}'),
                'f' => text.push('\u{c}'),
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                'u' => {
                    let wrong = || Refusal::new(start, "an escape of a string cannot be read");
                    let (letter, length) = unicode(&rest[at + 2..]).ok_or_else(wrong)?;
                    text.push(letter);
                    letters.nth(length - 1);
                }
                _ => return Err(Refusal::new(start, format!("a string has the unknown escape \\{escaped}"))),
            }
        }
        Err(self.unended())
    }

    fn verbatim(&mut self) -> Result<Token, Refusal> {
        let rest = self.rest();
        let quote = rest.as_bytes().get(1).map_or('"', |byte| char::from(*byte));
        let mut text = String::new();
        let mut letters = rest.char_indices().skip(2).peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != quote {
                text.push(letter);
            } else if letters.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.advance(at + 1);
                return Ok(Token::Text(text));
            }
        }
        Err(self.unended())
    }

    /// `|||`: the lines that are indented like the first, without their indent.
    fn block(&mut self) -> Result<Token, Refusal> {
        self.advance(3);
        let chomp = self.rest().starts_with('-');
        if chomp {
            self.advance(1);
        }
        let unended = self.unended();
        let newline = self.rest().find('\n').filter(|at| self.rest()[..*at].trim().is_empty());
        self.advance(newline.ok_or_else(|| Refusal::new(self.line, "a text block begins on its own line"))? + 1);
        let first = self.rest().trim_start_matches('\n');
        let indent = &first[..first.len() - first.trim_start_matches([' ', '\t']).len()];
        if indent.is_empty() {
            return Err(Refusal::new(self.line, "the first line of a text block is indented"));
        }
        let mut text = String::new();
        while let Some(end) = self.rest().find('\n') {
            let line = &self.rest()[..end];
            if let Some(inner) = line.strip_prefix(indent) {
                text.push_str(inner);
            } else if !line.is_empty() {
                break;
            }
            text.push('\n');
            self.advance(end + 1);
        }
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if !rest[blank..].starts_with("|||") {
            return Err(unended);
        }
        self.advance(blank + 3);
        if chomp {
            text.pop();
        }
        Ok(Token::Text(text))
    }
}

/// The letter of `XXXX` or of a pair of surrogates `XXXX\uXXXX`, and how many bytes were read.
fn unicode(rest: &str) -> Option<(char, usize)> {
    let unit = |rest: &str| {
        let digits = rest.get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let high = unit(rest)?;
    if let Some(letter) = char::from_u32(high) {
        return Some((letter, 4));
    }
    let low = rest.get(4..).and_then(|rest| rest.strip_prefix("\\u")).and_then(unit)?;
    let pair = char::decode_utf16([u16::try_from(high).ok()?, u16::try_from(low).ok()?]).next()?.ok()?;
    Some((pair, 10))
}
