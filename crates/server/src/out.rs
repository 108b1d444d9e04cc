//! The one home of printing: what a command says to whoever started it. A server's log is not this but `telemetry`.
//!
//! A reader that went away (`zelos config schema | head`) is no error.

use std::{fmt::Display, io::Write};

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
