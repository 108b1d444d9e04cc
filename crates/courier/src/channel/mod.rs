//! The ways out: a [`Channel`] takes one message to somebody who carries it on.
//!
//! Three live here: a mail server ([`smtp`]), an operator's own server ([`http`]), and the mailbox of development, which
//! keeps everything. Which one a message takes is said in [`crate::channels`]. All that a channel says of a failure is
//! whether to try again; when and how often is not its business.

pub(crate) mod http;
pub(crate) mod mailbox;
pub(crate) mod smtp;

use async_trait::async_trait;
use zelos_core::{message::Message, outbound::Outbound};

/// What a channel is given to deliver.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    pub message: &'a Message,
    /// The HTML part of a mail, if it has one.
    pub html: Option<&'a str>,
    pub outbound: &'a dyn Outbound,
}

impl std::fmt::Debug for Errand<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errand").field("message", &self.message.id).finish_non_exhaustive()
    }
}

/// Why a message was not taken. The text is for administrators: it may quote what the other side said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It would be refused again: the address or the message itself is at fault.
    #[error("{0}")]
    Permanent(String),
    /// It may be taken later.
    #[error("{0}")]
    Transient(String),
    /// It was not tried: something that is needed to make it cannot be fetched yet. No attempt is counted.
    #[error("{0}")]
    Held(String),
}

/// A way out.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Delivers the message. Success means that the other side has taken it over.
    async fn send(&self, errand: &Errand<'_>) -> Result<(), Failure>;

    /// There is nothing to do for the moment: what is held open for the next message may be given up.
    async fn rest(&self);

    /// Whether the other side would talk with us, and what an operator should know about it. A channel that cannot find
    /// out without a message says yes.
    async fn greet(&self) -> Result<Option<&'static str>, Failure> {
        Ok(None)
    }
}
