//! `session`: whoever registers is signed in at once.

use super::{Configured, Event, Hook, Verdict};
use crate::{Engine, plug::Cx};
use async_trait::async_trait;
use zelos_core::{flow::Kind, problem::Result};

/// Hands out the session that a registration made.
#[derive(Debug, Clone, Copy)]
pub struct IssueSession;

#[async_trait]
impl Hook for IssueSession {
    fn name(&self) -> &'static str {
        "session"
    }

    fn serves(&self, kind: Kind) -> bool {
        kind == Kind::Registration
    }

    async fn run(&self, _: &Engine, _: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        event.is_issued = true;
        Ok(Verdict::Go)
    }
}
