//! The command line. Command names and flags are those of the original, so that its compose files and scripts work
//! as they are: `-c` stands before or after the command, is repeated or holds a list.
//!
//! A failure exits with 1 and says why in one line for each reason.

mod admin;
mod backup;
mod config;
mod courier;
mod migrate;
mod serve;
mod version;

use crate::out;
use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};
use zelos_core::rng::SystemRng;

/// Zelos, an identity server.
#[derive(Debug, Parser)]
#[command(name = "zelos", version, disable_help_subcommand = false, propagate_version = true)]
struct Arguments {
    /// Configuration files (.yaml, .yml, .json, .toml); later ones win. Repeat the flag or separate with commas.
    #[arg(short, long, global = true, value_name = "FILE", value_delimiter = ',')]
    config: Vec<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the public and the admin server.
    Serve(serve::Flags),
    /// Deliver mail and SMS.
    #[command(subcommand)]
    Courier(Courier),
    /// Prepare the database.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Write the SQLite database into a file; servers may go on meanwhile.
    Backup(backup::Backup),
    /// Put what a backup holds in place of the SQLite database; servers may go on meanwhile.
    Restore(backup::Restore),
    /// Who may use the admin API.
    #[command(subcommand)]
    Admin(Admin),
    /// What the configuration may hold.
    #[command(subcommand)]
    Config(Config),
    /// Print the version.
    Version,
}

#[derive(Debug, Subcommand)]
enum Courier {
    /// Deliver what is in the outbox until told to stop. Any number of couriers may do so at once, and so do servers.
    Watch(courier::Flags),
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Bring the tables up to date (short for `sql up`).
    Sql(Sql),
    /// Look at everybody and put right by which traits they are found. Servers may go on meanwhile, and do it themselves
    /// when schemas change.
    Reindex,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
struct Sql {
    #[command(subcommand)]
    command: Option<SqlCommand>,
    #[command(flatten)]
    up: migrate::Up,
}

#[derive(Debug, Subcommand)]
enum SqlCommand {
    /// Bring the tables up to date.
    Up(migrate::Up),
    /// List the migrations and whether they were run.
    Status(migrate::Status),
    /// Not supported: take a backup before an update, and restore it to go back.
    Down(migrate::Down),
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make a token, and print the lines of the configuration that let it in.
    Token(admin::Token),
}

#[derive(Debug, Subcommand)]
enum Config {
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
}

/// Runs what the process was asked for, to its end.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let failed = error.use_stderr();
            let _ = error.print();
            return ExitCode::from(u8::from(failed));
        }
    };
    let files = arguments.config;
    let done = match arguments.command {
        Command::Serve(flags) => block_on(serve::run(files, flags)),
        Command::Courier(Courier::Watch(flags)) => block_on(courier::watch(files, flags)),
        Command::Migrate(Migrate::Sql(sql)) => match sql.command {
            None => block_on(migrate::up(files, sql.up)),
            Some(SqlCommand::Up(up)) => block_on(migrate::up(files, up)),
            Some(SqlCommand::Status(status)) => block_on(migrate::status(files, status)),
            Some(SqlCommand::Down(_)) => migrate::down(),
        },
        Command::Migrate(Migrate::Reindex) => block_on(migrate::reindex(files)),
        Command::Backup(flags) => backup::backup(&files, &flags),
        Command::Restore(flags) => backup::restore(&files, &flags),
        Command::Admin(Admin::Token(flags)) => {
            admin::token(&flags, &SystemRng);
            Ok(())
        }
        Command::Config(Config::Schema) => {
            config::schema();
            Ok(())
        }
        Command::Version => {
            version::print();
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.0 {
                out::error(line);
            }
            ExitCode::FAILURE
        }
    }
}

/// Why a command did not do what it was asked for: one line for each reason.
#[derive(Debug)]
pub struct Failure(pub(crate) Vec<String>);

impl Failure {
    /// With one reason.
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(vec![reason.into()])
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(format!("{error:#}"))
    }
}

impl From<zelos_store::Error> for Failure {
    fn from(error: zelos_store::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// Threads are started only for commands that wait for something.
fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("threads cannot be started: {error}")))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Arguments {
        Arguments::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn command_lines_of_compose_files_are_understood() {
        let file = || vec![PathBuf::from("/etc/config/kratos.yml")];

        let arguments = parse("zelos -c /etc/config/kratos.yml migrate sql -e --yes");
        assert_eq!(arguments.config, file());
        let Command::Migrate(Migrate::Sql(sql)) = arguments.command else { panic!("not migrate sql") };
        assert!(sql.command.is_none() && sql.up.read_from_env && sql.up.yes && sql.up.url.is_none());

        let arguments = parse("zelos serve -c /etc/config/kratos.yml --dev --watch-courier");
        assert_eq!(arguments.config, file());
        let Command::Serve(flags) = arguments.command else { panic!("not serve") };
        assert!(flags.dev && flags.watch_courier && !flags.sqa_opt_out);

        let arguments = parse("zelos migrate sql up -e -y -c /etc/config/kratos.yml");
        assert_eq!(arguments.config, file());
        let Command::Migrate(Migrate::Sql(sql)) = arguments.command else { panic!("not migrate sql") };
        assert!(matches!(sql.command, Some(SqlCommand::Up(up)) if up.yes && up.read_from_env));
    }

    #[test]
    fn a_courier_may_run_by_itself() {
        let arguments = parse("zelos courier watch -c /etc/config/kratos.yml --expose-metrics-port 4435");
        let Command::Courier(Courier::Watch(flags)) = arguments.command else { panic!("not courier watch") };
        assert_eq!((flags.expose_metrics_port, flags.dev), (Some(4435), false));
    }

    #[test]
    fn files_are_repeated_or_listed() {
        let arguments = parse("zelos serve -c a.yml,b.json --config c.toml");
        assert_eq!(arguments.config, ["a.yml", "b.json", "c.toml"].map(PathBuf::from));
    }

    #[test]
    fn a_database_may_be_named() {
        for line in ["zelos migrate sql sqlite://x -y", "zelos migrate sql -y sqlite://x"] {
            let Command::Migrate(Migrate::Sql(sql)) = parse(line).command else { panic!("not migrate sql") };
            assert_eq!(sql.up.url.as_deref(), Some("sqlite://x"), "{line}");
        }
    }

    #[test]
    fn switches_may_have_a_value() {
        let Command::Serve(flags) = parse("zelos serve --dev=false --watch-courier=true").command else {
            panic!("not serve")
        };
        assert!(!flags.dev && flags.watch_courier);
    }
}
