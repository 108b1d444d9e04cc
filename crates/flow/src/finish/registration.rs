//! A registration: a person is created with the credential they chose, together with a session. Whether they get that
//! session is for the hook `session` to say.

use super::{Caller, by_way_of, completed, destination, heed};
use crate::{
    audit,
    engine::Engine,
    hooks::{self, Event},
    identities,
    plug::{Cx, Draft, Issued, Outcome},
    sessions,
};
use zelos_core::{
    fail_point,
    flow::{Flow, State},
    identity::Identity,
    problem::{Problem, Result},
    session::AuthenticationMethod,
    text::{Text, catalog},
};
use zelos_store::{Batch, Error, flows, sessions as rows};

pub(super) async fn finish(
    engine: &Engine,
    caller: &Caller<'_>,
    flow: &Flow,
    draft: Draft,
    by: AuthenticationMethod,
    first: Batch,
) -> Result<Outcome> {
    let cx = &caller.cx();
    let mut flow = flow.clone();
    let mut identity = identities::from_draft(engine, cx, draft);
    let (session, token) = sessions::begin(cx, &identity, by);
    flow.state = State::PassedChallenge;
    flow.updated_at = cx.clock.now();
    let mut to = destination(cx, &flow, None);
    let mut hooked = Batch::new();
    let mut event = Event::new(&mut flow, &mut identity, &mut hooked, &mut to).of(&session);
    let verdict = hooks::after(engine, cx, &mut event).await?;
    let detour = event.detour.take();
    let is_issued = event.is_issued;
    let mut batch = first;
    if !verdict.is_end() {
        zelos_store::identities::insert(&mut batch, &identity);
        rows::insert(&mut batch, &session, &token);
    }
    batch.append(hooked);
    let mut batch = heed(engine, verdict, batch).await?;
    audit::done(cx, &mut batch, &flow, (None, &identity), is_issued.then_some(&session));
    flows::update(&mut batch, &flow);
    fail_point::reached("before a person is saved");
    match engine.store.commit(batch).await {
        Ok(_) => {}
        Err(Error::Unique(_)) => return Err(Problem::form(taken(cx, &identity).await?)),
        Err(error) => return Err(error.into()),
    }
    fail_point::reached("after a person is saved");
    let issued = is_issued.then(|| Issued { session, token, person: Some(sessions::person(&identity)) });
    Ok(by_way_of(detour, completed(flow, Some(identity), issued, caller.csrf(), to)))
}

/// That the identifier belongs to somebody; with `login_hints` also how that person could sign in.
async fn taken(cx: &Cx<'_>, identity: &Identity) -> Result<Text> {
    if !cx.snapshot.selfservice.flows.registration.login_hints {
        return Ok(catalog::identifier_taken());
    }
    for identifier in identity.credentials.iter().flat_map(|credential| &credential.identifiers) {
        if let Some(other) = zelos_store::identities::find_by_any_identifier(cx.store, identifier).await? {
            let types: Vec<&str> = other
                .credentials
                .iter()
                .filter(|credential| !credential.identifiers.is_empty() && credential.config != serde_json::json!({}))
                .map(|credential| credential.kind.as_str())
                .collect();
            return Ok(catalog::identifier_taken_with_hints(&types, &[], identifier));
        }
    }
    Ok(catalog::identifier_taken())
}
