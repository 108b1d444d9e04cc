//! The outbox: each message to one claim, nothing written without a lease, lists newest first.

use crate::{
    database::{Database, each},
    sample::{self, NOW, message},
};
use serde_json::json;
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use zelos_core::{
    id::{DispatchId, MessageId},
    message::{Message, MessageChannel, MessageStatus},
};
use zelos_store::{
    Batch, Error, Page, Store,
    messages::{self, Attempt, Filter, Lease, Outcome},
};

pub(crate) async fn insert(store: &Store, message: &Message) {
    let mut batch = Batch::new();
    messages::insert(&mut batch, message);
    store.commit(batch).await.unwrap();
}

async fn settle(store: &Store, message: MessageId, lease: Uuid, outcome: Outcome<'_>) -> Result<Vec<u64>, Error> {
    let mut batch = Batch::new();
    let id = DispatchId(Uuid::from_u128(lease.as_u128() ^ message.0.as_u128()));
    messages::settle(&mut batch, &Attempt { id, message, lease, at: NOW + Duration::MINUTE }, outcome);
    store.commit(batch).await
}

/// Delivers so many of those that are due.
pub(crate) async fn deliver(store: &Store, most: usize) {
    let lease = lease(77);
    for message in claim(store, lease, NOW + Duration::MINUTE, most).await {
        settle(store, message.id, lease.token, Outcome::Sent).await.unwrap();
    }
}

fn lease(number: u32) -> Lease {
    Lease { token: sample::id(number), until: NOW + Duration::minutes(5) }
}

async fn claim(store: &Store, lease: Lease, now: OffsetDateTime, most: usize) -> Vec<Message> {
    messages::claim(store, lease, now, most, &MessageChannel::ALL).await.unwrap().messages
}

