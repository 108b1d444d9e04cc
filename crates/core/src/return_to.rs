//! Where a browser may be sent after a flow: the one judge of every `return_to`.
//!
//! An address is taken apart exactly as browsers do (the WHATWG rules of the `url` crate), and what a browser would
//! read leniently (backslashes, control characters, user names in front of the host) is refused before, so that no two
//! readers can see two hosts. `check` judges when a flow is created, `resolve` again when it ends.

use url::{Host, Url};

/// The configured rules, made ready once per configuration.
#[derive(Debug, Clone)]
pub struct ReturnRules {
    default: Url,
    allowed: Vec<Allowed>,
    ignored: Vec<Url>,
}

/// The address is not on the allow-list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Requested return_to URL {url:?} is not allowed.")]
pub struct Forbidden {
    /// The address that was asked for.
    pub url: String,
}

/// One entry of the allow-list.
#[derive(Debug, Clone)]
struct Allowed {
    scheme: String,
    /// Lower case; what follows the star if `wildcard`.
    host: String,
    wildcard: bool,
    port: Option<u16>,
    path: String,
}

impl ReturnRules {
    /// The rules of a configuration: where to go by default, the allow-list, our own public address (its
    /// `/self-service` is always allowed), and whether wildcards may reach beyond one registrable domain.
    pub fn new(default: Url, allowed: &[Url], public: &Url, allow_wide_wildcards: bool) -> Self {
        let (kept, ignored): (Vec<&Url>, Vec<&Url>) =
            allowed.iter().partition(|url| allow_wide_wildcards || url.host_str().is_none_or(wildcard_is_bounded));
        let mut allowed: Vec<Allowed> = kept.into_iter().map(Allowed::new).collect();
        let mut own = Allowed::new(public);
        own.path = format!("{}/self-service", public.path().trim_end_matches('/'));
        allowed.push(own);
        Self { default, allowed, ignored: ignored.into_iter().cloned().collect() }
    }

    /// Entries of the allow-list that are left out because their wildcard is too wide; to be warned of.
    pub fn ignored(&self) -> &[Url] {
        &self.ignored
    }

    /// Where to go if nothing else is said.
    pub fn default_url(&self) -> &Url {
        &self.default
    }

    /// Judges what a client asks for when a flow is created. Returns the address as it goes on the wire; none if
    /// nothing was asked for.
    pub fn check(&self, return_to: Option<&str>) -> Result<Option<String>, Forbidden> {
        match return_to.filter(|text| !text.is_empty()) {
            None => Ok(None),
            Some(text) => self.judge(text).map(Some),
        }
    }

    /// Where to go at the end: to `return_to`, judged again, else to the first `configured` address, else to the
    /// default. What is configured needs no judgement.
    pub fn resolve(&self, return_to: Option<&str>, configured: &[Option<&Url>]) -> Result<String, Forbidden> {
        if let Some(text) = return_to.filter(|text| !text.is_empty()) {
            return self.judge(text);
        }
        let url = configured.iter().flatten().next().copied().unwrap_or(&self.default);
        Ok(url.to_string())
    }

    fn judge(&self, text: &str) -> Result<String, Forbidden> {
        let forbidden = || Forbidden { url: text.to_owned() };
        let url = self.parse(text).ok_or_else(forbidden)?;
        if self.allowed.iter().any(|allowed| allowed.covers(&url)) {
            Ok(as_written(text, &url))
        } else {
            Err(forbidden())
        }
    }

    /// Reads an address as a browser would, if there is only one way to read it.
    fn parse(&self, text: &str) -> Option<Url> {
        let before_query = text.split(['?', '#']).next().unwrap_or_default();
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) || before_query.contains('\\') {
            return None;
        }
        let url = if text.starts_with(['/', '?']) { self.default.join(text) } else { Url::parse(text) }.ok()?;
        let plain = url.username().is_empty() && url.password().is_none() && !url.cannot_be_a_base();
        (plain && !runs_code(url.scheme())).then_some(url)
    }
}

