//! `whoami` while many passwords are hashed. A server that hashes wherever a request happens to run lets everybody
//! wait for it; one that hashes on threads of its own answers the others as if nothing were.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;
use futures_util::future::{join, join_all};
use tokio::time::{Instant, sleep};

use super::Stage;
use crate::load::Load;
use crate::measure::Measure;
use crate::visitor::{Begun, Unit, Visitor};
use crate::world::World;

const LOGINS: usize = 32;
/// Between two questions: often enough for a percentile, too seldom to be a load by themselves.
const PAUSE: Duration = Duration::from_millis(2);
/// No more is asked after this, should the logins never end.
const LIMIT: Duration = Duration::from_secs(90);

/// Latencies of `whoami` from when 32 logins are submitted at once until the last is answered. Failed logins count
/// as failures; the CPU time is that of all and says nothing of a single unit, so it is left out.
pub(super) async fn whoami_while_hashing(stage: Stage<'_>) -> Result<Measure> {
    let mut waiting = begin_logins(stage.world, LOGINS).await?;
    let mut asking = Visitor::new(stage.world);
    asking.perform(Unit::Whoami).await?;

    let busy = Cell::new(true);
    let logins = async {
        let submitted =
            waiting.iter_mut().enumerate().map(|(turn, (visitor, begun))| visitor.submit_login(begun, turn));
        let outcomes = join_all(submitted).await;
        busy.set(false);
        outcomes
    };
    let questions = async {
        let (mut load, start) = (Load::default(), Instant::now());
        while busy.get() && start.elapsed() < LIMIT {
            let begin = Instant::now();
            let outcome = asking.perform(Unit::Whoami).await;
            load.add(outcome, begin.elapsed());
            sleep(PAUSE).await;
        }
        load.wall = start.elapsed();
        load
    };
    let both = async {
        let (outcomes, mut load) = join(logins, questions).await;
        for failed in outcomes.into_iter().filter(Result::is_err) {
            load.add(failed.map(|_| ()), Duration::ZERO);
        }
        load
    };
    let mut measure = stage.metered_load(both).await?;
    measure.forget_cpu();
    Ok(measure)
}

/// So many visitors, each with a login flow that waits for its password.
pub(super) async fn begin_logins(world: &World, count: usize) -> Result<Vec<(Visitor<'_>, Begun)>> {
    let mut waiting = Vec::new();
    for _ in 0..count {
        let mut visitor = Visitor::new(world);
        let begun = visitor.begin("login").await?;
        waiting.push((visitor, begun));
    }
    Ok(waiting)
}
