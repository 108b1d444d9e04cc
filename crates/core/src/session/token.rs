//! The bearer's token of a session: seen once by whoever gets it, stored only as its SHA-256.

use crate::{rng::Rng, secret::Secret};
use sha2::{Digest, Sha256};

/// A session token: `ory_st_` and 32 letters and digits (190 bits), so that scanners recognise a leaked one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionToken(Secret);

impl SessionToken {
    /// A new token.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(format!("ory_st_{}", rng.alphanumeric(32))))
    }

    /// A token as a client sent it; whether it means anything is for the store to tell.
    pub fn received(text: &str) -> Self {
        Self(Secret::new(text))
    }

    /// The text for the client.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored and looked up. A plain hash is enough: the token has more entropy than can be searched.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.expose().as_bytes()).into()
    }
}
