//! A URL cut into its parts as Go's `net/url` cuts it: the fragment first, then the query, then the authority, of which
//! the last `@` ends the user part. A `/`, `?` or `#` in a password therefore cuts in the wrong place; that is noticed
//! here, because what the parts would lead to otherwise (an unknown host, most often) does not tell why.

use super::{percent_decode, percent_decoded_bytes};
use crate::error::Error;

/// The parts after the scheme.
pub(super) struct GoUrl<'a> {
    pub(super) user: Option<String>,
    /// Need not be text.
    pub(super) password: Option<Vec<u8>>,
    /// Hosts and ports, as written.
    pub(super) hosts: &'a str,
    /// Without its first slash, decoded.
    pub(super) path: String,
    /// As written.
    pub(super) query: &'a str,
}

impl<'a> GoUrl<'a> {
    /// Cuts what follows `scheme://`.
    pub(super) fn cut(rest: &'a str) -> Result<Self, Error> {
        let (url, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let (authority, path) = address.split_once('/').unwrap_or((address, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(login), hosts),
            None => (None, authority),
        };
        // Where there is a user part already, what follows an `@` has to look like a host and a database.
        let is_login =
            |part: &str| part.split_once('@').is_some_and(|(_, after)| login.is_none() || after.contains('/'));
        // The value of a parameter may hold an `@`, its name does not.
        let parameter = query.split(['=', '&']).next().unwrap_or_default();
        let cut = [(path, "/", "%2F"), (parameter, "?", "%3F"), (fragment, "#", "%23")];
        if let Some((_, character, encoded)) = cut.into_iter().find(|(part, ..)| is_login(part)) {
            return Err(unencoded(character, encoded));
        }
        let (user, password) = login
            .map(|login| login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password))))
            .unwrap_or_default();
        let user = Some(user).filter(|user| !user.is_empty());
        Ok(Self {
            user: user.map(percent_decode),
            password: password.map(percent_decoded_bytes),
            hosts,
            path: percent_decode(path.trim_start_matches('/')),
            query,
        })
    }
}

fn unencoded(character: &str, encoded: &str) -> Error {
    Error::Dsn(format!(
        "it holds an `@` after a `{character}`: in a user or a password write `{character}` as `{encoded}` (and `@` as \
         `%40` in the name of a database)"
    ))
}

/// A host and its port if there is one: `host`, `host:port`, `[::1]:port`, `::1`.
pub(super) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), Error> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if !text.contains(':') || bare.parse::<std::net::IpAddr>().is_ok() {
        return Ok((bare, None));
    }
    let bad = || {
        Error::Dsn(
            "what follows the host's `:` is not a port (a `/`, `?` or `#` in a password is written as `%2F`, `%3F` or \
             `%23`)"
                .into(),
        )
    };
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address,
        None if host.contains(':') => return Err(bad()),
        None => host,
    };
    let port = if port.is_empty() { None } else { Some(port.parse().map_err(|_| bad())?) };
    Ok((host, port))
}
