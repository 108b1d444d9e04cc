//! Making and changing identities. Each of the three ways in – create, PUT, PATCH – ends in the same place: traits are
//! judged by the schema, and everything that follows from them (addresses, identifiers, assurance) is worked out anew.

use super::{
    Refused,
    answer::{self, Done},
    body::{self, Credentials, GivenAddress},
    credentials, identities, patch as json_patch,
};
use crate::{app::App, caller::Caller, input};
use axum::{
    body::Body,
    extract::{Path, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{str::FromStr, sync::Arc};
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    audit::EventKind,
    id::CredentialId,
    identity::{
        AddressStatus, Credential, CredentialType, Identity, State as IdentityState, Via,
        json::{IdentityView, Show, Shown},
    },
    problem::Problem,
    schema::Derived,
    storable,
};
use zelos_flow::{
    Cx, Engine,
    audit::{self, Happened},
    identities as people,
};
use zelos_store::{Batch, Error, identities as stored};

/// How often a change is made again when somebody else was faster.
const ATTEMPTS: usize = 2;

/// `POST /admin/identities`
pub(super) async fn create(State(app): State<Arc<App>>, caller: Caller, body: Body) -> Response {
    let done = async {
        let body = body::create(&input::read(body).await?).map_err(Refused::worded)?;
        let cx = app.engine.cx(&caller.snapshot, &caller.request);
        let identity = made(&app.engine, &cx, body).await?;
        insert(&app, &caller, &identity).await?;
        let base = caller.snapshot.admin.as_str().trim_end_matches('/');
        let mut headers = HeaderMap::new();
        if let Ok(location) = HeaderValue::try_from(format!("{base}/identities/{}", identity.id)) {
            headers.insert(header::LOCATION, location);
        }
        Ok(shown(&caller, &identity, Show::WhenSet)?.status(StatusCode::CREATED).with(headers))
    };
    answer::give(&caller, done.await)
}

/// `PUT /admin/identities/{id}`
pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let done = async {
        let body = update_body(&headers, &input::read(body).await?)?;
        let identity = change(&app, &caller, &id, Change::Put(&body)).await?;
        shown(&caller, &identity, Show::WhenSet)
    };
    answer::give(&caller, done.await)
}

/// `PATCH /admin/identities/{id}`
pub(super) async fn patch(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>, body: Body) -> Response {
    let done = async {
        let body = input::read(body).await?;
        let identity = change(&app, &caller, &id, Change::Patch(&body)).await?;
        shown(&caller, &identity, Show::Always)
    };
    answer::give(&caller, done.await)
}

/// What an identity is to become.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    Put(&'a body::Update),
    /// By the operations in that body.
    Patch(&'a [u8]),
    /// Without the credential of that type; of several logins elsewhere, without the one of that identifier.
    Without(&'a str, Option<&'a str>),
}

impl Change<'_> {
    fn happened(self, old: &Identity, new: &Identity) -> Happened<'static> {
        let kind = match self {
            Self::Put(_) | Self::Patch(_) => EventKind::IdentityUpdated,
            Self::Without(..) => EventKind::CredentialDeleted,
        };
        Happened::new(kind).to(new.id).with(audit::changes(old, new))
    }
}

/// Writes a new identity.
pub(super) async fn insert(app: &App, caller: &Caller, identity: &Identity) -> Result<(), Refused> {
    let mut batch = Batch::new();
    stored::insert(&mut batch, identity);
    caller.record(app, &mut batch, [created(identity)]);
    app.engine.store.commit(batch).await.map(drop).map_err(conflict)
}

/// That somebody was created, for the audit log.
pub(super) fn created(identity: &Identity) -> Happened<'static> {
    let types: Vec<&str> = identity.credentials.iter().map(|credential| credential.kind.as_str()).collect();
    Happened::new(EventKind::IdentityCreated).to(identity.id).with(json!({ "credentials": types }))
}

