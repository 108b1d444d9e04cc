//! What can only be told by trying: documents that the configuration refers to, the database, the way of mail.

use super::Finding;
use crate::{cli::Failure, settings};
use std::time::Duration;
use tokio::time::timeout;
use zelos_core::{config::Config, outbound::Outbound};
use zelos_courier::{Channels, Remotes};
use zelos_store::{PoolOptions, Store};

/// So long a database or a mail server may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Identity schemas, templates, request bodies: everything that is read or fetched, and compiled.
pub(super) async fn contents(config: &Config, outbound: &dyn Outbound) -> Vec<Finding> {
    match Box::pin(settings::snapshot(config.clone(), outbound)).await {
        Ok(compiled) => {
            let unusable = compiled.remotes.refresh(outbound).await;
            unusable.into_iter().map(|reason| Finding::wrong("", reason)).collect()
        }
        Err(Failure(reasons)) => reasons.into_iter().map(|reason| Finding::wrong("", reason)).collect(),
    }
}

/// Whether the database answers and has its tables.
pub(super) async fn database(config: &Config) -> Vec<Finding> {
    let dsn = config.dsn.expose();
    if dsn == "memory" {
        return Vec::new();
    }
    let look = async {
        let store = Store::connect(dsn, PoolOptions::default()).await?;
        store.pending_migrations().await
    };
    match timeout(PATIENCE, look).await {
        Err(_) => vec![Finding::wrong("dsn", "the database does not answer in time")],
        Ok(Err(error)) => vec![Finding::wrong("dsn", error.to_string())],
        Ok(Ok(pending)) if pending.is_empty() => Vec::new(),
        Ok(Ok(pending)) => {
            let sentence = format!(
                "the database lacks its tables or a change of them ({}); run: zelos migrate sql up -e -y",
                pending.join(", ")
            );
            vec![Finding::wrong("dsn", sentence)]
        }
    }
}

/// Whether the mail server lets us in. What cannot be configured is told by [`contents`].
pub(super) async fn mail(config: &Config) -> Vec<Finding> {
    let Ok(channels) = Channels::compile(config, &Remotes::default()) else { return Vec::new() };
    let key = "courier.smtp.connection_uri";
    match timeout(PATIENCE, channels.greet()).await {
        Ok(Ok(note)) => note.map(|note| Finding::note(key, note)).into_iter().collect(),
        Ok(Err(failure)) => vec![Finding::wrong(key, format!("no mail will leave: {failure}"))],
        Err(_) => vec![Finding::wrong(key, "no mail will leave: the mail server does not answer in time")],
    }
}
