//! What the text forms have in common: fields between dollar signs, costs as `name=number`, base64.
//!
//! All of it was written by strangers, so nothing is forgiven that could be read in two ways: numbers are digits only,
//! and base64 is canonical (but where a format's own reader is lenient, which is said there).

use super::format::HashError;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};

/// The name of a format that stands between dollar signs.
pub(super) fn name(encoded: &str) -> &str {
    encoded.split('$').nth(1).unwrap_or_default()
}

/// The fields of a text that begins with a dollar sign, if there are just so many behind the name of the format.
pub(super) fn fields<const N: usize>(encoded: &str) -> Result<[&str; N], HashError> {
    let mut fields = encoded.split('$').skip(2);
    let mut taken = [""; N];
    for field in &mut taken {
        *field = fields.next().ok_or(HashError::Malformed)?;
    }
    if fields.next().is_some() { Err(HashError::Malformed) } else { Ok(taken) }
}

/// Numbers given as `name=number,…`, in the order of their names; what follows the last one does not count. More digits
/// than fit are a number beyond any bound.
pub(super) fn costs<const N: usize>(field: &str, names: [&str; N]) -> Result<[u32; N], HashError> {
    let mut given = field.split(',');
    let mut costs = [0; N];
    for (cost, name) in costs.iter_mut().zip(names) {
        let digits = given.next().and_then(|given| given.strip_prefix(name)).and_then(|given| given.strip_prefix('='));
        *cost = number(digits.ok_or(HashError::Malformed)?)?;
    }
    Ok(costs)
}

/// A number in digits alone.
pub(super) fn number(digits: &str) -> Result<u32, HashError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HashError::Malformed);
    }
    Ok(digits.parse().unwrap_or(u32::MAX))
}

/// Padded base64.
pub(super) fn padded(field: &str) -> Result<Vec<u8>, HashError> {
    STANDARD.decode(field).map_err(|_| HashError::Malformed)
}

/// Base64 without padding.
pub(super) fn unpadded(field: &str) -> Result<Vec<u8>, HashError> {
    STANDARD_NO_PAD.decode(field).map_err(|_| HashError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted() {
        assert_eq!(fields("$scrypt$a$b$"), Ok(["a", "b", ""]));
        assert_eq!(fields::<2>("$scrypt$a$b$c"), Err(HashError::Malformed));
        assert_eq!(fields::<2>("$scrypt$a"), Err(HashError::Malformed));
    }

    #[test]
    fn numbers_are_digits() {
        assert_eq!(costs("i=10,l=32", ["i", "l"]), Ok([10, 32]));
        assert_eq!(costs("i=10,l=32,x=1", ["i", "l"]), Ok([10, 32]));
        assert_eq!(costs("i=1152921504606846976,l=0", ["i", "l"]), Ok([u32::MAX, 0]));
        for field in ["", "i=1", "l=1,i=1", "i=-1,l=1", "i=+1,l=1", "i= 1,l=1", "i=1,l=", "i=1;l=1", "i=0x1,l=1"] {
            assert_eq!(costs(field, ["i", "l"]), Err(HashError::Malformed), "{field}");
        }
    }

    #[test]
    fn base64_is_canonical() {
        assert_eq!(padded("YWI="), Ok(b"ab".to_vec()));
        assert_eq!(unpadded("YWI"), Ok(b"ab".to_vec()));
        for spoiled in ["YWI", "YWJ=", "YWI==", "YW\nI=", "YW-_"] {
            assert_eq!(padded(spoiled), Err(HashError::Malformed), "{spoiled}");
        }
        for spoiled in ["YWI=", "YWJ", "Y"] {
            assert_eq!(unpadded(spoiled), Err(HashError::Malformed), "{spoiled}");
        }
    }
}
