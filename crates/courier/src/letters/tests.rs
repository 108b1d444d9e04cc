use super::{
    Letters, built_in, compiled,
    part::Part,
    sources::{Sources, Text},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::macros::datetime;
use zelos_core::{
    config::Config,
    id::MessageId,
    message::{Message, MessageChannel, MessageStatus, TemplateType},
    outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse},
};

/// One place that can be fetched, and nothing else.
struct Net;

#[async_trait::async_trait]
impl Outbound for Net {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        if request.url.as_str() != "https://templates.example/subject" {
            return Err(OutboundError::Timeout);
        }
        let body = "Fetched, {{.To}}".into();
        Ok(OutboundResponse { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body })
    }
}

fn data(template: TemplateType, channel: MessageChannel) -> Map<String, Value> {
    let url = "https://id.example/self-service/x?flow=1&code=123456";
    let name = template.as_str();
    let mut data = json!({
        "to": "ada@example.com",
        "request_url": "https://id.example/",
        "transient_payload": {},
        "user_request_headers": {},
    });
    let mut say = |key: &str, value: Value| data[key] = value;
    if name.ends_with("valid") && !name.ends_with("invalid") {
        say("expires_in_minutes", json!(60));
        say("identity", json!({ "id": "1", "traits": { "email": "ada@example.com" }, "metadata_public": null }));
        match name.split_once("_code") {
            // Short messages call it so on the wire.
            Some(("recovery", _)) if channel == MessageChannel::Sms => say("verification_code", json!("123456")),
            Some((kind, _)) => say(&format!("{kind}_code"), json!("123456")),
            None => say(&format!("{}_url", name.trim_end_matches("_valid")), json!(url)),
        }
        if template == TemplateType::VerificationCodeValid && channel == MessageChannel::Email {
            say("verification_url", json!(url));
        }
    }
    if template == TemplateType::VerifiableAddressChanged {
        say("identity", json!({ "id": "1", "traits": {} }));
        say("changed_at", json!("2026-07-01T10:20:30Z"));
    }
    if channel == MessageChannel::Sms {
        say("request_url_domain", json!("id.example"));
    }
    match data {
        Value::Object(data) => data,
        _ => Map::new(),
    }
}

fn message(template: TemplateType, channel: MessageChannel) -> Message {
    let at = datetime!(2026-07-01 10:00 UTC);
    Message {
        id: MessageId(uuid::Uuid::nil()),
        channel,
        recipient: "ada@example.com".to_owned(),
        subject: String::new(),
        body: String::new(),
        template_type: template,
        template_data: data(template, channel),
        request_headers: Map::new(),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: None,
        created_at: at,
        updated_at: at,
    }
}

fn mail(template: TemplateType) -> Message {
    message(template, MessageChannel::Email)
}

fn with(mut message: Message, key: &str, value: Value) -> Message {
    message.template_data.insert(key.to_owned(), value);
    message
}

/// With the header that says which languages a browser wants.
fn asked_in(mut message: Message, languages: &str) -> Message {
    message.request_headers.insert("Accept-Language".to_owned(), json!([languages]));
    message
}

fn written(letters: &Letters, mut message: Message) -> Message {
    letters.write(&mut message).unwrap();
    message
}

#[test]
fn everything_can_be_written_in_every_language() {
    let letters = Letters::built_in();
    assert_eq!(letters.languages.len(), built_in::LANGUAGES.len());
    for language in built_in::LANGUAGES {
        for template in TemplateType::ALL {
            for channel in MessageChannel::ALL {
                let message = written(&letters, asked_in(message(template, channel), language.tag));
                let text = format!("{}\n{}", message.subject, message.body);
                let html = letters.html(&message).unwrap().unwrap_or_default();
                let what = format!("{} {template:?} {channel:?}\n{text}", language.tag);
                let is_mail = channel == MessageChannel::Email;
                assert_eq!((message.subject.is_empty(), html.is_empty()), (!is_mail, !is_mail), "{what}");
                assert!(!text.contains("<no value>") && !text.contains("%!") && !html.contains("ZgotmplZ"), "{what}");
                assert!(!is_mail || html.contains(&format!("<html lang=\"{}\">", language.tag)), "{what}");
            }
        }
    }
}
