//! `cleanup sql`: one pass over what has expired. Servers do it by themselves; this is for those who run it by the clock.

use super::{Failure, migrate::connect};
use crate::{
    out,
    settings::{self, ConfigFiles},
};
use clap::Args;
use zelos_core::{
    clock::{Clock as _, SystemClock},
    config::GoDuration,
};
use zelos_store::cleanup;

/// How much to delete, and from where.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The database; without it, the one that the configuration names.
    url: Option<String>,
    /// Take the database from the environment variable DSN, or from the `dsn` of the configuration files.
    #[arg(short = 'e', long, num_args = 0..=1, require_equals = true, default_value_t = true,
        default_missing_value = "true", action = clap::ArgAction::Set)]
    read_from_env: bool,
    /// Most rows to delete from a table [default: 100]
    #[arg(short, long = "database.cleanup.batch_size", alias = "batch-size", value_name = "ROWS",
        value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: Option<u32>,
    /// Rest between two tables [default: 1m]
    #[arg(long = "database.cleanup.sleep.tables", alias = "sleep-tables", value_name = "DURATION")]
    sleep_tables: Option<GoDuration>,
    /// Keep what expired within this time [default: 0s]
    #[arg(long, value_name = "DURATION")]
    keep_last: Option<GoDuration>,
}

/// Deletes once.
pub(super) async fn sql(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let store = connect(&files, flags.url, flags.read_from_env, "zelos cleanup sql <url>").await?;
    let set = settings::cleanup(&files)?;
    let rest = *flags.sleep_tables.unwrap_or(set.sleep.tables);
    let most = usize::try_from(flags.batch_size.unwrap_or(set.batch_size)).unwrap_or(usize::MAX);
    let before = SystemClock.now() - *flags.keep_last.unwrap_or(set.older_than);

    let deleted = cleanup::sessions(&store, before, most).await?;
    out::line(format_args!("{deleted} expired sessions deleted"));
    tokio::time::sleep(rest).await;
    let deleted = cleanup::flows(&store, before, most).await?;
    out::line(format_args!("{deleted} expired flows deleted"));
    out::line(format_args!("At most {most} rows of a table are deleted at a time; run it again to go on."));
    Ok(())
}
