//! Many at once: who wins, and that nothing is lost.

use crate::{
    database::{Database, each},
    identities::insert,
    sample::{self, person},
    statements::{increase, insert as insert_thing, numbers, table},
};
use uuid::Uuid;
use zelos_core::{
    identity::Identity,
    session::{Session, SessionToken},
};
use zelos_store::{Batch, Error, Page, flows, identities, leases, sessions};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_gets_the_identifier() {
    each(|Database { store, .. }| async move {
        let contenders: Vec<_> = (1..=12)
            .map(|number| {
                let mut contender = person(number);
                contender.credentials[0].identifiers = vec!["wanted@example.com".into()];
                let store = store.clone();
                tokio::spawn(async move { insert(&store, &contender).await })
            })
            .collect();
        let mut winners = 0;
        for contender in contenders {
            match contender.await.unwrap() {
                Ok(_) => winners += 1,
                Err(error) => assert!(error.is_unique(identities::IDENTIFIER), "{error}"),
            }
        }
        assert_eq!(winners, 1);
        assert_eq!(identities::count(&store).await.unwrap(), 1, "the others left nothing");
    })
    .await;
}

/// A change of somebody that ends their sessions, and logins that were judged by what they were before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_outlives_the_change_that_ends_them() {
    each(|Database { store, .. }| async move {
        let mut old = person(1);
        insert(&store, &old).await.unwrap();
        let mut number = 0;
        let (mut begun, mut refused) = (0, 0);
        for _ in 0..15 {
            let logins: Vec<_> = (0..4)
                .map(|_| {
                    number += 1;
                    let (store, session, version) = (store.clone(), sample::session(number, old.id), old.version);
                    let token = SessionToken::received(&format!("race-{number}"));
                    tokio::spawn(async move {
                        let mut batch = Batch::new();
                        sessions::insert_unless_changed(&mut batch, &session, &token, version);
                        store.commit(batch).await
                    })
                })
                .collect();
            let new = Identity { version: old.version + 1, ..old.clone() };
            let mut batch = Batch::new();
            identities::update(&mut batch, &old, &new);
            sessions::revoke_others(&mut batch, old.id, None, sample::NOW);
            store.commit(batch).await.unwrap();
            for login in logins {
                match login.await.unwrap() {
                    Ok(_) => begun += 1,
                    Err(Error::Unmet(identities::VERSION)) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            let filter = sessions::Filter { active: Some(true), now: sample::NOW, used_since: None, except: None };
            let page = Page::Number { page: 0, size: 9 };
            let (left, _) = sessions::list_of_identity(&store, old.id, &filter, page).await.unwrap();
            assert_eq!(left, []);
            old = new;
        }
        assert_eq!(begun + refused, 60);
    })
    .await;
}

/// A change of an identity that leaves its session, and refreshes of that session with what was read before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn session_is_not_refreshed_after_the_identity_has_changed() {
    each(|Database { store, .. }| async move {
        let mut old = person(1);
        insert(&store, &old).await.unwrap();
        let session = sample::session(1, old.id);
        let mut batch = Batch::new();
        sessions::insert(&mut batch, &session, &SessionToken::received("refreshed"));
        store.commit(batch).await.unwrap();
        let (mut done, mut refused) = (0, 0);
        for round in 0..15_i64 {
            let later = |seconds| sample::NOW + time::Duration::seconds(seconds);
            let refreshes: Vec<_> = (1..=4)
                .map(|number| {
                    let (store, version) = (store.clone(), old.version);
                    let fresh = Session { authenticated_at: later(100 * round + number), ..session.clone() };
                    tokio::spawn(async move {
                        let mut batch = Batch::new();
                        sessions::update_unless_changed(&mut batch, &fresh, version);
                        store.commit(batch).await
                    })
                })
                .collect();
            let new = Identity { version: old.version + 1, ..old.clone() };
            let mut batch = Batch::new();
            identities::update(&mut batch, &old, &new);
            let aged = later(100 * round + 99);
            batch.add("UPDATE sessions SET authenticated_at = ?", [aged.into()]);
            store.commit(batch).await.unwrap();
            for refresh in refreshes {
                match refresh.await.unwrap() {
                    Ok(_) => done += 1,
                    Err(Error::Unmet(identities::VERSION)) => refused += 1,
                    Err(error) => panic!("{error}"),
                }
            }
            let (left, _) = sessions::find(&store, session.id).await.unwrap().unwrap();
            assert_eq!(left.authenticated_at, aged, "a refresh came after the change");
            old = new;
        }
        assert_eq!(done + refused, 60);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ended_session_is_not_refreshed() {
    each(|Database { store, .. }| async move {
        let identity = person(1);
        insert(&store, &identity).await.unwrap();
        let session = sample::session(1, identity.id);
        let mut batch = Batch::new();
        sessions::insert(&mut batch, &session, &SessionToken::received("ended"));
        sessions::revoke(&mut batch, session.id, sample::NOW);
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        sessions::update_unless_changed(&mut batch, &session, identity.version);
        assert!(matches!(store.commit(batch).await, Err(Error::Unmet(identities::VERSION))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_changes_the_version() {
    each(|Database { store, .. }| async move {
        let old = person(1);
        insert(&store, &old).await.unwrap();
        let flow = sample::flow(1);
        crate::flows::insert(&store, &flow).await;
        let writers: Vec<_> = (0..12)
            .map(|number| {
                let (store, old, mut flow) = (store.clone(), old.clone(), flow.clone());
                flow.active = Some(format!("writer-{number}"));
                let new = Identity { schema_id: format!("writer-{number}"), indexed: Some(Vec::new()), ..old.clone() };
                tokio::spawn(async move {
                    let mut batch = Batch::new();
                    flows::update(&mut batch, &flow);
                    identities::update(&mut batch, &old, &new);
                    store.commit(batch).await.map(|_| new.schema_id)
                })
            })
            .collect();
        let mut winner = Vec::new();
        for writer in writers {
            match writer.await.unwrap() {
                Ok(name) => winner.push(name),
                Err(Error::Unmet(flows::VERSION)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let identity = identities::find(&store, old.id).await.unwrap().unwrap();
        assert_eq!((winner, identity.version), (vec![identity.schema_id], 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failing_batch_does_not_touch_its_neighbours() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let writers: Vec<_> = (1..=60)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut batch = Batch::new();
                    insert_thing(&mut batch, number);
                    match number % 3 {
                        0 => increase(&mut batch, -1),
                        1 => insert_thing(&mut batch, number),
                        _ => increase(&mut batch, number),
                    }
                    (number, store.commit(batch).await)
                })
            })
            .collect();
        for writer in writers {
            match writer.await.unwrap() {
                (number, Err(Error::Unmet("thing"))) => assert_eq!(number % 3, 0),
                (number, Err(error)) => assert!(number % 3 == 1 && error.is_unique("primary"), "{number}: {error}"),
                (number, Ok(_)) => assert_eq!(number % 3, 2),
            }
        }
        let expected: Vec<_> = (1..=60).filter(|number| number % 3 == 2).map(|number| (number, 1)).collect();
        assert_eq!(numbers(&store).await, expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn counters_lose_nothing_and_deadlocks_are_tried_again() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let mut batch = Batch::new();
        (1..=2).for_each(|number| insert_thing(&mut batch, number));
        store.commit(batch).await.unwrap();
        let writers: Vec<_> = (0..40)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut batch = Batch::new();
                    let (first, second) = if number % 2 == 0 { (1, 2) } else { (2, 1) };
                    increase(&mut batch, first);
                    increase(&mut batch, second);
                    store.commit(batch).await
                })
            })
            .collect();
        let mut done = 0;
        for writer in writers {
            match writer.await.unwrap() {
                Ok(_) => done += 1,
                // Even eight attempts can all collide; then nothing was written.
                Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error}"),
            }
        }
        assert!(done > 20, "only {done} of 40");
        assert_eq!(numbers(&store).await, [(1, done), (2, done)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_its_tables_under_load() {
    let store = zelos_store::Store::connect("memory", crate::database::options()).await.unwrap();
    let tasks: Vec<_> = (1..=200)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                insert(&store, &person(number)).await.unwrap();
                assert!(
                    identities::find(&store, person(number).id).await.unwrap().is_some(),
                    "what was written is read"
                );
                identities::count(&store).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(identities::count(&store).await.unwrap(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_holds_a_lease() {
    each(|Database { store, .. }| async move {
        let take = |owner: u128, now: i64, until: i64| {
            let store = store.clone();
            let at = |seconds| sample::NOW + time::Duration::seconds(seconds);
            async move { leases::take(&store, "work", Uuid::from_u128(owner), at(now), at(until)).await.unwrap() }
        };
        let all: Vec<_> = (1..=8).map(|owner| tokio::spawn(take(owner, 0, 60))).collect();
        let mut holders = Vec::new();
        for (owner, taken) in (1..=8).zip(all) {
            if taken.await.unwrap() {
                holders.push(owner);
            }
        }
        let [holder] = holders[..] else { panic!("{holders:?}") };
        assert!(take(holder, 50, 110).await, "it is prolonged");
        assert!(!take(99, 109, 200).await, "and held to its end");
        assert!(take(99, 110, 200).await, "then it is free");
        assert!(!take(holder, 111, 200).await);
    })
    .await;
}
