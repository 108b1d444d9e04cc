//! `zelos format jsonnet`: a snippet laid out the way everybody lays it out.
//!
//! It works on words, not on the tree, so that comments and what somebody put on lines of their own stay where they are.
//! The rules are those of the usual formatter: two spaces a step, single quotes, names without quotes, `//` before
//! comments, a list or map that is broken once is broken everywhere and ends in a comma. What comes out is read again and
//! compared word for word, so that a mistake here can spoil nobody's file.
//!
//! [`frames`] knows how far a line is stepped in, [`gaps`] what stands between two words, [`spaces`] where a space does.

mod frames;
mod gaps;
mod spaces;
#[cfg(test)]
mod tests;

use super::{
    lexer::{Lexer, Refusal, Token, Word},
    lint::Problem,
    parser::{self, KEYWORDS},
};
use frames::{Frames, Shape, shapes};
use gaps::{Gap, Remark, gap};

/// Lines that may be empty in a row.
const MOST_BLANK: usize = 2;

/// Lays the source out.
///
/// # Errors
/// It cannot be read.
pub fn layout(source: &str) -> Result<String, Problem> {
    let problem = |refusal| Problem::new(source, refusal);
    parser::parse(source).map_err(problem)?;
    let words = Lexer::words(source).map_err(problem)?;
    let shapes = shapes(source, &words);
    let mut writer = Writer {
        source,
        words: &words,
        shapes: &shapes,
        frames: Frames::default(),
        text: String::new(),
        indent: 0,
        last: None,
    };
    for at in 0..words.len() {
        writer.word(at);
    }
    let text = writer.text;
    let same = Lexer::words(&text).is_ok_and(|again| essence(&again).eq(essence(&words)));
    let spoilt = || problem(Refusal::new(1, "the formatter would change what this means; it is left as it is"));
    if same { Ok(text) } else { Err(spoilt()) }
}

struct Writer<'s> {
    source: &'s str,
    words: &'s [Word],
    shapes: &'s [Option<Shape>],
    frames: Frames,
    text: String,
    /// How far the line at hand is stepped in.
    indent: usize,
    /// The word that was written last.
    last: Option<usize>,
}

