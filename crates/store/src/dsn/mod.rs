//! The DSN: one text that says which database, where, and how to reach it, in the forms that operators of Kratos have
//! in their configuration.
//!
//! Kratos hands them to Go's drivers, so they are read as those read them: SQLite's URLs here, PostgreSQL's in
//! `postgres.rs` (Go's `net/url` and pgx), MySQL's form with `tcp(…)` in `mysql.rs`. `tests.rs` is the table of forms.
//! A DSN holds a password: no error quotes any part of it but the scheme and the names of parameters.

mod go_url;
mod mysql;
mod postgres;

use crate::{db::PoolOptions, error::Error};
use mysql::mysql;
use postgres::postgres;
use std::{path::PathBuf, time::Duration};

/// What a DSN leads to. The passwords inside are why this has no `Debug`.
pub(crate) enum Target {
    /// A database that lives as long as the process.
    Memory,
    Sqlite(SqliteFile),
    Postgres(Box<tokio_postgres::Config>, PostgresTls),
    MySql(Box<mysql_async::OptsBuilder>, MySqlTls),
}

/// An SQLite database file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SqliteFile {
    pub(crate) path: PathBuf,
    /// Whether a missing file is made.
    pub(crate) create: bool,
    /// How long to wait for another process's write.
    pub(crate) busy_timeout: Duration,
    /// Value of `PRAGMA synchronous`, one of SQLite's words.
    pub(crate) synchronous: &'static str,
}

/// How much of the server's certificate is checked; PostgreSQL's driver itself knows only whether to use TLS.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct PostgresTls {
    pub(crate) verify: Verify,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
}

/// Where a MySQL server listens, and whether the connection is encrypted (`tls`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MySqlTls {
    /// `false`, and each unix socket.
    Off,
    /// `preferred`: encrypted without looking at the certificate if the server offers it, as in Go's driver.
    Preferred(TcpAddress),
    /// `true` and `skip-verify`: encrypted or not at all.
    Required(TcpAddress, Verify),
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TcpAddress {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// What is checked of a server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verify {
    /// Encrypted, but anyone may answer (`prefer`, `require`, as in libpq).
    #[default]
    Nothing,
    /// Issued by a known authority (`verify-ca`).
    Authority,
    /// And for this host (`verify-full`).
    Full,
}

/// Reads a DSN. What it says about the pool goes into `pool`.
pub(crate) fn parse(dsn: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    if dsn == "memory" {
        return Ok(Target::Memory);
    }
    let (scheme, rest) = dsn.split_once("://").ok_or_else(|| Error::Dsn(no_scheme(dsn)))?;
    match scheme {
        "sqlite" | "sqlite3" => sqlite(rest, pool),
        "postgres" | "postgresql" | "pg" | "pgx" | "cockroach" | "cockroachdb" | "crdb" => postgres(rest, pool),
        "mysql" | "mariadb" => mysql(rest, pool),
        _ => {
            Err(Error::Dsn(format!("unknown scheme `{scheme}`, expected sqlite, postgres, mysql, cockroach or memory")))
        }
    }
}

/// libpq's form of keys and values is what most often comes without a scheme; Kratos takes it no more than this.
fn no_scheme(dsn: &str) -> String {
    if dsn.split_ascii_whitespace().any(|word| ["host=", "user=", "dbname="].iter().any(|key| word.starts_with(key))) {
        return "it has no scheme: write keys and values as postgres://user:password@host:port/database".into();
    }
    "it has no scheme".into()
}

/// The parameters of a DSN after those of the pool, which every database has, were taken out. Of several with the same
/// name the first counts, as in Go.
fn parameters(query: &str, pool: &mut PoolOptions) -> Result<Vec<(String, String)>, Error> {
    let mut rest = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        if !seen.insert(name.clone()) {
            continue;
        }
        match name.as_str() {
            "max_conns" => pool.max_connections = Some(number(&name, &value)?),
            "max_idle_conns" => pool.max_idle = Some(number(&name, &value)?),
            "max_conn_lifetime" => pool.max_lifetime = Some(duration(&name, &value)?),
            "max_conn_idle_time" => pool.idle_timeout = Some(duration(&name, &value)?),
            "pool_min_conns" => return Err(Error::Dsn("parameter `pool_min_conns` is not supported".into())),
            _ => rest.push((name, value)),
        }
    }
    Ok(rest)
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Error> {
    value.parse().map_err(|_| Error::Dsn(format!("parameter `{name}` is not a number")))
}

/// Go's durations: `1h30m`, `300ms`; a bare `0` is none.
fn duration(name: &str, value: &str) -> Result<Duration, Error> {
    let bad = || Error::Dsn(format!("parameter `{name}` is not a duration such as `30s`"));
    let mut rest = value;
    let mut total = 0.0_f64;
    if value.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (amount, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let amount: f64 = amount.parse().map_err(|_| bad())?;
        total += amount
            * match unit {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "" if amount == 0.0 => 0.0,
                _ => return Err(bad()),
            };
        rest = after;
    }
    Duration::try_from_secs_f64(total).map_err(|_| bad())
}

/// `path?…`, `/path?…`, `file:path?…`, `:memory:`. SQLite's own URI forms and the parameters of Go's drivers.
fn sqlite(rest: &str, pool: &mut PoolOptions) -> Result<Target, Error> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.strip_prefix("file:").unwrap_or(path);
    let mut file = SqliteFile {
        path: percent_decode(path).into(),
        create: true,
        busy_timeout: Duration::from_secs(5),
        synchronous: "FULL",
    };
    let mut memory = path == ":memory:";
    for (name, value) in parameters(query, pool)? {
        match (name.as_str(), value.as_str()) {
            ("mode", "memory") => memory = true,
            ("mode", "rw") => file.create = false,
            ("mode", "rwc") => {}
            ("mode", _) => return Err(Error::Dsn("parameter `mode` is none of rwc, rw, memory".into())),
            ("_busy_timeout" | "_timeout", _) => file.busy_timeout = Duration::from_millis(number(&name, &value)?),
            ("_sync" | "_synchronous", _) => {
                file.synchronous = match value.to_ascii_uppercase().as_str() {
                    "0" | "OFF" => "OFF",
                    "1" | "NORMAL" => "NORMAL",
                    "2" | "FULL" => "FULL",
                    "3" | "EXTRA" => "EXTRA",
                    _ => return Err(Error::Dsn(format!("parameter `{name}` is none of OFF, NORMAL, FULL, EXTRA"))),
                };
            }
            // Foreign keys are always on, the journal is always a WAL, and the rest is about Go's drivers.
            _ => {}
        }
    }
    if memory {
        return Ok(Target::Memory);
    }
    if file.path.as_os_str().is_empty() {
        return Err(Error::Dsn("it names no SQLite file".into()));
    }
    Ok(Target::Sqlite(file))
}

/// A `%` that begins no encoded byte stands for itself.
fn percent_decode(text: &str) -> String {
    String::from_utf8_lossy(&percent_decoded_bytes(text)).into_owned()
}

fn percent_decoded_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| after.get(..2)).flatten();
        let escaped =
            escaped.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests;
