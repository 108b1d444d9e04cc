//! `hashers`: how passwords are turned into what is stored, and how much of the machine that may take.

use super::{
    root::Config,
    value::{ByteSize, GoDuration},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt};

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
    #[schemars(range(max = 1024))]
    pub threads: u32,
    /// Requests that would wait longer are turned away.
    pub max_wait: GoDuration,
}

/// The bounds of a hash that is verified: a higher cost would stop all other logins, a lower one is none.
pub mod bounds {
    /// bcrypt's cost, the logarithm of its work.
    pub const MAX_BCRYPT_COST: u32 = 15;
    /// In KiB.
    pub const MAX_ARGON2_MEMORY: u32 = 1 << 20;
    pub const MAX_ARGON2_ITERATIONS: u32 = 10;
    pub const MAX_ARGON2_PARALLELISM: u32 = 16;
    /// Of salts and keys that are made, in bytes. What is longer adds no security.
    pub const MAX_ARGON2_LENGTH: u32 = 1024;
}

use bounds::{MAX_ARGON2_ITERATIONS, MAX_ARGON2_LENGTH, MAX_ARGON2_MEMORY, MAX_ARGON2_PARALLELISM, MAX_BCRYPT_COST};

/// The cost below which bcrypt is only good for tests.
const LEAST_BCRYPT_COST: u32 = 12;

/// KiB that Argon2 needs for each lane (RFC 9106, section 3.1).
const ARGON2_MEMORY_PER_LANE: u32 = 8;

/// Argon2's parameters within its bounds and ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Parameters {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// In bytes.
    pub salt_length: u32,
    /// In bytes.
    pub key_length: u32,
}

impl Argon2 {
    /// The parameters of a new hash on a machine with so many cores: Kratos' default of lanes is twice as many.
    ///
    /// Too little memory is raised to 8 KiB for each lane, as Go's implementation does (golang.org/x/crypto/argon2).
    pub fn parameters(&self, cores: usize) -> Argon2Parameters {
        let lanes = u32::try_from(cores.saturating_mul(2)).unwrap_or(u32::MAX);
        let parallelism = self.parallelism.unwrap_or(lanes).clamp(1, MAX_ARGON2_PARALLELISM);
        let memory = u32::try_from(self.memory.bytes() / 1024).unwrap_or(u32::MAX);
        Argon2Parameters {
            memory_kib: memory.clamp(ARGON2_MEMORY_PER_LANE * parallelism, MAX_ARGON2_MEMORY),
            iterations: self.iterations.clamp(1, MAX_ARGON2_ITERATIONS),
            parallelism,
            salt_length: self.salt_length.clamp(16, MAX_ARGON2_LENGTH),
            key_length: self.key_length.clamp(16, MAX_ARGON2_LENGTH),
        }
    }
}

impl Config {
    /// The cost of a new bcrypt hash: what is set, but at least 12 outside development, and at most 15.
    pub fn bcrypt_cost(&self) -> u32 {
        let set = self.hashers.bcrypt.cost.min(MAX_BCRYPT_COST);
        if self.dev { set } else { set.max(LEAST_BCRYPT_COST) }
    }
}

/// Parameters of the configured algorithm that count as others: key below `hashers`, and why.
pub(super) fn oddities(config: &Config) -> Vec<(&'static str, String)> {
    let Hashers { algorithm, argon2, bcrypt, .. } = &config.hashers;
    if *algorithm == HashAlgorithm::Bcrypt {
        let cost = config.bcrypt_cost();
        return match bcrypt.cost.cmp(&cost) {
            Ordering::Less => {
                vec![("bcrypt.cost", format!("is below {cost} and counts as {cost} outside development"))]
            }
            Ordering::Greater => vec![("bcrypt.cost", too_high(cost))],
            Ordering::Equal => Vec::new(),
        };
    }
    // Without a number of lanes it depends on the machine; this is the most.
    let counts = argon2.parameters(usize::MAX);
    let memory = argon2.memory.bytes() / 1024;
    let mut out = Vec::new();
    if memory < u64::from(counts.memory_kib) {
        let least = ARGON2_MEMORY_PER_LANE;
        out.push(("argon2.memory", format!("is less than {least}KB for each lane and counts as that")));
    } else if memory > u64::from(counts.memory_kib) {
        out.push(("argon2.memory", too_high("1GB")));
    }
    for (key, set, counts) in [
        ("argon2.iterations", Some(argon2.iterations), counts.iterations),
        ("argon2.parallelism", argon2.parallelism, counts.parallelism),
        ("argon2.salt_length", Some(argon2.salt_length), counts.salt_length),
        ("argon2.key_length", Some(argon2.key_length), counts.key_length),
    ] {
        if set.is_some_and(|set| set > counts) {
            out.push((key, too_high(counts)));
        }
    }
    out
}

fn too_high(most: impl fmt::Display) -> String {
    format!("is above {most} and counts as that: a login could not be checked in time")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argon2_parameters_are_raised_and_lowered_to_what_can_be_computed() {
        let parameters = |memory: &str, parallelism| {
            let argon2 = Argon2 { memory: memory.parse().unwrap(), parallelism, ..Argon2::default() };
            let parameters = argon2.parameters(3);
            (parameters.memory_kib, parameters.parallelism)
        };
        assert_eq!(parameters("0B", Some(1)), (8, 1));
        assert_eq!(parameters("1KB", Some(4)), (32, 4));
        assert_eq!(parameters("31KB", None), (48, 6));
        assert_eq!(parameters("64MB", Some(2)), (64 << 10, 2));
        assert_eq!(parameters("15EB", Some(1000)), (1 << 20, 16));
        let argon2 = Argon2 { iterations: u32::MAX, salt_length: u32::MAX, key_length: 16, ..Argon2::default() };
        let parameters = argon2.parameters(1);
        assert_eq!((parameters.iterations, parameters.salt_length, parameters.key_length), (10, 1024, 16));
    }
}
