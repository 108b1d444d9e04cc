//! `zelos backup` and `zelos restore`: an SQLite database in a file, while the server goes on.

use super::{Failure, migrate};
use crate::{out, settings};
use clap::Args;
use std::path::PathBuf;

/// Where to.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// A file that is not there yet.
    file: PathBuf,
}

/// Where from.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// What `zelos backup` has written.
    file: PathBuf,
    /// Do not ask.
    #[arg(short, long)]
    yes: bool,
}

/// Writes the database as it is now into a file.
pub(super) fn backup(configuration: &[PathBuf], flags: &Backup) -> Result<(), Failure> {
    zelos_store::backup::backup(&settings::dsn(configuration)?, &flags.file)?;
    out::line(format_args!("The database was written to {}.", flags.file.display()));
    Ok(())
}

/// Puts what a file holds in place of the database.
pub(super) fn restore(configuration: &[PathBuf], flags: &Restore) -> Result<(), Failure> {
    let dsn = settings::dsn(configuration)?;
    if !flags.yes && !migrate::confirmed("Everything in the database is replaced. Go on? [y/N] ") {
        out::line("Nothing was changed.");
        return Ok(());
    }
    zelos_store::backup::restore(&dsn, &flags.file)?;
    out::line("The database is as it was then. Run `zelos migrate sql` if the backup is of an older version.");
    Ok(())
}
