//! `zelos migrate sql …`: the database's tables.
//!
//! The database is the one named on the command line, or with `-e` the environment's `DSN`, or the `dsn` of a file:
//! never a file's by itself, so that nobody migrates a database by having a configuration at hand.

use super::{Failure, print::Output};
use crate::{
    out,
    settings::{self, ConfigFiles, Settings},
};
use clap::Args;
use serde_json::json;
use std::{io::BufRead, sync::Arc, time::Duration};
use zelos_core::{config::Loaded, rng::SystemRng};
use zelos_store::{PoolOptions, Store, migrate, trait_index};

/// Which database, and whether to ask.
#[derive(Debug, Args)]
pub(super) struct Up {
    /// The database; without it use `-e`.
    pub(super) url: Option<String>,
    /// Take the database from the environment variable DSN, or from the `dsn` of the configuration files.
    #[arg(short = 'e', long)]
    pub(super) read_from_env: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// Which database.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The database; without it use `-e`.
    url: Option<String>,
    /// Take the database from the environment variable DSN, or from the `dsn` of the configuration files.
    #[arg(short = 'e', long)]
    read_from_env: bool,
    /// Wait until nothing is pending.
    #[arg(long)]
    block: bool,
    #[command(flatten)]
    output: Output,
}

/// Accepted so that the answer can say why nothing is done.
#[derive(Debug, Args)]
pub(super) struct Ignored {
    #[arg(hide = true, allow_hyphen_values = true, num_args = 0..)]
    ignored: Vec<String>,
}

/// How long a database may take to come up: as Kratos waits.
const PATIENCE: Duration = Duration::from_mins(5);

const USAGE: &str = "zelos migrate sql <url>";

/// How often `status --block` looks, and each how many times it says so.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const SAID_EACH: usize = 10;

/// Says why the command does not go on.
fn waits(reason: &str) {
    out::error(format_args!("waiting for the database: {reason}"));
}

/// Runs what is pending.
pub(super) async fn up(files: ConfigFiles, flags: Up) -> Result<(), Failure> {
    let store = connect(&files, flags.url, flags.read_from_env, USAGE).await?;
    if !flags.yes {
        let status = migrate::status_telling(&store, PATIENCE, &waits).await?;
        let pending: Vec<_> =
            status.iter().filter(|migration| !migration.applied).map(|migration| migration.name).collect();
        if pending.is_empty() {
            out::line("Nothing to do: the database is up to date.");
            return Ok(());
        }
        out::line("To be run:");
        for name in pending {
            out::line(format_args!("  {name}"));
        }
        if !confirmed("Run them? [y/N] ") {
            out::line("Nothing was changed.");
            return Ok(());
        }
    }
    let done = migrate::up_telling(&store, PATIENCE, &waits).await?;
    for name in &done {
        out::line(format_args!("applied {name}"));
    }
    out::line("The database is up to date.");
    Ok(())
}

/// Lists the migrations.
pub(super) async fn status(files: ConfigFiles, flags: Status) -> Result<(), Failure> {
    let store = connect(&files, flags.url, flags.read_from_env, USAGE).await?;
    let mut looks = 0;
    loop {
        let wait = if flags.block { PATIENCE } else { Duration::ZERO };
        let all = migrate::status_telling(&store, wait, &waits).await?;
        let pending = all.iter().any(|migration| !migration.applied);
        if flags.block && pending {
            if looks % SAID_EACH == 0 {
                waits("its migrations are pending");
            }
            looks += 1;
            tokio::time::sleep(LOOK_AGAIN).await;
            continue;
        }
        let row = |migration: &migrate::Status| {
            let (version, name) = migration.name.split_once('_').unwrap_or((migration.name, ""));
            let status = if migration.applied { "Applied" } else { "Pending" };
            [version, name, status].map(ToOwned::to_owned).to_vec()
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        let document = |row: &Vec<String>| json!({ "state": row[2], "version": row[0], "name": row[1] });
        let documents = rows.iter().map(document).collect();
        return flags.output.many(&["Version", "Name", "Status"], &rows, &documents);
    }
}

/// Says that there is nothing to do.
pub(super) fn phone_numbers() {
    out::line("Nothing to do: phone numbers are kept in their normal form (E.164) from the start.");
}

/// Puts right what the index of traits holds of everybody.
pub(super) async fn reindex(files: ConfigFiles) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let given = settings::Given { files, ..settings::Given::default() };
    let (_, Loaded { config, .. }) = Settings::load(given, &*rng)?;
    let engine = Box::pin(super::serve::engine(config, rng)).await?;
    let changed = trait_index::rebuild(&engine.store, &engine.snapshot().schemas).await?;
    out::line(format_args!("The index of traits was put right for {changed} people; it is what the schemas declare."));
    Ok(())
}

/// Says why there is no way back.
pub(super) fn down() -> Result<(), Failure> {
    Err(Failure::new(
        "migrations are not taken back: undoing them would delete people's data; restore the backup made before the update",
    ))
}

/// Opens the database that was named, or that of the configuration; `usage` says how one is named.
pub(super) async fn connect(
    files: &ConfigFiles,
    url: Option<String>,
    from_environment: bool,
    usage: &str,
) -> Result<Store, Failure> {
    let dsn = match url {
        Some(url) => url,
        None if from_environment => settings::dsn(files)?,
        None => {
            return Err(Failure::new(format!("no database: name one ({usage}), or use -e to read the variable DSN")));
        }
    };
    Ok(Store::connect(&dsn, PoolOptions::default()).await?)
}

/// Whether somebody at the terminal says yes.
pub(super) fn confirmed(question: &str) -> bool {
    out::ask(question);
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
