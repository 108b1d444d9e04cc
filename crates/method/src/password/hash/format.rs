//! Telling the formats apart, by their prefix alone, as Kratos does (`hash/hash_comparator.go`).

/// Why a stored text cannot be used, or a password cannot be hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The text starts like none of the known formats.
    #[error("the password hash has no known format")]
    Unknown,
    /// Kratos reads the format (its name), Zelos does not yet.
    #[error("password hashes of the format {0} cannot be verified yet")]
    Unsupported(&'static str),
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

/// The formats that are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Bcrypt,
    Argon2id,
    Argon2i,
}

/// Prefixes of formats that are known by name only.
const LATER: &[(&str, &str)] = &[
    ("$md5-crypt$", "md5-crypt"),
    ("$sha256-crypt$", "sha256-crypt"),
    ("$sha512-crypt$", "sha512-crypt"),
    ("$pbkdf2-sha", "pbkdf2"),
    ("$scrypt$", "scrypt"),
    ("{SSHA}", "ssha"),
    ("{SSHA256}", "ssha"),
    ("{SSHA512}", "ssha"),
    ("$sha1$", "sha"),
    ("$sha256$", "sha"),
    ("$sha512$", "sha"),
    ("$firescrypt$", "firebase-scrypt"),
    ("$md5$", "md5"),
    ("$hmac-", "hmac"),
];

/// The format of a stored text.
pub(super) fn detect(encoded: &str) -> Result<Format, HashError> {
    if let Some(rest) = encoded.strip_prefix("$2")
        && rest.strip_prefix(['a', 'b', 'y', 'z']).unwrap_or(rest).starts_with('$')
    {
        return Ok(Format::Bcrypt);
    }
    if encoded.starts_with("$argon2id$") {
        return Ok(Format::Argon2id);
    }
    if encoded.starts_with("$argon2i$") {
        return Ok(Format::Argon2i);
    }
    let later = LATER.iter().find(|(prefix, _)| encoded.starts_with(prefix));
    Err(later.map_or(HashError::Unknown, |(_, name)| HashError::Unsupported(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_tell_formats_apart() {
        for prefix in ["$2$", "$2a$", "$2b$", "$2y$", "$2z$"] {
            assert_eq!(detect(&format!("{prefix}12$rest")), Ok(Format::Bcrypt));
        }
        assert_eq!(detect("$argon2id$v=19$"), Ok(Format::Argon2id));
        assert_eq!(detect("$argon2i$v=19$"), Ok(Format::Argon2i));
        assert_eq!(detect("$scrypt$ln=16384"), Err(HashError::Unsupported("scrypt")));
        assert_eq!(detect("{SSHA256}abc"), Err(HashError::Unsupported("ssha")));
        for unknown in ["", "$", "$2", "$2x$12$", "$2ab$12$", "$argon2d$v=19$", "$5$salt$hash", "plain"] {
            assert_eq!(detect(unknown), Err(HashError::Unknown), "{unknown}");
        }
    }
}
