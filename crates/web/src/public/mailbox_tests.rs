//! Each lock on the door of the mailbox, and what is behind it.

use crate::{
    Peer,
    testing::{Answer, Server, config, message},
};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use zelos_core::{id::MessageId, message::MessageChannel};
use zelos_store::{Batch, messages};

/// A configuration with our own pages, changed at some places.
fn development(changes: &[(&str, Value)]) -> Value {
    let mut config = config();
    config["dev"] = json!(true);
    config["selfservice"]["flows"] = json!({});
    for (pointer, value) in changes {
        let mut place = &mut config;
        for part in pointer.split('.') {
            place = &mut place[part];
        }
        *place = value.clone();
    }
    config
}

async fn server(changes: &[(&str, Value)]) -> (Server, MessageId) {
    let server = Server::start(development(changes)).await;
    let message = message(7, "ada@example.com", server.app.engine.clock.now());
    let mut batch = Batch::new();
    messages::insert(&mut batch, &message);
    server.app.engine.store.commit(batch).await.unwrap();
    (server, message.id)
}

/// Who asks.
struct Visitor<'a> {
    address: Option<&'a str>,
    headers: &'a [(&'a str, &'a str)],
}

const AT_HOME: Visitor<'_> = Visitor { address: Some("127.0.0.1:4711"), headers: &[("host", "127.0.0.1:4433")] };

async fn get(server: &Server, path: &str, visitor: &Visitor<'_>) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in visitor.headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer { address: visitor.address.map(|it| it.parse().unwrap()), tls: false });
    let response = server.public.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
}

async fn statuses(server: &Server, id: MessageId, visitor: &Visitor<'_>) -> [u16; 2] {
    let list = get(server, "/ui/mailbox", visitor).await;
    let mail = get(server, &format!("/ui/mailbox/{id}"), visitor).await;
    let frame = get(server, &format!("/ui/mailbox/{id}/html"), visitor).await;
    assert!(!list.text().contains("123456") || list.status == 200);
    assert!(frame.status == 404 || frame.status == list.status, "the frame has the same door");
    [list.status.as_u16(), mail.status.as_u16()]
}

#[tokio::test]
async fn at_home_the_mailbox_is_open() {
    let (server, id) = server(&[]).await;
    let v6 = Visitor { address: Some("[::1]:4711"), headers: &[("host", "[::1]:4433")] };
    let mapped = Visitor { address: Some("[::ffff:127.0.0.1]:4711"), headers: &[("host", "LOCALHOST")] };
    let own_name = Visitor { address: Some("127.0.0.1:4711"), headers: &[("host", "id.example.org")] };
    let proxy = [("host", "localhost:3000"), ("x-forwarded-for", "127.0.0.1, ::1"), ("x-real-ip", "127.0.0.1")];
    let own_proxy = Visitor { address: Some("127.0.0.1:4711"), headers: &proxy };
    for visitor in [AT_HOME, v6, mapped, own_name, own_proxy] {
        assert_eq!(statuses(&server, id, &visitor).await, [200, 200], "{:?}", visitor.headers);
    }
}

#[tokio::test]
async fn without_development_or_with_a_way_out_there_is_no_mailbox() {
    let smtp = json!("smtp://mail.example.org:25/");
    let http = json!({"delivery_strategy": "http", "http": {"request_config": {"url": "https://m.example.org/", "method": "POST"}}});
    for change in [
        ("dev", json!(false)),
        ("courier", json!({"smtp": {"connection_uri": smtp}})),
        ("courier", http),
        ("selfservice.ui", json!({"enabled": false})),
    ] {
        let (server, id) = server(std::slice::from_ref(&change)).await;
        assert_eq!(statuses(&server, id, &AT_HOME).await, [404, 404], "{change:?}");
    }
}

