//! The layer over three databases: [`Store`] reads with single statements and writes with [`Batch`]es.
//!
//! The layer is ours and thin because the measured cost of a general one is two to three times the processor time of
//! each call; the drivers below it are the fastest well-kept ones. SQL is written once, in a subset that all three
//! understand, with `?` for parameters; `db/dialect.rs` translates the few words that differ.
//!
//! There is one implementation, so there is no trait: [`Engine`] is an enum, and each engine has the same four
//! functions (read, scan, commit, migrate).

pub(crate) mod dialect;
pub(crate) mod mysql;
mod mysql_tunnel;
mod pool;
pub(crate) mod postgres;
pub(crate) mod sqlite;
pub(crate) mod tls;
pub(crate) mod trace;

use crate::{
    batch::Batch,
    dsn::{self, Target},
    error::{Error, Failure},
    migrate,
    value::{Row, Value},
};
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};
use tokio::time::Instant;
use trace::Trace;
use tracing::Instrument;

/// How connections are kept. What a DSN says wins over what is `None` or a default here.
#[derive(Debug, Clone)]
pub struct PoolOptions {
    /// Most connections at once; by default twice the processors, at least 4.
    pub max_connections: Option<usize>,
    /// Most connections kept without work; by default as many as there may be.
    pub max_idle: Option<usize>,
    /// After how long a connection is replaced; by default never.
    pub max_lifetime: Option<Duration>,
    /// After how long without work a connection is closed; by default never.
    pub idle_timeout: Option<Duration>,
    /// How long to wait for a connection, connecting included, before the database counts as unavailable.
    pub acquire_timeout: Duration,
    /// How long the answer to a statement may take before the database counts as unavailable. Together with
    /// `acquire_timeout` it bounds how long a request waits for a database that does not answer.
    pub statement_timeout: Duration,
    /// The same for statements of [`Store::scan`].
    pub scan_timeout: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_connections: None,
            max_idle: None,
            max_lifetime: None,
            idle_timeout: None,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(3),
            scan_timeout: Duration::from_secs(30),
        }
    }
}

impl PoolOptions {
    /// The number of connections that results from the options.
    pub(crate) fn size(&self) -> usize {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        self.max_connections.unwrap_or((2 * processors).max(4)).max(1)
    }
}

/// The database: cheap to clone, shared by everybody.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    trace: Trace,
}

pub(crate) enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
    MySql(mysql::MySql),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.dialect()).finish()
    }
}

/// Which SQL the database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
    MySql,
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connections {
    /// At work for somebody.
    pub in_use: usize,
    /// Open, without work.
    pub idle: usize,
    /// As many as there may be.
    pub most: usize,
}

/// What a read does with each row.
pub(crate) type Visit<'a> = dyn FnMut(&Row<'_>) -> Result<(), Error> + Send + 'a;

/// How long a read may take: as long as a request waits, or as long as a list or a count may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Request,
    Scan,
}

/// After so long without traffic a connection is probed, so often, at such intervals, before it counts as lost.
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(10);
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
pub(crate) const KEEPALIVE_RETRIES: u32 = 3;

/// How often a batch is tried when the database says that it collided with another one.
const ATTEMPTS: u32 = 8;

/// How often a read is tried when its connection turns out to be lost: after a restart of the server, the first
/// connections that the pool hands out may all be dead.
const READ_ATTEMPTS: u32 = 3;

impl Store {
    /// Opens the database that `dsn` names. A server is not contacted before the first statement, so this succeeds
    /// while it is down; `memory` is migrated at once, as nobody else could do it.
    pub async fn connect(dsn: &str, mut options: PoolOptions) -> Result<Self, Error> {
        let target = dsn::parse(dsn, &mut options)?;
        let memory = matches!(target, Target::Memory);
        let engine = match target {
            Target::Memory => Engine::Sqlite(sqlite::Sqlite::memory(&options)?),
            Target::Sqlite(file) => Engine::Sqlite(sqlite::Sqlite::open(file, &options).await?),
            Target::Postgres(config, tls) => Engine::Postgres(postgres::Postgres::new(*config, &tls, &options)?),
            Target::MySql(builder, tls) => Engine::MySql(mysql::MySql::new(*builder, tls, &options)?),
        };
        let store = Self { inner: Arc::new(Inner { engine, trace: Trace::default() }) };
        if memory {
            migrate::up(&store, Duration::ZERO).await?;
        }
        Ok(store)
    }

    /// Opens a database of another program, to read from: nothing is made, changed or migrated.
    pub(crate) fn connect_to_read(dsn: &str, mut options: PoolOptions) -> Result<Self, Error> {
        let engine = match dsn::parse(dsn, &mut options)? {
            Target::Memory => return Err(Error::Dsn("there is nothing in a database in memory".into())),
            Target::Sqlite(file) => Engine::Sqlite(sqlite::Sqlite::to_read(file, &options)?),
            Target::Postgres(config, tls) => Engine::Postgres(postgres::Postgres::new(*config, &tls, &options)?),
            Target::MySql(builder, tls) => Engine::MySql(mysql::MySql::new(*builder, tls, &options)?),
        };
        Ok(Self { inner: Arc::new(Inner { engine, trace: Trace::default() }) })
    }

    /// Which SQL the database speaks: for the few queries that cannot be written once.
    pub fn dialect(&self) -> Dialect {
        match self.engine() {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
            Engine::MySql(_) => Dialect::MySql,
        }
    }

    /// Counts of statements and round trips, for tests and metrics.
    pub fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    /// The connections to a server at the moment; none on SQLite, which has no server.
    pub fn connections(&self) -> Option<Connections> {
        match self.engine() {
            Engine::Sqlite(_) => None,
            Engine::Postgres(postgres) => Some(postgres.connections()),
            Engine::MySql(mysql) => Some(mysql.connections()),
        }
    }

