//! Databases that are away, slow, or come back.

use crate::{
    database::{Database, each, options},
    proxy::Network,
    statements::{increase, insert, numbers, table},
};
use std::time::Duration;
use zelos_store::{Batch, Dialect, Error, PoolOptions, Store};

#[tokio::test]
async fn a_database_that_is_away_is_told_promptly() {
    for dsn in ["postgres://me:hunter2@127.0.0.1:1/x", "mysql://me:hunter2@tcp(127.0.0.1:1)/x"] {
        let store = Store::connect(dsn, options()).await.unwrap();
        let error = store.ping().await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        assert!(!format!("{error} {error:?} {store:?}").contains("hunter2"), "{error}");
        let mut batch = Batch::new();
        insert(&mut batch, 1);
        assert!(matches!(store.commit(batch).await, Err(Error::Unavailable(_))));
        assert!(store.pending_migrations().await.is_err());
    }
    let missing = Store::connect("sqlite:///no/such/folder/z.db", options()).await.unwrap_err();
    assert!(missing.to_string().contains("folder does not exist"), "{missing}");
}

/// So long a request waits for a database that does not answer, unless the operator says otherwise.
#[test]
fn the_usual_bounds_sum_to_five_seconds() {
    let usual = PoolOptions::default();
    assert!(usual.acquire_timeout + usual.statement_timeout <= Duration::from_secs(5));
}

