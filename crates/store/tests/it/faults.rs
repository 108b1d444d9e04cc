//! Rows that cannot be read – written here into the database directly – do not break lists of others.

use crate::{
    database::{Database, each},
    sample::{self, NOW, message, person, session},
};
use std::{fmt::Debug, future::Future};
use uuid::Uuid;
use zelos_core::{
    id::{IdentityId, MessageId, SessionId},
    schema::{IdentitySchema, Schemas},
    session::SessionToken,
};
use zelos_store::{
    Batch, Dialect, List, Page, Store,
    directory::{self, Filter, Order, Place, Sort},
    identities, messages, sessions, trait_index,
};

const ALL: u32 = 6;

/// Assignments that leave a row unreadable. `TIME` is the column of a time.
fn damage(store: &Store) -> (&'static str, &'static str) {
    match store.dialect() {
        Dialect::Sqlite => ("TIME = 9223372036854775807", "TIME = -62167219200000001"),
        Dialect::Postgres => ("TIME = 'infinity'", "TIME = '0002-01-01 00:00:00 BC'"),
        // No time of MySQL's is unreadable but one that its mode forbids to write.
        Dialect::MySql => ("TIME = TIME", "TIME = TIME"),
    }
}

async fn update(store: &Store, table: &str, id: Uuid, assignment: &str) {
    let mut batch = Batch::new();
    batch.add(format!("UPDATE {table} SET {assignment} WHERE id = ?"), [id.into()]);
    assert_eq!(store.commit(batch).await.unwrap(), [1]);
}

/// Every item, in pages of each size, and the same each time.
async fn paged<T, K: Clone + Debug, F: Future<Output = List<T, K>>>(
    list: impl Fn(Page<K>) -> F,
    id: impl Fn(&T) -> Uuid,
) -> Vec<Uuid> {
    let mut found: Vec<Vec<Uuid>> = Vec::new();
    for size in [1, 2, 100] {
        let (mut ids, mut key) = (Vec::new(), None);
        loop {
            let page = list(Page::After { key, size }).await;
            assert!(ids.len() <= 100, "pages do not end");
            ids.extend(page.items.iter().map(&id));
            key = page.next;
            if key.is_none() {
                break;
            }
        }
        found.push(ids);
    }
    assert!(found.iter().all(|ids| *ids == found[0]), "{found:?}");
    found.remove(0)
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort_unstable();
    ids
}

