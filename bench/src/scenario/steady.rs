//! One kind of request over and over. The counts are such that a round takes seconds and a clock tick is lost in it.

use anyhow::{Result, bail};

use super::{Scenario, Stage};
use crate::load::drive;
use crate::measure::Measure;
use crate::visitor::Unit;

pub(super) async fn run(scenario: Scenario, stage: Stage<'_>) -> Result<Measure> {
    let usual = stage.options().connections;
    let (unit, units, connections) = match scenario {
        Scenario::Hello => (Unit::Hello, 8000, usual),
        Scenario::Whoami => (Unit::Whoami, 8000, usual),
        Scenario::WhoamiRefused => (Unit::WhoamiRefused, 8000, usual),
        Scenario::Flow => (Unit::Flow, 1500, usual),
        Scenario::LoginApi => (Unit::Login, 400, 1),
        Scenario::Logins2 => (Unit::Login, 400, 2),
        Scenario::Logins8 => (Unit::Login, 400, 8),
        Scenario::Logins32 => (Unit::Login, 400, 32),
        Scenario::LoginBrowser => (Unit::BrowserLogin, 300, usual),
        Scenario::Registration => (Unit::Registration, 400, usual),
        Scenario::AdminIdentity => (Unit::AdminIdentity, 4000, usual),
        Scenario::Hash => (Unit::Login, 40, 1),
        _ => bail!("{} is not a steady load", scenario.name()),
    };
    let plan = stage.plan(units, connections);
    // Connections, caches and prepared statements are made before the count begins.
    let mut warm = plan;
    warm.units = (plan.units / 10).max(u64::from(connections));
    let warm = drive(stage.world, &[unit], warm).await;
    if warm.latencies.is_empty() {
        bail!("no unit succeeded: {}", warm.first_failure.unwrap_or_else(|| "the time was up".to_owned()));
    }
    stage.metered(&[unit], plan).await
}
