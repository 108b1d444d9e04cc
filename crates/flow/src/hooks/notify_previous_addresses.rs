//! `notify_previous_addresses`: when an address changes, the former ones are told, so that nobody loses an account to
//! somebody else without hearing of it.

use super::{Configured, Event, Hook, Verdict};
use crate::{
    Engine,
    mail::{self, Letter},
    plug::Cx,
};
use async_trait::async_trait;
use serde_json::Map;
use time::format_description::well_known::Rfc3339;
use zelos_core::{
    config::hooks::Recipients,
    flow::Kind,
    identity::{Identity, VerifiableAddress},
    message::TemplateType,
    problem::Result,
};

/// Tells former addresses about a change.
#[derive(Debug, Clone, Copy)]
pub struct NotifyPreviousAddresses;

#[async_trait]
impl Hook for NotifyPreviousAddresses {
    fn name(&self) -> &'static str {
        "notify_previous_addresses"
    }

    fn serves(&self, kind: Kind) -> bool {
        kind == Kind::Settings
    }

    async fn run(&self, _: &Engine, cx: &Cx<'_>, config: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        let Configured::NotifyPreviousAddresses(config) = config else { return Ok(Verdict::Go) };
        let Some(before) = event.before else { return Ok(Verdict::Go) };
        let removed = missing(before, event.identity);
        let added = missing(event.identity, before);
        if removed.is_empty() && added.is_empty() {
            return Ok(Verdict::Go);
        }
        let told: Vec<&VerifiableAddress> = match config.recipients {
            Recipients::Removed => removed,
            Recipients::AllVerified => before.verifiable_addresses.iter().filter(|address| address.verified).collect(),
            Recipients::All => before.verifiable_addresses.iter().collect(),
        };
        let changed_at = cx.clock.now().format(&Rfc3339).unwrap_or_default();
        for address in told {
            let letter = Letter {
                template: TemplateType::VerifiableAddressChanged,
                via: address.via,
                to: &address.value,
                identity: Some(event.identity),
                says: Map::from_iter([("changed_at".to_owned(), changed_at.as_str().into())]),
                expires_at: None,
            };
            mail::queue(cx, event.batch, event.flow, &letter)?;
        }
        Ok(Verdict::Go)
    }
}

/// The addresses that one has and the other has not.
fn missing<'a>(of: &'a Identity, from: &Identity) -> Vec<&'a VerifiableAddress> {
    let has = |value: &str| from.verifiable_addresses.iter().any(|address| address.value == value);
    of.verifiable_addresses.iter().filter(|address| !has(&address.value)).collect()
}
