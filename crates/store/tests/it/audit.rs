//! The audit log keeps what it is told, tells it by time, person and kind, and forgets only what is old.

use crate::{
    database::{Database, each},
    sample::{self, NOW},
};
use serde_json::json;
use time::Duration;
use uuid::Uuid;
use zelos_core::{
    audit::{Event, EventKind},
    id::{EventId, IdentityId, SessionId},
};
use zelos_store::{
    Batch, Page, Store,
    audit::{self, Filter},
    cleanup,
};

/// Event so many seconds after [`NOW`].
pub(crate) fn event(number: u32) -> Event {
    let time = NOW + Duration::seconds(number.into());
    Event {
        // The random part of an id counts down: it is time that orders them.
        id: EventId(Uuid::from_u128(EventId::earliest(time).0.as_u128() + u128::from(999 - number))),
        time,
        kind: if number.is_multiple_of(2) { EventKind::LoginSucceeded } else { EventKind::SessionRevoked },
        identity_id: (!number.is_multiple_of(3)).then(|| IdentityId(sample::id(number % 3))),
        session_id: number.is_multiple_of(2).then(|| SessionId(sample::id(number))),
        actor: "admin:panel".to_owned(),
        ip_address: "192.0.2.7".to_owned(),
        user_agent: "a browser \u{1f600}".to_owned(),
        method: "password".to_owned(),
        details: json!({ "aal": "aal1", "n": number }),
    }
}

async fn numbers(store: &Store, filter: &Filter, page: Page<EventId>) -> (Vec<u64>, Option<EventId>) {
    let list = audit::list(store, filter, page).await.unwrap();
    (list.items.iter().filter_map(|event| event.details["n"].as_u64()).collect(), list.next)
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_listed_and_forgotten() {
    each(|Database { store, .. }| async move {
        let events: Vec<Event> = (0..40).map(event).collect();
        let mut batch = Batch::new();
        audit::insert(&mut batch, &events);
        audit::insert(&mut batch, []);
        assert_eq!(batch.len(), 3, "some rows a statement, none for none");
        store.commit(batch).await.unwrap();
        let whole = Page::After { key: None, size: 100 };
        let list = audit::list(&store, &Filter::default(), whole).await.unwrap();
        assert_eq!(list.items, events.iter().rev().cloned().collect::<Vec<_>>());

        let (first, next) = numbers(&store, &Filter::default(), Page::After { key: None, size: 3 }).await;
        let (second, _) = numbers(&store, &Filter::default(), Page::After { key: next, size: 3 }).await;
        assert_eq!((first, second), (vec![39, 38, 37], vec![36, 35, 34]));
        let of = Filter { identity: Some(IdentityId(sample::id(1))), ..Filter::default() };
        let part = Filter {
            kind: Some(EventKind::LoginSucceeded),
            since: Some(events[4].time),
            until: Some(events[16].time),
            ..of
        };
        assert_eq!(numbers(&store, &part, whole).await.0, [10, 4], "from the first on, without the last");
        let after = Page::After { key: Some(events[10].id), size: 9 };
        assert_eq!(numbers(&store, &part, after).await.0, [4]);

        for expected in [3, 2, 0] {
            assert_eq!(cleanup::audit(&store, events[5].time, 3).await.unwrap(), expected);
        }
        assert_eq!(numbers(&store, &Filter::default(), whole).await.0.last(), Some(&5));
    })
    .await;
}
