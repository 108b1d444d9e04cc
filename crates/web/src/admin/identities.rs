//! Reading and deleting identities. Making and changing them is in `change.rs`.

use super::{
    Refused,
    answer::{self, Done},
    filter, query,
};
use crate::{
    app::App,
    caller::Caller,
    page_token::Tokens,
    paging::{Keyset, Legacy, Numbered},
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, Uri};
use std::{str::FromStr, sync::Arc};
use zelos_core::{
    audit::EventKind,
    id::IdentityId,
    identity::{
        CredentialType, Identity,
        json::{IdentityView, Show, Shown},
    },
    problem::Problem,
    schema::Schemas,
    snapshot::Snapshot,
};
use zelos_flow::audit::Happened;
use zelos_store::{
    Batch, Error, List, Page, Store,
    directory::{self, Place},
    identities, trait_index,
};

const DEFAULT_SIZE: usize = 250;
const MAX_SIZE: usize = 500;

/// Quirk: the first page has a token that is an id in clear (x/pagination.go).
const FIRST: &str = "00000000-0000-0000-0000-000000000000";

/// There is nobody like that. An id that is none means nobody as well.
pub(super) fn nobody() -> Problem {
    Problem::NotFound("There is no identity with this id.".to_owned())
}

/// The identity in the path, with its credentials.
pub(super) async fn find(app: &App, id: &str) -> Result<Identity, Refused> {
    let id = IdentityId::from_str(id).map_err(|_| nobody())?;
    let found = identities::find_with_credentials(&app.engine.store, id).await?;
    Ok(found.ok_or_else(nobody)?)
}

/// `GET /admin/identities/{id}`
pub(super) async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let shown = query::included(&caller)?;
        view(&caller.snapshot, &find(&app, &id).await?, &shown.types)
    };
    answer::give(&caller, done.await)
}

/// `GET /admin/identities/by/external/{external_id}`
pub(super) async fn by_external_id(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let shown = query::included(&caller)?;
        let mut found = identities::find_by_external_id(&app.engine.store, &id).await?.ok_or_else(nobody)?;
        identities::load_credentials(&app.engine.store, std::slice::from_mut(&mut found)).await?;
        view(&caller.snapshot, &found, &shown.types)
    };
    answer::give(&caller, done.await)
}

fn view(snapshot: &Snapshot, identity: &Identity, types: &[CredentialType]) -> Result<Done, Refused> {
    Done::json(&IdentityView {
        identity,
        schema_url: Some(&snapshot.schema_url(&identity.schema_id)),
        addresses: true,
        metadata_admin: Show::Always,
        credentials: Some(Shown { types, cipher: &snapshot.cipher }),
    })
}

/// `DELETE /admin/identities/{id}`
pub(super) async fn delete(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Response {
    let done = async {
        let id = IdentityId::from_str(&id).map_err(|_| nobody())?;
        let mut batch = Batch::new();
        identities::delete(&mut batch, id);
        caller.record(&app, &mut batch, [Happened::new(EventKind::IdentityDeleted).to(id)]);
        match app.engine.store.commit(batch).await {
            Err(Error::Unmet(_)) => Err(nobody().into()),
            done => Ok(done.map(|_| Done::nothing())?),
        }
    };
    answer::give(&caller, done.await)
}

/// `GET /admin/identities`
pub(super) async fn list(State(app): State<Arc<App>>, caller: Caller, uri: Uri) -> Response {
    answer::give(&caller, listed(&app, &caller, uri.path()).await)
}

async fn listed(app: &App, caller: &Caller, path: &str) -> Result<Done, Refused> {
    let query = caller.query();
    let shown = query::included(caller)?;
    let schemas = &caller.snapshot.schemas;
    let filter = filter::read(&query, schemas)?;
    let order = filter::order(&query, &filter, schemas)?;
    let tokens = Tokens::of(app, &caller.snapshot, &format!("identities in the order {order:?}"), None);
    let part = Part::read(query, &tokens)?;
    let store = &app.engine.store;
    index_is_there(store, schemas, filter::named(&filter, &order)).await?;
    let List { mut items, next } = directory::search(store, &filter, &order, part.page()).await?;
    let with_credentials = shown.is_asked || filter.identifier.is_some();
    if with_credentials {
        identities::load_readable_credentials(store, &mut items).await?;
    }
    let mut headers = HeaderMap::new();
    match &part {
        Part::Tokens { keyset, query, .. } => {
            let next = next.map(|place| tokens.write(Some(place)));
            keyset.write(&mut headers, path, query, FIRST, next.as_deref());
        }
        Part::Numbers { numbered, query } => {
            // Quirk: the total is that of all identities, whatever the filter, but for a look-up by identifier
            // (identity/handler.go).
            let total = if filter.identifier.as_ref().is_some_and(|identifier| !identifier.prefix) {
                items.len()
            } else {
                usize::try_from(identities::count(store).await?).unwrap_or_default()
            };
            numbered.write(&mut headers, path, query, total);
        }
    }
    let urls: Vec<String> = items.iter().map(|identity| caller.snapshot.schema_url(&identity.schema_id)).collect();
    let views: Vec<IdentityView<'_>> = items
        .iter()
        .zip(&urls)
        .map(|(identity, url)| IdentityView {
            identity,
            schema_url: Some(url),
            addresses: true,
            metadata_admin: Show::Always,
            credentials: with_credentials.then_some(Shown { types: &shown.types, cipher: &caller.snapshot.cipher }),
        })
        .collect();
    Ok(Done::json(&views)?.with(headers))
}

/// Whether everybody has been looked at for these traits: a list of some of them would pass for the whole.
async fn index_is_there(store: &Store, schemas: &Schemas, names: impl Iterator<Item = &str>) -> Result<(), Problem> {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let built = trait_index::built(store, schemas).await?;
    match names.find(|name| !built.iter().any(|known| known == name)) {
        None => Ok(()),
        Some(name) => Err(Problem::Conflict(format!(
            "The index of `{name}` is not there yet: a server builds it, or `zelos migrate reindex` does."
        ))),
    }
}

/// Which part of the list is asked for, and the query to repeat in links.
enum Part {
    Tokens { keyset: Keyset, after: Option<Place>, query: Vec<(String, String)> },
    Numbers { numbered: Numbered, query: Vec<(String, String)> },
}

impl Part {
    fn read(mut query: Vec<(String, String)>, tokens: &Tokens<'_>) -> Result<Self, Problem> {
        if let Some(numbered) = Legacy::read(&query)? {
            return Ok(Self::Numbers { numbered, query });
        }
        if query::value(&query, "page_size").is_none() && query::value(&query, "page_token").is_none() {
            for (name, _) in &mut query {
                if name == "per_page" {
                    "page_size".clone_into(name);
                }
            }
        }
        let keyset = Keyset::read(&query, DEFAULT_SIZE, MAX_SIZE)?;
        let given = keyset.token.as_deref().filter(|token| *token != FIRST);
        let after = tokens.after(given)?;
        Ok(Self::Tokens { keyset, after, query })
    }

    fn page(&self) -> Page<Place> {
        match self {
            Self::Tokens { keyset, after, .. } => Page::After { key: after.clone(), size: keyset.size },
            Self::Numbers { numbered, .. } => {
                Page::Number { page: u64::try_from(numbered.page).unwrap_or(u64::MAX), size: numbered.size }
            }
        }
    }
}
