//! Rows that belong to rows of another table: found by the id of their parent, in whichever letters they name it.

use super::{
    Fields, Kratos, Part, Table,
    fields::Field,
    pages::{CHUNK, ROWID, spellings},
};
use crate::{
    db::Dialect,
    error::Error,
    page::{marks, padded},
    value::Value,
};
use std::collections::{BTreeSet, HashMap};

/// Rows by what they point to.
#[derive(Debug, Default)]
pub(super) struct Children {
    /// The table they stand in; none where there are none.
    table: Option<Table>,
    pointer: &'static str,
    /// By the key of their parent.
    rows: HashMap<String, Vec<Fields>>,
    /// Those of parents whose ids are no texts, by the `rowid` of the parent.
    odd: HashMap<String, Vec<Fields>>,
}

/// What an id and all its spellings have in common.
fn key(id: &str) -> String {
    uuid::Uuid::parse_str(id).map_or_else(|_| id.to_owned(), |id| id.to_string())
}

impl Children {
    /// All of them.
    pub(super) fn rows(&self) -> Vec<&Fields> {
        self.rows.values().chain(self.odd.values()).flatten().collect()
    }

    /// Those of that parent. If another row has the same id in other letters, only those that spell it exactly so. Notes
    /// those that spell it differently.
    pub(super) fn take(&mut self, parent: &Fields, has_twin: bool, respelt: &mut Vec<Part>) -> Vec<Fields> {
        let (Some(table), pointer) = (self.table, self.pointer) else { return Vec::new() };
        let Ok(id) = parent.text("id") else {
            let rowid = parent.text(ROWID).unwrap_or_default();
            return self.odd.remove(rowid).unwrap_or_default();
        };
        let is_same = |row: &Fields| row.text(pointer) == Ok(id);
        let all = self.rows.remove(&key(id)).unwrap_or_default();
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|row| !has_twin || is_same(row));
        if !others.is_empty() {
            self.rows.insert(key(id), others);
        }
        respelt.extend(own.iter().filter(|row| !is_same(row)).map(|row| Part::of(table, row)));
        own
    }
}

impl Kratos {
    /// The rows of a table that belong to those parents.
    pub(super) async fn children(&self, table: Table, parents: &[&Fields]) -> Result<Children, Error> {
        let Some((_, pointer)) = table.parent().filter(|(_, pointer)| self.has(table.name(), pointer)) else {
            return Ok(Children::default());
        };
        let mut children = Children { table: Some(table), pointer, ..Children::default() };
        let ids = parents.iter().filter_map(|row| row.text("id").ok());
        let ids: BTreeSet<String> = if self.store.dialect() == Dialect::Postgres {
            ids.map(str::to_owned).collect()
        } else {
            ids.flat_map(spellings).collect()
        };
        let ids: Vec<String> = ids.into_iter().collect();
        for chunk in ids.chunks(CHUNK) {
            let chunk: Vec<&String> = chunk.iter().collect();
            let values = padded(&chunk).map(|id| self.raw_key(id)).collect();
            let found = self.pointing(table, &format!("t.{pointer} IN ({})", marks(chunk.len())), values).await?;
            for row in found {
                if let Ok(id) = row.text(pointer) {
                    children.rows.entry(key(id)).or_default().push(row);
                }
            }
        }
        for parent in parents.iter().filter(|row| matches!(row.field("id"), Field::Bytes(_))) {
            self.odd_children(table, parent, &mut children).await?;
        }
        Ok(children)
    }

    /// Those of a parent whose id is no text: the database compares it. Only SQLite keeps such ids.
    async fn odd_children(&self, table: Table, parent: &Fields, children: &mut Children) -> Result<(), Error> {
        let (Some((of, pointer)), Ok(rowid)) = (table.parent(), parent.text(ROWID)) else { return Ok(()) };
        let condition = format!("t.{pointer} = (SELECT p.id FROM {} p WHERE p.rowid = CAST(? AS INTEGER))", of.name());
        let found = self.pointing(table, &condition, vec![rowid.to_owned().into()]).await?;
        children.odd.insert(rowid.to_owned(), found);
        Ok(())
    }

    async fn pointing(
        &self,
        table: Table,
        condition: &str,
        mut values: Vec<Value<'static>>,
    ) -> Result<Vec<Fields>, Error> {
        values.push(self.key(self.network));
        let order = if self.has(table.name(), "created_at") { "t.created_at, t.id" } else { "t.id" };
        let sql = format!("{} WHERE {condition} AND {} ORDER BY {order}", self.select(table), self.own("t"));
        self.rows(table, sql, values).await
    }
}
