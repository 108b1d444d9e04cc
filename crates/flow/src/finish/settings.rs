//! Settings: the person as they shall be from now on. The flow stays usable: it is drawn again from what was saved.

use super::{completed, destination, heed};
use crate::{
    ask,
    audit::{self, Happened},
    draw,
    engine::Engine,
    hooks::{self, Event, Verdict},
    identities,
    plug::{Cx, Issued, Outcome},
    sessions,
};
use url::Url;
use zelos_core::{
    flow::{Channel, Flow, Kind, State},
    id::FlowId,
    identity::{CredentialType, Identity},
    problem::{NoSession, Problem, Result},
    session::AuthenticationMethod,
    text::catalog,
};
use zelos_store::{Batch, Error, flows, sessions as rows};

pub(super) async fn finish(
    engine: &Engine,
    cx: &Cx<'_>,
    flow: &Flow,
    (old, mut identity): (&Identity, Identity),
    by: Option<AuthenticationMethod>,
) -> Result<Outcome> {
    let mut flow = flow.clone();
    let current = cx.session.ok_or(Problem::NoSession(NoSession::WithoutId))?;
    identity.updated_at = cx.clock.now();
    identity.available_aal = identities::available_aal(engine, cx.snapshot, &identity);
    let (session, token) = match by {
        Some(by) => sessions::go_on(cx, current, by, flow.channel == Channel::Browser),
        None => (current.session.clone(), current.token.clone()),
    };
    flow.state = State::Success;
    flow.updated_at = cx.clock.now();
    flow.ui.messages.clear();
    // Without a wish the person stays on their settings.
    let settings = Url::parse(&cx.snapshot.ui_url_of(Kind::Settings, flow.id)).ok();
    let mut to = destination(cx, &flow, settings.as_ref());
    let mut hooked = Batch::new();
    let mut event = Event::new(&mut flow, &mut identity, &mut hooked, &mut to).of(&session).changed(old);
    let verdict = hooks::after(engine, cx, &mut event).await?;
    let mut told = Batch::new();
    audit::done(cx, &mut told, &flow, (Some(old), &identity), Some(&session));
    // Nobody's method is active in settings that can go on.
    flow.active = None;
    if matches!(verdict, Verdict::Hold) {
        return hold(engine, cx, flow, (old, identity), hooked).await;
    }
    let hooked = heed(engine, verdict, hooked).await?;
    let mut batch = Batch::new();
    zelos_store::identities::update(&mut batch, old, &identity);
    if session != current.session {
        sessions::store_continued(&mut batch, current, &session, (&token, None));
    }
    if cx.snapshot.session.revoke_others_on_credential_change && changes_a_factor(old, &identity) {
        rows::revoke_others(&mut batch, identity.id, Some(session.id), cx.clock.now());
        audit::record(cx, &mut batch, [Happened::others_revoked(identity.id)]);
    }
    batch.append(hooked);
    batch.append(told);
    let next = next_flow(engine, cx, &flow, &identity).await?;
    // What is shown is what is remembered: the secret of an authenticator app, say.
    flow.ui.clone_from(&next.ui);
    flow.memory.clone_from(&next.memory);
    flows::insert(&mut batch, &next);
    flow.ui.messages.push(catalog::settings_saved());
    flows::update(&mut batch, &flow);
    match engine.store.commit(batch).await {
        Ok(_) => {}
        Err(Error::Unique(_)) => return Err(Problem::form(catalog::identifier_taken())),
        Err(error) => return Err(error.into()),
    }
    let issued = Issued { session, token, person: Some(sessions::person(&identity)) };
    Ok(completed(flow, Some(identity), Some(issued), None, to))
}

/// Whether a change touches what the identity authenticates with: a credential's secrets, or the addresses that its codes
/// are sent to; not its identifiers alone. An identity has one credential of a type.
fn changes_a_factor(old: &Identity, new: &Identity) -> bool {
    CredentialType::ALL.into_iter().any(|kind| {
        let [old, new] = [old, new].map(|identity| identity.credential(kind).map(|credential| &credential.config));
        old != new
    })
}

/// The change waits for something, which the hook has begun: the form stays, with what was wished.
async fn hold(
    engine: &Engine,
    cx: &Cx<'_>,
    mut flow: Flow,
    (old, wished): (&Identity, Identity),
    hooked: Batch,
) -> Result<Outcome> {
    let next = std::mem::take(&mut flow.continue_with);
    flow.state = State::first(Kind::Settings, false);
    draw::draw(cx, &engine.methods, &mut flow, &ask::Question::Change { of: Box::new(wished) }).await?;
    let mut batch = hooked;
    flows::update(&mut batch, &flow);
    engine.store.commit(batch).await?;
    flow.continue_with = next;
    Ok(Outcome::Held { flow: Box::new(flow), person: Box::new(sessions::person(old)) })
}

/// A fresh flow of the same person.
///
/// Quirk: after a change the form names the flow that comes next as its target, while the answer and the address stay
/// those of the present one; both can be used (Kratos selfservice/flow/settings/hook.go).
async fn next_flow(engine: &Engine, cx: &Cx<'_>, flow: &Flow, identity: &Identity) -> Result<Flow> {
    let mut next = flow.successor(FlowId(cx.rng.uuid_v4()), State::first(Kind::Settings, false));
    let question = ask::Question::Change { of: Box::new(identity.clone()) };
    draw::draw(cx, &engine.methods, &mut next, &question).await?;
    Ok(next)
}
