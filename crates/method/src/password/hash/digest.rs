//! Digests that take no time: what systems kept before they knew better. They are verified once, and the password gets
//! a hash of the configured kind then.
//!
//! `{SSHA}`, `{SSHA256}` and `{SSHA512}`: base64 of a digest of password and salt, and the salt. `$sha1$pf=<template>$<salt>$<digest>`,
//! `$sha256$…`, `$sha512$…`, `$md5$…`: base64 of each; the template says where `{SALT}` and `{PASSWORD}` stand. `$md5$<digest>`: of
//! the password alone. `$hmac-<digest>$<code>$<key>`: base64 of the code's hexadecimal digits, and of the key.

use super::{
    format::{Format, HashError},
    text,
};
use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, GeneralPurposeConfig},
};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use md4::Md4;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

/// Longer passwords, in bytes, match nothing: a template may name the password some hundred times.
pub(super) const MAX_PASSWORD: usize = 4096;

/// LDAP servers' base64: bits that the last letter has too many do not count.
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

const SALT: &[u8] = b"{SALT}";

const PASSWORD: &[u8] = b"{PASSWORD}";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Md4,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Function {
    fn of(name: &str) -> Result<Self, HashError> {
        Ok(match name {
            "md4" => Self::Md4,
            "md5" => Self::Md5,
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return Err(HashError::Unknown),
        })
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Md4 => digest::<Md4>(parts),
            Self::Md5 => digest::<Md5>(parts),
            Self::Sha1 => digest::<Sha1>(parts),
            Self::Sha224 => digest::<Sha224>(parts),
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }

    fn code(self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, HashError> {
        match self {
            Self::Md4 => code::<Hmac<Md4>>(key, message),
            Self::Md5 => code::<Hmac<Md5>>(key, message),
            Self::Sha1 => code::<Hmac<Sha1>>(key, message),
            Self::Sha224 => code::<Hmac<Sha224>>(key, message),
            Self::Sha256 => code::<Hmac<Sha256>>(key, message),
            Self::Sha384 => code::<Hmac<Sha384>>(key, message),
            Self::Sha512 => code::<Hmac<Sha512>>(key, message),
        }
    }
}

fn digest<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

fn code<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Result<Vec<u8>, HashError> {
    let code = M::new_from_slice(key).map_err(|_| HashError::Malformed)?;
    Ok(code.chain_update(message).finalize().into_bytes().to_vec())
}

/// All that a digest depends on, but for the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipe {
    function: Function,
    way: Way,
}

/// How the password gets into it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    Pieces(Vec<Piece>),
    Keyed(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Password,
    Bytes(Vec<u8>),
}

impl Recipe {
    /// The digest of a password of at most [`MAX_PASSWORD`] bytes.
    pub(super) fn key(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, HashError> {
        let digest = match &self.way {
            Way::Pieces(pieces) => {
                let parts: Vec<_> = pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Password => password,
                        Piece::Bytes(bytes) => bytes,
                    })
                    .collect();
                self.function.digest(&parts)
            }
            Way::Keyed(key) => HEXLOWER.encode(&self.function.code(key, password)?).into_bytes(),
        };
        Ok(Zeroizing::new(digest))
    }
}

/// Takes a text apart: how it was made, and its digest.
pub(super) fn parse(format: Format, encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    match format {
        Format::Ssha => ssha(encoded),
        Format::Hmac => keyed(encoded),
        _ => match text::fields::<1>(encoded) {
            Ok([digest]) if format == Format::Md5 => {
                let way = Way::Pieces(vec![Piece::Password]);
                Ok((Recipe { function: Function::Md5, way }, text::padded(digest)?))
            }
            _ => templated(encoded),
        },
    }
}

