//! SQLite. One thread writes, everybody reads.
//!
//! *Writes* go to one thread, because SQLite has one writer anyway: there, batches that arrived while the last commit
//! was synced to disk are put into one transaction, a savepoint each, and answered after its COMMIT. So a write costs
//! a share of a sync, and one batch's failure does not touch its neighbours. What the log has gathered is carried over into
//! the file when nobody waits; only who writes without a pause pays for it in a commit.
//!
//! *Reads* run on the calling thread: a look-up takes some ten microseconds, less than handing it to another thread
//! would. Each thread has its preferred connection, so that they do not wait for each other. What may take long is
//! [`Sqlite::scan`]ned on a blocking thread with connections of its own.
//!
//! `memory` is one connection shared by all: it is for trying out, and this way its tables cannot get lost.

use super::{PoolOptions, Visit, dialect};
use crate::{
    batch::Batch,
    dsn::SqliteFile,
    error::Error,
    value::{Row, Value, to_micros},
};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};
use std::{
    borrow::Cow,
    cell::Cell,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// An open SQLite database.
pub(crate) struct Sqlite {
    readers: Arc<Readers>,
    scanners: Arc<Readers>,
    writer: mpsc::Sender<Job>,
    statement_timeout: Duration,
}

/// Where the rows that each statement touched are told.
type Answer = oneshot::Sender<Result<Vec<u64>, Error>>;

/// What the writer is asked for.
enum Job {
    Batch(Batch, Answer),
    /// A script of many statements, in a transaction of its own; the function looks at the ledger and gives the rest.
    Migrate(fn(&Connection) -> Result<Vec<&'static str>, Error>, oneshot::Sender<Result<Vec<&'static str>, Error>>),
}

impl Job {
    fn statements(&self) -> usize {
        match self {
            Self::Batch(batch, _) => batch.len(),
            Self::Migrate(..) => 0,
        }
    }
}

/// Most batches in one transaction: bounds how long the first one waits for the last.
const GROUP: usize = 128;
/// Batches that may wait for the writer; more than that wait at the door.
const QUEUE: usize = 1024;
const CACHED_STATEMENTS: usize = 256;

/// So many statements the log gathers before it is carried over; each changes some pages.
const CARRIED_OVER_AFTER: usize = 500;
/// So many pages it gathers at most (64 MiB): many rows that go in at random places share them, an import of people, say.
const MOST_PAGES: usize = 16_000;

impl Sqlite {
    /// A database in memory.
    pub(crate) fn memory(options: &PoolOptions) -> Result<Self, Error> {
        let connection = Connection::open_in_memory().map_err(|error| class(&error))?;
        connection.execute_batch("PRAGMA foreign_keys = ON").map_err(|error| class(&error))?;
        keep_plans(&connection).map_err(|error| class(&error))?;
        let readers = Arc::new(Readers { file: None, slots: [Mutex::new(Some(connection))].into() });
        Self::start(Arc::clone(&readers), readers, None, options)
    }

    /// Opens or makes the file.
    pub(crate) async fn open(file: SqliteFile, options: &PoolOptions) -> Result<Self, Error> {
        let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let file = Arc::new(file);
        let first = Arc::clone(&file);
        let writer = tokio::task::spawn_blocking(move || open_writer(&first)).await.map_err(stopped)??;
        let readers = Arc::new(Readers::of(&file, (2 * processors).min(64)));
        let scanners = Arc::new(Readers::of(&file, 2));
        Self::start(readers, scanners, Some(writer), options)
    }

    /// Opens a file of another program, which keeps its journal as it is; whatever is written fails.
    pub(crate) fn to_read(file: SqliteFile, options: &PoolOptions) -> Result<Self, Error> {
        let file = Arc::new(file);
        let writer = open_reader(&file).map_err(|error| class(&error))?;
        Self::start(Arc::new(Readers::of(&file, 1)), Arc::new(Readers::of(&file, 2)), Some(writer), options)
    }

    fn start(
        readers: Arc<Readers>,
        scanners: Arc<Readers>,
        own: Option<Connection>,
        options: &PoolOptions,
    ) -> Result<Self, Error> {
        let (writer, jobs) = mpsc::channel(QUEUE);
        let shared = Arc::clone(&readers);
        std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || match own {
                Some(mut connection) => write(jobs, |work| work(&mut connection)),
                None => write(jobs, |work| {
                    if let Some(connection) = shared.lock().as_mut() {
                        work(connection);
                    }
                }),
            })
            .map_err(|error| Error::Unavailable(format!("no thread for SQLite's writer: {error}")))?;
        Ok(Self { readers, scanners, writer, statement_timeout: options.statement_timeout })
    }

    /// Reads on this thread.
    pub(crate) fn read(&self, sql: &str, params: &[Value<'_>], visit: &mut Visit<'_>) -> Result<(), Error> {
        self.readers.read(sql, params, visit)
    }

    /// Reads on a blocking thread, and gives up after the statement timeout.
    pub(crate) async fn scan<T: Send + 'static>(
        &self,
        sql: Cow<'static, str>,
        params: Vec<Value<'static>>,
        mut map: impl FnMut(&Row<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<Vec<T>, Error> {
        let scanners = Arc::clone(&self.scanners);
        let (sender, interrupt) = oneshot::channel();
        let mut work = tokio::task::spawn_blocking(move || {
            let mut found = Vec::new();
            scanners.scan(sender, &sql, &params, &mut |row| {
                found.push(map(row)?);
                Ok(())
            })?;
            Ok(found)
        });
        if let Ok(result) = tokio::time::timeout(self.statement_timeout, &mut work).await {
            return result.map_err(stopped)?;
        }
        if let Ok(interrupt) = interrupt.await {
            interrupt.interrupt();
        }
        Err(Error::Unavailable("a statement took too long".into()))
    }

    /// Hands the batch to the writer and waits until it is on disk.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Vec<u64>, Error> {
        let (answer, done) = oneshot::channel();
        self.writer.send(Job::Batch(batch, answer)).await.map_err(stopped)?;
        done.await.map_err(stopped)?
    }

    /// Runs what `plan` gives, in one transaction that no other process can come into, and answers with its names.
    pub(crate) async fn migrate(
        &self,
        plan: fn(&Connection) -> Result<Vec<&'static str>, Error>,
    ) -> Result<Vec<&'static str>, Error> {
        let (answer, done) = oneshot::channel();
        self.writer.send(Job::Migrate(plan, answer)).await.map_err(stopped)?;
        done.await.map_err(stopped)?
    }
}

