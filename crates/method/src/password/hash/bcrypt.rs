//! bcrypt's text form: `$2a$12$`, 22 letters of salt, 31 letters of digest. The work itself is `zelos_bcrypt`.
//!
//! Texts that others made are read as leniently as Go reads them: all prefixes mean the same, what stands behind the
//! 60th byte does not count.

use super::format::HashError;
use base64::Engine;
use zelos_bcrypt::{BASE64, Input};
use zeroize::Zeroizing;

/// What bcrypt sees of a password, in bytes. Longer ones are refused instead of cut, when made and when verified.
pub(super) const MAX_PASSWORD: usize = 72;

/// A login at cost 15 takes more than a second; nobody may ask for more.
pub(super) const MAX_COST: u32 = zelos_core::config::hashers::bounds::MAX_BCRYPT_COST;

const MIN_COST: u32 = 4;

const SALT_LETTERS: usize = 22;

const DIGEST_LETTERS: usize = 31;

/// All that a digest depends on, but for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) cost: u32,
    pub(super) salt: [u8; 16],
}

impl Recipe {
    /// A recipe whose work is within the bounds.
    pub(super) fn new(cost: u32, salt: [u8; 16]) -> Result<Self, HashError> {
        if !(MIN_COST..=MAX_COST).contains(&cost) {
            return Err(HashError::OutOfBounds);
        }
        Ok(Self { cost, salt })
    }

    /// The text of a digest (in letters) made after this recipe.
    pub(super) fn encode(&self, digest: &[u8]) -> String {
        let Self { cost, salt } = self;
        format!("$2a${cost:02}${}{}", BASE64.encode(salt), String::from_utf8_lossy(digest))
    }
}

/// Takes a text apart: how it was made, and the letters of its digest.
pub(super) fn parse(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let settings = encoded.strip_prefix("$2").and_then(|rest| rest.split_once('$')).map(|(_, rest)| rest);
    let (cost, rest) = settings.and_then(|rest| rest.split_once('$')).ok_or(HashError::Malformed)?;
    if cost.len() != 2 || !cost.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HashError::Malformed);
    }
    let cost = cost.parse().map_err(|_| HashError::Malformed)?;
    if !(MIN_COST..=31).contains(&cost) {
        return Err(HashError::Malformed);
    }
    let (salt, digest) = rest.split_at_checked(SALT_LETTERS).ok_or(HashError::Malformed)?;
    let digest = digest.as_bytes().get(..DIGEST_LETTERS).ok_or(HashError::Malformed)?;
    let salt = BASE64.decode(salt).ok().and_then(|salt| salt.try_into().ok()).ok_or(HashError::Malformed)?;
    Ok((Recipe::new(cost, salt)?, digest.to_vec()))
}

/// The digests, in letters, of passwords with recipes of one cost: as many as [`zelos_bcrypt::MOST_AT_ONCE`] take hardly
/// longer than one.
pub(super) fn digests<'a>(cost: u32, work: impl Iterator<Item = (&'a Recipe, &'a [u8])>) -> Vec<Zeroizing<Vec<u8>>> {
    let inputs: Vec<_> = work.map(|(recipe, password)| Input { salt: &recipe.salt, password }).collect();
    let digests = zelos_bcrypt::digests(cost, &inputs);
    digests.iter().map(|digest| Zeroizing::new(BASE64.encode(digest).into_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "$05$CCCCCCCCCCCCCCCCCCCCC.";
    const DIGEST: &str = "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

    #[test]
    fn all_prefixes_are_read_and_the_tail_is_ignored() {
        for prefix in ["$2", "$2a", "$2b", "$2y", "$2z"] {
            for tail in ["", "!", "and more"] {
                let (recipe, digest) = parse(&format!("{prefix}{SETTINGS}{DIGEST}{tail}")).expect("readable");
                assert_eq!(recipe.cost, 5);
                assert_eq!(digest, DIGEST.as_bytes());
                assert_eq!(recipe.encode(&digest), format!("$2a{SETTINGS}{DIGEST}"));
            }
        }
    }

    #[test]
    fn malformed_and_expensive_texts_are_refused() {
        let with_cost = |cost: &str| parse(&format!("$2a${cost}$CCCCCCCCCCCCCCCCCCCCC.{DIGEST}")).map(|_| ());
        assert_eq!(with_cost("04"), Ok(()));
        assert_eq!(with_cost("15"), Ok(()));
        assert_eq!(with_cost("16"), Err(HashError::OutOfBounds));
        assert_eq!(with_cost("31"), Err(HashError::OutOfBounds));
        for cost in ["03", "32", "99", "5", "+5", "a5", "005", ""] {
            assert_eq!(with_cost(cost), Err(HashError::Malformed), "{cost}");
        }
        for text in [
            "$2a$",
            "$2a$05",
            "$2a$05$",
            "$2a$05$CCCC",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.short",
            "$2a$05$C!CCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCCéE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ] {
            assert_eq!(parse(text), Err(HashError::Malformed), "{text}");
        }
    }
}
