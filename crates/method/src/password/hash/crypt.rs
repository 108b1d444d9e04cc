//! The passwords of Unix, `crypt(3)`: `$md5-crypt$salt$key` (elsewhere `$1$`), `$sha256-crypt$[rounds=N$]salt$key` (`$5$`)
//! and `$sha512-crypt$…` (`$6$`).
//!
//! Written down here and not taken from a crate: MD5 has no kept one, and what the two have in common is most of it.
//! Poul-Henning Kamp's algorithm of 1994 mixes password, salt and the last digest in an order that depends on the number
//! of the round; Ulrich Drepper's of 2007 is the same with longer digests and more rounds. Both feed the whole password
//! in each round, so it is the one family where a long password costs: hence [`MAX_PASSWORD`].

use super::{cost, format::HashError, text};
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

/// Longer passwords, in bytes, match nothing.
pub(super) const MAX_PASSWORD: usize = 256;

/// About a second for each two million.
const MAX_ROUNDS: u32 = 5_000_000;

/// What a text without `rounds` means.
const DEFAULT_ROUNDS: u32 = 5000;

const MD5_ROUNDS: u32 = 1000;

const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// In which order the bytes of a digest become letters: three bytes, least significant first, make four.
const MD5_ORDER: &[u8] = &[12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];

const SHA256_ORDER: &[u8] = &[
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28, 18, 29, 19, 9, 30,
    31,
];

const SHA512_ORDER: &[u8] = &[
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8, 50, 51, 30, 9, 10,
    52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58, 37, 38, 17, 59, 60, 39, 18, 19, 61, 40,
    41, 20, 62, 63,
];

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Md5,
    Sha256,
    Sha512,
}

/// All that a key depends on, but for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    kind: Kind,
    rounds: u32,
    salt: Vec<u8>,
}

impl Recipe {
    /// The key of a password of at most [`MAX_PASSWORD`] bytes, in letters.
    pub(super) fn key(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        match self.kind {
            Kind::Md5 => letters(&self.md5(password), MD5_ORDER),
            Kind::Sha256 => letters(&self.sha::<Sha256>(password), SHA256_ORDER),
            Kind::Sha512 => letters(&self.sha::<Sha512>(password), SHA512_ORDER),
        }
    }

    /// Its [nominal cost](super::cost).
    pub(super) fn cost(&self) -> u64 {
        let round = match self.kind {
            Kind::Md5 => cost::CRYPT_MD5,
            Kind::Sha256 => cost::CRYPT_SHA256,
            Kind::Sha512 => cost::CRYPT_SHA512,
        };
        u64::from(self.rounds) * round
    }

    fn md5(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let both = digest::<Md5>(&[password, &self.salt, password]);
        let mut first = Md5::new_with_prefix(password);
        first.update(b"$1$");
        first.update(&self.salt);
        first.update(&*repeated(&both, password.len()));
        for bit in bits(password.len()) {
            first.update(if bit { &[0] } else { &password[..1] });
        }
        let first = Zeroizing::new(first.finalize().to_vec());
        self.rounds::<Md5>(first, password, &self.salt)
    }

    fn sha<D: Digest>(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let both = digest::<D>(&[password, &self.salt, password]);
        let mut first = D::new_with_prefix(password);
        first.update(&self.salt);
        first.update(&*repeated(&both, password.len()));
        for bit in bits(password.len()) {
            first.update(if bit { &both } else { password });
        }
        let first = Zeroizing::new(first.finalize().to_vec());
        let passwords = digest::<D>(&vec![password; password.len()]);
        let salts = digest::<D>(&vec![self.salt.as_slice(); 16 + usize::from(first[0])]);
        let (password, salt) = (repeated(&passwords, password.len()), repeated(&salts, self.salt.len()));
        self.rounds::<D>(first, &password, &salt)
    }

    /// What takes the time.
    fn rounds<D: Digest>(&self, first: Zeroizing<Vec<u8>>, password: &[u8], salt: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut last = first;
        for round in 0..self.rounds {
            let (begin, end): (&[u8], &[u8]) = if round % 2 == 1 { (password, &last) } else { (&last, password) };
            let mut next = D::new_with_prefix(begin);
            if round % 3 != 0 {
                next.update(salt);
            }
            if round % 7 != 0 {
                next.update(password);
            }
            next.update(end);
            let next = next.finalize();
            last.copy_from_slice(&next);
        }
        last
    }
}

/// Takes a text apart: how it was made, and the letters of its key.
pub(super) fn parse(kind: Kind, encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let (rounds, salt, key) =
        if let (Kind::Sha256 | Kind::Sha512, Ok([rounds, salt, key])) = (kind, text::fields(encoded)) {
            (text::costs(rounds, ["rounds"])?[0], salt, key)
        } else {
            let [salt, key] = text::fields(encoded)?;
            (if kind == Kind::Md5 { MD5_ROUNDS } else { DEFAULT_ROUNDS }, salt, key)
        };
    if !(1..=MAX_ROUNDS).contains(&rounds) {
        return Err(HashError::OutOfBounds);
    }
    let letters = match kind {
        Kind::Md5 => 22,
        Kind::Sha256 => 43,
        Kind::Sha512 => 86,
    };
    if key.len() != letters {
        return Err(HashError::Malformed);
    }
    Ok((Recipe { kind, rounds, salt: salt.as_bytes().to_vec() }, key.as_bytes().to_vec()))
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    Zeroizing::new(digest.finalize().to_vec())
}

/// The bits of a number, the lowest first, without leading zeros.
fn bits(number: usize) -> impl Iterator<Item = bool> {
    std::iter::successors(Some(number), |rest| Some(rest >> 1)).take_while(|rest| *rest > 0).map(|rest| rest & 1 == 1)
}

fn repeated(digest: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(digest.iter().copied().cycle().take(length).collect())
}

fn letters(digest: &[u8], order: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut letters = Zeroizing::new(Vec::with_capacity((order.len() * 8).div_ceil(6)));
    for three in order.chunks(3) {
        let bits = three
            .iter()
            .enumerate()
            .fold(0, |bits, (at, byte)| bits | usize::from(digest[usize::from(*byte)]) << (8 * at));
        letters.extend((0..=three.len()).map(|at| LETTERS[bits >> (6 * at) & 63]));
    }
    letters
}
