//! Session cookies that Kratos handed out: whoever has one stays signed in after a move, as long as the secrets are the same.
//!
//! Theirs is the format of gorilla's `securecookie` around Go's `gob` of a map (Kratos `driver/registry_default.go`,
//! `session/manager_http.go`): `base64(date|base64(iv ciphertext)|mac)`. Nothing of it is looked at before the tag over name,
//! date and content was found good, and the map is read by the few rules that it needs. Such a cookie counts as one that
//! was made to end long ago, so the next `whoami` hands out one of ours.

use crate::cookies::SessionCookie;
use aes::Aes256;
use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use zelos_core::{secret::Secret, session::SessionToken, snapshot::Snapshot};
use zeroize::Zeroizing;

/// Longer ones were never made.
const LONGEST: usize = 4096;

/// How long a cookie without `Max-Age` is good for, in seconds: what the library has by itself.
const THIRTY_DAYS: i64 = 30 * 24 * 3600;

const IV: usize = 16;

/// The member of the map that holds the session token.
const TOKEN: &[u8] = b"session_token";

/// What the cookie says, if it is one of theirs and was made under one of our secrets.
pub(crate) fn open(snapshot: &Snapshot, now: OffsetDateTime, name: &str, value: &str) -> Option<SessionCookie> {
    if value.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE.decode(value).ok()?;
    let mut parts = bytes.splitn(3, |byte| *byte == b'|');
    let (date, content, tag) = (parts.next()?, parts.next()?, parts.next()?);
    let secret = snapshot.cookie_secrets().iter().find(|secret| is_signed(secret, name, date, content, tag))?;
    let age =
        snapshot.session_cookie().max_age.map_or(THIRTY_DAYS, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let made_at: i64 = std::str::from_utf8(date).ok()?.parse().ok()?;
    if made_at < now.unix_timestamp().saturating_sub(age) {
        return None;
    }
    let plain = decrypted(secret, content)?;
    let token = std::str::from_utf8(gob::text_of(&plain, TOKEN)?).ok().filter(|token| !token.is_empty())?;
    Some(SessionCookie { token: SessionToken::received(token), expires_at: OffsetDateTime::UNIX_EPOCH })
}

/// Compares in constant time.
fn is_signed(secret: &Secret, name: &str, date: &[u8], content: &[u8], tag: &[u8]) -> bool {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return false };
    let mac = [name.as_bytes(), b"|", date, b"|", content].into_iter().fold(mac, Mac::chain_update);
    mac.verify_slice(tag).is_ok()
}

fn decrypted(secret: &Secret, content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(URL_SAFE.decode(content).ok()?);
    let iv = *bytes.first_chunk::<IV>()?;
    let mut plain = Zeroizing::new(bytes.split_off(IV));
    counter_mode(secret, iv, &mut plain);
    Some(plain)
}

/// AES-256 in counter mode, which is its own inverse.
fn counter_mode(secret: &Secret, iv: [u8; IV], text: &mut [u8]) {
    Ctr128BE::<Aes256>::new(&Sha256::digest(secret.expose()), &iv.into()).apply_keystream(text);
}

/// As much of Go's `gob` as a map from texts to texts in interfaces needs.
mod gob {
    /// What is left to read.
    struct Bytes<'a>(&'a [u8]);

    /// The text that the map has under that name.
    pub(super) fn text_of<'a>(stream: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
        let mut stream = Bytes(stream);
        loop {
            let mut message = Bytes(stream.counted()?);
            // A negative number introduces the description of a type, which we know.
            if message.unsigned()? & 1 == 1 {
                continue;
            }
            message.zero()?;
            for _ in 0..message.unsigned()? {
                let (key, value) = (message.interface()?, message.interface()?);
                if key == name {
                    return Some(value);
                }
            }
            return None;
        }
    }

    impl<'a> Bytes<'a> {
        fn take(&mut self, count: usize) -> Option<&'a [u8]> {
            let (taken, rest) = self.0.split_at_checked(count)?;
            self.0 = rest;
            Some(taken)
        }

        /// Below 128 it is the byte itself; else the byte tells how many follow, as a negative number.
        fn unsigned(&mut self) -> Option<u64> {
            let first = *self.take(1)?.first()?;
            if first < 0x80 {
                return Some(first.into());
            }
            let count = usize::from(0xff - first) + 1;
            if count > 8 {
                return None;
            }
            Some(self.take(count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        }

        /// So many bytes as the number before them says.
        fn counted(&mut self) -> Option<&'a [u8]> {
            let count = self.unsigned()?;
            self.take(usize::try_from(count).ok()?)
        }

        fn zero(&mut self) -> Option<()> {
            (self.unsigned()? == 0).then_some(())
        }

        /// A value with the name of its type before it; empty if it is no text.
        fn interface(&mut self) -> Option<&'a [u8]> {
            let kind = self.counted()?;
            if kind.is_empty() {
                return Some(&[]);
            }
            self.unsigned()?;
            let mut value = Self(self.counted()?);
            if kind != b"string" {
                return Some(&[]);
            }
            value.zero()?;
            value.counted()
        }
    }
}

#[cfg(test)]
#[path = "kratos_cookie_tests.rs"]
mod tests;
