//! What follows from a proof: one function for each kind of flow. Each lets the hooks speak, writes everything that
//! belongs together in one batch, and says where the caller goes.

mod login;
mod registration;
mod settings;

use crate::{
    engine::Engine,
    plug::{Cx, Outcome, Step},
};
use zelos_core::{
    flow::{Flow, Kind},
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

/// Where a browser goes when the flow is done: what the flow was asked for, else what is configured for the method,
/// the kind of flow, and at last for everything.
pub(crate) fn destination(cx: &Cx<'_>, flow: &Flow) -> String {
    wished(cx, flow).unwrap_or_else(|| cx.snapshot.returns.default_url().to_string())
}

/// The same without the last resort.
pub(crate) fn wished(cx: &Cx<'_>, flow: &Flow) -> Option<String> {
    let method = flow.active.as_deref().unwrap_or_default();
    let (configured, _) = cx.snapshot.selfservice.flows.after(flow.kind()).for_method(method);
    // Judged again: what was allowed when the flow began may have been forbidden since.
    let asked = cx.snapshot.returns.check(flow.return_to.as_deref()).ok().flatten();
    asked.or_else(|| configured.map(ToString::to_string))
}
