//! The courier: takes what is due from the outbox, sends it, and writes down what became of it.
//!
//! Only as much is claimed as is sent at once, so nothing that was claimed waits but for an earlier message to the same
//! person: a lease covers one attempt, a message that hangs takes up one place and nobody else's time, and when the
//! courier is told to stop there is nothing to be given back. If it dies, the leases run out and another one – or the
//! same one, started again – takes over.
//!
//! A message leaves the house twice only if the other side took it and we never learned that, or could not write it
//! down before the lease ran out.

use crate::{
    Channels, Letters, backoff,
    channel::{Errand, Failure},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};
use zelos_core::{
    clock::Clock,
    fail_point,
    id::DispatchId,
    measure::Measures,
    message::{Message, MessageChannel},
    outbound::Outbound,
    rng::Rng,
};
use zelos_store::{
    Batch, Error, Store,
    messages::{self, Attempt, Lease, Outcome},
};

/// So long one attempt may take, all its steps together.
const WHOLE_ATTEMPT: Duration = Duration::from_mins(1);

/// So long a message is left alone by others: one attempt, and some time to write down what became of it. The clocks of
/// two instances may differ by less than that.
const LEASE: Duration = Duration::from_mins(2);

/// A message that is older is given up at its next failure, however many attempts are left.
const GREATEST_AGE: Duration = Duration::from_hours(24);

/// So long a courier that is told to stop waits for what is under way.
const FAREWELL: Duration = Duration::from_secs(10);

/// Until a message is looked at again that could not be made for want of something remote.
const HOLD: Duration = Duration::from_secs(10);

/// Between two tries to write down what became of an attempt.
const REWRITE: Duration = Duration::from_millis(500);

/// What the configuration says at this moment.
#[derive(Debug, Clone)]
pub struct Current {
    /// Writes the HTML parts.
    pub letters: Arc<Letters>,
    pub channels: Arc<Channels>,
    /// How often a message is tried again: one attempt more than that is made.
    pub retries: u32,
    /// How many messages are on their way at once.
    pub at_once: usize,
    /// How long to wait before looking again when nothing was due.
    pub pause: Duration,
    /// Whether messages whose code or link has expired are abandoned.
    pub skip_expired: bool,
}

/// Where the courier finds what the configuration says at this moment: it may change while the courier works.
pub type Look = Box<dyn Fn() -> Current + Send + Sync>;

