//! `verify_new_address`: an address is changed only when the new one is proven. The change waits with the verification
//! that is begun for it; the account keeps its old address until then.

use super::{Configured, Event, Hook, Verdict, show_verification_ui::hint};
use crate::{
    Engine,
    pending::{self, Pending},
    plug::Cx,
    proofs,
};
use async_trait::async_trait;
use zelos_core::{
    flow::Kind,
    problem::{NoSession, Problem, Result},
    text::catalog,
};
use zelos_store::{flows, identities};

/// Holds a change of an address.
#[derive(Debug, Clone, Copy)]
pub struct VerifyNewAddress;

#[async_trait]
impl Hook for VerifyNewAddress {
    fn name(&self) -> &'static str {
        "verify_new_address"
    }

    fn serves(&self, kind: Kind) -> bool {
        kind == Kind::Settings
    }

    async fn run(&self, engine: &Engine, cx: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        // Made at last by the verification: then there is nothing to hold.
        let Some(before) = event.before.filter(|_| event.flow.kind() == Kind::Settings) else {
            return Ok(Verdict::Go);
        };
        let is_known = |value: &str| before.verifiable_addresses.iter().any(|known| known.value == value);
        let mut new = event.identity.verifiable_addresses.iter().filter(|address| !is_known(&address.value));
        let Some((via, value)) = new.next().map(|address| (address.via, address.value.clone())) else {
            return Ok(Verdict::Go);
        };
        if new.next().is_some() {
            event.flow.ui.messages = vec![catalog::one_address_at_a_time()];
            return Ok(Verdict::Hold);
        }
        if identities::find_by_verifiable_address(cx.store, via, &value).await?.is_some() {
            return Err(Problem::form(catalog::identifier_taken()));
        }
        let session = event.session.ok_or(Problem::NoSession(NoSession::WithoutId))?.id;
        let mut as_before = before.clone();
        let at = (via, value.as_str());
        let mut flow = proofs::begin_verification(engine, cx, event.flow, &mut as_before, at, event.batch).await?;
        let change = Pending {
            identity: before.id,
            method: event.flow.active.clone().unwrap_or_default(),
            session,
            via,
            value: value.clone(),
            traits: event.identity.traits.clone(),
            before: pending::fingerprint(&before.traits),
        };
        pending::keep(&mut flow, &change)?;
        flows::insert(event.batch, &flow);
        event.flow.continue_with.push(hint(cx, event.flow.channel, flow.id, value));
        Ok(Verdict::Hold)
    }
}
