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
use crate::{
    app::App,
    caller::Caller,
    page_token::{Tokens, Unusable},
    paging::Keyset,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Uri};
use serde::Serialize;
use serde_json::Value;
use std::{str::FromStr, sync::Arc};
use time::Duration;
use zelos_core::{
    id::{DispatchId, MessageId},
    identity::json::Rfc3339,
    message::{Dispatch, Message, MessageStatus},
    problem::Problem,
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

const TOKEN_LIFESPAN: Duration = Duration::hours(1);

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
    let tokens = Tokens::of(app, &caller.snapshot, "messages", Some(TOKEN_LIFESPAN));
    let key = tokens.after(keyset.token.as_deref()).map_err(unusable)?;
    let List { items, next } = stored::list(&app.engine.store, &filter, Page::After { key, size: keyset.size }).await?;
    let mut headers = HeaderMap::new();
    let first = tokens.write(None::<Key>);
    let next = next.map(|key| tokens.write(Some(key)));
    keyset.write(&mut headers, path, &query, &first, next.as_deref());
    let views: Vec<MessageView<'_>> =
        items.iter().map(|message| MessageView::new(&caller.snapshot, message, &[])).collect();
    Ok(Done::json(&views)?.with(headers))
}

fn unusable(why: Unusable) -> Refused {
    Refused::worded(match why {
        Unusable::Foreign => "invalid pagination token",
        Unusable::Expired => "the page token has expired: start again from the first page",
    })
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

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