fn stopped<E>(_: E) -> Error {
    Error::Unavailable("SQLite's writer has stopped".into())
}

/// Connections for reading, opened when first needed.
struct Readers {
    /// None: the one connection there is.
    file: Option<Arc<SqliteFile>>,
    slots: Box<[Mutex<Option<Connection>>]>,
}

thread_local! {
    /// The thread's number: threads prefer different connections.
    static PREFERRED: Cell<usize> = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        Cell::new(NEXT.fetch_add(1, Ordering::Relaxed))
    };
}

impl Readers {
    fn of(file: &Arc<SqliteFile>, count: usize) -> Self {
        let slots = (0..count).map(|_| Mutex::new(None)).collect();
        Self { file: Some(Arc::clone(file)), slots }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Connection>> {
        let preferred = PREFERRED.get() % self.slots.len();
        for offset in 0..self.slots.len() {
            if let Ok(slot) = self.slots[(preferred + offset) % self.slots.len()].try_lock() {
                return slot;
            }
        }
        self.slots[preferred].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, sql: &str, params: &[Value<'_>], visit: &mut Visit<'_>) -> Result<(), Error> {
        let mut slot = self.lock();
        read(self.connection(&mut slot)?, sql, params, visit)
    }

    /// As [`Self::read`]; the reader can be interrupted meanwhile.
    fn scan(
        &self,
        interrupt: oneshot::Sender<rusqlite::InterruptHandle>,
        sql: &str,
        params: &[Value<'_>],
        visit: &mut Visit<'_>,
    ) -> Result<(), Error> {
        let mut slot = self.lock();
        let connection = self.connection(&mut slot)?;
        // Nobody listens any more: the answer has timed out while this was waiting for a connection.
        if interrupt.send(connection.get_interrupt_handle()).is_err() {
            return Ok(());
        }
        read(connection, sql, params, visit)
    }

    fn connection<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a mut Connection, Error> {
        if let (None, Some(file)) = (&slot, &self.file) {
            *slot = Some(open_reader(file).map_err(|error| class(&error))?);
        }
        slot.as_mut().ok_or_else(|| Error::Unavailable("no SQLite connection".into()))
    }
}

fn open_reader(file: &SqliteFile) -> rusqlite::Result<Connection> {
    // Read-write: a read-only connection cannot make the shared memory of a WAL that is not there yet.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&file.path, flags)?;
    connection.busy_timeout(file.busy_timeout)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY")?;
    keep_plans(&connection)?;
    Ok(connection)
}

/// A statement is planned once. SQLite would otherwise look at the values bound to it, and plan it anew for each.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(())
}

fn open_writer(file: &SqliteFile) -> Result<Connection, Error> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, file.create);
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&file.path, flags)?;
        connection.busy_timeout(file.busy_timeout)?;
        // Two processes that make the file at once must not both switch it to a WAL: SQLite does not wait there.
        let mut tries = 0;
        while let Err(error) = connection.execute_batch("PRAGMA journal_mode = WAL") {
            tries += 1;
            if !is_busy(&error) || tries > 100 {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        connection.execute_batch(&format!(
            "PRAGMA synchronous = {}; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; \
             PRAGMA wal_autocheckpoint = {MOST_PAGES}",
            file.synchronous
        ))?;
        keep_plans(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen) => {
            Error::Unavailable(format!("the SQLite file cannot be opened: {}", folder(&file.path)))
        }
        _ => class(&error),
    })
}

