//! All kinds of hashes under one roof: recipes, and work to be done after them.

use super::{
    argon2::{self, Memory},
    bcrypt,
    cost::{self, Filler},
    crypt, digest,
    format::{Format, HashError, detect},
    pbkdf2, scrypt,
};
use ::argon2::Algorithm;
use subtle::ConstantTimeEq;
use zelos_core::{
    config::{Config, hashers::HashAlgorithm},
    rng::Rng,
};
use zeroize::Zeroizing;

/// How new hashes are made. Costs that may not be asked of a login ([`HashError::OutOfBounds`]) cannot be set here
/// either: such a hash could be made, but never be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hasher {
    /// `cost` is the logarithm of the work.
    Bcrypt { cost: u32 },
    /// Argon2id; both lengths in bytes.
    Argon2 { memory_kib: u32, iterations: u32, parallelism: u32, salt_length: usize, key_length: usize },
}

impl Hasher {
    /// The configured one, within the bounds of what can be verified. `cores` are those of this machine.
    pub fn new(config: &Config, cores: usize) -> Self {
        match config.hashers.algorithm {
            HashAlgorithm::Bcrypt => Self::Bcrypt { cost: config.bcrypt_cost() },
            HashAlgorithm::Argon2 => {
                let set = config.hashers.argon2.parameters(cores);
                Self::Argon2 {
                    memory_kib: set.memory_kib,
                    iterations: set.iterations,
                    parallelism: set.parallelism,
                    salt_length: set.salt_length as usize,
                    key_length: set.key_length as usize,
                }
            }
        }
    }

    /// Whether a stored text is of the algorithm that this makes.
    pub fn understands(&self, encoded: &str) -> bool {
        match self {
            Self::Bcrypt { .. } => detect(encoded) == Ok(Format::Bcrypt),
            Self::Argon2 { .. } => detect(encoded) == Ok(Format::Argon2id),
        }
    }

    /// Whether a stored text is replaced after a login: it is of another algorithm or, where `renew_weaker` says so,
    /// its cost is below the configured one.
    pub fn replaces(&self, encoded: &str, renew_weaker: bool) -> bool {
        let is_weaker = || {
            let stored = detect(encoded).and_then(|format| parse(format, encoded));
            stored.is_ok_and(|(recipe, _)| recipe.cost() < self.cost())
        };
        !self.understands(encoded) || (renew_weaker && is_weaker())
    }

    /// The [nominal cost](super::cost) of one hash.
    pub(super) fn cost(&self) -> u64 {
        match *self {
            Self::Bcrypt { cost } => cost::bcrypt(cost),
            Self::Argon2 { memory_kib, iterations, .. } => cost::argon2(memory_kib, iterations),
        }
    }

    /// The most bytes a password may have, if there is a limit.
    pub fn max_length(&self) -> Option<usize> {
        matches!(self, Self::Bcrypt { .. }).then_some(bcrypt::MAX_PASSWORD)
    }

    /// How a new hash is made, with a salt that `fill` chooses.
    fn recipe(&self, fill: impl Fn(&mut [u8])) -> Result<Recipe, HashError> {
        match *self {
            Self::Bcrypt { cost } => {
                let mut salt = [0; 16];
                fill(&mut salt);
                Ok(Recipe::Bcrypt(bcrypt::Recipe::new(cost, salt)?))
            }
            Self::Argon2 { memory_kib, iterations, parallelism, salt_length, key_length } => {
                let mut salt = vec![0; salt_length];
                fill(&mut salt);
                let costs = [memory_kib, iterations, parallelism];
                Ok(Recipe::Argon2(argon2::Recipe::new(Algorithm::Argon2id, costs, salt, key_length)?))
            }
        }
    }
}

/// How a digest is made of a password.
#[derive(Debug, Clone, PartialEq)]
enum Recipe {
    Bcrypt(bcrypt::Recipe),
    Argon2(argon2::Recipe),
    Crypt(crypt::Recipe),
    Pbkdf2(pbkdf2::Recipe),
    Scrypt(scrypt::Recipe),
    Digest(digest::Recipe),
}

