//! A session: who somebody has shown to be, how, and until when.
//!
//! The bearer's token is not part of it: only its hash is stored, and only whoever issues a session sees the token.

pub mod aal;
pub mod json;
pub mod token;

pub use aal::{Aal, Strength};
pub use token::SessionToken;

use crate::{
    config::GoDuration,
    id::{DeviceId, IdentityId, SessionId},
    identity,
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A session as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    pub id: SessionId,
    pub identity_id: IdentityId,
    /// False once revoked. Whether a session counts also depends on the clock and the person: [`Session::is_active`].
    pub active: bool,
    pub issued_at: OffsetDateTime,
    /// When the person last proved themselves; privileged changes look at it.
    pub authenticated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub aal: Aal,
    /// What was proved, oldest first (`authentication_methods`).
    pub methods: Vec<AuthenticationMethod>,
    pub devices: Vec<Device>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl Session {
    /// Whether the session holds at that time, for a person in that state.
    ///
    /// With `idle_timeout` (`session.idle_timeout`), one that was not used for so long does not. The last use is
    /// `updated_at`, as far as it was written down.
    pub fn is_active(&self, now: OffsetDateTime, person: identity::State, idle_timeout: Option<GoDuration>) -> bool {
        let is_idle = idle_timeout.is_some_and(|timeout| self.updated_at + *timeout <= now);
        self.active && self.expires_at > now && person == identity::State::Active && !is_idle
    }

    /// Adds a proof: the assurance is computed anew (see [`aal::of`]) and the clock of freshness starts again.
    pub fn prove(&mut self, proof: AuthenticationMethod, distinct_channels: bool) {
        self.authenticated_at = proof.completed_at;
        self.updated_at = proof.completed_at;
        self.methods.push(proof);
        self.aal = aal::of(&self.methods, distinct_channels);
    }
}

/// One proof in a session. The serde form is the wire's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthenticationMethod {
    pub method: MethodName,
    pub aal: Aal,
    #[serde(with = "time::serde::rfc3339")]
    pub completed_at: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstream_amr: Vec<String>,
}

impl AuthenticationMethod {
    /// A proof without anything particular to a provider.
    pub fn new(method: MethodName, aal: Aal, completed_at: OffsetDateTime) -> Self {
        Self {
            method,
            aal,
            completed_at,
            provider: None,
            organization: None,
            upstream_acr: None,
            upstream_amr: Vec::new(),
        }
    }
}

/// What may stand in a session as the way of proving (the wire's `method`, RFC 8176 in spirit).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodName {
    Password,
    Oidc,
    Saml,
    Totp,
    LookupSecret,
    Webauthn,
    Passkey,
    Code,
    Deviceauthn,
    LinkRecovery,
    CodeRecovery,
    #[serde(rename = "v0.6_legacy_session")]
    V06LegacySession,
}

/// Where a login came from. The serde form is the wire's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    pub ip_address: String,
    pub user_agent: String,
    pub location: String,
}

/// What a session look-up needs of the person: the rendered public document, and what the rules ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    pub id: IdentityId,
    pub schema_id: String,
    pub state: identity::State,
    pub available_aal: Aal,
    /// The identity's public JSON without `schema_url` (see [`identity::json::document`]).
    pub document: String,
}