/// Why a file cannot be opened, in most cases.
fn folder(path: &std::path::Path) -> String {
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(PathBuf::from("."), PathBuf::from);
    if folder.is_dir() {
        "no permission, or the file does not exist".into()
    } else {
        "its folder does not exist".into()
    }
}

fn read(connection: &Connection, sql: &str, params: &[Value<'_>], visit: &mut Visit<'_>) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(sql).map_err(|error| class(&error))?;
    let mut rows = statement.query(rusqlite::params_from_iter(params)).map_err(|error| class(&error))?;
    while let Some(row) = rows.next().map_err(|error| class(&error))? {
        visit(&Row::Sqlite(row))?;
    }
    Ok(())
}

/// The writer's life: takes jobs until all senders are gone.
fn write(mut jobs: mpsc::Receiver<Job>, mut with: impl FnMut(&mut dyn FnMut(&mut Connection))) {
    let (mut group, mut gathered) = (Vec::new(), 0);
    while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        gathered += group.iter().map(Job::statements).sum::<usize>();
        with(&mut |connection| work(connection, &mut group));
        // Left over only if there was no connection: the askers see their answer dropped.
        group.clear();
        if gathered >= CARRIED_OVER_AFTER && jobs.is_empty() {
            with(&mut |connection| carry_over(connection));
            gathered = 0;
        }
    }
}

/// A checkpoint that waits for nobody. What cannot be carried over now will be the next time.
fn carry_over(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        tracing::debug!(%error, "the log of SQLite could not be carried over");
    }
}

fn work(connection: &mut Connection, group: &mut Vec<Job>) {
    let mut batches = Vec::with_capacity(group.len());
    for job in group.drain(..) {
        match job {
            Job::Batch(batch, answer) => batches.push((batch, answer)),
            Job::Migrate(plan, answer) => {
                commit_group(connection, &mut batches);
                // Whoever asked may be gone; the work is done all the same.
                let _ = answer.send(migrate(connection, plan));
            }
        }
    }
    commit_group(connection, &mut batches);
}

fn commit_group(connection: &Connection, batches: &mut Vec<(Batch, Answer)>) {
    if batches.len() <= 1 {
        if let Some((batch, answer)) = batches.pop() {
            let _ = answer.send(commit(connection, &batch));
        }
        return;
    }
    let mut results = Vec::with_capacity(batches.len());
    let whole = transaction(connection, || {
        for (batch, _) in batches.iter() {
            results.push(savepoint(connection, batch)?);
        }
        Ok(())
    });
    let lost = match whole {
        Ok(()) => None,
        Err(error) => Some(error.to_string()),
    };
    for ((_, answer), result) in
        batches.drain(..).zip(results.into_iter().map(Some).chain(std::iter::repeat_with(|| None)))
    {
        let result = match (&lost, result) {
            (None, Some(result)) => result,
            (lost, _) => Err(Error::Unavailable(lost.clone().unwrap_or_default())),
        };
        let _ = answer.send(result);
    }
}

