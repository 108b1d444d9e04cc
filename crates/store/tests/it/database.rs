//! A fresh database for each test, on each kind of database there is.
//!
//! A test is a function of a [`Database`]; [`each`] runs it on all of them, one after the other, and says on which one
//! it failed.

use std::{
    future::Future,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use zelos_store::{Batch, PoolOptions, Store, migrate};

/// A database that goes away after the test.
#[derive(Clone)]
pub(crate) struct Database {
    /// Its DSN.
    pub(crate) dsn: String,
    /// Migrated.
    pub(crate) store: Store,
}

/// Options under which a test fails rather than hangs.
pub(crate) fn options() -> PoolOptions {
    PoolOptions {
        max_connections: Some(8),
        acquire_timeout: Duration::from_secs(20),
        statement_timeout: Duration::from_secs(20),
        scan_timeout: Duration::from_secs(20),
        ..PoolOptions::default()
    }
}

/// Runs the test on each kind of database.
pub(crate) async fn each<F: Future<Output = ()> + Send + 'static>(test: fn(Database) -> F) {
    for fresh in fresh().await {
        let store = Store::connect(&fresh.dsn, options()).await.unwrap();
        migrate::up(&store, Duration::ZERO).await.unwrap();
        let result = tokio::spawn(test(Database { dsn: fresh.dsn.clone(), store })).await;
        assert!(result.is_ok(), "failed on {}", fresh.kind);
        fresh.remove().await;
    }
}

/// A database without tables.
pub(crate) struct Fresh {
    /// For instance `postgres`.
    pub(crate) kind: String,
    pub(crate) dsn: String,
    /// Deletes an SQLite file.
    _folder: Option<tempfile::TempDir>,
    server: Option<(String, String)>,
}

impl Fresh {
    /// Drops the database; one that a failed test leaves behind goes with the server's data.
    pub(crate) async fn remove(self) {
        let Some((server, name)) = self.server else { return };
        let force = if self.kind == "postgres" { " WITH (FORCE)" } else { "" };
        run(&server, format!("DROP DATABASE {name}{force}")).await;
    }
}

/// One of each kind.
pub(crate) async fn fresh() -> Vec<Fresh> {
    let folder = tempfile::tempdir().unwrap();
    let file = format!("sqlite://{}/zelos.db?_sync=OFF", folder.path().display());
    let mut all = vec![
        Fresh { kind: "memory".into(), dsn: "memory".into(), _folder: None, server: None },
        Fresh { kind: "sqlite".into(), dsn: file, _folder: Some(folder), server: None },
    ];
    let servers = std::env::var_os("TEST_DATABASES").unwrap_or_default().into_string().unwrap();
    for server in servers.split(',').filter(|server| !server.is_empty()) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("zelos_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        run(server, format!("DROP DATABASE IF EXISTS {name}")).await;
        run(server, format!("CREATE DATABASE {name}")).await;
        let (address, query) = server.split_once('?').unwrap_or((server, ""));
        let (address, _) = address.rsplit_once('/').unwrap();
        let kind = server.split_once("://").unwrap().0.to_owned();
        let dsn = format!("{address}/{name}?{query}");
        all.push(Fresh { kind, dsn, _folder: None, server: Some((server.to_owned(), name)) });
    }
    all
}

/// Runs one statement on that database.
pub(crate) async fn run(dsn: &str, sql: String) {
    let store = Store::connect(dsn, options()).await.unwrap();
    let mut batch = Batch::new();
    batch.add(sql, []);
    store.commit(batch).await.unwrap();
}
