//! The values that go into statements and come out of rows: a closed set, the same for three databases.
//!
//! Each variant of [`Value`] holds an `Option`, because PostgreSQL refuses a NULL without a type. Times are kept in
//! whole microseconds, the precision all three have.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::timestamp;

/// A parameter of a statement; `None` is NULL.
#[derive(Clone, PartialEq)]
pub enum Value<'a> {
    Bool(Option<bool>),
    Int(Option<i64>),
    Text(Option<Cow<'a, str>>),
    Id(Option<Uuid>),
    /// Cut to microseconds when it is sent.
    Time(Option<OffsetDateTime>),
    /// A time as the database orders it.
    Micros(Option<Micros>),
    /// JSON as text: the order of keys is kept, and no database looks into it.
    Json(Option<Cow<'a, str>>),
    Bytes(Option<Cow<'a, [u8]>>),
}

impl Value<'_> {
    /// The same value, owning its text.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Text(value) => Value::Text(value.map(|text| Cow::Owned(text.into_owned()))),
            Self::Id(value) => Value::Id(value),
            Self::Time(value) => Value::Time(value),
            Self::Micros(value) => Value::Micros(value),
            Self::Json(value) => Value::Json(value.map(|text| Cow::Owned(text.into_owned()))),
            Self::Bytes(value) => Value::Bytes(value.map(|bytes| Cow::Owned(bytes.into_owned()))),
        }
    }
}

/// Parameters are passwords' hashes, tokens and addresses: only their kind is shown.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool(_) => "Bool",
            Self::Int(_) => "Int",
            Self::Text(_) => "Text",
            Self::Id(_) => "Id",
            Self::Time(_) | Self::Micros(_) => "Time",
            Self::Json(_) => "Json",
            Self::Bytes(_) => "Bytes",
        })
    }
}

macro_rules! values {
    ($($variant:ident: $from:ty => |$value:ident| $into:expr;)*) => {$(
        impl<'a> From<$from> for Value<'a> {
            fn from($value: $from) -> Self {
                Self::$variant(Some($into))
            }
        }

        impl<'a> From<Option<$from>> for Value<'a> {
            fn from(value: Option<$from>) -> Self {
                Self::$variant(value.map(|$value| $into))
            }
        }
    )*};
}

values! {
    Bool: bool => |value| value;
    Int: i64 => |value| value;
    Int: i32 => |value| i64::from(value);
    Text: &'a str => |value| Cow::Borrowed(value);
    Text: &'a String => |value| Cow::Borrowed(value.as_str());
    Text: String => |value| Cow::Owned(value);
    Id: Uuid => |value| value;
    Id: zelos_core::id::IdentityId => |value| value.0;
    Id: zelos_core::id::AddressId => |value| value.0;
    Id: zelos_core::id::CredentialId => |value| value.0;
    Id: zelos_core::id::SessionId => |value| value.0;
    Id: zelos_core::id::DeviceId => |value| value.0;
    Id: zelos_core::id::FlowId => |value| value.0;
    Id: zelos_core::id::ErrorId => |value| value.0;
    Id: zelos_core::id::MessageId => |value| value.0;
    Id: zelos_core::id::DispatchId => |value| value.0;
    Id: zelos_core::id::CodeId => |value| value.0;
    Id: zelos_core::id::PauseId => |value| value.0;
    Id: zelos_core::id::EventId => |value| value.0;
    Time: OffsetDateTime => |value| value;
    Micros: Micros => |value| value;
    Bytes: &'a [u8] => |value| Cow::Borrowed(value);
    Bytes: Vec<u8> => |value| Cow::Owned(value);
}

impl<'a> Value<'a> {
    /// A JSON document that is text already.
    pub fn json(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Json(Some(text.into()))
    }
}

/// What every row carries: the network it belongs to. There is one.
pub(crate) const NETWORK: Value<'static> = Value::Id(Some(Uuid::nil()));

/// Microseconds since 1970, rounded down.
pub(crate) fn to_micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1000)).unwrap_or(i64::MAX)
}

/// The time of [`to_micros`].
pub(crate) fn from_micros(micros: i64) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).map_err(Error::decode)
}

/// A time as it stands in the database, in microseconds since 1970: whatever can stand in a column of times, also what
/// no calendar has. Lists go on after it, so that a row with such a time has its place like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Micros(i64);

/// What PostgreSQL counts microseconds from: 2000-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl From<OffsetDateTime> for Micros {
    fn from(at: OffsetDateTime) -> Self {
        Self(to_micros(at))
    }
}