fn commit(connection: &Connection, batch: &Batch) -> Result<Vec<u64>, Error> {
    if batch.len() == 1 { execute(connection, batch) } else { transaction(connection, || execute(connection, batch)) }
}

/// The inner result is the batch's, the outer one tells whether the transaction around it still stands.
fn savepoint(connection: &Connection, batch: &Batch) -> Result<Result<Vec<u64>, Error>, Error> {
    run(connection, "SAVEPOINT batch")?;
    let result = execute(connection, batch);
    match result {
        Ok(_) => run(connection, "RELEASE batch")?,
        // A full disk, for instance, takes the whole transaction back.
        Err(error) if connection.is_autocommit() => return Err(error),
        Err(_) => {
            run(connection, "ROLLBACK TO batch")?;
            run(connection, "RELEASE batch")?;
        }
    }
    Ok(result)
}

fn transaction<T>(connection: &Connection, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    run(connection, "BEGIN IMMEDIATE")?;
    let result = work().and_then(|value| run(connection, "COMMIT").map(|()| value));
    if result.is_err() && !connection.is_autocommit() {
        run(connection, "ROLLBACK")?;
    }
    result
}

fn run(connection: &Connection, sql: &str) -> Result<(), Error> {
    let done = connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute());
    done.map(|_| ()).map_err(|error| class(&error))
}

fn execute(connection: &Connection, batch: &Batch) -> Result<Vec<u64>, Error> {
    let mut touched = Vec::with_capacity(batch.len());
    for statement in &batch.statements {
        let sql = dialect::sqlite(&statement.sql);
        let run = || connection.prepare_cached(&sql)?.execute(rusqlite::params_from_iter(&statement.values));
        let rows = run().map_err(|error| class(&error))? as u64;
        if !statement.expect.is_met(rows) {
            return Err(Error::Unmet(statement.guard));
        }
        touched.push(rows);
    }
    Ok(touched)
}

fn migrate(
    connection: &Connection,
    plan: fn(&Connection) -> Result<Vec<&'static str>, Error>,
) -> Result<Vec<&'static str>, Error> {
    let names = transaction(connection, || plan(connection));
    connection.flush_prepared_statement_cache();
    names
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// SQLite's error in our classes.
pub(crate) fn class(error: &rusqlite::Error) -> Error {
    use rusqlite::ffi;
    let rusqlite::Error::SqliteFailure(code, message) = error else {
        return Error::Other(error.to_string());
    };
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => Error::Unique("primary".into()),
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE) => Error::Unique(constraint(message.as_deref().unwrap_or_default())),
        (
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::OperationInterrupted
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen,
            _,
        ) => Error::Unavailable(error.to_string()),
        _ => Error::Other(error.to_string()),
    }
}

/// `UNIQUE constraint failed: t.a, t.b` names columns; our indices are named after them: `t_a_b`.
fn constraint(message: &str) -> String {
    let columns = message.rsplit_once(": ").map_or("", |(_, columns)| columns);
    let table = columns.split('.').next().unwrap_or_default();
    columns.split(", ").filter_map(|column| column.split_once('.')).fold(table.to_owned(), |mut name, (_, column)| {
        name.push('_');
        name.push_str(column);
        name
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Bool(Some(value)) => i64::from(*value).into(),
            Self::Int(Some(value)) => (*value).into(),
            Self::Time(Some(at)) => to_micros(*at).into(),
            Self::Text(Some(text)) | Self::Json(Some(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Id(Some(id)) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
            Self::Bytes(Some(bytes)) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            _ => rusqlite::types::Null.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraint_of_columns() {
        let message = "UNIQUE constraint failed: credential_identifiers.nid, credential_identifiers.type";
        assert_eq!(constraint(message), "credential_identifiers_nid_type");
    }
}
