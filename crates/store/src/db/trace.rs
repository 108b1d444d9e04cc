//! Counts what is asked of the database. The hot paths have a budget of statements and round trips, and a budget that
//! nobody counts is not kept: tests read these numbers, and also the texts, to have each one's plan explained. How long
//! the answers took is for operators.

use crate::{batch::Batch, value::Value};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tracing::Span;
use zelos_core::measure::{Histogram, SECONDS};

/// Counters of a [`Store`](crate::Store), from its beginning.
#[derive(Debug)]
pub struct Trace {
    statements: AtomicU64,
    round_trips: AtomicU64,
    /// How long statements that read took, repetitions included.
    pub reads: Histogram,
    /// How long batches took, repetitions included.
    pub commits: Histogram,
    texts: OnceLock<Mutex<BTreeMap<String, Vec<Value<'static>>>>>,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            statements: AtomicU64::default(),
            round_trips: AtomicU64::default(),
            reads: Histogram::new(SECONDS),
            commits: Histogram::new(SECONDS),
            texts: OnceLock::default(),
        }
    }
}

impl Trace {
    /// Statements asked for: reads, and statements of batches (repetitions not counted).
    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// How often an answer of the database was waited for. Preparing a statement, which each connection does once, is
    /// not counted.
    pub fn total_round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }

    /// Starts to collect the texts of statements: for tests, as values are kept with them.
    pub fn collect(&self) {
        self.texts.get_or_init(Mutex::default);
    }

    /// The different texts collected so far, with `?` for parameters, each with the values it first came with.
    pub fn texts(&self) -> Vec<(String, Vec<Value<'static>>)> {
        let texts = self.texts.get().map(|texts| texts.lock().unwrap_or_else(PoisonError::into_inner).clone());
        texts.unwrap_or_default().into_iter().collect()
    }

    pub(crate) fn read(&self, sql: &str, params: &[Value<'_>]) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.round_trips(1);
        self.text(sql, params);
    }

    pub(crate) fn write(&self, batch: &Batch) {
        self.statements.fetch_add(batch.len() as u64, Ordering::Relaxed);
        for statement in &batch.statements {
            self.text(&statement.sql, &statement.values);
        }
    }

    pub(crate) fn round_trips(&self, count: u64) {
        self.round_trips.fetch_add(count, Ordering::Relaxed);
    }

    fn text(&self, sql: &str, params: &[Value<'_>]) {
        if let Some(texts) = self.texts.get() {
            let mut texts = texts.lock().unwrap_or_else(PoisonError::into_inner);
            texts.entry(sql.to_owned()).or_insert_with(|| params.iter().cloned().map(Value::into_owned).collect());
        }
    }
}

/// The span of a statement that reads, within that of a request or of a delivery: what goes on by itself is not traced.
pub(crate) fn read_span(sql: &str) -> Span {
    if !is_traced() {
        return Span::none();
    }
    tracing::info_span!(target: "otel", "statement", otel.name = %summary(sql), otel.kind = "client")
}

/// The span of a batch, with the names of its statements.
pub(crate) fn write_span(batch: &Batch) -> Span {
    if !is_traced() {
        return Span::none();
    }
    let summaries: Vec<String> = batch.statements.iter().map(|statement| summary(&statement.sql)).collect();
    tracing::info_span!(
        target: "otel",
        "batch",
        otel.name = "COMMIT",
        otel.kind = "client",
        db.query.summary = summaries.join("; ")
    )
}

/// `enabled!` would tell more, but where layers have filters of their own it may swallow the event that comes next.
fn is_traced() -> bool {
    !Span::current().is_none()
}

/// What a statement does to which table: of all its text, what may be shown.
fn summary(sql: &str) -> String {
    let mut words = sql.split_ascii_whitespace();
    let operation = words.next().unwrap_or_default();
    let table = match operation {
        "UPDATE" => words.next(),
        _ => words.skip_while(|word| !matches!(*word, "FROM" | "INTO")).nth(1),
    };
    format!("{operation} {}", table.unwrap_or_default()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn a_statement_is_called_by_what_it_does() {
        for (sql, expected) in [
            ("SELECT s.id FROM sessions s JOIN identities i ON i.id = s.identity_id", "SELECT sessions"),
            ("INSERT INTO sessions (nid, id) SELECT ?, ? FROM identities i", "INSERT sessions"),
            ("UPDATE flows SET version = ? WHERE id = ?", "UPDATE flows"),
            ("DELETE FROM flows WHERE id IN (?, ?)", "DELETE flows"),
            ("SELECT 1", "SELECT"),
        ] {
            assert_eq!(summary(sql), expected);
        }
    }
}
