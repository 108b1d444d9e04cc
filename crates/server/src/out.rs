//! The one home of printing: what a command says to whoever started it. A server's log is not this but `telemetry`.
//!
//! A reader that went away (`zelos config schema | head`) is no error.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{IsTerminal, Write},
};

/// A line for standard output, which may be data: nothing in it is changed.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Lines that bring their ends along.
pub(crate) fn text(text: impl Display) {
    let _ = write!(std::io::stdout().lock(), "{text}");
}

/// A question, answered on the same line.
pub(crate) fn ask(text: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

/// A complaint: one line for each cause, on standard error. What would steer a terminal is escaped.
pub(crate) fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable(&text.to_string(), &['\n', '\t']));
}

/// Text of unknown origin – an id, a file name, a value – as a part of one line.
pub(crate) fn quoted(text: &str) -> Cow<'_, str> {
    printable(text, &[])
}

/// Escapes control characters, apart from those that are meant, and what changes the direction of text: they could hide
/// or forge what a terminal shows.
fn printable<'a>(text: &'a str, meant: &[char]) -> Cow<'a, str> {
    let steers = |c: char| {
        !meant.contains(&c)
            && (c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if steers(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// Whether somebody looks at a terminal.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A line on the terminal that the next one replaces.
pub(crate) fn over(text: impl Display) {
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r\x1b[2K{text}");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(quoted("a\u{1b}[2Jb\n\u{9b}c\u{202e}\u{7f}"), "a\\u{1b}[2Jb\\n\\u{9b}c\\u{202e}\\u{7f}");
        assert_eq!(printable("a\n\tb\r", &['\n', '\t']), "a\n\tb\\r");
        assert!(matches!(quoted("grün → 😀"), Cow::Borrowed(_)));
    }
}