impl Allowed {
    fn new(url: &Url) -> Self {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        // What stands before the last star is not looked at; without the leading star the entry matches nothing.
        let (host, wildcard) = match host.strip_prefix('*') {
            Some(suffix) => (suffix.to_owned(), true),
            None => (host, false),
        };
        let path = if url.path().is_empty() { "/" } else { url.path() };
        Self {
            scheme: url.scheme().to_owned(),
            host,
            wildcard,
            port: url.port_or_known_default(),
            path: path.to_owned(),
        }
    }

    fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let is_name = !matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        let same_host = if self.wildcard { is_name && host.ends_with(&self.host) } else { host == self.host };
        let path = if url.path().is_empty() { "/" } else { url.path() };
        // Quirk: a prefix of the text, so that `/app` also allows `/application` (Kratos `x/redir/secure_redirect.go`).
        self.scheme == url.scheme()
            && same_host
            && self.port == url.port_or_known_default()
            && path.starts_with(&self.path)
    }
}

/// The text itself where it says no more and no less than what a browser makes of it, else what it makes of it.
fn as_written(text: &str, url: &Url) -> String {
    let serialized = url.as_str();
    let same = serialized == text || serialized.strip_suffix('/') == Some(text);
    if same { text } else { serialized }.to_owned()
}

/// Schemes whose addresses run or show what is written in them, or lead to the person's own files.
fn runs_code(scheme: &str) -> bool {
    matches!(scheme, "javascript" | "data" | "vbscript" | "blob" | "about" | "file" | "view-source")
}

