//! Hashes that other programs made (`testdata/hashes`): the right password opens them, nothing else does, and nothing
//! opens what is left of them when they were cut or spoiled.

use super::{
    Memory, Outcome, Work, check_import,
    format::{Format, HashError, detect},
    run,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    made_by: String,
    password: String,
    hash: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../testdata/hashes/vectors.json")).expect("the file is well-formed")
}

fn opens(password: &str, encoded: &str) -> Result<bool, HashError> {
    let work = Work::verify(password, encoded)?;
    Ok(run(&[&work], &mut Memory::default()).remove(0)? == Outcome::Verified(true))
}

/// The beginnings of all fields but the name of the format.
fn fields(encoded: &str) -> impl Iterator<Item = usize> {
    encoded.char_indices().skip(1).filter(|(_, letter)| matches!(letter, '$' | '}')).map(|(at, _)| at + 1)
}

#[test]
fn all_formats_are_there_more_than_once() {
    let vectors = vectors();
    let count = |format| vectors.iter().filter(|vector| detect(&vector.hash) == Ok(format)).count();
    for format in [
        Format::Bcrypt,
        Format::Argon2id,
        Format::Argon2i,
        Format::Md5Crypt,
        Format::Sha256Crypt,
        Format::Sha512Crypt,
        Format::Pbkdf2,
        Format::Scrypt,
        Format::Firescrypt,
        Format::Ssha,
        Format::Templated,
        Format::Md5,
        Format::Hmac,
    ] {
        assert!(count(format) >= 4, "{format:?}");
    }
}

#[test]
fn the_right_password_opens() {
    for Vector { made_by, password, hash } in vectors() {
        assert_eq!(check_import(&hash), Ok(()), "{made_by}: {hash}");
        assert_eq!(opens(&password, &hash), Ok(true), "{made_by}: {hash}");
    }
}

#[test]
fn other_passwords_do_not() {
    for Vector { password, hash, .. } in vectors() {
        let mut shorter = password.clone();
        shorter.pop();
        for wrong in [&shorter, &(password.clone() + "x"), &password.to_uppercase().replace(['0', '1'], "O"), "\0"] {
            assert_eq!(opens(wrong, &hash), Ok(false), "{wrong:?}: {hash}");
        }
    }
}

#[test]
fn what_was_cut_opens_nothing() {
    for Vector { password, hash, .. } in vectors() {
        // Keys of scrypt and PBKDF2 do not tell how long they were: what is left of them is a key while it is long enough.
        let is_open_ended = matches!(detect(&hash), Ok(Format::Scrypt | Format::Pbkdf2));
        let longest = if is_open_ended { hash.rfind('$').unwrap_or_default() + 20 } else { hash.len() - 1 };
        for length in [0, 1, hash.len() / 2, hash.len() - 2, longest - 4, longest] {
            let cut = &hash[..length.min(longest)];
            assert_ne!(opens(&password, cut), Ok(true), "{cut}");
        }
    }
}

#[test]
fn what_was_spoiled_opens_nothing() {
    for Vector { password, hash, .. } in vectors() {
        for at in fields(&hash).filter(|at| *at < hash.len()) {
            let other = if &hash[at..=at] == "Q" { "g" } else { "Q" };
            let spoiled = format!("{}{other}{}", &hash[..at], &hash[at + 1..]);
            assert_ne!(opens(&password, &spoiled), Ok(true), "{spoiled}");
        }
    }
}

#[test]
fn broken_texts_are_refused_when_they_are_brought_or_used() {
    // Whether the text is taken at import is the wire's choice; that nobody gets in by it is ours.
    for (encoded, taken) in [
        ("$md5$!", true),
        ("$md5$", true),
        ("$md5$pf=$c2FsdA==$AAAA", true),
        ("$sha256$c2FsdA==$AAAA", true),
        ("{SSHA}AAAA", true),
        ("{SSHA512}", true),
        ("$hmac-sha256$$", true),
        ("$md5-crypt$salt$", true),
        ("$sha256-crypt$rounds=x$salt$", true),
        ("$sha512-crypt$salt$short", true),
        ("$pbkdf2-sha256$i=1,l=0$c2FsdA$", false),
        ("$scrypt$ln=2,r=1,p=1$c2FsdA==$", false),
        ("$firescrypt$ln=1,r=1,p=1$c2FsdA==$$$", false),
        ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$", false),
        ("$2a$04$", false),
    ] {
        assert_eq!(check_import(encoded).is_ok(), taken, "{encoded}");
        for password in ["", "password"] {
            assert_ne!(opens(password, encoded), Ok(true), "{encoded}");
        }
    }
}

#[test]
fn no_cost_is_beyond_the_bounds() {
    let sixteen = "AAAAAAAAAAAAAAAAAAAAAA";
    for (before, after) in [
        ("$argon2id$v=19$m=", format!(",t=1,p=1$c29tZXNhbHQ${sixteen}")),
        ("$argon2i$v=19$m=64,t=", format!(",p=1$c29tZXNhbHQ${sixteen}")),
        ("$pbkdf2-sha512$i=", format!(",l=16$c2FsdA${sixteen}")),
        ("$scrypt$ln=", format!(",r=8,p=1$c2FsdA==${sixteen}==")),
        ("$scrypt$ln=2,r=", format!(",p=1$c2FsdA==${sixteen}==")),
        ("$firescrypt$ln=", format!(",r=8,p=1$c2FsdA==${sixteen}==$Bw==${sixteen}==")),
        ("$sha256-crypt$rounds=", format!("$salt${}", "A".repeat(43))),
        ("$sha512-crypt$rounds=", format!("$salt${}", "A".repeat(86))),
    ] {
        for cost in ["0", "1152921504606846976", "4294967295", "99999999999999999999999"] {
            let encoded = format!("{before}{cost}{after}");
            assert_eq!(check_import(&encoded), Err(HashError::OutOfBounds), "{encoded}");
            assert_eq!(opens("password", &encoded), Err(HashError::OutOfBounds), "{encoded}");
        }
    }
    let endless = "$md5$pf=".to_owned() + &"e1BBU1NXT1JEfQ==".repeat(1000);
    assert_eq!(check_import(&endless), Err(HashError::OutOfBounds));
}

#[test]
fn endless_passwords_cost_no_more_than_long_ones() {
    let long = "x".repeat(4 << 20);
    let salted = "$sha512$pf=e1BBU1NXT1JEfQ==$c2FsdA==$AAAA";
    let crypt = format!("$sha512-crypt$rounds=2$salt${}", "A".repeat(86));
    for encoded in [salted, crypt.as_str()] {
        assert_eq!(opens(&long, encoded), Ok(false), "{encoded}");
    }
}
