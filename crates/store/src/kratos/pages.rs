//! Pages of a table in an order that passes no row over, whatever its id is.
//!
//! SQLite's ids may be NULL or anything: its rows are read in the order of their `rowid`. On servers the order is that of
//! the id, by the comparison of its own column; those that compare as equal to the last one of a page are read with it.
//! Rows without an id are read before the others.

use super::{Fields, Kratos, Table};
use crate::{
    db::Dialect,
    error::Error,
    page::{marks, padded},
    value::Value,
};
use std::collections::{BTreeSet, HashSet};
use uuid::Uuid;

/// The last row of a page.
#[derive(Debug, Clone)]
pub enum Position {
    /// That of SQLite.
    Row(i64),
    /// The id, as it stands there.
    Id(String),
    /// Rows without an id were read.
    Nulls,
}

/// The rows of a page, and where the next one goes on.
pub(super) struct PageOf {
    pub(super) rows: Vec<Fields>,
    pub(super) next: Option<Position>,
}

/// The column that SQLite orders by.
pub(super) const ROWID: &str = "rowid";

impl Kratos {
    /// The next rows of the network.
    pub(super) async fn page(&self, table: Table, after: Option<&Position>, most: usize) -> Result<PageOf, Error> {
        self.page_where(table, "", &[], after, most).await
    }

    /// The next rows of the network that point to nothing in it.
    pub(super) async fn orphaned(&self, table: Table, after: Option<&Position>, most: usize) -> Result<PageOf, Error> {
        let Some((parent, pointer)) = table.parent().filter(|_| self.has(table.name(), "id")) else {
            return Ok(PageOf { rows: Vec::new(), next: None });
        };
        let condition = format!(
            " AND NOT EXISTS (SELECT 1 FROM {} p WHERE p.id = t.{pointer} AND {})",
            parent.name(),
            self.own("p")
        );
        self.page_where(table, &condition, &[self.key(self.network)], after, most).await
    }

    async fn page_where(
        &self,
        table: Table,
        condition: &str,
        values: &[Value<'static>],
        after: Option<&Position>,
        most: usize,
    ) -> Result<PageOf, Error> {
        let most = most.max(1);
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let select = |order: &str| format!("{} WHERE {}{condition}{order}", self.select(table), self.own("t"));
        let mut params = vec![self.key(self.network)];
        params.extend_from_slice(values);
        if self.store.dialect() == Dialect::Sqlite {
            let last = if let Some(Position::Row(last)) = after { *last } else { i64::MIN };
            params.extend([last.into(), limit.into()]);
            // The first row may have the least of all numbers.
            let more = if after.is_some() { ">" } else { ">=" };
            let rows =
                self.rows(table, select(&format!(" AND t.rowid {more} ? ORDER BY t.rowid LIMIT ?")), params).await?;
            let last = rows.last().filter(|_| rows.len() == most).and_then(|row| row.text(ROWID).ok()?.parse().ok());
            return Ok(PageOf { rows, next: last.map(Position::Row) });
        }
        if after.is_none() {
            let rows = self.rows(table, select(" AND t.id IS NULL"), params).await?;
            return Ok(PageOf { rows, next: Some(Position::Nulls) });
        }
        let mut own = params.clone();
        let beyond = if let Some(Position::Id(last)) = after {
            own.push(self.raw_key(last));
            " AND t.id > ?"
        } else {
            ""
        };
        own.push(limit.into());
        let order = format!("{beyond} AND t.id IS NOT NULL ORDER BY t.id LIMIT ?");
        let mut rows = self.rows(table, select(&order), own).await?;
        if rows.len() < most {
            return Ok(PageOf { rows, next: None });
        }
        let Some(last) = rows.last().and_then(|row| row.text("id").ok().map(str::to_owned)) else {
            return Ok(PageOf { rows, next: None });
        };
        params.push(self.raw_key(&last));
        let equals = self.rows(table, select(" AND t.id = ?"), params).await?;
        let ids: BTreeSet<Option<String>> = equals.iter().map(Fields::source_id).collect();
        rows.retain(|row| !ids.contains(&row.source_id()));
        rows.extend(equals);
        Ok(PageOf { rows, next: Some(Position::Id(last)) })
    }

    /// Ids of those rows that stand in other rows as well, in other letters.
    pub(super) async fn twins(&self, table: Table, rows: &[Fields]) -> Result<HashSet<Uuid>, Error> {
        if self.store.dialect() == Dialect::Postgres {
            return Ok(HashSet::new());
        }
        let spellings: Vec<String> = rows.iter().filter_map(|row| row.text("id").ok()).flat_map(spellings).collect();
        let (mut known, mut twins): (BTreeSet<(Uuid, String)>, HashSet<Uuid>) = Default::default();
        for chunk in spellings.chunks(CHUNK) {
            let sql = format!(
                "SELECT {} FROM {} t WHERE t.id IN ({}) AND {}",
                self.as_text(table.name(), &["id"]),
                table.name(),
                marks(chunk.len()),
                self.own("t")
            );
            let names: Vec<&String> = chunk.iter().collect();
            let params = padded(&names).map(|id| id.clone().into()).chain([self.key(self.network)]).collect();
            let found = self.store.scan(sql, params, |row| Fields::read(row, &["id"])).await?;
            let ids = found.iter().filter_map(|row| Some((row.uuid("id").ok()?, row.text("id").ok()?.to_owned())));
            known.extend(ids);
        }
        let mut last = None;
        for (id, _) in known {
            if last == Some(id) {
                twins.insert(id);
            }
            last = Some(id);
        }
        Ok(twins)
    }

    /// `SELECT … FROM …` of all that is read of a table.
    pub(super) fn select(&self, table: Table) -> String {
        let mut columns = self.as_text(table.name(), table.columns());
        if self.store.dialect() == Dialect::Sqlite {
            columns.push_str(", CAST(t.rowid AS TEXT)");
        }
        format!("SELECT {columns} FROM {} t", table.name())
    }

    /// The rows of such a select.
    pub(super) async fn rows(
        &self,
        table: Table,
        sql: String,
        params: Vec<Value<'static>>,
    ) -> Result<Vec<Fields>, Error> {
        let mut names = table.columns().to_vec();
        names.extend((self.store.dialect() == Dialect::Sqlite).then_some(ROWID));
        self.store.scan(sql, params, move |row| Fields::read(row, &names)).await
    }

    /// An id as it was read, to compare with.
    pub(super) fn raw_key(&self, id: &str) -> Value<'static> {
        match Uuid::parse_str(id) {
            Ok(id) if self.store.dialect() == Dialect::Postgres => id.into(),
            _ => id.to_owned().into(),
        }
    }
}

/// How many values one statement names.
pub(super) const CHUNK: usize = 512;

/// The ways in which an id may be written: as it is, and in small and in capital letters.
pub(super) fn spellings(id: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([id.to_owned()]);
    if let Ok(id) = Uuid::parse_str(id) {
        all.extend([id.to_string(), id.to_string().to_uppercase()]);
    }
    all
}
