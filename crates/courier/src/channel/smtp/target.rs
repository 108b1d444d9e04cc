//! `courier.smtp.connection_uri`: where the mail server is and how one speaks with it. Complaints never quote the URI,
//! which holds a password.

use super::auth::Credentials;
use rustls::pki_types::ServerName;
use std::fmt;
use url::Url;
use zelos_core::{config::courier::Smtp as Settings, secret::Secret};

/// When a conversation is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// From its first byte (`smtps`).
    Wrapped,
    /// After STARTTLS; a server that does not offer it gets no mail (`smtp`).
    StartTls,
    /// Never (`smtp` with `disable_starttls=true`).
    None,
}

/// A mail server.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    /// Do not look at the server's certificate.
    pub(super) skip_verify: bool,
    /// The name its certificate must bear.
    pub(super) server_name: String,
    pub(super) credentials: Option<Credentials>,
}

/// Ports that a URI need not name: of message submission (RFC 6409), and with TLS from the first byte (RFC 8314).
const SUBMISSION: u16 = 587;
const SUBMISSIONS: u16 = 465;

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Target {
    /// What is configured; a complaint comes with its key below `courier.smtp`. The second part are options of the URI that
    /// do not exist.
    pub(super) fn new(settings: &Settings, uri: &str) -> Result<(Self, Vec<String>), (&'static str, String)> {
        let (mut target, unknown) = Self::parse(uri).map_err(|reason| ("connection_uri", reason))?;
        let given = |secret: &Option<Secret>| secret.clone().filter(|secret| !secret.expose().is_empty());
        let (of_uri, password_of_uri) = target.credentials.take().map(|both| (both.user, both.password)).unzip();
        let password = given(&settings.password);
        let user = given(&settings.username).or(of_uri);
        if user.is_none() && password.is_some() {
            return Err(("password", "is set without courier.smtp.username".to_owned()));
        }
        let password = password.or(password_of_uri).unwrap_or_default();
        target.credentials = user.map(|user| Credentials { user, password });
        if let Some(Credentials { user, password }) = &target.credentials {
            for (key, secret) in [("username", user), ("password", password)] {
                if secret.expose().contains('\0') {
                    return Err((key, "holds a NUL character".to_owned()));
                }
            }
        }
        if target.security != Security::None {
            target.tls_name().map_err(|reason| ("connection_uri", reason.to_owned()))?;
        }
        Ok((target, unknown))
    }

    /// The name or address that the server's certificate must hold.
    pub(super) fn tls_name(&self) -> Result<ServerName<'static>, &'static str> {
        ServerName::try_from(self.server_name.clone())
            .map_err(|_| "server_name, or else the host, is no name of a host")
    }

    /// Reads the URI; the second part are options that do not exist.
    pub(super) fn parse(uri: &str) -> Result<(Self, Vec<String>), String> {
        let url = Url::parse(uri).map_err(|error| format!("is not a URI: {error}"))?;
        let wrapped = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            _ => return Err("must start with smtp:// or smtps://".to_owned()),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no host")?;
        // The brackets of an IPv6 address belong to the URI.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port().unwrap_or(if wrapped { SUBMISSIONS } else { SUBMISSION });
        let (mut skip_verify, mut disable_starttls, mut server_name) = (false, false, None);
        let mut unknown = Vec::new();
        for (name, value) in url.query_pairs() {
            match &*name {
                "skip_ssl_verify" => skip_verify = switch(&name, &value)?,
                "disable_starttls" => disable_starttls = switch(&name, &value)?,
                "server_name" => server_name = Some(value.into_owned()).filter(|name| !name.is_empty()),
                _ => unknown.push(name.into_owned()),
            }
        }
        let credentials = match url.username() {
            "" => None,
            user => {
                let (user, password) = (decoded(user)?, decoded(url.password().unwrap_or_default())?);
                Some(Credentials { user: Secret::new(user), password: Secret::new(password) })
            }
        };
        let security = match (wrapped, disable_starttls) {
            (true, _) => Security::Wrapped,
            (false, true) => Security::None,
            (false, false) => Security::StartTls,
        };
        let server_name = server_name.unwrap_or_else(|| host.clone());
        Ok((Self { host, port, security, skip_verify, server_name, credentials }, unknown))
    }
}

