//! Migrations: what they make of each database, and many processes at once.

use crate::database::{fresh, options, run};
use std::{path::Path, time::Duration};
use zelos_store::{Dialect, Error, Store, migrate};

/// `UPDATE_SCHEMA=1 cargo test` writes the files anew after a migration was added.
#[test]
fn the_checked_in_schemas_are_what_the_migrations_make() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (dialect, name) in [(Dialect::Sqlite, "sqlite"), (Dialect::Postgres, "postgres"), (Dialect::MySql, "mysql")] {
        let path = folder.join(format!("schema.{name}.sql"));
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, migrate::schema(dialect)).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(stored, migrate::schema(dialect), "schema.{name}.sql");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_start_at_once() {
    for database in fresh().await {
        let start = async |dsn: String| {
            let store = Store::connect(&dsn, options()).await.unwrap();
            migrate::up(&store, Duration::ZERO).await.unwrap().len()
        };
        let starts = (0..6).map(|_| tokio::spawn(start(database.dsn.clone())));
        let mut worked = 0;
        for start in starts.collect::<Vec<_>>() {
            worked += start.await.unwrap();
        }
        let store = Store::connect(&database.dsn, options()).await.unwrap();
        let status = migrate::status(&store).await.unwrap();
        assert!(status.iter().all(|migration| migration.applied));
        if database.kind != "memory" {
            assert_eq!(worked, status.len(), "each migration was run once on {}", database.kind);
        }
        assert!(store.pending_migrations().await.unwrap().is_empty());
        drop(store);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_ones_are_told() {
    for database in fresh().await.into_iter().filter(|database| database.kind != "memory") {
        let store = Store::connect(&database.dsn, options()).await.unwrap();
        let pending = store.pending_migrations().await.unwrap();
        assert_eq!(pending[0], "0001_identities", "{}", database.kind);
        assert_eq!(migrate::up(&store, Duration::ZERO).await.unwrap(), pending);
        assert!(migrate::up(&store, Duration::ZERO).await.unwrap().is_empty());
        drop(store);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_programs_tables_are_left_alone() {
    for database in fresh().await.into_iter().filter(|database| database.kind != "memory") {
        run(&database.dsn, "CREATE TABLE identities (id INTEGER)".into()).await;
        let store = Store::connect(&database.dsn, options()).await.unwrap();
        let error = migrate::up(&store, Duration::ZERO).await.unwrap_err();
        assert!(error.to_string().contains("tables of another program"), "{}: {error}", database.kind);
        drop(store);
        database.remove().await;
    }
}

/// Where there are no transactions around it, a migration that was interrupted after any of its statements goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_one_is_resumed() {
    for database in fresh().await.into_iter().filter(|database| database.kind == "mysql") {
        let store = Store::connect(&database.dsn, options()).await.unwrap();
        migrate::up(&store, Duration::ZERO).await.unwrap();
        for statement in ["statement = 1", "name = '0003_flows'"] {
            run(&database.dsn, format!("UPDATE zelos_migrations SET done = FALSE WHERE {statement}")).await;
            assert!(!store.pending_migrations().await.unwrap().is_empty());
            migrate::up(&store, Duration::ZERO).await.unwrap();
            assert!(store.pending_migrations().await.unwrap().is_empty());
        }
        drop(store);
        database.remove().await;
    }
}

#[tokio::test]
async fn a_database_that_is_not_up_is_waited_for_within_bounds() {
    let dsn = "postgres://nobody:hunter2@127.0.0.1:1/none?sslmode=disable";
    let store = Store::connect(dsn, options()).await.unwrap();
    let begin = tokio::time::Instant::now();
    let error = migrate::up(&store, Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(!error.to_string().contains("hunter2"));
    assert!(begin.elapsed() < Duration::from_secs(5));
}
