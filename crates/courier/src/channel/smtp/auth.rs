//! AUTH (RFC 4954): which mechanism, and what the client says in it.
//!
//! The order is that of ory/mail, the SMTP client of Kratos: CRAM-MD5, which does not tell the password, before PLAIN
//! and LOGIN.

use super::wire::{Fault, Wire};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use zelos_core::secret::Secret;

/// User and password at the mail server. The user is a secret as well: some services take an API key there.
#[derive(Debug, Clone)]
pub(super) struct Credentials {
    pub(super) user: Secret,
    pub(super) password: Secret,
}

/// The mechanisms that are understood, the preferred one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    CramMd5,
    Plain,
    Login,
}

impl Mechanism {
    const ALL: [Self; 3] = [Self::CramMd5, Self::Plain, Self::Login];

    /// The one to use with a server that offers these.
    pub(super) fn choose(offered: &[String]) -> Option<Self> {
        Self::ALL.into_iter().find(|known| offered.iter().any(|name| name.eq_ignore_ascii_case(known.name())))
    }

    /// Its name (IANA, SASL mechanisms).
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::CramMd5 => "CRAM-MD5",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Authenticates with a server.
    pub(super) async fn authenticate(self, wire: &mut Wire, credentials: &Credentials) -> Result<(), Fault> {
        let (user, password) = (credentials.user.expose(), credentials.password.expose());
        match self {
            Self::CramMd5 => {
                let reply = wire.command(b"AUTH CRAM-MD5\r\n", 3).await?;
                let challenge = reply.lines.first().and_then(|text| STANDARD.decode(text.trim()).ok());
                let challenge = challenge.ok_or(Fault::Protocol("the challenge of CRAM-MD5 is not base64"))?;
                wire.command(&line(&cram_md5(user, password, &challenge)), 2).await?;
            }
            Self::Plain => {
                let told = STANDARD.encode(format!("\0{user}\0{password}"));
                wire.command(format!("AUTH PLAIN {told}\r\n").as_bytes(), 2).await?;
            }
            // Servers word the two prompts differently, so only their order counts.
            Self::Login => {
                wire.command(b"AUTH LOGIN\r\n", 3).await?;
                wire.command(&line(user), 3).await?;
                wire.command(&line(password), 2).await?;
            }
        }
        Ok(())
    }
}

fn line(text: &str) -> Vec<u8> {
    let mut line = STANDARD.encode(text).into_bytes();
    line.extend_from_slice(b"\r\n");
    line
}

/// The answer to a challenge of CRAM-MD5 (RFC 2195).
fn cram_md5(user: &str, password: &str, challenge: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(password.as_bytes()) else {
        unreachable!("HMAC takes keys of any length")
    };
    mac.update(challenge);
    format!("{user} {}", HEXLOWER.encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cram_md5_is_that_of_rfc_2195() {
        let challenge = b"<1896.697170952@postoffice.reston.mci.net>";
        let expected = "tim b913a602c7eda7a495b4e6e7334d3890";
        assert_eq!(cram_md5("tim", "tanstaaftanstaaf", challenge), expected);
    }

    #[test]
    fn mechanism_is_the_one_that_kratos_would_use() {
        for (offered, chosen) in [
            ("PLAIN LOGIN CRAM-MD5", Some(Mechanism::CramMd5)),
            ("LOGIN PLAIN", Some(Mechanism::Plain)),
            ("login", Some(Mechanism::Login)),
            ("XOAUTH2 SCRAM-SHA-256", None),
            ("", None),
        ] {
            let names: Vec<_> = offered.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Mechanism::choose(&names), chosen, "{offered}");
        }
    }
}
