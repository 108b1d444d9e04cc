//! Getting ready: a server listens at once, and is ready when its database answers and has its tables.
//!
//! `serve` does not migrate a database that is not its own alone; it notices when somebody else has done it.

use crate::cli::{Failure, secrets::check_required};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use zelos_flow::Engine;
use zelos_store::{Error, Store, migrate};
use zelos_web::{Phase, Readiness};

/// How long a database may take to come up before the server gives up.
const PATIENCE: Duration = Duration::from_mins(5);

/// How often a database without its tables is looked at, and how often that is said.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// Waits until the server can work, and says so. `migrates`: the database is this server's own.
pub(crate) async fn watch(engine: Arc<Engine>, readiness: Arc<Readiness>, migrates: bool) -> Result<(), Failure> {
    let store = &engine.store;
    if migrates {
        migrate::up(store, PATIENCE).await?;
    } else {
        wait(store).await?;
    }
    check_required(store, &engine.snapshot().cipher).await?;
    readiness.set(Phase::Ready);
    tracing::info!("ready");
    Ok(())
}

async fn wait(store: &Store) -> Result<(), Error> {
    let until = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(50);
    let mut told: Option<Instant> = None;
    loop {
        match store.pending_migrations().await {
            Ok(pending) if pending.is_empty() => return Ok(()),
            Ok(pending) => {
                if told.is_none_or(|told| told.elapsed() >= SAY_AGAIN) {
                    tracing::warn!(?pending, "the database lacks migrations: run `zelos migrate sql`");
                    told = Some(Instant::now());
                }
                sleep(LOOK_AGAIN).await;
            }
            // One that refuses may be set up meanwhile; the command that migrates does not wait for that.
            Err(error) if error.is_outage() && (told.is_some() || Instant::now() < until) => {
                tracing::warn!(%error, "waiting for the database");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            Err(error) => return Err(error),
        }
    }
}