/// Reads the identity, changes it and writes it back; once more if it was changed meanwhile.
pub(super) async fn change(app: &App, caller: &Caller, id: &str, change: Change<'_>) -> Result<Identity, Refused> {
    let cx = app.engine.cx(&caller.snapshot, &caller.request);
    for attempt in 1..=ATTEMPTS {
        let old = identities::find(app, id).await?;
        let mut new = match change {
            Change::Put(body) => update(app, &cx, &old, body).await?,
            Change::Patch(body) => patched(&cx, &old, body)?,
            Change::Without(kind, identifier) => credentials::without(app, &cx, &old, kind, identifier)?,
        };
        are_keys(&new)?;
        new.updated_at = cx.clock.now();
        new.available_aal = people::available_aal(&app.engine, cx.snapshot, &new);
        let mut batch = Batch::new();
        stored::update(&mut batch, &old, &new);
        caller.record(app, &mut batch, [change.happened(&old, &new)]);
        match app.engine.store.commit(batch).await {
            Err(Error::Unmet(_)) if attempt < ATTEMPTS => {}
            done => return done.map(|_| new).map_err(conflict),
        }
    }
    Err(Problem::bug("a change ends with its last attempt").into())
}

fn shown(caller: &Caller, identity: &Identity, metadata_admin: Show) -> Result<Done, Refused> {
    let url = caller.snapshot.schema_url(&identity.schema_id);
    Done::json(&IdentityView {
        identity,
        schema_url: Some(&url),
        addresses: true,
        metadata_admin,
        credentials: Some(Shown { types: &[], cipher: &caller.snapshot.cipher }),
    })
}

/// Somebody else has the identifier, the address or the external id.
pub(super) fn conflict(error: Error) -> Refused {
    match error {
        Error::Unique(_) => {
            Problem::Conflict("Another identity has the same identifier, address or external id.".to_owned()).into()
        }
        other => other.into(),
    }
}

pub(super) async fn made(engine: &Engine, cx: &Cx<'_>, body: body::Create) -> Result<Identity, Refused> {
    let schema_id = body.schema_id.filter(|id| !id.is_empty());
    let schema_id = schema_id.unwrap_or_else(|| cx.snapshot.identity.default_schema_id.clone());
    let mut identity = people::blank(cx.clock, cx.rng, schema_id);
    if let Some(state) = body.state.filter(|state| !state.is_empty()) {
        identity.state = state_of(&state)?;
    }
    identity.traits = body.traits;
    identity.metadata_public = body.metadata_public;
    identity.metadata_admin = body.metadata_admin;
    identity.external_id = body.external_id.filter(|id| !id.is_empty());
    identity.organization_id = body.organization_id;
    let derived = follow(cx, &mut identity)?;
    if let Some(credentials) = body.credentials {
        take_credentials(engine, cx, &mut identity, credentials).await?;
        people::apply(cx.clock, cx.rng, &mut identity, derived);
    }
    for given in body.verifiable_addresses.unwrap_or_default() {
        verify(&mut identity, cx.clock.now(), &Verified::of(&given));
    }
    are_keys(&identity)?;
    identity.available_aal = people::available_aal(engine, cx.snapshot, &identity);
    Ok(identity)
}

async fn update(app: &App, cx: &Cx<'_>, old: &Identity, body: &body::Update) -> Result<Identity, Refused> {
    let mut identity = old.clone();
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(schema_id) = given(&body.schema_id) {
        identity.schema_id = schema_id;
    }
    if let Some(state) = given(&body.state) {
        set_state(&mut identity, state_of(&state)?, cx.clock.now());
    }
    identity.traits = body.traits.clone();
    identity.metadata_public = body.metadata_public.clone();
    identity.metadata_admin = body.metadata_admin.clone();
    identity.external_id = given(&body.external_id);
    let derived = follow(cx, &mut identity)?;
    if let Some(credentials) = &body.credentials {
        take_credentials(&app.engine, cx, &mut identity, credentials.clone()).await?;
        people::apply(cx.clock, cx.rng, &mut identity, derived);
    }
    Ok(identity)
}

