//! Identifiers. A newtype each, so that a flow can never be looked up with the id of an identity.
//!
//! What is stored and not secret gets a UUIDv7 (neighbours in time are neighbours in the index); a flow's id is a
//! bearer secret and gets a UUIDv4. Both are made from [`Clock`](crate::clock::Clock) and [`Rng`](crate::rng::Rng).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use time::OffsetDateTime;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

ids! {
    /// A person.
    IdentityId;
    /// A verifiable or recovery address of a person.
    AddressId;
    /// A credential of a person.
    CredentialId;
    /// A session; not secret (the token is).
    SessionId;
    /// One login of a session from one device.
    DeviceId;
    /// A flow; knowing it is what entitles a native app to continue it.
    FlowId;
    /// An error shown to a browser through the error page.
    ErrorId;
    /// A mail or short message on its way out.
    MessageId;
    /// One attempt to deliver a message.
    DispatchId;
    /// A code or link that was sent to somebody, or made by an administrator; not secret (the code is).
    CodeId;
    /// An event of the audit log.
    EventId;
    /// A submission that waits until its sender has proved themselves again.
    PauseId;
}

impl EventId {
    /// No event of that millisecond, or of a later one, has a smaller id.
    pub fn earliest(at: OffsetDateTime) -> Self {
        let millis = u64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::{Clock, FixedClock},
        rng::{Rng, SeededRng},
    };
    use std::time::Duration;
    use time::macros::datetime;

    #[test]
    fn ids_of_events_follow_time() {
        let (clock, rng) = (FixedClock::new(datetime!(2030-01-02 03:04:05.678_9 UTC)), SeededRng::new(1));
        let rng: &dyn Rng = &rng;
        for _ in 0..100 {
            let at = clock.now();
            let id = EventId(rng.uuid_v7(&clock));
            assert!(EventId::earliest(at) <= id && id < EventId::earliest(at + Duration::from_millis(1)));
            clock.advance(Duration::from_micros(300));
        }
        assert_eq!(EventId::earliest(datetime!(1950-01-01 0:00 UTC)).0.get_version_num(), 7);
    }
}
