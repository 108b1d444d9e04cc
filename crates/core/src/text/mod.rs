//! Texts that people read in a flow: the number is the contract (clients translate by it), the words are ours.
//!
//! [`catalog`] holds one constructor per number, so that a number can't be used with the wrong context.

pub mod catalog;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

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
