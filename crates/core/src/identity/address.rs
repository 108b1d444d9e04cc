//! Where a person can be reached: an address to verify, or one to recover the account through.

use crate::id::AddressId;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// The channel of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    Email,
    Sms,
}

impl Via {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

impl std::str::FromStr for Via {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "email" => Ok(Self::Email),
            "sms" => Ok(Self::Sms),
            _ => Err(()),
        }
    }
}

/// How far the verification of an address has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressStatus {
    Pending,
    Sent,
    Completed,
}

impl AddressStatus {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Completed => "completed",
        }
    }
}

impl std::str::FromStr for AddressStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "pending" => Ok(Self::Pending),
            "sent" => Ok(Self::Sent),
            "completed" => Ok(Self::Completed),
            _ => Err(()),
        }
    }
}

/// An address whose owner can show that it is theirs. The serde form is the wire's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerifiableAddress {
    pub id: AddressId,
    /// In canonical form; unique among all identities.
    pub value: String,
    pub verified: bool,
    pub via: Via,
    pub status: AddressStatus,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::timestamp::option")]
    pub verified_at: Option<OffsetDateTime>,
    #[serde(with = "crate::timestamp")]
    pub created_at: OffsetDateTime,
    #[serde(with = "crate::timestamp")]
    pub updated_at: OffsetDateTime,
}

/// An address through which the account can be recovered. The serde form is the wire's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecoveryAddress {
    pub id: AddressId,
    /// In canonical form; unique among all identities.
    pub value: String,
    pub via: Via,
    #[serde(with = "crate::timestamp")]
    pub created_at: OffsetDateTime,
    #[serde(with = "crate::timestamp")]
    pub updated_at: OffsetDateTime,
}