fn ssha(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let (name, rest) = encoded.split_once('}').ok_or(HashError::Malformed)?;
    let (function, length) = match name {
        "{SSHA" => (Function::Sha1, 20),
        "{SSHA256" => (Function::Sha256, 32),
        "{SSHA512" => (Function::Sha512, 64),
        _ => return Err(HashError::Unknown),
    };
    // LDIF breaks long lines.
    let bytes = LENIENT.decode(rest.replace(['\r', '\n'], "")).map_err(|_| HashError::Malformed)?;
    let (digest, salt) = bytes.split_at_checked(length).ok_or(HashError::Malformed)?;
    if salt.is_empty() {
        return Err(HashError::Malformed);
    }
    let way = Way::Pieces(vec![Piece::Password, Piece::Bytes(salt.to_vec())]);
    Ok((Recipe { function, way }, digest.to_vec()))
}

fn templated(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let function = Function::of(text::name(encoded))?;
    let [template, salt, digest] = text::fields(encoded)?;
    let template = template.strip_prefix("pf=").filter(|template| !template.is_empty()).ok_or(HashError::Malformed)?;
    let pieces = pieces(&text::padded(template)?, &text::padded(salt)?);
    // Without the password, any would do.
    if !pieces.contains(&Piece::Password) {
        return Err(HashError::Malformed);
    }
    Ok((Recipe { function, way: Way::Pieces(pieces) }, text::padded(digest)?))
}

fn keyed(encoded: &str) -> Result<(Recipe, Vec<u8>), HashError> {
    let function = Function::of(text::name(encoded).trim_start_matches("hmac-"))?;
    let [code, key] = text::fields(encoded)?;
    Ok((Recipe { function, way: Way::Keyed(text::padded(key)?) }, text::padded(code)?))
}

/// A template, filled but for the password. What the salt says is taken as it is, even `{PASSWORD}`.
fn pieces(template: &[u8], salt: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut bytes = Vec::new();
    let mut rest = template;
    while let Some((first, others)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(PASSWORD) {
            pieces.extend([Piece::Bytes(std::mem::take(&mut bytes)), Piece::Password]);
            rest = after;
        } else if let Some(after) = rest.strip_prefix(SALT) {
            bytes.extend(salt);
            rest = after;
        } else {
            bytes.push(*first);
            rest = others;
        }
    }
    pieces.push(Piece::Bytes(bytes));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn templates_are_filled_once() {
        let bytes = |text: &[u8]| Piece::Bytes(text.to_vec());
        let filled = pieces(b"{SALT}-{PASSWORD}-{SALT}{x}", b"{PASSWORD}");
        assert_eq!(filled, [bytes(b"{PASSWORD}-"), Piece::Password, bytes(b"-{PASSWORD}{x}")]);
        assert_eq!(pieces(b"", b"salt"), [bytes(b"")]);
        assert_eq!(pieces(b"{PASS{SALT}", b"x"), [bytes(b"{PASSx")]);
    }

    #[test]
    fn a_template_needs_the_password() {
        let text = |template: &str| {
            let digest = STANDARD.encode([0; 20]);
            parse(Format::Templated, &format!("$sha1$pf={}$c2FsdA==${digest}", STANDARD.encode(template))).map(|_| ())
        };
        assert_eq!(text("{SALT}{PASSWORD}"), Ok(()));
        for template in ["", "{SALT}", "{password}"] {
            assert_eq!(text(template), Err(HashError::Malformed), "{template}");
        }
    }

    #[test]
    fn broken_lines_and_odd_bits_are_read_as_ldap_servers_write_them() {
        let text = |text: &str| parse(Format::Ssha, text).map(|(_, digest)| digest);
        let whole = text("{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAcw==");
        assert_eq!(whole, Ok(vec![0; 20]));
        assert_eq!(text("{SSHA}AAAAAAAAAAAAAAAAAAAA\r\nAAAAAAAAcw==\n"), whole);
        assert_eq!(text("{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAcx=="), whole);
        assert_eq!(text("{SSHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAcw"), Err(HashError::Malformed));
    }

    #[test]
    fn a_salt_is_what_follows_the_digest() {
        let text = |length| parse(Format::Ssha, &format!("{{SSHA}}{}", STANDARD.encode(vec![7; length]))).map(|_| ());
        assert_eq!(text(21), Ok(()));
        assert_eq!(text(20), Err(HashError::Malformed));
        assert_eq!(text(19), Err(HashError::Malformed));
    }
}
