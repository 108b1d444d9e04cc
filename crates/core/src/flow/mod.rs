//! A flow: one attempt to do one thing. It is created, shown, submitted, perhaps several times, and then done.
//!
//! What every kind has stands in [`Flow`], what only one has in its [`Detail`]. The `ui` is a picture, drawn anew
//! from (flow, config, identity) after each change; nothing reads decisions out of it. [`json`] is the wire's view.

pub mod json;

use crate::{
    continue_with::ContinueWith,
    id::{FlowId, IdentityId},
    session::Aal,
    ui::Ui,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// What a flow is for. The serde names are the words of the paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Login,
    Registration,
    Settings,
    Recovery,
    Verification,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 5] = [Self::Login, Self::Registration, Self::Settings, Self::Recovery, Self::Verification];

    /// The word of paths and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Registration => "registration",
            Self::Settings => "settings",
            Self::Recovery => "recovery",
            Self::Verification => "verification",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// What kind of client a flow was made for: the wire's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// Has cookies: guarded by an anti-CSRF token.
    Browser,
    /// A native app: no cookies at all, a session token instead.
    Api,
}

impl Channel {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Api => "api",
        }
    }
}

/// How far a flow has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    ChooseMethod,
    SentEmail,
    PassedChallenge,
    /// Settings: nothing changed yet.
    ShowForm,
    /// Settings: the last change was saved.
    Success,
    /// Recovery with a choice of addresses: which address is known to the person?
    RecoveryAwaitingAddress,
    /// Which of the masked addresses shall get the code?
    RecoveryAwaitingAddressChoice,
    /// The chosen address must be typed in full.
    RecoveryConfirmingAddress,
    /// The code is on its way.
    RecoveryAwaitingCode,
}

impl State {
    /// How a flow of that kind begins.
    pub fn first(kind: Kind, lets_choose_address: bool) -> Self {
        match kind {
            Kind::Settings => Self::ShowForm,
            Kind::Recovery if lets_choose_address => Self::RecoveryAwaitingAddress,
            _ => Self::ChooseMethod,
        }
    }
}

/// One attempt to do one thing. The serde form is what is stored; the wire's is [`json::FlowView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    pub id: FlowId,
    pub channel: Channel,
    pub state: State,
    /// The method last used, by the wire's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<String>,
    #[serde(with = "crate::timestamp")]
    pub issued_at: OffsetDateTime,
    #[serde(with = "crate::timestamp")]
    pub expires_at: OffsetDateTime,
    #[serde(with = "crate::timestamp")]
    pub updated_at: OffsetDateTime,
    /// The address at which the flow was asked for, query included.
    pub request_url: String,
    /// Where the browser wants to go afterwards: checked at creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
    /// SHA-256 of the anti-CSRF secret of the browser that made the flow; none for native apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
    /// The identity schema that was asked for (`identity_schema`), if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<uuid::Uuid>,
    pub detail: Detail,
    #[serde(default, skip_serializing_if = "Memory::is_empty")]
    pub memory: Memory,
    pub ui: Ui,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub continue_with: Vec<ContinueWith>,
    /// What the last submission said to hooks and mails; told back, never stored.
    #[serde(skip)]
    pub transient_payload: Option<Value>,
    /// Counts writes; a write states which version it was made from.
    #[serde(skip)]
    pub version: i64,
}

impl Flow {
    /// What the flow is for.
    pub fn kind(&self) -> Kind {
        match self.detail {
            Detail::Login { .. } => Kind::Login,
            Detail::Registration => Kind::Registration,
            Detail::Settings { .. } => Kind::Settings,
            Detail::Recovery { .. } => Kind::Recovery,
            Detail::Verification => Kind::Verification,
        }
    }

    /// A fresh flow of the same kind, for the same caller: what was typed, proved and drawn is left behind.
    #[must_use]
    pub fn successor(&self, id: FlowId, state: State) -> Self {
        let detail = match self.detail {
            Detail::Recovery { skip_settings, .. } => Detail::Recovery { by_admin: false, skip_settings },
            ref other => other.clone(),
        };
        // A recovery or verification is for one method from its beginning on.
        let active = self.active.clone().filter(|_| matches!(self.kind(), Kind::Recovery | Kind::Verification));
        Self {
            id,
            state,
            detail,
            active,
            memory: Memory::default(),
            ui: Ui::default(),
            continue_with: Vec::new(),
            transient_payload: None,
            version: 1,
            ..self.clone()
        }
    }

    /// Whether the flow is too old to be used.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expires_at < now
    }
}

/// What only one kind of flow has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Detail {
    Login {
        /// Asked to prove themselves again although signed in.
        refresh: bool,
        requested_aal: Aal,
    },
    Registration,
    Settings {
        identity: IdentityId,
    },
    Recovery {
        /// Begun by an administrator, who hands it to the person: it belongs to no browser.
        by_admin: bool,
        /// Asked not to end at the settings.
        skip_settings: bool,
    },
    Verification,
}

/// What methods and the engine remember between two requests of a flow. Never shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Memory(Map<String, Value>);

impl Memory {
    /// What was kept under that key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The text kept under that key.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    /// Keeps a value.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    /// Forgets a value.
    pub fn remove(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
