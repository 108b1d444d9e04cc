//! The 100,000 commonest passwords, as a filter in the program (NIST SP 800-63B, section 3.1.1.2: blocklist).
//!
//! The filter is a binary fuse filter of 16-bit fingerprints: 230 kB, no false negatives, and one false positive in 65,000.
//! Its entries have six characters or more, as no configuration allows shorter passwords, and are in lower case.
//! `examples/common_passwords.rs` makes `common.bin`; its opening comment names the list.

use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use xorf::{BinaryFuse16Ref, Filter, FilterRef};

/// Aligned as the filter's fingerprints need it.
#[repr(C, align(8))]
struct Aligned<const N: usize>([u8; N]);

static FILE: &Aligned<{ include_bytes!("common.bin").len() }> = &Aligned(*include_bytes!("common.bin"));

/// The length of the filter's descriptor, in bytes; the fingerprints follow.
const DESCRIPTOR: usize = 20;

static FILTER: LazyLock<BinaryFuse16Ref<'static>> = LazyLock::new(|| {
    let (descriptor, fingerprints) = FILE.0.split_at(DESCRIPTOR);
    BinaryFuse16Ref::from_dma(descriptor, fingerprints)
});

/// Whether the password, in any case, is one of the commonest.
pub fn contains(password: &str) -> bool {
    FILTER.contains(&key(password))
}

/// What the filter holds of a password: the first eight bytes of the SHA-256 of its lower case.
pub fn key(password: &str) -> u64 {
    let digest = Sha256::digest(password.to_lowercase().as_bytes());
    digest.iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::{Rng, SeededRng};

    #[test]
    fn common_passwords_are_found_in_any_case() {
        for password in
            ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou", "football", "trustno1", "letmein1"]
        {
            assert!(contains(password), "{password}");
        }
    }

    #[test]
    fn random_passwords_are_not() {
        let rng: &dyn Rng = &SeededRng::new(7);
        let found = (0..2_000).filter(|_| contains(&rng.alphanumeric(16))).count();
        assert!(found <= 1, "{found} false positives");
    }

    #[test]
    fn the_filter_stays_small() {
        assert!(FILE.0.len() <= 300_000);
    }
}
