//! A change of settings that has to wait for a fresh proof: what was sent is put away with the flow, sealed, and taken
//! up again when the browser comes back from the login (Kratos calls it continuity). It resumes only in the browser and
//! the session in which it was sent, for a quarter of an hour, and once.

use crate::{csrf, input::Input, plug::Cx};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use zelos_core::{flow::Flow, id::SessionId, schema::Fields};

/// Memory: what was put away.
const PAUSED: &str = "paused";
/// So long it can be taken up again.
const KEPT: Duration = Duration::minutes(15);

/// Puts a submission away. Passwords may be in it: it is sealed.
pub(crate) fn keep(cx: &Cx<'_>, flow: &mut Flow, input: &Input) {
    let (Some(current), Some(secret)) = (cx.session, &cx.request.csrf) else { return };
    let paused = json!({
        "session": current.session.id,
        "csrf": csrf::fingerprint(secret),
        "until": (cx.clock.now() + KEPT).unix_timestamp(),
        "input": input.fields(),
    });
    flow.memory.set(PAUSED, cx.snapshot.keys.seal(cx.rng, &purpose(flow), paused.to_string().as_bytes()));
}

/// Takes up what was put away, if whoever comes back is who went. Nothing stays.
pub(crate) fn take(cx: &Cx<'_>, flow: &mut Flow) -> Option<Input> {
    let sealed = flow.memory.text(PAUSED)?.to_owned();
    flow.memory.remove(PAUSED);
    let opened = cx.snapshot.keys.open(&purpose(flow), &sealed)?;
    let mut paused: Value = serde_json::from_slice(&opened).ok()?;
    let session: SessionId = serde_json::from_value(paused["session"].take()).ok()?;
    let until = OffsetDateTime::from_unix_timestamp(paused["until"].as_i64()?).ok()?;
    let is_same_browser = paused["csrf"].as_str() == cx.request.csrf.as_ref().map(csrf::fingerprint).as_deref();
    let is_same_session = cx.session.is_some_and(|current| current.session.id == session);
    let fields: Fields = serde_json::from_value(paused["input"].take()).ok()?;
    (is_same_browser && is_same_session && until > cx.clock.now()).then(|| fields.into())
}

fn purpose(flow: &Flow) -> String {
    format!("paused settings {}", flow.id)
}
