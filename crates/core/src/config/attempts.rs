//! `security.attempt_budgets`: how often secrets may be guessed, and messages asked for. Ours beside the original's keys; see
//! `docs/attempt-budgets.md`.
//!
//! A key that is not given has its default, also where the other one of the same budget is given: what was configured
//! stays what it was when a default changes.

use super::value::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All budgets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AttemptBudgets {
    /// Off: nothing is counted, and browsers are not remembered.
    pub enabled: bool,
    pub account: AccountBudgets,
    /// Wrong guesses from one network (an IPv4 address, a /64 of IPv6): 1000 in 1h.
    pub network: Budget,
    /// Messages with a code or link to one address: 20 in 1h.
    pub messages: Budget,
}

/// Wrong guesses at the secrets of one account.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccountBudgets {
    /// At the password: 50 in 15m.
    pub password: Budget,
    /// At codes that were sent: 20 in 15m.
    pub code: Budget,
    /// At codes of the authenticator app: 20 in 15m.
    pub totp: Budget,
    /// At backup codes: 20 in 15m.
    pub lookup_secret: Budget,
    /// At all of them together: 100 in 24h.
    pub all: Budget,
}

/// How often within which time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// So often.
    #[schemars(range(min = 1))]
    pub limit: Option<u32>,
    /// In the time that begins with the first; at least a second.
    pub window: Option<GoDuration>,
}

/// A budget with its defaults filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub limit: u32,
    pub window: GoDuration,
}

impl Default for AttemptBudgets {
    fn default() -> Self {
        Self {
            enabled: true,
            account: AccountBudgets::default(),
            network: Budget::default(),
            messages: Budget::default(),
        }
    }
}

const QUARTER: u64 = 15 * 60;
const HOUR: u64 = 3600;

impl AttemptBudgets {
    /// Every budget as it is given, with its key below the section.
    pub(crate) fn named(&self) -> [(&'static str, Budget); 7] {
        [
            ("account.password", self.account.password),
            ("account.code", self.account.code),
            ("account.totp", self.account.totp),
            ("account.lookup_secret", self.account.lookup_secret),
            ("account.all", self.account.all),
            ("network", self.network),
            ("messages", self.messages),
        ]
    }

    /// Guesses from a network.
    pub fn network(&self) -> Bound {
        self.network.or(1000, HOUR)
    }

    /// Messages to an address.
    pub fn messages(&self) -> Bound {
        self.messages.or(20, HOUR)
    }
}

impl AccountBudgets {
    /// Guesses at a password.
    pub fn password(&self) -> Bound {
        self.password.or(50, QUARTER)
    }

    /// Guesses at codes that were sent.
    pub fn code(&self) -> Bound {
        self.code.or(20, QUARTER)
    }

    /// Guesses at codes of an authenticator app.
    pub fn totp(&self) -> Bound {
        self.totp.or(20, QUARTER)
    }

    /// Guesses at backup codes.
    pub fn lookup_secret(&self) -> Bound {
        self.lookup_secret.or(20, QUARTER)
    }

    /// Guesses of all kinds.
    pub fn all(&self) -> Bound {
        self.all.or(100, 24 * HOUR)
    }
}

impl Budget {
    fn or(self, limit: u32, seconds: u64) -> Bound {
        Bound { limit: self.limit.unwrap_or(limit), window: self.window.unwrap_or(GoDuration::from_secs(seconds)) }
    }
}
