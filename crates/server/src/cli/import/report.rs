//! How far a long command has come, for whoever looks – a bar on a terminal, elsewhere a line now and then –, and what
//! there was to say on the way.

use crate::out;
use std::{
    collections::BTreeMap,
    fmt::{Display, Write as _},
};

/// Steps between the lines where nobody looks at a terminal: in percent, and in rows where nobody knows how many there are.
const STEP: i64 = 10;
const ROWS: i64 = 10_000;

const WIDTH: usize = 30;

/// Different reasons that are counted one by one.
const MOST_REASONS: usize = 100;
const OTHERS: &str = "other reasons";

/// One part of the work.
#[derive(Debug)]
pub(super) struct Report {
    what: &'static str,
    /// Rows that there are, where that is known.
    total: Option<i64>,
    done: i64,
    watched: bool,
    /// Up to where lines were written, in steps.
    told: Option<i64>,
    /// What was said, and how often.
    reasons: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn new(what: &'static str, total: Option<i64>) -> Self {
        Self { what, total, done: 0, watched: out::is_watched(), told: None, reasons: BTreeMap::new() }
    }

    /// So many more were looked at.
    pub(super) fn came_by(&mut self, rows: usize) {
        self.done = self.done.saturating_add(i64::try_from(rows).unwrap_or(i64::MAX));
        let (bar, step, text) = match self.total {
            Some(total) => {
                let percent = percent(self.done, total);
                let text = format!("{}: {} of {total} ({percent} %)", self.what, self.done);
                (bar(percent) + "  ", percent / STEP, text)
            }
            None => (String::new(), self.done / ROWS, format!("{}: {}", self.what, self.done)),
        };
        if self.watched {
            out::over(format_args!("{bar}{text}"));
        } else if self.told.is_none_or(|told| step > told) {
            self.told = Some(step);
            out::line(text);
        }
    }

    /// Tells of somebody or something, in a line that stays.
    pub(super) fn say(&mut self, who: impl Display, reason: &str) {
        if self.watched {
            out::over("");
        }
        out::error(format_args!("{}: {}", out::quoted(&who.to_string()), out::quoted(reason)));
        let is_known = self.reasons.contains_key(reason) || self.reasons.len() < MOST_REASONS;
        *self.reasons.entry(if is_known { reason } else { OTHERS }.to_owned()).or_default() += 1;
    }

    /// What was said, and how often.
    pub(super) fn reasons(&self) -> &BTreeMap<String, u64> {
        &self.reasons
    }

    /// How often anything was said.
    pub(super) fn said(&self) -> u64 {
        self.reasons.values().sum()
    }

    /// The bar goes away.
    pub(super) fn end(&self) {
        if self.watched {
            out::over("");
        }
    }
}

fn percent(done: i64, total: i64) -> i64 {
    if total <= 0 { 100 } else { (done.saturating_mul(100) / total).clamp(0, 100) }
}

fn bar(percent: i64) -> String {
    let full = WIDTH * usize::try_from(percent).unwrap_or_default() / 100;
    let mut bar = String::from("[");
    for at in 0..WIDTH {
        let _ = bar.write_char(if at < full { '=' } else { ' ' });
    }
    bar.push(']');
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_full_as_the_work() {
        assert_eq!((percent(1, 4), percent(9, 4), percent(0, 0)), (25, 100, 100));
        assert_eq!(bar(0).trim_matches(['[', ']']).trim(), "");
        assert_eq!(bar(100).matches('=').count(), WIDTH);
        assert_eq!(bar(50).len(), bar(100).len());
    }
}
