//! `serve.public.cors.allowed_origins`: what an entry may look like, and which origins it allows.
//!
//! An entry is `*`, or scheme, host and port of an origin, with one `*` in the host, `*` as the port, or both. An entry
//! that can match nothing is refused when the configuration is read, or warned of where Kratos starts with it.

use super::serve::Cors;
use crate::return_to::wildcard_is_bounded;

/// The parts of an origin or of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<&'a str>,
}

impl<'a> Origin<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        // The colons of an IPv6 address stand in brackets.
        let colon = rest.rfind(':').filter(|colon| !rest[*colon..].contains(']'));
        let (host, port) = colon.map_or((rest, None), |colon| (&rest[..colon], Some(&rest[colon + 1..])));
        Some(Self { scheme, host, port })
    }
}

/// What is wrong with an entry of the list, by itself.
pub(crate) fn fault(entry: &str) -> Option<String> {
    if entry == "*" {
        return None;
    }
    let Some(Origin { scheme, host, port }) = Origin::parse(entry) else {
        return Some("expected an origin such as https://example.org, or *".to_owned());
    };
    let stars = |text: &str| text.matches('*').count();
    if stars(host) > 1 {
        return Some("the host of an origin may hold * only once".to_owned());
    }
    if stars(scheme) > 0 || port.is_some_and(|port| port != "*" && stars(port) > 0) {
        return Some(
            "an origin may hold * in its host and instead of its port, as in https://*.example.org or http://localhost:*"
                .to_owned(),
        );
    }
    None
}

/// Why an entry matches no origin.
pub(crate) fn matches_nothing(entry: &str, wide: bool) -> Option<&'static str> {
    let Origin { host, port, .. } = Origin::parse(entry)?;
    if host.contains('/') || port.is_some_and(|port| port.contains('/')) {
        return Some("matches nothing, since an origin has no path: end it before the slash");
    }
    (!wide && !wildcard_is_bounded(host)).then_some(
        "matches nothing, since anyone can register a host that it would allow: put * in front of a domain of yours, as in \
         https://*.example.org",
    )
}

/// Whether the entry allows the origin; both in lower case. `wide`: a `*` may reach beyond one registrable domain.
fn allows(entry: &str, origin: &str, wide: bool) -> bool {
    if entry == "*" || entry == origin {
        return true;
    }
    let (Some(entry), Some(origin)) = (Origin::parse(entry), Origin::parse(origin)) else { return false };
    let host = match entry.host.split_once('*') {
        None => entry.host == origin.host,
        // No origin of a browser has them.
        Some(_) if origin.host.contains(['/', '@', '?', '#']) => false,
        // A star before a suffix that anyone could register lets anyone in.
        Some(_) if !wide && !wildcard_is_bounded(entry.host) => false,
        Some((start, end)) => {
            origin.host.len() >= start.len() + end.len() && origin.host.starts_with(start) && origin.host.ends_with(end)
        }
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match entry.port {
        Some("*") => origin.port.is_none_or(is_port),
        port => port == origin.port,
    };
    entry.scheme == origin.scheme && host && port
}

impl Cors {
    /// Whether scripts of that origin, as a browser sends it, may read answers. `wide`: also by entries whose `*` reaches
    /// beyond one registrable domain.
    pub fn allows(&self, origin: &str, wide: bool) -> bool {
        let origin = origin.to_ascii_lowercase();
        let entries = &self.allowed_origins;
        entries.is_empty() || entries.iter().any(|entry| allows(&entry.to_ascii_lowercase(), &origin, wide))
    }

    /// Whether every origin may read answers to requests with cookies.
    pub fn shares_credentials_with_all(&self) -> bool {
        let entries = &self.allowed_origins;
        self.enabled && self.allow_credentials && (entries.is_empty() || entries.iter().any(|entry| entry == "*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_by_scheme_host_and_port() {
        for (entry, origin) in [
            ("*", "null"),
            ("*", "https://a.example.org"),
            ("https://spa.example.org", "https://spa.example.org"),
            ("https://*.example.org", "https://a.example.org"),
            ("https://*.example.org:8443", "https://a.example.org:8443"),
            ("http://localhost:*", "http://localhost:3000"),
            ("http://localhost:*", "http://localhost"),
            ("http://127.0.0.1:*", "http://127.0.0.1:1"),
            ("http://[::1]:*", "http://[::1]:5173"),
            ("https://*.example.org:*", "https://a.example.org:1234"),
            ("https://*.example.org:*", "https://a.example.org"),
            ("app://localhost", "app://localhost"),
        ] {
            assert_eq!(fault(entry), None, "{entry}");
            assert!(allows(entry, origin, false), "{entry} {origin}");
        }
        for (entry, origin) in [
            ("https://spa.example.org", "https://spa.example.org.evil.com"),
            ("https://spa.example.org", "http://spa.example.org"),
            ("https://spa.example.org", "https://spa.example.org:8443"),
            ("https://*.example.org", "https://example.org.evil.com"),
            ("https://*.example.org", "https://example.org"),
            ("https://*.example.org", "https://a.example.org:8443"),
            ("https://*.example.org:8443", "https://a.example.org"),
            ("https://*example.org", "https://evilexample.org"),
            ("https://*.org", "https://evil.org"),
            ("http://localhost:*", "https://localhost:3000"),
            ("http://localhost:*", "http://localhost:3000.evil.com"),
            ("http://localhost:*", "http://localhost.evil.com:3000"),
            ("http://localhost:*", "http://localhost:"),
            ("http://localhost:*", "null"),
            ("https://*.example.org:*", "https://evil.com/.example.org:1"),
        ] {
            assert!(!allows(entry, origin, false), "{entry} {origin}");
        }
        assert!(allows("https://*.org", "https://evil.org", true));
    }

    #[test]
    fn entries_that_match_nothing_are_refused_or_named() {
        for entry in ["example.org", "https://*.*.example.org", "*://example.org", "http://localhost:30*"] {
            assert!(fault(entry).is_some(), "{entry}");
        }
        for entry in ["https://example.org/", "http://localhost:3000/", "https://*example.org", "https://*.com"] {
            assert_eq!(fault(entry), None, "{entry}: Kratos starts with it");
            assert!(matches_nothing(entry, false).is_some(), "{entry}");
        }
        for entry in ["*", "https://example.org", "http://localhost:*", "https://*.example.org:*"] {
            assert_eq!(matches_nothing(entry, false), None, "{entry}");
        }
        assert_eq!(matches_nothing("https://*.com", true), None);
    }

    #[test]
    fn an_empty_list_means_all() {
        let cors = |list: &[&str]| Cors {
            enabled: true,
            allowed_origins: list.iter().map(ToString::to_string).collect(),
            ..Cors::default()
        };
        assert!(cors(&[]).allows("null", false) && cors(&[]).shares_credentials_with_all());
        assert!(cors(&["*"]).shares_credentials_with_all());
        assert!(!cors(&["https://a.example"]).shares_credentials_with_all());
        assert!(cors(&["https://SPA.example.org"]).allows("https://spa.EXAMPLE.org", false));
        assert!(!Cors { allow_credentials: false, ..cors(&["*"]) }.shares_credentials_with_all());
    }
}
