//! Copies of an SQLite database while servers use it. The other databases bring tools of their own (`pg_dump`, `mariadb-dump`),
//! which do it better than we could.

use crate::{
    db::{PoolOptions, sqlite::class},
    dsn::{self, Target},
    error::Error,
};
use rusqlite::{Connection, OpenFlags, backup::Backup};
use std::{
    fs::{File, OpenOptions},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// Writes the database as it is at this moment into a new file, which only its owner may read. One read transaction: writers
/// are not held up, and what they do meanwhile is not in it. Blocks the thread.
///
/// # Errors
/// The DSN names no SQLite file, there is a file of that name already, or the disk is full; no file is left then.
pub fn backup(dsn: &str, to: &Path) -> Result<(), Error> {
    let source = open(&source(dsn)?, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let name = to.to_str().ok_or_else(|| Error::Other("the name of the file is no text".into()))?;
    // SQLite fills a file that is there and empty: so it has its permissions before anything is in it.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(|error| Error::Other(format!("{name}: {error}")))?;
    let written = source.execute("VACUUM INTO ?", [name]).map_err(|error| class(&error)).and_then(|_| {
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.map_err(|error| Error::Other(format!("{name}: {error}")))?;
        check(&open(to, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(to);
    }
    written
}

/// Puts a backup in place of all that the database holds, in one transaction: whoever reads sees the old or the new. Blocks
/// the thread.
///
/// # Errors
/// The file is no whole database of ours, or another process is writing all the time; nothing has changed then.
pub fn restore(dsn: &str, from: &Path) -> Result<(), Error> {
    let backup = open(from, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check(&backup)?;
    let file = source(dsn)?;
    let mut target = open(&file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    target.execute_batch("PRAGMA journal_mode = WAL").map_err(|error| class(&error))?;
    let copy = Backup::new(&backup, &mut target).map_err(|error| class(&error))?;
    match copy.step(-1).map_err(|error| class(&error))? {
        rusqlite::backup::StepResult::Done => Ok(()),
        _ => Err(Error::Unavailable("another process is writing to the database".into())),
    }
}

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

/// Whether it is a whole database, and one of ours.
fn check(connection: &Connection) -> Result<(), Error> {
    let ours = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'zelos_migrations'";
    let look = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0));
    let unusable = |reason: String| Error::Other(format!("the file is no usable backup: {reason}"));
    if look(ours).map_err(|error| unusable(error.to_string()))? != 1.into() {
        return Err(unusable("it holds no tables of Zelos".into()));
    }
    match look("PRAGMA quick_check(1)").map_err(|error| unusable(error.to_string()))? {
        rusqlite::types::Value::Text(text) if text == "ok" => Ok(()),
        _ => Err(unusable("it is damaged".into())),
    }
}
