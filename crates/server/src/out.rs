//! The one home of printing: what a command says to whoever started it. A server's log is not this but `telemetry`.
//!
//! A reader that went away (`zelos config schema | head`) is no error.

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
};

/// A line for standard output.
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

/// A complaint: one line for each cause, on standard error.
pub(crate) fn error(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
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
