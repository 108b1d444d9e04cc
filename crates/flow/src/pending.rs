//! A change of traits that waits until the new address is proven. It is kept in the memory of the verification that
//! asks for the proof, and made when the proof comes – if the session that asked still holds, and the person is still
//! as they were.

use crate::{
    identities,
    plug::Cx,
    proofs::{self, Sent},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use zelos_core::{
    flow::Flow,
    id::{IdentityId, SessionId},
    identity::{AddressStatus, Identity, Via},
    problem::{Problem, Result},
};
use zelos_store::{identities as rows, sessions};

/// Memory: the change that waits.
const PENDING: &str = "pending_traits";

/// The change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) identity: IdentityId,
    /// The method by which it was asked for: its hooks run when the change is made.
    pub(crate) method: String,
    /// The session in which it was asked for.
    pub(crate) session: SessionId,
    /// The address that has to be proven first.
    pub(crate) via: Via,
    pub(crate) value: String,
    /// The traits as they shall be.
    pub(crate) traits: Value,
    /// What the traits were, as a hash: whoever changed them since wins.
    pub(crate) before: String,
}

/// The change that waits for this verification, if one does.
pub(crate) fn of(flow: &Flow) -> Result<Option<Pending>> {
    let Some(pending) = flow.memory.get(PENDING) else { return Ok(None) };
    serde_json::from_value(pending.clone()).map(Some).map_err(|error| Problem::Bug(error.into()))
}

/// Lets the change wait for that verification.
pub(crate) fn keep(flow: &mut Flow, pending: &Pending) -> Result<()> {
    flow.memory.set(PENDING, serde_json::to_value(pending).map_err(|error| Problem::Bug(error.into()))?);
    Ok(())
}

/// A hash by which traits are known again.
pub(crate) fn fingerprint(traits: &Value) -> String {
    STANDARD_NO_PAD.encode(Sha256::digest(traits.to_string()))
}

/// The person before and after the change, if it may still be made.
pub(crate) async fn apply(cx: &Cx<'_>, flow: &Flow, sent: &Sent) -> Result<Option<(Identity, Identity)>> {
    let Some(pending) = of(flow)?.filter(|pending| pending.value == sent.value && pending.via == sent.via) else {
        return Ok(None);
    };
    let session = sessions::find(cx.store, pending.session).await?;
    let timeout = cx.snapshot.session.idle_timeout;
    let holds = session.is_some_and(|(session, person)| session.is_active(cx.clock.now(), person.state, timeout));
    let Some(from) = rows::find_with_credentials(cx.store, pending.identity).await?.filter(|_| holds) else {
        return Ok(None);
    };
    let Some(schema) = cx.snapshot.schemas.find(&from.schema_id) else { return Ok(None) };
    let Ok(derived) = schema.check(&pending.traits) else { return Ok(None) };
    if fingerprint(&from.traits) != pending.before {
        return Ok(None);
    }
    let mut to = from.clone();
    identities::apply(cx.clock, cx.rng, &mut to, derived);
    proofs::mark(&mut to, sent.via, &sent.value, AddressStatus::Completed, cx.clock.now());
    Ok(Some((from, to)))
}
