//! Mail and short messages on their way out: rows of an outbox, written in the same batch as what caused them and
//! delivered afterwards by the courier. The words are the wire's (`/admin/courier/messages`).

use crate::id::{DispatchId, MessageId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

/// How a message travels: the wire's `type` and `channel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageChannel {
    Email,
    Sms,
}

impl MessageChannel {
    /// Every channel there is.
    pub const ALL: [Self; 2] = [Self::Email, Self::Sms];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageStatus {
    /// Waits for its (next) attempt.
    Queued,
    /// The other side took it.
    Sent,
    /// An instance is sending it.
    Processing,
    /// Given up.
    Abandoned,
}

impl MessageStatus {
    /// Every status there is.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Processing, Self::Abandoned];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Processing => "processing",
            Self::Abandoned => "abandoned",
        }
    }
}

impl std::str::FromStr for MessageStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(())
    }
}

/// What a message is about: the wire's `template_type` (Kratos courier/template/type.go).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateType {
    RecoveryValid,
    RecoveryInvalid,
    RecoveryCodeValid,
    RecoveryCodeInvalid,
    VerificationValid,
    VerificationInvalid,
    VerificationCodeValid,
    VerificationCodeInvalid,
    LoginCodeValid,
    RegistrationCodeValid,
    VerifiableAddressChanged,
}

impl TemplateType {
    /// Every type there is.
    pub const ALL: [Self; 11] = [
        Self::RecoveryValid,
        Self::RecoveryInvalid,
        Self::RecoveryCodeValid,
        Self::RecoveryCodeInvalid,
        Self::VerificationValid,
        Self::VerificationInvalid,
        Self::VerificationCodeValid,
        Self::VerificationCodeInvalid,
        Self::LoginCodeValid,
        Self::RegistrationCodeValid,
        Self::VerifiableAddressChanged,
    ];

    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RecoveryValid => "recovery_valid",
            Self::RecoveryInvalid => "recovery_invalid",
            Self::RecoveryCodeValid => "recovery_code_valid",
            Self::RecoveryCodeInvalid => "recovery_code_invalid",
            Self::VerificationValid => "verification_valid",
            Self::VerificationInvalid => "verification_invalid",
            Self::VerificationCodeValid => "verification_code_valid",
            Self::VerificationCodeInvalid => "verification_code_invalid",
            Self::LoginCodeValid => "login_code_valid",
            Self::RegistrationCodeValid => "registration_code_valid",
            Self::VerifiableAddressChanged => "verifiable_address_changed",
        }
    }
}

impl std::str::FromStr for TemplateType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|template| template.as_str() == text).ok_or(())
    }
}

/// One message. The subject and the plain text are written when it is queued; the HTML part, and what an HTTP channel
/// wants, are made from `template_data` when it is sent.
#[derive(Clone, PartialEq)]
pub struct Message {
    pub id: MessageId,
    pub channel: MessageChannel,
    pub recipient: String,
    /// Empty for short messages.
    pub subject: String,
    /// Plain text.
    pub body: String,
    pub template_type: TemplateType,
    /// What the template speaks of, by the wire's names (`recovery_code`, `identity`, …).
    pub template_data: Map<String, Value>,
    /// Headers of the request that caused it, those that templates and hooks may see (by their canonical names).
    pub request_headers: Map<String, Value>,
    pub status: MessageStatus,
    /// Attempts so far.
    pub send_count: u32,
    /// After this moment it is of no use to anybody (its code has expired) and is not sent any more.
    pub expires_at: Option<OffsetDateTime>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

/// The words are codes and links: only which message it is is shown.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { id, template_type, status, .. } = self;
        f.debug_struct("Message")
            .field("id", id)
            .field("template_type", template_type)
            .field("status", status)
            .finish_non_exhaustive()
    }
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Dispatch {
    pub id: DispatchId,
    pub message_id: MessageId,
    /// None if it was taken; else what went wrong, as the wire's error object.
    pub error: Option<Value>,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_says_is_not_shown() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let message = Message {
            id: MessageId(uuid::Uuid::nil()),
            channel: MessageChannel::Email,
            recipient: "ada@example.org".into(),
            subject: "123456".into(),
            body: "123456".into(),
            template_type: TemplateType::RecoveryCodeValid,
            template_data: Map::from_iter([("recovery_code".to_owned(), "123456".into())]),
            request_headers: Map::new(),
            status: MessageStatus::Queued,
            send_count: 0,
            expires_at: None,
            created_at: at,
            updated_at: at,
        };
        assert!(!format!("{message:?}").contains("123456"));
    }
}
