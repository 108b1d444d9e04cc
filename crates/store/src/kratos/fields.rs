//! A row of Kratos' database: its columns as they came, whatever stands in them. Nothing is taken to be there, to be
//! UTF-8 or to be of the kind that the column is for; reading a column answers with a reason that quotes nothing of it.

use super::time;
use crate::{error::Error, value::Row};
use ::time::OffsetDateTime;
use serde_json::Value;
use uuid::Uuid;
use zelos_core::storable;

/// Why a row cannot be migrated; quotes nothing of it.
pub(super) type Because<T> = Result<T, String>;

/// What stands in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Null,
    Text(String),
    /// Bytes that are no UTF-8.
    Bytes(Vec<u8>),
}

impl From<Option<&[u8]>> for Field {
    fn from(bytes: Option<&[u8]>) -> Self {
        match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
            None => Self::Null,
            Some((Ok(text), _)) => Self::Text(text.to_owned()),
            Some((Err(_), bytes)) => Self::Bytes(bytes.to_vec()),
        }
    }
}

/// The columns of a row by their names.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Vec<(&'static str, Field)>);

impl Fields {
    /// Reads the columns of a result that holds texts.
    pub(super) fn read(row: &Row<'_>, names: &[&'static str]) -> Result<Self, Error> {
        let value = |(index, name): (usize, &&'static str)| Ok((*name, Field::from(row.raw_text(index)?)));
        Ok(Self(names.iter().enumerate().map(value).collect::<Result<_, Error>>()?))
    }

    pub(super) fn field(&self, name: &str) -> &Field {
        self.0.iter().find(|(known, _)| *known == name).map_or(&Field::Null, |(_, field)| field)
    }

    /// What identifies the row in a report; none for NULL.
    pub(super) fn source_id(&self) -> Option<String> {
        match self.field("id") {
            Field::Null => None,
            Field::Text(text) => Some(text.clone()),
            Field::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        }
    }

    /// The text of a column that may be NULL.
    pub(super) fn get(&self, name: &str) -> Because<Option<&str>> {
        match self.field(name) {
            Field::Null => Ok(None),
            Field::Text(text) => Ok(Some(text)),
            Field::Bytes(_) => Err(format!("{name} is not UTF-8")),
        }
    }

    pub(super) fn text(&self, name: &str) -> Because<&str> {
        self.get(name)?.ok_or_else(|| format!("{name} is not set"))
    }

    pub(super) fn uuid(&self, name: &str) -> Because<Uuid> {
        Uuid::parse_str(self.text(name)?).map_err(|_| format!("{name} is no UUID"))
    }

    /// The id of a row; the nil one stands for nothing.
    pub(super) fn id(&self, name: &str) -> Because<Uuid> {
        let id = self.uuid(name)?;
        if id.is_nil() { Err(format!("{name} is the nil UUID")) } else { Ok(id) }
    }

    /// A time; the error says why it is none.
    pub(super) fn time(&self, name: &str) -> Because<OffsetDateTime> {
        time::parse(self.text(name)?).map_err(|why| format!("{name}: {why}"))
    }

    pub(super) fn optional_time(&self, name: &str) -> Because<Option<OffsetDateTime>> {
        self.get(name)?.map(|_| self.time(name)).transpose()
    }

    pub(super) fn json(&self, name: &str) -> Because<Value> {
        let Some(text) = self.get(name)? else { return Ok(Value::Null) };
        let value = serde_json::from_str(text).map_err(|_| format!("{name} is no JSON"))?;
        storable::document(&value).map_err(|why| format!("{name} cannot be kept: {why}"))?;
        Ok(value)
    }

    /// SQLite and MySQL keep truth as a number, SQLite's default is a text.
    pub(super) fn truth(&self, name: &str) -> Because<bool> {
        Ok(matches!(self.get(name)?, Some("1" | "true" | "t")))
    }
}
