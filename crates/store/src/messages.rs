//! The outbox: messages wait here until the courier has delivered them, or has given up.
//!
//! Any number of couriers share it without knowing of each other. Whoever claims a message puts a token of its own on
//! the row and a time until which the row is left alone (a lease); what becomes of it is written only while the token
//! still stands there. A courier that dies lets its leases run out, and the next one takes over.
//!
//! Attempts are counted when they begin: a message that kills its courier each time does not do so for ever.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    faults::{Faults, listed},
    identities::word,
    page::{List, Page, marks, padded},
    value::{Micros, NETWORK, Row, Value},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    id::{DispatchId, MessageId},
    message::{Dispatch, Message, MessageChannel, MessageStatus},
};

/// Guard: the message is not leased under that token any more.
pub const LEASED: &str = "lease of the message";

/// Puts a message into the outbox. One that is queued is due at once.
pub fn insert(batch: &mut Batch, message: &Message) {
    let (data, headers) = (batch.json(&message.template_data), batch.json(&message.request_headers));
    let due_at = (message.status == MessageStatus::Queued).then_some(message.created_at);
    batch.insert(
        "messages (nid, id, channel, recipient, subject, body, template_type, template_data, request_headers, status, \
         send_count, expires_at, due_at, lease, created_at, updated_at)",
        [[
            NETWORK,
            message.id.into(),
            message.channel.as_str().into(),
            (&message.recipient).into(),
            (&message.subject).into(),
            (&message.body).into(),
            message.template_type.as_str().into(),
            data,
            headers,
            message.status.as_str().into(),
            i64::from(message.send_count).into(),
            message.expires_at.into(),
            due_at.into(),
            Value::Id(None),
            message.created_at.into(),
            message.updated_at.into(),
        ]],
    );
}

/// The columns of a message, from table `m`; [`message`] reads them.
macro_rules! message_columns {
    () => {
        "m.id, m.channel, m.recipient, m.subject, m.body, m.template_type, m.template_data, m.request_headers, \
         m.status, m.send_count, m.expires_at, m.created_at, m.updated_at"
    };
}

fn message(row: &Row<'_>, faults: &mut Faults) -> Result<Message, Error> {
    let channel = match row.text(1)? {
        "sms" => MessageChannel::Sms,
        _ => MessageChannel::Email,
    };
    Ok(Message {
        id: row.get(0)?,
        channel,
        recipient: faults.get("recipient", row, 2)?,
        subject: faults.get("subject", row, 3)?,
        body: faults.get("body", row, 4)?,
        template_type: word(row, 5)?,
        template_data: faults.or("template_data", json(row, 6), serde_json::Map::new())?,
        request_headers: faults.or("request_headers", json(row, 7), serde_json::Map::new())?,
        status: faults.or("status", word(row, 8), MessageStatus::Abandoned)?,
        send_count: faults.or("send_count", count(row, 9), 0)?,
        expires_at: faults.get("expires_at", row, 10)?,
        created_at: faults.time("created_at", row, 11)?,
        updated_at: faults.time("updated_at", row, 12)?,
    })
}

fn json<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<T, Error> {
    serde_json::from_str(row.text(index)?).map_err(Error::decode)
}

fn count(row: &Row<'_>, index: usize) -> Result<u32, Error> {
    u32::try_from(row.get::<i64>(index)?).map_err(Error::decode)
}

/// A message and its attempts, oldest first.
pub async fn find(store: &Store, id: MessageId) -> Result<Option<(Message, Vec<Dispatch>)>, Error> {
    let sql = concat!("SELECT ", message_columns!(), " FROM messages m WHERE m.nid = ? AND m.id = ?");
    let Some(found) = store.optional(sql, &[NETWORK, id.into()], |row| message(row, &mut Faults::strict())).await?
    else {
        return Ok(None);
    };
    let sql = "SELECT d.id, d.message_id, d.error, d.created_at, d.updated_at FROM message_dispatches d \
               WHERE d.nid = ? AND d.message_id = ? ORDER BY d.created_at, d.id";
    let dispatches = store.all(sql, &[NETWORK, id.into()], dispatch).await?;
    Ok(Some((found, dispatches)))
}

