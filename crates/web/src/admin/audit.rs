//! The audit log, for those who look after it. Ours: the original has none. It can be read here, and nothing else.

use super::{
    Refused,
    answer::{self, Done},
    query::{self, Query},
};
use crate::{app::App, caller::Caller, page_token::Tokens, paging::Keyset};
use axum::{extract::State, response::Response};
use http::{HeaderMap, Uri};
use std::{str::FromStr, sync::Arc};
use zelos_core::{
    audit::EventKind,
    id::{EventId, IdentityId},
    problem::{Problem, Result},
};
use zelos_store::{
    List, Page,
    audit::{self as stored, Filter},
};

const DEFAULT_SIZE: usize = 250;
const MAX_SIZE: usize = 1000;

/// `GET /admin/audit/events`
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Response {
    answer::give(&caller, listed(&app, &caller, uri.path()).await)
}

async fn listed(app: &App, caller: &Caller, path: &str) -> Result<Done, Refused> {
    let query = caller.query();
    let filter = filter(&query)?;
    let keyset = Keyset::read(&query, DEFAULT_SIZE, MAX_SIZE)?;
    let tokens = Tokens::of(app, &caller.snapshot, "audit events", None);
    let key = tokens.after(keyset.token.as_deref()).map_err(Problem::from)?;
    let page = Page::After { key, size: keyset.size };
    let List { items, next } = stored::list(&app.engine.store, &filter, page).await?;
    let mut headers = HeaderMap::new();
    let next = next.map(|id| tokens.write(Some(id)));
    keyset.write(&mut headers, path, &query, &tokens.write(None::<EventId>), next.as_deref());
    Ok(Done::json(&items)?.with(headers))
}

fn filter(query: &Query) -> Result<Filter> {
    let kind =
        query::value(query, "kind").map(|word| EventKind::from_str(word).map_err(|()| query::invalid(word, "kind")));
    let identity = query::value(query, "identity_id").map(|id| query::id(id, "identity_id"));
    Ok(Filter {
        identity: identity.transpose()?.map(IdentityId),
        kind: kind.transpose()?,
        since: query::time(query, "since")?,
        until: query::time(query, "until")?,
    })
}
