//! What the audit log is told: the one place where an event is made and put into a batch. It always goes into the batch of
//! what it tells of, so that there is neither without the other.

use crate::{budgets::Bill, plug::Cx};
use serde_json::{Map, Value, json};
use zelos_core::{
    audit::{Event, EventKind},
    flow::{self, Flow},
    id::{EventId, IdentityId, SessionId},
    identity::{Credential, Identity},
    session::Session,
};
use zelos_store::{Batch, audit};

/// Who made a request, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Actor {
    /// Somebody who speaks for themselves.
    #[default]
    Oneself,
    /// An administrator, with the name of the token they showed, if they had to show one.
    Admin(Option<String>),
}

impl Actor {
    fn name(&self) -> String {
        match self {
            Self::Oneself => "self".to_owned(),
            Self::Admin(None) => "admin".to_owned(),
            Self::Admin(Some(token)) => format!("admin:{token}"),
        }
    }
}

/// Something that happened: what is not known from the request.
#[derive(Debug, Clone)]
pub struct Happened<'a> {
    kind: EventKind,
    identity: Option<IdentityId>,
    session: Option<SessionId>,
    method: &'a str,
    details: Value,
}

impl<'a> Happened<'a> {
    /// To nobody's account in particular.
    pub fn new(kind: EventKind) -> Self {
        Self { kind, identity: None, session: None, method: "", details: Value::Object(Map::new()) }
    }

    /// That all sessions of somebody were ended but the one at hand.
    pub fn others_revoked(identity: IdentityId) -> Self {
        Self::new(EventKind::SessionRevoked).to(identity).with(json!({ "sessions": "others" }))
    }

    /// To that account.
    #[must_use]
    pub fn to(self, identity: IdentityId) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// To that session, or with it.
    #[must_use]
    pub fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// By that method.
    #[must_use]
    pub fn by(self, method: &'a str) -> Self {
        Self { method, ..self }
    }

    /// With more about it: an object without secrets, and without what somebody typed.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

/// Writes down what happens with the batch, if the log is on.
pub fn record<'a>(cx: &Cx<'_>, batch: &mut Batch, happened: impl IntoIterator<Item = Happened<'a>>) {
    if !cx.snapshot.audit.enabled {
        return;
    }
    let events: Vec<Event> = happened
        .into_iter()
        .map(|happened| Event {
            id: EventId(cx.rng.uuid_v7(cx.clock)),
            time: cx.clock.now(),
            kind: happened.kind,
            identity_id: happened.identity,
            session_id: happened.session,
            actor: cx.request.actor.name(),
            ip_address: cx.request.ip().map(|ip| ip.to_string()).unwrap_or_default(),
            user_agent: cx.request.user_agent.chars().take(512).collect(),
            method: happened.method.to_owned(),
            details: happened.details,
        })
        .collect();
    audit::insert(batch, &events);
}

/// Writes down that a flow has done what it is for: with the session that began or went on, and with what has changed of
/// a person who was like `old`.
pub(crate) fn done(
    cx: &Cx<'_>,
    batch: &mut Batch,
    flow: &Flow,
    (old, identity): (Option<&Identity>, &Identity),
    session: Option<&Session>,
) {
    let kind = match flow.kind() {
        flow::Kind::Login => EventKind::LoginSucceeded,
        flow::Kind::Registration => EventKind::RegistrationSucceeded,
        flow::Kind::Settings => EventKind::SettingsSucceeded,
        flow::Kind::Recovery => EventKind::RecoverySucceeded,
        flow::Kind::Verification => EventKind::VerificationSucceeded,
    };
    let mut details = old.map_or_else(|| json!({}), |old| changes(old, identity));
    if let Some(session) = session {
        details["aal"] = session.aal.as_str().into();
    }
    let mut happened = Happened::new(kind).to(identity.id).by(flow.active.as_deref().unwrap_or_default()).with(details);
    happened.session = session.map(|session| session.id);
    record(cx, batch, [happened]);
}

/// Writes down that a submission was refused because something was tried too often; nobody has a secret to guess in a
/// registration.
pub(crate) fn refused(cx: &Cx<'_>, batch: &mut Batch, flow: &Flow, bill: &Bill, budget: &str) {
    let kind = match flow.kind() {
        flow::Kind::Login | flow::Kind::Registration => EventKind::LoginFailed,
        flow::Kind::Settings => EventKind::SettingsFailed,
        flow::Kind::Recovery => EventKind::RecoveryFailed,
        flow::Kind::Verification => EventKind::VerificationFailed,
    };
    let mut happened = Happened::new(kind).by(bill.method).with(json!({ "budget": budget }));
    happened.identity = bill.person;
    record(cx, batch, [happened]);
}

/// In what a person differs from what they were: the types of their credentials, and the names of all else.
pub fn changes(old: &Identity, new: &Identity) -> Value {
    let mut credentials: Vec<&str> = [(old, new), (new, old)]
        .iter()
        .flat_map(|(one, other)| {
            let differs = |credential: &&Credential| {
                other.credential(credential.kind).is_none_or(|known| {
                    known.config != credential.config || known.identifiers != credential.identifiers
                })
            };
            one.credentials.iter().filter(differs).map(|credential| credential.kind.as_str())
        })
        .collect();
    credentials.sort_unstable();
    credentials.dedup();
    let mut changed = Vec::new();
    for (name, differs) in [
        ("traits", old.traits != new.traits),
        ("state", old.state != new.state),
        ("schema_id", old.schema_id != new.schema_id),
        ("external_id", old.external_id != new.external_id),
        ("metadata_public", old.metadata_public != new.metadata_public),
        ("metadata_admin", old.metadata_admin != new.metadata_admin),
        ("verifiable_addresses", old.verifiable_addresses != new.verifiable_addresses),
    ] {
        if differs {
            changed.push(name);
        }
    }
    json!({ "credentials": credentials, "changed": changed })
}
