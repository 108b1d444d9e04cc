//! Migrations: how the tables come to be, on three databases, while any number of processes start at once.
//!
//! A migration is one file, written once with tokens for the types (`:ID`, `:TIME`, …); what becomes of it on each
//! database is checked in as `schema.<dialect>.sql`, so that a reviewer sees it and a test notices when a released
//! one changes. One process works under a lock, the others wait and find the work done.
//!
//! MySQL commits after each change of a table. So its ledger is kept per statement, with a mark *before* each one: a
//! process that died in the middle is resumed, and a table that exists is taken for ours only if we began to make it.

use crate::{
    db::{Dialect, Engine, Store, mysql::Connection},
    error::Error,
};
use mysql_async::prelude::Queryable;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// A step of the schema's history.
struct Migration {
    name: &'static str,
    text: &'static str,
}

/// In the order in which they are run. A released one never changes; the next change is a new one.
const MIGRATIONS: [Migration; 10] = [
    Migration { name: "0001_identities", text: include_str!("../migrations/0001_identities.sql") },
    Migration { name: "0002_sessions", text: include_str!("../migrations/0002_sessions.sql") },
    Migration { name: "0003_flows", text: include_str!("../migrations/0003_flows.sql") },
    Migration { name: "0004_messages", text: include_str!("../migrations/0004_messages.sql") },
    Migration { name: "0005_attempts", text: include_str!("../migrations/0005_attempts.sql") },
    Migration { name: "0006_leases", text: include_str!("../migrations/0006_leases.sql") },
    Migration { name: "0007_audit", text: include_str!("../migrations/0007_audit.sql") },
    Migration { name: "0008_imports", text: include_str!("../migrations/0008_imports.sql") },
    Migration { name: "0009_indexed_traits", text: include_str!("../migrations/0009_indexed_traits.sql") },
    Migration { name: "0010_remote_documents", text: include_str!("../migrations/0010_remote_documents.sql") },
];

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS zelos_migrations (
  name :WORD NOT NULL,
  statement :INT NOT NULL,
  done :BOOL NOT NULL,
  PRIMARY KEY (name, statement)
) :TABLE";

const READ_LEDGER: &str = "SELECT name, COUNT(*) FROM zelos_migrations WHERE done = TRUE GROUP BY name";

/// How long a process waits for another one that migrates.
const LOCK_WAIT: Duration = Duration::from_mins(10);

/// What a process says that waits for it.
const LOCKED: &str = "another process is migrating it";

/// One migration and whether it was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// For instance `0001_identities`.
    pub name: &'static str,
    /// Whether all of it was run.
    pub applied: bool,
}

/// All migrations, oldest first.
pub async fn status(store: &Store) -> Result<Vec<Status>, Error> {
    let ledger = match store.dialect() {
        Dialect::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'zelos_migrations'",
        Dialect::Postgres => {
            "SELECT COUNT(*) FROM (SELECT to_regclass('zelos_migrations') AS name) t WHERE name IS NOT NULL"
        }
        Dialect::MySql => {
            "SELECT COUNT(*) FROM information_schema.tables \
             WHERE table_schema = DATABASE() AND table_name = 'zelos_migrations'"
        }
    };
    let exists: i64 = store.one(ledger, &[], |row| row.get(0)).await?;
    let done: BTreeMap<String, i64> = if exists == 0 {
        BTreeMap::new()
    } else {
        store.all(READ_LEDGER, &[], |row| Ok((row.get(0)?, row.get(1)?))).await?.into_iter().collect()
    };
    Ok(MIGRATIONS
        .iter()
        .map(|migration| Status { name: migration.name, applied: is_done(migration, &done, store.dialect()) })
        .collect())
}

/// What is told of each wait: why, in one sentence without secrets.
pub type Tell<'a> = dyn Fn(&str) + Sync + 'a;

