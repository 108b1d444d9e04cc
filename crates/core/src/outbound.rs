//! HTTP that Zelos itself sends out (breach check, remote contents, later web hooks and providers) is an input.
//!
//! The one real implementation lives in the server crate; it decides which addresses may be reached. What callers
//! state here are bounds: how long, how much.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};
use url::Url;

/// A request to somebody else's server.
#[derive(Clone)]
pub struct OutboundRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Until the whole answer is there.
    pub timeout: Duration,
    /// Bytes of the answer's body; more is an error.
    pub max_body: usize,
    /// How often a failed connection or a 5xx is tried again.
    pub retries: u32,
}

/// What is sent may be a password or a code, and what stands in an address a key: neither is shown. Secret headers are
/// marked, and hide themselves.
impl std::fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboundRequest")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("headers", &self.headers)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl OutboundRequest {
    /// A GET with the bounds that suit small documents: 30 s, 1 MiB, no retry.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(30),
            max_body: 1 << 20,
            retries: 0,
        }
    }
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why nothing usable came back. Holds no secrets: the URL's host at most.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutboundError {
    #[error("the address {0} may not be reached")]
    Forbidden(String),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the request failed: {0}")]
    Failed(String),
}

/// Sends requests out.
#[async_trait]
pub trait Outbound: Send + Sync {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError>;
}

/// Networks of IPv4 that are not the public internet (IANA's special-purpose registry): address and prefix length.
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// The public part of IPv6, and what is special within it: the first two words and the prefix length.
const GLOBAL_V6: ([u16; 2], u32) = ([0x2000, 0], 3);
const SPECIAL_V6: &[([u16; 2], u32)] =
    &[([0x2001, 0], 23), ([0x2001, 0x0db8], 32), ([0x2002, 0], 16), ([0x3fff, 0], 20)];

/// Whether an address belongs to the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL_V4
            .iter()
            .any(|(network, bits)| (address.to_bits() ^ Ipv4Addr::from(*network).to_bits()).leading_zeros() >= *bits),
        IpAddr::V6(address) => {
            let within = |([one, two], bits): ([u16; 2], u32)| {
                let network = Ipv6Addr::new(one, two, 0, 0, 0, 0, 0, 0);
                (address.to_bits() ^ network.to_bits()).leading_zeros() >= bits
            };
            within(GLOBAL_V6) && !SPECIAL_V6.iter().copied().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_do_not_show_what_they_say() {
        let url = "https://check.example/?key=hidden".parse().expect("an address");
        let request = OutboundRequest { body: "hidden".into(), ..OutboundRequest::get(url) };
        let shown = format!("{request:?}");
        assert!(shown.contains("check.example") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn only_the_internet_is_public() {
        for address in ["1.1.1.1", "9.255.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(address.parse().expect(address)), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
        ] {
            assert!(!is_public(address.parse().expect(address)), "{address}");
        }
    }
}
