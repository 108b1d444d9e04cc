//! `hashers argon2 …`: what hashing costs on this machine, measured with the hasher and the pool that the server has.
//!
//! A password costs memory for a moment; how many do so at once is bounded by the pool's threads, one for each core. So
//! "memory used" here is what the passwords under way at the busiest moment needed, not what the process happens to hold.

mod calibrate;
mod load;

pub(super) use calibrate::{Calibrate, calibrate};
pub(super) use load::{LoadTest, load_test};

use super::{
    Failure,
    print::{self, duration, parse_bytes},
};
use crate::{
    out,
    settings::{self, ConfigFiles},
    wiring::{HashPool, PasswordHasher},
};
use clap::Args;
use serde_json::{Value, json};
use std::{sync::Arc, thread::available_parallelism, time::Duration};
use tokio::time::Instant;
use zelos_core::{
    config::{GoDuration, hashers::Argon2},
    rng::SystemRng,
};

/// What both measuring and hashing need to know. Without a flag, the configuration's value counts.
#[derive(Debug, Args)]
pub(in crate::cli) struct Cost {
    /// Memory that all passwords together may use [default: 1.00GB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    dedicated_memory: Option<u64>,
    /// How much the time of a hash may vary [default: 500ms]
    #[arg(long, value_name = "DURATION")]
    expected_deviation: Option<GoDuration>,
    /// How long a hash takes at least [default: 500ms]
    #[arg(long, value_name = "DURATION")]
    min_duration: Option<GoDuration>,
    /// Length of the key in bytes [default: 32]
    #[arg(long, value_name = "BYTES")]
    key_length: Option<u32>,
    /// Lanes of a hash [default: twice the number of cores]
    #[arg(long, value_name = "COUNT")]
    parallelism: Option<u8>,
    /// Length of the salt in bytes [default: 16]
    #[arg(long, value_name = "BYTES")]
    salt_length: Option<u32>,
}

/// The two parameters that calibration looks for.
#[derive(Debug, Args)]
pub(in crate::cli) struct Fixed {
    /// Passes over the memory [default: 1]
    #[arg(long, value_name = "COUNT")]
    iterations: Option<u32>,
    /// Memory of a hash [default: 128.00MB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    memory: Option<u64>,
}

/// Passwords to hash.
#[derive(Debug, Args)]
pub(in crate::cli) struct Hash {
    /// The passwords; they are not printed, nor are their hashes.
    #[arg(required = true, value_name = "PASSWORD")]
    passwords: Vec<String>,
    /// All at once.
    #[arg(long)]
    parallel: bool,
    #[command(flatten)]
    cost: Cost,
    #[command(flatten)]
    fixed: Fixed,
}

/// Parameters under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parameters {
    memory: u64,
    iterations: u32,
    parallelism: u32,
    salt_length: u32,
    key_length: u32,
    expected_duration: Duration,
    expected_deviation: Duration,
    dedicated_memory: u64,
}

const HEADS: [&str; 8] = [
    "MEMORY",
    "ITERATIONS",
    "PARALLELISM",
    "SALT LENGTH",
    "KEY LENGTH",
    "EXPECTED DURATION",
    "EXPECTED DEVIATION",
    "DEDICATED MEMORY",
];

impl Parameters {
    /// The configuration's, where no flag says otherwise.
    fn new(files: &ConfigFiles, cost: &Cost) -> Result<Self, Failure> {
        let set: Argon2 = settings::argon2(files)?;
        let lanes = u32::try_from(available_parallelism().map_or(1, usize::from) * 2).unwrap_or(u32::MAX).min(16);
        Ok(Self {
            memory: set.memory.bytes(),
            iterations: set.iterations,
            parallelism: cost.parallelism.map(u32::from).or(set.parallelism).unwrap_or(lanes),
            salt_length: cost.salt_length.unwrap_or(set.salt_length),
            key_length: cost.key_length.unwrap_or(set.key_length),
            expected_duration: *cost.min_duration.unwrap_or(set.expected_duration),
            expected_deviation: *cost.expected_deviation.unwrap_or(set.expected_deviation),
            dedicated_memory: cost.dedicated_memory.unwrap_or(set.dedicated_memory.bytes()),
        })
    }

    fn with(self, fixed: &Fixed) -> Self {
        Self {
            memory: fixed.memory.unwrap_or(self.memory),
            iterations: fixed.iterations.unwrap_or(self.iterations),
            ..self
        }
    }

    fn hasher(&self) -> PasswordHasher {
        PasswordHasher::Argon2 {
            // Raised as a server raises what is configured.
            memory_kib: u32::try_from(self.memory / 1024).unwrap_or(u32::MAX).max(8 * self.parallelism),
            iterations: self.iterations,
            parallelism: self.parallelism,
            salt_length: self.salt_length as usize,
            key_length: self.key_length as usize,
        }
    }

    fn columns(&self) -> [String; 8] {
        [
            print::bytes(self.memory),
            self.iterations.to_string(),
            self.parallelism.to_string(),
            self.salt_length.to_string(),
            self.key_length.to_string(),
            duration(self.expected_duration),
            duration(self.expected_deviation),
            print::bytes(self.dedicated_memory),
        ]
    }

    fn document(&self) -> Value {
        json!({
            "memory": print::bytes(self.memory),
            "iterations": self.iterations,
            "parallelism": self.parallelism,
            "salt_length": self.salt_length,
            "key_length": self.key_length,
            "minimal_duration": duration(self.expected_duration),
            "expected_deviation": duration(self.expected_deviation),
            "dedicated_memory": print::bytes(self.dedicated_memory),
        })
    }
}

/// As Go's JSON has a duration.
fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A pool that turns nobody away while it is measured.
fn pool() -> Result<Arc<HashPool>, Failure> {
    let pool = HashPool::start(0, Duration::from_hours(24), Arc::default());
    pool.map(Arc::new).map_err(|error| Failure::new(format!("threads cannot be started: {error}")))
}

/// Hashes once; answers how long it took.
async fn hash_once(pool: &HashPool, parameters: &Parameters, password: &str) -> Result<Duration, Failure> {
    let start = Instant::now();
    let hashed = pool.hash(parameters.hasher(), password, &SystemRng).await;
    hashed.map_err(|error| Failure::new(format!("hashing failed: {error}")))?;
    Ok(start.elapsed())
}

/// Hashes passwords and prints how long each took.
pub(in crate::cli) async fn hash(files: ConfigFiles, flags: Hash) -> Result<(), Failure> {
    let parameters = Parameters::new(&files, &flags.cost)?.with(&flags.fixed);
    let pool = pool()?;
    let start = Instant::now();
    let tell = |at: usize, took| out::line(format_args!("password {at}: {}", duration(took)));
    if flags.parallel {
        let mut tasks = tokio::task::JoinSet::new();
        for (at, password) in flags.passwords.into_iter().enumerate() {
            let pool = Arc::clone(&pool);
            tasks.spawn(async move { (at, hash_once(&pool, &parameters, &password).await) });
        }
        while let Some(Ok((at, took))) = tasks.join_next().await {
            tell(at, took?);
        }
    } else {
        for (at, password) in flags.passwords.iter().enumerate() {
            tell(at, hash_once(&pool, &parameters, password).await?);
        }
    }
    out::line(format_args!("total: {}", duration(start.elapsed())));
    Ok(())
}
