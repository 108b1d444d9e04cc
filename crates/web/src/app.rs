//! What both servers share.

use crate::{metrics::Metrics, pages::Pages};
use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};
use zelos_flow::Engine;

/// The state of both routers.
#[derive(Debug)]
pub struct App {
    pub(crate) engine: Arc<Engine>,
    pub(crate) pages: Pages,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) metrics: Metrics,
    pub(crate) version: &'static str,
}

impl App {
    /// Puts the parts together. `version` is what `/version` tells.
    pub fn new(engine: Arc<Engine>, pages: Pages, readiness: Arc<Readiness>, version: &'static str) -> Arc<Self> {
        let metrics = Metrics::new(version, engine.clock.now());
        Arc::new(Self { engine, pages, readiness, metrics, version })
    }
}

/// Whether the servers want requests: the server sets it, `/health/ready` tells it.
#[derive(Debug, Default)]
pub struct Readiness(AtomicU8);

/// A part of the life of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// The database is not reached, or its migrations are pending.
    Starting,
    Ready,
    /// Running requests come to their end; new ones should go elsewhere.
    Stopping,
}

impl Readiness {
    /// Starting.
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a phase.
    pub fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Release);
    }

    /// The phase that was entered last.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            1 => Phase::Ready,
            2 => Phase::Stopping,
            _ => Phase::Starting,
        }
    }
}
