//! What follows from a proof: one function for each kind of flow. Each lets the hooks speak, writes everything that
//! belongs together in one batch, and says where the caller goes.

mod login;
mod recovery;
mod registration;
mod settings;
mod verification;

use crate::{
    csrf,
    engine::Engine,
    hooks::Verdict,
    plug::{Completed, Cx, Issued, Outcome, Request, Step},
};
use url::Url;
use zelos_core::{
    flow::{Channel, Flow, Kind},
    identity::Identity,
    problem::{Problem, Result},
};
use zelos_store::Batch;

/// Ends the flow with what was shown to be true. A step that does not fit the kind is a bug and says so. `first` is what has
/// to be written before anything else.
pub(crate) async fn finish(engine: &Engine, cx: &Cx<'_>, flow: &Flow, step: Step, first: Batch) -> Result<Outcome> {
    match (flow.kind(), step) {
        (Kind::Login, Step::Prove { from, to, by }) => {
            // Whoever proves to be somebody else than the present session's person gets a session of their own.
            let own = cx.session.filter(|current| current.session.identity_id == to.id);
            let caller = Caller::new(*cx, flow, own.is_none());
            login::finish(engine, &caller, flow, (&from, *to), by, first).await
        }
        (Kind::Registration, Step::Create { draft, by }) => {
            registration::finish(engine, &Caller::new(*cx, flow, true), flow, *draft, by, first).await
        }
        (Kind::Settings, Step::Change { from, to, by }) => settings::finish(engine, cx, flow, (&from, *to), by).await,
        (Kind::Recovery, Step::Prove { from, to, by }) => {
            recovery::finish(engine, &Caller::new(*cx, flow, true), flow, (&from, *to), by, first).await
        }
        (Kind::Verification, Step::Confirm { from, to, via }) => {
            let caller = Caller::new(*cx, flow, false);
            verification::finish(engine, &caller, flow, (&from, *to), via, first).await
        }
        (kind, step) => {
            Err(Problem::bug(format!("a step {} does not fit a flow of kind {}", step.name(), kind.as_str())))
        }
    }
}

/// Who the end of a flow answers to. A browser in which somebody else sits from now on gets a new anti-CSRF secret, and
/// what is drawn on the way is for that one.
struct Caller<'a> {
    cx: Cx<'a>,
    renewed: Option<Request>,
}

impl<'a> Caller<'a> {
    fn new(cx: Cx<'a>, flow: &Flow, is_somebody_else: bool) -> Self {
        let is_browser = cx.request.channel(flow) == Channel::Browser;
        Self { cx, renewed: (is_browser && is_somebody_else).then(|| cx.request.renewed(cx.rng)) }
    }

    fn cx(&self) -> Cx<'_> {
        match &self.renewed {
            Some(request) => Cx { request, ..self.cx },
            None => self.cx,
        }
    }

    /// The secret to hand out.
    fn csrf(&self) -> Option<csrf::Secret> {
        self.renewed.as_ref().and_then(|request| request.csrf)
    }
}

/// Ends the flow as a hook wants it, writing what the hook has put into the batch; or hands the batch on.
async fn heed(engine: &Engine, verdict: Verdict, batch: Batch) -> Result<Batch> {
    if let Verdict::Instead(problem) = verdict {
        engine.store.commit(batch).await?;
        return Err(problem);
    }
    Ok(batch)
}

/// Where a browser goes when the flow is done: what the flow was asked for, else what is configured for the method or
/// the kind of flow, else `otherwise`, and at last what is configured for everything.
pub(crate) fn destination(cx: &Cx<'_>, flow: &Flow, otherwise: Option<&Url>) -> String {
    let method = flow.active.as_deref().unwrap_or_default();
    let (after, _) = cx.snapshot.selfservice.flows.after(flow.kind()).for_method(method);
    let (returns, configured) = (&cx.snapshot.returns, [after, otherwise]);
    // What was allowed when the flow began may have been forbidden since: then as if nothing had been asked for.
    let asked = returns.resolve(flow.return_to.as_deref(), &configured);
    asked.or_else(|_| returns.resolve(None, &configured)).unwrap_or_else(|_| returns.default_url().to_string())
}

/// The end of a flow that has done what it is for.
pub(crate) fn completed(
    mut flow: Flow,
    identity: Option<Identity>,
    issued: Option<Issued>,
    csrf: Option<csrf::Secret>,
    to: String,
) -> Outcome {
    let next = std::mem::take(&mut flow.continue_with);
    Outcome::Continue(Box::new(Completed { flow, identity, issued, csrf, next, to, detour: None }))
}

/// The same, with a page that is led elsewhere first.
pub(crate) fn by_way_of(detour: Option<String>, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Continue(completed) => Outcome::Continue(Box::new(Completed { detour, ..*completed })),
        other => other,
    }
}
