//! `show_verification_ui`: if a verification was begun on the way, the person is led to it. It must come after what
//! begins one; without one it says nothing.

use super::{Event, Hook};
use crate::plug::Cx;
use async_trait::async_trait;
use zelos_core::{
    continue_with::{ContinueWith, NextFlow},
    flow::{Channel, Kind},
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

    async fn run(&self, cx: &Cx<'_>, event: &mut Event<'_>) -> Result<()> {
        let Some((id, address)) = event.verification.take() else { return Ok(()) };
        let url = cx.snapshot.ui_url_of(Kind::Verification, id);
        let is_browser = event.flow.channel == Channel::Browser;
        if is_browser {
            event.to.clone_from(&url);
        }
        let flow = NextFlow { id, verifiable_address: Some(address), url: is_browser.then_some(url) };
        event.flow.continue_with.push(ContinueWith::ShowVerificationUi { flow });
        Ok(())
    }
}