/// Some doors look at the content type.
pub(super) fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().map(str::trim) == Some("application/json") {
        return Ok(());
    }
    Err(Problem::bad("The content type must be application/json."))
}

fn update_body(headers: &HeaderMap, body: &[u8]) -> Result<body::Update, Problem> {
    if body.is_empty() {
        return Err(Problem::bad("The request has no body."));
    }
    must_be_json(headers)?;
    body::typed(input::json(body)?).map_err(Problem::bad)
}

/// What the patched document says. What stands in it beside this cannot be changed.
#[derive(Deserialize)]
struct Patched {
    schema_id: String,
    state: String,
    #[serde(default)]
    traits: Value,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    organization_id: Option<Uuid>,
    #[serde(default)]
    metadata_public: Value,
    #[serde(default)]
    metadata_admin: Value,
    #[serde(default)]
    verifiable_addresses: Vec<GivenAddress>,
    #[serde(default)]
    credentials: Map<String, Value>,
}

#[derive(Deserialize)]
struct PatchedCredential {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    identifiers: Vec<String>,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    version: i32,
}

fn patched(cx: &Cx<'_>, old: &Identity, body: &[u8]) -> Result<Identity, Refused> {
    let refused = |message: String| Refused::Worded { message, reason: Some("failed to apply JSON patch") };
    let view = IdentityView {
        identity: old,
        schema_url: None,
        addresses: true,
        metadata_admin: Show::Always,
        credentials: Some(Shown { types: &CredentialType::ALL, cipher: &cx.snapshot.cipher }),
    };
    let mut document = serde_json::to_value(&view).map_err(Problem::bug)?;
    json_patch::apply(body, &mut document).map_err(refused)?;
    let patched: Patched = body::typed(document).map_err(refused)?;
    let mut identity = old.clone();
    let now = cx.clock.now();
    let state = IdentityState::from_str(&patched.state).map_err(|()| {
        Problem::bad(format!(
            "The supplied state ('{}') was not valid. Valid states are ('active', 'inactive').",
            patched.state
        ))
    })?;
    set_state(&mut identity, state, now);
    identity.schema_id = patched.schema_id;
    identity.traits = patched.traits;
    identity.external_id = patched.external_id.filter(|id| !id.is_empty());
    identity.organization_id = patched.organization_id;
    identity.metadata_public = patched.metadata_public;
    identity.metadata_admin = patched.metadata_admin;
    identity.credentials = patched_credentials(cx, old, patched.credentials)?;
    follow(cx, &mut identity)?;
    for given in patched.verifiable_addresses {
        verify(&mut identity, now, &Verified::of(&given));
    }
    Ok(identity)
}

/// The credentials of a patched document: what was there keeps its id, what is new gets one.
fn patched_credentials(cx: &Cx<'_>, old: &Identity, patched: Map<String, Value>) -> Result<Vec<Credential>, Problem> {
    let now = cx.clock.now();
    let mut all = Vec::with_capacity(patched.len());
    for (key, value) in patched {
        let unusable = |what: &str| Problem::bad(format!("credentials.{key} {what}"));
        let kind = CredentialType::from_str(&key).map_err(|()| unusable("is of no known type"))?;
        let given: PatchedCredential =
            serde_json::from_value(value).map_err(|error| unusable(&format!("is not usable: {error}")))?;
        if given.kind != key {
            return Err(Problem::bad(format!("credentials.{key}.type must equal \"{key}\", got \"{}\"", given.kind)));
        }
        let mut credential = old.credential(kind).cloned().unwrap_or_else(|| Credential {
            id: CredentialId(cx.rng.uuid_v7(cx.clock)),
            kind,
            identifiers: Vec::new(),
            config: Value::Null,
            version: given.version,
            created_at: now,
            updated_at: now,
        });
        let is_kept = *cx.snapshot.cipher.shown(old.id, &credential) == given.config;
        if !is_kept || credential.identifiers != given.identifiers {
            if !is_kept {
                credential.config = cx.snapshot.cipher.seal(cx.rng, old.id, kind, given.config);
            }
            credential.identifiers = given.identifiers;
            credential.version = given.version;
            credential.updated_at = now;
        }
        all.push(credential);
    }
    all.sort_unstable_by_key(|credential| credential.kind.as_str());
    Ok(all)
}

