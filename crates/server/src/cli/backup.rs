//! `zelos backup` and `zelos restore`: an SQLite database in a file, while the server goes on.

use super::{Failure, migrate};
use crate::{
    out,
    settings::{self, ConfigFiles},
};
use clap::Args;
use std::path::PathBuf;
use zelos_core::clock::{Clock as _, SystemClock};
use zelos_store::backup::{self, Contents};

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
pub(super) fn write(configuration: &ConfigFiles, flags: &Backup) -> Result<(), Failure> {
    backup::backup(&settings::dsn(configuration)?, &flags.file)?;
    out::line(format_args!("The database was written to {}.", flags.file.display()));
    Ok(())
}

/// Puts what a file holds in place of the database.
pub(super) fn restore(configuration: &ConfigFiles, flags: &Restore) -> Result<(), Failure> {
    let dsn = settings::dsn(configuration)?;
    let Contents { identities, replaced } = backup::inspect(&dsn, &flags.file)?;
    if !flags.yes {
        let question = match replaced {
            Some(there) => {
                format!("A database with {there} identities is replaced by one with {identities}. Go on? [y/N] ")
            }
            None => format!("A database with {identities} identities is made. Go on? [y/N] "),
        };
        if !migrate::confirmed(&question) {
            return Err(Failure::new("declined: nothing was changed (--yes restores without asking)"));
        }
    }
    if let Some(kept) = backup::restore(&dsn, &flags.file, SystemClock.now())? {
        out::line(format_args!("What was replaced is kept in {}; delete it when it is not needed.", kept.display()));
    }
    out::line("The database is as it was then. Run `zelos migrate sql` if the backup is of an older version.");
    Ok(())
}
