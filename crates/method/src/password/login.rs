//! Signing in with a password: the identifier and the stored hash are one look-up, whatever follows takes as long for
//! a person who does not exist.

use super::{Password, hash_of, is_elsewhere, pool::PoolError, problem, proof};
use serde_json::Value;
use zelos_core::{
    flow::Flow,
    identity::{Credential, CredentialType, Identity, normalize},
    problem::{Problem, Result},
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{Cx, Input, Step, draw};
use zelos_store::identities;

impl Password {
    pub(super) async fn login(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<Step> {
        let missing = || Problem::field("identifier", catalog::property_missing("identifier"));
        let identifier = input.text("identifier").or_else(|| input.text("password_identifier")).ok_or_else(missing)?;
        let password = input.text("password").unwrap_or_default();
        let identifier = normalize::identifier(identifier);
        let found = identities::find_by_identifier(cx.store, CredentialType::Password, &identifier).await?;
        let kept = match &found {
            Some((identity, credential)) if is_elsewhere(credential) => {
                self.migrate(cx, flow, (identity, credential), input).await?
            }
            _ => self.compare(cx, found.as_ref(), password).await?,
        };
        match (found, kept) {
            (Some((identity, credential)), Some(kept)) => {
                let with = |credential| Box::new(Identity { credentials: vec![credential], ..identity.clone() });
                Ok(Step::Prove { from: with(credential), to: with(kept), by: proof(cx) })
            }
            _ => Err(Problem::form(catalog::wrong_credentials())),
        }
    }

    /// The credential as it is to be kept, if the password is that of its hash.
    ///
    /// Whoever does not exist costs the work of a hash of today's. A wrong password for a hash of another kind costs it
    /// on top, as a right one does: many of those kinds take no time at all, by which their owners could be told.
    pub(super) async fn compare(
        &self,
        cx: &Cx<'_>,
        found: Option<&(Identity, Credential)>,
        password: &str,
    ) -> Result<Option<Credential>> {
        let hasher = self.hasher(cx.snapshot);
        let known = found.and_then(|(identity, credential)| Some((identity, credential, hash_of(credential)?)));
        if let Some((identity, credential, hash)) = known {
            match self.pool.verify(password, hash).await {
                Ok(true) => return Ok(Some(self.upgrade(cx, credential, password).await)),
                Ok(false) if hasher.understands(hash) => return Ok(None),
                Ok(false) => {}
                // Nothing is right for such a hash, and nobody is to learn that the person exists by it.
                Err(PoolError::Hash(error)) => {
                    tracing::error!(identity = %identity.id, %error, "a stored password hash cannot be used");
                }
                Err(error) => return Err(problem(error)),
            }
        }
        self.pool.verify_nobody(hasher, password).await.map_err(problem)?;
        Ok(None)
    }

    /// The credential, with a new hash if the configured hasher does not understand the stored one. Not being able to make
    /// it is no reason to keep somebody out.
    ///
    /// Quirk: a hash of the same kind with other costs stays (Kratos selfservice/strategy/password/login.go).
    async fn upgrade(&self, cx: &Cx<'_>, credential: &Credential, password: &str) -> Credential {
        let understood = hash_of(credential).is_none_or(|hash| self.hasher(cx.snapshot).understands(hash));
        if understood {
            return credential.clone();
        }
        match self.hashed(cx, password).await {
            Ok(config) => Credential { config, updated_at: cx.clock.now(), ..credential.clone() },
            Err(reason) => {
                tracing::warn!(%reason, "a password hash could not be renewed");
                credential.clone()
            }
        }
    }
}

/// The field for who somebody is, labelled by the schema.
pub(super) fn identifier(cx: &Cx<'_>, flow: &Flow) -> Result<Node> {
    let label = draw::schema_of(cx, flow)?.identifier_label().clone();
    Ok(Node::input(Group::Default, "identifier", InputType::Text).with_value("").required().with_label(label))
}

/// The same, known already.
pub(super) fn hidden_identifier(credential: &Credential) -> Node {
    let known = credential.identifiers.first().cloned().map_or(Value::Null, Value::String);
    Node::input(Group::Default, "identifier", InputType::Hidden).with_value(known)
}
