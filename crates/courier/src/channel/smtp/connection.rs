//! One conversation with a mail server.
//!
//! Each step has a deadline of its own. A connection that was left in the middle of something is dropped: what it would
//! say next belongs to another mail.

use super::{
    super::Failure,
    auth::Mechanism,
    mail::Written,
    step::{Step, is_about_auth},
    target::{Security, Target},
    wire::{Fault, Stream, Wire, in_time},
};
use rustls::ClientConfig;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use zelos_core::outbound::is_public;

/// How to open a conversation.
pub(super) struct Opening<'a> {
    pub(super) target: &'a Target,
    /// `None` if the connection is never encrypted.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// What EHLO says about the client.
    pub(super) hello: &'a str,
    /// So long each step may take.
    pub(super) patience: Duration,
    /// Only addresses of the public internet may be reached.
    pub(super) public_only: bool,
}

/// An open conversation, encrypted and authenticated as it must be.
pub(super) struct Connection {
    wire: Wire,
    target: Target,
    offers: Offers,
    /// Whether there are credentials that were not used, as the server has no use for them.
    pub(super) unauthenticated: bool,
}

/// The extensions in a reply to EHLO that matter here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Offers {
    starttls: bool,
    eight_bit_mime: bool,
    smtp_utf8: bool,
    /// The mechanisms of AUTH.
    auth: Vec<String>,
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

impl Offers {
    fn read(lines: &[String]) -> Self {
        let mut offers = Self::default();
        // The first line is the server's name.
        for line in lines.iter().skip(1) {
            // Old servers write `AUTH=PLAIN`.
            let mut words = line.split([' ', '=']).filter(|word| !word.is_empty());
            match words.next().map(str::to_ascii_uppercase).as_deref() {
                Some("STARTTLS") => offers.starttls = true,
                Some("8BITMIME") => offers.eight_bit_mime = true,
                Some("SMTPUTF8") => offers.smtp_utf8 = true,
                Some("AUTH") => offers.auth.extend(words.map(str::to_owned)),
                _ => {}
            }
        }
        offers
    }
}

impl Connection {
    /// Opens a conversation. It is never the mail's fault if that fails.
    pub(super) async fn open(opening: &Opening<'_>) -> Result<Self, Failure> {
        let Opening { target, hello, patience, .. } = opening;
        let failed = |step: Step| move |fault| step.not_open(&fault, target);
        let mut stream: Box<dyn Stream> = Box::new(connect(opening).await?);
        if let (Security::Wrapped, Some(tls)) = (target.security, &opening.tls) {
            stream = encrypt(stream, tls, opening).await.map_err(failed(Step::Tls))?;
        }
        let mut wire = Wire::new(stream, *patience);
        wire.greeting().await.map_err(failed(Step::Greeting))?;
        let mut offers = ehlo(&mut wire, hello).await.map_err(failed(Step::Ehlo))?;
        if let (Security::StartTls, Some(tls)) = (target.security, &opening.tls) {
            if !offers.starttls {
                let reason = "the mail server offers no STARTTLS; use smtps:// in courier.smtp.connection_uri if it encrypts \
                              from the first byte (disable_starttls=true sends in plain text)";
                return Err(Failure::Transient(reason.to_owned()));
            }
            wire.command(b"STARTTLS\r\n", 2).await.map_err(failed(Step::StartTls))?;
            let stream = wire.into_stream().map_err(failed(Step::StartTls))?;
            let stream = encrypt(stream, tls, opening).await.map_err(failed(Step::Tls))?;
            wire = Wire::new(stream, *patience);
            // What was offered before came over an open line and does not count.
            offers = ehlo(&mut wire, hello).await.map_err(failed(Step::Ehlo))?;
        }
        let unauthenticated = !authenticate(&mut wire, target, &offers).await?;
        Ok(Self { wire, target: (*target).clone(), offers, unauthenticated })
    }

