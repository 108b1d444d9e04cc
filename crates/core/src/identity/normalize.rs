//! One form for each identifier, so that two spellings of it can never be two people.
//!
//! The base is PRECIS's freeform class (RFC 8264): compatibility forms are folded (fullwidth letters, ligatures),
//! letters are lower case, and what can't be seen or turns the text around does not count. Identifiers are mended
//! ([`identifier`]), addresses that mail or text messages are sent to are refused instead ([`email`], [`phone`]).
//! Plain ASCII, nearly all there is, takes a short cut; the tables for phone numbers are read when the first number
//! appears.

use crate::storable::LONGEST_KEY;
use regex::Regex;
use std::sync::LazyLock;
use unicode_bidi::BidiClass;
use unicode_normalization::UnicodeNormalization;

/// The text can't be an address of the kind that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing is left of it.
    #[error("it is empty")]
    Empty,
    /// It has characters that can't be seen, or that no text has.
    #[error("it has characters that cannot be used")]
    Character,
    /// It mixes writing directions so that it can be misread.
    #[error("it mixes writing directions")]
    Direction,
    /// It is no email address.
    #[error("it is no email address")]
    Email,
    /// It is no valid international phone number.
    #[error("it is no valid phone number")]
    Phone,
}

/// The canonical form of an identifier that somebody typed: never fails. A valid international phone number becomes
/// E.164.
pub fn identifier(text: &str) -> String {
    let canonical = canonical(text);
    international(&canonical).unwrap_or(canonical)
}

/// The canonical form of an email address. Only the bare address counts: no display name, no quoted local part, no
/// address literal.
pub fn email(text: &str) -> Result<String, Unfit> {
    let text = strict(text)?;
    let (local, domain) = text.rsplit_once('@').ok_or(Unfit::Email)?;
    if is_dot_atom(local) && is_dot_atom(domain) { Ok(text) } else { Err(Unfit::Email) }
}

/// The E.164 form (`+16502530000`) of a phone number in international notation.
pub fn phone(text: &str) -> Result<String, Unfit> {
    international(&strict(text)?).ok_or(Unfit::Phone)
}

/// The `email` format of JSON Schema, as the original judges it: an address at a host name, of mail's lengths.
pub fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        text.len() <= 254 && local.len() <= 64 && is_dot_atom(local) && is_host_name(domain)
    })
}

/// The `tel` format of JSON Schema: a valid phone number in international notation.
pub fn is_phone(text: &str) -> bool {
    phone(text).is_ok()
}

/// Reads the tables for phone numbers now (it takes about a tenth of a second and 6 MiB), so that no request waits for it.
pub fn prepare_phones() {
    is_phone("+16502530000");
}

/// What PRECIS's freeform class leaves out, and what the original adds: controls, formats, private and unassigned code
/// points, line separators, invisible ones, and Hangul that does not compose to syllables.
static DISALLOWED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let class = concat!(
        r"[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}",
        r"\u{1100}-\u{11FF}\u{A960}-\u{A97C}\u{D7B0}-\u{D7C6}\u{D7CB}-\u{D7FB}]"
    );
    Regex::new(class).ok()
});

