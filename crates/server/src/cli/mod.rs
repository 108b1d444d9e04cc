//! The command line. Command names and flags are those of the original, so that its compose files and scripts work
//! as they are: `-c` stands before or after the command, is repeated or holds a list.
//!
//! A failure exits with 1 and says why in one line for each reason.

mod admin;
mod backup;
mod cleanup;
mod client;
mod completion;
mod config;
mod courier;
mod doctor;
mod export;
mod hashers;
mod identities;
mod import;
mod jsonnet;
mod migrate;
mod people;
mod print;
mod remote;
pub(crate) mod secrets;
mod serve;
mod version;

use crate::{out, settings::ConfigFiles};
use clap::{Args, Parser, Subcommand, error::ErrorKind};
use client::Client;
use print::Output;
use std::{path::PathBuf, process::ExitCode};
use zelos_core::rng::SystemRng;

/// Zelos, an identity server.
#[derive(Debug, Parser)]
#[command(name = "zelos", version, disable_help_subcommand = false, propagate_version = true)]
struct Arguments {
    /// Configuration files (.yaml, .yml, .json, .toml); later ones win. Repeat the flag or separate with commas.
    #[arg(short, long, global = true, value_name = "FILE", value_delimiter = ',')]
    config: Vec<PathBuf>,
    /// Replace ${NAME} and ${NAME:-default} in the values of configuration files by environment variables.
    #[arg(long, global = true)]
    expand_env: bool,
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
    /// Manage what is encrypted at rest
    #[command(subcommand)]
    Secrets(Secrets),
    /// Delete what has expired.
    #[command(subcommand)]
    Cleanup(Cleanup),
    /// Say what is wrong with a set-up, and which key to change.
    Doctor(doctor::Flags),
    /// What the configuration may hold, and what it does.
    #[command(subcommand)]
    Config(Config),
    /// Show single people of a server.
    Get(Remotely<Get>),
    /// List the people of a server.
    #[command(alias = "ls")]
    List(Remotely<List>),
    /// Delete people of a server.
    Delete(Remotely<Delete>),
    /// Bring people in.
    Import(Remotely<Import>),
    /// Write down everybody with everything they have, a line of JSON for each.
    Export(export::Flags),
    /// Check files with people for a server.
    Validate(Remotely<Validate>),
    /// How a server is.
    Remote(Remotely<Remote>),
    /// What hashing passwords costs.
    #[command(subcommand)]
    Hashers(Hashers),
    /// Bring code into form.
    #[command(subcommand)]
    Format(Format),
    /// Look for mistakes in code.
    #[command(subcommand)]
    Lint(Lint),
    /// Print a script that completes command lines in a shell.
    Completion(completion::Flags),
    /// Print the version.
    Version,
}

/// A command that works on a server from outside.
#[derive(Debug, Args)]
struct Remotely<C: Subcommand> {
    #[command(flatten)]
    client: client::Flags,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: C,
}

#[derive(Debug, Subcommand)]
enum Get {
    /// Show people by their ids.
    #[command(alias = "identities")]
    Identity(identities::Get),
}

#[derive(Debug, Subcommand)]
enum List {
    /// Show a page of everybody.
    #[command(alias = "identity")]
    Identities(identities::List),
}

#[derive(Debug, Subcommand)]
enum Delete {
    /// Delete people by their ids.
    #[command(alias = "identities")]
    Identity(identities::Delete),
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Create people from files or standard input: by a server's admin API, or with --to or --direct straight in its
    /// database.
    #[command(alias = "identity")]
    Identities(import::Identities),
    /// Move a Kratos database over: people, credentials, addresses, sessions, with all their ids.
    Kratos(import::kratos::Flags),
}

#[derive(Debug, Subcommand)]
enum Validate {
    /// Check files, or standard input, against the body of a create and the schemas of the server.
    #[command(alias = "identities")]
    Identity(people::Files),
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Remote {
    /// Whether the server is alive and ready.
    Status,
    /// The version of the server.
    Version,
}

#[derive(Debug, Subcommand)]
enum Courier {
    /// Deliver what is in the outbox until told to stop. Any number of couriers may do so at once, and so do servers.
    Watch(courier::Flags),
}

#[derive(Debug, Subcommand)]
enum Secrets {
    /// Re-encrypt second factors under the first of secrets.cipher. Servers may run meanwhile
    ReEncrypt(secrets::ReEncrypt),
}

#[derive(Debug, Subcommand)]
enum Cleanup {
    /// Delete expired sessions and flows, a batch of each. Servers do so by themselves.
    Sql(cleanup::Flags),
}

#[derive(Debug, Subcommand)]
enum Hashers {
    /// Argon2id.
    #[command(subcommand)]
    Argon2(Argon2),
}

#[derive(Debug, Subcommand)]
enum Argon2 {
    /// Hash passwords and print how long it takes.
    Hash(hashers::Hash),
    /// Look for parameters that make a hash take the time wanted on this machine.
    Calibrate(hashers::Calibrate),
    /// Hash as many passwords a minute as logins are expected, and print how long they take.
    LoadTest(hashers::LoadTest),
}

#[derive(Debug, Subcommand)]
enum Format {
    /// Bring Jsonnet into form.
    Jsonnet(jsonnet::Format),
}

#[derive(Debug, Subcommand)]
enum Lint {
    /// Look for mistakes in Jsonnet.
    #[command(alias = "lint")]
    Jsonnet(jsonnet::Lint),
}

#[derive(Debug, Subcommand)]
enum Migrate {
    /// Bring the tables up to date (short for `sql up`).
    Sql(Sql),
    /// Accepted for compatibility: phone numbers are always kept in their normal form.
    NormalizePhoneNumbers(migrate::Ignored),
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
    Down(migrate::Ignored),
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
    /// Say what a key means, what may stand there, what is in force and who set it.
    Explain(config::Explain),
}

/// Runs what the process was asked for, to its end.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let files = ConfigFiles { paths: arguments.config, expand_env: arguments.expand_env };
    match run_command(files, arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            for line in failure.0 {
                out::error(line);
            }
            ExitCode::FAILURE
        }
    }
}

