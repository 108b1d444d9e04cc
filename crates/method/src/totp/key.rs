//! What an authenticator app and we share, and the codes that follow from it (RFC 6238, RFC 4226): SHA-1, six digits,
//! thirty seconds. That is fifteen lines on the HMAC that is there anyway; a library for it would bring rules of its own
//! about which keys of elsewhere may be taken over.

use data_encoding::{BASE32, BASE32_NOPAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use url::{Url, form_urlencoded};
use zelos_core::rng::Rng;
use zeroize::Zeroizing;

/// So long a code is good for, in seconds.
const PERIOD: i64 = 30;
/// A code is a number below this: six digits.
const CODES: u32 = 1_000_000;
/// As RFC 4226 recommends: 160 bits.
const SECRET_BYTES: usize = 20;
/// Longer names would make the picture too fine to be read.
const LONGEST_NAME: usize = 64;

/// A shared secret, and the address by which apps learn it.
pub(super) struct Key {
    url: String,
    secret: Zeroizing<Vec<u8>>,
}

impl Key {
    /// A new one; the app will list it under these names.
    pub(super) fn generate(rng: &dyn Rng, issuer: &str, account: &str) -> Self {
        let secret = Zeroizing::new(rng.bytes::<SECRET_BYTES>().to_vec());
        let (issuer, account) = (shortened(issuer), shortened(account));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("algorithm", "SHA1")
            .append_pair("digits", "6")
            .append_pair("issuer", &issuer)
            .append_pair("period", &PERIOD.to_string())
            .append_pair("secret", &BASE32_NOPAD.encode(&secret))
            .finish();
        let mut url = label(&format!("{issuer}:{account}"));
        // Apps do not read a plus sign as a blank.
        url.push_str(&query.replace('+', "%20"));
        Self { url, secret }
    }

    /// The one that an address tells, if it tells one.
    ///
    /// Quirk: only the secret counts; codes are those of SHA-1, six digits and thirty seconds whatever the address asks
    /// for, as many apps do it, too (Kratos selfservice/strategy/totp/login.go).
    pub(super) fn from_url(url: &str) -> Option<Self> {
        let parsed = Url::parse(url.trim()).ok()?;
        let is_totp = parsed.scheme() == "otpauth" && parsed.host_str()?.eq_ignore_ascii_case("totp");
        let (_, secret) = parsed.query_pairs().find(|(name, _)| is_totp && name == "secret")?;
        let letters: String = secret.chars().filter(|letter| !letter.is_whitespace() && *letter != '=').collect();
        let secret = BASE32_NOPAD.decode(letters.to_ascii_uppercase().as_bytes()).ok()?;
        (!secret.is_empty()).then(|| Self { url: url.to_owned(), secret: Zeroizing::new(secret) })
    }

    /// The address, for the picture and for storage.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The secret as one types it into an app.
    pub(super) fn secret(&self) -> String {
        BASE32.encode(&self.secret).trim_end_matches('=').to_owned()
    }

    /// The step whose code that is: the present one, or one of its neighbours, for clocks go wrong; none if it is another
    /// code, or one up to `after`, the last step that was accepted. Blanks in the code do not count.
    pub(super) fn step_of(&self, code: &str, now: OffsetDateTime, after: Option<i64>) -> Option<i64> {
        let code: String = code.chars().filter(|digit| !digit.is_whitespace()).collect();
        let present = now.unix_timestamp().div_euclid(PERIOD);
        let mut steps = (present - 1..=present + 1).filter(|step| after.is_none_or(|after| *step > after));
        steps.find(|step| self.code(*step).as_bytes().ct_eq(code.as_bytes()).into())
    }

    fn code(&self, step: i64) -> String {
        let Ok(mac) = Hmac::<Sha1>::new_from_slice(&self.secret) else { unreachable!("HMAC takes keys of any length") };
        let tag: [u8; 20] = mac.chain_update(step.to_be_bytes()).finalize().into_bytes().into();
        let at = usize::from(tag[19] & 0xf);
        let cut = u32::from_be_bytes([tag[at], tag[at + 1], tag[at + 2], tag[at + 3]]) & 0x7fff_ffff;
        format!("{:06}", cut % CODES)
    }
}

/// The address up to its query.
fn label(names: &str) -> String {
    let Ok(mut url) = Url::parse("otpauth://totp/") else { unreachable!("this is an address") };
    if let Ok(mut path) = url.path_segments_mut() {
        path.push(names);
    }
    format!("{url}?")
}

fn shortened(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::SeededRng;

    /// The secret of RFC 6238, appendix B.
    const URL: &str = "otpauth://totp/A:b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(seconds).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        let key = Key::from_url(URL).unwrap();
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(key.step_of(code, at(seconds), None), Some(seconds / 30));
        }
    }

    #[test]
    fn one_step_of_drift_is_borne_and_no_step_serves_twice() {
        let key = Key::from_url(URL).unwrap();
        let (now, step) = (at(1_111_111_109), 1_111_111_109 / 30);
        for drift in -3..=3 {
            let found = key.step_of(&key.code(step + drift), now, None);
            assert_eq!(found, (drift.abs() <= 1).then_some(step + drift), "{drift}");
        }
        assert_eq!(key.step_of("081 804 ", now, Some(step - 1)), Some(step));
        for (code, after) in [("081804", step), ("081804", step + 1), ("81804", 0), ("", 0), ("0818040", 0)] {
            assert_eq!(key.step_of(code, now, Some(after)), None, "{code}");
        }
    }

    #[test]
    fn what_is_made_can_be_read_again() {
        let key = Key::generate(&SeededRng::new(1), "Ä & Co", "ada+x@example.org");
        assert!(
            key.url().starts_with("otpauth://totp/%C3%84%20&%20Co:ada+x@example.org?algorithm=SHA1"),
            "{}",
            key.url()
        );
        assert!(key.url().contains("&issuer=%C3%84%20%26%20Co&"), "{}", key.url());
        let read = Key::from_url(key.url()).unwrap();
        assert_eq!((read.secret(), read.secret().len()), (key.secret(), 32));
    }

    #[test]
    fn spellings_of_a_secret() {
        let spelled = "otpauth://totp/x?secret=gezd%20gnbv%20gy3t%20qojq%20gezd%20gnbv%20gy3t%20qojq====&digits=8";
        assert_eq!(Key::from_url(spelled).unwrap().secret(), Key::from_url(URL).unwrap().secret());
        for bad in [
            "",
            "x",
            "otpauth://totp/x",
            "otpauth://totp/x?secret=",
            "otpauth://totp/x?secret=1",
            "otpauth://hotp/x?secret=GEZDGNBV",
            "https://totp/x?secret=GEZDGNBV",
        ] {
            assert!(Key::from_url(bad).is_none(), "{bad}");
        }
    }
}