    /// Hands over one mail.
    pub(super) async fn deliver(&mut self, mail: &Written) -> Result<(), Trouble> {
        let options = self.options(mail)?;
        let from = mail.envelope.from().map(ToString::to_string).unwrap_or_default();
        if let Err(fault) = self.wire.command(format!("MAIL FROM:<{from}>{options}\r\n").as_bytes(), 2).await {
            // 421: the server closes the connection, as it does when one has been silent for long.
            let gone = !matches!(fault, Fault::Silence(_)) && matches!(fault.code(), None | Some(421));
            let trouble = self.trouble(Step::MailFrom, &fault);
            return Err(if gone { Trouble { state: State::Stale, ..trouble } } else { trouble });
        }
        for recipient in mail.envelope.to() {
            let command = format!("RCPT TO:<{recipient}>\r\n");
            let result = self.wire.command(command.as_bytes(), 2).await;
            result.map_err(|fault| self.trouble(Step::RcptTo, &fault))?;
        }
        let result = self.wire.command(b"DATA\r\n", 3).await;
        result.map_err(|fault| self.trouble(Step::Data, &fault))?;
        let result = self.wire.command(&contents(&mail.text), 2).await;
        result.map_err(|fault| self.trouble(Step::Data, &fault))?;
        Ok(())
    }

    /// The parameters of MAIL: what the server must understand so that this mail can be sent as it is.
    fn options(&self, mail: &Written) -> Result<String, Trouble> {
        let mut options = String::new();
        let refused = |reason: &str| Trouble { failure: Failure::Permanent(reason.to_owned()), state: State::Refused };
        let mut addresses = mail.envelope.to().iter().chain(mail.envelope.from());
        if addresses.any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !self.offers.smtp_utf8 {
                return Err(refused("the mail server does not know addresses of these letters (SMTPUTF8)"));
            }
            options.push_str(" SMTPUTF8");
        }
        if !mail.text.is_ascii() {
            if !self.offers.eight_bit_mime {
                return Err(refused("the mail server does not know letters beyond ASCII (8BITMIME)"));
            }
            options.push_str(" BODY=8BITMIME");
        }
        Ok(options)
    }

    fn trouble(&self, step: Step, fault: &Fault) -> Trouble {
        let text = step.describe(fault, &self.target);
        let permanent = fault.code().is_some_and(is_permanent);
        let failure = if permanent { Failure::Permanent(text) } else { Failure::Transient(text) };
        let state = match fault.code() {
            // A reply that is none to the command is out of step.
            None | Some(..400 | 421) => State::Broken,
            Some(_) => State::Refused,
        };
        Trouble { failure, state }
    }

    /// Makes the connection fit for another mail after one was refused.
    pub(super) async fn reset(&mut self) -> bool {
        self.wire.command(b"RSET\r\n", 2).await.is_ok()
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        // Whether the server heard it does not matter.
        let _ = self.wire.command(b"QUIT\r\n", 2).await;
    }
}

/// Whether a reply means that this mail will never be taken.
fn is_permanent(code: u16) -> bool {
    (500..600).contains(&code) && !is_about_auth(code)
}

/// Authenticates if there are credentials; `false` means that there are some, but no use for them.
///
/// A server that offers no AUTH gets mail without it, as from Kratos, but only where the connection is plain by
/// configuration: such a sink or relay trusts its network. Over TLS the operator expects to be authenticated.
async fn authenticate(wire: &mut Wire, target: &Target, offers: &Offers) -> Result<bool, Failure> {
    let Some(credentials) = &target.credentials else { return Ok(true) };
    match Mechanism::choose(&offers.auth) {
        Some(mechanism) => {
            let result = mechanism.authenticate(wire, credentials).await;
            result.map_err(|fault| Step::Auth(mechanism.name()).not_open(&fault, target))?;
            Ok(true)
        }
        None if offers.auth.is_empty() && target.security == Security::None => Ok(false),
        None if offers.auth.is_empty() => Err(Failure::Transient(
            "the mail server offers no AUTH, but courier.smtp has a user and a password; enable AUTH on the server, or remove \
             them"
            .to_owned(),
        )),
        None => Err(Failure::Transient(
            "the mail server's AUTH offers none of CRAM-MD5, PLAIN and LOGIN; enable one of them on the server".to_owned(),
        )),
    }
}

