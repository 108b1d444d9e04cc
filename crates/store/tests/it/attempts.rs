//! Budgets of attempts: what is charged, what is spared, when it starts anew, and that the count is exact.

use crate::{
    database::{Database, each},
    sample::NOW,
};
use std::time::Duration;
use time::OffsetDateTime;
use zelos_store::{
    Batch, Error, Store,
    attempts::{self, Budget, EXHAUSTED},
};

pub(crate) fn budget(number: u8, limit: u32) -> Budget {
    Budget { key: [number; 24], limit, window: Duration::from_mins(10) }
}

async fn charge(store: &Store, budgets: &[Budget], now: OffsetDateTime) -> bool {
    let mut batch = Batch::new();
    attempts::charge(&mut batch, budgets, now);
    is_through(store.commit(batch).await.map(|_| ()))
}

async fn spare(store: &Store, budgets: &[Budget], now: OffsetDateTime) -> bool {
    let mut batch = Batch::new();
    attempts::spare(&mut batch, &[budgets[0].key], budgets, now);
    is_through(store.commit(batch).await.map(|_| ()))
}

fn is_through(result: Result<(), Error>) -> bool {
    match result {
        Ok(()) => true,
        Err(Error::Unmet(EXHAUSTED)) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn counts(store: &Store) -> Vec<(u8, i64)> {
    let sql = "SELECT key_hash, n FROM attempts ORDER BY key_hash";
    store.all(sql, &[], |row| Ok((row.get::<Vec<u8>>(0)?[0], row.get(1)?))).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_ends_and_begins_anew() {
    each(|Database { store, .. }| async move {
        let both = [budget(1, 3), budget(2, 2)];
        assert!(spare(&store, &both, NOW).await, "nothing was tried");
        assert_eq!(counts(&store).await, [], "who is right leaves nothing");
        assert!(charge(&store, &both, NOW).await);
        assert!(spare(&store, &both, NOW).await);
        assert!(charge(&store, &both, NOW + Duration::from_secs(1)).await);
        for _ in 0..2 {
            assert!(!charge(&store, &both, NOW).await, "the smaller one is used up");
            assert!(!spare(&store, &both, NOW).await);
        }
        assert_eq!(counts(&store).await, [(1, 2), (2, 2)], "what is refused costs nothing");
        assert!(spare(&store, &both[..1], NOW).await);
        let until = attempts::used_up_until(&store, &both, NOW).await.unwrap();
        assert_eq!(until, Some((both[1].key, NOW + both[1].window)), "the window began with the first");
        assert_eq!(attempts::used_up_until(&store, &both[..1], NOW).await.unwrap(), None);
        assert_eq!(attempts::used_up_until(&store, &[], NOW).await.unwrap(), None);

        let later = NOW + both[1].window;
        assert!(spare(&store, &both, later).await);
        assert_eq!(attempts::used_up_until(&store, &both, later).await.unwrap(), None);
        assert!(charge(&store, &both, later).await);
        assert_eq!(counts(&store).await, [(1, 1), (2, 1)]);
        let raised = [budget(1, 3), budget(2, 9)];
        assert!(charge(&store, &both, later).await);
        assert!(!spare(&store, &both, later).await);
        assert!(spare(&store, &raised, later).await, "limits are those of the moment");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_budgets_are_drawn_on_at_once() {
    each(|Database { store, .. }| async move {
        let many: Vec<Budget> = (1..=20).map(|number| budget(number, 2)).collect();
        assert!(charge(&store, &many, NOW).await);
        assert!(charge(&store, &many[19..], NOW).await);
        assert!(!charge(&store, &many, NOW).await);
        assert!(!spare(&store, &many, NOW).await);
        assert!(spare(&store, &many[..19], NOW).await);
        let until = attempts::used_up_until(&store, &many, NOW).await.unwrap();
        assert_eq!(until.unwrap().0, many[19].key);
        let mut batch = Batch::new();
        attempts::count(&mut batch, &many[19..], NOW);
        store.commit(batch).await.unwrap();
        assert_eq!(counts(&store).await[19], (20, 3), "counted beyond the limit");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_as_many_as_there_may_be_get_through() {
    each(|Database { store, .. }| async move {
        let tries: Vec<_> = (0..60_u8)
            .map(|number| {
                let store = store.clone();
                // Two accounts that share a network.
                let account = 1 + number % 2;
                let budgets = [budget(account, 9), budget(account + 2, 50), budget(5, 40)];
                tokio::spawn(async move { (account, charge(&store, &budgets, NOW).await) })
            })
            .collect();
        let mut through = [0; 3];
        for attempt in tries {
            let (account, is_through) = attempt.await.unwrap();
            through[usize::from(account)] += i32::from(is_through);
        }
        assert_eq!(through, [0, 9, 9]);
        assert_eq!(counts(&store).await, [(1, 9), (2, 9), (3, 9), (4, 9), (5, 18)]);
    })
    .await;
}

/// A right guess that comes while wrong ones are written is after them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_of_commits_decides() {
    each(|Database { store, .. }| async move {
        let both = [budget(1, 20), budget(2, 20)];
        assert!(charge(&store, &both, NOW).await, "the row is there");
        let tries: Vec<_> = (0..40_u8)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    if number % 4 == 0 {
                        // Writes how much it has seen, as the very last thing.
                        let mut batch = Batch::new();
                        attempts::spare(&mut batch, &[both[0].key], &both, NOW);
                        let sql = "INSERT INTO attempts (nid, key_hash, n, expires_at) \
                                   SELECT nid, ?, n, expires_at FROM attempts WHERE key_hash = ?";
                        let own = [100 + number; 24];
                        batch.add(sql, [own.as_slice().into(), both[1].key.as_slice().into()]);
                        is_through(store.commit(batch).await.map(|_| ()))
                    } else {
                        charge(&store, &both, NOW).await;
                        false
                    }
                })
            })
            .collect();
        let mut spared = 0;
        for attempt in tries {
            spared += usize::from(attempt.await.unwrap());
        }
        let counts = counts(&store).await;
        assert_eq!(counts[..2], [(1, 20), (2, 20)]);
        assert_eq!(counts.len() - 2, spared);
        assert!(counts[2..].iter().all(|(_, seen)| *seen < 20), "{counts:?}");
    })
    .await;
}
