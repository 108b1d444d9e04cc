//! One conversation with a mail server.
//!
//! Each step has a deadline of its own. A connection that was left in the middle of something is dropped: what it would
//! say next belongs to another mail.

use super::{
    super::Failure,
    mail::Written,
    target::{Security, Target},
};
use lettre::transport::smtp::{
    Error,
    authentication::{Credentials, Mechanism},
    client::{AsyncSmtpConnection, TlsParameters},
    commands::{Data, Mail, Rcpt, Rset},
    extension::{ClientId, Extension, MailBodyParameter, MailParameter},
};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;
use zelos_core::outbound::is_public;

/// How to open a conversation.
pub(super) struct Opening<'a> {
    pub(super) target: &'a Target,
    pub(super) tls: Option<TlsParameters>,
    /// How we greet the server.
    pub(super) hello: &'a ClientId,
    /// So long each step may take.
    pub(super) patience: Duration,
    /// Only addresses of the public internet may be reached.
    pub(super) public_only: bool,
}

/// An open conversation, encrypted and signed in as it must be.
pub(super) struct Connection {
    inner: AsyncSmtpConnection,
    patience: Duration,
}

/// Why a mail was not taken over.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) failure: Failure,
    pub(super) state: State,
}

/// How a failed attempt leaves the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It was gone before this mail was begun: another connection may take it.
    Stale,
    /// The server refused the mail; the connection stands.
    Refused,
    /// Nobody knows.
    Broken,
}

/// Waits for a step, no longer than one may.
async fn step<T>(patience: Duration, work: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
    match timeout(patience, work).await {
        Ok(result) => result.map_err(Problem::Said),
        Err(_) => Err(Problem::Silence(patience)),
    }
}

/// What went wrong in a step.
enum Problem {
    Said(Error),
    Silence(Duration),
}

impl Problem {
    /// The server's reply, if it gave one.
    fn code(&self) -> Option<u16> {
        match self {
            Self::Said(error) => error.status().map(u16::from),
            Self::Silence(_) => None,
        }
    }

    /// In words: the server's if there are any.
    fn describe(&self, what: &str) -> String {
        match self {
            Self::Said(error) => format!("{what}: {error}"),
            Self::Silence(patience) => format!("{what}: no answer within {} s", patience.as_secs_f32()),
        }
    }
}

/// Whether a reply means that this mail will never be taken. Replies that ask us to sign in (530 to 538) are about the
/// configuration, which somebody may correct.
fn is_permanent(code: u16) -> bool {
    (500..600).contains(&code) && !(530..=538).contains(&code)
}

impl Connection {
    /// Opens a conversation. It is never the mail's fault if that fails.
    pub(super) async fn open(opening: Opening<'_>) -> Result<Self, Failure> {
        let Opening { target, tls, hello, patience, public_only } = opening;
        let later = |problem: &Problem, what: &str| Failure::Transient(problem.describe(what));
        let addresses = resolve(target, patience, public_only).await?;
        let wrapped = tls.clone().filter(|_| target.security == Security::Wrapped);
        let connect = AsyncSmtpConnection::connect_tokio1(addresses.as_slice(), Some(patience), hello, wrapped, None);
        let mut inner =
            step(patience, connect).await.map_err(|problem| later(&problem, "the mail server cannot be reached"))?;
        if let (Security::StartTls, Some(tls)) = (target.security, tls) {
            if !inner.can_starttls() {
                let reason = "the mail server offers no STARTTLS (disable_starttls=true sends in plain text)";
                return Err(Failure::Transient(reason.to_owned()));
            }
            step(patience, inner.starttls(tls, hello)).await.map_err(|problem| later(&problem, "STARTTLS failed"))?;
        }
        if let Some((user, password)) = &target.credentials {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            let auth = inner.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
            step(patience, auth).await.map_err(|problem| later(&problem, "the mail server does not let us sign in"))?;
        }
        Ok(Self { inner, patience })
    }