impl Micros {
    /// The nearest time that can be shown.
    pub(crate) fn nearest(self) -> OffsetDateTime {
        from_micros(self.0.clamp(to_micros(timestamp::EARLIEST), to_micros(timestamp::LATEST)))
            .unwrap_or(timestamp::LATEST)
    }

    pub(crate) fn get(self) -> i64 {
        self.0
    }

    /// As PostgreSQL sends it, where the ends of the range are its infinities.
    pub(crate) fn of_postgres(raw: i64) -> Self {
        Self(if raw == i64::MIN { raw } else { raw.saturating_add(POSTGRES_EPOCH) })
    }

    pub(crate) fn to_postgres(self) -> i64 {
        if self.0 == i64::MAX { self.0 } else { self.0.saturating_sub(POSTGRES_EPOCH) }
    }
}

/// PostgreSQL's bytes of a time.
struct PostgresTime(i64);

impl<'a> tokio_postgres::types::FromSql<'a> for PostgresTime {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(kind: &tokio_postgres::types::Type) -> bool {
        *kind == tokio_postgres::types::Type::TIMESTAMPTZ
    }
}

/// A row of a result, valid while the statement that reads it stands there.
pub enum Row<'a> {
    #[doc(hidden)]
    Sqlite(&'a rusqlite::Row<'a>),
    #[doc(hidden)]
    Postgres(&'a tokio_postgres::Row),
    #[doc(hidden)]
    MySql(&'a mysql_async::Row),
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Row")
    }
}

/// PostgreSQL's bytes of any column: to ask for NULL without knowing the type.
struct Anything;

impl<'a> tokio_postgres::types::FromSql<'a> for Anything {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        _: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}

/// PostgreSQL's bytes of a text: in a database without an encoding (`SQL_ASCII`) they may be any.
struct RawText<'a>(&'a [u8]);

impl<'a> tokio_postgres::types::FromSql<'a> for RawText<'a> {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(kind: &tokio_postgres::types::Type) -> bool {
        *kind == tokio_postgres::types::Type::TEXT
    }
}

impl Row<'_> {
    /// The column at `index` (from 0). `Option<T>` reads NULL.
    pub fn get<T: Column>(&self, index: usize) -> Result<T, Error> {
        T::read(self, index)
    }

    /// The text of a column, without copying it.
    pub fn text(&self, index: usize) -> Result<&str, Error> {
        self.optional_text(index)?.ok_or_else(|| Error::decode(format_args!("column {index} is NULL")))
    }

    /// The text of a column that may be NULL, without copying it.
    pub fn optional_text(&self, index: usize) -> Result<Option<&str>, Error> {
        match self {
            Self::Sqlite(row) => row.get_ref(index).map_err(Error::decode)?.as_str_or_null().map_err(Error::decode),
            Self::Postgres(row) => row.try_get(index).map_err(Error::decode),
            Self::MySql(row) => match mysql_value(row, index)? {
                mysql_async::Value::NULL => Ok(None),
                mysql_async::Value::Bytes(bytes) => std::str::from_utf8(bytes).map(Some).map_err(Error::decode),
                _ => Err(unexpected(index)),
            },
        }
    }

    /// The bytes of a column that holds text, which need not be UTF-8; none for NULL.
    pub(crate) fn raw_text(&self, index: usize) -> Result<Option<&[u8]>, Error> {
        match self {
            Self::Sqlite(row) => match row.get_ref(index).map_err(Error::decode)? {
                rusqlite::types::ValueRef::Null => Ok(None),
                rusqlite::types::ValueRef::Text(bytes) | rusqlite::types::ValueRef::Blob(bytes) => Ok(Some(bytes)),
                _ => Err(unexpected(index)),
            },
            Self::Postgres(row) => {
                Ok(row.try_get::<_, Option<RawText<'_>>>(index).map_err(Error::decode)?.map(|RawText(bytes)| bytes))
            }
            Self::MySql(row) => match mysql_value(row, index)? {
                mysql_async::Value::NULL => Ok(None),
                mysql_async::Value::Bytes(bytes) => Ok(Some(bytes)),
                _ => Err(unexpected(index)),
            },
        }
    }

    /// The bytes of a column, without copying them.
    pub fn bytes(&self, index: usize) -> Result<&[u8], Error> {
        match self {
            Self::Sqlite(row) => row.get_ref(index).map_err(Error::decode)?.as_blob().map_err(Error::decode),
            Self::Postgres(row) => row.try_get(index).map_err(Error::decode),
            Self::MySql(row) => match mysql_value(row, index)? {
                mysql_async::Value::Bytes(bytes) => Ok(bytes),
                _ => Err(unexpected(index)),
            },
        }
    }

    fn is_null(&self, index: usize) -> Result<bool, Error> {
        Ok(match self {
            Self::Sqlite(row) => row.get_ref(index).map_err(Error::decode)? == rusqlite::types::ValueRef::Null,
            Self::Postgres(row) => row.try_get::<_, Option<Anything>>(index).map_err(Error::decode)?.is_none(),
            Self::MySql(row) => *mysql_value(row, index)? == mysql_async::Value::NULL,
        })
    }

    fn int(&self, index: usize) -> Result<i64, Error> {
        match self {
            Self::Sqlite(row) => row.get(index).map_err(Error::decode),
            Self::Postgres(row) => row.try_get(index).map_err(Error::decode),
            Self::MySql(row) => match mysql_value(row, index)? {
                mysql_async::Value::Int(value) => Ok(*value),
                mysql_async::Value::UInt(value) => i64::try_from(*value).map_err(Error::decode),
                _ => Err(unexpected(index)),
            },
        }
    }
}

