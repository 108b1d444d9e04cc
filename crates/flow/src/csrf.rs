//! Anti-CSRF tokens: a secret of 32 bytes lives in the browser's cookie, forms carry it under a fresh one-time pad
//! (base64 of pad ‖ pad XOR secret), so that compressed answers never repeat it (BREACH). The format is Kratos'.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use subtle::ConstantTimeEq;
use zelos_core::rng::Rng;

/// The secret of a browser.
pub type Secret = [u8; 32];

/// A new secret.
pub fn generate(rng: &dyn Rng) -> Secret {
    rng.bytes()
}

/// A token for a form: another one each time.
pub fn mask(secret: &Secret, rng: &dyn Rng) -> String {
    let pad: Secret = rng.bytes();
    let mut token = [0; 64];
    token[..32].copy_from_slice(&pad);
    for (index, byte) in secret.iter().enumerate() {
        token[32 + index] = pad[index] ^ byte;
    }
    STANDARD.encode(token)
}

/// Whether a token, masked or raw, stands for the secret.
pub fn verify(secret: &Secret, token: &str) -> bool {
    unmask(token).is_some_and(|found| found.ct_eq(secret).into())
}

/// The secret behind a token, masked or raw.
pub fn unmask(token: &str) -> Option<Secret> {
    let bytes = STANDARD.decode(token).ok()?;
    match bytes.len() {
        32 => bytes.try_into().ok(),
        64 => Some(std::array::from_fn(|index| bytes[index] ^ bytes[32 + index])),
        _ => None,
    }
}

/// What a flow keeps of the secret, to recognise its browser again.
pub fn fingerprint(secret: &Secret) -> String {
    Sha256::digest(secret).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::SeededRng;

    #[test]
    fn a_token_stands_for_its_secret_only() {
        let rng = SeededRng::new(7);
        let (secret, other) = (generate(&rng), generate(&rng));
        let token = mask(&secret, &rng);
        assert_ne!(token, mask(&secret, &rng), "each token is masked anew");
        assert!(verify(&secret, &token));
        assert!(verify(&secret, &STANDARD.encode(secret)), "a raw token is accepted");
        assert!(!verify(&other, &token));
        assert!(!verify(&secret, ""));
        assert!(!verify(&secret, "x"));
        assert!(!verify(&secret, &STANDARD.encode([0; 48])));
    }
}
