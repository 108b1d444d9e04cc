//! SQLite's writer: a thread with the one connection that writes. It puts batches that wait into one transaction, keeps the
//! log short, and goes on after a panic.

use super::{class, stopped};
use crate::{batch::Batch, db::dialect, error::Error};
use rusqlite::Connection;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// The thread that writes. Dropping it waits until all that was handed over is on disk and the connection is closed, so
/// that a command that ends leaves one file.
pub(super) struct Writer {
    pub(super) jobs: Option<mpsc::Sender<Job>>,
    pub(super) thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) async fn hand_over(&self, job: Job) -> Result<(), Error> {
        let jobs = self.jobs.as_ref().ok_or_else(|| stopped(()))?;
        jobs.send(job).await.map_err(stopped)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It ends well even after a panic in a batch.
            let _ = thread.join();
        }
    }
}

/// Where the rows that each statement touched are told.
pub(super) type Answer = oneshot::Sender<Result<Vec<u64>, Error>>;

/// What the writer is asked for.
pub(super) enum Job {
    Batch(Batch, Answer),
    /// A script of many statements, in a transaction of its own; the function looks at the ledger and gives the rest.
    Migrate(fn(&Connection) -> Result<Vec<&'static str>, Error>, oneshot::Sender<Result<Vec<&'static str>, Error>>),
    /// The last one: a checkpoint, and the connection is closed.
    Close(oneshot::Sender<()>),
    /// Nothing that was deleted or replaced stays in the files.
    Erase(oneshot::Sender<Result<(), Error>>),
}

impl Job {
    fn statements(&self) -> usize {
        match self {
            Self::Batch(batch, _) => batch.len(),
            Self::Migrate(..) | Self::Close(_) | Self::Erase(_) => 0,
        }
    }
}

/// Most batches in one transaction: bounds how long the first one waits for the last.
const GROUP: usize = 128;
/// Batches that may wait for the writer; more than that wait at the door.
pub(super) const QUEUE: usize = 1024;
/// So many statements the log gathers before it is carried over; each changes some pages.
const CARRIED_OVER_AFTER: usize = 500;

/// The writer's life: takes jobs until all senders are gone, or one says that it is the last and waits to hear that the
/// connection is closed.
pub(super) fn write(
    mut jobs: mpsc::Receiver<Job>,
    mut with: impl FnMut(&mut dyn FnMut(&mut Connection)),
) -> Option<oneshot::Sender<()>> {
    let (mut group, mut gathered, mut closed) = (Vec::new(), 0, None);
    while closed.is_none() && jobs.blocking_recv_many(&mut group, GROUP) > 0 {
        gathered += group.iter().map(Job::statements).sum::<usize>();
        with(&mut |connection| {
            // Batches guard themselves; a panic in what is around them costs their answers and not the writer.
            let worked = catch_unwind(AssertUnwindSafe(|| work(connection, &mut group, &mut closed)));
            if worked.is_err() && !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
        });
        // Left over only if there was no connection or a panic: the askers see their answer dropped.
        group.clear();
        if gathered >= CARRIED_OVER_AFTER && jobs.is_empty() {
            with(&mut |connection| checkpoint(connection, "PASSIVE"));
            gathered = 0;
        }
    }
    if closed.is_some() {
        with(&mut |connection| checkpoint(connection, "TRUNCATE"));
    }
    closed
}

/// `PASSIVE` waits for nobody, and what it cannot carry over now will be the next time. `TRUNCATE` waits for readers as
/// long as a write would, and leaves an empty log.
fn checkpoint(connection: &Connection, mode: &str) {
    let done = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(0));
    match done {
        Ok(0) => {}
        Ok(_) if mode == "PASSIVE" => {}
        Ok(_) => tracing::warn!("WAL checkpoint incomplete: another process is using the database"),
        Err(error) => tracing::warn!(%error, "WAL checkpoint failed"),
    }
}

