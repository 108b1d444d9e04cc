//! Delivery to an operator's own server: one request for each message, whose body an operator's Jsonnet makes.
//!
//! A request is not repeated here: the courier tries again when it is time.

use super::{Channel, Errand, Failure};
use crate::call::Call;
use async_trait::async_trait;
use http::StatusCode;
use serde_json::{Map, Value, json};
use std::time::Duration;
use zelos_core::{message::Message, outbound::OutboundRequest};

/// Until the whole answer is there.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of an answer is read; only its status counts.
const MOST_ANSWER: usize = 1 << 20;

/// What the courier's own body holds: the original's default, so that servers made for it understand ours.
const FIELDS: [&str; 5] = ["to", "recovery_code", "recovery_url", "verification_url", "verification_code"];

/// Delivers with a call.
pub(crate) struct Http(pub(crate) Call);

impl Http {
    async fn request(&self, errand: &Errand<'_>) -> Result<OutboundRequest, Failure> {
        let request = self.0.request(errand.outbound, || own_body(errand.message), || context(errand)).await;
        let request = request.map_err(|error| {
            let held = error.is_not_fetched();
            if held { Failure::Held(error.to_string()) } else { Failure::Transient(error.to_string()) }
        })?;
        Ok(OutboundRequest { timeout: PATIENCE, max_body: MOST_ANSWER, ..request })
    }
}

#[async_trait]
impl Channel for Http {
    async fn send(&self, errand: &Errand<'_>) -> Result<(), Failure> {
        let request = self.request(errand).await?;
        let answer = errand.outbound.send(request).await.map_err(|error| Failure::Transient(error.to_string()))?;
        let status = answer.status;
        if status.is_success() {
            return Ok(());
        }
        let reason = format!("the server answered with status {}", status.as_u16());
        // These say that the message itself is at fault; the others may be over when we come again.
        let hopeless = [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY]
            .contains(&status);
        Err(if hopeless { Failure::Permanent(reason) } else { Failure::Transient(reason) })
    }

    async fn rest(&self) {}
}

/// What a body is made from.
fn context(errand: &Errand<'_>) -> Value {
    let message = errand.message;
    let mut context = json!({
        "recipient": message.recipient,
        "subject": message.subject,
        "body": message.body,
        "template_type": message.template_type,
        "template_data": message.template_data,
        "message_type": message.channel,
        "request_headers": message.request_headers,
    });
    if let Some(html) = errand.html {
        context["html_body"] = html.into();
    }
    context
}