    /// Hands over one mail.
    pub(super) async fn deliver(&mut self, mail: &Written) -> Result<(), Trouble> {
        let options = self.options(mail)?;
        let from = Mail::new(mail.envelope.from().cloned(), options);
        if let Err(problem) = step(self.patience, self.inner.command(from)).await {
            // 421: the server closes the connection, as it does when one has been silent for long.
            let gone = matches!((&problem, problem.code()), (Problem::Said(_), None | Some(421)));
            let state = if gone { State::Stale } else { state_of(&problem) };
            return Err(Trouble { failure: failure(&problem, "the sender was not accepted"), state });
        }
        for recipient in mail.envelope.to() {
            let to = Rcpt::new(recipient.clone(), Vec::new());
            let result = step(self.patience, self.inner.command(to)).await;
            result.map_err(|problem| trouble(&problem, "the recipient was not accepted"))?;
        }
        step(self.patience, self.inner.command(Data))
            .await
            .map_err(|problem| trouble(&problem, "the mail was not accepted"))?;
        step(self.patience, self.inner.command(Contents(&mail.text)))
            .await
            .map_err(|problem| trouble(&problem, "the mail was not accepted"))?;
        Ok(())
    }

    /// What the server must understand so that this mail can be sent as it is.
    fn options(&self, mail: &Written) -> Result<Vec<MailParameter>, Trouble> {
        let offers = |extension| self.inner.server_info().supports_feature(extension);
        let mut options = Vec::new();
        let refused = |reason: &str| Trouble { failure: Failure::Permanent(reason.to_owned()), state: State::Refused };
        let addresses = || mail.envelope.to().iter().chain(mail.envelope.from());
        if addresses().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !offers(Extension::SmtpUtfEight) {
                return Err(refused("the mail server does not know addresses of these letters (SMTPUTF8)"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !mail.text.is_ascii() {
            if !offers(Extension::EightBitMime) {
                return Err(refused("the mail server does not know letters beyond ASCII (8BITMIME)"));
            }
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(options)
    }

    /// Makes the connection fit for another mail after one was refused.
    pub(super) async fn reset(&mut self) -> bool {
        step(self.patience, self.inner.command(Rset)).await.is_ok()
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        // Whether the server heard it does not matter.
        let _ = step(self.patience, self.inner.quit()).await;
    }
}

fn failure(problem: &Problem, what: &str) -> Failure {
    let text = problem.describe(what);
    if problem.code().is_some_and(is_permanent) { Failure::Permanent(text) } else { Failure::Transient(text) }
}

fn state_of(problem: &Problem) -> State {
    match problem.code() {
        None | Some(421) => State::Broken,
        Some(_) => State::Refused,
    }
}

fn trouble(problem: &Problem, what: &str) -> Trouble {
    Trouble { failure: failure(problem, what), state: state_of(problem) }
}

async fn resolve(target: &Target, patience: Duration, public_only: bool) -> Result<Vec<SocketAddr>, Failure> {
    let look_up = tokio::net::lookup_host((target.host.as_str(), target.port));
    let found = match timeout(patience, look_up).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return Err(Failure::Transient(format!("the mail server's name leads nowhere: {error}"))),
        Err(_) => return Err(Failure::Transient("the mail server's name was not resolved in time".to_owned())),
    };
    let addresses: Vec<_> = found.filter(|address| !public_only || is_public(address.ip())).collect();
    if addresses.is_empty() {
        return Err(Failure::Transient("the mail server is in a network that may not be reached".to_owned()));
    }
    Ok(addresses)
}

/// The mail itself as one command: with its end in the same packet, so that no delayed acknowledgement of the first
/// part holds up the second. A dot at the start of a line is doubled, as a lonely one would be the end; a lone CR or LF
/// becomes a whole line end, as servers do not agree on what it is.
struct Contents<'a>(&'a [u8]);

impl std::fmt::Display for Contents<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(self.0);
        let text = text.strip_suffix("\r\n").unwrap_or(&text);
        for lines in text.split("\r\n") {
            for line in lines.split(['\r', '\n']) {
                let dot = if line.starts_with('.') { "." } else { "" };
                write!(f, "{dot}{line}\r\n")?;
            }
        }
        f.write_str(".\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_alone_does_not_end_the_mail() {
        for text in ["a\r\n.\r\n..b\r\nc", "a\n.\r..b\r\nc\r\n"] {
            assert_eq!(Contents(text.as_bytes()).to_string(), "a\r\n..\r\n...b\r\nc\r\n.\r\n");
        }
    }

    #[test]
    fn only_what_concerns_the_mail_is_permanent() {
        for (code, permanent) in [(550, true), (552, true), (501, true), (530, false), (535, false), (451, false)] {
            assert_eq!(is_permanent(code), permanent, "{code}");
        }
    }
}