fn state_of(text: &str) -> Result<IdentityState, Problem> {
    IdentityState::from_str(text).map_err(|()| Problem::bad("identity state is not valid"))
}

fn set_state(identity: &mut Identity, state: IdentityState, now: OffsetDateTime) {
    if identity.state != state {
        identity.state = state;
        identity.state_changed_at = Some(now);
    }
}

/// Lets everything follow from the traits: judged before anything dear is done with the rest of a request. Answers with
/// what follows, for credentials that come later.
fn follow(cx: &Cx<'_>, identity: &mut Identity) -> Result<Derived, Problem> {
    let id = identity.schema_id.as_str();
    let unknown = || Problem::bad(format!("Unable to find JSON Schema ID: {id}"));
    let schema = cx.snapshot.schemas.find(id).ok_or_else(unknown)?;
    if identity.traits.is_null() {
        identity.traits = Value::Object(Map::new());
    }
    let derived = schema.validate(&identity.traits).map_err(|violations| Problem::bad(violations.to_string()))?;
    schema.id().clone_into(&mut identity.schema_id);
    people::apply(cx.clock, cx.rng, identity, derived.clone());
    Ok(derived)
}

/// Whether what the person is found by, beside what the schema has judged, can stand in an index.
fn are_keys(identity: &Identity) -> Result<(), Problem> {
    let identifiers = identity.credentials.iter().flat_map(|credential| &credential.identifiers);
    let mut keys = identity.external_id.iter().chain(identifiers);
    keys.try_for_each(|key| storable::key(key))
        .map_err(|why| Problem::bad(format!("The external id or an identifier cannot be taken: {why}.")))
}

async fn take_credentials(
    engine: &Engine,
    cx: &Cx<'_>,
    identity: &mut Identity,
    given: Credentials,
) -> Result<(), Problem> {
    for (kind, config) in given.given() {
        let method = engine.methods.iter().find(|method| method.credential() == Some(kind));
        let method = method
            .ok_or_else(|| Problem::bad(format!("Credentials of type {} cannot be imported yet.", kind.as_str())))?;
        let config = method.import(cx, &config, identity).await?;
        people::set_credential(cx.clock, cx.rng, identity, kind, config);
    }
    Ok(())
}

/// What is brought along of the verification of an address.
struct Verified {
    via: Via,
    value: String,
    verified: bool,
    status: AddressStatus,
    at: Option<OffsetDateTime>,
}

impl Verified {
    fn of(given: &GivenAddress) -> Self {
        let status =
            given.status.unwrap_or(if given.verified { AddressStatus::Completed } else { AddressStatus::Pending });
        Self {
            via: given.via,
            value: given.value.to_lowercase(),
            verified: given.verified,
            status,
            at: given.verified_at,
        }
    }
}

/// Marks the address, if the schema found it in the traits; others have no place.
fn verify(identity: &mut Identity, now: OffsetDateTime, given: &Verified) {
    let known = |via, value: &str| via == given.via && value == given.value;
    if let Some(address) = identity.verifiable_addresses.iter_mut().find(|own| known(own.via, &own.value)) {
        address.verified = given.verified;
        address.status = given.status;
        address.verified_at = given.verified.then(|| given.at.unwrap_or(now));
    }
}
