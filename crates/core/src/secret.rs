//! Values that must not be seen: they print as `***`, compare in constant time and are wiped when dropped.

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A secret text. [`Secret::expose`] is the only way to its content.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the place that signs, hashes or sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Why a key is easier to guess than its length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Weakness {
    #[error("is shorter than 16 characters")]
    Short,
    #[error("looks like a sample from documentation")]
    Sample,
    #[error("repeats itself")]
    Repeated,
    #[error("holds too few different characters, or counts up or down")]
    Simple,
}

/// Parts of sample secrets, in lower case and without separators. They are long enough not to occur by chance.
const SAMPLES: [&str; 20] = [
    "changeme",
    "changethis",
    "needtochange",
    "replaceme",
    "replacethis",
    "insecure",
    "notsecure",
    "example",
    "placeholder",
    "password",
    "yoursecret",
    "mysecret",
    "oursecret",
    "supersecret",
    "topsecret",
    "verysecret",
    "secretkey",
    "secretvalue",
    "letmein",
    "qwertyui",
];

/// The least entropy of a key, in bits, by the frequencies of its characters. Sixteen random letters and digits have more.
const MIN_BITS: f64 = 54.0;

impl Secret {
    /// What is wrong with this text as a key that was made by chance. Passwords of users are judged elsewhere.
    pub fn weakness(&self) -> Option<Weakness> {
        let letters: Vec<char> = self.0.chars().collect();
        let plain: String = self.0.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        if letters.len() < 16 {
            Some(Weakness::Short)
        } else if SAMPLES.iter().any(|sample| plain.contains(sample)) {
            Some(Weakness::Sample)
        } else if repeats(&letters) {
            Some(Weakness::Repeated)
        } else if counts(&letters) || bits(&letters) < MIN_BITS {
            Some(Weakness::Simple)
        } else {
            None
        }
    }
}

/// Whether a part of at most half the length is repeated up to the end.
fn repeats(letters: &[char]) -> bool {
    (1..=letters.len() / 2).any(|period| letters[period..] == letters[..letters.len() - period])
}

/// Whether most characters are the one before, or its neighbour.
fn counts(letters: &[char]) -> bool {
    let close = letters.windows(2).filter(|pair| u32::from(pair[0]).abs_diff(u32::from(pair[1])) <= 1).count();
    close * 2 > letters.len()
}

/// Shannon's entropy of the whole text.
#[expect(clippy::cast_precision_loss, reason = "secrets are short")]
fn bits(letters: &[char]) -> f64 {
    let mut counts = std::collections::BTreeMap::<char, u32>::new();
    for letter in letters {
        *counts.entry(*letter).or_default() += 1;
    }
    let length = letters.len() as f64;
    counts.values().map(|count| f64::from(*count) * (length / f64::from(*count)).log2()).sum()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl schemars::JsonSchema for Secret {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "writeOnly": true })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Rng, SeededRng};

    #[test]
    fn weak_secrets_are_known() {
        for (text, weakness) in [
            ("PLEASE-CHANGE-ME-I-AM-VERY-INSECURE", Weakness::Sample),
            ("32-LONG-SECRET-NOT-SECURE-AT-ALL", Weakness::Sample),
            ("youReallyNeedToChangeThis", Weakness::Sample),
            ("my-super_secret value 1234567", Weakness::Sample),
            ("too-short", Weakness::Short),
            ("", Weakness::Short),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Weakness::Repeated),
            ("abc123abc123abc123abc123abc123ab", Weakness::Repeated),
            ("aB3xY9kQ7mZ2pL5vaB3xY9kQ7mZ2pL5v", Weakness::Repeated),
            ("0123456789abcdef", Weakness::Simple),
            ("abcdefghijklmnopqrstuvwxyz012345", Weakness::Simple),
            ("1010011100101101", Weakness::Simple),
            ("aabbaabababbbaabbabaababbabbabab", Weakness::Simple),
        ] {
            assert_eq!(Secret::new(text).weakness(), Some(weakness), "{text}");
        }
    }

    #[test]
    fn random_secrets_are_not_weak() {
        let rng: &dyn Rng = &SeededRng::new(1);
        for _ in 0..2000 {
            let hex = format!("{:032x}", u128::from_be_bytes(rng.bytes()));
            for text in [rng.alphanumeric(32), rng.alphanumeric(20), hex] {
                assert_eq!(Secret::new(text.clone()).weakness(), None, "{text}");
            }
        }
    }
}
