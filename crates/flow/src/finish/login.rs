//! A login: somebody proved who they are. The session begins, or goes on if it was theirs already.

use super::{Caller, by_way_of, completed, destination, heed};
use crate::{
    audit,
    engine::Engine,
    hooks::{self, Event},
    identities,
    plug::{Cx, Issued, Outcome},
    sessions,
};
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind, State},
    identity::{self, Identity},
    problem::{NoSession, Problem, Result},
    session::{Aal, AuthenticationMethod, aal},
    text::catalog,
};
use zelos_store::{Batch, flows, sessions as rows};

pub(super) async fn finish(
    engine: &Engine,
    caller: &Caller<'_>,
    flow: &Flow,
    (old, mut identity): (&Identity, Identity),
    by: AuthenticationMethod,
    first: Batch,
) -> Result<Outcome> {
    let cx = &caller.cx();
    let mut flow = flow.clone();
    if identity.state != identity::State::Active {
        return Err(Problem::form(catalog::account_disabled()));
    }
    // It may have been worked out under another configuration, or not at all.
    identity.available_aal = identities::available_aal(engine, cx.snapshot, &identity);
    let own = cx.session.filter(|current| current.session.identity_id == identity.id);
    if own.is_none() && matches!(flow.detail, Detail::Login { requested_aal: Aal::Aal2, .. }) {
        // Methods ask for the factor of whoever is signed in; that nobody gets in by another's is not left to them.
        return Err(Problem::NoSession(NoSession::ForSecondFactor));
    }
    let (session, token) = match own {
        Some(current) => sessions::go_on(cx, current, by, true),
        None => sessions::begin(cx, &identity, by),
    };
    flow.state = State::PassedChallenge;
    flow.updated_at = cx.clock.now();
    let mut to = destination(cx, &flow, None);
    let mut hooked = Batch::new();
    let mut event = Event::new(&mut flow, &mut identity, &mut hooked, &mut to).of(&session);
    let verdict = hooks::after(engine, cx, &mut event).await?;
    let detour = event.detour.take();
    let mut batch = first;
    if identity != *old {
        zelos_store::identities::update(&mut batch, old, &identity);
    }
    // What the hook did stands – a mail on its way, say – even where the login does not.
    batch.append(hooked);
    let mut batch = heed(engine, verdict, batch).await?;
    match own {
        Some(current) => {
            let unchanged = (identity == *old).then_some(old.version);
            sessions::store_continued(&mut batch, current, &session, (&token, unchanged));
        }
        None if identity != *old => rows::insert(&mut batch, &session, &token),
        None => rows::insert_unless_changed(&mut batch, &session, &token, old.version),
    }
    audit::done(cx, &mut batch, &flow, (None, &identity), Some(&session));
    flows::update(&mut batch, &flow);
    engine.store.commit(batch).await?;

    let required = cx.snapshot.session.whoami.required_aal;
    let enough = aal::satisfies(required, session.aal, identity.available_aal);
    if !enough && flow.channel == Channel::Browser {
        let issued = Issued { session, token, person: Some(sessions::person(&identity)) };
        let to = step_up(cx, &flow);
        return Ok(Outcome::Elsewhere { to, issued: Some(Box::new(issued)), csrf: caller.csrf() });
    }
    let issued = Issued { session, token, person: enough.then(|| sessions::person(&identity)) };
    Ok(by_way_of(detour, completed(flow, None, Some(issued), caller.csrf(), to)))
}

fn step_up(cx: &Cx<'_>, flow: &Flow) -> String {
    let mut query = vec![("aal", "aal2")];
    query.extend(flow.return_to.as_deref().map(|to| ("return_to", to)));
    cx.snapshot.start_url(Kind::Login, &query)
}