fn own_body(message: &Message) -> Value {
    let mut body = Map::new();
    body.insert("recipient".to_owned(), message.recipient.clone().into());
    body.insert("template_type".to_owned(), message.template_type.as_str().into());
    for name in FIELDS {
        body.insert(name.to_owned(), message.template_data.get(name).cloned().unwrap_or_default());
    }
    body.insert("subject".to_owned(), message.subject.clone().into());
    body.insert("body".to_owned(), message.body.clone().into());
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::Remotes;
    use http::{
        HeaderMap, Method,
        header::{AUTHORIZATION, CONTENT_TYPE, COOKIE},
    };
    use std::sync::Mutex;
    use time::macros::datetime;
    use url::Url;
    use zelos_core::{
        config::request::RequestConfig,
        id::MessageId,
        message::{MessageChannel, MessageStatus, TemplateType},
        outbound::{Outbound, OutboundError, OutboundResponse},
    };

    /// Answers with a status, and remembers what it was asked.
    struct Server(u16, Mutex<Vec<OutboundRequest>>);

    #[async_trait]
    impl Outbound for Server {
        async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
            self.1.lock().unwrap().push(request);
            let status = StatusCode::from_u16(self.0).map_err(|_| OutboundError::Timeout)?;
            Ok(OutboundResponse { status, headers: HeaderMap::new(), body: "no".into() })
        }
    }

    fn message() -> Message {
        let at = datetime!(2026-03-01 12:00 UTC);
        Message {
            id: MessageId(uuid::Uuid::nil()),
            channel: MessageChannel::Sms,
            recipient: "+4915112345678".into(),
            subject: String::new(),
            body: "Code & more".into(),
            template_type: TemplateType::LoginCodeValid,
            template_data: json!({ "to": "+4915112345678", "login_code": "123456", "verification_code": "1" })
                .as_object()
                .cloned()
                .unwrap(),
            request_headers: Map::new(),
            status: MessageStatus::Processing,
            send_count: 1,
            expires_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    /// What the server was asked, and what the courier makes of its answer.
    async fn sent(config: Value, status: u16) -> (OutboundRequest, Result<(), Failure>) {
        let config: RequestConfig = serde_json::from_value(config).unwrap();
        let server = Server(status, Mutex::default());
        let url = Url::parse("https://sms.example.org/send").unwrap();
        let call = Call::compile("courier.http.request_config", &url, &config, &Remotes::default())
            .map_err(|(key, why)| format!("{key}: {why}"))
            .unwrap();
        let channel = Http(call);
        let message = message();
        let result = channel.send(&Errand { message: &message, html: Some("<p>"), outbound: &server }).await;
        (server.1.into_inner().unwrap().remove(0), result)
    }

    #[tokio::test]
    async fn the_couriers_own_body_holds_what_the_original_sends() {
        let (request, result) = sent(json!({}), 200).await;
        assert_eq!(result, Ok(()));
        assert_eq!((request.method, request.url.as_str()), (Method::POST, "https://sms.example.org/send"));
        assert_eq!((request.timeout, request.retries), (PATIENCE, 0));
        assert_eq!(request.headers[CONTENT_TYPE], "application/json");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let expected = json!({
            "recipient": "+4915112345678",
            "template_type": "login_code_valid",
            "to": "+4915112345678",
            "recovery_code": null,
            "recovery_url": null,
            "verification_url": null,
            "verification_code": "1",
            "subject": "",
            "body": "Code & more",
        });
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn an_operators_body_is_made_by_their_jsonnet() {
        let source = "function(ctx) { To: ctx.recipient, Body: ctx.body, Code: ctx.template_data.login_code, [ctx.message_type]: true }";
        let body = zelos_core::config::ContentUri::inline(source);
        let (request, result) = sent(json!({ "body": body }), 200).await;
        assert_eq!(result, Ok(()));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({ "To": "+4915112345678", "Body": "Code & more", "Code": "123456", "sms": true }));
    }

    #[tokio::test]
    async fn hostile_jsonnet_costs_its_own_message_only() {
        let server = Server(200, Mutex::default());
        for source in [
            "function(ctx) local f(x) = f(x + 1); f(0)",
            "function(ctx) std.repeat('a', 1073741824)",
            "function(ctx) error 'cancel'",
            "function(ctx) ctx.nothing",
        ] {
            let config = json!({ "body": zelos_core::config::ContentUri::inline(source) });
            let config: RequestConfig = serde_json::from_value(config).unwrap();
            let url = Url::parse("https://sms.example.org/send").unwrap();
            let Ok(call) = Call::compile("", &url, &config, &Remotes::default()) else { continue };
            let result = Http(call).send(&Errand { message: &message(), html: None, outbound: &server }).await;
            assert!(matches!(result, Err(Failure::Transient(_))), "{source}: {result:?}");
        }
        assert!(server.1.lock().unwrap().is_empty());
        let import = json!({ "body": zelos_core::config::ContentUri::inline("function(ctx) import '/etc/passwd'") });
        let import: RequestConfig = serde_json::from_value(import).unwrap();
        let url = Url::parse("https://a.example/").unwrap();
        assert!(Call::compile("", &url, &import, &Remotes::default()).is_err());
    }

    #[tokio::test]
    async fn a_form_is_sent_if_the_header_says_so() {
        let config = json!({ "method": "put", "headers": { "content-type": "application/x-www-form-urlencoded" } });
        let (request, result) = sent(config, 204).await;
        assert_eq!((request.method, result), (Method::PUT, Ok(())));
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(body.starts_with("recipient=%2B4915112345678&template_type=login_code_valid&"), "{body}");
        assert!(body.contains("&recovery_code=&") && body.ends_with("&subject=&body=Code+%26+more"), "{body}");
    }

    #[tokio::test]
    async fn who_sends_it_is_shown_as_configured() {
        let basic = json!({ "auth": { "type": "basic_auth", "config": { "user": "ada", "password": "pass" } } });
        let (request, _) = sent(basic, 200).await;
        assert_eq!(request.headers[AUTHORIZATION], "Basic YWRhOnBhc3M=");
        assert!(!format!("{request:?}").contains("YWRhOnBhc3M="), "not in a log");
        let key = |place: &str| json!({ "auth": { "type": "api_key", "config": { "name": "X-Key", "value": "v", "in": place } } });
        assert_eq!(sent(key("header"), 200).await.0.headers["X-Key"], "v");
        assert_eq!(sent(key("cookie"), 200).await.0.headers[COOKIE], "X-Key=v");
    }

    #[tokio::test]
    async fn statuses_are_told_apart() {
        for status in [400, 413, 422] {
            let failure = sent(json!({}), status).await.1.unwrap_err();
            assert_eq!(failure, Failure::Permanent(format!("the server answered with status {status}")));
        }
        for status in [301, 401, 404, 429, 500, 503] {
            assert!(matches!(sent(json!({}), status).await.1, Err(Failure::Transient(_))), "{status}");
        }
    }

    #[tokio::test]
    async fn a_body_may_be_made_of_everything_there_is() {
        let errand = Errand { message: &message(), html: Some("<p>"), outbound: &Server(200, Mutex::default()) };
        let context = context(&errand);
        assert_eq!(context["template_data"]["login_code"], "123456");
        assert_eq!((context["message_type"].as_str(), context["html_body"].as_str()), (Some("sms"), Some("<p>")));
        assert!(context["request_headers"].is_object() && context["recipient"].is_string());
    }
}