fn dispatch(row: &Row<'_>) -> Result<Dispatch, Error> {
    let error = row.optional_text(2)?.map(serde_json::from_str).transpose().map_err(Error::decode)?;
    Ok(Dispatch { id: row.get(0)?, message_id: row.get(1)?, error, created_at: row.get(3)?, updated_at: row.get(4)? })
}

/// Which messages of a list are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that have come so far.
    pub status: Option<MessageStatus>,
    /// Only those to exactly that address.
    pub recipient: Option<String>,
}

/// Where a list of messages goes on: the newest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub created_at: Micros,
    pub id: MessageId,
}

/// Messages, newest first.
pub async fn list(store: &Store, filter: &Filter, page: Page<Key>) -> Result<List<Message, Key>, Error> {
    let mut sql = concat!("SELECT ", message_columns!(), " FROM messages m WHERE m.nid = ?").to_owned();
    let mut params = vec![NETWORK];
    if let Some(status) = filter.status {
        sql.push_str(" AND m.status = ?");
        params.push(status.as_str().into());
    }
    if let Some(recipient) = &filter.recipient {
        sql.push_str(" AND m.recipient = ?");
        params.push(recipient.clone().into());
    }
    if let Some(after) = page.key() {
        // So that every database finds the place in the index by the time alone.
        sql.push_str(" AND m.created_at <= ? AND (m.created_at < ? OR m.id < ?)");
        params.extend([after.created_at.into(), after.created_at.into(), after.id.into()]);
    }
    let (limit, offset) = page.bounds();
    sql.push_str(" ORDER BY m.created_at DESC, m.id DESC LIMIT ?");
    params.push(limit.into());
    if offset > 0 {
        sql.push_str(" OFFSET ?");
        params.push(offset.into());
    }
    let items = store.scan(sql, params, |row| {
        let Some((message, _)) = listed("messages", row, message) else { return Ok(None) };
        let key = Key { created_at: row.get(11)?, id: message.id };
        Ok(Some((message, key)))
    });
    Ok(page.list(items.await?, |(_, key)| *key).map(|(message, _)| message))
}

/// What waits in the outbox, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Messages on their way: those that wait, and those that are being sent.
    pub length: u64,
    /// When the one that waits longest was due, or will be.
    pub oldest: Option<OffsetDateTime>,
}

/// The outbox at the moment.
pub async fn queue(store: &Store) -> Result<Queue, Error> {
    let sql = "SELECT COUNT(*), MIN(m.due_at) FROM messages m WHERE m.nid = ? AND m.due_at IS NOT NULL";
    let found = store.scan(sql, vec![NETWORK], |row| Ok((row.get::<i64>(0)?, row.get(1)?))).await?;
    let (length, oldest) = found.into_iter().next().unwrap_or_default();
    Ok(Queue { length: u64::try_from(length).unwrap_or_default(), oldest })
}

/// A claim on messages: made anew for each round, so that what a round claimed can be read back exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Nobody else has it.
    pub token: Uuid,
    /// From then on others may take the messages.
    pub until: OffsetDateTime,
}

/// What a round of claiming brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The messages that are now ours, the longest due first. Their `send_count` counts the attempt that begins.
    pub messages: Vec<Message>,
    /// Whether so many were due that there may be more, be they ours or another courier's.
    pub full: bool,
}

