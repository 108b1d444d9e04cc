//! The courier in the test's process, in front of a mail server that does what the test wants. Time stands still until
//! it is moved: no pause is slept through.

mod failures;
mod mails;
mod ways;

use serde_json::{Value, json};
use std::sync::Arc;
use time::Duration;
use zelos_core::{
    id::MessageId,
    message::{Dispatch, Message, MessageChannel, MessageStatus, TemplateType},
};
use zelos_courier::Courier;
use zelos_server::wiring;
use zelos_store::{Batch, messages};
use zelos_testkit::{App, MailServer, Setup};

/// The usual configuration with that mail server.
fn with(server: &MailServer) -> Setup {
    smtp(&server.uri(), json!({}))
}

/// The usual configuration with a mail server at that URI, and more of `courier.smtp`.
fn smtp(uri: &str, mut more: Value) -> Setup {
    more["connection_uri"] = uri.into();
    more["from_address"] = "accounts@example.org".into();
    Setup::with(json!({ "courier": { "smtp": more } }))
}

fn courier(app: &App) -> Arc<Courier> {
    wiring::courier(&app.engine)
}

/// A mail to that address.
fn mail(app: &App, recipient: &str) -> Message {
    let now = app.now();
    Message {
        id: MessageId(app.engine.rng.uuid_v7(&*app.engine.clock)),
        channel: MessageChannel::Email,
        recipient: recipient.to_owned(),
        subject: "Your code".to_owned(),
        body: "123456\n".to_owned(),
        template_type: TemplateType::VerificationCodeValid,
        template_data: json!({ "to": recipient, "verification_code": "123456" }).as_object().cloned().unwrap(),
        request_headers: serde_json::Map::new(),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: Some(now + Duration::HOUR),
        created_at: now,
        updated_at: now,
    }
}

async fn queue(app: &App, messages: &[Message]) {
    let mut batch = Batch::new();
    for message in messages {
        messages::insert(&mut batch, message);
    }
    app.store.commit(batch).await.unwrap();
}

/// Queues a mail to that address.
async fn queued(app: &App, recipient: &str) -> MessageId {
    let message = mail(app, recipient);
    queue(app, std::slice::from_ref(&message)).await;
    message.id
}

/// What has become of a message.
async fn found(app: &App, id: MessageId) -> (Message, Vec<Dispatch>) {
    messages::find(&app.store, id).await.unwrap().unwrap()
}

async fn status(app: &App, id: MessageId) -> MessageStatus {
    found(app, id).await.0.status
}

/// Why the last attempt failed.
async fn reason(app: &App, id: MessageId) -> String {
    let (_, dispatches) = found(app, id).await;
    let error = dispatches.last().and_then(|dispatch| dispatch.error.clone()).unwrap_or_default();
    error["reason"].as_str().unwrap_or_default().to_owned()
}

/// Lets so many seconds pass and the courier do what is due.
async fn after(app: &App, courier: &Courier, seconds: u64) {
    app.clock.advance(std::time::Duration::from_secs(seconds));
    while courier.round().await.unwrap() > 0 {}
}