impl<'s> Writer<'s> {
    fn token(&self, at: usize) -> &'s Token {
        &self.words[at].token
    }

    fn word(&mut self, at: usize) {
        let before = if at == 0 { 0 } else { self.words[at - 1].end };
        let gap = gap(&self.source[before..self.words[at].start]);
        let (token, last) = (self.token(at), self.before());
        let closes = matches!(token, Token::Sign(")" | "]" | "}"));
        let broken = self.frames.is_broken();
        let after_comma = last == Some(&Token::Sign(","));
        let opened = matches!(last, Some(Token::Sign("(" | "[" | "{")));
        if closes && broken && !opened && !after_comma && self.frames.ends_in_comma() {
            self.text.push(',');
        }
        // A comma before the end of a list on one line.
        let idle = *token == Token::Sign(",") && !broken && self.frames.is_list() && self.next_closes(at);
        let separates = self.frames.at_top() && (opened || after_comma && self.frames.is_list());
        let forced = broken && (closes || separates);
        let empty = opened && closes && gap.remarks.is_empty();
        let breaks = !empty && (gap.newlines > 0 || forced || gap.ends_line());
        let indent = if breaks || gap.remarks.iter().any(|remark| remark.newlines > 0) {
            self.frames.indent_of(token, last, self.indent)
        } else {
            self.indent
        };
        self.remarks(&gap, if closes { self.frames.inner() } else { indent });
        if idle {
            return;
        }
        if *token == Token::End {
            let end = self.text.trim_end().len();
            self.text.truncate(end);
            self.text.push('\n');
            return;
        }
        if breaks && !self.text.is_empty() {
            let blank = if opened || closes { 0 } else { gap.newlines.saturating_sub(1) };
            self.line(indent, blank);
        } else if !self.text.is_empty() && self.needs_space(at, &gap) {
            self.text.push(' ');
        }
        let names_field = self.frames.at_field();
        self.frames.enter(token, last, self.shapes[at], self.indent);
        self.write(at, names_field);
        self.last = Some(at);
    }

    fn before(&self) -> Option<&'s Token> {
        self.last.map(|last| self.token(last))
    }

    fn next_closes(&self, at: usize) -> bool {
        matches!(self.words.get(at + 1), Some(Word { token: Token::Sign("]" | "}"), .. }))
    }

    /// Comments before a word; those on lines of their own are stepped in by `indent`.
    fn remarks(&mut self, gap: &Gap, indent: usize) {
        for Remark { text, newlines } in &gap.remarks {
            if *newlines > 0 && !self.text.is_empty() {
                self.line(indent, newlines - 1);
            } else if !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
                self.text.push_str(if text.starts_with("//") { "  " } else { " " });
            }
            self.text.push_str(text);
        }
    }

    /// Ends the line, leaves some empty, and begins the next.
    fn line(&mut self, indent: usize, blank: usize) {
        let end = self.text.trim_end_matches([' ', '\n']).len();
        self.text.truncate(end);
        self.text.extend(std::iter::repeat_n('\n', 1 + blank.min(MOST_BLANK)));
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.indent = indent;
    }

    fn needs_space(&self, at: usize, gap: &Gap) -> bool {
        if !gap.remarks.is_empty() {
            return !matches!(self.token(at), Token::Sign("," | ";" | ")" | "]"));
        }
        self.last.is_some_and(|last| {
            let earlier = last.checked_sub(1).map(|earlier| self.token(earlier));
            spaces::between(earlier, self.token(last), self.token(at), &self.frames)
        })
    }

    /// The word itself, which may be the name of a field.
    fn write(&mut self, at: usize, names_field: bool) {
        let word = &self.words[at];
        let raw = &self.source[word.start..word.end];
        let Token::Text(content) = &word.token else { return self.text.push_str(raw) };
        if raw.starts_with("|||") {
            return self.block(raw);
        }
        let next = self.words.get(at + 1).map(|next| &next.token);
        let names = names_field && matches!(next, Some(Token::Sign(":" | "::" | ":::" | "+:" | "+::" | "+:::" | "(")));
        if names && is_name(content) {
            return self.text.push_str(content);
        }
        match raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')) {
            Some(inner) if !inner.contains('\'') => {
                let inner = inner.replace("\\\\", "\0").replace("\\\"", "\"").replace('\0', "\\\\");
                self.text.extend(["'", &inner, "'"]);
            }
            _ => self.text.push_str(raw),
        }
    }

    /// A text block, stepped in below the line it begins on.
    fn block(&mut self, raw: &str) {
        let mut lines = raw.lines();
        let first = lines.next().unwrap_or_default();
        self.text.push_str(first.trim_end());
        let body: Vec<&str> = lines.collect();
        let Some((_, body)) = body.split_last() else { return };
        let lead = body
            .iter()
            .find(|line| !line.is_empty())
            .map_or("", |line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
        for line in body {
            self.text.push('\n');
            if let Some(inner) = line.strip_prefix(lead).filter(|_| !line.is_empty()) {
                self.text.extend(std::iter::repeat_n(' ', self.indent + 2));
                self.text.push_str(inner);
            }
        }
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', self.indent));
        self.text.push_str("|||");
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !KEYWORDS.contains(&text)
}

/// The words as far as they mean something: without commas at ends, with names and texts alike, and colons one by one.
fn essence(words: &[Word]) -> impl Iterator<Item = Token> {
    let next = |at: usize| words.get(at + 1).map(|word| &word.token);
    let kept = words
        .iter()
        .enumerate()
        .filter(move |(at, word)| word.token != Token::Sign(",") || !matches!(next(*at), Some(Token::Sign("]" | "}"))));
    kept.flat_map(|(_, word)| match &word.token {
        Token::Text(text) if is_name(text) => vec![Token::Name(text.clone())],
        Token::Sign("::") => vec![Token::Sign(":"), Token::Sign(":")],
        other => vec![other.clone()],
    })
}
