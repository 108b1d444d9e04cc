//! Logging out. It stores no flow: a browser gets an address with a token that only its own session could have got,
//! so that no other site can sign it out; a native app shows its session token.

use crate::{
    audit::{self, Happened},
    engine::Engine,
    gate,
    plug::{Current, Request},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zelos_core::{
    audit::EventKind,
    id::SessionId,
    problem::{NoSession, Problem, Result},
    session::{Session, SessionToken},
    snapshot::{Snapshot, with_query},
};
use zelos_store::{Batch, sessions};

/// What a browser needs to sign out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    pub url: String,
    pub token: String,
}

const PURPOSE: &str = "logout";
const PREFIX: &str = "ory_lo_";

impl Engine {
    /// The address at which the caller's session can be ended.
    pub async fn logout_url(&self, request: &Request, return_to: Option<&str>) -> Result<Logout> {
        let snapshot = self.snapshot();
        let return_to = gate::return_to(&snapshot, return_to)?;
        let current = self.signed_in(request).await?;
        let token = token(&snapshot, current.session.id)?;
        let mut query = vec![("token", token.as_str())];
        query.extend(return_to.as_deref().map(|to| ("return_to", to)));
        let url = with_query(&snapshot.public_path("self-service/logout"), &query);
        Ok(Logout { url, token })
    }

    /// Ends the caller's session; answers where the browser goes.
    ///
    /// Quirk: the session is ended before `return_to` is judged, so a forbidden one still signs out (Kratos
    /// selfservice/flow/logout/handler.go).
    pub async fn logout(&self, request: &Request, given: Option<&str>, return_to: Option<&str>) -> Result<String> {
        let snapshot = self.snapshot();
        let given = given.filter(|token| !token.is_empty());
        let given = given.ok_or_else(|| Problem::bad("The query parameter token is missing."))?;
        let current = self.signed_in(request).await?;
        if !is_token(&snapshot, current.session.id, given) {
            return Err(Problem::Forbidden {
                id: None,
                reason: "The logout token does not belong to this session.".to_owned(),
            });
        }
        self.end(request, &current.session).await?;
        let to = gate::return_to(&snapshot, return_to)?;
        let after = snapshot.selfservice.flows.logout.after.default_browser_return_url.as_ref();
        let default = || after.map_or_else(|| snapshot.returns.default_url().to_string(), ToString::to_string);
        Ok(to.unwrap_or_else(default))
    }

    /// Ends the session of a native app. A session that has ended already is no error.
    pub async fn logout_native(&self, request: &Request, token: &str) -> Result<()> {
        let found = sessions::find_by_token(&self.store, &SessionToken::received(token)).await?;
        let Some((session, _)) = found else {
            return Err(Problem::Forbidden { id: None, reason: "There is no session with this token.".to_owned() });
        };
        self.end(request, &session).await
    }

    async fn end(&self, request: &Request, session: &Session) -> Result<()> {
        let snapshot = self.snapshot();
        let mut batch = Batch::new();
        sessions::revoke(&mut batch, session.id, self.clock.now());
        let ended = Happened::new(EventKind::SessionRevoked).to(session.identity_id).in_session(session.id);
        audit::record(&self.cx(&snapshot, request), &mut batch, [ended]);
        self.store.commit(batch).await?;
        Ok(())
    }

    async fn signed_in(&self, request: &Request) -> Result<Current> {
        self.authenticate(request).await?.ok_or(Problem::NoSession(NoSession::Plain))
    }
}

/// Derived from the session, not stored: 32 symbols of a tag under the cookie secret.
fn token(snapshot: &Snapshot, session: SessionId) -> Result<String> {
    let tag = snapshot.keys.mac(PURPOSE, session.0.as_bytes());
    let tag = tag.ok_or_else(|| Problem::bug("there is no secret to derive a logout token from"))?;
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(tag)))
}

fn is_token(snapshot: &Snapshot, session: SessionId, given: &str) -> bool {
    let tag = given.strip_prefix(PREFIX).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    tag.is_some_and(|tag| snapshot.keys.verify_mac(PURPOSE, session.0.as_bytes(), &tag))
}
