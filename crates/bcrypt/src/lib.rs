//! bcrypt (Provos and Mazières, 1999) in safe Rust, several passwords at once.
//!
//! A crate of its own for two reasons: it is compiled with optimisation even in a debug build, or tests would wait
//! seconds for a login; and it knows nothing of Zelos. The text form `$2b$12$…` is taken apart by the callers; here are
//! the alphabet and the digest. The rules that differ between implementations follow Go's `x/crypto/bcrypt`: the
//! password's bytes and one NUL are repeated to 72 bytes; what stands behind the 72nd byte has no effect; a NUL within
//! the password is a byte like any other; all `$2…$` prefixes mean the same.

mod eksblowfish;
mod pi;

use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use eksblowfish::{Mixture, Schedule};
use zeroize::Zeroizing;

/// bcrypt's base64: an alphabet of its own, no padding. Bits that a salt's last letter has too many are ignored, as Go
/// ignores them.
pub const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
);

/// How many passwords are worth hashing at once on one core.
pub const MOST_AT_ONCE: usize = 4;

/// What bcrypt encrypts: 64 times, under the schedule.
const MAGIC: &[u8; 24] = b"OrpheanBeholderScryDoubt";

/// One password to hash.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Sixteen random bytes.
    pub salt: &'a [u8; 16],
    /// Up to 72 bytes; those behind them have no effect.
    pub password: &'a [u8],
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Input").field("salt", &self.salt).finish_non_exhaustive()
    }
}

/// The digests of some passwords, in their order, each the 23 bytes that bcrypt's text form holds.
///
/// `cost` is the logarithm of the work, between 4 and 31. Any number of inputs is taken; [`MOST_AT_ONCE`] of them share
/// a core.
pub fn digests(cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
    inputs
        .chunks(MOST_AT_ONCE)
        .flat_map(|chunk| match *chunk {
            [one] => together(cost, [one]).to_vec(),
            [one, two] => together(cost, [one, two]).to_vec(),
            // Three cost nearly what four do: an odd one is computed twice rather than by code of its own.
            [one, two, three] => together(cost, [one, two, three, three])[..3].to_vec(),
            [one, two, three, four] => together(cost, [one, two, three, four]).to_vec(),
            _ => Vec::new(),
        })
        .collect()
}

fn together<const N: usize>(cost: u32, inputs: [Input<'_>; N]) -> [[u8; 23]; N] {
    let keys = inputs.map(|input| {
        let head = &input.password[..input.password.len().min(72)];
        let mut key = Zeroizing::new(Vec::with_capacity(73));
        key.extend_from_slice(head);
        key.push(0);
        key
    });
    let key = Mixture::<N>::new(|lane| &keys[lane]);
    let salt = Mixture::<N>::new(|lane| inputs[lane].salt);
    let mut schedule = Schedule::new(&salt, &key);
    for _ in 0..1_u64 << cost.min(31) {
        schedule.again(&salt, &key);
    }
    let mut digests = [[0; 24]; N];
    for block in 0..3 {
        let word = |at: usize| {
            let at = 8 * block + at;
            u32::from_be_bytes([MAGIC[at], MAGIC[at + 1], MAGIC[at + 2], MAGIC[at + 3]])
        };
        let (mut left, mut right) = ([word(0); N], [word(4); N]);
        for _ in 0..64 {
            (left, right) = schedule.encrypt(left, right);
        }
        for lane in 0..N {
            digests[lane][8 * block..8 * block + 4].copy_from_slice(&left[lane].to_be_bytes());
            digests[lane][8 * block + 4..8 * block + 8].copy_from_slice(&right[lane].to_be_bytes());
        }
    }
    digests.map(|digest| std::array::from_fn(|index| digest[index]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use proptest::{collection::vec, prelude::*};

    /// Vectors that crypt_blowfish and jBCrypt publish: settings, password, digest.
    const KNOWN: &[(&str, &[u8], &str)] = &[
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.", b"U*U", "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.", b"U*U*", "VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("$2a$05$XXXXXXXXXXXXXXXXXXXXXO", b"U*U*U", "AcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.", b"", "7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        (
            "$2b$05$abcdefghijklmnopqrstuu",
            b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
            "5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
        ),
        ("$2y$05$/OK.fbVrR/bpIqNJ5ianF.", b"\xff\xff\xa3", "CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
        ("$2a$08$cfcvVd2aQ8CMvoMpP2EBfe", b"a", "odLEkkFJ9umNEfPD18.hUF62qqlC/V."),
    ];

    #[test]
    fn published_vectors_hold() {
        for (settings, password, digest) in KNOWN {
            let salt: [u8; 16] = BASE64.decode(&settings[7..]).expect("base64").try_into().expect("16 bytes");
            let cost = settings[4..6].parse().expect("a number");
            let found = digests(cost, &[Input { salt: &salt, password }]);
            assert_eq!(BASE64.encode(found[0]), *digest, "{settings} {password:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn agrees_with_another_implementation(
            cost in 4..6_u32,
            inputs in vec((any::<[u8; 16]>(), vec(any::<u8>(), 0..80)), 0..7),
        ) {
            let borrowed: Vec<_> = inputs.iter().map(|(salt, password)| Input { salt, password }).collect();
            let expected: Vec<_> = inputs
                .iter()
                .map(|(salt, password)| {
                    let mut key = password[..password.len().min(72)].to_vec();
                    key.push(0);
                    key.truncate(72);
                    let digest = bcrypt::bcrypt(cost, *salt, &key);
                    <[u8; 23]>::try_from(&digest[..23]).expect("24 bytes")
                })
                .collect();
            prop_assert_eq!(digests(cost, &borrowed), expected);
        }
    }
}