fn unexpected(index: usize) -> Error {
    Error::decode(format_args!("column {index} is of another type"))
}

fn mysql_value(row: &mysql_async::Row, index: usize) -> Result<&mysql_async::Value, Error> {
    row.as_ref(index).ok_or_else(|| Error::decode(format_args!("there is no column {index}")))
}

/// A type that a column can be read as.
pub trait Column: Sized {
    /// Reads the column at `index`.
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error>;
}

impl<T: Column> Column for Option<T> {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        if row.is_null(index)? { Ok(None) } else { T::read(row, index).map(Some) }
    }
}

impl Column for i64 {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        row.int(index)
    }
}

impl Column for i32 {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        row.int(index)?.try_into().map_err(Error::decode)
    }
}

impl Column for bool {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        match row {
            Row::Postgres(row) => row.try_get(index).map_err(Error::decode),
            _ => Ok(row.int(index)? != 0),
        }
    }
}

impl Column for String {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        row.text(index).map(str::to_owned)
    }
}

impl Column for Vec<u8> {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        row.bytes(index).map(<[u8]>::to_vec)
    }
}

impl Column for Uuid {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        match row {
            Row::Postgres(row) => row.try_get(index).map_err(Error::decode),
            _ => Self::from_slice(row.bytes(index)?).map_err(Error::decode),
        }
    }
}

macro_rules! id_columns {
    ($($id:ident)*) => {$(
        impl Column for zelos_core::id::$id {
            fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
                Uuid::read(row, index).map(Self)
            }
        }
    )*};
}

id_columns! { IdentityId AddressId CredentialId SessionId DeviceId FlowId ErrorId MessageId DispatchId EventId }

/// Only times that can be written again ([`timestamp`]).
impl Column for OffsetDateTime {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        let at = match row {
            Row::Sqlite(_) => from_micros(row.int(index)?)?,
            Row::Postgres(row) => row.try_get(index).map_err(Error::decode)?,
            Row::MySql(row) => match mysql_value(row, index)? {
                mysql_async::Value::Date(year, month, day, hour, minute, second, micro) => {
                    let month = time::Month::try_from(*month).map_err(Error::decode)?;
                    let date = time::Date::from_calendar_date((*year).into(), month, *day).map_err(Error::decode)?;
                    let at = date.with_hms_micro(*hour, *minute, *second, *micro).map_err(Error::decode)?;
                    at.assume_utc()
                }
                _ => return Err(unexpected(index)),
            },
        };
        timestamp::in_range(at).map_err(Error::decode)
    }
}

impl Column for Micros {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        match row {
            Row::Sqlite(_) => row.int(index).map(Self),
            Row::Postgres(row) => {
                let PostgresTime(raw) = row.try_get(index).map_err(Error::decode)?;
                Ok(Self::of_postgres(raw))
            }
            // What is no date there is the zero one, which comes first.
            Row::MySql(_) => Ok(row.get::<OffsetDateTime>(index).map_or(Self(i64::MIN), Self::from)),
        }
    }
}

/// A JSON document.
impl Column for serde_json::Value {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, Error> {
        serde_json::from_str(row.text(index)?).map_err(Error::decode)
    }
}