    /// Ends a database file well: its log is carried over into it and all connections are closed, so that the one file is
    /// the whole database. Nothing can be read or written afterwards. Servers need no such thing.
    pub async fn close(&self) {
        if let Engine::Sqlite(sqlite) = self.engine() {
            sqlite.close().await;
        }
    }

    /// Removes what was deleted or replaced from a database file and its log, where it may be read until space is used
    /// again: for commands that encrypt what was stored in the clear. It writes the file anew. Database servers do this in
    /// their own time (`VACUUM`, purge), and keep more than their files (archived logs).
    pub async fn erase_deleted(&self) -> Result<(), Error> {
        match self.engine() {
            Engine::Sqlite(sqlite) => sqlite.erase().await,
            _ => Ok(()),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Error> {
        self.one("SELECT 1", &[], |_| Ok(())).await
    }

    /// The names of the migrations that are still to be run; an unavailable database is an error.
    pub async fn pending_migrations(&self) -> Result<Vec<&'static str>, Error> {
        let status = migrate::status(self).await?;
        Ok(status.into_iter().filter(|migration| !migration.applied).map(|migration| migration.name).collect())
    }

    /// The row that must be there; [`Error::Missing`] if it is not.
    pub async fn one<T: Send>(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.optional(sql, params, map).await?.ok_or(Error::Missing)
    }

    /// The row that may be there. If the statement finds several, the first counts.
    pub async fn optional<T: Send>(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Option<T>, Error> {
        Ok(self.rows(&sql.into(), params, (1, Patience::Request), map).await?.pop())
    }

    /// All rows, which must be few: on SQLite they are read on the calling thread.
    pub async fn all<T: Send>(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Vec<T>, Error> {
        self.rows(&sql.into(), params, (usize::MAX, Patience::Request), map).await
    }

    /// All rows of a statement that may take long (lists, counts, cleaning): on SQLite they are read on another
    /// thread and connection, so that no request waits behind it.
    pub async fn scan<T: Send + 'static>(
        &self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value<'static>>,
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<Vec<T>, Error> {
        let sql = sql.into();
        match self.engine() {
            Engine::Sqlite(sqlite) => {
                self.inner.trace.read(&sql, &params);
                let (span, began) = (trace::read_span(&sql), Instant::now());
                let rows = sqlite.scan(sql, params, map).instrument(span).await;
                self.inner.trace.reads.time(began.elapsed());
                rows
            }
            _ => self.rows(&sql, &params, (usize::MAX, Patience::Scan), map).await,
        }
    }

    /// Writes a batch, whole or not at all, and answers with the number of rows that each statement touched (those it
    /// matched, whether or not they changed). It is repeated when the database says that it collided with another one.
    pub async fn commit(&self, batch: Batch) -> Result<Vec<u64>, Error> {
        if let Some(reason) = batch.broken {
            return Err(Error::Other(reason));
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        self.inner.trace.write(&batch);
        let (span, began) = (trace::write_span(&batch), Instant::now());
        let rows = self.written(batch).instrument(span).await;
        self.inner.trace.commits.time(began.elapsed());
        rows
    }

    async fn written(&self, batch: Batch) -> Result<Vec<u64>, Error> {
        let trace = &self.inner.trace;
        if let Engine::Sqlite(sqlite) = self.engine() {
            trace.round_trips(1);
            return sqlite.commit(batch).await;
        }
        let mut attempt = 0;
        loop {
            let result = match self.engine() {
                Engine::Postgres(postgres) => postgres.commit(&batch, trace).await,
                Engine::MySql(mysql) => mysql.commit(&batch, trace).await,
                Engine::Sqlite(_) => Ok(Vec::new()),
            };
            attempt += 1;
            match result {
                Ok(rows) => return Ok(rows),
                Err(Failure { again, error }) if again.is_worthwhile() && attempt < ATTEMPTS => {
                    tracing::debug!(%error, attempt, "batch is tried again");
                    tokio::time::sleep(Duration::from_millis(1 << attempt)).await;
                }
                Err(Failure { error, .. }) => return Err(error),
            }
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    async fn read(
        &self,
        sql: &str,
        params: &[Value<'_>],
        patience: Patience,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        match self.engine() {
            Engine::Sqlite(sqlite) => sqlite.read(sql, params, visit).map_err(Failure::from),
            Engine::Postgres(postgres) => postgres.read(sql, params, patience, visit).await,
            Engine::MySql(mysql) => mysql.read(sql, params, patience, visit).await,
        }
    }

    /// The first `most` rows. A read may always be repeated; a connection that was lost makes it worthwhile.
    async fn rows<T: Send>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        bounds: (usize, Patience),
        map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Vec<T>, Error> {
        self.inner.trace.read(sql, params);
        let (span, began) = (trace::read_span(sql), Instant::now());
        let rows = self.tried(sql, params, bounds, map).instrument(span).await;
        self.inner.trace.reads.time(began.elapsed());
        rows
    }

    async fn tried<T: Send>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        (most, patience): (usize, Patience),
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        let mut attempt = 1;
        loop {
            let visit: &mut Visit<'_> = &mut |row| {
                if found.len() < most {
                    found.push(map(row)?);
                }
                Ok(())
            };
            match self.read(sql, params, patience, visit).await {
                Ok(()) => return Ok(found),
                Err(Failure { again, error }) if again.is_worthwhile() && attempt < READ_ATTEMPTS => {
                    tracing::debug!(%error, "read is tried again");
                    self.inner.trace.round_trips(1);
                    attempt += 1;
                    found.clear();
                }
                Err(failure) => return Err(failure.error),
            }
        }
    }
}
