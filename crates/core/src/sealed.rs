//! Sealing small values for storage in the visitor's hands (cookies, opaque tokens) and at rest: XChaCha20-Poly1305 under a key
//! derived from each configured secret. The first secret seals, all of them open, so that secrets can be rotated.

use crate::{rng::Rng, secret::Secret};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt;

const NONCE: usize = 24;
const TAG: usize = 24;

/// The keys derived from a list of secrets, for one purpose.
#[derive(Clone)]
pub struct Keys {
    ciphers: Vec<XChaCha20Poly1305>,
    macs: Vec<[u8; 32]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl Keys {
    /// Derives the keys; `secrets` must not be empty for [`Keys::seal`] and [`Keys::mac`] to mean anything.
    pub fn derive(secrets: &[Secret]) -> Self {
        let key = |secret: &Secret, label: &str| -> [u8; 32] {
            Sha256::new().chain_update(label).chain_update([0]).chain_update(secret.expose()).finalize().into()
        };
        Self {
            ciphers: secrets.iter().map(|secret| XChaCha20Poly1305::new(&key(secret, "zelos seal").into())).collect(),
            macs: secrets.iter().map(|secret| key(secret, "zelos mac")).collect(),
        }
    }

    /// Whether there is nothing to seal with.
    pub fn is_empty(&self) -> bool {
        self.ciphers.is_empty()
    }

    /// Encrypts and authenticates `plain`. The `purpose` is bound in: what was sealed for one place can't be opened in
    /// another.
    pub fn seal(&self, rng: &dyn Rng, purpose: &str, plain: &[u8]) -> String {
        let nonce = rng.bytes::<NONCE>();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let sealed = self.ciphers.first().and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok());
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Opens what [`Keys::seal`] made with any of the secrets, or nothing.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let nonce = XNonce::from(*nonce);
        self.ciphers
            .iter()
            .find_map(|cipher| cipher.decrypt(&nonce, Payload { msg: sealed, aad: purpose.as_bytes() }).ok())
    }

    /// A tag over `message`, under the first secret: HMAC-SHA-256 cut to 192 bits.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> Option<[u8; TAG]> {
        self.macs.first().map(|key| tag(key, purpose, message))
    }

    /// Whether `tag` was made over `message` under any of the secrets (constant time).
    pub fn verify_mac(&self, purpose: &str, message: &[u8], tag_given: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        self.macs.iter().any(|key| bool::from(tag(key, purpose, message).ct_eq(tag_given)))
    }
}

fn tag(key: &[u8; 32], purpose: &str, message: &[u8]) -> [u8; TAG] {
    let Ok(mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else {
        unreachable!("HMAC takes keys of any length")
    };
    let full: [u8; 32] =
        mac.chain_update(purpose).chain_update([0]).chain_update(message).finalize().into_bytes().into();
    std::array::from_fn(|index| full[index])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    fn keys(secrets: &[&str]) -> Keys {
        Keys::derive(&secrets.iter().map(|text| Secret::new(*text)).collect::<Vec<_>>())
    }

    #[test]
    fn opens_only_what_was_sealed_for_the_same_purpose_under_a_known_secret() {
        let rng = SeededRng::new(1);
        let sealed = keys(&["first-secret-0123456789"]).seal(&rng, "cookie", b"hello");
        assert_eq!(keys(&["new", "first-secret-0123456789"]).open("cookie", &sealed).as_deref(), Some(&b"hello"[..]));
        assert_eq!(keys(&["first-secret-0123456789"]).open("other", &sealed), None);
        assert_eq!(keys(&["another-secret"]).open("cookie", &sealed), None);
        let mut broken = sealed.into_bytes();
        broken[40] ^= 1;
        let broken = String::from_utf8(broken).unwrap();
        assert_eq!(keys(&["first-secret-0123456789"]).open("cookie", &broken), None);
    }

    #[test]
    fn tags_are_bound_to_purpose_and_message() {
        let keys = keys(&["first-secret-0123456789"]);
        let tag = keys.mac("logout", b"message").unwrap();
        assert!(keys.verify_mac("logout", b"message", &tag));
        assert!(!keys.verify_mac("other", b"message", &tag));
        assert!(!keys.verify_mac("logout", b"massage", &tag));
        assert!(!keys.verify_mac("logout", b"message", &[]));
    }
}
