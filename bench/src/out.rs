//! The one place that writes to the terminal: results to standard output, progress to standard error, so that a
//! table can be redirected while its progress is watched.

use std::io::Write as _;

/// Prints a finished text. A closed pipe is no reason to fail a measurement that has been made.
pub(crate) fn text(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Prints a line of progress.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}
