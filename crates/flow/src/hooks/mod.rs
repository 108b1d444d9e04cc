//! Hooks: what operators want to happen at a moment of a flow. Configured by name, selected here, run in their order –
//! but `verify_new_address` first, since it may hold the whole, and `session` last, since it hands out what the others
//! may still refuse.
//!
//! A hook that is known but not built yet never lets a flow pass: [`after`] and [`before`] refuse it.

mod notify_previous_addresses;
mod require_verified_address;
mod revoke_active_sessions;
mod session;
mod show_verification_ui;
mod verification;
mod verify_new_address;

pub use notify_previous_addresses::NotifyPreviousAddresses;
pub use require_verified_address::RequireVerifiedAddress;
pub use revoke_active_sessions::RevokeActiveSessions;
pub use session::IssueSession;
pub use show_verification_ui::ShowVerificationUi;
pub use verification::Verification;
pub use verify_new_address::VerifyNewAddress;

use crate::{Engine, plug::Cx};
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

/// A reaction to a finished flow, before it is written: it may change the person, add to the batch, or stop the whole. If
/// it fails, nothing is written.
#[async_trait]
pub trait Hook: Send + Sync {
    /// The word in the configuration.
    fn name(&self) -> &'static str;

    /// Whether it can be configured for that kind of flow.
    fn serves(&self, kind: Kind) -> bool;

    /// Does it.
    async fn run(&self, engine: &Engine, cx: &Cx<'_>, config: &Configured, event: &mut Event<'_>) -> Result<Verdict>;
}

/// What a hook says to the flow.
#[derive(Debug)]
pub enum Verdict {
    /// Go on.
    Go,
    /// What the hook has put into its batch is written, the flow is not: it ends in this problem.
    Instead(Problem),
    /// Settings: the same, and the form stays: the change waits for something.
    Hold,
}

impl Verdict {
    /// Whether the flow ends here, without what it is for.
    pub fn is_end(&self) -> bool {
        matches!(self, Self::Instead(_))
    }
}

/// What is about to be written.
#[derive(Debug)]
pub struct Event<'a> {
    pub flow: &'a mut Flow,
    /// The person as they were read, where the flow is about a change.
    pub before: Option<&'a Identity>,
    /// The person as they will be written.
    pub identity: &'a mut Identity,
    /// The session of the person, where the flow has one.
    pub session: Option<&'a Session>,
    /// What hooks want to be written too.
    pub batch: &'a mut Batch,
    /// Where a browser goes afterwards.
    pub to: &'a mut String,
    /// Where a page goes before that, by the hook `show_verification_ui`.
    pub detour: Option<String>,
    /// Registration: whether the caller gets the session.
    pub is_issued: bool,
    /// The verification flow that was begun on the way, and the address it is about.
    pub verification: Option<(FlowId, String)>,
}

impl<'a> Event<'a> {
    /// What is about to be written, before any hook has spoken.
    pub fn new(flow: &'a mut Flow, identity: &'a mut Identity, batch: &'a mut Batch, to: &'a mut String) -> Self {
        Self {
            flow,
            before: None,
            identity,
            session: None,
            batch,
            to,
            detour: None,
            is_issued: false,
            verification: None,
        }
    }

    /// With the session that belongs to it.
    #[must_use]
    pub fn of(self, session: &'a Session) -> Self {
        Self { session: Some(session), ..self }
    }

    /// With the person as they were.
    #[must_use]
    pub fn changed(self, before: &'a Identity) -> Self {
        Self { before: Some(before), ..self }
    }
}

/// Runs the hooks configured for the method that finished the flow, or for the flow if the method has none.
pub(crate) async fn after(engine: &Engine, cx: &Cx<'_>, event: &mut Event<'_>) -> Result<Verdict> {
    let kind = event.flow.kind();
    let method = event.flow.active.clone().unwrap_or_default();
    after_kind(engine, cx, kind, &method, event).await
}

/// The same for a kind of flow that is finished by another one.
pub(crate) async fn after_kind(
    engine: &Engine,
    cx: &Cx<'_>,
    kind: Kind,
    method: &str,
    event: &mut Event<'_>,
) -> Result<Verdict> {
    let flows = &cx.snapshot.selfservice.flows;
    let (_, configured) = flows.after(kind).for_method(method);
    // Whoever signs up or changes an address is asked to prove it, wherever that can be done.
    let verifies = flows.verification.enabled && matches!(kind, Kind::Registration | Kind::Settings);
    for config in in_order(configured, verifies) {
        let verdict = match engine.hooks.iter().find(|hook| hook.name() == config.name() && hook.serves(kind)) {
            Some(hook) => hook.run(engine, cx, config, event).await?,
            None => skip_or_refuse(config).map(|()| Verdict::Go)?,
        };
        if !matches!(verdict, Verdict::Go) {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Go)
}

/// Runs the hooks configured to stand before the flow.
pub(crate) fn before(cx: &Cx<'_>, flow: &Flow) -> Result<()> {
    cx.snapshot.selfservice.flows.before(flow.kind()).hooks.iter().try_for_each(skip_or_refuse)
}

/// What may hold the change comes first, then the verification, `session` last.
fn in_order(configured: &[Configured], verifies: bool) -> impl Iterator<Item = &Configured> {
    let rank = |config: &Configured| match config {
        Configured::VerifyNewAddress => 0,
        Configured::Verification => 1,
        Configured::Session => 3,
        _ => 2,
    };
    let is_listed = configured.contains(&Configured::Verification);
    let built_in = (verifies && !is_listed).then_some(&Configured::Verification);
    let mut all: Vec<_> = built_in.into_iter().chain(configured).collect();
    all.sort_by_key(|config| rank(config));
    all.into_iter()
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
