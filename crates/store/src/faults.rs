//! Reading of rows that may hold what cannot be read: written by an older version, by hand, or damaged.
//!
//! A single row is read strictly, so that nothing is decided by a part of it. A list is read with tolerance: a column that
//! cannot be read gets a value in its place and is named in the log, and the other rows are not affected.

use crate::{
    error::Error,
    value::{Column, Micros, Row},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// What to do with columns that cannot be read.
#[derive(Debug)]
pub(crate) struct Faults {
    tolerant: bool,
    columns: Vec<&'static str>,
}

impl Faults {
    /// The first one is an error.
    pub(crate) fn strict() -> Self {
        Self { tolerant: false, columns: Vec::new() }
    }

    /// They are noted.
    pub(crate) fn tolerant() -> Self {
        Self { tolerant: true, columns: Vec::new() }
    }

    pub(crate) fn is_tolerant(&self) -> bool {
        self.tolerant
    }

    /// Notes a column, or a part of one.
    pub(crate) fn note(&mut self, column: &'static str) {
        self.columns.push(column);
    }

    /// Whether everything was read.
    pub(crate) fn is_none(&self) -> bool {
        self.columns.is_empty()
    }

    /// What was read, or else `instead`.
    pub(crate) fn or<T>(&mut self, column: &'static str, read: Result<T, Error>, instead: T) -> Result<T, Error> {
        match read {
            Err(_) if self.tolerant => {
                self.note(column);
                Ok(instead)
            }
            read => read,
        }
    }

    /// The value of a column, or else its default.
    pub(crate) fn get<T: Column + Default>(
        &mut self,
        column: &'static str,
        row: &Row<'_>,
        index: usize,
    ) -> Result<T, Error> {
        self.or(column, row.get(index), T::default())
    }

    /// A time, or else the nearest one that can be shown.
    pub(crate) fn time(&mut self, column: &'static str, row: &Row<'_>, index: usize) -> Result<OffsetDateTime, Error> {
        let nearest = row.get::<Micros>(index).map_or(OffsetDateTime::UNIX_EPOCH, Micros::nearest);
        self.or(column, row.get(index), nearest)
    }

    /// Names the row in the log, if not all of it was read. Values stay out of it: they are personal data.
    pub(crate) fn report(&self, table: &'static str, id: Option<Uuid>) {
        if !self.is_none() {
            let (columns, id) = (self.columns.join(", "), id.map(|id| id.to_string()));
            tracing::error!(table, id, columns, "stored row cannot be read in full");
        }
    }
}

/// A row of a list: what can be read of it and whether that is all, or nothing where it lacks what it is shown by. Rows
/// that cannot be read are logged.
pub(crate) fn listed<T>(
    table: &'static str,
    row: &Row<'_>,
    read: impl FnOnce(&Row<'_>, &mut Faults) -> Result<T, Error>,
) -> Option<(T, bool)> {
    let mut faults = Faults::tolerant();
    let id = row.get::<Uuid>(0).ok();
    if let Ok(item) = read(row, &mut faults) {
        faults.report(table, id);
        Some((item, faults.is_none()))
    } else {
        tracing::error!(
            table,
            id = id.map(|id| id.to_string()),
            "stored row cannot be read, it is left out of the list"
        );
        None
    }
}
