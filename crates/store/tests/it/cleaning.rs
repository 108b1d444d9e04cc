//! What has expired is deleted, and nothing else.

use crate::{
    attempts::budget,
    database::{Database, each},
    flows, identities, messages,
    sample::{NOW, flow, message, person, session},
    sessions,
};
use serde_json::json;
use time::Duration;
use zelos_core::id::ErrorId;
use zelos_store::{Batch, Store, attempts::Budget, cleanup, errors};

async fn count(store: &Store, table: &str) -> i64 {
    store.one(format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.get(0)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_expired_is_deleted_in_small_batches() {
    each(|Database { store, .. }| async move {
        let ada = person(1);
        identities::insert(&store, &ada).await.unwrap();
        for number in 1..=5 {
            let mut flow = flow(number);
            flow.expires_at = NOW + Duration::seconds(number.into());
            flows::insert(&store, &flow).await;
            sessions::insert(&store, number, ada.id).await;
            let mut batch = Batch::new();
            errors::insert(&mut batch, ErrorId(flow.id.0), &json!({}), NOW + Duration::seconds(number.into()));
            store.commit(batch).await.unwrap();
        }
        let mut batch = Batch::new();
        for number in 1..=5 {
            let window = std::time::Duration::from_secs(number.into());
            zelos_store::attempts::count(&mut batch, &[Budget { window, ..budget(number, 1) }], NOW);
        }
        store.commit(batch).await.unwrap();
        let before = NOW + Duration::seconds(5);
        assert_eq!(cleanup::attempts(&store, before, 3).await.unwrap(), 3);
        assert_eq!(cleanup::attempts(&store, before, 3).await.unwrap(), 1);
        assert_eq!(cleanup::attempts(&store, before, 3).await.unwrap(), 0);
        assert_eq!(count(&store, "attempts").await, 1);
        assert_eq!(cleanup::flows(&store, before, 3).await.unwrap(), 3);
        assert_eq!(cleanup::flows(&store, before, 3).await.unwrap(), 1);
        assert_eq!(cleanup::flows(&store, before, 3).await.unwrap(), 0);
        assert_eq!(cleanup::errors(&store, before, 100).await.unwrap(), 4);
        assert_eq!(cleanup::sessions(&store, session(3, ada.id).expires_at, 100).await.unwrap(), 2);
        assert_eq!((count(&store, "flows").await, count(&store, "error_containers").await), (1, 1));
        assert_eq!(count(&store, "sessions").await, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_with_their_attempts() {
    each(|Database { store, .. }| async move {
        for number in 1..=4 {
            messages::insert(&store, &message(number)).await;
        }
        messages::deliver(&store, 3).await;
        assert_eq!(count(&store, "message_dispatches").await, 3);
        assert_eq!(cleanup::messages(&store, NOW + Duration::seconds(3), 100).await.unwrap(), 2);
        assert_eq!((count(&store, "messages").await, count(&store, "message_dispatches").await), (2, 1));
        assert_eq!(cleanup::messages(&store, NOW + Duration::DAY, 100).await.unwrap(), 2, "whether sent or not");
    })
    .await;
}