#[tokio::test]
async fn the_mailbox_opens_to_no_other_machine() {
    let (server, id) = server(&[]).await;
    let host = ("host", "127.0.0.1:4433");
    for address in [Some("192.0.2.1:4711"), Some("10.0.0.1:4711"), Some("[2001:db8::1]:4711"), None] {
        let visitor = Visitor { address, headers: &[host] };
        assert_eq!(statuses(&server, id, &visitor).await, [403, 403], "{address:?}");
    }
    for told in [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "192.0.2.1, 127.0.0.1"),
        ("x-forwarded-for", "127.0.0.1, 192.0.2.1"),
        ("x-forwarded-for", "unknown"),
        ("x-forwarded-for", ""),
        ("x-real-ip", "192.0.2.1"),
        ("true-client-ip", "192.0.2.1"),
        ("cf-connecting-ip", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
    ] {
        let visitor = Visitor { address: AT_HOME.address, headers: &[host, told] };
        assert_eq!(statuses(&server, id, &visitor).await, [403, 403], "{told:?}");
    }
}

#[tokio::test]
async fn a_page_that_has_its_name_pointed_here_finds_the_door_shut() {
    let (server, id) = server(&[]).await;
    for host in ["attacker.example:4433", "127.0.0.1.attacker.example", "localhost.attacker.example", "@", ""] {
        let visitor = Visitor { address: AT_HOME.address, headers: &[("host", host)] };
        assert_eq!(statuses(&server, id, &visitor).await, [403, 403], "{host}");
    }
    let nameless = Visitor { address: AT_HOME.address, headers: &[] };
    assert_eq!(statuses(&server, id, &nameless).await, [403, 403]);
}

#[tokio::test]
async fn what_is_in_it() {
    let (server, id) = server(&[]).await;
    let start = get(&server, "/", &AT_HOME).await;
    assert!(start.text().contains("href=\"https://id.example.org/ui/mailbox\""), "{}", start.text());
    let away = Visitor { address: Some("192.0.2.1:4711"), headers: AT_HOME.headers };
    assert!(!get(&server, "/", &away).await.text().contains("ui/mailbox"));

    let list = get(&server, "/ui/mailbox", &AT_HOME).await;
    assert!(list.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(list.header("cache-control"), "private, no-cache, no-store, must-revalidate");
    for part in [&format!("/ui/mailbox/{id}\">Your code</a>"), "ada@example.com", "data-copy>123456</code>"] {
        assert!(list.text().contains(part), "{part} in {}", list.text());
    }
    let mail = get(&server, &format!("/ui/mailbox/{id}"), &AT_HOME).await;
    assert!(mail.header("content-security-policy").ends_with("; frame-src 'self'"));
    assert_eq!(mail.header("x-frame-options"), "DENY");
    for part in ["Your code is 123456.", "id=\"code\" data-copy>123456</code>", "no-reply@"] {
        assert!(mail.text().contains(part), "{part} in {}", mail.text());
    }
    for path in ["/ui/mailbox/x", "/ui/mailbox/00000000-0000-4000-8000-000000000000"] {
        assert_eq!(get(&server, path, &AT_HOME).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_short_message_looks_like_one_and_what_strangers_wrote_stays_text() {
    let server = Server::start(development(&[])).await;
    let mut sms = message(1, "+4930123456", server.app.engine.clock.now());
    sms.channel = MessageChannel::Sms;
    sms.body = "<script>alert(1)</script> 123456".to_owned();
    let mut batch = Batch::new();
    messages::insert(&mut batch, &sms);
    server.app.engine.store.commit(batch).await.unwrap();
    let page = get(&server, &format!("/ui/mailbox/{}", sms.id), &AT_HOME).await;
    assert!(page.text().contains("<div class=\"bubble\">&lt;script&gt;alert(1)&lt;/script&gt; 123456</div>"));
    assert!(!page.text().contains("<iframe") && !page.text().contains("<dt>From</dt>"));
    let list = get(&server, "/ui/mailbox", &AT_HOME).await;
    assert!(list.text().contains("SMS to +4930123456") && !list.text().contains("<script>alert"));
    let frame = get(&server, &format!("/ui/mailbox/{}/html", sms.id), &AT_HOME).await;
    assert_eq!(frame.status, 404);
}
