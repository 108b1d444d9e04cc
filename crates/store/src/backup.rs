//! Copies of an SQLite database while servers use it. The other databases bring tools of their own (`pg_dump`, `mariadb-dump`),
//! which do it better than we could.

use crate::{
    db::{PoolOptions, sqlite::class},
    dsn::{self, Target},
    error::Error,
    migrate,
};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use time::{OffsetDateTime, macros::format_description};

/// Writes the database as it is at this moment into a new file, which only its owner may read. One read transaction: writers
/// are not held up, and what they do meanwhile is not in it. Blocks the thread.
///
/// # Errors
/// The DSN names no SQLite file, there is a file of that name already, or the disk is full; no file is left then.
pub fn backup(dsn: &str, to: &Path) -> Result<(), Error> {
    let source = open(&source(dsn)?, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    write_copy(&source, to)?;
    let written = open(to, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|copy| check(&copy));
    if written.is_err() {
        let _ = std::fs::remove_file(to);
    }
    written
}

/// Writes a database into a new file, which only its owner may read.
fn write_copy(source: &Connection, to: &Path) -> Result<(), Error> {
    let name = to.to_str().ok_or_else(|| Error::Other("the name of the file is no text".into()))?;
    // SQLite fills a file that is there and empty: so it has its permissions before anything is in it.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(|error| Error::Other(format!("{name}: {error}")))?;
    let written = source.execute("VACUUM INTO ?", [name]).map_err(|error| class(&error)).and_then(|_| {
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::Other(format!("{name}: {error}")))
    });
    if written.is_err() {
        let _ = std::fs::remove_file(to);
    }
    written
}

/// What a backup holds, and what it would replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Identities in the backup.
    pub identities: i64,
    /// Identities in the database; none if there is no database yet.
    pub replaced: Option<i64>,
}

/// Whether a file can be restored to that database: it is a whole SQLite database, its tables are those that Zelos made
/// with migrations that this version knows. Changes nothing. Blocks the thread.
///
/// # Errors
/// It cannot; the text says why.
pub fn inspect(dsn: &str, from: &Path) -> Result<Contents, Error> {
    let (backup, file) = to_restore(dsn, from)?;
    let replaced =
        if file.exists() { Some(identities(&open(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?)) } else { None };
    Ok(Contents { identities: identities(&backup), replaced })
}

/// How many identities there are; none where there is no table of them.
fn identities(connection: &Connection) -> i64 {
    connection.query_row("SELECT COUNT(*) FROM identities", [], |row| row.get(0)).unwrap_or_default()
}

/// Puts a backup in place of all that the database holds, in one transaction: whoever reads sees the old or the new. What
/// was there before is kept in a file beside the database, whose name holds that time; answers with its path. Blocks the
/// thread.
///
/// # Errors
/// As [`inspect`]; or another process is writing all the time, or the disk is full. Nothing has changed then.
pub fn restore(dsn: &str, from: &Path, now: OffsetDateTime) -> Result<Option<PathBuf>, Error> {
    let (backup, file) = to_restore(dsn, from)?;
    let is_new = !file.exists();
    let mut target = open(&file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    target.execute_batch("PRAGMA journal_mode = WAL").map_err(|error| class(&error))?;
    let kept = if is_empty(&target) { None } else { Some(keep(&target, &file, now)?) };
    let copied = Backup::new(&backup, &mut target).and_then(|copy| copy.step(-1)).map_err(|error| class(&error));
    match copied {
        Ok(StepResult::Done) => Ok(kept),
        result => {
            // What is kept says nothing that the database does not.
            kept.map(std::fs::remove_file);
            if is_new {
                let _ = std::fs::remove_file(&file);
            }
            result.and(Err(Error::Unavailable("another process is writing to the database".into())))
        }
    }
}

/// A checked backup and the file that it is for.
fn to_restore(dsn: &str, from: &Path) -> Result<(Connection, PathBuf), Error> {
    let (backup, file) = (open(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?, source(dsn)?);
    if let (Ok(one), Ok(other)) = (from.canonicalize(), file.canonicalize())
        && one == other
    {
        return Err(Error::Other(format!("{} is the database itself", from.display())));
    }
    check(&backup)?;
    Ok((backup, file))
}

fn is_empty(connection: &Connection) -> bool {
    connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0)).is_ok_and(|all| all == 0)
}

/// Writes what the database holds beside it. Another process that writes meanwhile makes it look again, so that what is kept
/// is what is replaced.
fn keep(target: &Connection, file: &Path, now: OffsetDateTime) -> Result<PathBuf, Error> {
    let time = now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap_or_default();
    let name = |end: String| PathBuf::from([file.as_os_str(), end.as_ref()].into_iter().collect::<OsString>());
    let numbers = (1..).map(|number| name(format!(".replaced-{time}-{number}")));
    let mut names = std::iter::once(name(format!(".replaced-{time}"))).chain(numbers);
    let kept = names.find(|name| !name.exists()).unwrap_or_default();
    for _ in 0..KEEP_TRIES {
        let version = || target.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0));
        let before = version().map_err(|error| class(&error))?;
        write_copy(target, &kept)?;
        if version().map_err(|error| class(&error))? == before {
            return Ok(kept);
        }
        std::fs::remove_file(&kept).map_err(|error| Error::Other(format!("{}: {error}", kept.display())))?;
    }
    Err(Error::Unavailable("another process is writing to the database".into()))
}

const KEEP_TRIES: usize = 5;

fn source(dsn: &str) -> Result<PathBuf, Error> {
    match dsn::parse(dsn, &mut PoolOptions::default())? {
        Target::Sqlite(file) => Ok(file.path),
        _ => {
            Err(Error::Other("only an SQLite file is copied here; the other databases have tools of their own".into()))
        }
    }
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let open = || {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| Error::Other(format!("{}: {error}", path.display())))
}

/// Whether it is a whole database, and one of ours that this version can go on with.
fn check(connection: &Connection) -> Result<(), Error> {
    let unusable = |reason: String| Error::Other(format!("the file is no usable backup: {reason}"));
    let integrity = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match integrity.map_err(|error| unusable(error.to_string()))?.as_str() {
        "ok" => {}
        _ => return Err(unusable("it is damaged".into())),
    }
    migrate::check_file(connection).map_err(unusable)
}
