//! The mailbox of development: what was written to people who do not exist.
//!
//! Codes and links are lifted out of a message, because they are what one came for. The HTML part is a document of its
//! own, as in a mail program: it is shown in a frame that may run nothing and whose links open around it.

use super::{moment::Moment, parts::plain};
use serde::Serialize;
use std::fmt::Write as _;
use zelos_core::message::{Message, MessageChannel, MessageStatus, TemplateType};

/// What the HTML part of a mail may do: show itself, and lead away when somebody clicks.
pub(crate) const FRAME_CSP: &str = "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none'; \
                             style-src 'unsafe-inline'; img-src data: https:; font-src data: https:; \
                             form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// By which names templates get codes.
const CODES: [&str; 4] = ["recovery_code", "verification_code", "login_code", "registration_code"];

/// By which names templates get links.
const LINKS: [&str; 2] = ["recovery_url", "verification_url"];

/// A message, ready to be drawn.
#[derive(Debug, Serialize)]
pub(super) struct Mail<'a> {
    id: String,
    is_sms: bool,
    recipient: &'a str,
    /// Of short messages, how they begin.
    subject: String,
    text: &'a str,
    code: Option<String>,
    link: Option<String>,
    about: &'static str,
    template_type: &'static str,
    /// What became of it, unless it simply waits here.
    fate: Option<&'static str>,
    at: Option<Moment>,
}

/// A little of everything, for the rehearsal of operators' templates.
pub(super) fn sample(is_sms: bool) -> Mail<'static> {
    Mail {
        id: "00000000-0000-4000-8000-000000000000".to_owned(),
        is_sms,
        recipient: "ada@example.com",
        subject: "A subject".to_owned(),
        text: "A text.",
        code: Some("123456".to_owned()),
        link: Some("https://id.example/".to_owned()),
        about: about(TemplateType::RecoveryCodeValid),
        template_type: TemplateType::RecoveryCodeValid.as_str(),
        fate: Some("given up"),
        at: Moment::read("2026-07-01T10:00:00Z"),
    }
}

/// Reads a message.
pub(super) fn mail(message: &Message) -> Mail<'_> {
    let is_sms = message.channel == MessageChannel::Sms;
    let said = |names: &[&str]| {
        let value = names.iter().find_map(|name| message.template_data.get(*name));
        value.map(plain).filter(|text| !text.is_empty())
    };
    let subject = if is_sms { beginning(&message.body) } else { message.subject.clone() };
    Mail {
        id: message.id.to_string(),
        is_sms,
        recipient: &message.recipient,
        subject,
        text: &message.body,
        code: said(&CODES),
        link: said(&LINKS).filter(|link| link.starts_with("http://") || link.starts_with("https://")),
        about: about(message.template_type),
        template_type: message.template_type.as_str(),
        fate: fate(message),
        at: Moment::of(message.created_at),
    }
}

fn about(template: TemplateType) -> &'static str {
    match template {
        TemplateType::RecoveryValid | TemplateType::RecoveryCodeValid => "Recovery",
        TemplateType::RecoveryInvalid | TemplateType::RecoveryCodeInvalid => "Recovery, address unknown",
        TemplateType::VerificationValid | TemplateType::VerificationCodeValid => "Verification",
        TemplateType::VerificationInvalid | TemplateType::VerificationCodeInvalid => "Verification, address unknown",
        TemplateType::LoginCodeValid => "Sign-in",
        TemplateType::RegistrationCodeValid => "Registration",
        TemplateType::VerifiableAddressChanged => "Address changed",
    }
}

fn fate(message: &Message) -> Option<&'static str> {
    match message.status {
        MessageStatus::Abandoned => Some("given up"),
        MessageStatus::Queued if message.send_count > 0 => Some("failed, will be tried again"),
        MessageStatus::Queued | MessageStatus::Processing | MessageStatus::Sent => None,
    }
}

/// The first words of a text.
fn beginning(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut words: String = line.chars().take(MOST).collect();
    if line.chars().nth(MOST).is_some() {
        words.push('…');
    }
    words
}

/// The HTML part as a document for the frame: what is clicked opens in the whole window.
pub(crate) fn framed(html: &str) -> String {
    const BASE: &str = "<base target=\"_top\">";
    // Before the document type it would make browsers draw the page as they did in the nineties.
    let head = find_tag(html, "<head").or_else(|| find_tag(html, "<!doctype")).unwrap_or(0);
    let mut document = String::with_capacity(html.len() + BASE.len());
    let _ = write!(document, "{}{BASE}{}", &html[..head], &html[head..]);
    document
}

/// Where that tag ends, if the text has it.
fn find_tag(html: &str, tag: &str) -> Option<usize> {
    let lower = html.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let start = from + lower.get(from..)?.find(tag)?;
        let after = start + tag.len();
        // `<header>` is no `<head>`.
        if lower[after..].starts_with(|next: char| next == '>' || next.is_ascii_whitespace()) {
            return Some(after + lower[after..].find('>')? + 1);
        }
        from = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::message;
    use serde_json::json;
    use time::macros::datetime;

    const NOW: time::OffsetDateTime = datetime!(2026-07-01 10:30 UTC);

    #[test]
    fn codes_and_links_are_lifted_out() {
        let mut message = message(1, "ada@example.com", NOW);
        message.template_data.insert("recovery_url".into(), json!("javascript:alert(1)"));
        assert_eq!((mail(&message).code.as_deref(), mail(&message).link), (Some("123456"), None));
        message.template_data.insert("recovery_url".into(), json!("https://id.example/x?flow=1&code=2"));
        assert_eq!(mail(&message).link.as_deref(), Some("https://id.example/x?flow=1&code=2"));
    }

    #[test]
    fn short_messages_have_their_first_words_for_a_subject() {
        let mut message = message(1, "+4930123456", NOW);
        message.channel = MessageChannel::Sms;
        message.body = format!("\n  {}\n\n@id.example #123456", "ä".repeat(70));
        assert_eq!(mail(&message).subject, format!("{}…", "ä".repeat(60)));
    }

    #[test]
    fn what_is_clicked_in_a_mail_opens_around_it() {
        for (html, framed_html) in [
            (
                "<!DOCTYPE html><html><HEAD><title>x</title>",
                "<!DOCTYPE html><html><HEAD><base target=\"_top\"><title>x</title>",
            ),
            ("<!doctype html><header>x", "<!doctype html><base target=\"_top\"><header>x"),
            ("<p>x</p>", "<base target=\"_top\"><p>x</p>"),
            ("<head", "<base target=\"_top\"><head"),
            ("", "<base target=\"_top\">"),
        ] {
            assert_eq!(framed(html), framed_html);
        }
    }
}