fn has_disallowed(text: &str) -> bool {
    DISALLOWED.as_ref().is_none_or(|disallowed| disallowed.is_match(text))
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Folds compatibility forms and case. Case is mapped letter by letter, so that the end of a word does not matter.
fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// Bytes of what is worth the work: nobody is called by anything near it.
const LONGEST: usize = 16 * LONGEST_KEY;

/// Folds and drops what does not count, until nothing changes any more: what is dropped may join its neighbours.
fn canonical(text: &str) -> String {
    if is_plain(text) || text.len() > LONGEST {
        return text.trim().to_ascii_lowercase();
    }
    let mut current = text.trim().to_owned();
    for _ in 0..8 {
        let folded = fold(&current);
        let kept = DISALLOWED.as_ref().map_or(folded.clone(), |disallowed| disallowed.replace_all(&folded, "").into());
        let kept = kept.trim().to_owned();
        if kept == current {
            break;
        }
        current = kept;
    }
    current
}

/// Folds, and refuses what [`canonical`] would drop.
fn strict(text: &str) -> Result<String, Unfit> {
    let text = text.trim();
    let folded = if is_plain(text) { text.to_ascii_lowercase() } else { fold(text) };
    if folded.is_empty() {
        Err(Unfit::Empty)
    } else if !is_plain(&folded) && has_disallowed(&folded) {
        Err(Unfit::Character)
    } else if !keeps_direction(&folded) {
        Err(Unfit::Direction)
    } else {
        Ok(folded)
    }
}

/// The bidi rule of RFC 5893: a text with letters from right to left must begin and end in its direction, and have no
/// others. A text without such letters is not judged.
fn keeps_direction(text: &str) -> bool {
    use BidiClass::{AL, AN, BN, CS, EN, ES, ET, L, NSM, ON, R};
    if is_plain(text) {
        return true;
    }
    let classes: Vec<BidiClass> = text.chars().map(unicode_bidi::bidi_class).collect();
    if !classes.iter().any(|class| matches!(class, R | AL | AN)) {
        return true;
    }
    let last = classes.iter().rev().find(|class| **class != NSM);
    match classes.first() {
        Some(R | AL) => {
            let known = classes.iter().all(|class| matches!(class, R | AL | AN | EN | ES | CS | ET | ON | BN | NSM));
            let one_kind_of_digit = !(classes.contains(&EN) && classes.contains(&AN));
            known && one_kind_of_digit && matches!(last, Some(R | AL | EN | AN))
        }
        Some(L) => {
            let known = classes.iter().all(|class| matches!(class, L | EN | ES | CS | ET | ON | BN | NSM));
            known && matches!(last, Some(L | EN))
        }
        _ => false,
    }
}

/// RFC 5322's `dot-atom`, with the letters of all scripts (RFC 6532).
fn is_dot_atom(text: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// E.164, if the text is a valid number in international notation and nothing else: digits with the signs that people
/// put between them. Names and addresses that merely contain a number stay what they are.
fn international(text: &str) -> Option<String> {
    let rest = text.strip_prefix('+')?;
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let looks_like_one = rest.chars().all(|c| c.is_ascii_digit() || " -().,/\u{2010}\u{2011}\u{2013}".contains(c));
    if !looks_like_one || !(5..=17).contains(&digits) {
        return None;
    }
    let number = phonenumber::parse(None, text).ok()?;
    number.is_valid().then(|| number.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_an_identifier_are_one() {
        for (text, expected) in [
            ("  EXAMPLE@DOMAIN.COM  ", "example@domain.com"),
            ("UsERNaME", "username"),
            ("  ", ""),
            ("\u{ff41}\u{ff4c}\u{ff49}\u{ff43}\u{ff45}@example.com", "alice@example.com"),
            ("o\u{fb03}ce@example.com", "office@example.com"),
            ("ALICE\u{200b}SMITH", "alicesmith"),
            ("\u{202a}alice@example.com\u{202c}", "alice@example.com"),
            ("al\u{fe0f}ice\u{e0100}", "alice"),
            ("e\u{301}", "\u{e9}"),
            ("E\u{34f}\u{301}", "\u{e9}"),
            ("\u{200b} alice", "alice"),
            ("alice\u{1f389}", "alice\u{1f389}"),
            ("\u{5d3}\u{5d5}\u{5d3}", "\u{5d3}\u{5d5}\u{5d3}"),
            ("ALICE\u{5d0}", "alice\u{5d0}"),
            ("\u{39f}\u{394}\u{39f}\u{3a3}", "\u{3bf}\u{3b4}\u{3bf}\u{3c3}"),
        ] {
            assert_eq!(identifier(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_does_not_count() {
        for rune in [
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{17b5}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2060}',
            '\u{2065}',
            '\u{2066}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffe}',
            '\u{e000}',
            '\u{e0100}',
            '\u{0}',
            '\u{7f}',
            '\u{85}',
        ] {
            assert_eq!(identifier(&format!("Alic{rune}e@example.com")), "alice@example.com", "{rune:?}");
            assert_eq!(identifier(&format!("+1 650-253{rune}-0000")), "+16502530000", "{rune:?}");
            assert!(email(&format!("alic{rune}e@example.com")).is_err(), "{rune:?}");
        }
    }

    #[test]
    fn phone_numbers_become_international() {
        for (text, expected) in [
            ("+1 650-253-0000", "+16502530000"),
            ("+1 (650) 253-0000", "+16502530000"),
            ("+44 20 7946 0958", "+442079460958"),
            ("+49 176 671 11 638", "+4917667111638"),
            ("+600136866982", "+60136866982"),
            ("+256 730 691 099", "+256730691099"),
            ("+39 06 1234 5678", "+390612345678"),
            ("\u{ff0b}1 650 253 0000", "+16502530000"),
        ] {
            assert_eq!(identifier(text), expected, "{text}");
            assert_eq!(phone(text).as_deref(), Ok(expected), "{text}");
            assert!(is_phone(text), "{text}");
        }
    }

    #[test]
    fn what_is_no_international_number_stays() {
        for text in
            ["6502530000", "+1 650", "+999 123 456 789", "bob+16502530000", "+1-800-flowers", "invalid-phone", "+"]
        {
            assert_eq!(identifier(text), text);
            assert!(phone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn email_addresses() {
        for (text, expected) in [
            ("  EXAMPLE@DOMAIN.COM  ", "example@domain.com"),
            ("a.b+c@localhost", "a.b+c@localhost"),
            ("\u{5d3}\u{5d5}\u{5d3}@\u{5d3}", "\u{5d3}\u{5d5}\u{5d3}@\u{5d3}"),
            ("m\u{fc}ller@example.com", "m\u{fc}ller@example.com"),
        ] {
            assert_eq!(email(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, why) in [
            ("", Unfit::Empty),
            ("nobody", Unfit::Email),
            ("a@b@", Unfit::Email),
            ("a..b@example.com", Unfit::Email),
            ("Alice <alice@example.com>", Unfit::Email),
            ("a b@example.com", Unfit::Email),
            ("alice\u{5d0}@example.com", Unfit::Direction),
            ("alice\u{200b}@example.com", Unfit::Character),
        ] {
            assert_eq!(email(text), Err(why), "{text}");
        }
    }

    #[test]
    fn the_email_format() {
        assert!(is_email("a@b"));
        assert!(is_email("Some.One+x@sub.example.com"));
        let long = format!("{}@example.com", "a".repeat(65));
        for text in ["", "a", "@b", "a@", "a@-b.com", "a@b..com", "a@b_c.com", "a b@c.de", "a@m\u{fc}ller.de", &long] {
            assert!(!is_email(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_again_changes_nothing(text in any::<String>()) {
            let once = identifier(&text);
            prop_assert_eq!(identifier(&once), once);
        }

        #[test]
        fn numbers_stay_what_they_became(text in r"\+[0-9 ()-]{6,18}") {
            let once = identifier(&text);
            prop_assert_eq!(identifier(&once), once);
        }

        #[test]
        fn twins_collapse(name in "[a-z]{1,12}", at in 0_usize..12, rune in r"[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2069}\u{ad}]") {
            let at = at.min(name.len());
            let (head, tail) = name.split_at(at);
            let wide: String = head.bytes().filter_map(|byte| char::from_u32(u32::from(byte) + 0xfee0)).collect();
            prop_assert_eq!(identifier(&format!("{wide}{rune}{}", tail.to_uppercase())), name);
        }

        #[test]
        fn a_strict_address_is_its_own_identifier(text in r"[A-Za-z\u{e0}-\u{ff}.+]{1,8}@[A-Za-z.]{1,8}") {
            if let Ok(address) = email(&text) {
                prop_assert_eq!(&identifier(&address), &address);
                prop_assert_eq!(email(&address), Ok(address.clone()));
            }
        }
    }
}