/// What was deleted or replaced before `secure_delete` was on stands in free space until the file is written anew, and all
/// of it in the log until that is cut off.
fn erase(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch("VACUUM").map_err(|error| class(&error))?;
    checkpoint(connection, "TRUNCATE");
    Ok(())
}

fn work(connection: &mut Connection, group: &mut Vec<Job>, closed: &mut Option<oneshot::Sender<()>>) {
    let mut batches = Vec::with_capacity(group.len());
    for job in group.drain(..) {
        if !matches!(job, Job::Batch(..)) {
            commit_group(connection, &mut batches);
        }
        // Whoever asked may be gone; the work is done all the same.
        match job {
            Job::Batch(batch, answer) => batches.push((batch, answer)),
            Job::Migrate(plan, answer) => _ = answer.send(migrate(connection, plan)),
            Job::Erase(answer) => _ = answer.send(erase(connection)),
            Job::Close(answer) => *closed = Some(answer),
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

/// Runs the statements. A panic in them is the batch's own failure.
fn execute(connection: &Connection, batch: &Batch) -> Result<Vec<u64>, Error> {
    guarded(|| statements(connection, batch))
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let panicked = |_| Err(Error::Other("a panic in the writer".into()));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(panicked)
}

fn statements(connection: &Connection, batch: &Batch) -> Result<Vec<u64>, Error> {
    let mut touched = Vec::with_capacity(batch.len());
    for statement in &batch.statements {
        #[cfg(test)]
        assert_ne!(statement.guard, tests::PANICS);
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
    let names = transaction(connection, || guarded(|| plan(connection)));
    connection.flush_prepared_statement_cache();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        PoolOptions,
        batch::Expect,
        db::{Visit, sqlite::Sqlite},
        dsn::SqliteFile,
    };
    use std::time::Duration;

    /// The guard of a statement that panics.
    pub(super) const PANICS: &str = "panics";

    fn batch(number: i64, guard: &'static str) -> Batch {
        let mut batch = Batch::new();
        batch.add("INSERT INTO t VALUES (?)", [number.into()]);
        batch.guarded(guard, Expect::Rows(1), "INSERT INTO t VALUES (?)", [(number + 1).into()]);
        batch
    }

    fn table(connection: &Connection) -> Result<Vec<&'static str>, Error> {
        connection.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)").map_err(|error| class(&error))?;
        Ok(Vec::new())
    }

    fn numbers(sqlite: &Sqlite) -> Vec<i64> {
        let mut found = Vec::new();
        let visit: &mut Visit<'_> = &mut |row| {
            found.push(row.get(0)?);
            Ok(())
        };
        sqlite.read("SELECT n FROM t ORDER BY n", &[], visit).unwrap();
        found
    }

    #[tokio::test]
    async fn a_panic_fails_its_batch_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteFile {
            path: folder.path().join("z.db"),
            create: true,
            busy_timeout: Duration::from_secs(5),
            synchronous: "OFF",
        };
        let sqlite = Sqlite::open(file, &PoolOptions::default()).await.unwrap();
        assert!(sqlite.migrate(|_| panic!("on purpose")).await.is_err());
        sqlite.migrate(table).await.unwrap();
        // One by one, and several in one transaction.
        assert!(matches!(sqlite.commit(batch(1, PANICS)).await, Err(Error::Other(_))));
        sqlite.commit(batch(1, "g")).await.unwrap();
        let together = [(10, "g"), (20, PANICS), (30, "g"), (40, PANICS), (50, "g")];
        let results =
            futures_util::future::join_all(together.map(|(number, guard)| sqlite.commit(batch(number, guard))));
        let done: Vec<bool> = results.await.iter().map(Result::is_ok).collect();
        assert_eq!(done, [true, false, true, false, true]);
        assert_eq!(numbers(&sqlite), [1, 2, 10, 11, 30, 31, 50, 51]);
    }
}
