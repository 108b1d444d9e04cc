//! `hashers`: how passwords are turned into what is stored, and how much of the machine that may take.

use super::value::{ByteSize, GoDuration};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Password hashing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hashers {
    /// For new passwords; known formats are verified whatever stands here.
    pub algorithm: HashAlgorithm,
    /// Replace a stored hash after a login if its cost is below the configured one. Without it, as in Kratos, only
    /// hashes of another algorithm are replaced.
    pub renew_weaker: bool,
    pub argon2: Argon2,
    pub bcrypt: Bcrypt,
    pub pool: HashPool,
}

/// The algorithms for new passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HashAlgorithm {
    Argon2,
    #[default]
    Bcrypt,
}

/// Argon2id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Argon2 {
    pub memory: ByteSize,
    #[schemars(range(min = 1))]
    pub iterations: u32,
    /// Without it, twice the number of cores.
    #[schemars(range(min = 1))]
    pub parallelism: Option<u32>,
    /// In bytes.
    #[schemars(range(min = 16))]
    pub salt_length: u32,
    /// In bytes.
    #[schemars(range(min = 16))]
    pub key_length: u32,
    /// How long one hash should take; a warning is logged if it takes longer, and unknown people wait as long.
    pub expected_duration: GoDuration,
    pub expected_deviation: GoDuration,
    /// For `hashers argon2 calibrate`.
    pub dedicated_memory: ByteSize,
}

/// Bcrypt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bcrypt {
    /// Below 12 only in development: see [`Config::bcrypt_cost`](super::Config::bcrypt_cost).
    #[schemars(range(min = 4, max = 31))]
    pub cost: u32,
}

/// The threads that hash. Ours beside the original's keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HashPool {
    /// 0 stands for the number of cores.
    pub threads: u32,
    /// Requests that would wait longer are turned away.
    pub max_wait: GoDuration,
}

impl Default for Argon2 {
    fn default() -> Self {
        Self {
            memory: ByteSize::mib(128),
            iterations: 1,
            parallelism: None,
            salt_length: 16,
            key_length: 32,
            expected_duration: GoDuration::from_millis(500),
            expected_deviation: GoDuration::from_millis(500),
            dedicated_memory: ByteSize::mib(1024),
        }
    }
}

impl Default for Bcrypt {
    fn default() -> Self {
        Self { cost: 12 }
    }
}

impl Default for HashPool {
    fn default() -> Self {
        Self { threads: 0, max_wait: GoDuration::from_secs(10) }
    }
}
