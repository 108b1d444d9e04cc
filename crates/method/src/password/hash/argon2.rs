//! Argon2's text form, `$argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<key>`, and its work in a borrowed buffer.
//!
//! The work is memory: 128 MiB for a password by default. A buffer taken from the system anew for each would cost more
//! in page faults than it saves, and fifty at once would be 6 GB; so each worker of the pool owns one [`Memory`] and
//! lends it to one password after the other. Lanes are computed one after the other: with a worker on each core there
//! is nobody to share them with.

use super::{cost, format::HashError, text};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use zelos_core::config::hashers::bounds::{MAX_ARGON2_ITERATIONS, MAX_ARGON2_MEMORY, MAX_ARGON2_PARALLELISM};
use zeroize::{Zeroize, Zeroizing};

/// More than this is given back after use, so that one exotic hash does not cost its memory for ever.
const KEPT_BLOCKS: usize = 128 << 10;

/// A buffer for Argon2, used again and again. Holds what a password can be guessed from until it is wiped.
#[derive(Default)]
pub(in crate::password) struct Memory {
    blocks: Vec<Block>,
    used: bool,
}

impl Memory {
    /// Overwrites what the last password left, if any did.
    pub(in crate::password) fn wipe(&mut self) {
        if std::mem::take(&mut self.used) {
            self.blocks.iter_mut().for_each(Zeroize::zeroize);
        }
    }

    /// How much it holds at the moment.
    pub(super) fn kib(&self) -> usize {
        self.blocks.len()
    }

    fn take(&mut self, blocks: usize) -> &mut [Block] {
        if self.blocks.len() < blocks {
            self.wipe();
            self.blocks = Vec::new();
            self.blocks = vec![Block::new(); blocks];
        }
        self.used = true;
        &mut self.blocks[..blocks]
    }

    fn shrink(&mut self) {
        if self.blocks.len() > KEPT_BLOCKS {
            self.release();
        }
    }

    /// Gives all of it back, for work that takes as much in its own way: nobody is to hold twice the memory.
    pub(super) fn release(&mut self) {
        self.wipe();
        self.blocks = Vec::new();
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Memory").field("kib", &self.kib()).finish_non_exhaustive()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// All that a key depends on, but for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    algorithm: Algorithm,
    params: Params,
    salt: Vec<u8>,
}

impl Recipe {
    /// A recipe whose work is within the bounds. `length` is the key's, in bytes.
    pub(super) fn new(
        algorithm: Algorithm,
        [memory_kib, iterations, parallelism]: [u32; 3],
        salt: Vec<u8>,
        length: usize,
    ) -> Result<Self, HashError> {
        let within = |value, most| (1..=most).contains(&value);
        if !within(memory_kib, MAX_ARGON2_MEMORY)
            || !within(iterations, MAX_ARGON2_ITERATIONS)
            || !within(parallelism, MAX_ARGON2_PARALLELISM)
        {
            return Err(HashError::OutOfBounds);
        }
        if salt.len() < argon2::MIN_SALT_LEN {
            return Err(HashError::Malformed);
        }
        let params = Params::new(memory_kib, iterations, parallelism, Some(length));
        Ok(Self { algorithm, params: params.map_err(|_| HashError::Malformed)?, salt })
    }

    /// The key of a password.
    pub(super) fn key(&self, password: &[u8], memory: &mut Memory) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let mut key = Zeroizing::new(vec![0; self.params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)]);
        let context = Argon2::new(self.algorithm, Version::V0x13, self.params.clone());
        let blocks = memory.take(self.params.block_count());
        let result = context.hash_password_into_with_memory(password, &self.salt, &mut key, blocks);
        memory.shrink();
        result.map_err(|_| HashError::Malformed)?;
        Ok(key)
    }

    /// Its [nominal cost](super::cost).
    pub(super) fn cost(&self) -> u64 {
        cost::argon2(self.params.m_cost(), self.params.t_cost())
    }

    /// The text of a key made after this recipe.
    pub(super) fn encode(&self, key: &[u8]) -> String {
        let (name, params) = (self.algorithm.as_str(), &self.params);
        let (memory, iterations, parallelism) = (params.m_cost(), params.t_cost(), params.p_cost());
        let (salt, key) = (BASE64.encode(&self.salt), BASE64.encode(key));
        format!("${name}$v=19$m={memory},t={iterations},p={parallelism}${salt}${key}")
    }
}

