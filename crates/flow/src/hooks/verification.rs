//! `verification`: whoever signs up, signs in or changes an address is asked to prove it. A code or link is sent in the
//! batch that stores the person; whether they are led to the page is for `show_verification_ui` to say.

use super::{Configured, Event, Hook, Verdict, show_verification_ui::hint};
use crate::{Engine, plug::Cx, proofs};
use async_trait::async_trait;
use zelos_core::{
    flow::{Detail, Kind},
    identity::{AddressStatus, VerifiableAddress},
    problem::Result,
    session::Aal,
};
use zelos_store::flows;

/// Begins a verification of the first address that needs one.
#[derive(Debug, Clone, Copy)]
pub struct Verification;

#[async_trait]
impl Hook for Verification {
    fn name(&self) -> &'static str {
        "verification"
    }

    fn serves(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Registration | Kind::Settings)
    }

    async fn run(&self, engine: &Engine, cx: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        if matches!(event.flow.detail, Detail::Login { requested_aal: Aal::Aal2, .. }) {
            return Ok(Verdict::Go);
        }
        // After a change only addresses that are new are asked for: each is asked for once.
        let is_change = event.before.is_some();
        let is_due = |address: &&VerifiableAddress| {
            let is_open = if is_change { address.status == AddressStatus::Pending } else { !address.verified };
            is_open && !address.value.is_empty()
        };
        let all = cx.snapshot.feature_flags.legacy_continue_with_verification_ui;
        let due = event.identity.verifiable_addresses.iter().filter(is_due).take(if all { usize::MAX } else { 1 });
        let due: Vec<_> = due.map(|address| (address.via, address.value.clone())).collect();
        for (via, value) in due {
            let at = (via, value.as_str());
            let flow = proofs::begin_verification(engine, cx, event.flow, event.identity, at, event.batch).await?;
            flows::insert(event.batch, &flow);
            if all {
                let hint = hint(cx, event.flow.channel, flow.id, value.clone());
                event.flow.continue_with.push(hint);
            }
            event.verification = Some((flow.id, value));
        }
        Ok(Verdict::Go)
    }
}
