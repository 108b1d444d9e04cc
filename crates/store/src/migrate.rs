//! Migrations: how the tables come to be, on three databases, while any number of processes start at once.
//!
//! A migration is one file, written once with tokens for the types (`:ID`, `:TIME`, …); what becomes of it on each
//! database is checked in as `schema.<dialect>.sql`, so that a reviewer sees it and a test notices when a released
//! one changes. One process works under a lock, the others wait and find the work done.
//!
//! MySQL commits after each change of a table. So its ledger is kept per statement, with a mark *before* each one: a
//! process that died in the middle is resumed, and a table that exists is taken for ours only if we began to make it.

use crate::{
    db::{Dialect, Engine, Store},
    error::Error,
};
use mysql_async::prelude::Queryable;
use std::{collections::BTreeMap, time::Duration};

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

/// What a process that cannot wait for the lock any longer says.
const LOCKED: &str = "another process has been migrating for too long";

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

/// Runs what is still to be run, and answers with the names of what this call did. For up to `wait` it lets a
/// database come up that does not answer yet.
pub async fn up(store: &Store, wait: Duration) -> Result<Vec<&'static str>, Error> {
    let until = tokio::time::Instant::now() + wait;
    let mut pause = Duration::from_millis(50);
    let mut failures = 0;
    loop {
        let result = match status(store).await {
            Ok(status) if status.iter().all(|migration| migration.applied) => return Ok(Vec::new()),
            Ok(_) => apply(store).await,
            Err(error) => Err(error),
        };
        match result {
            Ok(names) => return Ok(names),
            Err(Error::Unavailable(reason)) if tokio::time::Instant::now() + pause < until => {
                tracing::info!(%reason, "waiting for the database");
            }
            // Where a database knows no locks across its nodes (CockroachDB, Galera), the slower of two processes
            // fails on what the faster one has done.
            Err(error) if failures < 3 && store.dialect() != Dialect::Sqlite => {
                failures += 1;
                tracing::debug!(%error, "migration failed; looking again");
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
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

async fn apply(store: &Store) -> Result<Vec<&'static str>, Error> {
    match store.engine() {
        Engine::Sqlite(sqlite) => sqlite.migrate(apply_sqlite).await,
        Engine::Postgres(postgres) => {
            let client = postgres.connection().await?;
            apply_postgres(&client).await
        }
        Engine::MySql(mysql) => apply_mysql(mysql.connection().await?).await,
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
    let mut done = BTreeMap::new();
    {
        let mut ledger = connection.prepare(READ_LEDGER).map_err(class)?;
        let mut rows = ledger.query([]).map_err(class)?;
        while let Some(row) = rows.next().map_err(class)? {
            done.insert(row.get(0).map_err(class)?, row.get(1).map_err(class)?);
        }
    }
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

async fn apply_postgres(client: &tokio_postgres::Client) -> Result<Vec<&'static str>, Error> {
    let class = |error: tokio_postgres::Error| crate::db::postgres::class(&error).error;
    // Bound to the transaction, so that it goes with the connection. CockroachDB accepts and ignores it.
    let lock = "SET statement_timeout = 0; BEGIN; SELECT pg_advisory_xact_lock(8241920905821)";
    client.batch_execute(lock).await.map_err(class)?;
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

async fn apply_mysql(mut connection: mysql_async::Conn) -> Result<Vec<&'static str>, Error> {
    let class = |error: mysql_async::Error| crate::db::mysql::class(&error).error;
    // Bound to the connection, which is closed below and not given back.
    let lock = "SELECT GET_LOCK(CONCAT('zelos_migrations.', LEFT(DATABASE(), 40)), 600)";
    if connection.query_first::<Option<i64>, _>(lock).await.map_err(class)?.flatten() != Some(1) {
        return Err(Error::Unavailable(LOCKED.into()));
    }
    let result = apply_mysql_locked(&mut connection).await;
    // It may be closed already.
    let _ = connection.disconnect().await;
    result
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
