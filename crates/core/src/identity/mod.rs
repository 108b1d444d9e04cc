//! A person: [`Identity`] with its [addresses](address) and [credentials](credential).
//!
//! An identity is an aggregate with a `version`: it is read whole, changed as a value and written back in one guarded
//! batch. [`json`] is how the wire sees it, [`normalize`] how identifiers are compared, [`at_rest`] which secrets are
//! sealed where they are stored, [`exported`] reads back what was written down.

pub mod address;
pub mod at_rest;
pub mod credential;
pub mod exported;
pub mod json;
pub mod normalize;

pub use address::{AddressStatus, RecoveryAddress, VerifiableAddress, Via};
pub use credential::{Credential, CredentialType};

use crate::{id::IdentityId, session::Aal};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// A person as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    pub id: IdentityId,
    /// The operator's own key for the person, unique.
    pub external_id: Option<String>,
    /// Which identity schema the traits follow.
    pub schema_id: String,
    pub state: State,
    pub state_changed_at: Option<OffsetDateTime>,
    /// What the person is asked for: a JSON object that its schema accepts.
    pub traits: Value,
    /// What the index is to hold of the traits; none if it stays as it is. Whoever changes traits says it.
    pub indexed: Option<Vec<(String, String)>>,
    /// Set by administrators, seen by the person; `null` when unset.
    pub metadata_public: Value,
    /// Set and seen by administrators only; `null` when unset.
    pub metadata_admin: Value,
    pub verifiable_addresses: Vec<VerifiableAddress>,
    pub recovery_addresses: Vec<RecoveryAddress>,
    /// Empty when the identity was read without them.
    pub credentials: Vec<Credential>,
    /// The strongest assurance the credentials allow; kept in the batch that changes a credential.
    pub available_aal: Aal,
    pub organization_id: Option<Uuid>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    /// Counts writes; a write states which version it was made from.
    pub version: i64,
}

impl Identity {
    /// The credential of that type, if the identity has one.
    pub fn credential(&self, kind: CredentialType) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.kind == kind)
    }
}

/// Whether the person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    #[default]
    Active,
    Inactive,
}

impl State {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(Self::Active),
            "inactive" => Ok(Self::Inactive),
            _ => Err(()),
        }
    }
}
