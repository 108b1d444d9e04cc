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