impl Recipe {
    /// The text to store. Only the kinds that a [`Hasher`] names are ever made.
    fn encode(&self, digest: &[u8]) -> Result<String, HashError> {
        match self {
            Self::Bcrypt(recipe) => Ok(recipe.encode(digest)),
            Self::Argon2(recipe) => Ok(recipe.encode(digest)),
            Self::Crypt(_) | Self::Pbkdf2(_) | Self::Scrypt(_) | Self::Digest(_) => Err(HashError::Unknown),
        }
    }

    /// The digest of a password that is no longer than it may be.
    fn key(&self, password: &[u8], memory: &mut Memory) -> Result<Zeroizing<Vec<u8>>, HashError> {
        match self {
            Self::Bcrypt(recipe) => {
                bcrypt::digests(recipe.cost, std::iter::once((recipe, password))).pop().ok_or(HashError::Malformed)
            }
            Self::Argon2(recipe) => recipe.key(password, memory),
            Self::Crypt(recipe) => Ok(recipe.key(password)),
            Self::Pbkdf2(recipe) => recipe.key(password),
            Self::Scrypt(recipe) => {
                memory.release();
                recipe.key(password)
            }
            Self::Digest(recipe) => recipe.key(password),
        }
    }

    /// Its [nominal cost](super::cost).
    fn cost(&self) -> u64 {
        match self {
            Self::Bcrypt(recipe) => cost::bcrypt(recipe.cost),
            Self::Argon2(recipe) => recipe.cost(),
            Self::Crypt(recipe) => recipe.cost(),
            Self::Pbkdf2(recipe) => recipe.cost(),
            Self::Scrypt(recipe) => recipe.cost(),
            // A single digest takes about as long as finding the identity varies.
            Self::Digest(_) => 0,
        }
    }

    /// The most bytes that a password may have to match anything.
    ///
    /// Quirk: Kratos refuses what bcrypt would cut (hash/hash_comparator.go), where others accept it.
    fn max_password(&self) -> usize {
        match self {
            Self::Bcrypt(_) => bcrypt::MAX_PASSWORD,
            Self::Crypt(_) => crypt::MAX_PASSWORD,
            Self::Digest(_) => digest::MAX_PASSWORD,
            Self::Argon2(_) | Self::Pbkdf2(_) | Self::Scrypt(_) => usize::MAX,
        }
    }
}

/// What one password is to be made into.
enum Goal {
    /// A text to store.
    Encode,
    /// A comparison with this digest.
    Compare(Vec<u8>),
    /// A comparison that fails however it ends: the time it takes is all that is wanted.
    Mismatch,
}

/// One password and what is to be done with it: a fraction of a second of a core.
pub(in crate::password) struct Work {
    recipe: Recipe,
    password: Zeroizing<Vec<u8>>,
    goal: Goal,
    /// What is computed after a comparison that failed.
    filler: Filler,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::password) enum Outcome {
    Encoded(String),
    Verified(bool),
}

impl Work {
    /// A new hash.
    pub(in crate::password) fn hash(hasher: Hasher, password: &str, rng: &dyn Rng) -> Result<Self, HashError> {
        if let Some(max_length) = hasher.max_length()
            && password.len() > max_length
        {
            return Err(HashError::TooLong { max_length, actual_length: password.len() });
        }
        Ok(Self::new(hasher.recipe(|salt| rng.fill(salt))?, password, Goal::Encode))
    }

    /// A comparison with a stored text.
    pub(in crate::password) fn verify(password: &str, encoded: &str) -> Result<Self, HashError> {
        let (recipe, digest) = parse(detect(encoded)?, encoded)?;
        let goal = if password.len() > recipe.max_password() { Goal::Mismatch } else { Goal::Compare(digest) };
        Ok(Self::new(recipe, password, goal))
    }

