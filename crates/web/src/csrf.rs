//! The anti-CSRF cookie: made for every browser that comes by, checked before the router for whatever changes
//! something and has no check of its own.
//!
//! Submissions of flows are exempt: there the engine compares the token in the form with the cookie, once it knows the
//! flow. So are doors for programs without cookies. What is left is mostly paths where nothing is; they are refused all
//! the same, since the check stands before the router.

use crate::cookies;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method};
use zelos_core::{problem::CsrfReason, snapshot::Snapshot};
use zelos_flow::csrf::{Secret, verify};

/// A secret that this request got and whose cookie goes out with the answer: an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh(pub(crate) Secret);

/// What the middleware does about a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Nothing at all.
    Off,
    /// No cookie, no check.
    Exempt,
    /// A cookie for everybody, a check for what changes something.
    On,
}

/// `*` stands for anything without a slash.
const EXEMPT: [&str; 24] = [
    "/sessions",
    "/sessions/*",
    "/sessions/*/extend",
    "/self-service/*/api",
    "/self-service/login",
    "/self-service/registration",
    "/self-service/settings",
    "/self-service/recovery",
    "/self-service/verification",
    "/self-service/login/test",
    "/self-service/recovery/code",
    "/self-service/recovery/link",
    "/self-service/methods/oidc/callback/*",
    "/identities",
    "/identities/*",
    "/identities/*/sessions",
    "/identities/*/credentials/*",
    "/admin/identities",
    "/admin/identities/*",
    "/admin/identities/*/credentials/*",
    "/schemas/*",
    "/admin/schemas/*",
    "/recovery/*",
    "/ui/assets/*",
];

const OFF: [&str; 4] = ["/health/alive", "/health/ready", "/version", "/metrics/prometheus"];

impl Guard {
    /// What holds for that path. A submission that is a link, from a mail perhaps, may be opened by a browser that was
    /// never here: it gets its cookie.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        if *method == Method::GET && matches("/self-service/*", path) {
            Self::On
        } else if OFF.contains(&path) {
            Self::Off
        } else if EXEMPT.iter().any(|pattern| matches(pattern, path)) || path.ends_with("/courier/messages") {
            Self::Exempt
        } else {
            Self::On
        }
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    pattern.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
        && parts.next().is_none()
}

/// More cookies of one name are not looked at.
const MOST: usize = 8;

/// The secrets in the browser's cookies, in their order. A browser sends several cookies of the name where others were set
/// for a parent domain or another path; which of them belongs to a form is known by its token or by its flow.
pub(crate) fn secrets<'a>(snapshot: &'a Snapshot, headers: &'a HeaderMap) -> impl Iterator<Item = Secret> + 'a {
    let name = snapshot.csrf_cookie_name.as_str();
    let values = cookies::all(headers).filter(move |(found, _)| *found == name).take(MOST);
    values.filter_map(|(_, value)| STANDARD.decode(value).ok()?.try_into().ok())
}

/// Whether a request may go on: it changes nothing, or shows the token of one of its secrets in its header. (The form is
/// not read here: every path that takes one checks it itself.)
pub(crate) fn check(method: &Method, headers: &HeaderMap, secrets: &[Secret]) -> Result<(), CsrfReason> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE) {
        return Ok(());
    }
    if secrets.is_empty() {
        let has_cookies = headers.contains_key(http::header::COOKIE);
        return Err(if has_cookies { CsrfReason::NoCsrfCookie } else { CsrfReason::NoCookies });
    }
    match headers.get("x-csrf-token").and_then(|token| token.to_str().ok()) {
        Some(token) if secrets.iter().any(|secret| verify(secret, token)) => Ok(()),
        Some(_) => Err(CsrfReason::Mismatch),
        None => Err(CsrfReason::NoToken),
    }
}

/// The `Set-Cookie` that gives a browser its secret.
pub(crate) fn hand_out(snapshot: &Snapshot, secret: &Secret) -> Option<HeaderValue> {
    cookies::set_lasting(snapshot, &snapshot.csrf_cookie_name, &STANDARD.encode(secret))
}

/// Whether an answer gives the browser a secret.
pub(crate) fn is_handed_out(snapshot: &Snapshot, headers: &HeaderMap) -> bool {
    let name = snapshot.csrf_cookie_name.as_bytes();
    headers.get_all(http::header::SET_COOKIE).iter().any(|cookie| cookie.as_bytes().starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::SeededRng;

    #[test]
    fn the_guard_knows_its_exceptions() {
        for path in ["/health/alive", "/health/ready", "/version"] {
            assert_eq!(Guard::of(&Method::GET, path), Guard::Off, "{path}");
        }
        for path in [
            "/sessions/whoami",
            "/sessions",
            "/self-service/login",
            "/self-service/settings/api",
            "/self-service/logout/api",
            "/identities/1",
            "/admin/identities/1/credentials/totp",
            "/schemas/default",
            "/admin/courier/messages",
            "/recovery/code",
        ] {
            assert_eq!(Guard::of(&Method::POST, path), Guard::Exempt, "{path}");
        }
        assert_eq!(Guard::of(&Method::GET, "/self-service/recovery"), Guard::On, "a link may be opened anywhere");
        for path in [
            "/",
            "/health/alive/",
            "/schemas",
            "/self-service/login/browser",
            "/self-service/logout",
            "/self-service/errors",
            "/admin/recovery/code",
            "/admin/sessions",
            "/admin/identities/x/sessions",
            "/sessions/a/b",
            "//sessions",
        ] {
            assert_eq!(Guard::of(&Method::POST, path), Guard::On, "{path}");
        }
    }

    #[test]
    fn what_changes_something_needs_the_token_of_its_cookie() {
        let rng = SeededRng::new(3);
        let (own, other) = (zelos_flow::csrf::generate(&rng), zelos_flow::csrf::generate(&rng));
        let mut headers = HeaderMap::new();
        assert_eq!(check(&Method::GET, &headers, &[]), Ok(()));
        assert_eq!(check(&Method::POST, &headers, &[]), Err(CsrfReason::NoCookies));
        headers.insert("cookie", HeaderValue::from_static("a=b"));
        assert_eq!(check(&Method::POST, &headers, &[]), Err(CsrfReason::NoCsrfCookie));
        assert_eq!(check(&Method::DELETE, &headers, &[own]), Err(CsrfReason::NoToken));
        let token = HeaderValue::try_from(zelos_flow::csrf::mask(&other, &rng)).unwrap();
        headers.insert("x-csrf-token", token);
        assert_eq!(check(&Method::PUT, &headers, &[own]), Err(CsrfReason::Mismatch));
        assert_eq!(check(&Method::PUT, &headers, &[other]), Ok(()));
        assert_eq!(check(&Method::PUT, &headers, &[own, other]), Ok(()), "a cookie of a parent domain stands first");
    }
}
