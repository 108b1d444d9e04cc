//! What a scenario is given, and which code plays it.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Scenario, contention, discretion, distant, footprint, mail, start, steady};
use crate::load::{Load, Plan, drive};
use crate::measure::{Measure, Meter};
use crate::options::Options;
use crate::process::Subject;
use crate::server::{Launcher, Running};
use crate::visitor::Unit;
use crate::world::World;

/// A running server and its people.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage<'a> {
    pub(crate) launcher: Launcher<'a>,
    pub(crate) running: &'a Running,
    pub(crate) world: &'a World,
}

impl<'a> Stage<'a> {
    pub(crate) fn options(&self) -> &'a Options {
        self.launcher.options
    }

    /// A plan of this many units, by the share and the time that the command line gives.
    pub(crate) fn plan(&self, units: u64, connections: u32) -> Plan {
        let options = self.options();
        let units = (units * u64::from(options.percent) / 100).max(1);
        Plan { units, connections, limit: Duration::from_secs(options.seconds) }
    }

    /// Sends units with the meters on.
    pub(crate) async fn metered(&self, units: &[Unit], plan: Plan) -> Result<Measure> {
        self.metered_load(drive(self.world, units, plan)).await
    }

    /// Awaits a load with the meters on.
    pub(crate) async fn metered_load(&self, load: impl Future<Output = Load>) -> Result<Measure> {
        let refused = self.world.refused.get();
        let meter = Meter::start(self.running.pid(), self.database())?;
        let mut measure = Measure::of(load.await);
        meter.stop(&mut measure)?;
        measure.refusals = self.world.refused.get() - refused;
        Ok(measure)
    }

    fn database(&self) -> Option<&'a Subject> {
        let is_server = !self.launcher.dsn.starts_with("sqlite") && self.launcher.dsn != "memory";
        self.options().database_pid.as_ref().filter(|_| is_server)
    }
}

/// Plays a scenario on a server that it shares with others.
pub(crate) async fn shared(scenario: Scenario, stage: Stage<'_>) -> Result<Measure> {
    match scenario {
        Scenario::WhoamiBcrypt12 | Scenario::WhoamiArgon2 => contention::whoami_while_hashing(stage).await,
        _ => steady::run(scenario, stage).await,
    }
}

/// Plays a scenario that starts its servers itself.
pub(crate) async fn alone(scenario: Scenario, launcher: Launcher<'_>) -> Result<Measure> {
    match scenario {
        Scenario::Argon2Fifty => footprint::argon2_fifty(launcher).await,
        Scenario::StartExisting => start::existing(launcher).await,
        Scenario::StartEmpty => start::empty(launcher).await,
        Scenario::Idle => footprint::idle(launcher).await,
        Scenario::Mix => footprint::mix(launcher).await,
        Scenario::Mail => mail::thousand(launcher).await,
        Scenario::RecoveryStart => discretion::known_and_unknown("recovery", launcher).await,
        Scenario::VerificationStart => discretion::known_and_unknown("verification", launcher).await,
        Scenario::DistantLogin => distant::submit(distant::Submission::Login, launcher).await,
        Scenario::DistantRegistration => distant::submit(distant::Submission::Registration, launcher).await,
        _ => bail!("{} runs on a shared server", scenario.name()),
    }
}
