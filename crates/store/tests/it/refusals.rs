//! A server that answers and refuses is told from one that is away.

use crate::database::{Database, each, options};
use std::{sync::Mutex, time::Duration};
use zelos_store::{Dialect, Error, Store, migrate};

/// Long enough that the test would hang if the refusal were waited for.
const LONG: Duration = Duration::from_hours(1);

async fn refused(dsn: &str) -> String {
    let store = Store::connect(dsn, options()).await.unwrap();
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error}");
    let told = Mutex::new(Vec::new());
    let tell = |reason: &str| told.lock().unwrap().push(reason.to_owned());
    for error in [
        migrate::up_telling(&store, LONG, &tell).await.unwrap_err(),
        migrate::status_telling(&store, LONG, &tell).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Refused(_)), "{error}");
    }
    assert!(told.lock().unwrap().is_empty(), "it is not waited for");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_databases_and_tls() {
    each(|Database { store, dsn }| async move {
        let (address, query) = dsn.split_once('?').unwrap_or((&dsn, ""));
        let Some((server, _)) = address.rsplit_once('/') else { return };
        let (login, place) = server.split_once('@').unwrap_or_default();
        let cases = match store.dialect() {
            Dialect::Sqlite => return,
            Dialect::Postgres => [
                (format!("{server}/nowhere?{query}"), "3D000"),
                (format!("postgres://stranger:hunter2@{place}/postgres?{query}"), "28"),
                (format!("{address}?sslmode=require"), "TLS"),
            ],
            Dialect::MySql => [
                (format!("{server}/nowhere?{query}"), "1049"),
                (format!("mysql://stranger:hunter2@{place}/mysql?{query}"), "1045"),
                (format!("{login}@{place}/mysql?tls=skip-verify"), "TLS"),
            ],
        };
        for (dsn, reason) in cases {
            let text = refused(&dsn).await;
            assert!(text.contains(reason) && !text.contains("hunter2"), "{text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_away_is_waited_for_with_reasons() {
    let dsn = "postgres://me:hunter2@127.0.0.1:1/x?sslmode=disable";
    let store = Store::connect(dsn, options()).await.unwrap();
    let told = Mutex::new(Vec::new());
    let tell = |reason: &str| told.lock().unwrap().push(reason.to_owned());
    let error = migrate::up_telling(&store, Duration::from_millis(300), &tell).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    let told = told.into_inner().unwrap();
    assert!(told.len() > 1 && told.iter().all(|reason| reason.contains("refused")), "{told:?}");
    assert!(!format!("{told:?} {error}").contains("hunter2"));
}

/// One that migrates holds a lock, and the others say what they wait for.
#[tokio::test(flavor = "multi_thread")]
async fn another_process_that_migrates_is_named() {
    for database in crate::database::fresh().await.into_iter().filter(|database| database.kind != "memory") {
        let store = Store::connect(&database.dsn, options()).await.unwrap();
        let (lock, is_held) = match store.dialect() {
            Dialect::Sqlite => continue,
            Dialect::Postgres => (
                "SELECT COUNT(*) FROM (SELECT pg_advisory_xact_lock(8241920905821), pg_sleep(0.5)) t",
                "SELECT COUNT(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()",
            ),
            Dialect::MySql => (
                "SELECT GET_LOCK(CONCAT('zelos_migrations.', LEFT(DATABASE(), 40)), 0) + SLEEP(0.5)",
                "SELECT IS_USED_LOCK(CONCAT('zelos_migrations.', LEFT(DATABASE(), 40))) IS NOT NULL",
            ),
        };
        let holder = Store::connect(&database.dsn, options()).await.unwrap();
        let held = tokio::spawn(async move {
            holder.scan(lock, Vec::new(), |row| row.get::<i64>(0)).await.unwrap();
        });
        let told = Mutex::new(Vec::new());
        let tell = |reason: &str| told.lock().unwrap().push(reason.to_owned());
        while store.one(is_held, &[], |row| row.get::<i64>(0)).await.unwrap() == 0 {}
        migrate::up_telling(&store, LONG, &tell).await.unwrap();
        held.await.unwrap();
        let told = told.into_inner().unwrap();
        assert!(!told.is_empty() && told.iter().all(|reason| reason == "another process is migrating it"), "{told:?}");
        drop(store);
        database.remove().await;
    }
}
