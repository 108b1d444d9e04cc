//! A verification: an address is the person's. What waited for it – a change of their traits – is made with it. Nobody is
//! signed in by it.

use super::{Caller, completed, destination, heed};
use crate::{
    audit, draw,
    engine::Engine,
    hooks::{self, Event, Verdict},
    identities, pending,
    plug::Outcome,
};
use zelos_core::{
    flow::{Flow, Kind, State},
    identity::{Identity, Via},
    problem::{Problem, Result},
    text::catalog,
};
use zelos_store::{Batch, Error, flows};

pub(super) async fn finish(
    engine: &Engine,
    caller: &Caller<'_>,
    flow: &Flow,
    (old, mut identity): (&Identity, Identity),
    via: Via,
    first: Batch,
) -> Result<Outcome> {
    let cx = &caller.cx();
    let mut flow = flow.clone();
    let pending = pending::of(&flow)?;
    if pending.is_some() {
        identity.updated_at = cx.clock.now();
        identity.available_aal = identities::available_aal(engine, cx.snapshot, &identity);
    }
    flow.state = State::PassedChallenge;
    flow.updated_at = cx.clock.now();
    flow.csrf = cx.request.csrf.as_ref().map(crate::csrf::fingerprint).or(flow.csrf);
    let mut to = destination(cx, &flow, None);
    flow.ui.messages = vec![match via {
        Via::Email => catalog::email_verified(),
        Via::Sms => catalog::phone_verified(),
    }];
    let group = engine.methods.iter().find(|method| flow.active.as_deref() == Some(method.id()));
    let group = group.ok_or_else(|| Problem::bug("a verification was finished by no method"))?.group();
    draw::way_on(cx, &mut flow, group, &to);
    let mut hooked = Batch::new();
    let mut event = Event::new(&mut flow, &mut identity, &mut hooked, &mut to).changed(old);
    let mut verdict = hooks::after(engine, cx, &mut event).await?;
    if let (Some(pending), Verdict::Go) = (&pending, &verdict) {
        verdict = hooks::after_kind(engine, cx, Kind::Settings, &pending.method, &mut event).await?;
    }
    let mut batch = first;
    if !verdict.is_end() {
        zelos_store::identities::update(&mut batch, old, &identity);
    }
    batch.append(hooked);
    let mut batch = heed(engine, verdict, batch).await?;
    flow.continue_with.clear();
    audit::done(cx, &mut batch, &flow, (Some(old), &identity), None);
    flows::update(&mut batch, &flow);
    match engine.store.commit(batch).await {
        Ok(_) => Ok(completed(flow, None, None, None, to)),
        Err(Error::Unique(_)) => Err(Problem::form(catalog::identifier_taken())),
        Err(error) => Err(error.into()),
    }
}
