//! What stands between two words: comments and ends of lines.

/// A comment and the ends of lines before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Remark {
    /// As it is to be written.
    pub(super) text: String,
    pub(super) newlines: usize,
}

/// All that stands between two words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) remarks: Vec<Remark>,
    /// Ends of lines after the last comment; that which ends a comment counts.
    pub(super) newlines: usize,
}

impl Gap {
    /// Whether it holds a comment that reaches to the end of its line.
    pub(super) fn ends_line(&self) -> bool {
        self.remarks.last().is_some_and(|remark| remark.text.starts_with("//") || remark.text.starts_with('#'))
    }
}

/// Reads a gap, which the lexer has found to be one.
pub(super) fn gap(text: &str) -> Gap {
    let mut remarks = Vec::new();
    let mut rest = text;
    loop {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let newlines = rest[..blank].matches('\n').count();
        rest = &rest[blank..];
        let length = if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            rest.find('\n').unwrap_or(rest.len())
        };
        if length == 0 {
            return Gap { remarks, newlines };
        }
        let text = rest[..length].trim_end();
        // `#!` on the first line is for whoever starts the file.
        let text = match text.strip_prefix('#') {
            Some(comment) if !comment.starts_with('!') => format!("//{comment}"),
            _ => text.to_owned(),
        };
        remarks.push(Remark { text, newlines });
        rest = &rest[length..];
    }
}
