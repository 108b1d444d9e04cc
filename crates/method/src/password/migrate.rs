//! Passwords that are still elsewhere: of people who came without a hash, since their former system does not give it away.
//! It is asked, once, whether the password is right, and from then on the hash is ours.
//!
//! The hash is made while the other server thinks: then a wrong password takes as long as it does for whoever does not
//! exist, unless that server is slower than a hash.

use super::{Password, hash_of};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use zelos_core::{
    flow::{Flow, json::FlowView},
    identity::{
        Credential, Identity,
        json::{IdentityView, Show},
    },
    outbound::OutboundRequest,
    problem::{Problem, Result},
};
use zelos_flow::{Cx, Input};

/// What marks a credential, in its `config`.
pub(super) const FLAG: &str = "use_password_migration_hook";

/// Until the whole answer is there, repetitions included.
const PATIENCE: Duration = Duration::from_secs(10);

/// As often as the original.
const RETRIES: u32 = 2;

/// Of an answer, in bytes.
const MOST_ANSWER: usize = 64 << 10;

/// Whether the password has no hash here, and another server is to be asked.
pub(super) fn is_elsewhere(credential: &Credential) -> bool {
    hash_of(credential).is_none() && credential.config.get(FLAG).and_then(Value::as_bool).unwrap_or_default()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Verdict {
    status: String,
}

impl Password {
    /// The credential with a hash of its own, if the other server says that the password is right.
    pub(super) async fn migrate(
        &self,
        cx: &Cx<'_>,
        flow: &Flow,
        (identity, credential): (&Identity, &Credential),
        input: &Input,
    ) -> Result<Option<Credential>> {
        let password = input.text("password").unwrap_or_default();
        // Such a password could not be kept, so it is not asked for: it is as wrong as it will be from then on.
        if self.hasher(cx.snapshot).max_length().is_some_and(|most| password.len() > most) {
            return self.compare(cx, None, password).await;
        }
        let (is_right, config) = tokio::join!(ask(cx, flow, identity, input), self.hashed(cx, password));
        // What the hash runs into is said first, as it is to whoever does not exist.
        let config = config?;
        Ok(is_right?.then(|| Credential { config, updated_at: cx.clock.now(), ..credential.clone() }))
    }
}

async fn ask(cx: &Cx<'_>, flow: &Flow, identity: &Identity, input: &Input) -> Result<bool> {
    let call = cx.snapshot.password_migration.as_ref().ok_or_else(|| {
        Problem::Misconfigured("The password is elsewhere, but the hook that asks for it is not enabled.".to_owned())
    })?;
    let request = call.request(cx.outbound, || own_body(input), || context(cx, flow, identity, input)).await;
    let request = request.map_err(|error| {
        if error.is_not_fetched() {
            tracing::warn!(%error, "password migration failed");
            return Problem::Upstream("This password cannot be checked at the moment.".to_owned());
        }
        tracing::error!(place = error.place(), "the body for the password migration cannot be made");
        Problem::Misconfigured("The body for the password migration cannot be made.".to_owned())
    })?;
    let request = OutboundRequest { timeout: PATIENCE, max_body: MOST_ANSWER, retries: RETRIES, ..request };
    let answer = cx.outbound.send(request).await.map_err(|error| {
        // What it runs into is the operator's business: it may name machines within.
        tracing::warn!(%error, "the server that knows the password cannot be reached");
        Problem::Upstream("The server that knows this password cannot be reached at the moment.".to_owned())
    })?;
    match answer.status {
        StatusCode::OK => {
            let verdict: Verdict = serde_json::from_slice(&answer.body).unwrap_or_default();
            Ok(verdict.status == "password_match")
        }
        StatusCode::FORBIDDEN => Ok(false),
        status => {
            tracing::warn!(%status, "the server that knows the password answered with an unexpected status");
            Err(Problem::Upstream("The server that knows this password gave no usable answer.".to_owned()))
        }
    }
}

fn own_body(input: &Input) -> Value {
    json!({ "identifier": identifier(input), "password": input.text("password") })
}

/// What the operator's snippet is given. Cookies are not among it: whoever reads them could go on as the visitor.
fn context(cx: &Cx<'_>, flow: &Flow, identity: &Identity, input: &Input) -> Value {
    let schema_url = cx.snapshot.schema_url(&identity.schema_id);
    let person = IdentityView {
        identity,
        schema_url: Some(&schema_url),
        addresses: true,
        metadata_admin: Show::Never,
        credentials: None,
    };
    json!({
        "flow": FlowView { flow, identity: None },
        "request_headers": cx.request.headers,
        "request_method": "POST",
        "request_url": cx.request.url,
        "request_cookies": {},
        "identity": person,
        "identifier": identifier(input),
        "password": input.text("password"),
    })
}

/// As it was typed.
fn identifier(input: &Input) -> Option<&str> {
    input.text("identifier").or_else(|| input.text("password_identifier"))
}
