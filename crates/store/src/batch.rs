//! A write is a value. What must happen together is a [`Batch`]: statements in order, each with what it expects.
//!
//! There are no interactive transactions. A batch reads nothing, so it can be repeated after a deadlock, sent in one
//! go, and put together with other people's batches in one commit; and what belongs together can be read in the code.
//! Decisions are made from rows read before and *guarded*: `UPDATE … WHERE version = ?` expects one row, and an unmet
//! guard takes everything back.

use crate::value::Value;
use std::borrow::Cow;

/// How many rows a statement must touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Exactly so many.
    Rows(u64),
    /// So many or more.
    AtLeast(u64),
    /// Nothing is expected.
    Any,
}

impl Expect {
    pub(crate) fn is_met(self, rows: u64) -> bool {
        match self {
            Self::Rows(expected) => rows == expected,
            Self::AtLeast(expected) => rows >= expected,
            Self::Any => true,
        }
    }
}

/// One statement of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<Value<'static>>,
    pub(crate) expect: Expect,
    pub(crate) guard: &'static str,
}

/// Statements that are written together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) statements: Vec<Statement>,
    /// A value that could not be written as JSON: the batch then fails as a whole when it is committed.
    pub(crate) broken: Option<String>,
}

impl Batch {
    /// A batch without statements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement that may touch any number of rows: an insert, or a delete that need not find anything.
    pub fn add<'a>(&mut self, sql: impl Into<Cow<'static, str>>, values: impl IntoIterator<Item = Value<'a>>) {
        self.guarded("", Expect::Any, sql, values);
    }

    /// Adds a statement that must touch as many rows as it expects; `guard` is the name an unmet expectation is
    /// reported under ([`Error::Unmet`](crate::Error::Unmet)).
    ///
    /// The statement is an insert, update or delete without `RETURNING`, as PostgreSQL gets it inside another one.
    ///
    /// On MySQL a batch of this one statement runs without a transaction. So a guarded update finds its rows by a
    /// unique key when it expects `Rows(1)`: more than that could not be taken back.
    pub fn guarded<'a>(
        &mut self,
        guard: &'static str,
        expect: Expect,
        sql: impl Into<Cow<'static, str>>,
        values: impl IntoIterator<Item = Value<'a>>,
    ) {
        let values = values.into_iter().map(Value::into_owned).collect();
        self.statements.push(Statement { sql: sql.into(), values, expect, guard });
    }

    /// Adds the rows of one table with as few statements as it takes; `columns` is `table (a, b, c)`, and each row has
    /// a value for each column.
    pub fn insert<'a, const N: usize>(&mut self, columns: &str, rows: impl IntoIterator<Item = [Value<'a>; N]>) {
        let rows: Vec<[Value<'a>; N]> = rows.into_iter().collect();
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        while left > 0 {
            let count = ROWS_AN_INSERT.into_iter().find(|count| *count <= left).unwrap_or(left);
            left -= count;
            let mut sql = format!("INSERT INTO {columns} VALUES ");
            let mut values = Vec::with_capacity(N * count);
            for (index, row) in rows.by_ref().take(count).enumerate() {
                sql.push_str(if index == 0 { "(?" } else { ", (?" });
                sql.extend(std::iter::repeat_n(", ?", N.saturating_sub(1)));
                sql.push(')');
                values.extend(row.into_iter().map(Value::into_owned));
            }
            self.statements.push(Statement { sql: sql.into(), values, expect: Expect::Any, guard: "" });
        }
    }

    /// A value as JSON text, for a column. That it cannot be written is a bug, which the commit reports.
    pub fn json(&mut self, value: &impl serde::Serialize) -> Value<'static> {
        match serde_json::to_string(value) {
            Ok(text) => Value::json(text),
            Err(error) => {
                self.broken = Some(format!("a value cannot be stored: {error}"));
                Value::Json(None)
            }
        }
    }

    /// Takes over the statements of another batch, after its own.
    pub fn append(&mut self, other: Batch) {
        self.statements.extend(other.statements);
        self.broken = self.broken.take().or(other.broken);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// How many statements there are.
    pub fn len(&self) -> usize {
        self.statements.len()
    }
}

/// How many rows a multi-row insert has, if there are as many left: that bounds the number of different texts, and the
/// parameters of each.
const ROWS_AN_INSERT: [usize; 2] = [128, 16];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_inserted_in_chunks() {
        let mut batch = Batch::new();
        batch.insert("t (a, b)", (0..17_i64).map(|n| [n.into(), true.into()]));
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.statements[0].values.len(), 32);
        assert_eq!(batch.statements[1].sql, "INSERT INTO t (a, b) VALUES (?, ?)");
        let mut many = Batch::new();
        many.insert("t (a)", (0..300_i64).map(|n| [n.into()]));
        let counts: Vec<usize> = many.statements.iter().map(|statement| statement.values.len()).collect();
        assert_eq!(counts, [128, 128, 16, 16, 12]);
        batch.insert("t (a, b)", std::iter::empty::<[Value<'_>; 2]>());
        assert_eq!(batch.len(), 2, "no rows, no statement");
    }

    #[test]
    fn a_value_is_not_shown() {
        let shown = format!("{:?}", Value::from("secret"));
        assert!(!shown.contains("secret"));
    }
}
