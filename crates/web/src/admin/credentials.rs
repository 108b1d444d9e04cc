//! Taking a credential away from somebody: only those that an operator is asked to reset, and never the last way in.

use super::{
    Refused,
    answer::{self, Done},
    change::{self, Change},
    query,
};
use crate::{app::App, caller::Caller};
use axum::{
    extract::{Path, State},
    response::Response,
};
use serde_json::{Value, json};
use std::{str::FromStr, sync::Arc};
use zelos_core::{
    identity::{CredentialType, Identity},
    problem::Problem,
};
use zelos_flow::{Cx, identities as people};

/// `DELETE /admin/identities/{id}/credentials/{type}`
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, kind)): Path<(String, String)>,
) -> Response {
    let done = async {
        let query = caller.query();
        change::change(&app, &caller, &id, Change::Without(&kind, query::value(&query, "identifier"))).await?;
        Ok(Done::nothing())
    };
    answer::give(&caller, done.await)
}

/// The identity without that credential.
pub(super) fn without(
    app: &App,
    cx: &Cx<'_>,
    old: &Identity,
    word: &str,
    identifier: Option<&str>,
) -> Result<Identity, Refused> {
    let kind = CredentialType::from_str(word).ok().filter(|kind| old.credential(*kind).is_some());
    let kind = kind.ok_or_else(|| Problem::NotFound(format!("The identity has no credential of type {word}.")))?;
    let mut identity = old.clone();
    match kind {
        CredentialType::Totp | CredentialType::LookupSecret => {
            identity.credentials.retain(|credential| credential.kind != kind);
        }
        CredentialType::Webauthn => without_second_factors(cx, &mut identity),
        CredentialType::Password => {
            is_not_the_last(app, cx, old)?;
            // Quirk: the password goes, but the credential with its identifiers stays (identity/handler.go).
            people::set_credential(cx.clock, cx.rng, &mut identity, kind, json!({}));
        }
        CredentialType::Oidc | CredentialType::Saml => {
            is_not_the_last(app, cx, old)?;
            without_login(cx, &mut identity, kind, identifier)?;
        }
        _ => return Err(Problem::bad(format!("Credentials of type {word} cannot be deleted.")).into()),
    }
    Ok(identity)
}

fn is_not_the_last(app: &App, cx: &Cx<'_>, old: &Identity) -> Result<(), Problem> {
    if people::strength(&app.engine, cx.snapshot, old).first < 2 {
        return Err(Problem::bad("You cannot remove the last first factor credential."));
    }
    Ok(())
}

/// The login at a provider that is known by `provider:subject` goes; the credential stays, also without any.
fn without_login(
    cx: &Cx<'_>,
    identity: &mut Identity,
    kind: CredentialType,
    identifier: Option<&str>,
) -> Result<(), Problem> {
    let identifier =
        identifier.ok_or_else(|| Problem::bad("You must provide an identifier to delete this credential."))?;
    let Some(credential) = identity.credentials.iter_mut().find(|credential| credential.kind == kind) else {
        return Ok(());
    };
    let is_it = |login: &Value| {
        let [provider, subject] = ["provider", "subject"].map(|name| login[name].as_str().unwrap_or_default());
        identifier.strip_prefix(provider).and_then(|rest| rest.strip_prefix(':')) == Some(subject)
    };
    let before = credential.config["providers"].as_array().map_or(0, Vec::len);
    if let Some(logins) = credential.config["providers"].as_array_mut() {
        logins.retain(|login| !is_it(login));
    }
    if credential.config["providers"].as_array().map_or(0, Vec::len) == before {
        let reason = format!("The identifier `{identifier}` was not found among OIDC credentials.");
        return Err(Problem::NotFound(reason));
    }
    credential.identifiers.retain(|known| known != identifier);
    credential.updated_at = cx.clock.now();
    Ok(())
}

/// Security keys by which the person signs in without a password stay: the others are what an operator resets.
fn without_second_factors(cx: &Cx<'_>, identity: &mut Identity) {
    let Some(mut config) = identity.credential(CredentialType::Webauthn).map(|known| known.config.clone()) else {
        return;
    };
    let keys = config["credentials"].as_array_mut();
    let left = keys.map_or(0, |keys| {
        keys.retain(|key| key["is_passwordless"] == Value::Bool(true));
        keys.len()
    });
    if left == 0 {
        identity.credentials.retain(|credential| credential.kind != CredentialType::Webauthn);
    } else {
        people::set_credential(cx.clock, cx.rng, identity, CredentialType::Webauthn, config);
    }
}
