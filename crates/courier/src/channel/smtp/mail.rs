//! A message as a mail: its headers and its parts.
//!
//! Nothing that a person chose – address, name, subject – can end a header or begin a command: addresses are parsed,
//! control characters in subjects become spaces, and what an operator configured is judged when it is read. The
//! Message-ID and the date are the row's, so that a mail that arrives twice can be recognised as the same one.

use super::super::{Errand, Failure};
use lettre::{
    Address, Message as Mail,
    address::Envelope,
    message::{
        Mailbox, Mailboxes, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use std::{str::FromStr, time::SystemTime};
use zelos_core::config::courier::Smtp as Settings;

/// What stands on every mail.
#[derive(Debug, Clone)]
pub(super) struct Letterhead {
    from: Mailbox,
    headers: Vec<HeaderValue>,
    /// Who gets a copy of each mail.
    copies: Vec<Address>,
}

/// A mail as it goes over the wire.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) envelope: Envelope,
    pub(super) text: Vec<u8>,
}

/// Headers that describe how the mail is built: they are ours alone.
const OURS: [&str; 4] = ["mime-version", "content-type", "content-transfer-encoding", "content-disposition"];

impl Letterhead {
    /// Reads what is configured; a complaint comes with the key below `courier.smtp`.
    pub(super) fn new(settings: &Settings) -> Result<Self, (String, String)> {
        let complain = |key: &str, reason: &str| (key.to_owned(), reason.to_owned());
        let address = parse(&settings.from_address).ok_or_else(|| complain("from_address", "is no e-mail address"))?;
        let name = settings.from_name.clone().filter(|name| !name.is_empty());
        if name.as_ref().is_some_and(|name| name.contains(char::is_control)) {
            return Err(complain("from_name", "holds a control character"));
        }
        let (mut headers, mut copies) = (Vec::new(), Vec::new());
        for (name, value) in &settings.headers {
            let key = format!("headers.{name}");
            let parsed = HeaderName::new_from_ascii(name.clone()).ok();
            let Some(parsed) = parsed.filter(|_| is_token(name)) else {
                return Err(complain(&key, "is no name of a header"));
            };
            let lower = name.to_ascii_lowercase();
            if OURS.contains(&lower.as_str()) {
                return Err(complain(&key, "cannot be set: it says how the mail is built"));
            }
            if value.expose().contains(char::is_control) {
                return Err(complain(&key, "holds a control character"));
            }
            if matches!(lower.as_str(), "cc" | "bcc") {
                let list = Mailboxes::from_str(value.expose());
                let list = list.map_err(|_| complain(&key, "is no list of e-mail addresses"))?;
                copies.extend(list.into_iter().map(|mailbox| mailbox.email));
            }
            if lower != "bcc" {
                headers.push(HeaderValue::new(parsed, value.expose().to_owned()));
            }
        }
        Ok(Self { from: Mailbox::new(name, address), headers, copies })
    }

    /// Writes a message as a mail.
    pub(super) fn write(&self, errand: &Errand<'_>) -> Result<Written, Failure> {
        let message = errand.message;
        let recipient = parse(&message.recipient)
            .ok_or_else(|| Failure::Permanent("the recipient is no e-mail address".to_owned()))?;
        let at = u64::try_from(message.created_at.unix_timestamp()).unwrap_or_default();
        let mut builder = Mail::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient.clone()))
            .subject(subject(&message.subject))
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            .date(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at));
        for header in &self.headers {
            builder = builder.raw_header(header.clone());
        }
        let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(message.body.clone());
        let mail = match errand.html {
            None => builder.singlepart(plain),
            Some(html) => {
                let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(html.to_owned());
                let parts = MultiPart::builder().kind(lettre::message::MultiPartKind::Alternative);
                let parts = parts.boundary(message.id.0.simple().to_string());
                builder.multipart(parts.singlepart(plain).singlepart(html))
            }
        };
        let unusable =
            |error: &dyn std::fmt::Display| Failure::Permanent(format!("the mail cannot be written: {error}"));
        let mail = mail.map_err(|error| unusable(&error))?;
        let to = std::iter::once(recipient).chain(self.copies.iter().cloned()).collect();
        let envelope = Envelope::new(Some(self.from.email.clone()), to).map_err(|error| unusable(&error))?;
        Ok(Written { envelope, text: mail.formatted() })
    }
}

/// An address; the domain in the letters that every mail server knows.
fn parse(text: &str) -> Option<Address> {
    let (user, domain) = text.rsplit_once('@')?;
    if text.contains(|letter: char| letter.is_control() || letter.is_whitespace()) {
        return None;
    }
    let domain = match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) if !domain.is_ascii() => ascii,
        _ => domain.to_owned(),
    };
    Address::new(user, domain).ok()
}

fn subject(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(&byte))
}