/// Runs what is still to be run, and answers with the names of what this call did. For up to `wait` it lets a
/// database come up that does not answer yet, and says so in the log.
pub async fn up(store: &Store, wait: Duration) -> Result<Vec<&'static str>, Error> {
    up_telling(store, wait, &|reason| tracing::warn!(reason, "waiting for the database")).await
}

/// As [`up`], with an ear of the caller's own for the reason of each wait.
///
/// # Errors
/// [`Error::Refused`] at once; [`Error::Unavailable`] after `wait`.
pub async fn up_telling(store: &Store, wait: Duration, tell: &Tell<'_>) -> Result<Vec<&'static str>, Error> {
    let mut waiting = Waiting::new(wait, tell);
    let mut failures = 0;
    loop {
        let result = match status(store).await {
            Ok(status) if status.iter().all(|migration| migration.applied) => return Ok(Vec::new()),
            Ok(_) => apply(store, tell).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(names) => return Ok(names),
            // Where a database knows no locks across its nodes (CockroachDB, Galera), the slower of two processes
            // fails on what the faster one has done.
            Err(error) if !error.is_outage() && failures < 3 && store.dialect() != Dialect::Sqlite => {
                failures += 1;
                tracing::debug!(%error, "migration failed; looking again");
                tokio::time::sleep(FIRST_PAUSE).await;
            }
            Err(error) => waiting.after(error).await?,
        }
    }
}

/// All migrations, of a database that may have to come up yet: for up to `wait`.
///
/// # Errors
/// As [`up_telling`].
pub async fn status_telling(store: &Store, wait: Duration, tell: &Tell<'_>) -> Result<Vec<Status>, Error> {
    let mut waiting = Waiting::new(wait, tell);
    loop {
        match status(store).await {
            Ok(status) => return Ok(status),
            Err(error) => waiting.after(error).await?,
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Pauses between tries, with a bound for all of them.
struct Waiting<'a> {
    until: Instant,
    pause: Duration,
    tell: &'a Tell<'a>,
}

impl<'a> Waiting<'a> {
    fn new(wait: Duration, tell: &'a Tell<'a>) -> Self {
        Self { until: Instant::now() + wait, pause: FIRST_PAUSE, tell }
    }

    /// Tells of a failure that time may heal and pauses; gives back any other, and the one after which there is no time.
    async fn after(&mut self, error: Error) -> Result<(), Error> {
        match error {
            Error::Unavailable(reason) if Instant::now() + self.pause < self.until => (self.tell)(&reason),
            error => return Err(error),
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Ok(())
    }
}

/// Whether a database file is one of ours: its ledger says that migrations which this version knows were run, the first of
/// them without a gap, and their tables are there.
pub(crate) fn check_file(connection: &rusqlite::Connection) -> Result<(), String> {
    let no_ledger = |_| "it holds no tables of Zelos".to_owned();
    let names = |sql: &str| -> rusqlite::Result<Vec<String>> {
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    let begun = names("SELECT DISTINCT name FROM zelos_migrations ORDER BY name").map_err(no_ledger)?;
    let known = |name: &String| MIGRATIONS.iter().any(|migration| migration.name == name);
    if let Some(newer) = begun.iter().find(|name| !known(name)) {
        return Err(format!("it is of a newer version of Zelos: this one does not know the migration {newer:?}"));
    }
    let done = read_ledger(connection).map_err(no_ledger)?;
    let is_done = |migration: &&Migration| is_done(migration, &done, Dialect::Sqlite);
    let applied: Vec<&Migration> = MIGRATIONS.iter().take_while(is_done).collect();
    if applied.is_empty() || applied.len() != begun.len() {
        return Err("its migrations are not complete".to_owned());
    }
    let there = names("SELECT name FROM sqlite_master WHERE type = 'table'").map_err(|error| error.to_string())?;
    let statements = applied.iter().flat_map(|migration| statements(migration, Dialect::Sqlite));
    let mut tables: Vec<String> = Vec::new();
    for statement in statements {
        let mut words = statement.split([' ', '\n', '(']).filter(|word| !word.is_empty());
        match (words.next(), words.next(), words.next()) {
            (Some("CREATE"), Some("TABLE"), Some(name)) => tables.push(name.to_owned()),
            (Some("DROP"), Some("TABLE"), Some(name)) => tables.retain(|table| table != name),
            _ => {}
        }
    }
    match tables.iter().find(|table| !there.contains(table)) {
        Some(missing) => Err(format!("it lacks the table {missing}")),
        None => Ok(()),
    }
}

fn read_ledger(connection: &rusqlite::Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    connection.prepare(READ_LEDGER)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// The whole schema as it is made on that database: what `schema.<dialect>.sql` holds.
pub fn schema(dialect: Dialect) -> String {
    let mut text = format!("{};\n", tokens(LEDGER, dialect));
    for migration in &MIGRATIONS {
        text.extend(["\n-- ", migration.name, "\n"]);
        for statement in statements(migration, dialect) {
            text.extend(["\n", &statement, ";\n"]);
        }
    }
    text
}

async fn apply(store: &Store, tell: &Tell<'_>) -> Result<Vec<&'static str>, Error> {
    match store.engine() {
        Engine::Sqlite(sqlite) => sqlite.migrate(apply_sqlite).await,
        Engine::Postgres(postgres) => {
            let client = postgres.connection().await?;
            apply_postgres(&client, tell).await
        }
        Engine::MySql(mysql) => apply_mysql(mysql.connection().await?, tell).await,
    }
}

fn is_done(migration: &Migration, done: &BTreeMap<String, i64>, dialect: Dialect) -> bool {
    let count = done.get(migration.name).copied().unwrap_or_default();
    usize::try_from(count).unwrap_or_default() >= statements(migration, dialect).len()
}

/// Statements of a migration as that database takes them: without comments and without what is for others only.
fn statements(migration: &Migration, dialect: Dialect) -> Vec<String> {
    let word = match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgres",
        Dialect::MySql => "mysql",
    };
    let mut wanted = true;
    let mut text = String::new();
    for line in migration.text.lines() {
        if let Some(only) = line.strip_prefix("-- only ") {
            wanted = only.split(", ").any(|dialect| dialect == word);
        } else if line == "-- end" {
            wanted = true;
        } else if wanted && !line.starts_with("--") {
            text.push_str(line);
            text.push('\n');
        }
    }
    let text = tokens(&text, dialect) + "\n";
    text.split(";\n").map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

/// Columns of [`TOKENS`]: SQLite, PostgreSQL, MySQL. `:KEY` is text in binary order that may stand in an index,
/// `:WORD` one of few short words, `:CLUSTERED` ends a table of short rows, `:TABLE` any other.
const TOKENS: [(&str, [&str; 3]); 11] = [
    (":CLUSTERED", ["STRICT, WITHOUT ROWID", "", MYSQL_TABLE]),
    (":TABLE", ["STRICT", "", MYSQL_TABLE]),
    (":BYTES", ["BLOB", "BYTEA", "LONGBLOB"]),
    (":HASH", ["BLOB", "BYTEA", "VARBINARY(64)"]),
    (":TIME", ["INTEGER", "TIMESTAMPTZ", "DATETIME(6)"]),
    (":JSON", ["TEXT", "TEXT", "LONGTEXT"]),
    (":TEXT", ["TEXT", "TEXT", "LONGTEXT"]),
    (":WORD", ["TEXT", "TEXT COLLATE \"C\"", "VARCHAR(64)"]),
    (":BOOL", ["INTEGER", "BOOLEAN", "BOOLEAN"]),
    (":KEY", ["TEXT", "TEXT COLLATE \"C\"", "VARCHAR(512)"]),
    (":INT", ["INTEGER", "BIGINT", "BIGINT"]),
];
const MYSQL_TABLE: &str = "ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

fn tokens(text: &str, dialect: Dialect) -> String {
    let column = match dialect {
        Dialect::Sqlite => 0,
        Dialect::Postgres => 1,
        Dialect::MySql => 2,
    };
    let id = ["BLOB", "UUID", "BINARY(16)"][column];
    let text = TOKENS.iter().fold(text.to_owned(), |text, (token, types)| text.replace(token, types[column]));
    text.replace(":ID", id).replace(") ;", ");").trim_end().to_owned()
}

/// A database with tables of these names that are not ours: another program's, most likely Kratos'.
fn foreign_tables() -> Error {
    Error::Other(
        "the database holds tables of another program: Zelos needs a database of its own \
         (a Kratos database is taken over by importing it)"
            .into(),
    )
}

fn apply_sqlite(connection: &rusqlite::Connection) -> Result<Vec<&'static str>, Error> {
    let class = |error: rusqlite::Error| crate::db::sqlite::class(&error);
    connection.execute_batch(&tokens(LEDGER, Dialect::Sqlite)).map_err(class)?;
    let done = read_ledger(connection).map_err(class)?;
    if done.is_empty() {
        let table = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'identities'";
        let count: i64 = connection.query_row(table, [], |row| row.get(0)).map_err(class)?;
        if count > 0 {
            return Err(foreign_tables());
        }
    }
    let mut names = Vec::new();
    for migration in MIGRATIONS.iter().filter(|migration| !is_done(migration, &done, Dialect::Sqlite)) {
        for (index, statement) in statements(migration, Dialect::Sqlite).iter().enumerate() {
            connection.execute_batch(statement).map_err(class)?;
            let number = i64::try_from(index).unwrap_or_default();
            connection
                .execute("INSERT INTO zelos_migrations VALUES (?1, ?2, 1)", (migration.name, number))
                .map_err(class)?;
        }
        names.push(migration.name);
    }
    Ok(names)
}

async fn apply_postgres(client: &tokio_postgres::Client, tell: &Tell<'_>) -> Result<Vec<&'static str>, Error> {
    let class = |error: tokio_postgres::Error| crate::db::postgres::class(&error).error;
    client.batch_execute("SET statement_timeout = 0; BEGIN").await.map_err(class)?;
    let mut waiting = Waiting::new(LOCK_WAIT, tell);
    // Bound to the transaction, so that it goes with the connection. CockroachDB accepts and ignores it.
    let lock = "SELECT pg_try_advisory_xact_lock(8241920905821)";
    while !client.query_one(lock, &[]).await.map_err(class)?.try_get::<_, bool>(0).map_err(class)? {
        waiting.after(Error::Unavailable(LOCKED.into())).await?;
    }
    client.batch_execute(&tokens(LEDGER, Dialect::Postgres)).await.map_err(class)?;
    let rows = client.query(READ_LEDGER, &[]).await.map_err(class)?;
    let done: BTreeMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    if done.is_empty() {
        let table = "SELECT to_regclass('identities') IS NOT NULL";
        if client.query_one(table, &[]).await.map_err(class)?.get(0) {
            return Err(foreign_tables());
        }
    }
    let mut names = Vec::new();
    for migration in MIGRATIONS.iter().filter(|migration| !is_done(migration, &done, Dialect::Postgres)) {
        let mut script = String::new();
        for (index, statement) in statements(migration, Dialect::Postgres).iter().enumerate() {
            let mark = format!(";\nINSERT INTO zelos_migrations VALUES ('{}', {index}, TRUE);\n", migration.name);
            script.extend([statement.as_str(), mark.as_str()]);
        }
        client.batch_execute(&script).await.map_err(class)?;
        names.push(migration.name);
    }
    client.batch_execute("COMMIT").await.map_err(class)?;
    Ok(names)
}

async fn apply_mysql(mut lent: Connection, tell: &Tell<'_>) -> Result<Vec<&'static str>, Error> {
    // Bound to the connection, which is closed afterwards.
    let connection = lent.get()?;
    let class = |error: mysql_async::Error| crate::db::mysql::class(&error).error;
    let lock = "SELECT GET_LOCK(CONCAT('zelos_migrations.', LEFT(DATABASE(), 40)), 0)";
    let mut waiting = Waiting::new(LOCK_WAIT, tell);
    while connection.query_first::<Option<i64>, _>(lock).await.map_err(class)?.flatten() != Some(1) {
        waiting.after(Error::Unavailable(LOCKED.into())).await?;
    }
    apply_mysql_locked(connection).await
}

async fn apply_mysql_locked(connection: &mut mysql_async::Conn) -> Result<Vec<&'static str>, Error> {
    let class = |error: mysql_async::Error| crate::db::mysql::class(&error).error;
    connection.query_drop(tokens(LEDGER, Dialect::MySql)).await.map_err(class)?;
    let ledger: Vec<(String, i64, bool)> =
        connection.query("SELECT name, statement, done FROM zelos_migrations").await.map_err(class)?;
    if ledger.is_empty() {
        let table = "SELECT COUNT(*) FROM information_schema.tables \
                     WHERE table_schema = DATABASE() AND table_name = 'identities'";
        if connection.query_first::<i64, _>(table).await.map_err(class)? != Some(0) {
            return Err(foreign_tables());
        }
    }
    let mut names = Vec::new();
    for migration in &MIGRATIONS {
        let mut worked = false;
        for (index, statement) in statements(migration, Dialect::MySql).iter().enumerate() {
            let number = i64::try_from(index).unwrap_or_default();
            let entry = ledger.iter().find(|(name, statement, _)| name == migration.name && *statement == number);
            let begun = match entry {
                Some((_, _, true)) => continue,
                Some((_, _, false)) => true,
                None => false,
            };
            worked = true;
            run_mysql(connection, migration.name, number, statement, begun).await.map_err(class)?;
        }
        if worked {
            names.push(migration.name);
        }
    }
    Ok(names)
}

/// Runs one statement between its two marks. `begun`: an earlier process may have died right after it.
async fn run_mysql(
    connection: &mut mysql_async::Conn,
    name: &str,
    number: i64,
    statement: &str,
    begun: bool,
) -> Result<(), mysql_async::Error> {
    if !begun {
        connection.exec_drop("INSERT INTO zelos_migrations VALUES (?, ?, FALSE)", (name, number)).await?;
    }
    match connection.query_drop(statement).await {
        // The table, the index or the column is there already; or is gone already.
        Err(mysql_async::Error::Server(error)) if begun && matches!(error.code, 1050 | 1060 | 1061 | 1091 | 1051) => {}
        result => result?,
    }
    connection
        .exec_drop("UPDATE zelos_migrations SET done = TRUE WHERE name = ? AND statement = ?", (name, number))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_blocks() {
        let migration = Migration {
            name: "t",
            text: "-- why\nCREATE TABLE t (\n  a :ID,\n  b :KEY\n) :TABLE;\n-- only mysql\nDROP TABLE x;\n-- end\nDROP TABLE y;\n",
        };
        let sqlite = statements(&migration, Dialect::Sqlite);
        assert_eq!(sqlite, ["CREATE TABLE t (\n  a BLOB,\n  b TEXT\n) STRICT", "DROP TABLE y"]);
        let mysql = statements(&migration, Dialect::MySql);
        assert_eq!(mysql.len(), 3);
        assert!(mysql[0].contains("a BINARY(16)"));
        assert_eq!(
            statements(&migration, Dialect::Postgres)[0],
            "CREATE TABLE t (\n  a UUID,\n  b TEXT COLLATE \"C\"\n)"
        );
    }

    #[test]
    fn names_are_in_order() {
        assert!(MIGRATIONS.is_sorted_by_key(|migration| migration.name));
    }
}
