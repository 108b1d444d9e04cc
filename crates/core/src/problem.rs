//! What can go wrong, without status codes: rules say *what*, `web/respond.rs` alone knows how the wire puts it.

use crate::{
    continue_with::{ContinueWith, NextFlow},
    flow::Kind,
    id::FlowId,
    text::{FieldText, Text},
};
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// Something to show in the form; the flow stays usable.
    #[error("the form has {} message(s)", .0.len())]
    Form(Vec<FieldText>),

    /// The flow is too old.
    #[error("the flow has expired")]
    Expired(Box<Expired>),

    /// This flow leads nowhere any more: the engine puts another one in its place, with these words. `is_shown`: where
    /// programs would be told of it, they are led to it instead.
    #[error("the flow is over: {}", text.id)]
    StartAgain { text: Box<Text>, is_shown: bool },

    /// Another flow has taken the place of this one.
    #[error("the flow was replaced")]
    Replaced(Box<Replaced>),

    /// Nobody may sign in whose address is not proven (`session_verified_address_required`); a verification was begun,
    /// for a browser with this anti-CSRF secret.
    #[error("the address is not verified")]
    Unverified { next: Box<NextFlow>, csrf: Option<[u8; 32]> },

    /// A change needs a fresh proof (`session_refresh_required`); `to` leads there.
    #[error("a fresh proof is needed")]
    NeedsReauth { to: String },

    /// The session's assurance is too low (`session_aal2_required`). `built` is the address as first built, `to` the
    /// one with everything appended. // Quirk: both are on the wire and may differ (Kratos `session/manager.go`).
    #[error("a higher assurance is needed")]
    StepUp { built: String, to: String },

    /// Nobody is signed in where somebody must be.
    #[error("no session")]
    NoSession(NoSession),

    /// Somebody is signed in where nobody may be; `to` is where a browser goes instead.
    #[error("a session exists already")]
    AlreadySignedIn { to: String },

    /// The anti-CSRF check failed.
    #[error("anti-CSRF check failed: {0}")]
    Csrf(CsrfReason),

    /// The request makes no sense (400).
    #[error("{reason}")]
    Bad { id: Option<&'static str>, reason: String },

    /// Credentials are missing or wrong (401).
    #[error("{reason}")]
    Unauthorized { id: Option<&'static str>, reason: String },

    /// Not for this caller (403).
    #[error("{reason}")]
    Forbidden { id: Option<&'static str>, reason: String },

    /// Nothing there (404).
    #[error("{0}")]
    NotFound(String),

    /// Clashes with what is there (409).
    #[error("{0}")]
    Conflict(String),

    /// Somebody else was faster, and a second try did not help either (409).
    #[error("the data was changed by somebody else meanwhile")]
    Raced,

    /// It was tried too often, right or wrong: a budget of attempts is used up (429). In a flow the engine makes a message of
    /// the form of it.
    #[error("too many attempts")]
    Exhausted,

    /// More bytes than are read (413).
    #[error("the body is too large")]
    TooLarge,

    /// Too much work waits (429).
    #[error("busy")]
    Busy { retry_after: Duration },

    /// The database can't be reached, or cannot take anything at the moment (503). The reason is for the log.
    #[error("the database is not available: {0}")]
    Unavailable(String),

    /// The operator asked for something impossible (500, `invalid_configuration`).
    #[error("{0}")]
    Misconfigured(String),

    /// Somebody else's server failed us (502).
    #[error("{0}")]
    Upstream(String),

    /// Our own fault.
    #[error("{0:#}")]
    Bug(#[from] anyhow::Error),
}

/// The result of every rule and method.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    /// What became of a request to a flow, for operators: few words, as each is a number that is watched.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Expired(_) => "expired",
            Self::StartAgain { .. } | Self::Replaced(_) => "replaced",
            Self::Unverified { .. } => "unverified",
            Self::NeedsReauth { .. } | Self::StepUp { .. } | Self::NoSession(_) => "unauthenticated",
            Self::Raced => "raced",
            Self::Exhausted => "exhausted",
            Self::Busy { .. } => "busy",
            Self::Unavailable(_) | Self::Misconfigured(_) | Self::Upstream(_) | Self::Bug(_) => "failed",
            _ => "refused",
        }
    }

    /// A message for the form as a whole.
    pub fn form(text: Text) -> Self {
        Self::Form(vec![FieldText::form(text)])
    }

    /// A message for one node.
    pub fn field(name: &str, text: Text) -> Self {
        Self::Form(vec![FieldText::node(name, text)])
    }

    /// The flow is over, for this reason.
    pub fn start_again(text: Text) -> Self {
        Self::StartAgain { text: Box::new(text), is_shown: false }
    }

    /// A plain 400 without an id.
    pub fn bad(reason: impl Into<String>) -> Self {
        Self::Bad { id: None, reason: reason.into() }
    }

    /// Something that cannot happen.
    pub fn bug(what: impl std::fmt::Display) -> Self {
        Self::Bug(anyhow::anyhow!("{what}"))
    }
}

/// An expired flow and what replaces it.
#[derive(Debug)]
pub struct Expired {
    pub kind: Kind,
    pub expired_at: OffsetDateTime,
    pub since: Duration,
    /// The flow that replaces it, made at submit only.
    pub replacement: Option<FlowId>,
    /// Further facts for the answer (`redirect_to`, `return_to`, `api`).
    pub details: Value,
    pub continue_with: Vec<ContinueWith>,
}

/// The flow that has taken the place of one that could not go on.
#[derive(Debug)]
pub struct Replaced {
    pub by: FlowId,
    /// Programs are led to it, not told of it.
    pub is_shown: bool,
    /// What stands above its form.
    pub reason: String,
    /// Told to programs, where they go on by it.
    pub continue_with: Vec<ContinueWith>,
}

/// Which door found nobody: the wire differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSession {
    /// `session_inactive`, the plain container.
    Plain,
    /// whoami and the session lists: no id.
    WithoutId,
    /// A second factor was asked of nobody (`session_aal1_required`).
    ForSecondFactor,
    /// Settings asked for by a browser: pages go to the login.
    ForSettings,
}

/// Why a token was refused; told to developers in `details`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CsrfReason {
    #[error("the request carried no cookies")]
    NoCookies,
    #[error("cookies came, but not the anti-CSRF cookie")]
    NoCsrfCookie,
    #[error("the body holds no csrf_token")]
    NoToken,
    #[error("the token does not belong to the cookie")]
    Mismatch,
}