async fn found(store: &Store, number: u32) -> (Message, Vec<zelos_core::message::Dispatch>) {
    messages::find(store, message(number).id).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stored_as_it_is() {
    each(|Database { store, .. }| async move {
        let mut sms = message(2);
        (sms.channel, sms.expires_at) = (MessageChannel::Sms, None);
        insert(&store, &message(1)).await;
        insert(&store, &sms).await;
        assert_eq!(found(&store, 1).await, (message(1), Vec::new()));
        assert_eq!(found(&store, 2).await, (sms, Vec::new()));
        assert_eq!(messages::find(&store, message(3).id).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_ends_in_one_of_three_ways() {
    each(|Database { store, .. }| async move {
        for number in 1..=3 {
            insert(&store, &message(number)).await;
        }
        assert!(claim(&store, lease(9), NOW, 10).await.is_empty(), "none is due yet");
        let now = NOW + Duration::seconds(2);
        let claimed = claim(&store, lease(9), now, 10).await;
        assert_eq!(claimed.iter().map(|message| message.id).collect::<Vec<_>>(), [message(1).id, message(2).id]);
        assert!(claimed.iter().all(|message| message.status == MessageStatus::Processing && message.send_count == 1));
        assert!(claim(&store, lease(10), now, 10).await.is_empty(), "leased");

        let token = lease(9).token;
        let error = json!({ "z": 1, "a": "451 later" });
        settle(&store, message(1).id, token, Outcome::Sent).await.unwrap();
        let again = NOW + Duration::minutes(2);
        settle(&store, message(2).id, token, Outcome::Again { at: again, error: &error }).await.unwrap();
        let (sent, attempts) = found(&store, 1).await;
        assert_eq!((sent.status, sent.send_count, attempts.len()), (MessageStatus::Sent, 1, 1));
        assert_eq!((&attempts[0].error, attempts[0].message_id), (&None, sent.id));
        assert_eq!(found(&store, 2).await.1[0].error, Some(error.clone()));

        let third = lease(11);
        assert_eq!(claim(&store, third, again - Duration::SECOND, 10).await.len(), 1, "only the third is due");
        assert_eq!(claim(&store, lease(12), again, 10).await[0].send_count, 2);
        settle(&store, message(2).id, lease(12).token, Outcome::Abandoned { error: &error }).await.unwrap();
        let (abandoned, attempts) = found(&store, 2).await;
        assert_eq!((abandoned.status, attempts.len()), (MessageStatus::Abandoned, 2));

        let mut batch = Batch::new();
        messages::give_back(&mut batch, message(3).id, third.token, again, again);
        messages::give_back(&mut batch, message(2).id, third.token, again, again);
        store.commit(batch).await.unwrap();
        let (back, attempts) = found(&store, 3).await;
        assert_eq!((back.status, back.send_count, attempts.len()), (MessageStatus::Queued, 0, 0));
        let rest = claim(&store, lease(13), NOW + Duration::DAY, 10).await;
        assert_eq!(rest.iter().map(|message| message.id).collect::<Vec<_>>(), [message(3).id], "the others are done");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_runs_out() {
    each(|Database { store, .. }| async move {
        insert(&store, &message(1)).await;
        let now = NOW + Duration::MINUTE;
        assert_eq!(claim(&store, lease(9), now, 10).await.len(), 1);
        assert!(claim(&store, lease(10), lease(9).until - Duration::MICROSECOND, 10).await.is_empty());
        let late = Lease { token: sample::id(10), until: lease(9).until + Duration::MINUTE };
        assert_eq!(claim(&store, late, lease(9).until, 10).await[0].send_count, 2);
        let lost = settle(&store, message(1).id, lease(9).token, Outcome::Sent).await;
        assert!(matches!(lost, Err(Error::Unmet(messages::LEASED))), "{lost:?}");
        assert!(found(&store, 1).await.1.is_empty(), "nothing was written");
        settle(&store, message(1).id, late.token, Outcome::Sent).await.unwrap();
        assert_eq!(found(&store, 1).await.0.status, MessageStatus::Sent);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_can_be_sent_is_claimed() {
    each(|Database { store, .. }| async move {
        let mut sms = message(1);
        sms.channel = MessageChannel::Sms;
        insert(&store, &sms).await;
        insert(&store, &message(2)).await;
        let claim = async |token, channels: &[MessageChannel]| {
            messages::claim(&store, lease(token), NOW + Duration::MINUTE, 10, channels).await.unwrap().messages
        };
        assert!(claim(9, &[]).await.is_empty());
        assert_eq!(claim(10, &[MessageChannel::Email]).await[0].id, message(2).id);
        assert!(claim(11, &[MessageChannel::Email]).await.is_empty());
        assert_eq!(claim(12, &[MessageChannel::Sms]).await[0].id, message(1).id);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_goes_to_one_claim() {
    each(|Database { store, .. }| async move {
        let mut batch = Batch::new();
        (1..=120).for_each(|number| messages::insert(&mut batch, &message(number)));
        store.commit(batch).await.unwrap();
        let couriers: Vec<_> = (0..4_u32)
            .map(|courier| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    for round in 0.. {
                        let lease = lease(1000 + courier * 1000 + round);
                        let got = messages::claim(&store, lease, NOW + Duration::MINUTE * 3, 7, &MessageChannel::ALL)
                            .await
                            .unwrap();
                        claimed.extend(got.messages.iter().map(|message| message.id));
                        if !got.full {
                            break;
                        }
                    }
                    claimed
                })
            })
            .collect();
        let mut all = Vec::new();
        for courier in couriers {
            all.extend(courier.await.unwrap());
        }
        assert_eq!(all.len(), 120);
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 120);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_newest_first() {
    each(|Database { store, .. }| async move {
        for number in 1..=5 {
            let mut message = message(number);
            if number >= 4 {
                // Of one moment: then the id decides.
                message.created_at = NOW;
                message.recipient = "ada@example.com".into();
            }
            insert(&store, &message).await;
        }
        deliver(&store, 2).await;
        let listed = async |filter: Filter| {
            let (mut seen, mut key) = (Vec::new(), None);
            loop {
                let page = messages::list(&store, &filter, Page::After { key, size: 2 }).await.unwrap();
                seen.extend(page.items.iter().map(|message| message.id.0));
                key = page.next;
                if key.is_none() {
                    return seen;
                }
            }
        };
        let ids = |numbers: &[u32]| numbers.iter().map(|number| sample::id(*number)).collect::<Vec<_>>();
        assert_eq!(listed(Filter::default()).await, ids(&[3, 2, 1, 5, 4]));
        let of_ada = Filter { recipient: Some("ada@example.com".into()), status: None };
        assert_eq!(listed(of_ada.clone()).await, ids(&[5, 4]));
        let sent = Filter { status: Some(MessageStatus::Sent), recipient: None };
        assert_eq!(listed(sent).await, ids(&[5, 4]), "those that were due first");
        let queued = Filter { status: Some(MessageStatus::Queued), ..of_ada };
        assert_eq!(listed(queued).await, ids(&[]));
    })
    .await;
}