    /// The same, and if it fails, it has cost one hash of `hasher`, unless the stored text is dearer by itself: otherwise
    /// a cheap stored hash would tell by its time that the identifier exists.
    #[must_use]
    pub(in crate::password) fn at_least(self, hasher: Hasher) -> Self {
        let filler = Filler::new(hasher, hasher.cost().saturating_sub(self.recipe.cost()));
        Self { filler, ..self }
    }

    /// The work of a failed comparison, for an identifier that does not exist.
    pub(in crate::password) fn verify_nobody(hasher: Hasher, password: &str) -> Result<Self, HashError> {
        Ok(Self::new(hasher.recipe(|salt| salt.fill(0))?, password, Goal::Mismatch))
    }

    fn new(recipe: Recipe, password: &str, goal: Goal) -> Self {
        let kept = password.len().min(recipe.max_password());
        let password = Zeroizing::new(password.as_bytes()[..kept].to_vec());
        Self { recipe, password, goal, filler: Filler::Nothing }
    }

    /// What this work has in common with other work that may be done in step with it.
    pub(in crate::password) fn pace(&self) -> Option<Pace> {
        match (&self.recipe, &self.filler) {
            (Recipe::Bcrypt(recipe), Filler::Nothing) => Some(Pace { cost: recipe.cost, rounds: 0 }),
            (Recipe::Bcrypt(recipe), Filler::Bcrypt { rounds }) => Some(Pace { cost: recipe.cost, rounds: *rounds }),
            _ => None,
        }
    }

    /// The [nominal cost](super::cost) of what was computed to this end.
    pub(in crate::password) fn cost(&self, outcome: &Result<Outcome, HashError>) -> u64 {
        let filled = if is_mismatch(outcome) { self.filler.cost() } else { 0 };
        self.recipe.cost() + filled
    }

    fn finish(&self, digest: &[u8]) -> Result<Outcome, HashError> {
        Ok(match &self.goal {
            Goal::Encode => Outcome::Encoded(self.recipe.encode(digest)?),
            Goal::Compare(expected) => Outcome::Verified(digest.ct_eq(expected).into()),
            Goal::Mismatch => Outcome::Verified(false),
        })
    }
}

/// What bcrypt work is done in step by: its cost, and the rounds of its filler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::password) struct Pace {
    pub(in crate::password) cost: u32,
    rounds: u64,
}

fn is_mismatch(outcome: &Result<Outcome, HashError>) -> bool {
    *outcome == Ok(Outcome::Verified(false))
}

/// Does some work, all of it of the same [pace](Work::pace) or only one piece: outcomes in the order of the work.
pub(in crate::password) fn run(work: &[&Work], memory: &mut Memory) -> Vec<Result<Outcome, HashError>> {
    let in_step: Vec<_> = work
        .iter()
        .filter_map(|work| match &work.recipe {
            Recipe::Bcrypt(recipe) => Some((recipe, work.password.as_slice())),
            _ => None,
        })
        .collect();
    match work.first().and_then(|work| work.pace()) {
        Some(pace) if in_step.len() == work.len() => {
            let digests = bcrypt::digests(pace.cost, in_step.iter().copied());
            let outcomes: Vec<_> = work.iter().zip(digests).map(|(work, digest)| work.finish(&digest)).collect();
            let failed: Vec<_> =
                in_step.into_iter().zip(&outcomes).filter(|(_, end)| is_mismatch(end)).map(|(step, _)| step).collect();
            cost::fill_in_step(pace.rounds, &failed);
            outcomes
        }
        _ => work.iter().map(|work| alone(work, memory)).collect(),
    }
}

fn alone(work: &Work, memory: &mut Memory) -> Result<Outcome, HashError> {
    let outcome = work.finish(&work.recipe.key(&work.password, memory)?);
    if is_mismatch(&outcome) {
        work.filler.fill(&work.password, memory);
    }
    outcome
}

