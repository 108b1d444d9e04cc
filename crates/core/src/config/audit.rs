//! `audit`: the log of what happened to accounts. Ours beside the original's keys.

use super::value::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// Off: nothing more is written; what is there stays for as long as it would have.
    pub enabled: bool,
    /// How long an event is kept.
    pub retention: GoDuration,
}

impl Default for Audit {
    fn default() -> Self {
        Self { enabled: true, retention: GoDuration(Duration::from_hours(90 * 24)) }
    }
}
