//! Fresh, migrated databases for tests: SQLite always, servers where `TEST_DATABASES` names their URLs (separated by
//! commas). Each test gets a database of its own on the server and drops it afterwards.

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tempfile::TempDir;
use zelos_store::{PoolOptions, Store, migrate};

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
        run(server, &format!("CREATE DATABASE {name}")).await?;
        let mut url = url::Url::parse(server)?;
        url.set_path(&name);
        Ok(Self { dsn: url.into(), server: Some((server.to_owned(), name)), _folder: TempDir::new()? })
    }

    /// Connects and migrates.
    pub async fn store(&self) -> Result<Store> {
        let store = Store::connect(&self.dsn, PoolOptions::default()).await?;
        migrate::up(&store, Duration::from_secs(10)).await?;
        Ok(store)
    }

    /// Gives the database back. (SQLite's is removed with its folder.)
    pub async fn remove(self) -> Result<()> {
        match &self.server {
            Some((server, name)) if server.starts_with("postgres") => {
                run(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
            }
            Some((server, name)) => run(server, &format!("DROP DATABASE {name}")).await,
            None => Ok(()),
        }
    }
}

async fn run(server: &str, statement: &str) -> Result<()> {
    if server.starts_with("postgres") {
        let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
        let task = tokio::spawn(connection);
        client.batch_execute(statement).await.with_context(|| statement.to_owned())?;
        drop(client);
        return Ok(task.await??);
    }
    if server.starts_with("mysql") {
        let mut connection = mysql_async::Conn::from_url(server).await?;
        connection.query_drop(statement).await.with_context(|| statement.to_owned())?;
        return Ok(connection.disconnect().await?);
    }
    bail!("TEST_DATABASES names a server of an unknown kind")
}
