//! What became of every row of Kratos' database. At the end the numbers must be those that the database itself counts:
//! a row that was neither migrated nor left with a reason is an error.

use crate::cli::{
    Failure,
    import::{report::Report, skipped::Skipped},
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use zelos_store::kratos::{Found, Part, Table};

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Migrated,
    /// It was here before.
    Present,
    /// A session that had ended, and none of those was asked for.
    Ended,
    /// It was not migrated, because of that.
    Skipped(String),
}

/// The numbers of one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows in Kratos.
    pub(super) source: i64,
    pub(super) migrated: i64,
    pub(super) present: i64,
    pub(super) ended: i64,
    pub(super) skipped: i64,
}

impl Tally {
    /// Rows that nothing is known of.
    pub(super) fn unaccounted(&self) -> i64 {
        self.source - self.migrated - self.present - self.ended - self.skipped
    }
}

/// A row, apart from what it says.
#[derive(Debug)]
pub(super) struct Entry {
    table: Table,
    id: Option<String>,
    parts: Vec<Part>,
    left_out: Vec<(Part, String)>,
}

impl Entry {
    pub(super) fn of<T>(table: Table, found: &mut Found<T>) -> Self {
        Self {
            table,
            id: found.source_id.clone(),
            parts: std::mem::take(&mut found.parts),
            left_out: std::mem::take(&mut found.remarks.left_out),
        }
    }

    /// How it is called on a terminal.
    pub(super) fn name(&self) -> String {
        name(self.table, self.id.as_deref())
    }
}

fn name(table: Table, id: Option<&str>) -> String {
    format!("{} {}", table.row(), id.unwrap_or("without an id"))
}

/// A line of the report.
#[derive(Serialize)]
struct Line<'a> {
    table: &'static str,
    id: Option<&'a str>,
    reason: &'a str,
    /// The row that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    belongs_to: Option<&'a str>,
}

/// All tables.
#[derive(Debug)]
pub(super) struct Ledger {
    tables: BTreeMap<Table, Tally>,
    /// Rows whose parents spell their ids in other letters, and that were dealt with.
    respelt: HashMap<Part, u32>,
    /// Rows that were written here.
    written: BTreeMap<Table, i64>,
    skipped: Skipped,
}

impl Ledger {
    pub(super) fn new(counts: &BTreeMap<Table, i64>, skipped: Skipped) -> Self {
        let tally = |(table, count): (&Table, &i64)| (*table, Tally { source: *count, ..Tally::default() });
        Self { tables: counts.iter().map(tally).collect(), respelt: HashMap::new(), written: BTreeMap::new(), skipped }
    }

    /// The rows in Kratos, counted anew: those that came meanwhile are not migrated, and that must be noticed.
    pub(super) fn recount(&mut self, counts: &BTreeMap<Table, i64>) {
        for (table, count) in counts {
            self.tables.entry(*table).or_default().source = *count;
        }
    }

    pub(super) fn of(&self, table: Table) -> Tally {
        self.tables.get(&table).copied().unwrap_or_default()
    }

    pub(super) fn written(&self, table: Table) -> i64 {
        self.written.get(&table).copied().unwrap_or_default()
    }

    pub(super) fn wrote(&mut self, rows: impl IntoIterator<Item = (Table, usize)>) {
        for (table, count) in rows {
            *self.written.entry(table).or_default() += i64::try_from(count).unwrap_or(i64::MAX);
        }
    }

    /// Those rows are dealt with together with their parents.
    pub(super) fn respell(&mut self, parts: Vec<Part>) {
        for part in parts {
            *self.respelt.entry(part).or_default() += 1;
        }
    }

    /// Whether the row is one of them, each once.
    pub(super) fn is_respelt(&mut self, part: &Part) -> bool {
        self.respelt.get_mut(part).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
    }

    /// Notes what became of a row, and with it of what belongs to it.
    pub(super) fn settle(&mut self, report: &mut Report, mut entry: Entry, fate: &Fate) -> Result<(), Failure> {
        self.note((entry.table, entry.id.as_deref()), None, fate)?;
        if let Fate::Skipped(why) = fate {
            report.say(entry.name(), why);
        }
        let own = entry.name();
        let lost = Fate::Skipped(format!("its {} is not migrated", entry.table.row()));
        for part in &entry.parts {
            let belongs_to = entry.id.as_deref();
            let row = (part.table, part.id.as_deref());
            let left_out = entry.left_out.iter().position(|(known, _)| known == part);
            match (fate, left_out) {
                (Fate::Migrated, Some(at)) => {
                    let (_, why) = entry.left_out.swap_remove(at);
                    report.say(format_args!("{} of {own}", name(part.table, part.id.as_deref())), &why);
                    self.note(row, belongs_to, &Fate::Skipped(why))?;
                }
                (Fate::Skipped(_), _) => self.note(row, belongs_to, &lost)?,
                _ => self.note(row, belongs_to, fate)?,
            }
        }
        Ok(())
    }

    /// A row that belongs to nothing.
    pub(super) fn skip(&mut self, report: &mut Report, part: &Part, why: &str) -> Result<(), Failure> {
        report.say(name(part.table, part.id.as_deref()), why);
        self.note((part.table, part.id.as_deref()), None, &Fate::Skipped(why.to_owned()))
    }

    fn note(
        &mut self,
        (table, id): (Table, Option<&str>),
        belongs_to: Option<&str>,
        fate: &Fate,
    ) -> Result<(), Failure> {
        let tally = self.tables.entry(table).or_default();
        match fate {
            Fate::Migrated => tally.migrated += 1,
            Fate::Present => tally.present += 1,
            Fate::Ended => tally.ended += 1,
            Fate::Skipped(reason) => {
                tally.skipped += 1;
                self.skipped.add(&Line { table: table.name(), id, reason, belongs_to })?;
            }
        }
        Ok(())
    }

    /// The report holds what is known so far.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.skipped.flush()
    }

    pub(super) fn tables(&self) -> BTreeMap<Table, Tally> {
        self.tables.clone()
    }

    /// Closes the report, and says where it is.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.skipped.end()
    }
}
