//! PBKDF2 (RFC 8018): `$pbkdf2-<digest>$i=<iterations>,l=<bytes>$<salt>$<key>`, base64 without padding.

use super::{cost, format::HashError, text};
use ::pbkdf2::{hmac::SimpleHmac, pbkdf2, pbkdf2_hmac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use sha3::{Sha3_224, Sha3_384};
use zeroize::Zeroizing;

/// Digests that may be computed twice over: some seconds.
const MAX_ITERATIONS: u32 = 10_000_000;

/// A shorter key, in bytes, is one that was cut, and would let others in than its owner.
const MIN_KEY: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Sha1,
    Sha3For224,
    Sha256,
    Sha3For384,
    Sha512,
}

impl Function {
    /// Quirk: 224 and 384 are SHA-3, not SHA-2, and whatever else is SHA-256 (Kratos hash/hasher_pbkdf2.go).
    fn of(digest: &str) -> Self {
        match digest {
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha3For224,
            "sha384" => Self::Sha3For384,
            "sha512" => Self::Sha512,
            _ => Self::Sha256,
        }
    }

    /// Of its digest, in bytes.
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha3For224 => 28,
            Self::Sha256 => 32,
            Self::Sha3For384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// All that a key depends on, but for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    function: Function,
    iterations: u32,
    salt: Vec<u8>,
    length: usize,
}

impl Recipe {
    /// The key of a password.
    pub(super) fn key(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let Self { function, iterations, ref salt, length } = *self;
        let mut key = Zeroizing::new(vec![0; length]);
        match function {
            Function::Sha1 => pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut key),
            Function::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut key),
            Function::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut key),
            Function::Sha3For224 => pbkdf2::<SimpleHmac<Sha3_224>>(password, salt, iterations, &mut key)
                .map_err(|_| HashError::Malformed)?,
            Function::Sha3For384 => pbkdf2::<SimpleHmac<Sha3_384>>(password, salt, iterations, &mut key)
                .map_err(|_| HashError::Malformed)?,
        }
        Ok(key)
    }

    /// Its [nominal cost](super::cost).
    pub(super) fn cost(&self) -> u64 {
        let blocks = self.length.div_ceil(self.function.length()) as u64;
        let iteration = match self.function {
            Function::Sha1 => cost::PBKDF2_SHA1,
            Function::Sha256 => cost::PBKDF2_SHA256,
            Function::Sha512 => cost::PBKDF2_SHA512,
            Function::Sha3For224 | Function::Sha3For384 => cost::PBKDF2_SHA3,
        };
        u64::from(self.iterations) * blocks * iteration
    }
}

/// Takes a text apart: how it was made, and its key.
///
/// Quirk: `l` must be there and a number, and means nothing: the key is as long as it is (Kratos hash/hasher_pbkdf2.go).
/// Some systems write bits there, others the length of the text.
pub(super) fn parse(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let [costs, salt, key] = text::fields(encoded)?;
    let [iterations, _] = text::costs(costs, ["i", "l"])?;
    if !(1..=MAX_ITERATIONS).contains(&iterations) {
        return Err(HashError::OutOfBounds);
    }
    let (salt, key) = (text::unpadded(salt)?, text::unpadded(key)?);
    if key.len() < MIN_KEY {
        return Err(HashError::Malformed);
    }
    let function = Function::of(text::name(encoded).trim_start_matches("pbkdf2-"));
    // Each block of the key takes all iterations again.
    let blocks = u32::try_from(key.len().div_ceil(function.length())).unwrap_or(u32::MAX);
    if iterations.saturating_mul(blocks) > MAX_ITERATIONS {
        return Err(HashError::OutOfBounds);
    }
    Ok((Recipe { function, iterations, salt, length: key.len() }, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen zeros.
    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn read(text: &str) -> Result<(), HashError> {
        parse(text).map(|_| ())
    }

    #[test]
    fn costs_have_bounds() {
        assert_eq!(read(&format!("$pbkdf2-sha256$i=10000000,l=16$c2FsdA${KEY}")), Ok(()));
        for iterations in ["0", "10000001", "1152921504606846976"] {
            assert_eq!(read(&format!("$pbkdf2-sha256$i={iterations},l=16$c2FsdA${KEY}")), Err(HashError::OutOfBounds));
        }
        let long = "AAAA".repeat(11);
        assert_eq!(read(&format!("$pbkdf2-sha1$i=5000000,l=33$c2FsdA${long}")), Ok(()));
        assert_eq!(read(&format!("$pbkdf2-sha1$i=5000001,l=33$c2FsdA${long}")), Err(HashError::OutOfBounds));
    }

    #[test]
    fn keys_that_were_cut_are_none() {
        for text in [
            "$pbkdf2-sha256$i=1,l=0$c2FsdA$".to_owned(),
            "$pbkdf2-sha256$i=1,l=15$c2FsdA$AAAAAAAAAAAAAAAAAAAA".to_owned(),
            format!("$pbkdf2-sha256$i=1$c2FsdA${KEY}"),
            format!("$pbkdf2-sha256$i=1,l=16$c2FsdA=${KEY}"),
            format!("$pbkdf2-sha256$i=1,l=16$c2FsdA${KEY}$"),
        ] {
            assert_eq!(read(&text), Err(HashError::Malformed), "{text}");
        }
        for length in ["0", "17", "128"] {
            assert_eq!(
                read(&format!("$pbkdf2-sha256$i=1,l={length}$c2FsdA${KEY}")),
                Ok(()),
                "l={length} means nothing"
            );
        }
    }

    #[test]
    fn names_of_digests_mean_what_they_meant() {
        let function =
            |digest: &str| parse(&format!("$pbkdf2-{digest}$i=1,l=16$c2FsdA${KEY}")).map(|(recipe, _)| recipe.function);
        assert_eq!(function("sha224"), Ok(Function::Sha3For224));
        assert_eq!(function("sha384"), Ok(Function::Sha3For384));
        assert_eq!(function("sha999"), Ok(Function::Sha256));
    }
}
