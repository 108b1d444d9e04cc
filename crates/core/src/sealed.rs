//! Authenticated encryption of small values: in the hands of clients (cookies, opaque tokens) and at rest.
//! XChaCha20-Poly1305 under keys derived from each configured secret by HKDF. The first secret encrypts, all of them
//! decrypt, so that secrets can be rotated.

use crate::{rng::Rng, secret::Secret};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt;

const NONCE: usize = 24;
const TAG: usize = 24;

/// HKDF's salt: what these keys are derived for is this program.
const SALT: &[u8] = b"zelos";

/// Which list of secrets keys are derived from. One secret in several lists makes different keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// `secrets.cookie`, or `secrets.default`: cookies, codes, anti-CSRF and logout tokens.
    Cookie,
    /// `secrets.pagination`: page tokens.
    Pagination,
    /// `secrets.cipher`: credentials at rest.
    Cipher,
}

impl Domain {
    fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Pagination => "pagination",
            Self::Cipher => "cipher",
        }
    }
}

/// The keys derived from a list of secrets.
///
/// Values made under the former derivation (SHA-256 of label and secret) still decrypt and verify: `former_*`.
#[derive(Clone)]
pub struct Keys {
    ciphers: Vec<XChaCha20Poly1305>,
    former_ciphers: Vec<XChaCha20Poly1305>,
    macs: Vec<[u8; 32]>,
    former_macs: Vec<[u8; 32]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

impl Keys {
    /// Derives the keys; `secrets` must not be empty for [`Keys::seal`] and [`Keys::mac`] to mean anything.
    pub fn derive(domain: Domain, secrets: &[Secret]) -> Self {
        let derived = |r#use: &'static str| secrets.iter().map(move |secret| derived_key(domain, r#use, secret));
        let former = |label: &'static str| secrets.iter().map(move |secret| former_key(label, secret));
        let cipher = |key: [u8; 32]| XChaCha20Poly1305::new(&key.into());
        Self {
            ciphers: derived("encryption").map(cipher).collect(),
            former_ciphers: former("zelos seal").map(cipher).collect(),
            macs: derived("authentication").collect(),
            former_macs: former("zelos mac").collect(),
        }
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.ciphers.is_empty()
    }

    /// Encrypts and authenticates `plain`. The `purpose` is authenticated, too: what was encrypted for one place cannot
    /// be decrypted in another.
    pub fn seal(&self, rng: &dyn Rng, purpose: &str, plain: &[u8]) -> String {
        let nonce = rng.bytes::<NONCE>();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let sealed = self.ciphers.first().and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok());
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.unwrap_or_default());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decrypts what [`Keys::seal`] made with any of the secrets.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        decrypted(self.ciphers.iter().chain(&self.former_ciphers), purpose, sealed)
    }

    /// Decrypts it only if it was made under the key that encrypts today.
    pub(crate) fn open_current(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        decrypted(self.ciphers.iter().take(1), purpose, sealed)
    }

    /// A MAC of `message`, under the first secret: HMAC-SHA-256 cut to 192 bits.
    pub fn mac(&self, purpose: &str, message: &[u8]) -> Option<[u8; TAG]> {
        self.macs.first().map(|key| tag(key, purpose, message))
    }

    /// Whether this is the MAC of `message` under any of the secrets (constant time).
    pub fn verify_mac(&self, purpose: &str, message: &[u8], tag_given: &[u8]) -> bool {
        use subtle::ConstantTimeEq;
        let mut keys = self.macs.iter().chain(&self.former_macs);
        keys.any(|key| bool::from(tag(key, purpose, message).ct_eq(tag_given)))
    }
}

/// RFC 5869. The info names the list of secrets and what the key is used for.
fn derived_key(domain: Domain, r#use: &str, secret: &Secret) -> [u8; 32] {
    let mut key = [0; 32];
    let info = [domain.as_str().as_bytes(), b" ", r#use.as_bytes()];
    if Hkdf::<Sha256>::new(Some(SALT), secret.expose().as_bytes()).expand_multi_info(&info, &mut key).is_err() {
        unreachable!("HKDF-SHA-256 makes up to 8160 bytes")
    }
    key
}

fn former_key(label: &str, secret: &Secret) -> [u8; 32] {
    Sha256::new().chain_update(label).chain_update([0]).chain_update(secret.expose()).finalize().into()
}

fn decrypted<'a>(
    mut ciphers: impl Iterator<Item = &'a XChaCha20Poly1305>,
    purpose: &str,
    sealed: &str,
) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
    let nonce = XNonce::from(*nonce);
    ciphers.find_map(|cipher| cipher.decrypt(&nonce, Payload { msg: sealed, aad: purpose.as_bytes() }).ok())
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
        derive(Domain::Cookie, secrets)
    }

    fn derive(domain: Domain, secrets: &[&str]) -> Keys {
        Keys::derive(domain, &secrets.iter().map(|text| Secret::new(*text)).collect::<Vec<_>>())
    }

    /// As all keys were derived once.
    fn former(secret: &str) -> Keys {
        let secret = Secret::new(secret);
        let cipher = XChaCha20Poly1305::new(&former_key("zelos seal", &secret).into());
        Keys {
            ciphers: vec![cipher],
            former_ciphers: Vec::new(),
            macs: vec![former_key("zelos mac", &secret)],
            former_macs: Vec::new(),
        }
    }

    #[test]
    fn keys_are_those_of_hkdf() {
        // Python: HKDF(SHA256(), 32, b"zelos", b"cookie encryption").derive(b"first-secret-0123456789")
        let secret = Secret::new("first-secret-0123456789");
        let expected = [
            0x2b, 0x46, 0x50, 0x2b, 0x0b, 0xbf, 0xcf, 0x4f, 0xfc, 0x19, 0x60, 0xc5, 0x0a, 0xa0, 0xc5, 0x73, 0x25, 0x28,
            0x7b, 0xc7, 0x4d, 0xca, 0x4b, 0x42, 0xbb, 0x09, 0x2c, 0x8d, 0xef, 0x1d, 0x0b, 0xe7,
        ];
        assert_eq!(derived_key(Domain::Cookie, "encryption", &secret), expected);
    }

    #[test]
    fn one_secret_in_two_lists_makes_different_keys() {
        let rng = SeededRng::new(1);
        let secret = ["first-secret-0123456789"];
        let (cookie, cipher) = (derive(Domain::Cookie, &secret), derive(Domain::Cipher, &secret));
        assert_eq!(cipher.open("x", &cookie.seal(&rng, "x", b"hello")), None);
        assert!(!cipher.verify_mac("x", b"message", &cookie.mac("x", b"message").unwrap()));
    }

    #[test]
    fn values_of_the_former_derivation_still_open() {
        let rng = SeededRng::new(1);
        let former = former("first-secret-0123456789");
        let keys = keys(&["new-secret-0123456789", "first-secret-0123456789"]);
        let sealed = former.seal(&rng, "cookie", b"hello");
        assert_eq!(keys.open("cookie", &sealed).as_deref(), Some(&b"hello"[..]));
        assert_eq!(keys.open_current("cookie", &sealed), None);
        assert!(keys.verify_mac("logout", b"message", &former.mac("logout", b"message").unwrap()));
        assert_eq!(former.open("cookie", &keys.seal(&rng, "cookie", b"hello")), None, "new values are not made so");
        assert_ne!(former.mac("logout", b"message"), keys.mac("logout", b"message"));
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
