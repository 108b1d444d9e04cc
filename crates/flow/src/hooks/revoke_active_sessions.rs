//! `revoke_active_sessions`: whoever signs in, or changes a credential, ends all their other sessions.

use super::{Configured, Event, Hook, Verdict};
use crate::{
    Engine,
    audit::{self, Happened},
    plug::Cx,
};
use async_trait::async_trait;
use zelos_core::{flow::Kind, problem::Result};
use zelos_store::sessions;

/// Ends every session of the person but the one at hand, in the batch that stores it.
#[derive(Debug, Clone, Copy)]
pub struct RevokeActiveSessions;

#[async_trait]
impl Hook for RevokeActiveSessions {
    fn name(&self) -> &'static str {
        "revoke_active_sessions"
    }

    fn serves(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Settings | Kind::Recovery)
    }

    async fn run(&self, _: &Engine, cx: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        let kept = event.session.map(|session| session.id);
        sessions::revoke_others(event.batch, event.identity.id, kept, cx.clock.now());
        audit::record(cx, event.batch, [Happened::others_revoked(event.identity.id)]);
        Ok(Verdict::Go)
    }
}
