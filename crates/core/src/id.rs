//! Identifiers. A newtype each, so that a flow can never be looked up with the id of an identity.
//!
//! What is stored and not secret gets a UUIDv7 (neighbours in time are neighbours in the index); a flow's id is a
//! bearer secret and gets a UUIDv4. Both are made from [`Clock`](crate::clock::Clock) and [`Rng`](crate::rng::Rng).

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
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
    /// A submission that waits until its sender has proved themselves again.
    PauseId;
}
