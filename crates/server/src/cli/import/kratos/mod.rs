//! `zelos import kratos`: the migration from Kratos in one command.
//!
//! Everything that outlives an hour is migrated: identities with all ids, credentials as they are, addresses with what is
//! known of them, and sessions, so that nobody has to sign in again. Flows, codes and links stay behind: they would be over
//! anyway.
//!
//! Every row of Kratos is accounted for ([`ledger`]). It may be stopped at any moment and started again: each run looks at
//! every row and passes by what is here ([`imports`]). A part of a table is read while the part before it is written.

mod ledger;
mod mover;

use super::{fit::Fit, skipped::Skipped};
use crate::{
    cli::{Failure, serve},
    settings::{self, ConfigFiles, Settings},
};
use clap::Args;
use ledger::Ledger;
use mover::Mover;
use std::{path::PathBuf, sync::Arc, time::Duration};
use uuid::Uuid;
use zelos_core::{config::Loaded, rng::SystemRng, secret::Secret};
use zelos_store::{kratos::Kratos, migrate};

/// From where to where.
#[derive(Debug, Args)]
pub(in crate::cli) struct Flags {
    /// The Kratos database: its DSN, or an SQLite file. It is only read.
    #[arg(long, value_name = "DSN|FILE")]
    from: String,
    /// The database to move into; without it, that of the configuration. Its tables are made if they are not there.
    #[arg(long, value_name = "DSN")]
    to: Option<String>,
    /// The network to take; without it the oldest, as Kratos does.
    #[arg(long, value_name = "ID")]
    nid: Option<Uuid>,
    /// Write nothing; tell what would be skipped, and why.
    #[arg(long)]
    dry_run: bool,
    /// Take sessions that have ended or expired as well.
    #[arg(long)]
    ended_sessions: bool,
    /// How many rows are written at once.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=5000))]
    batch: u16,
    /// The file for the rows that are skipped, a line of JSON for each: table, id and reason.
    /// [default: import-kratos-skipped.jsonl]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Exit with 0 although rows were skipped, as long as each of them is in the report.
    #[arg(long)]
    allow_skipped: bool,
}

/// The report, where none is asked for.
const DEFAULT_REPORT: &str = "import-kratos-skipped.jsonl";

/// How long the database may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);

const ANOTHER: &str = "the database to move into is one of Kratos: name a new one with --to";

/// Moves a database.
pub(in crate::cli) async fn run(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let source =
        Kratos::open(&flags.from, flags.nid).await.map_err(|error| Failure::new(format!("--from: {error}")))?;
    let rng = Arc::new(SystemRng);
    let given = settings::Given { files, dsn: flags.to.clone(), ..settings::Given::default() };
    let (_, Loaded { mut config, .. }) = Settings::load(given, &*rng)?;
    let is_same = Kratos::is_same(&flags.from, config.dsn.expose());
    match (is_same, flags.dry_run) {
        // Nothing is written, and nobody is there yet.
        (true, true) => config.dsn = Secret::new("memory"),
        (true, false) => return Err(Failure::new(ANOTHER)),
        (false, _) if config.dsn.expose() == "memory" => {
            return Err(Failure::new("--to: a database in memory would be gone at once"));
        }
        (false, _) => {}
    }
    let engine = Box::pin(serve::engine(config, rng)).await?;
    let store = engine.store.clone();
    if Kratos::lives_in(&store).await? {
        return Err(Failure::new(ANOTHER));
    }
    let is_bare = if flags.dry_run {
        !store.pending_migrations().await?.is_empty()
    } else {
        migrate::up(&store, PATIENCE).await?;
        false
    };
    let skipped = Skipped::create(flags.report.clone(), DEFAULT_REPORT)?;
    let ledger = Ledger::new(&source.counts().await?, skipped);
    let mover = Mover { fit: Fit::new(engine), store, source, is_bare, flags };
    Box::pin(mover.all(ledger)).await
}
