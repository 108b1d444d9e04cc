//! Memory: at rest, after work, and at its highest when hashes that need much of it come all at once. Each on a
//! server of its own, since memory remembers what was there before.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::Stage;
use super::contention::begin_logins;
use crate::config::Hasher;
use crate::load::{Load, Plan};
use crate::measure::Measure;
use crate::process;
use crate::server::Launcher;
use crate::visitor::Unit;
use crate::world::World;

const LOGINS: usize = 50;
const REQUESTS: u64 = 10_000;

/// Twenty requests as a day brings them: mostly `whoami`, now and then a login, a registration, an admin's look.
/// Flow, login and registration are two requests each.
const MIX: [Unit; 17] = [
    Unit::Whoami,
    Unit::Whoami,
    Unit::Login,
    Unit::Whoami,
    Unit::Whoami,
    Unit::WhoamiRefused,
    Unit::Whoami,
    Unit::Flow,
    Unit::Whoami,
    Unit::Whoami,
    Unit::AdminIdentity,
    Unit::Whoami,
    Unit::Whoami,
    Unit::Registration,
    Unit::Whoami,
    Unit::Whoami,
    Unit::Whoami,
];
const MIX_REQUESTS: u64 = 20;

/// Memory of a server that was just started and left alone, and the size of its program.
pub(super) async fn idle(launcher: Launcher<'_>) -> Result<Measure> {
    let (_home, running) = launcher.start(Hasher::Bcrypt(4)).await?;
    sleep(Duration::from_secs(2)).await;
    let mut measure = Measure::of(Load::default());
    let memory = process::memory(running.pid())?;
    (measure.peak, measure.rest) = (Some(memory.peak), Some(memory.now));
    measure.size = Some(process::program_size(running.pid())?);
    running.stop().await?;
    Ok(measure)
}

/// Memory after 10,000 requests. This count is not scaled: it is what the figure is about.
pub(super) async fn mix(launcher: Launcher<'_>) -> Result<Measure> {
    let (_home, running) = launcher.start(Hasher::Bcrypt(4)).await?;
    let world = World::with_people(&running, 8).await?;
    let stage = Stage { launcher, running: &running, world: &world };
    let units = REQUESTS / MIX_REQUESTS * MIX.len() as u64;
    let plan = Plan { units, connections: 8, limit: Duration::from_secs(launcher.options.seconds.max(120)) };
    let mut measure = stage.metered(&MIX, plan).await?;
    // What is freed in the background is given a moment to be.
    sleep(Duration::from_secs(1)).await;
    measure.rest = Some(process::memory(running.pid())?.now);
    running.stop().await?;
    Ok(measure)
}

/// Fifty logins at once, each of which needs 128 MiB for its hash.
pub(super) async fn argon2_fifty(launcher: Launcher<'_>) -> Result<Measure> {
    let (_home, running) = launcher.start(Hasher::Argon2).await?;
    let world = World::with_people(&running, 4).await?;
    let stage = Stage { launcher, running: &running, world: &world };
    let waiting = begin_logins(&world, LOGINS).await?;
    let start = Instant::now();
    let at_once = async {
        let logins = waiting.into_iter().enumerate().map(async |(turn, (mut visitor, begun))| {
            let outcome = visitor.submit_login(&begun, turn).await;
            (outcome.map(|_| ()), start.elapsed())
        });
        let outcomes = join_all(logins).await;
        let mut load = Load { wall: start.elapsed(), ..Load::default() };
        for (outcome, took) in outcomes {
            load.add(outcome, took);
        }
        load
    };
    let mut measure = stage.metered_load(at_once).await?;
    measure.rest = Some(process::memory(running.pid())?.now);
    running.stop().await?;
    Ok(measure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_is_twenty_requests() {
        let requests = |unit: &Unit| match unit {
            Unit::Flow | Unit::Login | Unit::Registration => 2,
            Unit::BrowserLogin => 3,
            _ => 1,
        };
        assert_eq!(MIX.iter().map(requests).sum::<u64>(), MIX_REQUESTS);
        assert_eq!(REQUESTS % MIX_REQUESTS, 0);
    }
}
