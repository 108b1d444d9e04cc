//! Letters: what a mail or short message says is gathered here, written by the compiled templates, and put as a row of
//! the outbox into the batch of what caused it. Nothing here sends.

use crate::plug::Cx;
use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};
use zelos_core::{
    flow::Flow,
    id::MessageId,
    identity::{Identity, Via, json::document, normalize},
    message::{Message, MessageChannel, MessageStatus, TemplateType},
    problem::{Problem, Result},
};
use zelos_store::{Batch, messages};

/// A letter to be written.
pub struct Letter<'a> {
    pub template: TemplateType,
    pub via: Via,
    pub to: &'a str,
    /// Whom it is about; nobody is known under some addresses.
    pub identity: Option<&'a Identity>,
    /// What only this kind of letter says, by the wire's names.
    pub says: Map<String, Value>,
    /// After that it is of no use.
    pub expires_at: Option<OffsetDateTime>,
}

/// What it says is a code or a link, and is not shown.
impl std::fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("template", &self.template).finish_non_exhaustive()
    }
}

/// Writes the letter and adds it to the batch.
pub fn queue(cx: &Cx<'_>, batch: &mut Batch, flow: &Flow, letter: &Letter<'_>) -> Result<()> {
    let now = cx.clock.now();
    let channel = match letter.via {
        Via::Email => MessageChannel::Email,
        Via::Sms => MessageChannel::Sms,
    };
    let mut message = Message {
        id: MessageId(cx.rng.uuid_v7(cx.clock)),
        channel,
        recipient: letter.to.to_owned(),
        subject: String::new(),
        body: String::new(),
        template_type: letter.template,
        template_data: data(cx, flow, letter)?,
        request_headers: cx.request.headers.clone(),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: letter.expires_at,
        created_at: now,
        updated_at: now,
    };
    cx.snapshot.letters.write(&mut message).map_err(|error| {
        Problem::bug(format!("the letter {} cannot be written: {error}", message.template_type.as_str()))
    })?;
    messages::insert(batch, &message);
    Ok(())
}

/// What the template speaks of (Kratos courier/template/{email,sms}).
fn data(cx: &Cx<'_>, flow: &Flow, letter: &Letter<'_>) -> Result<Map<String, Value>> {
    let mut data = Map::new();
    data.insert("to".to_owned(), letter.to.into());
    data.extend(letter.says.clone());
    if let Some(identity) = letter.identity {
        let identity: Value = serde_json::from_str(&document(identity)).map_err(|error| Problem::Bug(error.into()))?;
        data.insert("identity".to_owned(), identity);
    }
    data.insert("request_url".to_owned(), flow.request_url.as_str().into());
    if letter.via == Via::Sms {
        // Quirk: a short message calls its recovery code so (Kratos courier/template/sms/recovery_code.go).
        if let Some(code) = data.remove("recovery_code") {
            data.insert("verification_code".to_owned(), code);
        }
        // Browsers fill the code in on pages of that host: it is the configured one, whatever a request names.
        let domain = cx.snapshot.public.host_str().unwrap_or_default();
        data.insert("request_url_domain".to_owned(), domain.into());
    }
    let transient = flow.transient_payload.clone().filter(|payload| !payload.is_null());
    data.insert("transient_payload".to_owned(), transient.unwrap_or_else(|| json!({})));
    if let Some(expires_at) = letter.expires_at {
        // An hour is sixty minutes although a moment has passed since it began.
        let minutes = (expires_at - cx.clock.now() + Duration::SECOND).whole_minutes();
        data.insert("expires_in_minutes".to_owned(), minutes.into());
    }
    Ok(data)
}

/// The channel of an address that somebody typed.
///
/// Quirk: whatever has no `@` is taken for a phone number (Kratos selfservice/strategy/code/strategy.go).
pub fn channel_of(typed: &str) -> Via {
    if typed.contains('@') { Via::Email } else { Via::Sms }
}

/// Whether mail can be sent there at all: an address that nobody has is as it was typed.
pub(crate) fn is_deliverable(via: Via, to: &str) -> bool {
    match via {
        Via::Email => normalize::is_email(to),
        Via::Sms => normalize::is_phone(to),
    }
}

/// An address as people may see it who have not shown that it is theirs: enough to know it again. What is too short to
/// be hidden so is shown.
pub fn masked(address: &str) -> String {
    let characters: Vec<char> = address.chars().collect();
    let text = |part: &[char]| part.iter().collect::<String>();
    match characters.iter().position(|character| *character == '@') {
        Some(at) if at >= 2 => format!("{}****{}", text(&characters[..2]), text(&characters[at..])),
        None if characters.len() > 5 => {
            format!("{}****{}", text(&characters[..3]), text(&characters[characters.len() - 2..]))
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_show_just_enough() {
        let cases = [
            ("franz@example.org", "fr****@example.org"),
            ("ab@example.org", "ab****@example.org"),
            ("a@example.org", "a@example.org"),
            ("+4915112345678", "+49****78"),
            ("12345", "12345"),
            ("äöü@example.org", "äö****@example.org"),
        ];
        for (address, expected) in cases {
            assert_eq!(masked(address), expected);
        }
    }
}
