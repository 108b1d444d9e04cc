//! Who is signed in: the look-up that stands before most requests, and the session that begins or goes on with a proof.

use crate::{
    engine::Engine,
    gate,
    plug::{Current, Cx, Request},
};
use zelos_core::{
    config::GoDuration,
    id::{DeviceId, SessionId},
    identity::Identity,
    problem::{NoSession, Problem, Result},
    session::{AuthenticationMethod, Person, Session, SessionToken, aal},
};
use zelos_store::{Batch, sessions};

/// Whoever the request's token stands for, if the session holds. One statement; none without a token.
pub async fn find(cx: &Cx<'_>) -> Result<Option<Current>> {
    let Some(token) = &cx.request.token else { return Ok(None) };
    let found = sessions::find_by_token(cx.store, token).await?;
    let (now, timeout) = (cx.clock.now(), cx.snapshot.session.idle_timeout);
    let holds = |(session, person): &(Session, Person)| session.is_active(now, person.state, timeout);
    let Some((mut session, person)) = found.filter(holds) else { return Ok(None) };
    if let Some(timeout) = timeout {
        record_use(cx, &mut session, timeout).await;
    }
    Ok(Some(Current { session, person, token: token.clone() }))
}

/// Into how many parts an idle timeout is divided: a session's use is written once in each.
const USES_IN_TIMEOUT: u32 = 10;

/// Writes down that the session is used, if that was not done lately. A failure is no reason to refuse the request.
async fn record_use(cx: &Cx<'_>, session: &mut Session, timeout: GoDuration) {
    let now = cx.clock.now();
    if session.updated_at + *timeout / USES_IN_TIMEOUT > now {
        return;
    }
    let mut batch = Batch::new();
    sessions::touch(&mut batch, session.id, now);
    match cx.store.commit(batch).await {
        Ok(_) => session.updated_at = now,
        Err(error) => tracing::warn!(%error, "the last use of a session was not recorded"),
    }
}

impl Engine {
    /// Whoever is signed in, however weakly.
    pub async fn authenticate(&self, request: &Request) -> Result<Option<Current>> {
        let snapshot = self.snapshot();
        find(&self.cx(&snapshot, request)).await
    }

    /// Whoever is signed in, strongly enough for `/sessions/whoami`.
    pub async fn whoami(&self, request: &Request) -> Result<Current> {
        let snapshot = self.snapshot();
        let cx = self.cx(&snapshot, request);
        let current = find(&cx).await?.ok_or(Problem::NoSession(NoSession::WithoutId))?;
        gate::whoami_aal(&cx, &current)?;
        Ok(current)
    }
}

/// A new session of a person, with its token. Nothing is stored yet.
pub fn begin(cx: &Cx<'_>, identity: &Identity, by: AuthenticationMethod) -> (Session, SessionToken) {
    let now = cx.clock.now();
    let methods = vec![AuthenticationMethod { completed_at: now, ..by }];
    let session = Session {
        id: SessionId(cx.rng.uuid_v7(cx.clock)),
        identity_id: identity.id,
        active: true,
        issued_at: now,
        authenticated_at: now,
        expires_at: now + *cx.snapshot.session.lifespan,
        aal: aal::of(&methods, cx.snapshot.security.assurance.distinct_channels),
        methods,
        devices: vec![cx.request.device(DeviceId(cx.rng.uuid_v7(cx.clock)))],
        created_at: now,
        updated_at: now,
    };
    (session, SessionToken::generate(cx.rng))
}

/// The present session with one authentication more: same id, and same token unless tokens are rotated when the assurance
/// level rises and the caller's kind of client learns of the new one.
pub fn go_on(cx: &Cx<'_>, current: &Current, by: AuthenticationMethod, tells_token: bool) -> (Session, SessionToken) {
    let now = cx.clock.now();
    let mut session = current.session.clone();
    let by = AuthenticationMethod { completed_at: now, ..by };
    session.prove(by, cx.snapshot.security.assurance.distinct_channels);
    session.expires_at = now + *cx.snapshot.session.lifespan;
    let rotates = cx.snapshot.session.rotate_token_on_step_up && tells_token && session.aal > current.session.aal;
    let token = if rotates { SessionToken::generate(cx.rng) } else { current.token.clone() };
    (session, token)
}

/// Stores a session that goes on, with its new token if it has one. Guarded by the identity's version where that is given:
/// where the batch changes the identity, its own guard serves.
pub(crate) fn store_continued(
    batch: &mut Batch,
    current: &Current,
    session: &Session,
    (token, unchanged): (&SessionToken, Option<i64>),
) {
    match unchanged {
        Some(version) => sessions::update_unless_changed(batch, session, version),
        None => sessions::update(batch, session),
    }
    if token.hash() != current.token.hash() {
        sessions::replace_token(batch, session.id, token);
    }
}

/// The person of an identity, as sessions show it.
pub fn person(identity: &Identity) -> Person {
    Person {
        id: identity.id,
        schema_id: identity.schema_id.clone(),
        state: identity.state,
        available_aal: identity.available_aal,
        document: zelos_core::identity::json::document(identity),
    }
}