/// The words Go reads as a truth value.
fn switch(name: &str, value: &str) -> Result<bool, String> {
    match value {
        "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(false),
        _ => Err(format!("{name} must be true or false")),
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let bytes = percent_decoded(text);
    String::from_utf8(bytes).map_err(|_| "user or password is not UTF-8 when decoded".to_owned())
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |offset: usize| bytes.get(at + offset).and_then(|digit| char::from(*digit).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(1), hex(2)) {
            decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
            at += 3;
        } else {
            decoded.push(*byte);
            at += 1;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(uri: &str) -> Target {
        Target::parse(uri).unwrap().0
    }

    #[test]
    fn the_scheme_and_the_options_say_how_to_speak() {
        let target = read("smtps://ada%40example.org:p%3Ass%25@mail.example.org:465/?skip_ssl_verify=true");
        assert_eq!((target.host.as_str(), target.port, target.security), ("mail.example.org", 465, Security::Wrapped));
        assert!(target.skip_verify);
        let Credentials { user, password } = target.credentials.unwrap();
        assert_eq!((user.expose(), password.expose()), ("ada@example.org", "p:ss%"));

        let target = read("smtp://mail.example.org:587/?server_name=other.example.org");
        assert_eq!((target.security, target.skip_verify), (Security::StartTls, false));
        assert_eq!((target.server_name.as_str(), target.credentials.is_none()), ("other.example.org", true));
        assert_eq!(read("smtp://a:25/?disable_starttls=true").security, Security::None);
        assert_eq!(read("smtp://a:25/?disable_starttls=false").security, Security::StartTls);
        assert_eq!(read("smtps://a:25/?disable_starttls=true").security, Security::Wrapped, "an option of smtp");
        assert_eq!(read("smtp://[::1]:25").host, "::1");
        assert_eq!(Target::parse("smtp://a:25/?legacy_ssl=true&x=1").unwrap().1, ["legacy_ssl", "x"]);
    }

    #[test]
    fn port_defaults_to_that_of_the_scheme() {
        for (uri, port) in [
            ("smtp://foo:bar@example.com", 587),
            ("smtp://foo:bar@example.com/?disable_starttls=true", 587),
            ("smtp://example.com:", 587),
            ("smtps://foo:bar@example.com/", 465),
            ("smtps://[::1]", 465),
            ("smtps://example.com:25", 25),
        ] {
            assert_eq!(read(uri).port, port, "{uri}");
        }
    }

    #[test]
    fn keys_override_the_credentials_of_the_uri() {
        let read = |uri: &str, user: Option<&str>, password: Option<&str>| {
            let (username, password) = (user.map(Secret::new), password.map(Secret::new));
            let (target, _) = Target::new(&Settings { username, password, ..Settings::default() }, uri)?;
            Ok(target.credentials.map(|both| format!("{} {}", both.user.expose(), both.password.expose())))
        };
        let both = |text: &str| Ok(Some(text.to_owned()));
        assert_eq!(read("smtp://a", None, None), Ok(None));
        assert_eq!(read("smtp://a", Some("ada"), Some("p@ss/word")), both("ada p@ss/word"));
        assert_eq!(read("smtp://u:p@a", Some("ada"), Some("word")), both("ada word"));
        assert_eq!(read("smtp://u:p@a", None, Some("word")), both("u word"));
        assert_eq!(read("smtp://u:p@a", Some("ada"), None), both("ada p"));
        assert_eq!(read("smtp://u:p@a", Some(""), Some("")), both("u p"), "an empty variable counts as unset");
        let refused = |uri: &str, user, password| read(uri, user, password).map_err(|(key, _)| key);
        assert_eq!(refused("smtp://a", None, Some("word")), Err("password"));
        assert_eq!(refused("smtp://a", Some("ada"), Some("wo\0rd")), Err("password"));
        assert_eq!(refused("smtps://a:465/?server_name=a%20b", None, None), Err("connection_uri"));
    }

    #[test]
    fn complaints_name_the_reason_and_no_secret() {
        for (uri, reason) in [
            ("http://user:hunter2@a:1/", "must start with smtp:// or smtps://"),
            ("smtp://user:hunter2@a:25/?disable_starttls=maybe", "disable_starttls must be true or false"),
            ("smtp://user:hunter2@a:99999/", "is not a URI: invalid port number"),
            ("smtp://user:%ff@a:1/", "user or password is not UTF-8 when decoded"),
            ("smtp:", "names no host"),
        ] {
            assert_eq!(Target::parse(uri).unwrap_err(), reason, "{uri}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", read("smtp://user:hunter2@a:25/")).contains("hunter2"));
    }
}
