//! Signing in with a password: the identifier and the stored hash are one look-up, whatever follows takes as long for
//! a person who does not exist.

use super::{Password, hash_of, pool::PoolError, problem, proof};
use serde_json::Value;
use zelos_core::{
    flow::Flow,
    identity::{Credential, CredentialType, normalize},
    problem::{Problem, Result},
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Cx, Input, Step,
    budgets::{Guess, Secret, Whose},
    draw, identities as people,
};
use zelos_store::identities;

impl Password {
    pub(super) async fn login(&self, cx: &Cx<'_>, input: &Input) -> Result<Step> {
        let missing = || Problem::field("identifier", catalog::property_missing("identifier"));
        let identifier = input.text("identifier").or_else(|| input.text("password_identifier")).ok_or_else(missing)?;
        let password = input.text("password").unwrap_or_default();
        let identifier = normalize::identifier(identifier);
        let found = identities::find_by_identifier(cx.store, CredentialType::Password, &identifier).await?;
        let credential = found.as_ref().and_then(|identity| identity.credential(CredentialType::Password));
        let known = credential.and_then(hash_of);
        let verified = match known {
            Some(hash) => match self.pool.verify(password, hash).await {
                Ok(is_right) => Some(is_right),
                // Nothing is right for such a hash, and nobody is to learn that the person exists by it.
                Err(PoolError::Hash(error)) => {
                    let identity = found.as_ref().map(|identity| identity.id.to_string());
                    tracing::error!(identity, %error, "a stored password hash cannot be used");
                    None
                }
                Err(error) => return Err(problem(error)),
            },
            None => None,
        };
        let is_right = if let Some(is_right) = verified {
            is_right
        } else {
            self.pool.verify_nobody(self.hasher(cx.snapshot), password).await.map_err(problem)?;
            false
        };
        let (Some(from), Some(credential), true) = (&found, credential, is_right) else {
            let whose = Whose::of(found.map(|identity| identity.id), &identifier);
            let says = Err(Problem::form(catalog::wrong_credentials()));
            return Ok(Step::Wrong { guess: Guess::at(Secret::Password, whose), says });
        };
        let mut to = from.clone();
        if let Some(config) = self.upgrade(cx, credential, password).await {
            people::set_credential(cx.clock, cx.rng, &mut to, CredentialType::Password, config);
        }
        Ok(Step::Prove { from: Box::new(from.clone()), to: Box::new(to), by: proof(cx) })
    }

    /// The credential's content with a new hash, if the configured hasher does not understand the stored one. Not being able to
    /// make it is no reason to keep somebody out.
    ///
    /// Quirk: a hash of the same kind with other costs stays (Kratos selfservice/strategy/password/login.go).
    async fn upgrade(&self, cx: &Cx<'_>, credential: &Credential, password: &str) -> Option<Value> {
        let understood = hash_of(credential).is_none_or(|hash| self.hasher(cx.snapshot).understands(hash));
        if understood {
            return None;
        }
        match self.hashed(cx, password).await {
            Ok(config) => Some(config),
            Err(reason) => {
                tracing::warn!(%reason, "a password hash could not be renewed");
                None
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
