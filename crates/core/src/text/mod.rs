//! Texts that people read in a flow: the number is the contract (clients translate by it), the words are ours.
//!
//! [`catalog`] holds one constructor per number, so that a number can't be used with the wrong context.

pub mod catalog;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// A message or label: `{id, text, type, context?}` on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Text {
    pub id: u32,
    pub text: Cow<'static, str>,
    #[serde(rename = "type")]
    pub kind: TextKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Value>,
}

/// How a text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    Info,
    Error,
    Success,
}

/// A text and where in the form it belongs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldText {
    /// The name of the node, e.g. `traits.email`; none for the form as a whole.
    pub at: Option<String>,
    pub text: Text,
}

impl FieldText {
    /// A text for the form as a whole.
    pub fn form(text: Text) -> Self {
        Self { at: None, text }
    }

    /// A text for one node.
    pub fn node(name: impl Into<String>, text: Text) -> Self {
        Self { at: Some(name.into()), text }
    }
}

impl Text {
    fn new(kind: TextKind, id: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self { id, text: text.into(), kind, context: None }
    }

    fn info(id: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(TextKind::Info, id, text)
    }

    fn success(id: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(TextKind::Success, id, text)
    }

    fn error(id: u32, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(TextKind::Error, id, text)
    }

    fn with_context(mut self, context: Value) -> Self {
        self.context = Some(context);
        self
    }
}

/// A time as contexts carry it: RFC 3339 in UTC, without trailing zeros.
fn timestamp(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_default()
}