/// What a command line that cannot be run is answered with. To name a group of commands is to ask what is in it.
fn refused(error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        out::text(error.render());
        return ExitCode::SUCCESS;
    }
    let _ = error.print();
    ExitCode::from(u8::from(error.use_stderr()))
}

fn run_command(files: ConfigFiles, command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(flags) => block_on(serve::run(files, flags)),
        Command::Courier(Courier::Watch(flags)) => block_on(courier::watch(files, flags)),
        Command::Migrate(Migrate::Sql(sql)) => match sql.command {
            None => block_on(migrate::up(files, sql.up)),
            Some(SqlCommand::Up(up)) => block_on(migrate::up(files, up)),
            Some(SqlCommand::Status(status)) => block_on(migrate::status(files, status)),
            Some(SqlCommand::Down(_)) => migrate::down(),
        },
        Command::Migrate(Migrate::Reindex) => block_on(migrate::reindex(files)),
        Command::Backup(flags) => backup::write(&files, &flags),
        Command::Restore(flags) => backup::restore(&files, &flags),
        Command::Export(flags) => block_on(export::run(files, flags)),
        Command::Import(Remotely { client, command: Import::Kratos(flags), .. }) => {
            client.needless()?;
            block_on(import::kratos::run(files, flags))
        }
        Command::Import(Remotely { client, command: Import::Identities(flags), .. }) if flags.is_direct() => {
            client.needless()?;
            block_on(import::identities::run(files, flags))
        }
        Command::Admin(Admin::Token(flags)) => {
            admin::token(&flags, &SystemRng);
            Ok(())
        }
        Command::Migrate(Migrate::NormalizePhoneNumbers(_)) => {
            migrate::phone_numbers();
            Ok(())
        }
        Command::Secrets(Secrets::ReEncrypt(flags)) => block_on(secrets::re_encrypt(files, flags)),
        Command::Cleanup(Cleanup::Sql(flags)) => block_on(cleanup::sql(files, flags)),
        Command::Doctor(flags) => block_on(doctor::run(files, flags)),
        Command::Config(Config::Schema) => {
            config::schema();
            Ok(())
        }
        Command::Config(Config::Explain(flags)) => config::explain(&files, &flags),
        Command::Hashers(Hashers::Argon2(command)) => match command {
            Argon2::Hash(flags) => block_on(hashers::hash(files, flags)),
            Argon2::Calibrate(flags) => block_on(hashers::calibrate(files, flags)),
            Argon2::LoadTest(flags) => block_on(hashers::load_test(files, flags)),
        },
        Command::Format(Format::Jsonnet(flags)) => jsonnet::format(&flags),
        Command::Lint(Lint::Jsonnet(flags)) => jsonnet::lint(&flags),
        Command::Completion(flags) => {
            completion::print(&flags);
            Ok(())
        }
        Command::Version => {
            version::print();
            Ok(())
        }
        other => run_remotely(other),
    }
}

fn run_remotely(command: Command) -> Result<(), Failure> {
    match command {
        Command::Get(Remotely { client, output, command: Get::Identity(flags) }) => {
            block_on(identities::get(Client::new(client)?, output, flags))
        }
        Command::List(Remotely { client, output, command: List::Identities(flags) }) => {
            block_on(identities::list(Client::new(client)?, output, flags))
        }
        Command::Delete(Remotely { client, output, command: Delete::Identity(flags) }) => {
            block_on(identities::delete(Client::new(client)?, output, flags))
        }
        Command::Import(Remotely { client, output, command: Import::Identities(flags) }) => {
            block_on(identities::import(Client::new(client)?, output, flags.files))
        }
        Command::Validate(Remotely { client, command: Validate::Identity(flags), .. }) => {
            block_on(identities::validate(Client::new(client)?, flags))
        }
        Command::Remote(Remotely { client, output, command }) => {
            let client = Client::new(client)?;
            match command {
                Remote::Status => block_on(remote::status(client, output)),
                Remote::Version => block_on(remote::version(client, output)),
            }
        }
        _ => Ok(()),
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
    fn people_come_by_a_server_or_straight_into_a_database() {
        let flags = |line: &str| match parse(line).command {
            Command::Import(Remotely { command: Import::Identities(flags), .. }) => flags,
            _ => panic!("{line}: not import identities"),
        };
        assert!(!flags("zelos import identities a.json --endpoint http://127.0.0.1:4434").is_direct());
        assert!(!flags("zelos import identities a.csv --map mail=traits.email,name=traits.name").is_direct());
        assert!(flags("zelos import identities a.json --direct --skip-existing").is_direct());
        assert!(flags("zelos import identities --to sqlite://x --batch 1 a.json b.json").is_direct());
        for wrong in ["--skip-existing", "--batch 5", "--direct --to sqlite://x", "--map mail"] {
            let line = format!("zelos import identities a.json {wrong}");
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{wrong}");
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
