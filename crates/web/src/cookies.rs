//! Cookies that come and go, and where a session token is looked for.
//!
//! The session cookie holds the token sealed, with the time it was made to end, so that a longer life of the session
//! can be told from it. What we sealed with an older secret still opens; anything else counts as no cookie at all.

use crate::kratos_cookie;
use http::{HeaderMap, HeaderValue, header};
use std::fmt::Write as _;
use time::{OffsetDateTime, format_description::StaticFormatDescription, macros::format_description};
use zelos_core::{
    config::{CookieSettings, SameSite},
    rng::Rng,
    session::{Session, SessionToken},
    snapshot::Snapshot,
};

/// What the session cookie says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SessionCookie {
    pub(crate) token: SessionToken,
    pub(crate) expires_at: OffsetDateTime,
}

const PURPOSE: &str = "session";

/// Names of cookies that reverse proxies add by themselves: a native app may come with them.
const PROXY_COOKIES: [&str; 3] = ["__cf", "_cf", "cf_"];

/// Every cookie of the request, in order. One that is no text is left out alone: browsers send whatever other programs
/// of the same site have set, all in one line.
pub(crate) fn all(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|pair| {
        let (name, value) = std::str::from_utf8(pair).ok()?.trim().split_once('=')?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        Some((name, value))
    })
}

/// Whether a cookie came that no reverse proxy is known to add.
pub(crate) fn are_foreign(headers: &HeaderMap) -> bool {
    all(headers).any(|(name, _)| !PROXY_COOKIES.iter().any(|known| name.starts_with(known)))
}

/// The session cookie, if one can be read: ours, or one from before a move. Of several the first readable one counts.
pub(crate) fn session(snapshot: &Snapshot, now: OffsetDateTime, headers: &HeaderMap) -> Option<SessionCookie> {
    let name = snapshot.session_cookie_name.as_str();
    // Kratos authenticates the name, which has no prefix there.
    let kratos_name = snapshot.session.cookie.name.as_str();
    let read = |value| open(snapshot, value).or_else(|| kratos_cookie::open(snapshot, now, kratos_name, value));
    all(headers).filter(|(found, _)| *found == name).find_map(|(_, value)| read(value))
}

/// The session token: `X-Session-Token`, then the cookie, then the bearer's.
pub(crate) fn session_token(headers: &HeaderMap, cookie: Option<&SessionCookie>) -> Option<SessionToken> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(token) = text("x-session-token").filter(|token| !token.is_empty()) {
        return Some(SessionToken::received(token));
    }
    if let Some(cookie) = cookie {
        return Some(cookie.token.clone());
    }
    let (scheme, token) = text("authorization")?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ');
    is_bearer.then(|| SessionToken::received(token))
}

/// The `Set-Cookie` that hands a session to a browser.
pub(crate) fn hand_out(
    snapshot: &Snapshot,
    rng: &dyn Rng,
    now: OffsetDateTime,
    session: &Session,
    token: &SessionToken,
) -> Option<HeaderValue> {
    let mut plain = session.expires_at.unix_timestamp().to_be_bytes().to_vec();
    plain.extend_from_slice(token.expose().as_bytes());
    let sealed = snapshot.keys.seal(rng, PURPOSE, &plain);
    let settings = snapshot.session_cookie();
    let age = settings.max_age.map(|_| (session.expires_at - now).whole_seconds().max(0));
    let life = age.map(|age| Life { age, until: Some(now + time::Duration::seconds(age)) });
    set_cookie(&snapshot.session_cookie_name, &sealed, &settings, life)
}

/// The `Set-Cookie` that takes the session from a browser.
pub(crate) fn take_back(snapshot: &Snapshot) -> Option<HeaderValue> {
    // As Go writes a cookie that is to be removed.
    let past = OffsetDateTime::UNIX_EPOCH + time::Duration::SECOND;
    let life = Life { age: 0, until: Some(past) };
    set_cookie(&snapshot.session_cookie_name, "", &snapshot.session_cookie(), Some(life))
}

/// A year, in seconds: the age of what browsers keep for long.
pub(crate) const LASTING: i64 = 31_536_000;

/// The `Set-Cookie` of something that a browser keeps for long.
pub(crate) fn set_lasting(snapshot: &Snapshot, name: &str, value: &str) -> Option<HeaderValue> {
    let settings = snapshot.cookie();
    // Browsers drop `SameSite=None` without `Secure`.
    let same_site = if settings.secure { settings.same_site } else { SameSite::Lax };
    set_cookie(name, value, &CookieSettings { same_site, ..settings }, Some(Life { age: LASTING, until: None }))
}

/// How long a browser keeps a cookie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// `Max-Age`, in seconds.
    age: i64,
    /// `Expires`: the same instant, for clients that know no `Max-Age`.
    until: Option<OffsetDateTime>,
}

/// A date as headers have it (RFC 9110, section 5.6.7); the time is UTC.
const DATE: StaticFormatDescription =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A `Set-Cookie`, `HttpOnly` in any case; none if the configuration holds what no header can.
pub(crate) fn set_cookie(
    name: &str,
    value: &str,
    settings: &CookieSettings<'_>,
    life: Option<Life>,
) -> Option<HeaderValue> {
    let mut text = format!("{name}={value}; Path={}", settings.path);
    if let Some(domain) = settings.domain {
        let _ = write!(text, "; Domain={domain}");
    }
    if let Some(Life { age, until }) = life {
        let until = until.and_then(|until| until.to_offset(time::UtcOffset::UTC).format(DATE).ok());
        if let Some(until) = until {
            let _ = write!(text, "; Expires={until}");
        }
        let _ = write!(text, "; Max-Age={age}");
    }
    text.push_str("; HttpOnly");
    if settings.secure {
        text.push_str("; Secure");
    }
    text.push_str(match settings.same_site {
        SameSite::Strict => "; SameSite=Strict",
        SameSite::Lax => "; SameSite=Lax",
        SameSite::None => "; SameSite=None",
    });
    let value = HeaderValue::try_from(text);
    if value.is_err() {
        tracing::error!(cookie = name, "the configured cookie attributes cannot be written into a header");
    }
    value.ok()
}

fn open(snapshot: &Snapshot, sealed: &str) -> Option<SessionCookie> {
    let plain = snapshot.keys.open(PURPOSE, sealed)?;
    let (expires_at, token) = plain.split_first_chunk::<8>()?;
    let expires_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*expires_at)).ok()?;
    let token = SessionToken::received(std::str::from_utf8(token).ok()?);
    Some(SessionCookie { token, expires_at })
}

#[cfg(test)]
#[path = "cookies_tests.rs"]
mod tests;
