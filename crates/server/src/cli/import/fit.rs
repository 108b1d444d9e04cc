//! What becomes of somebody who was stored elsewhere: their secrets are sealed as they are here, and it is told what they
//! cannot be used for.

use super::report::Report;
use serde_json::json;
use std::{fmt::Display, sync::Arc};
use zelos_core::identity::{Credential, CredentialType, Identity};
use zelos_flow::{Compiled, Engine, Request, identities as people};
use zelos_store::{Error, identities};

/// Whoever judges it.
pub(super) struct Fit {
    pub(super) engine: Arc<Engine>,
    pub(super) snapshot: Arc<Compiled>,
    request: Request,
}

impl Fit {
    pub(super) fn new(engine: Arc<Engine>) -> Self {
        Self { snapshot: engine.snapshot(), engine, request: Request::default() }
    }

    /// The person as they are stored here: secrets sealed, found by the traits that our schemas index, and the assurance as
    /// our methods see it.
    pub(super) async fn fitted(&self, report: &mut Report, who: impl Display, identity: &mut Identity) {
        let schema = self.snapshot.schemas.find(&identity.schema_id);
        if schema.is_none() {
            report.say(&who, &format!("the schema `{}` is not configured", identity.schema_id));
        }
        identity.indexed = Some(schema.map(|schema| schema.index_keys(&identity.traits)).unwrap_or_default());
        for credential in &identity.credentials {
            if let Some(note) = self.unusable(identity, credential).await {
                report.say(&who, &note);
            }
        }
        identity.seal_credentials(&self.snapshot.cipher, &*self.engine.rng);
        identity.available_aal = people::available_aal(&self.engine, &self.snapshot, identity);
    }

    /// Why nobody could sign in with a credential, although it comes over.
    async fn unusable(&self, identity: &Identity, credential: &Credential) -> Option<String> {
        let kind = credential.kind.as_str();
        if credential.config.as_object().is_none_or(serde_json::Map::is_empty) {
            return None;
        }
        let method = self.engine.methods.iter().find(|method| method.credential() == Some(credential.kind));
        let Some(method) = method else {
            return Some(format!("comes over, but nobody can sign in with credentials of type {kind}"));
        };
        let hook = &self.snapshot.selfservice.methods.password.config.migrate_hook;
        if credential.config["use_password_migration_hook"] == true && !hook.enabled {
            return Some(format!("comes over, but not to sign in with ({kind}): the migration hook is not configured"));
        }
        let config = match (credential.kind, credential.config["hashed_password"].as_str()) {
            (CredentialType::Password, Some(hash)) if !hash.is_empty() => json!({ "hashed_password": hash }),
            (CredentialType::Password | CredentialType::Totp, _) => credential.config.clone(),
            _ => return None,
        };
        let cx = self.engine.cx(&self.snapshot, &self.request);
        let judged = method.import(&cx, &config, identity).await;
        judged.err().map(|problem| format!("comes over, but not to sign in with ({kind}): {problem}"))
    }

    /// The person whom the body of a create describes.
    pub(super) async fn made(&self, body: &[u8]) -> Result<Identity, String> {
        zelos_web::made(&self.engine, &self.engine.cx(&self.snapshot, &self.request), body).await
    }
}

/// Why the database did not take somebody.
pub(super) fn refused(error: &Error) -> String {
    match error {
        Error::Unique(constraint) => match constraint.as_str() {
            identities::IDENTIFIER => "somebody else here signs in with the same identifier".into(),
            identities::EXTERNAL_ID => "somebody else here has the same external id".into(),
            identities::VERIFIABLE_ADDRESS | identities::RECOVERY_ADDRESS => {
                "somebody else here has the same address".into()
            }
            other => format!("it is here already ({other})"),
        },
        other => other.to_string(),
    }
}
