//! Who is asking: does it want JSON, and at which address did it ask? From which address it comes is in `address.rs`.
//!
//! Two questions about JSON exist on the wire and both must be kept (Kratos `x/isjsonrequest.go`, `x/http.go`): the
//! answer to a fresh flow looks at `Accept` alone, everything else also at `Content-Type`. They are computed here, once.
//!
//! Whatever a proxy says about its client is believed only from a trusted proxy: everybody else could write the same
//! headers, and the words end up in links, in redirects and in the list of devices.

use http::{HeaderMap, Uri, header, uri::Authority};
use std::{net::SocketAddr, str::FromStr};
use zelos_core::{config::Network, snapshot::Snapshot};

/// The other end of the connection; the server puts it into the request's extensions. Without it the client is unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Peer {
    /// None on a Unix socket: there is a proxy on this machine behind it, and it is trusted.
    pub address: Option<SocketAddr>,
    /// Whether the connection itself is encrypted.
    pub tls: bool,
}

/// What a request wants to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client {
    /// `Accept` prefers JSON.
    pub(crate) accepts_json: bool,
    /// `Accept` prefers JSON, or the content type is exactly `application/json`.
    pub(crate) is_json: bool,
}

const HTML: &str = "text/html";
const JSON: &str = "application/json";

impl Client {
    /// Reads the headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let accepts_json = accepts_json(headers);
        // Quirk: a content type with a parameter (`; charset=utf-8`) does not count (Kratos x/isjsonrequest.go).
        let sends_json = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes() == JSON.as_bytes());
        Self { accepts_json, is_json: accepts_json || sends_json }
    }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let mut specs = Vec::new();
    for value in headers.get_all(header::ACCEPT) {
        match value.as_bytes() {
            b"*/*" => specs.push(Spec { value: "*/*", quality: WHOLE }),
            b"application/json" => specs.push(Spec { value: JSON, quality: WHOLE }),
            _ => read_accept(value.to_str().unwrap_or_default(), &mut specs),
        }
    }
    // Upstream's other list of offers (with `text/*` and `*/*` between the two) leads to the same choice: a wildcard of
    // the header meets `text/html` first, and nothing but a better match displaces it.
    negotiate(&specs, &[HTML, JSON], HTML) == JSON
}

/// One member of `Accept`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spec<'a> {
    value: &'a str,
    /// In billionths.
    quality: u64,
}

const WHOLE: u64 = 1_000_000_000;

/// The offer that fits best: higher quality first, then the more exact match, then the earlier offer.
fn negotiate<'a>(specs: &[Spec<'_>], offers: &[&'a str], default: &'a str) -> &'a str {
    let mut best = default;
    let mut found: Option<(u64, u8)> = None;
    for offer in offers {
        for spec in specs.iter().filter(|spec| spec.quality > 0) {
            let wildness = if spec.value == "*/*" {
                2
            } else if let Some(kind) = spec.value.strip_suffix('*').filter(|kind| kind.ends_with('/')) {
                if !offer.starts_with(kind) {
                    continue;
                }
                1
            } else if spec.value == *offer {
                0
            } else {
                continue;
            };
            let better = found
                .is_none_or(|(quality, wild)| spec.quality > quality || (spec.quality == quality && wildness < wild));
            if better {
                found = Some((spec.quality, wildness));
                best = offer;
            }
        }
    }
    best
}

/// Reads as far as the header makes sense; the rest is dropped, as upstream's reader does.
fn read_accept<'a>(mut rest: &'a str, specs: &mut Vec<Spec<'a>>) {
    loop {
        let end = rest.bytes().position(|byte| !is_token(byte) && byte != b'/').unwrap_or(rest.len());
        let value = &rest[..end];
        if value.is_empty() {
            return;
        }
        rest = skip_space(&rest[end..]);
        let mut quality = WHOLE;
        if rest.starts_with(';') {
            while !rest.is_empty() && !rest.starts_with(',') && !rest.starts_with("q=") {
                let mut chars = rest.chars();
                chars.next();
                rest = skip_space(chars.as_str());
            }
            if let Some(tail) = rest.strip_prefix("q=") {
                let Some((read, tail)) = read_quality(tail) else { return };
                (quality, rest) = (read, tail);
            }
        }
        specs.push(Spec { value, quality });
        match skip_space(rest).strip_prefix(',') {
            Some(tail) => rest = skip_space(tail),
            None => return,
        }
    }
}

fn read_quality(text: &str) -> Option<(u64, &str)> {
    let whole = match text.as_bytes().first()? {
        b'0' => 0,
        b'1' => WHOLE,
        _ => return None,
    };
    let Some(digits) = text[1..].strip_prefix('.') else { return Some((whole, &text[1..])) };
    let end = digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    let mut unit = WHOLE;
    let fraction = digits[..end].bytes().take(9).fold(0, |sum, digit| {
        unit /= 10;
        sum + u64::from(digit - b'0') * unit
    });
    Some((whole + fraction, &digits[end..]))
}

fn skip_space(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\r', '\n'])
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether what the connection's other end says about its client is believed.
pub(crate) fn is_trusted(peer: Option<Peer>, trusted: &[Network]) -> bool {
    match peer {
        None => false,
        Some(Peer { address: None, .. }) => true,
        Some(Peer { address: Some(address), .. }) => trusted.iter().any(|network| network.contains(address.ip())),
    }
}

/// The address at which the visitor asked, query included.
///
/// A trusted proxy's word counts most, then the configured base URL, then the `Host` header.
pub(crate) fn request_url(snapshot: &Snapshot, peer: Option<Peer>, headers: &HeaderMap, uri: &Uri) -> String {
    let tail = uri.path_and_query().map_or("/", |tail| tail.as_str());
    let trusted = is_trusted(peer, &snapshot.serve.public.trusted_proxies);
    let host = |name| text(headers, name).and_then(|host| Authority::from_str(host.trim()).ok());
    let forwarded_host = host("x-forwarded-host").filter(|_| trusted);
    let forwarded_scheme = text(headers, "x-forwarded-proto").filter(|_| trusted);
    let forwarded_scheme = forwarded_scheme.filter(|scheme| matches!(*scheme, "http" | "https"));
    let configured = snapshot.serve.public.base_url.is_some();
    if configured && forwarded_host.is_none() {
        return snapshot.public_path(tail.trim_start_matches('/'));
    }
    let tls = peer.is_some_and(|peer| peer.tls);
    let scheme = forwarded_scheme.unwrap_or(match (configured, tls) {
        (true, _) => snapshot.public.scheme(),
        (false, true) => "https",
        (false, false) => "http",
    });
    match forwarded_host.or_else(|| host("host")).or_else(|| uri.authority().cloned()) {
        Some(host) => format!("{scheme}://{host}{tail}"),
        None => snapshot.public_path(tail.trim_start_matches('/')),
    }
}

/// The text of a header, unless it is empty.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
