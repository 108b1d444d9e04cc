//! Telling the formats apart, by their prefix alone, as Kratos does (`hash/hash_comparator.go`).

/// Longer texts are no password's hash. With it, all that a text can ask for besides its costs is bounded.
const MOST_BYTES: usize = 4096;

/// Why a stored text cannot be used, or a password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The text starts like none of the known formats.
    #[error("the password hash has no known format")]
    Unknown,
    /// The text starts right, but cannot be taken apart.
    #[error("the password hash is malformed")]
    Malformed,
    /// Verifying would cost more than anybody may ask for.
    #[error("the password hash declares cost parameters beyond the bounds")]
    OutOfBounds,
    /// The algorithm would ignore the password's end. Both in bytes.
    #[error("the password has {actual_length} bytes, the hash takes {max_length}")]
    TooLong { max_length: usize, actual_length: usize },
}

/// The formats that are verified. The first two are also made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Bcrypt,
    Argon2id,
    Argon2i,
    Md5Crypt,
    Sha256Crypt,
    Sha512Crypt,
    Pbkdf2,
    Scrypt,
    Firescrypt,
    /// A digest of password and salt, as LDAP servers keep it.
    Ssha,
    /// A digest of a template.
    Templated,
    /// MD5, with a template or without.
    Md5,
    Hmac,
}

impl Format {
    /// Whether a text is taken apart when somebody brings it along, as on the wire. Others are stored as they are, and a
    /// broken one lets nobody in.
    pub(super) fn is_read_at_import(self) -> bool {
        matches!(self, Self::Bcrypt | Self::Argon2id | Self::Argon2i | Self::Pbkdf2 | Self::Scrypt | Self::Firescrypt)
    }
}

/// How the texts of a format begin. bcrypt and PBKDF2 have too many beginnings to be listed.
const PREFIXES: &[(&str, Format)] = &[
    ("$md5-crypt$", Format::Md5Crypt),
    ("$sha256-crypt$", Format::Sha256Crypt),
    ("$sha512-crypt$", Format::Sha512Crypt),
    ("$argon2id$", Format::Argon2id),
    ("$argon2i$", Format::Argon2i),
    ("$scrypt$", Format::Scrypt),
    ("{SSHA}", Format::Ssha),
    ("{SSHA256}", Format::Ssha),
    ("{SSHA512}", Format::Ssha),
    ("$sha1$", Format::Templated),
    ("$sha256$", Format::Templated),
    ("$sha512$", Format::Templated),
    ("$firescrypt$", Format::Firescrypt),
    ("$md5$", Format::Md5),
    ("$hmac-md4$", Format::Hmac),
    ("$hmac-md5$", Format::Hmac),
    ("$hmac-sha1$", Format::Hmac),
    ("$hmac-sha224$", Format::Hmac),
    ("$hmac-sha256$", Format::Hmac),
    ("$hmac-sha384$", Format::Hmac),
    ("$hmac-sha512$", Format::Hmac),
];

/// The format of a stored text.
pub(super) fn detect(encoded: &str) -> Result<Format, HashError> {
    let listed = PREFIXES.iter().find(|(prefix, _)| encoded.starts_with(prefix)).map(|(_, format)| *format);
    let format = listed
        .or_else(|| is_bcrypt(encoded).then_some(Format::Bcrypt))
        .or_else(|| is_pbkdf2(encoded).then_some(Format::Pbkdf2))
        .ok_or(HashError::Unknown)?;
    if encoded.len() > MOST_BYTES { Err(HashError::OutOfBounds) } else { Ok(format) }
}

fn is_bcrypt(encoded: &str) -> bool {
    let rest = encoded.strip_prefix("$2");
    rest.is_some_and(|rest| rest.strip_prefix(['a', 'b', 'y', 'z']).unwrap_or(rest).starts_with('$'))
}

/// Any digest of one to three digits is one: what an unknown one means, `pbkdf2` says.
fn is_pbkdf2(encoded: &str) -> bool {
    let digest = encoded.strip_prefix("$pbkdf2-sha").and_then(|rest| rest.split_once('$')).map(|(digest, _)| digest);
    digest.is_some_and(|digest| (1..=3).contains(&digest.len()) && digest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_tell_formats_apart() {
        for prefix in ["$2$", "$2a$", "$2b$", "$2y$", "$2z$"] {
            assert_eq!(detect(&format!("{prefix}12$rest")), Ok(Format::Bcrypt));
        }
        for (prefix, format) in PREFIXES {
            assert_eq!(detect(&format!("{prefix}rest")), Ok(*format));
        }
        for digest in ["1", "256", "224", "999"] {
            assert_eq!(detect(&format!("$pbkdf2-sha{digest}$i=1,l=32$")), Ok(Format::Pbkdf2));
        }
        for unknown in [
            "",
            "$",
            "$2",
            "$2x$12$",
            "$2ab$12$",
            "$argon2d$v=19$",
            "$5$salt$hash",
            "$6$salt$hash",
            "$1$salt$hash",
            "$pbkdf2-sha$",
            "$pbkdf2-sha1234$",
            "$pbkdf2-md5$",
            "$hmac-sha3$",
            "{SSHA384}abc",
            "{ssha}abc",
            "{SHA}abc",
            "$sha224$",
            "plain",
        ] {
            assert_eq!(detect(unknown), Err(HashError::Unknown), "{unknown}");
        }
    }

    #[test]
    fn texts_of_any_length_are_no_hashes() {
        let text = |length: usize| "$md5$".to_owned() + &"A".repeat(length - 5);
        assert_eq!(detect(&text(MOST_BYTES)), Ok(Format::Md5));
        assert_eq!(detect(&text(MOST_BYTES + 1)), Err(HashError::OutOfBounds));
        assert_eq!(detect(&"x".repeat(MOST_BYTES + 1)), Err(HashError::Unknown));
    }
}
