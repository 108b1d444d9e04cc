//! Fresh, migrated databases for tests: SQLite always, servers where `TEST_DATABASES` names their URLs (separated by
//! commas). Each test gets a database of its own on the server and drops it afterwards.

use anyhow::{Context, Result};
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tempfile::TempDir;
use zelos_store::{Batch, PoolOptions, Store, migrate};

/// A database for one test.
#[derive(Debug)]
pub struct Database {
    /// Its DSN, as in a configuration.
    pub dsn: String,
    server: Option<(String, String)>,
    // Removed with everything in it when the test is over.
    _folder: TempDir,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl Database {
    /// The servers to test on beside SQLite.
    #[expect(clippy::disallowed_methods, reason = "which databases are at hand is for the environment to say")]
    pub fn servers() -> Vec<String> {
        let named = std::env::var("TEST_DATABASES").unwrap_or_default();
        named.split(',').map(str::trim).filter(|url| !url.is_empty()).map(ToOwned::to_owned).collect()
    }

    /// A database in a file of its own.
    pub fn sqlite() -> Result<Self> {
        let folder = TempDir::new()?;
        let dsn = format!("sqlite://{}/zelos.db?mode=rwc", folder.path().display());
        Ok(Self { dsn, server: None, _folder: folder })
    }

    /// A database of its own on that server.
    pub async fn on(server: &str) -> Result<Self> {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("zelos_app_{}_{number}", std::process::id());
        run(server, format!("DROP DATABASE IF EXISTS {name}")).await?;
        run(server, format!("CREATE DATABASE {name}")).await?;
        // A MySQL DSN is no URL (`tcp(host:port)`), so the name is exchanged in the text.
        let (address, query) = server.split_once('?').unwrap_or((server, ""));
        let (address, _) = address.rsplit_once('/').context("the server's URL names a database")?;
        let dsn = format!("{address}/{name}?{query}");
        Ok(Self { dsn, server: Some((server.to_owned(), name)), _folder: TempDir::new()? })
    }

    /// Connects and migrates.
    pub async fn store(&self) -> Result<Store> {
        let store = Store::connect(&self.dsn, PoolOptions::default()).await?;
        migrate::up(&store, Duration::from_secs(10)).await?;
        Ok(store)
    }

    /// Gives the database back. (SQLite's is removed with its folder.)
    pub async fn remove(self) -> Result<()> {
        let Some((server, name)) = &self.server else { return Ok(()) };
        let force = if server.starts_with("postgres") { " WITH (FORCE)" } else { "" };
        run(server, format!("DROP DATABASE {name}{force}")).await
    }
}

async fn run(server: &str, statement: String) -> Result<()> {
    let store = Store::connect(server, PoolOptions::default()).await?;
    let mut batch = Batch::new();
    batch.add(statement.clone(), []);
    store.commit(batch).await.context(statement)?;
    Ok(())
}
