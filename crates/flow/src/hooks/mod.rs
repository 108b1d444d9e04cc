//! Hooks: what operators want to happen at a moment of a flow. Configured by name, selected here, run in their order –
//! but `session` last, since it hands out what the others may still refuse.
//!
//! A hook that is known but not built yet never lets a flow pass: [`after`] and [`before`] refuse it.

mod revoke_active_sessions;
mod session;
mod show_verification_ui;

pub use revoke_active_sessions::RevokeActiveSessions;
pub use session::IssueSession;
pub use show_verification_ui::ShowVerificationUi;

use crate::plug::Cx;
use async_trait::async_trait;
use zelos_core::{
    config::Hook as Configured,
    flow::{Flow, Kind},
    id::FlowId,
    identity::Identity,
    problem::{Problem, Result},
    session::Session,
};
use zelos_store::Batch;

/// The hooks there are.
pub type Hooks = Vec<Box<dyn Hook>>;

/// A reaction to a finished flow, before it is written: it may add to the batch, or refuse the whole.
#[async_trait]
pub trait Hook: Send + Sync {
    /// The word in the configuration.
    fn name(&self) -> &'static str;

    /// Whether it can be configured for that kind of flow.
    fn serves(&self, kind: Kind) -> bool;

    /// Does it.
    async fn run(&self, cx: &Cx<'_>, event: &mut Event<'_>) -> Result<()>;
}

/// What is about to be written.
#[derive(Debug)]
pub struct Event<'a> {
    pub flow: &'a mut Flow,
    pub identity: &'a Identity,
    pub session: &'a Session,
    pub batch: &'a mut Batch,
    /// Where a browser goes afterwards.
    pub to: &'a mut String,
    /// Registration: whether the caller gets the session.
    pub is_issued: bool,
    /// The verification flow that was begun on the way, and the address it is about.
    pub verification: Option<(FlowId, String)>,
}

impl<'a> Event<'a> {
    /// What is about to be written, before any hook has spoken.
    pub fn new(
        flow: &'a mut Flow,
        identity: &'a Identity,
        session: &'a Session,
        batch: &'a mut Batch,
        to: &'a mut String,
    ) -> Self {
        Self { flow, identity, session, batch, to, is_issued: false, verification: None }
    }
}

/// Runs the hooks configured for the method that finished the flow, or for the flow if the method has none.
pub(crate) async fn after(cx: &Cx<'_>, hooks: &Hooks, event: &mut Event<'_>) -> Result<()> {
    let kind = event.flow.kind();
    let method = event.flow.active.as_deref().unwrap_or_default();
    let (_, configured) = cx.snapshot.selfservice.flows.after(kind).for_method(method);
    for config in in_order(configured) {
        match hooks.iter().find(|hook| hook.name() == config.name() && hook.serves(kind)) {
            Some(hook) => hook.run(cx, event).await?,
            None => skip_or_refuse(config)?,
        }
    }
    Ok(())
}

/// Runs the hooks configured to stand before the flow.
pub(crate) fn before(cx: &Cx<'_>, flow: &Flow) -> Result<()> {
    cx.snapshot.selfservice.flows.before(flow.kind()).hooks.iter().try_for_each(skip_or_refuse)
}

fn in_order(configured: &[Configured]) -> impl Iterator<Item = &Configured> {
    let (last, first): (Vec<_>, Vec<_>) = configured.iter().partition(|config| config.name() == session::NAME);
    first.into_iter().chain(last)
}

/// A hook without an implementation: one that could have stopped the flow stops it.
fn skip_or_refuse(config: &Configured) -> Result<()> {
    if config.may_refuse() {
        return Err(Problem::Misconfigured(format!(
            "The hook {:?} is configured here, but this version does not have it.",
            config.name()
        )));
    }
    tracing::debug!(hook = config.name(), "a configured hook does nothing here");
    Ok(())
}
