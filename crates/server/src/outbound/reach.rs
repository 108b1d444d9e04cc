//! Which addresses may be reached.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::IpAddr;
use url::{Host, Url};
use zelos_core::outbound::is_public;

/// How a URL may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// Wherever it is.
    Open,
    /// Through names that lead to public addresses.
    Guarded,
    /// Not at all.
    Closed,
}

/// The configured rule.
#[derive(Debug)]
pub(super) struct Reach {
    guarded: bool,
    exceptions: Vec<Vec<char>>,
}

impl Reach {
    /// `exceptions` are globs of URLs for which the guard does not count.
    pub(super) fn new(guarded: bool, exceptions: &[String]) -> Self {
        Self { guarded, exceptions: exceptions.iter().map(|glob| glob.chars().collect()).collect() }
    }

    /// How `url` may be reached.
    pub(super) fn route(&self, url: &Url) -> Route {
        let address = match url.host() {
            _ if !matches!(url.scheme(), "http" | "https") => return Route::Closed,
            None => return Route::Closed,
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        };
        if !self.guarded || self.excepts(url) {
            return Route::Open;
        }
        // Nobody asks a resolver for a literal address.
        if address.is_some_and(|address| !is_public(address)) { Route::Closed } else { Route::Guarded }
    }

    fn excepts(&self, url: &Url) -> bool {
        let mut url = url.clone();
        url.set_query(None);
        url.set_fragment(None);
        let text: Vec<char> = url.as_str().chars().collect();
        // An operator may or may not write the slash of an empty path.
        let bare = if url.path() == "/" { &text[..text.len() - 1] } else { &text[..] };
        self.exceptions.iter().any(|glob| matches(glob, &text) || matches(glob, bare))
    }
}

/// Globs as Kratos has them: `*` and `?` stop at `.` and `/`, `**` does not; `[a-z]`, `[!a-z]`, `{one,other}`, `\` before a
/// letter that stands for itself. A glob that makes no sense matches nothing.
fn matches(glob: &[char], text: &[char]) -> bool {
    let separator = |letter: &char| matches!(letter, '.' | '/');
    match glob {
        [] => text.is_empty(),
        ['*', '*', rest @ ..] => (0..=text.len()).any(|taken| matches(rest, &text[taken..])),
        ['*', rest @ ..] => {
            let most = text.iter().take_while(|letter| !separator(letter)).count();
            (0..=most).any(|taken| matches(rest, &text[taken..]))
        }
        ['?', rest @ ..] => text.split_first().is_some_and(|(letter, text)| !separator(letter) && matches(rest, text)),
        ['[', rest @ ..] => {
            let Some(end) = rest.iter().position(|letter| *letter == ']') else { return false };
            let (class, rest) = (&rest[..end], &rest[end + 1..]);
            text.split_first().is_some_and(|(letter, text)| in_class(class, *letter) && matches(rest, text))
        }
        ['{', rest @ ..] => alternatives(rest).is_some_and(|(alternatives, rest)| {
            alternatives.iter().any(|alternative| matches(&[alternative, rest].concat(), text))
        }),
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
            text.split_first().is_some_and(|(letter, text)| letter == literal && matches(rest, text))
        }
    }
}

fn in_class(class: &[char], letter: char) -> bool {
    let (negated, class) = match class {
        ['!', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let found = match class {
        [first, '-', last] => (*first..=*last).contains(&letter),
        _ => class.contains(&letter),
    };
    found != negated
}

/// What stands between the commas up to the closing brace, and what follows it.
fn alternatives(glob: &[char]) -> Option<(Vec<&[char]>, &[char])> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, letter) in glob.iter().enumerate() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                found.push(&glob[start..at]);
                return Some((found, &glob[at + 1..]));
            }
            ',' if depth == 0 => {
                found.push(&glob[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// A name leads to no address that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to private addresses only")]
pub(super) struct PrivateOnly;

/// A resolver that knows no private address.
#[derive(Debug)]
pub(super) struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port is filled in by whoever asks.
            let all = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = all.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(PrivateOnly.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_depend_on_scheme_address_and_exceptions() {
        let open = Reach::new(false, &[]);
        let guarded = Reach::new(true, &["http://10.0.0.1".into(), "https://*.internal/hooks/**".into()]);
        for (url, without, with) in [
            ("https://example.org/", Route::Open, Route::Guarded),
            ("http://1.1.1.1/", Route::Open, Route::Guarded),
            ("http://127.0.0.1:4433/", Route::Open, Route::Closed),
            ("http://0x7f.1/", Route::Open, Route::Closed),
            ("http://2130706433/", Route::Open, Route::Closed),
            ("http://[::1]/", Route::Open, Route::Closed),
            ("http://[::ffff:10.0.0.2]/", Route::Open, Route::Closed),
            ("http://10.0.0.1/?a=b#c", Route::Open, Route::Open),
            ("http://10.0.0.1/other", Route::Open, Route::Closed),
            ("https://one.internal/hooks/a.b/c", Route::Open, Route::Open),
            ("https://one.two.internal/hooks/a", Route::Open, Route::Guarded),
            ("ftp://example.org/", Route::Closed, Route::Closed),
            ("file:///etc/passwd", Route::Closed, Route::Closed),
            ("data:text/plain,x", Route::Closed, Route::Closed),
        ] {
            let parsed = Url::parse(url).expect(url);
            assert_eq!((open.route(&parsed), guarded.route(&parsed)), (without, with), "{url}");
        }
    }

    #[test]
    fn globs_match_as_kratos_does() {
        for (glob, text, expected) in [
            ("http://a.b/c", "http://a.b/c", true),
            ("http://a.b/c", "http://a.b/cd", false),
            ("http://*.b/", "http://a.b/", true),
            ("http://*.b/", "http://a.a.b/", false),
            ("http://**.b/", "http://a.a.b/", true),
            ("http://a/**", "http://a/b/c.d", true),
            ("http://a/*", "http://a/b/c", false),
            ("http://a/?", "http://a/b", true),
            ("http://a?b", "http://a.b", false),
            ("http://a/[bc]", "http://a/c", true),
            ("http://a/[!bc]", "http://a/c", false),
            ("http://a/[b-d]", "http://a/c", true),
            ("http://{a,b{c,d}}/", "http://bd/", true),
            ("http://{a,b}/", "http://c/", false),
            ("http://a/\\*", "http://a/*", true),
            ("http://a/\\*", "http://a/b", false),
            ("http://a/[b", "http://a/[b", false),
            ("http://a/{b", "http://a/{b", false),
        ] {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(matches(&letters(glob), &letters(text)), expected, "{glob} {text}");
        }
    }
}
