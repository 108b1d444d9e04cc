//! A recovery that an administrator begins: what would be sent is handed to them instead. The flow belongs to whoever
//! gets it, and what it proves is that an administrator trusts them, not that an address is theirs.

use crate::{
    ask,
    audit::{self, Happened},
    begin, draw,
    engine::Engine,
    gate,
    plug::Request,
    proofs,
};
use serde_json::{Map, Value};
use std::time::Duration;
use zelos_core::{
    audit::EventKind,
    flow::{Channel, Detail, Flow, Kind, State},
    id::IdentityId,
    identity::Via,
    problem::{Problem, Result},
};
use zelos_store::{Batch, flows};

/// What an administrator asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    pub identity: IdentityId,
    /// How long it is good for, if not as long as usual.
    pub lifespan: Option<Duration>,
    pub channel: Channel,
    pub return_to: Option<&'a str>,
}

/// What they get: the flow, and what a letter would say of the secret, by the wire's names.
pub struct Handed {
    pub flow: Flow,
    pub says: Map<String, Value>,
}

/// The secret is not shown.
impl std::fmt::Debug for Handed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handed").field("flow", &self.flow.id).finish_non_exhaustive()
    }
}

impl Engine {
    /// Whether such recoveries can be had by that method.
    pub fn offers_recovery_by(&self, method: &str) -> Result<()> {
        let snapshot = self.snapshot();
        let found =
            self.methods.iter().any(|found| found.id() == method && found.is_enabled(&snapshot, Kind::Recovery));
        if found { Ok(()) } else { Err(Problem::NotFound(format!("Recoveries by {method} are not switched on."))) }
    }

    /// Begins a recovery by that method. It is there if its method is, even where nobody can begin one by themselves.
    pub async fn recover_by_admin(&self, request: &Request, method: &str, wish: Wish<'_>) -> Result<Handed> {
        let snapshot = self.snapshot();
        let cx = &self.cx(&snapshot, request);
        let sender = self.sender(method, cx, Kind::Recovery)?;
        let mut flow = begin::new(cx, wish.channel, Detail::Recovery { by_admin: true, skip_settings: false });
        flow.active = Some(method.to_owned());
        flow.csrf = None;
        flow.return_to = gate::return_to(&snapshot, wish.return_to)?;
        flow.expires_at = flow.issued_at + wish.lifespan.unwrap_or_else(|| sender.lifespan(&snapshot));
        flow.state = State::SentEmail;
        let to = (wish.identity, Via::Email, "");
        let (secret, _) = proofs::prepare(cx, &mut flow, sender, to, wish.lifespan)?;
        let (_, says) = sender.letter(cx, &flow, &secret, Via::Email);
        draw::draw(cx, &self.methods, &mut flow, &ask::Question::Recover).await?;
        let mut batch = Batch::new();
        flows::insert(&mut batch, &flow);
        let begun = Happened::new(EventKind::RecoveryInitiatedByAdmin).to(wish.identity).by(method);
        audit::record(cx, &mut batch, [begun]);
        self.store.commit(batch).await?;
        Ok(Handed { flow, says })
    }
}
