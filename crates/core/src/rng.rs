//! Chance is an input: ids, tokens, salts and masks come from the [`Rng`] that one is handed.

use crate::clock::Clock;
use rand::{Rng as _, SeedableRng};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// A source of bytes nobody can foresee.
pub trait Rng: Send + Sync {
    /// Fills `bytes` with random values.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Rng + '_ {
    /// Random bytes, as many as the array holds.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A UUIDv4: for ids that are secrets.
    pub fn uuid_v4(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// A UUIDv7 (RFC 9562 5.7): for ids of stored rows.
    pub fn uuid_v7(&self, clock: &dyn Clock) -> Uuid {
        let millis = u64::try_from(clock.now().unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }

    /// Letters and digits, uniformly chosen (62 symbols: rejection, no modulo bias).
    pub fn alphanumeric(&self, length: usize) -> String {
        const SYMBOLS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut text = String::with_capacity(length);
        while text.len() < length {
            for byte in self.bytes::<32>() {
                if byte < 248 && text.len() < length {
                    text.push(char::from(SYMBOLS[usize::from(byte % 62)]));
                }
            }
        }
        text
    }
}

/// The operating system's generator, stretched by ChaCha in each thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl Rng for SystemRng {
    #[expect(clippy::disallowed_methods, reason = "the one home of the machine's randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// The same sequence in each run: for tests.
#[derive(Debug)]
pub struct SeededRng(Mutex<rand::rngs::StdRng>);

impl SeededRng {
    /// A generator that always tells the story of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(rand::rngs::StdRng::seed_from_u64(seed)))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
