//! The address of a client behind proxies.
//!
//! A connection comes from its peer. If the peer is a trusted proxy, the last address in the configured header is the one
//! that it was connected to by; if that is a trusted proxy as well, the address before it counts, and so on. What stands
//! before the first address that is not trusted was written by the client and is never read. An entry that is no address
//! (`unknown`, an obfuscated identifier, anything malformed) ends the walk at the proxy that reported it.

use crate::client::{Peer, is_trusted, text};
use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use zelos_core::config::{ClientIpHeader, Network};

/// Where a client is, as far as one can know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Remote {
    /// An address alone if a proxy reported it, else the connection's with its port.
    pub(crate) ip_address: String,
    /// `city, country`, if a proxy reported it.
    pub(crate) location: String,
}

/// Finds the address of the client and where it is.
pub(crate) fn remote(
    peer: Option<Peer>,
    headers: &HeaderMap,
    (trusted, header): (&[Network], &ClientIpHeader),
) -> Remote {
    let connection = || peer.and_then(|peer| peer.address).map(|address| address.to_string()).unwrap_or_default();
    if !is_trusted(peer, trusted) {
        return Remote { ip_address: connection(), location: String::new() };
    }
    let ip_address = reported(headers, trusted, header).map_or_else(connection, |ip| ip.to_string());
    let place = |name| text(headers, name).unwrap_or_default().chars().take(128).collect::<String>();
    let parts = [place("cf-ipcity"), place("cf-ipcountry")];
    let location = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    Remote { ip_address, location }
}

/// The farthest address that is known from trusted proxies; none if the nearest of them reports none.
fn reported(headers: &HeaderMap, trusted: &[Network], header: &ClientIpHeader) -> Option<IpAddr> {
    let lines: Vec<_> = headers.get_all(header.as_str()).iter().map(http::HeaderValue::as_bytes).collect();
    let members = lines.iter().rev().flat_map(|line| {
        // A line that is no text has one member, which is no address.
        let line = std::str::from_utf8(line).unwrap_or("?");
        MembersFromRight { rest: Some(line), is_quoted: header.is_forwarded() }
    });
    let mut found = None;
    for member in members.map(str::trim).filter(|member| !member.is_empty()) {
        let node = if header.is_forwarded() { forwarded_for(member) } else { Some(unquoted(member)) };
        let Some(address) = node.as_deref().and_then(address_of) else { break };
        found = Some(address);
        if !trusted.iter().any(|network| network.contains(address)) {
            break;
        }
    }
    found
}

/// The members of a list, last first. Read from the right, so that an open quote in what a client sent cannot swallow what
/// a proxy appended to it.
struct MembersFromRight<'a> {
    rest: Option<&'a str>,
    /// Whether commas in quoted strings separate nothing.
    is_quoted: bool,
}

impl<'a> Iterator for MembersFromRight<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let line = self.rest?;
        let bytes = line.as_bytes();
        let mut in_quotes = false;
        for (at, byte) in bytes.iter().enumerate().rev() {
            match byte {
                b'"' if self.is_quoted => {
                    let escapes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                    in_quotes ^= escapes % 2 == 0;
                }
                b',' if !in_quotes => {
                    self.rest = Some(&line[..at]);
                    return Some(&line[at + 1..]);
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(line)
    }
}

/// The value of `for` in an element of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(element: &str) -> Option<String> {
    let mut rest = element;
    let mut found = None;
    while !rest.is_empty() {
        let (name, tail) = rest.split_once('=')?;
        let (value, tail) = if let Some(tail) = tail.strip_prefix('"') {
            quoted(tail)?
        } else {
            let end = tail.find(';').unwrap_or(tail.len());
            (tail[..end].trim().to_owned(), &tail[end..])
        };
        if name.trim().eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
        let tail = tail.trim_start();
        rest = if tail.is_empty() { tail } else { tail.strip_prefix(';')?.trim_start() };
    }
    found
}

/// What a quoted string says, from behind its first quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            char => value.push(char),
        }
    }
}

/// Some proxies put quotes around the members of other headers, too.
fn unquoted(member: &str) -> String {
    let inner = member.strip_prefix('"').and_then(|member| member.strip_suffix('"'));
    inner.unwrap_or(member).trim().to_owned()
}

/// The address in a node: IPv4 or IPv6, also in brackets, with or without a port or a zone.
fn address_of(node: &str) -> Option<IpAddr> {
    let v6 = |text: &str| text.split('%').next().and_then(|text| text.parse::<Ipv6Addr>().ok()).map(IpAddr::V6);
    let address = if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        v6(address).filter(|_| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))?
    } else if let Some(address) = v6(node) {
        address
    } else {
        let (address, port) = node.split_once(':').map_or((node, None), |(address, port)| (address, Some(port)));
        address.parse::<Ipv4Addr>().ok().filter(|_| port.is_none_or(is_port)).map(IpAddr::V4)?
    };
    Some(address.to_canonical())
}

/// A port, or an obfuscated one (RFC 7239, section 6.3).
fn is_port(text: &str) -> bool {
    let is_number = text.len() <= 5 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number || (text.len() > 1 && text.starts_with('_'))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