fn everything() -> Vec<Uuid> {
    (1..=ALL).map(sample::id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_identity_is_listed_as_far_as_it_can_be_read() {
    each(|Database { store, .. }| async move {
        let mut batch = Batch::new();
        let all: Vec<_> = (1..=ALL).map(person).collect();
        identities::insert_all(&mut batch, all.iter());
        store.commit(batch).await.unwrap();
        let (late, early) = damage(&store);
        let document = r#"'{"traits":{"kept":true},"verifiable_addresses":[{"verified_at":"x"}]}'"#;
        update(&store, "identities", sample::id(1), &late.replace("TIME", "created_at")).await;
        update(&store, "identities", sample::id(2), "document = '{'").await;
        update(&store, "identities", sample::id(3), "state = 'odd', available_aal = '?', metadata_admin = '{'").await;
        update(&store, "identities", sample::id(4), &early.replace("TIME", "updated_at")).await;
        update(&store, "identities", sample::id(5), &format!("document = {document}")).await;
        for by in [Sort::Id, Sort::CreatedAt, Sort::UpdatedAt] {
            for descending in [false, true] {
                let order = Order { by: by.clone(), descending };
                let (store, order) = (&store, &order);
                let list = async move |page: Page<Place>| {
                    directory::search(store, &Filter::default(), order, page).await.unwrap()
                };
                assert_eq!(sorted(paged(list, |identity| identity.id.0).await), everything(), "{order:?}");
            }
        }
        let page = identities::list(&store, &Filter::default(), Page::After { key: None, size: 100 }).await.unwrap();
        assert_eq!(page.items[0].traits, person(1).traits);
        assert_eq!(page.items[1].external_id, person(2).external_id);
        assert_eq!(page.items[4].traits["kept"], true);
        assert!(page.items[4].verifiable_addresses.is_empty());
        for identity in &page.items {
            serde_json::to_string(&zelos_core::identity::json::document_view(identity)).unwrap();
        }
        // What decides something by one of them is told that it cannot be read.
        for number in [2, 3, 5] {
            assert!(identities::find(&store, IdentityId(sample::id(number))).await.is_err(), "{number}");
        }
        let whole = directory::list_whole(&store, None, 100).await.unwrap();
        let readable: &[u32] = if store.dialect() == Dialect::MySql { &[1, 4, 6] } else { &[6] };
        assert_eq!(
            whole.items.iter().map(|one| one.id.0).collect::<Vec<_>>(),
            readable.iter().map(|n| sample::id(*n)).collect::<Vec<_>>()
        );
        assert_eq!(whole.items.len() + whole.broken.len(), page.items.len());
        let schema = br#"{"properties":{"traits":{"type":"object","properties":{"email":{"type":"string"}}}}}"#;
        let schema = IdentitySchema::compile("default", schema).unwrap();
        trait_index::rebuild(&store, &Schemas::new("default", [(schema, true)]).unwrap()).await.unwrap();
        assert_eq!(
            identities::people(&store, &[IdentityId(sample::id(3)), IdentityId(sample::id(6))]).await.unwrap().len(),
            1
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_credential_leaves_the_others_in_the_list() {
    each(|Database { store, .. }| async move {
        let mut batch = Batch::new();
        let all = [person(1), person(2)];
        identities::insert_all(&mut batch, all.iter());
        batch.add(
            "UPDATE credentials SET config = '{' WHERE type = 'password' AND identity_id = ?",
            [sample::id(1).into()],
        );
        store.commit(batch).await.unwrap();
        let mut read = [person(1), person(2)];
        let broken = identities::load_readable_credentials(&store, &mut read).await.unwrap();
        assert_eq!(broken, [IdentityId(sample::id(1))]);
        assert_eq!(read[0].credentials, [person(1).credentials.remove(0)]);
        assert_eq!(read[1], person(2));
        assert!(identities::load_credentials(&store, &mut read).await.is_err());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_session_is_listed_as_far_as_it_can_be_read() {
    each(|Database { store, .. }| async move {
        let mut batch = Batch::new();
        let owner = person(1);
        identities::insert(&mut batch, &owner);
        for number in 1..=ALL {
            let token = SessionToken::received(&format!("token-{number}"));
            sessions::insert(&mut batch, &session(number, owner.id), &token);
        }
        store.commit(batch).await.unwrap();
        let (late, early) = damage(&store);
        update(&store, "sessions", sample::id(1), &late.replace("TIME", "created_at")).await;
        update(&store, "sessions", sample::id(2), &early.replace("TIME", "created_at")).await;
        update(&store, "sessions", sample::id(3), "methods = '{', devices = '?', aal = 'aal9'").await;
        update(&store, "sessions", sample::id(4), &late.replace("TIME", "expires_at")).await;
        let filter = sessions::Filter { active: None, now: NOW, used_since: None, except: None };
        let (shared, filter) = (&store, &filter);
        let list = async move |page| sessions::list(shared, filter, page).await.unwrap();
        assert_eq!(sorted(paged(list, |session| session.id.0).await), everything());
        let (own, total) =
            sessions::list_of_identity(&store, owner.id, filter, Page::Number { page: 0, size: 100 }).await.unwrap();
        assert_eq!((own.len(), total), (6, 6));
        assert!(sessions::find(&store, SessionId(sample::id(3))).await.is_err());
        let token = SessionToken::received("token-3");
        assert!(sessions::find_by_token(&store, &token).await.is_err(), "no session is accepted by a part of it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_message_is_listed_and_does_not_stop_the_courier() {
    each(|Database { store, .. }| async move {
        let mut batch = Batch::new();
        for number in 1..=ALL {
            messages::insert(&mut batch, &message(number));
        }
        store.commit(batch).await.unwrap();
        let (late, early) = damage(&store);
        update(&store, "messages", sample::id(1), &late.replace("TIME", "created_at")).await;
        update(&store, "messages", sample::id(2), &early.replace("TIME", "created_at")).await;
        update(&store, "messages", sample::id(3), "template_data = '{', request_headers = '['").await;
        update(&store, "messages", sample::id(4), "status = 'odd'").await;
        let shared = &store;
        let list = async move |page| messages::list(shared, &messages::Filter::default(), page).await.unwrap();
        assert_eq!(sorted(paged(list, |message| message.id.0).await), everything());
        assert!(messages::find(&store, MessageId(sample::id(3))).await.is_err());
        let lease = messages::Lease { token: Uuid::max(), until: NOW + time::Duration::HOUR };
        let later = NOW + time::Duration::MINUTE;
        let channels = [zelos_core::message::MessageChannel::Email, zelos_core::message::MessageChannel::Sms];
        let claimed = messages::claim(&store, lease, later, 100, &channels).await.unwrap();
        let ids: Vec<Uuid> = claimed.messages.iter().map(|message| message.id.0).collect();
        for number in [5, 6] {
            assert!(ids.contains(&sample::id(number)), "{ids:?}");
        }
        assert!(!ids.contains(&sample::id(3)), "what cannot be read is not sent");
    })
    .await;
}
