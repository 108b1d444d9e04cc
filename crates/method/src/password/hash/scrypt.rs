//! scrypt (RFC 7914), plain and as Firebase uses it.
//!
//! `$scrypt$ln=<N>,r=<r>,p=<p>$<salt>$<key>` and `$firescrypt$ln=<log2 N>,r=<r>,p=<p>$<salt>$<key>$<separator>$<signer>`, base64
//! with padding. Firebase hides its key once more: scrypt makes the key of a cipher, and what is kept is the project's
//! own key, enciphered by it. All that may be asked for is 128 MiB, eleven times over.

use super::{cost, format::HashError, text};
use ::scrypt::{Params, scrypt};
use aes::Aes256;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use zeroize::Zeroizing;

/// N: 128 MiB with the greatest block.
const MAX_LOG_COST: u32 = 17;

const MAX_BLOCK: u32 = 8;

const MAX_PARALLELISM: u32 = 10;

/// A shorter key, in bytes, is one that was cut, and would let others in than its owner.
const MIN_KEY: usize = 16;

/// AES's, in bytes.
const BLOCK: usize = 16;

/// All that a key depends on, but for the password.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recipe {
    params: Params,
    salt: Vec<u8>,
    made: Made,
}

/// What is made with it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Made {
    /// So many bytes.
    Key(usize),
    /// This, enciphered.
    Signer(Vec<u8>),
}

impl Recipe {
    /// The key of a password.
    pub(super) fn key(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let length = if let Made::Key(length) = self.made { length } else { 32 };
        let mut key = Zeroizing::new(vec![0; length]);
        scrypt(password, &self.salt, &self.params, &mut key).map_err(|_| HashError::Malformed)?;
        match &self.made {
            Made::Key(_) => Ok(key),
            Made::Signer(signer) => enciphered(&key, signer),
        }
    }
}

impl Recipe {
    /// Its [nominal cost](super::cost).
    pub(super) fn cost(&self) -> u64 {
        let (r, p) = (u64::from(self.params.r()), u64::from(self.params.p()));
        (r * p * cost::SCRYPT) << self.params.log_n()
    }
}

/// Takes a text apart: how it was made, and its key.
///
/// Quirk: `ln` is N itself, not its logarithm (Kratos hash/hash_comparator.go).
pub(super) fn parse(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let [costs, salt, key] = text::fields(encoded)?;
    let [cost, block, parallelism] = text::costs(costs, ["ln", "r", "p"])?;
    if cost == 0 || cost > 1 << MAX_LOG_COST {
        return Err(HashError::OutOfBounds);
    }
    if !cost.is_power_of_two() {
        return Err(HashError::Malformed);
    }
    let params = params(cost.ilog2(), block, parallelism)?;
    let (salt, key) = (text::padded(salt)?, text::padded(key)?);
    if key.len() < MIN_KEY {
        return Err(HashError::Malformed);
    }
    Ok((Recipe { params, salt, made: Made::Key(key.len()) }, key))
}

/// The same of Firebase's form.
pub(super) fn parse_firebase(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let [costs, salt, key, separator, signer] = text::fields(encoded)?;
    let [log_cost, block, parallelism] = text::costs(costs, ["ln", "r", "p"])?;
    let params = params(log_cost, block, parallelism)?;
    let (mut salt, key) = (text::padded(salt)?, text::padded(key)?);
    salt.extend(text::padded(separator)?);
    let signer = text::padded(signer)?;
    if key.len() < MIN_KEY || key.len() != signer.len() {
        return Err(HashError::Malformed);
    }
    Ok((Recipe { params, salt, made: Made::Signer(signer) }, key))
}

fn params(log_cost: u32, block: u32, parallelism: u32) -> Result<Params, HashError> {
    // N is more than one: scrypt is not defined for less.
    let within = |value, most| (1..=most).contains(&value);
    if !within(log_cost, MAX_LOG_COST) || !within(block, MAX_BLOCK) || !within(parallelism, MAX_PARALLELISM) {
        return Err(HashError::OutOfBounds);
    }
    let log_cost = u8::try_from(log_cost).map_err(|_| HashError::OutOfBounds)?;
    Params::new(log_cost, block, parallelism).map_err(|_| HashError::Malformed)
}

/// AES-256 in counter mode, from zero: texts are too short for the counter to need more than one byte.
fn enciphered(key: &[u8], text: &[u8]) -> Result<Zeroizing<Vec<u8>>, HashError> {
    let mut cipher = Ctr128BE::<Aes256>::new_from_slices(key, &[0; BLOCK]).map_err(|_| HashError::Malformed)?;
    if text.len() > BLOCK << 8 {
        return Err(HashError::Malformed);
    }
    let mut text = Zeroizing::new(text.to_vec());
    cipher.apply_keystream(&mut text);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen zeros.
    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

    fn plain(costs: &str) -> Result<(), HashError> {
        parse(&format!("$scrypt${costs}$c2FsdA==${KEY}")).map(|_| ())
    }

    fn firebase(costs: &str) -> Result<(), HashError> {
        parse_firebase(&format!("$firescrypt${costs}$c2FsdA==${KEY}$Bw==${KEY}")).map(|_| ())
    }

    #[test]
    fn costs_have_bounds() {
        assert_eq!(plain("ln=131072,r=8,p=10"), Ok(()));
        assert_eq!(firebase("ln=17,r=8,p=10"), Ok(()));
        for costs in ["ln=262144,r=8,p=1", "ln=0,r=8,p=1", "ln=1,r=8,p=1", "ln=1152921504606846976,r=8,p=1"] {
            assert_eq!(plain(costs), Err(HashError::OutOfBounds), "{costs}");
        }
        for costs in ["r=0,p=1", "r=9,p=1", "r=8,p=0", "r=8,p=11", "r=1152921504606846976,p=1"] {
            assert_eq!(plain(&format!("ln=16384,{costs}")), Err(HashError::OutOfBounds), "{costs}");
            assert_eq!(firebase(&format!("ln=14,{costs}")), Err(HashError::OutOfBounds), "{costs}");
        }
        for log_cost in ["0", "18", "60", "64", "1152921504606846976"] {
            assert_eq!(firebase(&format!("ln={log_cost},r=8,p=1")), Err(HashError::OutOfBounds), "{log_cost}");
        }
        for cost in ["3", "131071"] {
            assert_eq!(plain(&format!("ln={cost},r=8,p=1")), Err(HashError::Malformed), "{cost}");
        }
    }

    #[test]
    fn keys_that_were_cut_are_none() {
        for key in ["", "AA==", "AAAAAAAAAAAAAAAAAAAA"] {
            let plain = parse(&format!("$scrypt$ln=2,r=1,p=1$c2FsdA==${key}"));
            assert_eq!(plain.map(|_| ()), Err(HashError::Malformed), "{key}");
            let firebase = parse_firebase(&format!("$firescrypt$ln=1,r=1,p=1$c2FsdA==${key}$Bw==${key}"));
            assert_eq!(firebase.map(|_| ()), Err(HashError::Malformed), "{key}");
        }
        let shorter = parse_firebase(&format!("$firescrypt$ln=1,r=1,p=1$c2FsdA==${KEY}$Bw==$AA=="));
        assert_eq!(shorter.map(|_| ()), Err(HashError::Malformed));
        let endless = "AAAA".repeat(1400);
        let endless = parse_firebase(&format!("$firescrypt$ln=1,r=1,p=1$c2FsdA==${endless}$Bw==${endless}"));
        let (recipe, _) = endless.expect("readable");
        assert_eq!(recipe.key(b"password"), Err(HashError::Malformed), "the counter has one byte");
    }
}
