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

    /// Adds an authentication: the assurance is computed anew (see [`aal::of`]), and the session is privileged again.
    ///
    /// Of authentications alike the first and the latest are kept, so that a session does not grow with each refresh.
    pub fn prove(&mut self, proof: AuthenticationMethod, distinct_channels: bool) {
        self.authenticated_at = proof.completed_at;
        self.updated_at = proof.completed_at;
        self.methods.push(proof);
        self.drop_repeats();
        self.aal = aal::of(&self.methods, distinct_channels);
    }

    fn drop_repeats(&mut self) {
        let mut kept: Vec<AuthenticationMethod> = Vec::with_capacity(self.methods.len());
        for method in self.methods.drain(..) {
            let mut alike = kept.iter().enumerate().filter(|(_, known)| known.is_like(&method)).map(|(at, _)| at);
            if let (Some(_), Some(latest)) = (alike.next(), alike.next()) {
                kept.remove(latest);
            }
            kept.push(method);
        }
        self.methods = kept;
    }
}

/// One proof in a session. The serde form is the wire's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuthenticationMethod {
    pub method: MethodName,
    pub aal: Aal,
    #[serde(with = "crate::timestamp")]
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

    /// Whether another one is the same method, as the same factor, of the same provider.
    fn is_like(&self, other: &Self) -> bool {
        (self.method, self.aal, &self.provider, &self.organization)
            == (other.method, other.aal, &other.provider, &other.organization)
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

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;

    fn session() -> Session {
        let at = OffsetDateTime::UNIX_EPOCH;
        Session {
            id: SessionId(uuid::Uuid::nil()),
            identity_id: IdentityId(uuid::Uuid::nil()),
            active: true,
            issued_at: at,
            authenticated_at: at,
            expires_at: at + Duration::days(1),
            aal: Aal::Aal1,
            methods: vec![AuthenticationMethod::new(MethodName::Password, Aal::Aal1, at)],
            devices: Vec::new(),
            created_at: at,
            updated_at: at,
        }
    }

    #[test]
    fn session_does_not_grow_with_each_refresh() {
        let mut session = session();
        let at = |second| OffsetDateTime::UNIX_EPOCH + Duration::seconds(second);
        for second in 1..=1000 {
            session.prove(AuthenticationMethod::new(MethodName::Password, Aal::Aal1, at(second)), false);
            session.prove(AuthenticationMethod::new(MethodName::Totp, Aal::Aal2, at(second)), false);
        }
        let left: Vec<_> = session.methods.iter().map(|it| (it.method, it.completed_at)).collect();
        let (password, totp) = (MethodName::Password, MethodName::Totp);
        assert_eq!(left, [(password, at(0)), (totp, at(1)), (password, at(1000)), (totp, at(1000))]);
        assert_eq!((session.aal, session.authenticated_at), (Aal::Aal2, at(1000)));
    }

    #[test]
    fn different_factors_and_providers_are_not_repeats() {
        let mut session = session();
        let of = |aal, provider: &str| AuthenticationMethod {
            provider: Some(provider.to_owned()),
            ..AuthenticationMethod::new(MethodName::Oidc, aal, OffsetDateTime::UNIX_EPOCH)
        };
        for proof in
            [of(Aal::Aal1, "a"), of(Aal::Aal2, "a"), of(Aal::Aal1, "b"), of(Aal::Aal1, "a"), of(Aal::Aal1, "a")]
        {
            session.prove(proof, false);
        }
        assert_eq!(session.methods.len(), 5);
    }
}
