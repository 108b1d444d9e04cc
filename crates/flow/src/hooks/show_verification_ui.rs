//! `show_verification_ui`: if a verification was begun on the way, the person is led to it. It must come after what
//! begins one; without one it says nothing.

use super::{Configured, Event, Hook, Verdict};
use crate::{Engine, plug::Cx};
use async_trait::async_trait;
use zelos_core::{
    continue_with::{ContinueWith, NextFlow},
    flow::{Channel, Kind},
    id::FlowId,
    problem::Result,
};

/// Leads to the verification page.
#[derive(Debug, Clone, Copy)]
pub struct ShowVerificationUi;

#[async_trait]
impl Hook for ShowVerificationUi {
    fn name(&self) -> &'static str {
        "show_verification_ui"
    }

    fn serves(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Registration | Kind::Settings)
    }

    async fn run(&self, _: &Engine, cx: &Cx<'_>, _: &Configured, event: &mut Event<'_>) -> Result<Verdict> {
        let Some((id, address)) = event.verification.take() else { return Ok(Verdict::Go) };
        event.flow.continue_with.push(hint(cx, event.flow.channel, id, address));
        // Quirk: after settings clients are told of the verification, but a page is not led to it (Kratos
        // selfservice/hook/show_verification_ui.go).
        if event.flow.kind() != Kind::Settings {
            event.detour = Some(cx.snapshot.ui_url_of(Kind::Verification, id));
        }
        Ok(Verdict::Go)
    }
}

/// The hint that leads to a verification; browsers are told the page.
pub(super) fn hint(cx: &Cx<'_>, channel: Channel, id: FlowId, address: String) -> ContinueWith {
    let url = (channel == Channel::Browser).then(|| cx.snapshot.ui_url_of(Kind::Verification, id));
    ContinueWith::ShowVerificationUi { flow: NextFlow { id, verifiable_address: Some(address), url } }
}
