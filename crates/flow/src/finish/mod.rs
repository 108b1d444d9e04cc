//! What follows from a proof: one function for each kind of flow. Each lets the hooks speak, writes everything that
//! belongs together in one batch, and says where the caller goes.

mod login;
mod registration;
mod settings;

use crate::{
    engine::Engine,
    plug::{Completed, Cx, Issued, Outcome, Step},
};
use url::Url;
use zelos_core::{
    flow::{Flow, Kind},
    identity::Identity,
    problem::{Problem, Result},
};

/// Ends the flow with what was shown to be true. A step that does not fit the kind is a bug and says so.
pub(crate) async fn finish(engine: &Engine, cx: &Cx<'_>, flow: &Flow, step: Step) -> Result<Outcome> {
    match (flow.kind(), step) {
        (Kind::Login, Step::Prove { identity, by, also }) => login::finish(engine, cx, flow, *identity, by, also).await,
        (Kind::Registration, Step::Create { draft, by }) => registration::finish(engine, cx, flow, *draft, by).await,
        (Kind::Settings, Step::Change { from, to, by }) => settings::finish(engine, cx, flow, (&from, *to), by).await,
        (kind, step) => {
            Err(Problem::bug(format!("a step {} does not fit a flow of kind {}", step.name(), kind.as_str())))
        }
    }
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
pub(crate) fn completed(mut flow: Flow, identity: Option<Identity>, issued: Option<Issued>, to: String) -> Outcome {
    let next = std::mem::take(&mut flow.continue_with);
    Outcome::Continue(Box::new(Completed { flow, identity, issued, next, to }))
}