/// Claims at most `most` messages that are due and take one of these channels: those that wait, and those whose lease
/// has run out. Each goes to one claim, however many are made at once.
pub async fn claim(
    store: &Store,
    lease: Lease,
    now: OffsetDateTime,
    most: usize,
    channels: &[MessageChannel],
) -> Result<Claimed, Error> {
    let mut params = vec![NETWORK, now.into()];
    let only = match channels {
        [] => return Ok(Claimed { messages: Vec::new(), full: false }),
        [one] => {
            params.push(one.as_str().into());
            " AND m.channel = ?"
        }
        _ => "",
    };
    let sql = format!("SELECT m.id FROM messages m WHERE m.nid = ? AND m.due_at <= ?{only} ORDER BY m.due_at LIMIT ?");
    params.push(i64::try_from(most).unwrap_or(i64::MAX).into());
    let ids: Vec<Uuid> = store.all(sql, &params, |row| row.get(0)).await?;
    let full = ids.len() == most;
    if ids.is_empty() {
        return Ok(Claimed { messages: Vec::new(), full });
    }
    let list = marks(ids.len());
    let mut batch = Batch::new();
    // That they are due once more: the candidates of another claim may have been the same.
    batch.add(
        format!(
            "UPDATE messages SET status = 'processing', lease = ?, due_at = ?, send_count = send_count + 1, \
             updated_at = ? WHERE nid = ? AND id IN ({list}) AND due_at <= ?"
        ),
        [Value::from(lease.token), lease.until.into(), now.into(), NETWORK]
            .into_iter()
            .chain(padded(&ids).map(Value::from))
            .chain([now.into()]),
    );
    if store.commit(batch).await? == [0] {
        return Ok(Claimed { messages: Vec::new(), full });
    }
    let sql = format!(
        "SELECT {} FROM messages m WHERE m.nid = ? AND m.id IN ({list}) AND m.lease = ? ORDER BY m.created_at, m.id",
        message_columns!()
    );
    let params: Vec<Value<'_>> =
        std::iter::once(NETWORK).chain(padded(&ids).map(Value::from)).chain([lease.token.into()]).collect();
    // One that cannot be read in full is not sent. It stays leased, and the others are not affected.
    let whole = |row: &Row<'_>| Ok(listed("messages", row, message).filter(|(_, whole)| *whole));
    let messages = store.all(sql, &params, whole).await?;
    Ok(Claimed { messages: messages.into_iter().flatten().map(|(message, _)| message).collect(), full })
}

/// An attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// The row that will tell of it.
    pub id: DispatchId,
    pub message: MessageId,
    /// The token under which the message was claimed.
    pub lease: Uuid,
    /// When it ended.
    pub at: OffsetDateTime,
}

/// How an attempt ended. Errors are the wire's error objects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outcome<'a> {
    /// The other side took the message.
    Sent,
    /// It did not, and will be asked again then.
    Again { at: OffsetDateTime, error: &'a Json },
    /// It did not, and will not be asked again.
    Abandoned { error: &'a Json },
}

/// Writes how an attempt ended. Guarded by [`LEASED`].
pub fn settle(batch: &mut Batch, attempt: &Attempt, outcome: Outcome<'_>) {
    let (status, due_at, error) = match outcome {
        Outcome::Sent => (MessageStatus::Sent, None, None),
        Outcome::Again { at, error } => (MessageStatus::Queued, Some(at), Some(error)),
        Outcome::Abandoned { error } => (MessageStatus::Abandoned, None, Some(error)),
    };
    batch.guarded(
        LEASED,
        Expect::Rows(1),
        "UPDATE messages SET status = ?, due_at = ?, lease = ?, updated_at = ? \
         WHERE nid = ? AND id = ? AND lease = ?",
        [
            status.as_str().into(),
            due_at.into(),
            Value::Id(None),
            attempt.at.into(),
            NETWORK,
            attempt.message.into(),
            attempt.lease.into(),
        ],
    );
    let error = error.map_or(Value::Json(None), |error| batch.json(error));
    batch.insert(
        "message_dispatches (nid, message_id, id, error, created_at, updated_at)",
        [[NETWORK, attempt.message.into(), attempt.id.into(), error, attempt.at.into(), attempt.at.into()]],
    );
}

/// Gives back a message that was claimed and not tried: the attempt does not count, and it is due at that time. If the
/// lease was lost meanwhile nothing happens.
pub fn give_back(batch: &mut Batch, message: MessageId, lease: Uuid, now: OffsetDateTime, due_at: OffsetDateTime) {
    batch.add(
        "UPDATE messages SET status = 'queued', due_at = ?, lease = ?, send_count = send_count - 1, updated_at = ? \
         WHERE nid = ? AND id = ? AND lease = ?",
        [due_at.into(), Value::Id(None), now.into(), NETWORK, message.into(), lease.into()],
    );
}
