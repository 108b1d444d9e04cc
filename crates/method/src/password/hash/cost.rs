//! What a hash costs, so that a comparison with a cheap one can be made to cost as much as the configured one.
//!
//! Costs are nominal nanoseconds: counts of each algorithm's own unit of work, weighed by what that unit takes on one
//! core of a current server. Within one algorithm the weight cancels out, so that a filler is exact; between algorithms
//! it is right to some ten percent, as machines differ.

use super::{
    argon2::{self, Memory},
    bcrypt,
    work::Hasher,
};
use ::argon2::Algorithm;

/// A round of the expensive key schedule; there are 2^cost.
const BCRYPT: u64 = 48_000;

/// A KiB of memory in one pass.
const ARGON2: u64 = 500;

/// An iteration for one block.
pub(super) const PBKDF2_SHA1: u64 = 100;
pub(super) const PBKDF2_SHA256: u64 = 130;
pub(super) const PBKDF2_SHA512: u64 = 350;
pub(super) const PBKDF2_SHA3: u64 = 770;

/// A round of crypt(3).
pub(super) const CRYPT_MD5: u64 = 100;
pub(super) const CRYPT_SHA256: u64 = 85;
pub(super) const CRYPT_SHA512: u64 = 180;

/// N·r·p.
pub(super) const SCRYPT: u64 = 220;

/// The least rounds of bcrypt, as a logarithm.
const MIN_BCRYPT: u32 = 4;

/// The least memory of Argon2 with one lane.
const MIN_ARGON2_KIB: u64 = 8;

pub(super) fn bcrypt(cost: u32) -> u64 {
    BCRYPT << cost.min(31)
}

pub(super) fn argon2(memory_kib: u32, iterations: u32) -> u64 {
    u64::from(memory_kib) * u64::from(iterations) * ARGON2
}

/// Work whose result is thrown away, of the configured algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filler {
    Nothing,
    /// So many rounds, in powers of two.
    Bcrypt {
        rounds: u64,
    },
    Argon2(argon2::Recipe),
}

impl Filler {
    /// Work of about `missing` nominal nanoseconds; nothing if that is less than the algorithm can do.
    pub(super) fn new(hasher: Hasher, missing: u64) -> Self {
        match hasher {
            // Such a hasher makes no hashes either.
            Hasher::Bcrypt { cost } if cost > bcrypt::MAX_COST => Self::Nothing,
            Hasher::Bcrypt { .. } => match ((missing / BCRYPT) >> MIN_BCRYPT) << MIN_BCRYPT {
                0 => Self::Nothing,
                rounds => Self::Bcrypt { rounds },
            },
            Hasher::Argon2 { iterations, salt_length, key_length, .. } => {
                let blocks = missing / ARGON2;
                let passes = if blocks / u64::from(iterations.max(1)) < MIN_ARGON2_KIB { 1 } else { iterations };
                let memory = u32::try_from(blocks / u64::from(passes)).unwrap_or(u32::MAX);
                if u64::from(memory) < MIN_ARGON2_KIB {
                    return Self::Nothing;
                }
                let costs = [memory, passes, 1];
                argon2::Recipe::new(Algorithm::Argon2id, costs, vec![0; salt_length], key_length)
                    .map_or(Self::Nothing, Self::Argon2)
            }
        }
    }

    pub(super) fn cost(&self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Bcrypt { rounds } => rounds * BCRYPT,
            Self::Argon2(recipe) => recipe.cost(),
        }
    }

    /// Does the work.
    pub(super) fn fill(&self, password: &[u8], memory: &mut Memory) {
        match self {
            Self::Nothing => {}
            Self::Bcrypt { rounds } => {
                let kept = &password[..password.len().min(bcrypt::MAX_PASSWORD)];
                fill_in_step(*rounds, &[(&bcrypt::Recipe { cost: MIN_BCRYPT, salt: [0; 16] }, kept)]);
            }
            Self::Argon2(recipe) => {
                let _ = recipe.key(password, memory);
            }
        }
    }
}

/// So many rounds of bcrypt for each of these, several in step. The costs of the recipes do not count.
pub(super) fn fill_in_step(rounds: u64, work: &[(&bcrypt::Recipe, &[u8])]) {
    for cost in (MIN_BCRYPT..u64::BITS).filter(|cost| rounds >> cost & 1 == 1 && !work.is_empty()) {
        bcrypt::digests(cost, work.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::hash::work::Work;

    const ARGON2ID: Hasher =
        Hasher::Argon2 { memory_kib: 8192, iterations: 2, parallelism: 2, salt_length: 16, key_length: 32 };

    /// Hashes of several algorithms and costs, all of another password; all of them cheaper than those configured below.
    const STORED: &[&str] = &[
        "$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
        "$pbkdf2-sha256$i=1000,l=32$c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=16,r=8,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==",
        "$md5-crypt$salt$AAAAAAAAAAAAAAAAAAAAAA",
        "$md5$AAAAAAAAAAAAAAAAAAAAAA==",
    ];

    fn spent(work: &Work) -> u64 {
        let outcome = super::super::run(&[work], &mut Memory::default()).remove(0);
        work.cost(&outcome)
    }

    #[test]
    fn a_wrong_password_costs_one_configured_hash_whatever_is_stored() {
        for hasher in [Hasher::Bcrypt { cost: 6 }, ARGON2ID] {
            let unknown = spent(&Work::verify_nobody(hasher, "another").expect("a recipe"));
            assert_eq!(unknown, hasher.cost());
            for stored in STORED {
                let spent = spent(&Work::verify("another", stored).expect("readable").at_least(hasher));
                // What cannot be filled: less than the least rounds of bcrypt.
                let left = unknown.checked_sub(spent).unwrap_or_else(|| panic!("{stored}: {spent} of {unknown}"));
                assert!(left < BCRYPT << MIN_BCRYPT, "{hasher:?}, {stored}: {left} of {unknown} are missing");
            }
        }
    }

    #[test]
    fn within_an_algorithm_the_difference_is_made_up_exactly() {
        for (configured, stored) in [(12, 4), (12, 10), (12, 11), (10, 9), (5, 4)] {
            let missing = bcrypt(configured) - bcrypt(stored);
            assert_eq!(Filler::new(Hasher::Bcrypt { cost: configured }, missing).cost(), missing);
        }
        let missing = argon2(1024, 2) - argon2(256, 1);
        assert_eq!(Filler::new(ARGON2ID, missing).cost(), missing);
        assert_eq!(Filler::new(ARGON2ID, 0), Filler::Nothing);
    }

    #[test]
    fn a_dearer_hash_gets_no_filler() {
        let dear = "$2a$08$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let work = Work::verify("password", dear).expect("readable").at_least(Hasher::Bcrypt { cost: 6 });
        assert_eq!(spent(&work), bcrypt(8));
    }

    #[test]
    fn a_right_password_is_not_delayed() {
        let stored = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let work = Work::verify("U*U", stored).expect("readable").at_least(Hasher::Bcrypt { cost: 8 });
        assert_eq!(spent(&work), bcrypt(5));
    }

    #[test]
    fn fillers_in_step_are_those_of_each_alone() {
        let stored = "$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let work: Vec<_> = ["one", "two", "three"]
            .map(|password| Work::verify(password, stored).expect("readable").at_least(Hasher::Bcrypt { cost: 6 }))
            .into();
        let outcomes = super::super::run(&work.iter().collect::<Vec<_>>(), &mut Memory::default());
        let spent: u64 = work.iter().zip(&outcomes).map(|(work, outcome)| work.cost(outcome)).sum();
        assert_eq!(spent, 3 * bcrypt(6));
    }
}
