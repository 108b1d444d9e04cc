//! What a client should do next, told beside the answer: the `continue_with` list.

use crate::id::FlowId;
use serde::{Deserialize, Serialize};

/// One item of `continue_with`; the tag is the wire's `action`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ContinueWith {
    SetOrySessionToken { ory_session_token: String },
    ShowVerificationUi { flow: NextFlow },
    ShowSettingsUi { flow: NextFlow },
    ShowRecoveryUi { flow: NextFlow },
    RedirectBrowserTo { redirect_browser_to: String },
}

/// The flow to go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextFlow {
    pub id: FlowId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifiable_address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
