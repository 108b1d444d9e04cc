//! The command line. Servers are given as commands with places to fill in, so that any server that reads the same
//! configuration can stand beside ours.

use std::path::PathBuf;

use clap::{Parser, ValueEnum as _};

use crate::process::Subject;
use crate::scenario::Scenario;

/// Measures the CPU, latency and memory that requests cost a server.
///
/// Commands may hold {config} {dir} {public_port} {admin_port} {dsn} {database}.
#[derive(Debug, Parser)]
#[command(name = "zelos-bench", version)]
pub(crate) struct Options {
    /// A server to measure; repeat it to compare. The first one is what the ratios refer to.
    #[arg(long = "server", value_name = "NAME=COMMAND", value_parser = named, required_unless_present = "list")]
    pub(crate) servers: Vec<Named>,

    /// What makes the tables of the server of that name, if it does not make them itself.
    #[arg(long = "migrate", value_name = "NAME=COMMAND", value_parser = named)]
    pub(crate) migrations: Vec<Named>,

    /// Where the servers keep their data; repeatable. {dir} is a fresh folder, {database} a fresh name.
    #[arg(long = "dsn", default_value = "sqlite://{dir}/db.sqlite?_fk=true")]
    pub(crate) dsns: Vec<String>,

    /// Makes the database {database}; wherever a DSN names it.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) database_create: Option<String>,

    /// Removes the database {database} again.
    #[arg(long, value_name = "COMMAND")]
    pub(crate) database_drop: Option<String>,

    /// Whose CPU counts as the database's, for DSNs of a database server: a process (with its children) or a name.
    #[arg(long, value_name = "PID|NAME", value_parser = subject)]
    pub(crate) database_pid: Option<Subject>,

    /// Only these scenarios; repeatable.
    #[arg(long = "scenario", value_name = "NAME")]
    pub(crate) scenarios: Vec<Scenario>,

    /// Prints the scenarios and ends.
    #[arg(long)]
    pub(crate) list: bool,

    /// How often the servers take turns; the figures are those of all rounds together.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) rounds: u32,

    /// Share of the usual number of repetitions: 10 for a quick look, 300 for a calm figure.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) percent: u32,

    /// Seconds after which a scenario starts no further repetition in this round.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) seconds: u64,

    /// Connections used at a time, where the scenario does not say.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) connections: u32,

    /// Cores for the server, as `taskset -c` takes them.
    #[arg(long, value_name = "LIST")]
    pub(crate) cpus: Option<String>,

    /// CPU-ms of one bcrypt hash at cost 4, instead of the one derived from the scenarios `hash` and `login-api`.
    #[arg(long, value_name = "MS")]
    pub(crate) hash_ms: Option<f64>,

    /// `log.level` of the servers.
    #[arg(long, default_value = "error")]
    pub(crate) log_level: String,

    /// Writes the figures to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Keeps the work folders (configuration, log, SQLite file).
    #[arg(long)]
    pub(crate) keep: bool,
}

/// `NAME=COMMAND`, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) command: String,
}

impl Options {
    /// The scenarios to run, in the order of the list.
    pub(crate) fn chosen(&self) -> Vec<Scenario> {
        Scenario::value_variants()
            .iter()
            .copied()
            .filter(|s| self.scenarios.is_empty() || self.scenarios.contains(s))
            .collect()
    }

    pub(crate) fn migration_of(&self, server: &str) -> Option<&str> {
        self.migrations.iter().find(|m| m.name == server).map(|m| m.command.as_str())
    }
}

fn named(text: &str) -> Result<Named, String> {
    match text.split_once('=') {
        Some((name, command)) if !name.is_empty() && !name.contains(char::is_whitespace) && !command.is_empty() => {
            Ok(Named { name: name.to_owned(), command: command.to_owned() })
        }
        _ => Err("expected NAME=COMMAND".to_owned()),
    }
}

fn subject(text: &str) -> Result<Subject, String> {
    match text.parse::<i32>() {
        Ok(pid) if pid > 0 => Ok(Subject::Tree(pid)),
        Ok(_) => Err("a process id is greater than 0".to_owned()),
        Err(_) => Ok(Subject::Named(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_split_at_its_first_equals_sign() {
        let server = named("zelos=zelos serve --set=a=b").unwrap();
        assert_eq!((server.name.as_str(), server.command.as_str()), ("zelos", "zelos serve --set=a=b"));
        assert!(named("zelos serve --set=a=b").is_err());
        assert!(named("=x").is_err());
    }

    #[test]
    fn scenarios_keep_the_order_of_the_list() {
        let options =
            Options::try_parse_from(["zelos-bench", "--server", "a=b", "--scenario", "whoami", "--scenario", "hello"])
                .unwrap();
        assert_eq!(options.chosen(), [Scenario::Hello, Scenario::Whoami]);
    }
}