/// Delivers what is in the outbox.
pub struct Courier {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub outbound: Arc<dyn Outbound>,
    pub look: Look,
    pub measures: Arc<Measures>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Courier {
    /// Works until `ending` holds true, then finishes what is under way.
    pub async fn run(self: Arc<Self>, mut ending: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        tokio::select! {
            () = self.work(&mut under_way) => {}
            _ = ending.wait_for(|ends| *ends) => {}
        }
        if timeout(FAREWELL, async { while under_way.join_next().await.is_some() {} }).await.is_err() {
            tracing::info!(messages = under_way.len(), "some deliveries are cut off; they are tried again later");
        }
        (self.look)().channels.rest().await;
    }

    async fn work(self: &Arc<Self>, under_way: &mut JoinSet<()>) {
        let mut away = false;
        loop {
            let current = (self.look)();
            let free = current.at_once.saturating_sub(under_way.len());
            let full = match self.claim(&current, free).await {
                Ok((lease, claimed)) => {
                    for messages in by_recipient(claimed.messages) {
                        let (courier, current) = (Arc::clone(self), current.clone());
                        under_way.spawn(async move { courier.attend(&current, &messages, lease).await });
                    }
                    away = false;
                    claimed.full
                }
                Err(error) => {
                    if !away {
                        tracing::warn!(%error, "the outbox cannot be read; trying again until it can");
                    }
                    away = true;
                    false
                }
            };
            if under_way.is_empty() && !full {
                current.channels.rest().await;
            }
            // There is more: as soon as half of the places are free. Otherwise when it is time to look again.
            let busy = current.at_once / 2;
            tokio::select! {
                () = sleep(current.pause) => {}
                () = settled(under_way, busy), if full => {}
            }
            while under_way.try_join_next().is_some() {}
        }
    }

    /// Delivers what is due, and waits for the end of it. Answers how many messages were attended to.
    pub async fn round(&self) -> Result<usize, Error> {
        let current = (self.look)();
        let (lease, claimed) = self.claim(&current, current.at_once).await?;
        let count = claimed.messages.len();
        let groups = by_recipient(claimed.messages);
        join_all(groups.iter().map(|messages| self.attend(&current, messages, lease))).await;
        Ok(count)
    }

    async fn claim(&self, current: &Current, most: usize) -> Result<(Lease, messages::Claimed), Error> {
        let now = self.clock.now();
        let lease = Lease { token: self.rng.uuid_v4(), until: now + LEASE };
        if most == 0 {
            return Ok((lease, messages::Claimed { messages: Vec::new(), full: true }));
        }
        Ok((lease, messages::claim(&self.store, lease, now, most, &current.channels.open()).await?))
    }

    /// Does with claimed messages of one recipient what is to be done, one after the other.
    async fn attend(&self, current: &Current, messages: &[Message], lease: Lease) {
        for message in messages {
            if self.clock.now() + WHOLE_ATTEMPT <= lease.until {
                self.attend_to(current, message, lease).await;
            } else {
                self.give_back(message, lease, Duration::ZERO).await;
            }
        }
    }

    #[tracing::instrument(target = "otel", name = "courier.deliver", skip_all, fields(template = message.template_type.as_str()))]
    async fn attend_to(&self, current: &Current, message: &Message, lease: Lease) {
        fail_point::reached("after a message is claimed");
        let now = self.clock.now();
        if current.skip_expired && message.expires_at.is_some_and(|expires_at| expires_at <= now) {
            let error = wire_error("the message was not delivered in time", "what it tells has expired");
            return self.settle(message, lease, Outcome::Abandoned { error: &error }).await;
        }
        let Some(channel) = current.channels.of(message.channel) else {
            return self.give_back(message, lease, Duration::ZERO).await;
        };
        current.letters.prepare(&*self.outbound).await;
        let html = html(current, message);
        let errand = Errand { message, html: html.as_deref(), outbound: &*self.outbound };
        let result = timeout(WHOLE_ATTEMPT, channel.send(&errand)).await;
        let result = result.unwrap_or_else(|_| Err(Failure::Transient("it took too long".to_owned())));
        match result {
            Ok(()) => {
                fail_point::reached("after a message is sent");
                self.settle(message, lease, Outcome::Sent).await;
            }
            Err(Failure::Held(reason)) if now < message.created_at + GREATEST_AGE => {
                tracing::warn!(id = %message.id, reason, "message delivery postponed, will retry");
                self.give_back(message, lease, HOLD).await;
            }
            Err(failure) => self.failed(current, message, lease, &failure).await,
        }
    }

    /// Without having tried it; it is due again after the pause.
    async fn give_back(&self, message: &Message, lease: Lease, pause: Duration) {
        let mut batch = Batch::new();
        let now = self.clock.now();
        messages::give_back(&mut batch, message.id, lease.token, now, now + pause);
        if let Err(error) = self.store.commit(batch).await {
            tracing::debug!(id = %message.id, %error, "a message could not be given back; its lease runs out");
        }
    }

    async fn failed(&self, current: &Current, message: &Message, lease: Lease, failure: &Failure) {
        let now = self.clock.now();
        let again = now + backoff::pause(message.send_count, &*self.rng);
        let worthwhile = matches!(failure, Failure::Transient(_))
            && message.send_count <= current.retries
            && again < message.created_at + GREATEST_AGE;
        let (id, template, attempt) = (message.id, message.template_type.as_str(), message.send_count);
        let error = wire_error("the message could not be delivered", &failure.to_string());
        if worthwhile {
            tracing::warn!(%id, template, attempt, reason = %failure, "a message could not be delivered; later");
            self.settle(message, lease, Outcome::Again { at: again, error: &error }).await;
        } else {
            tracing::error!(%id, template, attempt, reason = %failure, "a message is given up");
            self.settle(message, lease, Outcome::Abandoned { error: &error }).await;
        }
    }

    /// Writes down what became of an attempt, as long as the message is ours: if the database is away for a moment,
    /// the message must not go out twice because of that.
    async fn settle(&self, message: &Message, lease: Lease, outcome: Outcome<'_>) {
        loop {
            let at = self.clock.now();
            let id = DispatchId(self.rng.uuid_v7(&*self.clock));
            let attempt = Attempt { id, message: message.id, lease: lease.token, at };
            let mut batch = Batch::new();
            messages::settle(&mut batch, &attempt, outcome);
            match self.store.commit(batch).await {
                Ok(_) => {
                    fail_point::reached("after a message is settled");
                    return self.measures.deliveries.count([end(outcome)]);
                }
                // Written already by a try whose answer was lost, or taken over by another courier.
                Err(Error::Unmet(_)) => return tracing::info!(id = %message.id, "a message is not ours any more"),
                Err(error) if at >= lease.until => {
                    return tracing::error!(id = %message.id, %error, "what became of a message is not written down");
                }
                Err(error) => tracing::debug!(id = %message.id, %error, "cannot be written down; again"),
            }
            sleep(REWRITE).await;
        }
    }
}

/// How an attempt ended, for operators.
fn end(outcome: Outcome<'_>) -> &'static str {
    match outcome {
        Outcome::Sent => "sent",
        Outcome::Again { .. } => "again",
        Outcome::Abandoned { .. } => "abandoned",
    }
}

/// The messages of each recipient together, in the order in which they were queued: who asked for a second code must not
/// get the first one after it.
fn by_recipient(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut groups: Vec<Vec<Message>> = Vec::with_capacity(messages.len());
    for message in messages {
        match groups.iter_mut().find(|group| group[0].recipient == message.recipient) {
            Some(group) => group.push(message),
            None => groups.push(vec![message]),
        }
    }
    groups
}

/// Waits until no more than so many are under way.
async fn settled(under_way: &mut JoinSet<()>, most: usize) {
    while under_way.len() > most && under_way.join_next().await.is_some() {}
}

/// The HTML part; a mail without it is better than none.
fn html(current: &Current, message: &Message) -> Option<String> {
    if message.channel != MessageChannel::Email {
        return None;
    }
    current.letters.html(message).unwrap_or_else(|error| {
        tracing::error!(id = %message.id, %error, "the HTML part of a mail could not be written");
        None
    })
}

/// What an attempt leaves behind for administrators: the wire's error object.
fn wire_error(message: &str, reason: &str) -> Value {
    json!({ "code": 500, "status": "Internal Server Error", "reason": reason, "message": message })
}
