//! Flows and error containers.

use crate::{
    database::{Database, each},
    sample::{self, NOW, flow},
};
use serde_json::json;
use zelos_core::{
    flow::{Flow, Kind},
    id::ErrorId,
};
use zelos_store::{Batch, Error, Store, errors, flows};

pub(crate) async fn insert(store: &Store, flow: &Flow) {
    let mut batch = Batch::new();
    flows::insert(&mut batch, flow);
    store.commit(batch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_written_back_by_whoever_read_it_last() {
    each(|Database { store, .. }| async move {
        let mut held = flow(1);
        insert(&store, &held).await;
        assert_eq!(flows::find(&store, Kind::Login, held.id).await.unwrap(), Some(held.clone()));
        assert_eq!(flows::find(&store, Kind::Settings, held.id).await.unwrap(), None);

        let update = |flow: &Flow| {
            let mut batch = Batch::new();
            flows::update(&mut batch, flow);
            store.commit(batch)
        };
        held.memory.set("seen", true);
        held.active = Some("password".into());
        update(&held).await.unwrap();
        assert!(matches!(update(&held).await, Err(Error::Unmet(flows::VERSION))));
        held.version += 1;
        assert_eq!(flows::find(&store, Kind::Login, held.id).await.unwrap(), Some(held.clone()));
        update(&held).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_kept_for_its_page() {
    each(|Database { store, .. }| async move {
        let id = ErrorId(sample::id(1));
        let document = json!({ "code": 404, "a": "ü" });
        let mut batch = Batch::new();
        errors::insert(&mut batch, id, &document, NOW);
        store.commit(batch).await.unwrap();
        let found = errors::find(&store, id).await.unwrap().unwrap();
        assert_eq!((found.document, found.created_at, found.updated_at), (document, NOW, NOW));
        assert_eq!(errors::find(&store, ErrorId(sample::id(2))).await.unwrap(), None);
    })
    .await;
}
