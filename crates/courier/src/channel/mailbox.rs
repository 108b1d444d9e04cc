//! The mailbox of development: nothing leaves the house. Its page shows the rows of the outbox, so there is nothing to
//! be done here.

use super::{Channel, Errand, Failure};
use async_trait::async_trait;

/// Takes everything.
#[derive(Debug)]
pub(crate) struct Mailbox;

#[async_trait]
impl Channel for Mailbox {
    async fn send(&self, errand: &Errand<'_>) -> Result<(), Failure> {
        tracing::info!(id = %errand.message.id, "a message stays in the mailbox of development, /ui/mailbox");
        Ok(())
    }

    async fn rest(&self) {}
}