/// Takes a text apart: how it was made, and its key.
pub(super) fn parse(algorithm: Algorithm, encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let ["v=19", costs, salt, key] = text::fields(encoded)? else { return Err(HashError::Malformed) };
    let costs = text::costs(costs, ["m", "t", "p"])?;
    let (salt, key) = (text::unpadded(salt)?, text::unpadded(key)?);
    Ok((Recipe::new(algorithm, costs, salt, key.len())?, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106's reference implementation: password "password", salt "somesalt", one lane.
    const KNOWN: &[(Algorithm, &str)] = &[
        (Algorithm::Argon2id, "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"),
        (Algorithm::Argon2id, "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
        (Algorithm::Argon2i, "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA"),
    ];

    #[test]
    fn published_vectors_hold() {
        let mut memory = Memory::default();
        for (algorithm, text) in KNOWN {
            let (recipe, key) = parse(*algorithm, text).expect("readable");
            assert_eq!(recipe.encode(&key), *text);
            assert_eq!(*recipe.key(b"password", &mut memory).expect("computable"), key, "{text}");
            assert_ne!(*recipe.key(b"passwore", &mut memory).expect("computable"), key);
        }
    }

    #[test]
    fn memory_is_reused_wiped_and_bounded() {
        let mut memory = Memory::default();
        let recipe = |kib| Recipe::new(Algorithm::Argon2id, [kib, 1, 1], vec![1; 16], 32).expect("in bounds");
        recipe(64).key(b"password", &mut memory).expect("computable");
        assert_eq!(memory.blocks.len(), 64);
        recipe(8).key(b"password", &mut memory).expect("computable");
        assert_eq!(memory.blocks.len(), 64);
        memory.wipe();
        assert!(memory.blocks.iter().flat_map(|block| block.as_ref().iter()).all(|word| *word == 0));
        memory.blocks = vec![Block::new(); KEPT_BLOCKS + 1];
        memory.shrink();
        assert!(memory.blocks.is_empty());
    }

    #[test]
    fn malformed_and_expensive_texts_are_refused() {
        let with = |costs: &str| {
            parse(Algorithm::Argon2id, &format!("$argon2id$v=19${costs}$c29tZXNhbHQ$bQk8UB/VmZZF4Oo7")).map(|_| ())
        };
        assert_eq!(with("m=256,t=2,p=2"), Ok(()));
        for costs in [
            "m=1048577,t=1,p=1",
            "m=64,t=11,p=1",
            "m=512,t=1,p=17",
            "m=0,t=1,p=1",
            "m=64,t=0,p=1",
            "m=64,t=1,p=0",
            "m=99999999999999999999,t=1,p=1",
        ] {
            assert_eq!(with(costs), Err(HashError::OutOfBounds), "{costs}");
        }
        for costs in ["", "m=64", "m=64,t=1", "t=1,m=64,p=1", "m=-1,t=1,p=1", "m=,t=1,p=1", "m=7,t=1,p=1"] {
            assert_eq!(with(costs), Err(HashError::Malformed), "{costs}");
        }
        for text in [
            "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/V",
            "$argon2id$m=64,t=1,p=1$c29tZXNhbHQ$bQk8UB/V",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ=$bQk8UB/V",
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$bQk8UB/V",
        ] {
            assert_eq!(parse(Algorithm::Argon2id, text).map(|_| ()), Err(HashError::Malformed), "{text}");
        }
    }
}
