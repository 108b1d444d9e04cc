//! The order of things: for each database, round after round, the servers take turns. One server is alive at a time,
//! always on a fresh database, so that none pays for what another left behind.

use std::fs;

use anyhow::{Result, ensure};

use crate::config::Hasher;
use crate::measure::Measure;
use crate::options::Options;
use crate::out;
use crate::report::{Key, Report, Results, scheme};
use crate::scenario::{Crowd, Place, Scenario, Stage, alone, shared};
use crate::server::Launcher;
use crate::world::World;

/// Runs everything that was asked for and prints it. Returns whether all of it could be measured.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    check(options)?;
    let mut results = Results::new();
    for (dsn, _) in options.dsns.iter().enumerate() {
        for round in 1..=options.rounds {
            for hasher in Scenario::HASHERS {
                for (server, _) in options.servers.iter().enumerate() {
                    let turn = Turn { options, dsn, server, round };
                    turn.on_a_shared_server(hasher, &mut results).await;
                }
            }
            for (server, _) in options.servers.iter().enumerate() {
                Turn { options, dsn, server, round }.among_many(&mut results).await;
            }
            for scenario in options.chosen().into_iter().filter(|s| s.place() == Place::Alone) {
                for (server, _) in options.servers.iter().enumerate() {
                    let turn = Turn { options, dsn, server, round };
                    turn.say(scenario);
                    let outcome = alone(scenario, turn.launcher()).await;
                    turn.keep(scenario, outcome, &mut results);
                }
            }
        }
    }
    let report = Report { options, results: &results };
    out::text(&report.tables());
    if let Some(path) = &options.json {
        fs::write(path, format!("{:#}\n", report.json()))?;
    }
    Ok(results.values().all(|measure| measure.failures == 0))
}

/// One server's turn on one database in one round.
#[derive(Debug, Clone, Copy)]
struct Turn<'a> {
    options: &'a Options,
    dsn: usize,
    server: usize,
    round: u32,
}

impl<'a> Turn<'a> {
    fn launcher(&self) -> Launcher<'a> {
        let (server, dsn) = (&self.options.servers[self.server], &self.options.dsns[self.dsn]);
        Launcher { options: self.options, server, dsn }
    }

    async fn on_a_shared_server(&self, hasher: Hasher, results: &mut Results) {
        let mut chosen = self.options.chosen();
        chosen.retain(|scenario| scenario.place() == Place::Shared(hasher));
        if chosen.is_empty() {
            return;
        }
        if let Err(error) = self.play(hasher, &chosen, results).await {
            for scenario in chosen {
                self.keep(scenario, Err(anyhow::anyhow!("{error:#}")), results);
            }
        }
    }

    /// Fails only if the server cannot be started, prepared or stopped.
    async fn play(&self, hasher: Hasher, chosen: &[Scenario], results: &mut Results) -> Result<()> {
        let launcher = self.launcher();
        let (_home, running) = launcher.start(hasher).await?;
        let people = if hasher == Hasher::Bcrypt(4) { 32 } else { 4 };
        let world = World::with_people(&running, people).await?;
        for scenario in chosen {
            self.say(*scenario);
            let stage = Stage { launcher, running: &running, world: &world };
            let outcome = shared(*scenario, stage).await;
            self.keep(*scenario, outcome, results);
        }
        running.stop().await
    }

    async fn among_many(&self, results: &mut Results) {
        let mut chosen = self.options.chosen();
        chosen.retain(|scenario| scenario.place() == Place::Crowded);
        if chosen.is_empty() {
            return;
        }
        if let Err(error) = self.play_among_many(&chosen, results).await {
            for scenario in chosen {
                self.keep(scenario, Err(anyhow::anyhow!("{error:#}")), results);
            }
        }
    }

    async fn play_among_many(&self, chosen: &[Scenario], results: &mut Results) -> Result<()> {
        let launcher = self.launcher();
        let (_home, running) = launcher.start(Hasher::Bcrypt(4)).await?;
        let world = World::with_people(&running, 1).await?;
        let stage = Stage { launcher, running: &running, world: &world };
        let crowd = Crowd::of(self.options);
        self.say(Scenario::Import);
        let imported = crowd.import(stage).await;
        self.keep(Scenario::Import, imported, results);
        let mut others = chosen.to_vec();
        others.retain(|scenario| *scenario != Scenario::Import);
        if !others.is_empty() {
            crowd.walk(stage).await?;
        }
        for scenario in others {
            self.say(scenario);
            let outcome = crowd.play(scenario, stage).await;
            self.keep(scenario, outcome, results);
        }
        running.stop().await
    }

    fn say(&self, scenario: Scenario) {
        let (server, dsn) = (&self.options.servers[self.server].name, scheme(&self.options.dsns[self.dsn]));
        out::note(&format!("round {} of {}: {dsn} {server} {}", self.round, self.options.rounds, scenario.name()));
    }

    fn keep(&self, scenario: Scenario, outcome: Result<Measure>, results: &mut Results) {
        let key = Key { scenario, dsn: self.dsn, server: self.server };
        let measure = outcome.unwrap_or_else(|error| {
            out::note(&format!("{}: {error:#}", scenario.name()));
            Measure::failed(&error)
        });
        results.entry(key).or_default().merge(measure);
    }
}

/// What would make the figures worthless is refused before anything starts.
fn check(options: &Options) -> Result<()> {
    for dsn in &options.dsns {
        let fresh = dsn == "memory" || dsn.contains("{dir}") || dsn.contains("{database}");
        ensure!(fresh, "{}: each start needs a database of its own; name {{dir}} or {{database}} in it", scheme(dsn));
        let made = !dsn.contains("{database}") || options.database_create.is_some();
        ensure!(made, "{}: --database-create must say how {{database}} is made", scheme(dsn));
    }
    for migration in &options.migrations {
        let known = options.servers.iter().any(|server| server.name == migration.name);
        ensure!(known, "--migrate: there is no server named {}", migration.name);
    }
    for (place, server) in options.servers.iter().enumerate() {
        let once = options.servers[..place].iter().all(|other| other.name != server.name);
        ensure!(once, "two servers are named {}", server.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(arguments: &[&str]) -> bool {
        let command = ["zelos-bench", "--server", "a=x"].iter().chain(arguments);
        check(&clap::Parser::parse_from(command)).is_ok()
    }

    #[test]
    fn databases_must_be_fresh_and_names_known() {
        assert!(checked(&[]));
        assert!(checked(&["--dsn", "memory", "--server", "b=x", "--migrate", "b=m"]));
        assert!(checked(&["--dsn", "postgres://h/{database}", "--database-create", "createdb {database}"]));
        assert!(!checked(&["--dsn", "postgres://h/{database}"]));
        assert!(!checked(&["--dsn", "postgres://h/live"]));
        assert!(!checked(&["--migrate", "c=m"]));
        assert!(!checked(&["--server", "a=y"]));
    }
}
