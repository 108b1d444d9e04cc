//! The list of messages and its pages, through the router.

use crate::testing::{Server, config, message, with};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;
use zelos_core::{
    id::{DispatchId, MessageId},
    message::{MessageChannel, MessageStatus},
    rng::SeededRng,
};
use zelos_store::{
    Batch,
    messages::{self, Attempt, Lease, Outcome},
};

const LIST: &str = "/admin/courier/messages";

async fn put(server: &Server, number: u128, recipient: &str) -> MessageId {
    server.clock.advance(Duration::from_secs(1));
    let message = message(number, recipient, server.app.engine.clock.now());
    let mut batch = Batch::new();
    messages::insert(&mut batch, &message);
    server.app.engine.store.commit(batch).await.unwrap();
    message.id
}

async fn list(server: &Server, query: &str) -> (Vec<String>, String) {
    let answer = server.admin(&format!("GET {LIST}{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    let ids = answer.json().as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    (ids, answer.header("link").to_owned())
}

fn next(links: &str) -> Option<String> {
    let link = links.split(',').find(|link| link.ends_with("rel=\"next\""))?;
    Some(link.trim_start_matches('<').split('>').next()?.split_once('?')?.1.to_owned())
}

#[tokio::test]
async fn the_newest_come_first_and_pages_lead_on() {
    let server = Server::start(with("dev", json!(true))).await;
    let mut ids = Vec::new();
    for number in 1..=3 {
        ids.insert(0, put(&server, number, "ada@example.com").await.to_string());
    }
    put(&server, 4, "other@example.com").await;
    let (first, links) = list(&server, "?recipient=ada%40example.com&page_size=2").await;
    assert_eq!(first, ids[..2]);
    let on = next(&links).unwrap();
    assert!(on.contains("recipient=ada%40example.com") && on.contains("page_size=2"), "{on}");
    let (rest, links) = list(&server, &format!("?{on}")).await;
    assert_eq!((rest.as_slice(), next(&links)), (&ids[2..], None));
    assert!(links.ends_with("rel=\"first\""), "{links}");
    assert_eq!(list(&server, "?status=queued").await.0.len(), 4);
    assert_eq!(list(&server, "?status=sent").await.0.len(), 0);
    assert_eq!(list(&server, "?page_size=100000").await.0.len(), 4);

    server.clock.advance(Duration::from_secs(3601));
    let late = server.admin(&format!("GET {LIST}?{on}")).await;
    assert_eq!(late.status, 400, "tokens are not for keeping");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::start(config()).await;
    let missing = format!("{LIST}/{}", Uuid::from_u128(9));
    for (path, status) in [
        (format!("{LIST}?status=nope"), 400),
        (format!("{LIST}?status="), 400),
        (format!("{LIST}?page_size=x"), 400),
        (format!("{LIST}?page_token=x"), 400),
        (format!("{LIST}/x"), 400),
        (missing, 404),
    ] {
        let answer = server.admin(&format!("GET {path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.json()["error"]["code"], status);
    }
    let sealed = server.app.engine.snapshot().keys.seal(&SeededRng::new(3), "other", b"{}");
    assert_eq!(server.admin(&format!("GET {LIST}?page_token={sealed}")).await.status, 400);
}

#[tokio::test]
async fn a_message_tells_of_its_attempts_and_hides_its_words_outside_development() {
    for dev in [true, false] {
        let server = Server::start(with("dev", json!(dev))).await;
        let store = &server.app.engine.store;
        let id = put(&server, 1, "ada@example.com").await;
        let mut at = server.app.engine.clock.now();
        for (token, error) in [(1, Some(json!({"code": 421}))), (2, None)] {
            let lease = Lease { token: Uuid::from_u128(token), until: at + Duration::from_mins(1) };
            let claimed = messages::claim(store, lease, at, 9, &MessageChannel::ALL).await.unwrap();
            assert_eq!(claimed.messages.len(), 1);
            at += Duration::from_secs(1);
            let attempt = Attempt { id: DispatchId(Uuid::from_u128(token)), message: id, lease: lease.token, at };
            let outcome = error.as_ref().map_or(Outcome::Sent, |error| Outcome::Again { at, error });
            let mut batch = Batch::new();
            messages::settle(&mut batch, &attempt, outcome);
            store.commit(batch).await.unwrap();
        }
        let answer = server.admin(&format!("GET {LIST}/{id}")).await;
        assert_eq!(answer.status, 200);
        let told = answer.json();
        let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
        let wire = [
            "id",
            "status",
            "type",
            "recipient",
            "body",
            "subject",
            "template_type",
            "channel",
            "send_count",
            "dispatches",
            "created_at",
            "updated_at",
        ];
        assert_eq!(keys, wire);
        let hidden = "<redacted-unless-dev-mode>";
        let words = if dev { ["Your code", "Your code is 123456."] } else { [hidden; 2] };
        assert_eq!([&told["subject"], &told["body"]], words);
        assert_eq!((&told["status"], &told["send_count"]), (&json!(MessageStatus::Sent), &json!(2)));
        assert_eq!((&told["type"], &told["template_type"]), (&json!("email"), &json!("recovery_code_valid")));
        assert_eq!(told["created_at"], "2030-01-02T03:04:06Z");
        let attempts: Vec<(&Value, &Value)> =
            told["dispatches"].as_array().unwrap().iter().map(|one| (&one["status"], &one["error"])).collect();
        let failed = json!({"code": 421});
        assert_eq!(attempts, [(&json!("success"), &Value::Null), (&json!("failed"), &failed)]);
        let listed = server.admin(&format!("GET {LIST}")).await.json();
        assert_eq!([&listed[0]["subject"], &listed[0]["body"]], words);
        assert_eq!(listed[0].get("dispatches"), None);
    }
}
