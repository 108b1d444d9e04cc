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
use zelos_flow::{
    Cx, Input, Step,
    budgets::{Guess, Secret, Whose},
    draw,
};
use zelos_store::identities;

impl Password {
    pub(super) async fn login(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<Step> {
        let missing = || Problem::field("identifier", catalog::property_missing("identifier"));
        let identifier = input.text("identifier").or_else(|| input.text("password_identifier")).ok_or_else(missing)?;
        let password = input.text("password").unwrap_or_default();
        let identifier = normalize::identifier(identifier);
        let found = identities::find_by_identifier(cx.store, CredentialType::Password, &identifier).await?;
        let credential = found.as_ref().and_then(|identity| identity.credential(CredentialType::Password));
        let kept = match found.as_ref().zip(credential) {
            Some(known) if is_elsewhere(known.1) => self.migrate(cx, flow, known, input).await?,
            known => self.compare(cx, known, password).await?,
        };
        let (Some(from), Some(kept)) = (&found, kept) else {
            let whose = Whose::of(found.map(|identity| identity.id), &identifier);
            let says = Err(Problem::form(catalog::wrong_credentials()));
            return Ok(Step::Wrong { guess: Guess::at(Secret::Password, whose), says });
        };
        let mut to = from.clone();
        to.credentials.retain(|credential| credential.kind != CredentialType::Password);
        to.credentials.push(kept);
        to.credentials.sort_unstable_by_key(|credential| credential.kind.as_str());
        Ok(Step::Prove { from: Box::new(from.clone()), to: Box::new(to), by: proof(cx) })
    }

    /// The credential as it is to be kept, if the password is that of its hash.
    ///
    /// A wrong password costs one hash of the configured parameters, whatever the stored hash costs, and so does an
    /// identifier that does not exist. A stored hash that is dearer than the configured one is the exception.
    pub(super) async fn compare(
        &self,
        cx: &Cx<'_>,
        known: Option<(&Identity, &Credential)>,
        password: &str,
    ) -> Result<Option<Credential>> {
        let hasher = self.hasher(cx.snapshot);
        let known = known.and_then(|(identity, credential)| Some((identity, credential, hash_of(credential)?)));
        if let Some((identity, credential, hash)) = known {
            match self.pool.verify(password, hash, Some(hasher)).await {
                Ok(true) => return Ok(Some(self.upgrade(cx, credential, password).await)),
                Ok(false) => return Ok(None),
                // No password matches such a hash. The answer must not tell that the identity exists.
                Err(PoolError::Hash(error)) => {
                    tracing::error!(identity = %identity.id, %error, "a stored password hash cannot be used");
                }
                Err(error) => return Err(problem(error)),
            }
        }
        self.pool.verify_nobody(hasher, password).await.map_err(problem)?;
        Ok(None)
    }

    /// The credential, with a new hash if the stored one is to be replaced. A hash that cannot be renewed does not fail
    /// the login.
    ///
    /// Quirk: without `hashers.renew_weaker` a hash of the same algorithm with other costs stays (Kratos
    /// selfservice/strategy/password/login.go).
    async fn upgrade(&self, cx: &Cx<'_>, credential: &Credential, password: &str) -> Credential {
        let renew_weaker = cx.snapshot.hashers.renew_weaker;
        let is_kept = hash_of(credential).is_none_or(|hash| !self.hasher(cx.snapshot).replaces(hash, renew_weaker));
        if is_kept {
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
