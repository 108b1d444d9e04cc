//! Sends units over a number of connections until their count or the time is up.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::visitor::{Unit, Visitor};
use crate::world::World;

/// How much to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) units: u64,
    pub(crate) connections: u32,
    /// After this no further unit is begun.
    pub(crate) limit: Duration,
}

/// What was sent and how long each took.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// One for each unit that succeeded.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) failures: u64,
    pub(crate) first_failure: Option<String>,
    pub(crate) wall: Duration,
}

impl Load {
    pub(crate) fn add(&mut self, outcome: anyhow::Result<()>, took: Duration) {
        match outcome {
            Ok(()) => self.latencies.push(took),
            Err(error) => {
                self.failures += 1;
                self.first_failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
}

/// Repeats the units in turn, spread over the connections. Failed units are counted, and end the load when there
/// are as many as that nothing is being measured any more.
pub(crate) async fn drive(world: &World, units: &[Unit], plan: Plan) -> Load {
    const TOO_MANY: u64 = 20;
    let (load, left) = (RefCell::new(Load::default()), Cell::new(plan.units));
    let start = Instant::now();
    let visitor = async || {
        let mut visitor = Visitor::new(world);
        while left.get() > 0 && start.elapsed() < plan.limit && load.borrow().failures < TOO_MANY {
            left.set(left.get() - 1);
            let place = usize::try_from(left.get()).unwrap_or(0) % units.len();
            let begin = Instant::now();
            let outcome = visitor.perform(units[place]).await;
            load.borrow_mut().add(outcome, begin.elapsed());
        }
    };
    join_all((0..plan.connections).map(|_| visitor())).await;
    let mut load = load.into_inner();
    load.wall = start.elapsed();
    load
}
