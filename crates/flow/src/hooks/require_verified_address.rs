//! `require_verified_address`: nobody signs in who has not proven an address. They are sent a code or link instead, and
//! led to where it is asked for.

use super::{Configured, Event, Hook, Verdict};
use crate::{Engine, plug::Cx, proofs};
use async_trait::async_trait;
use zelos_core::{
    continue_with::NextFlow,
    flow::{Channel, Kind},
    problem::{Problem, Result},
    text::catalog,
};
use zelos_store::flows;

/// Stops the login of whoever has no proven address.
#[derive(Debug, Clone, Copy)]
pub struct RequireVerifiedAddress;

#[async_trait]
impl Hook for RequireVerifiedAddress {
    fn name(&self) -> &'static str {
        "require_verified_address"
    }

    fn serves(&self, kind: Kind) -> bool {
        kind == Kind::Login
    }

    async fn run(&self, engine: &Engine, cx: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        let is_legacy = cx.snapshot.feature_flags.legacy_require_verified_login_error;
        if is_legacy && event.flow.active.as_deref() != Some("password") {
            return Ok(Verdict::Go);
        }
        let addresses = &event.identity.verifiable_addresses;
        if addresses.is_empty() {
            return Err(Problem::Misconfigured(
                "Only people with a proven address may sign in, but this account has no address to prove.".to_owned(),
            ));
        }
        if addresses.iter().any(|address| address.verified) {
            return Ok(Verdict::Go);
        }
        let first = addresses.iter().find(|address| !address.value.is_empty());
        let Some((via, value)) = first.map(|first| (first.via, first.value.clone())).filter(|_| !is_legacy) else {
            return Err(Problem::form(catalog::address_not_verified()));
        };
        let at = (via, value.as_str());
        let flow = proofs::begin_verification(engine, cx, event.flow, event.identity, at, event.batch).await?;
        flows::insert(event.batch, &flow);
        let url = Some(cx.snapshot.ui_url_of(Kind::Verification, flow.id));
        let csrf = cx.request.csrf.filter(|_| event.flow.channel == Channel::Browser);
        let next = NextFlow { id: flow.id, verifiable_address: Some(value), url };
        Ok(Verdict::Instead(Problem::Unverified { next: Box::new(next), csrf }))
    }
}
