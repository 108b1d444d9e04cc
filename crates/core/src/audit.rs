//! The audit log: what happened to accounts, told in events that are written once and never changed.
//!
//! An event names who did what to whom, from where and how; it holds no secret, no trait and no identifier that somebody
//! typed, so that it can be read by whoever looks after the log and need not be erased with the person. The names are
//! those of the original's events where it has them.

use crate::id::{EventId, IdentityId, SessionId};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

kinds! {
    /// Somebody signed in, or proved themselves once more.
    LoginSucceeded,
    /// A secret was tried too often.
    LoginFailed,
    RegistrationSucceeded,
    SettingsSucceeded,
    SettingsFailed,
    /// Somebody has shown that an address is theirs, and is back.
    RecoverySucceeded,
    RecoveryFailed,
    /// An administrator was handed a code or link for somebody.
    RecoveryInitiatedByAdmin,
    VerificationSucceeded,
    VerificationFailed,
    /// Sessions were ended or deleted.
    SessionRevoked,
    SessionLifespanExtended,
    /// By an administrator, as are the next three.
    IdentityCreated,
    IdentityUpdated,
    IdentityDeleted,
    CredentialDeleted,
}

impl std::str::FromStr for EventKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// An event, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub id: EventId,
    #[serde(with = "crate::timestamp")]
    pub time: OffsetDateTime,
    pub kind: EventKind,
    /// Whose account it is about, where it is about one.
    pub identity_id: Option<IdentityId>,
    pub session_id: Option<SessionId>,
    /// `self`, `admin`, or `admin:` and the name of the token.
    pub actor: String,
    pub ip_address: String,
    pub user_agent: String,
    /// By which method, where it was by one.
    pub method: String,
    pub details: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_by_their_names() {
        for kind in EventKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap_or_default(), kind.as_str());
        }
        assert_eq!("loginsucceeded".parse::<EventKind>(), Err(()));
    }
}
