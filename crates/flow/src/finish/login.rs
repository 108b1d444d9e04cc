//! A login: somebody proved who they are. The session begins, or goes on if it was theirs already.

use super::{completed, destination};
use crate::{
    engine::Engine,
    hooks::{self, Event},
    plug::{Cx, Issued, Outcome},
    sessions,
};
use zelos_core::{
    flow::{Channel, Flow, Kind, State},
    identity::{self, Identity},
    problem::{Problem, Result},
    session::{AuthenticationMethod, aal},
    text::catalog,
};
use zelos_store::{Batch, flows, sessions as rows};

pub(super) async fn finish(
    engine: &Engine,
    cx: &Cx<'_>,
    flow: &Flow,
    identity: Identity,
    by: AuthenticationMethod,
    also: Batch,
) -> Result<Outcome> {
    let mut flow = flow.clone();
    if identity.state != identity::State::Active {
        return Err(Problem::form(catalog::account_disabled()));
    }
    // Whoever proves to be somebody else than the present session's person gets a session of their own.
    let own = cx.session.filter(|current| current.session.identity_id == identity.id);
    let (session, token) = match own {
        Some(current) => sessions::go_on(cx, current, by),
        None => sessions::begin(cx, &identity, by),
    };
    let mut batch = also;
    match own {
        Some(_) => rows::update(&mut batch, &session),
        None => rows::insert(&mut batch, &session, &token),
    }
    flow.state = State::PassedChallenge;
    flow.updated_at = cx.clock.now();
    let mut to = destination(cx, &flow, None);
    let mut event = Event::new(&mut flow, &identity, &session, &mut batch, &mut to);
    hooks::after(cx, &engine.hooks, &mut event).await?;
    flows::update(&mut batch, &flow);
    engine.store.commit(batch).await?;

    let required = cx.snapshot.session.whoami.required_aal;
    let enough = aal::satisfies(required, session.aal, identity.available_aal);
    if !enough && flow.channel == Channel::Browser {
        return Ok(Outcome::StepUp {
            to: step_up(cx, &flow),
            issued: Box::new(issued(&identity, session, token, own.is_none(), true)),
        });
    }
    let issued = issued(&identity, session, token, own.is_none(), enough);
    Ok(completed(flow, None, Some(issued), to))
}

fn issued(
    identity: &Identity,
    session: zelos_core::session::Session,
    token: zelos_core::session::SessionToken,
    new_principal: bool,
    show_person: bool,
) -> Issued {
    Issued { session, token, person: show_person.then(|| sessions::person(identity)), new_principal }
}

fn step_up(cx: &Cx<'_>, flow: &Flow) -> String {
    let mut query = vec![("aal", "aal2")];
    query.extend(flow.return_to.as_deref().map(|to| ("return_to", to)));
    cx.snapshot.start_url(Kind::Login, &query)
}