/// Whether a stored text that somebody brings along may be stored: known, readable as far as it is read before a login,
/// and not too expensive to verify.
pub fn check_import(encoded: &str) -> Result<(), HashError> {
    let format = detect(encoded)?;
    match parse(format, encoded) {
        Err(HashError::Malformed) if !format.is_read_at_import() => Ok(()),
        read => read.map(|_| ()),
    }
}

fn parse(format: Format, encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let argon2 = |algorithm| argon2::parse(algorithm, encoded).map(|(recipe, key)| (Recipe::Argon2(recipe), key));
    let crypt = |kind| crypt::parse(kind, encoded).map(|(recipe, key)| (Recipe::Crypt(recipe), key));
    match format {
        Format::Bcrypt => bcrypt::parse(encoded).map(|(recipe, digest)| (Recipe::Bcrypt(recipe), digest)),
        Format::Argon2id => argon2(Algorithm::Argon2id),
        Format::Argon2i => argon2(Algorithm::Argon2i),
        Format::Md5Crypt => crypt(crypt::Kind::Md5),
        Format::Sha256Crypt => crypt(crypt::Kind::Sha256),
        Format::Sha512Crypt => crypt(crypt::Kind::Sha512),
        Format::Pbkdf2 => pbkdf2::parse(encoded).map(|(recipe, key)| (Recipe::Pbkdf2(recipe), key)),
        Format::Scrypt => scrypt::parse(encoded).map(|(recipe, key)| (Recipe::Scrypt(recipe), key)),
        Format::Firescrypt => scrypt::parse_firebase(encoded).map(|(recipe, key)| (Recipe::Scrypt(recipe), key)),
        Format::Ssha | Format::Templated | Format::Md5 | Format::Hmac => {
            digest::parse(format, encoded).map(|(recipe, digest)| (Recipe::Digest(recipe), digest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zelos_core::rng::SeededRng;

    const BCRYPT: Hasher = Hasher::Bcrypt { cost: 4 };

    const ARGON2: Hasher =
        Hasher::Argon2 { memory_kib: 64, iterations: 1, parallelism: 2, salt_length: 16, key_length: 32 };

    fn one(work: Result<Work, HashError>) -> Result<Outcome, HashError> {
        run(&[&work?], &mut Memory::default()).remove(0)
    }

    fn hash(hasher: Hasher, password: &str) -> String {
        match one(Work::hash(hasher, password, &SeededRng::new(7))) {
            Ok(Outcome::Encoded(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    fn verify(password: &str, encoded: &str) -> bool {
        one(Work::verify(password, encoded)) == Ok(Outcome::Verified(true))
    }

    #[test]
    fn texts_look_as_kratos_writes_them() {
        assert!(hash(BCRYPT, "password").starts_with("$2a$04$"));
        assert_eq!(hash(BCRYPT, "password").len(), 60);
        let text = hash(ARGON2, "password");
        assert!(text.starts_with("$argon2id$v=19$m=64,t=1,p=2$"), "{text}");
        assert!(!text.ends_with('='));
    }

    #[test]
    fn hashers_understand_their_own_kind() {
        for (hasher, encoded, expected) in [
            (BCRYPT, "$2y$12$whatever", true),
            (BCRYPT, "$argon2id$v=19$whatever", false),
            (ARGON2, "$argon2id$v=19$m=1,t=1,p=1$x$y", true),
            (ARGON2, "$argon2i$v=19$m=1,t=1,p=1$x$y", false),
            (ARGON2, "$2a$12$whatever", false),
            (ARGON2, "", false),
        ] {
            assert_eq!(hasher.understands(encoded), expected, "{hasher:?} {encoded}");
        }
    }

    #[test]
    fn the_bound_of_bcrypt_is_72_bytes() {
        let (longest, longer) = ("é".repeat(36), "é".repeat(36) + "x");
        let encoded = hash(BCRYPT, &longest);
        assert!(verify(&longest, &encoded));
        assert!(!verify(&longer, &encoded));
        let refused = one(Work::hash(BCRYPT, &longer, &SeededRng::new(7)));
        assert_eq!(refused, Err(HashError::TooLong { max_length: 72, actual_length: 73 }));
        assert!(verify(&longer, &hash(ARGON2, &longer)));
        assert_eq!((BCRYPT.max_length(), ARGON2.max_length()), (Some(72), None));
    }

    #[test]
    fn nobody_has_a_password() {
        for hasher in [BCRYPT, ARGON2] {
            for password in ["", "password", &"x".repeat(100)] {
                assert_eq!(one(Work::verify_nobody(hasher, password)), Ok(Outcome::Verified(false)));
            }
        }
    }

    #[test]
    fn costs_beyond_the_bounds_are_refused_at_once() {
        let hasher = Hasher::Bcrypt { cost: 16 };
        assert_eq!(one(Work::hash(hasher, "password", &SeededRng::new(7))), Err(HashError::OutOfBounds));
        assert_eq!(check_import("$argon2id$v=19$m=99999999,t=1,p=1$c29tZXNhbHQ$bQk8UB/V"), Err(HashError::OutOfBounds));
        assert_eq!(check_import("password"), Err(HashError::Unknown));
        assert_eq!(check_import(&hash(ARGON2, "password")), Ok(()));
    }

    #[test]
    fn nobody_holds_memory_for_two_algorithms() {
        let mut memory = Memory::default();
        let scrypt = "$scrypt$ln=2,r=1,p=1$c2FsdA==$AAAAAAAAAAAAAAAAAAAAAA==";
        let work = Work::verify("password", &hash(ARGON2, "password")).expect("readable");
        run(&[&work], &mut memory);
        assert!(memory.kib() > 0);
        let work = Work::verify("password", scrypt).expect("readable");
        run(&[&work], &mut memory);
        assert_eq!(memory.kib(), 0);
    }

    #[test]
    fn what_is_only_verified_is_never_made() {
        let (recipe, digest) = parse(Format::Md5, "$md5$AAAAAAAAAAAAAAAAAAAAAA==").expect("readable");
        assert_eq!(one(Ok(Work::new(recipe, "password", Goal::Encode))), Err(HashError::Unknown));
        assert_eq!(digest.len(), 16);
    }

    #[test]
    fn work_in_step_keeps_its_order() {
        let encoded = hash(BCRYPT, "right");
        let work: Vec<_> = ["right", "wrong", "right", "", "right"]
            .map(|password| Work::verify(password, &encoded))
            .into_iter()
            .map(Result::unwrap)
            .collect();
        let outcomes = run(&work.iter().collect::<Vec<_>>(), &mut Memory::default());
        let expected = [true, false, true, false, true].map(|right| Ok(Outcome::Verified(right)));
        assert_eq!(outcomes, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn what_is_hashed_verifies(password in "\\PC{0,18}", other in "\\PC{0,18}") {
            for hasher in [BCRYPT, ARGON2] {
                let encoded = hash(hasher, &password);
                prop_assert!(verify(&password, &encoded));
                prop_assert_eq!(verify(&other, &encoded), other == password);
            }
        }

        #[test]
        fn no_text_makes_the_parser_stumble(
            prefix in "|\\$2[abyz]?\\$|\\$argon2id?\\$v=19\\$|\\$(md5|sha256|sha512)-crypt\\$|\\$pbkdf2-sha(1|224|512)\\$|\\$(fire)?s?crypt\\$|\\{SSHA(256|512)?\\}|\\$(md5|sha1)\\$|\\$hmac-(md4|sha1)\\$",
            costs in "|(m|i|ln|rounds|pf)=[0-9A-Za-z=]{0,9}(,[tlr]=[0-9]{1,3})?(,p=[0-9]{1,3})?\\$",
            rest in "([A-Za-z0-9+/]{0,24}={0,2}\\$?){0,5}|\\PC{0,60}",
        ) {
            let text = prefix + &costs + &rest;
            let _ = check_import(&text);
            let _ = Work::verify("password", &text);
        }
    }
}