/// Asks for the server's extensions. Servers that do not know EHLO have none.
async fn ehlo(wire: &mut Wire, hello: &str) -> Result<Offers, Fault> {
    match wire.command(format!("EHLO {hello}\r\n").as_bytes(), 2).await {
        Ok(reply) => Ok(Offers::read(&reply.lines)),
        Err(Fault::Refused(reply)) if matches!(reply.code, 500 | 502 | 504) => {
            wire.command(format!("HELO {hello}\r\n").as_bytes(), 2).await?;
            Ok(Offers::default())
        }
        Err(fault) => Err(fault),
    }
}

async fn encrypt(
    stream: Box<dyn Stream>,
    tls: &Arc<ClientConfig>,
    opening: &Opening<'_>,
) -> Result<Box<dyn Stream>, Fault> {
    let name = opening.target.tls_name().map_err(Fault::Protocol)?;
    let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    Ok(Box::new(in_time(opening.patience, handshake).await?))
}

/// Connects to the first address that answers; they share the time.
async fn connect(opening: &Opening<'_>) -> Result<TcpStream, Failure> {
    let Opening { target, patience, .. } = opening;
    let addresses = resolve(opening).await?;
    let share = *patience / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut last = Fault::Silence(share);
    for address in addresses {
        match in_time(share, TcpStream::connect(address)).await {
            Ok(stream) => {
                // Commands are short and wait for their replies.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(fault) => last = fault,
        }
    }
    Err(Step::Connect.not_open(&last, target))
}

async fn resolve(opening: &Opening<'_>) -> Result<Vec<SocketAddr>, Failure> {
    let Opening { target, patience, public_only, .. } = opening;
    let look_up = tokio::net::lookup_host((target.host.as_str(), target.port));
    let found = in_time(*patience, look_up).await.map_err(|fault| Step::Lookup.not_open(&fault, target))?;
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        let error = io::Error::new(io::ErrorKind::NotFound, "it has no address");
        return Err(Step::Lookup.not_open(&error.into(), target));
    }
    let reachable: Vec<_> = found.into_iter().filter(|address| !public_only || is_public(address.ip())).collect();
    if reachable.is_empty() {
        let reason = "the mail server is in a private network, which clients.smtp.disallow_private_ip_ranges forbids";
        return Err(Failure::Transient(reason.to_owned()));
    }
    Ok(reachable)
}

/// The mail itself as it is sent: with its end in the same packet, so that no delayed acknowledgement of the first
/// part holds up the second. A dot at the start of a line is doubled, as a lonely one would be the end; a lone CR or LF
/// becomes a whole line end, as servers do not agree on what it is.
fn contents(mail: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(mail);
    let text = text.strip_suffix("\r\n").unwrap_or(&text);
    let mut contents = String::with_capacity(text.len() + 16);
    for line in text.split("\r\n").flat_map(|lines| lines.split(['\r', '\n'])) {
        let dot = if line.starts_with('.') { "." } else { "" };
        contents.extend([dot, line, "\r\n"]);
    }
    contents.push_str(".\r\n");
    contents.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_alone_does_not_end_the_mail() {
        for text in ["a\r\n.\r\n..b\r\nc", "a\n.\r..b\r\nc\r\n"] {
            assert_eq!(contents(text.as_bytes()), b"a\r\n..\r\n...b\r\nc\r\n.\r\n");
        }
    }

    #[test]
    fn only_what_concerns_the_mail_is_permanent() {
        for (code, permanent) in [(550, true), (552, true), (501, true), (530, false), (535, false), (451, false)] {
            assert_eq!(is_permanent(code), permanent, "{code}");
        }
    }

    #[test]
    fn extensions_are_read_in_any_case_and_form() {
        let read = |lines: &[&str]| Offers::read(&lines.iter().map(ToString::to_string).collect::<Vec<_>>());
        let offers = read(&["STARTTLS.example.org", "size 1000", "8BitMime", "AUTH=LOGIN", "auth PLAIN CRAM-MD5"]);
        assert_eq!(offers.auth, ["LOGIN", "PLAIN", "CRAM-MD5"]);
        assert_eq!((offers.starttls, offers.eight_bit_mime, offers.smtp_utf8), (false, true, false));
        assert!(read(&["hello", "STARTTLS"]).starttls);
        assert_eq!(read(&["hello", "AUTH"]), Offers::default());
    }
}
