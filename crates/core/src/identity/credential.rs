//! What a person can prove themselves with. A credential knows nothing of flows; its method reads the `config`.

use crate::id::CredentialId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

/// The types of credentials; the serde names are the wire's and the database's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialType {
    Password,
    Oidc,
    Saml,
    Totp,
    LookupSecret,
    Webauthn,
    Passkey,
    Code,
    Deviceauthn,
}

impl CredentialType {
    /// Every type there is.
    pub const ALL: [Self; 9] = [
        Self::Password,
        Self::Oidc,
        Self::Saml,
        Self::Totp,
        Self::LookupSecret,
        Self::Webauthn,
        Self::Passkey,
        Self::Code,
        Self::Deviceauthn,
    ];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Totp => "totp",
            Self::LookupSecret => "lookup_secret",
            Self::Webauthn => "webauthn",
            Self::Passkey => "passkey",
            Self::Code => "code",
            Self::Deviceauthn => "deviceauthn",
        }
    }
}

impl std::str::FromStr for CredentialType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// One way of a person to prove who they are.
#[derive(Clone, PartialEq)]
pub struct Credential {
    pub id: CredentialId,
    pub kind: CredentialType,
    /// What the person calls themselves when using it: normalised, sorted, unique per type among all identities.
    pub identifiers: Vec<String>,
    /// What only the method understands, e.g. `{"hashed_password": …}`.
    pub config: Value,
    /// Shape of `config`.
    pub version: i32,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// The `config` is a hash or a key: it is not shown.
impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, kind, identifiers, version, .. } = self;
        f.debug_struct("Credential")
            .field("id", id)
            .field("kind", kind)
            .field("identifiers", identifiers)
            .field("version", version)
            .finish_non_exhaustive()
    }
}
