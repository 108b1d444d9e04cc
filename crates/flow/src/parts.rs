//! What an engine is wired from – the inputs of the server, or those of a test –, and how it refuses.

use crate::{compiled::Compiled, hooks::Hooks, plug::Method};
use std::sync::Arc;
use zelos_core::{clock::Clock, flow::Channel, measure::Measures, outbound::Outbound, problem::Problem, rng::Rng};
use zelos_store::Store;

/// What the engine is wired from.
pub struct Parts {
    pub snapshot: Compiled,
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub outbound: Arc<dyn Outbound>,
    pub methods: Vec<Box<dyn Method>>,
    pub hooks: Hooks,
    pub measures: Arc<Measures>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// A submission that could not be answered as asked, with what is known of the flow it was meant for.
#[derive(Debug)]
pub struct Refusal {
    pub problem: Problem,
    /// None if the flow was not found.
    pub channel: Option<Channel>,
}
