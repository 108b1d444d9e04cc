//! Who is signed in: the look-up that stands before most requests, and the session that begins or goes on with a proof.

use crate::{
    engine::Engine,
    gate,
    plug::{Current, Cx, Request},
};
use zelos_core::{
    id::{DeviceId, SessionId},
    identity::Identity,
    problem::{NoSession, Problem, Result},
    session::{AuthenticationMethod, Person, Session, SessionToken, aal},
};
use zelos_store::sessions;

/// Whoever the request's token stands for, if the session holds. One statement; none without a token.
pub async fn find(cx: &Cx<'_>) -> Result<Option<Current>> {
    let Some(token) = &cx.request.token else { return Ok(None) };
    let found = sessions::find_by_token(cx.store, token).await?;
    let now = cx.clock.now();
    Ok(found.filter(|(session, person)| session.is_active(now, person.state)).map(|(session, person)| Current {
        session,
        person,
        token: token.clone(),
    }))
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

/// The present session with one proof more: same id, same token, fresh again.
pub fn go_on(cx: &Cx<'_>, current: &Current, by: AuthenticationMethod) -> (Session, SessionToken) {
    let now = cx.clock.now();
    let mut session = current.session.clone();
    let by = AuthenticationMethod { completed_at: now, ..by };
    session.prove(by, cx.snapshot.security.assurance.distinct_channels);
    session.expires_at = now + *cx.snapshot.session.lifespan;
    (session, current.token.clone())
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