/// Kills all other connections to the database.
async fn kill_connections(store: &Store, dsn: &str) {
    let killer = Store::connect(dsn, options()).await.unwrap();
    match store.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => {
            let sql = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                       WHERE datname = current_database() AND pid <> pg_backend_pid()";
            assert!(killer.one(sql, &[], |row| row.get::<i64>(0)).await.unwrap() > 0);
        }
        Dialect::MySql => {
            let sql = "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()";
            let ids: Vec<i64> = killer.all(sql, &[], |row| row.get(0)).await.unwrap();
            assert!(!ids.is_empty());
            for id in ids {
                let mut batch = Batch::new();
                batch.add(format!("KILL {id}"), []);
                killer.commit(batch).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_replaced() {
    each(|Database { store, dsn }| async move {
        table(&store).await;
        for number in 1..=3 {
            let busy: Vec<_> = (0..4)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move { store.ping().await })
                })
                .collect();
            for task in busy {
                task.await.unwrap().unwrap();
            }
            kill_connections(&store, &dsn).await;
            numbers(&store).await;
            let mut batch = Batch::new();
            insert(&mut batch, number);
            increase(&mut batch, number);
            store.commit(batch).await.unwrap();
        }
        assert_eq!(numbers(&store).await, [(1, 1), (2, 1), (3, 1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_statement_is_given_up() {
    each(|Database { store: migrated, dsn }| async move {
        if dsn == "memory" {
            return;
        }
        let short = Duration::from_millis(200);
        let hasty =
            PoolOptions { statement_timeout: short, scan_timeout: short, max_connections: Some(1), ..options() };
        let store = Store::connect(&dsn, hasty).await.unwrap();
        let sql = match store.dialect() {
            Dialect::Sqlite => {
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000000) SELECT COUNT(*) FROM n"
            }
            Dialect::Postgres => "SELECT COUNT(*) FROM pg_sleep(30)",
            Dialect::MySql => "SELECT SLEEP(30)",
        };
        let begin = tokio::time::Instant::now();
        let error = store.scan(sql, Vec::new(), |row| row.get::<i64>(0)).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        assert!(begin.elapsed() < Duration::from_secs(10));
        store.ping().await.unwrap();
        if store.dialect() != Dialect::Sqlite {
            let error = store.one(sql, &[], |row| row.get::<i64>(0)).await.unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error}");
            store.ping().await.unwrap();
        }
        drop(migrated);
    })
    .await;
}

/// What takes long by its nature has a bound of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_scan_may_take_longer_than_a_request_waits() {
    each(|Database { store: migrated, dsn }| async move {
        let hasty = PoolOptions { statement_timeout: Duration::from_millis(100), ..options() };
        let sql = match migrated.dialect() {
            Dialect::Sqlite => return,
            Dialect::Postgres => "SELECT COUNT(*) FROM pg_sleep(0.4)",
            Dialect::MySql => "SELECT SLEEP(0.4)",
        };
        let store = Store::connect(&dsn, hasty).await.unwrap();
        // Prepared and not.
        for _ in 0..2 {
            store.scan(sql, Vec::new(), |row| row.get::<i64>(0)).await.unwrap();
        }
        assert!(store.one(sql, &[], |row| row.get::<i64>(0)).await.is_err(), "the bound of requests is back");
    })
    .await;
}

/// A router drops the route without a word to either side: each connection stands, and nothing is ever answered on it.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_are_given_up_together() {
    each(|Database { store: migrated, dsn }| async move {
        if migrated.dialect() == Dialect::Sqlite {
            return;
        }
        table(&migrated).await;
        let (network, dsn) = Network::to(&dsn).await;
        let bounded = PoolOptions {
            acquire_timeout: Duration::from_millis(400),
            statement_timeout: Duration::from_millis(400),
            scan_timeout: Duration::from_mins(10),
            ..options()
        };
        let store = Store::connect(&dsn, bounded).await.unwrap();
        for number in 0..4 {
            let pings: Vec<_> = (0..4)
                .map(|_| {
                    let store = store.clone();
                    tokio::spawn(async move { store.ping().await })
                })
                .collect();
            for ping in pings {
                ping.await.unwrap().unwrap();
            }
            network.fall_silent();
            // The first on a connection that stands, the second on a new one; and each kind of work.
            let mut batch = Batch::new();
            insert(&mut batch, number);
            increase(&mut batch, number);
            let error = match number {
                0 => store.ping().await.unwrap_err(),
                1 => store.commit(batch.clone()).await.unwrap_err(),
                2 => store.scan("SELECT 1", Vec::new(), |row| row.get::<i64>(0)).await.unwrap_err(),
                _ => {
                    let mut alone = Batch::new();
                    insert(&mut alone, 100);
                    store.commit(alone).await.unwrap_err()
                }
            };
            assert!(matches!(error, Error::Unavailable(_)), "{error}");
            let error = store.ping().await.unwrap_err();
            assert!(matches!(error, Error::Unavailable(_)), "{error}");
            network.come_back();
            store.commit(batch).await.unwrap();
        }
        assert_eq!(numbers(&migrated).await.len(), 4);
    })
    .await;
}

/// A connection that was just opened costs no round trip for what it has not prepared yet.
#[tokio::test(flavor = "multi_thread")]
async fn new_connections_prepare_while_they_work() {
    each(|Database { store: migrated, dsn }| async move {
        if migrated.dialect() != Dialect::Postgres {
            return;
        }
        table(&migrated).await;
        let (network, dsn) = Network::to(&dsn).await;
        let store = Store::connect(&dsn, options()).await.unwrap();
        store.ping().await.unwrap();
        let connecting = network.round_trips() - 1;
        assert!(connecting <= 5, "{connecting}");
        for number in 0..3 {
            let before = network.round_trips();
            numbers(&store).await;
            let mut batch = Batch::new();
            insert(&mut batch, number);
            increase(&mut batch, number);
            batch.add("UPDATE things SET b = b + 1 WHERE n = ?", [number.into()]);
            assert_eq!(store.commit(batch).await.unwrap(), [1, 1, 1]);
            store.scan("SELECT n FROM things WHERE b = ?", vec![2_i64.into()], |row| row.get::<i64>(0)).await.unwrap();
            assert_eq!(network.round_trips() - before, 3, "round {number}");
        }
        assert_eq!(network.connections(), 1);
    })
    .await;
}

/// Whoever asked may go away at any time: no half-done batch is left to whoever gets the connection next.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_nobody_waits_for_is_whole_or_nothing() {
    each(|Database { store: migrated, dsn }| async move {
        table(&migrated).await;
        let one = PoolOptions { max_connections: Some(1), ..options() };
        let store = if dsn == "memory" { migrated } else { Store::connect(&dsn, one).await.unwrap() };
        for number in 1..=30_u64 {
            let mut batch = Batch::new();
            insert(&mut batch, number.cast_signed());
            increase(&mut batch, number.cast_signed());
            let _ = tokio::time::timeout(Duration::from_micros(number * 40), store.commit(batch)).await;
        }
        let mut batch = Batch::new();
        insert(&mut batch, 100);
        store.commit(batch).await.unwrap();
        let found = numbers(&store).await;
        assert!(found.iter().all(|(number, count)| *count == i64::from(*number != 100)), "{found:?}");
        assert_eq!(found.last(), Some(&(100, 0)));
    })
    .await;
}
