//! A recovery: an address of the account has been shown to be theirs. They get a session – a second factor is still
//! asked for, where one is demanded – and their settings, to set a new password.

use super::{Caller, completed, destination, heed};
use crate::{
    ask::Question,
    audit, begin, draw,
    engine::Engine,
    hooks::{self, Event},
    identities,
    plug::{Cx, Issued, Outcome},
    sessions,
};
use zelos_core::{
    continue_with::{ContinueWith, NextFlow},
    flow::{Channel, Detail, Flow, Kind, State},
    identity::{self, Identity},
    problem::{Problem, Result},
    session::AuthenticationMethod,
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
        return Err(Problem::start_again(catalog::account_disabled()));
    }
    identity.available_aal = identities::available_aal(engine, cx.snapshot, &identity);
    let (session, token) = sessions::begin(cx, &identity, by);
    flow.state = State::PassedChallenge;
    flow.updated_at = cx.clock.now();
    flow.ui.messages.clear();
    draw::renew_csrf(cx, &mut flow);
    let mut to = destination(cx, &flow, None);
    let mut hooked = Batch::new();
    let mut event = Event::new(&mut flow, &mut identity, &mut hooked, &mut to).of(&session);
    let verdict = hooks::after(engine, cx, &mut event).await?;
    let mut batch = first;
    if !verdict.is_end() {
        // Even if nothing is new about them: other secrets that were sent for a recovery end with their version.
        zelos_store::identities::update(&mut batch, old, &identity);
    }
    batch.append(hooked);
    let mut batch = heed(engine, verdict, batch).await?;
    rows::insert(&mut batch, &session, &token);
    let skips_settings = matches!(flow.detail, Detail::Recovery { skip_settings: true, .. });
    let settings = if skips_settings { None } else { Some(settings(engine, cx, &flow, &identity).await?) };
    if let Some(settings) = &settings {
        flows::insert(&mut batch, settings);
        to = cx.snapshot.ui_url_of(Kind::Settings, settings.id);
    }
    audit::done(cx, &mut batch, &flow, (None, &identity), Some(&session));
    flows::update(&mut batch, &flow);
    engine.store.commit(batch).await?;

    let is_browser = cx.request.channel(&flow) == Channel::Browser;
    let issued = Issued { person: Some(sessions::person(&identity)), session, token };
    let Some(settings) = settings else { return Ok(completed(flow, None, Some(issued), caller.csrf(), to)) };
    if !cx.snapshot.feature_flags.use_continue_with_transitions {
        let issued = is_browser.then(|| Box::new(issued));
        return Ok(Outcome::Elsewhere { to, issued, csrf: caller.csrf() });
    }
    let next = NextFlow { id: settings.id, verifiable_address: None, url: Some(to.clone()) };
    flow.continue_with.push(ContinueWith::ShowSettingsUi { flow: next });
    Ok(completed(flow, None, Some(issued), caller.csrf(), to))
}

/// The settings of whoever is back.
async fn settings(engine: &Engine, cx: &Cx<'_>, recovery: &Flow, identity: &Identity) -> Result<Flow> {
    let mut settings = begin::settings_after(cx, recovery, identity.id, &identity.schema_id);
    draw::draw(cx, &engine.methods, &mut settings, &Question::Change { of: Box::new(identity.clone()) }).await?;
    let max_age = *cx.snapshot.selfservice.flows.settings.privileged_session_max_age;
    settings.ui.messages = vec![catalog::recovered(cx.clock.now() + max_age)];
    Ok(settings)
}