/// Whether all hosts that a pattern matches belong to one registrable domain: `*.example.com` is bounded, `*`,
/// `*example.com`, `*.com` and `*.co.uk` are not. A host without a star is.
pub fn wildcard_is_bounded(host: &str) -> bool {
    let Some(star) = host.rfind('*') else { return true };
    let Some((_, base)) = host[star..].split_once('.') else { return false };
    let base = base.split(':').next().unwrap_or_default().to_ascii_lowercase();
    psl::domain_str(&base).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn rules_with(wide: bool) -> ReturnRules {
        let allowed = [
            "https://allowed.example.org",
            "http://127.0.0.1:4455/app",
            "https://*.wild.example.net",
            "https://*.com",
            "myapp://callback",
        ]
        .map(url);
        ReturnRules::new(url("https://ui.example.org/welcome"), &allowed, &url("https://id.example.org/auth"), wide)
    }

    fn rules() -> ReturnRules {
        rules_with(false)
    }

    #[test]
    fn allowed_addresses_come_back_as_written() {
        for text in [
            "https://allowed.example.org",
            "https://allowed.example.org/",
            "https://allowed.example.org/x?a=b#c",
            "http://127.0.0.1:4455/app/somewhere?a=b",
            "https://id.example.org/auth/self-service/login/browser",
            "https://a.wild.example.net/",
            "https://a.b.wild.example.net/x",
            "myapp://callback",
            "myapp://callback/done?x=1",
        ] {
            assert_eq!(rules().check(Some(text)), Ok(Some(text.to_owned())), "{text}");
            assert_eq!(rules().resolve(Some(text), &[]), Ok(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn spellings_of_an_allowed_address_come_back_as_a_browser_reads_them() {
        for (text, expected) in [
            ("HTTPS://Allowed.Example.ORG/x", "https://allowed.example.org/x"),
            ("https://allowed.example.org:443/x", "https://allowed.example.org/x"),
            ("https://allowed.example.org/a/%2e%2e/b", "https://allowed.example.org/b"),
            ("https:allowed.example.org/x", "https://allowed.example.org/x"),
        ] {
            assert_eq!(rules().check(Some(text)), Ok(Some(expected.to_owned())), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_forbidden() {
        for text in [
            "https://evil.example.com/",
            "http://allowed.example.org/",
            "https://allowed.example.org.evil.com/",
            "https://allowed.example.org:8443/",
            "//evil.example.com/",
            "///evil.example.com/",
            "/\\evil.example.com/",
            "\\\\evil.example.com/",
            "https:\\\\allowed.example.org/",
            "https://evil.example.com\\@allowed.example.org/",
            "https://allowed.example.org@evil.example.com/",
            "https://someone@allowed.example.org/",
            "https://someone:secret@allowed.example.org/",
            "javascript:alert(1)",
            "javascript://allowed.example.org/%0aalert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "java\tscript:alert(1)",
            "https://allowed.example.org/\r\nset-cookie: a=b",
            " https://allowed.example.org/",
            "https://allowed.exam\nple.org/",
            "https://wild.example.net/",
            "https://evilwild.example.net/",
            "https://evil.com/",
            "http://127.0.0.1:4455/ap",
            "http://127.0.0.1:4455/app/%2e%2e/other",
            "http://127.0.0.1/app",
            "https://id.example.org/auth/other",
            "https://id.example.org/auth/self-service/../other",
            "myapp://other",
            "elsewhere",
            "/relative/on/the/default",
            "https://",
        ] {
            assert_eq!(rules().check(Some(text)), Err(Forbidden { url: text.to_owned() }), "{text}");
        }
    }

    #[test]
    fn relative_addresses_belong_to_the_default() {
        let rules = ReturnRules::new(
            url("https://ui.example.org/welcome"),
            &[url("https://ui.example.org/")],
            &url("https://id.example.org/"),
            false,
        );
        assert_eq!(rules.check(Some("/x?y=z")), Ok(Some("https://ui.example.org/x?y=z".to_owned())));
        assert_eq!(rules.check(Some("//ui.example.org/x")), Ok(Some("https://ui.example.org/x".to_owned())));
        assert!(rules.check(Some("//evil.example.org/x")).is_err());
    }

    #[test]
    fn nothing_asked_for_is_no_violation() {
        assert_eq!(rules().check(None), Ok(None));
        assert_eq!(rules().check(Some("")), Ok(None));
    }

    #[test]
    fn the_end_of_a_flow_prefers_what_was_asked_for_then_what_is_configured() {
        let (after, method) = (url("https://anywhere.test/after"), url("https://anywhere.test/method"));
        let configured = [Some(&method), Some(&after)];
        let asked = rules().resolve(Some("https://allowed.example.org/x"), &configured);
        assert_eq!(asked.as_deref(), Ok("https://allowed.example.org/x"));
        assert_eq!(rules().resolve(None, &configured).as_deref(), Ok("https://anywhere.test/method"));
        assert_eq!(rules().resolve(None, &[None, Some(&after)]).as_deref(), Ok("https://anywhere.test/after"));
        assert_eq!(rules().resolve(Some(""), &[]).as_deref(), Ok("https://ui.example.org/welcome"));
        assert!(rules().resolve(Some("https://evil.example.com/"), &configured).is_err());
    }

    #[test]
    fn wide_wildcards_count_only_where_they_are_asked_for() {
        assert_eq!(rules().ignored(), [url("https://*.com")]);
        assert!(rules_with(true).check(Some("https://evil.com/")).is_ok());
        for host in ["*.example.com", "*.example.co.uk", "*.a.example.com", "*.example.com:8080", "example.com"] {
            assert!(wildcard_is_bounded(host), "{host}");
        }
        for host in ["*", "*example.com", "*.com", "*.co.uk", "foo.*.com", "www.example.*", "*."] {
            assert!(!wildcard_is_bounded(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_allowed_leads_to_an_allowed_host(
            text in r"(https?|javascript|myapp)?(:|%3a)?[/\\]{0,3}([a-z@:.%\\*]|allowed\.example\.org|127\.0\.0\.1|:4455|\.wild\.example\.net|/app|\.\.|%2e|\t|\u{ff0e}){0,12}"
        ) {
            if let Ok(Some(to)) = rules().check(Some(&text)) {
                let to = Url::parse(&to).unwrap();
                let host = to.host_str().unwrap_or_default();
                let known = match to.scheme() {
                    "https" => host == "allowed.example.org"
                        || host.ends_with(".wild.example.net")
                        || (host == "id.example.org" && to.path().starts_with("/auth/self-service")),
                    "http" => host == "127.0.0.1" && to.port() == Some(4455) && to.path().starts_with("/app"),
                    "myapp" => host == "callback",
                    _ => false,
                };
                prop_assert!(known, "{} led to {}", text, to);
            }
        }
    }
}
