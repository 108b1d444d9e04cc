//! `session`: whoever registers is signed in at once.

use super::{Event, Hook};
use crate::plug::Cx;
use async_trait::async_trait;
use zelos_core::{flow::Kind, problem::Result};

pub(super) const NAME: &str = "session";

/// Hands out the session that a registration made.
#[derive(Debug, Clone, Copy)]
pub struct IssueSession;

#[async_trait]
impl Hook for IssueSession {
    fn name(&self) -> &'static str {
        NAME
    }

    fn serves(&self, kind: Kind) -> bool {
        kind == Kind::Registration
    }

    async fn run(&self, _cx: &Cx<'_>, event: &mut Event<'_>) -> Result<()> {
        event.is_issued = true;
        Ok(())
    }
}
