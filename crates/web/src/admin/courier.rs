//! What is in the outbox, as administrators see it.
//!
//! Subject and text carry codes and links that let whoever reads them in: outside development they are not shown, not
//! even here. Tokens of pages are sealed and last an hour, since clients that keep them for longer find other rows
//! than they remember.

use super::{
    Refused,
    answer::{self, Done},
    query,
};
use crate::{app::App, caller::Caller, paging::Keyset};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, str::FromStr, sync::Arc};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use zelos_core::{
    id::{DispatchId, MessageId},
    identity::json::Rfc3339,
    message::{Dispatch, Message, MessageStatus},
    problem::Problem,
    sealed::Keys,
    snapshot::Snapshot,
};
use zelos_store::{
    List, Page,
    messages::{self as stored, Filter, Key},
};

const DEFAULT_SIZE: usize = 10;
const MAX_SIZE: usize = 500;

/// Stands for what is not shown. Clients compare it.
const REDACTED: &str = "<redacted-unless-dev-mode>";

/// What page tokens are sealed for.
const PURPOSE: &str = "page of messages";
const TOKEN_LIFESPAN: Duration = Duration::hours(1);

/// Later than any message is made.
const END_OF_TIME: OffsetDateTime = time::macros::datetime!(2200-12-31 23:59:59 UTC);

/// A message, in the order of the wire.
#[derive(Debug, Serialize)]
struct MessageView<'a> {
    id: MessageId,
    status: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    recipient: &'a str,
    body: &'a str,
    subject: &'a str,
    template_type: &'static str,
    channel: &'static str,
    send_count: u32,
    /// The latest first; left out while there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dispatches: Vec<DispatchView<'a>>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

/// An attempt, in the order of the wire.
#[derive(Debug, Serialize)]
struct DispatchView<'a> {
    id: DispatchId,
    message_id: MessageId,
    status: &'static str,
    error: Option<&'a Value>,
    created_at: Rfc3339,
    updated_at: Rfc3339,
}

impl<'a> MessageView<'a> {
    fn new(snapshot: &Snapshot, message: &'a Message, dispatches: &'a [Dispatch]) -> Self {
        let shown = |text: &'a str| if snapshot.dev { text } else { REDACTED };
        Self {
            id: message.id,
            status: message.status.as_str(),
            kind: message.channel.as_str(),
            recipient: &message.recipient,
            body: shown(&message.body),
            subject: shown(&message.subject),
            template_type: message.template_type.as_str(),
            channel: message.channel.as_str(),
            send_count: message.send_count,
            dispatches: dispatches.iter().rev().map(DispatchView::new).collect(),
            created_at: Rfc3339(message.created_at),
            updated_at: Rfc3339(message.updated_at),
        }
    }
}

impl<'a> DispatchView<'a> {
    fn new(dispatch: &'a Dispatch) -> Self {
        Self {
            id: dispatch.id,
            message_id: dispatch.message_id,
            status: if dispatch.error.is_some() { "failed" } else { "success" },
            error: dispatch.error.as_ref(),
            created_at: Rfc3339(dispatch.created_at),
            updated_at: Rfc3339(dispatch.updated_at),
        }
    }
}

/// `GET /admin/courier/messages`
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Response {
    answer::give(&caller, listed(&app, &caller, uri.path()).await)
}

async fn listed(app: &App, caller: &Caller, path: &str) -> Result<Done, Refused> {
    let query = caller.query();
    // Quirk: an empty status is one that does not exist, not one that was not given (courier/handler.go).
    let status = query::values(&query, "status").next();
    let status = status.map(MessageStatus::from_str).transpose();
    let filter = Filter {
        status: status.map_err(|()| Problem::bad("There is no such status of a message."))?,
        recipient: query::value(&query, "recipient").map(ToOwned::to_owned),
    };
    let unreadable = |_| Refused::worded("could not parse parameter page_size");
    let keyset = Keyset::read(&query, DEFAULT_SIZE, MAX_SIZE).map_err(unreadable)?;
    let tokens = Tokens::of(app, &caller.snapshot);
    let key = keyset.token.as_deref().map(|token| tokens.read(token)).transpose()?;
    let List { items, next } = stored::list(&app.engine.store, &filter, Page::After { key, size: keyset.size }).await?;
    let mut headers = HeaderMap::new();
    let first = tokens.write(Key { created_at: END_OF_TIME, id: MessageId(Uuid::nil()) });
    let next = next.map(|key| tokens.write(key));
    keyset.write(&mut headers, path, &query, &first, next.as_deref());
    let views: Vec<MessageView<'_>> =
        items.iter().map(|message| MessageView::new(&caller.snapshot, message, &[])).collect();
    Ok(Done::json(&views)?.with(headers))
}

/// `GET /admin/courier/messages/{id}`
pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let id = MessageId::from_str(&id).map_err(|_| Refused::worded("the id in the path is not a UUID"))?;
        let missing = || Problem::NotFound("There is no message with this id.".to_owned());
        let (message, dispatches) = stored::find(&app.engine.store, id).await?.ok_or_else(missing)?;
        Done::json(&MessageView::new(&caller.snapshot, &message, &dispatches))
    };
    answer::give(&caller, done.await)
}

/// Writes and reads the tokens of pages.
struct Tokens<'a> {
    app: &'a App,
    keys: Cow<'a, Keys>,
}

/// What a token holds: a place in the list, and when it stops being one.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    id: MessageId,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

impl<'a> Tokens<'a> {
    fn of(app: &'a App, snapshot: &'a Snapshot) -> Self {
        let own = &snapshot.secrets.pagination;
        let keys = if own.is_empty() { Cow::Borrowed(&snapshot.keys) } else { Cow::Owned(Keys::derive(own)) };
        Self { app, keys }
    }

    fn write(&self, Key { created_at, id }: Key) -> String {
        let expires_at = self.app.engine.clock.now() + TOKEN_LIFESPAN;
        let token = serde_json::to_vec(&Token { id, created_at, expires_at }).unwrap_or_default();
        self.keys.seal(&*self.app.engine.rng, PURPOSE, &token)
    }

    fn read(&self, token: &str) -> Result<Key, Refused> {
        let opened = self.keys.open(PURPOSE, token);
        let Some(token) = opened.and_then(|plain| serde_json::from_slice::<Token>(&plain).ok()) else {
            return Err(Refused::worded("invalid pagination token"));
        };
        if token.expires_at < self.app.engine.clock.now() {
            return Err(Refused::worded("the page token has expired: start again from the first page"));
        }
        Ok(Key { created_at: token.created_at, id: token.id })
    }
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
