//! Setting another password, or a first one.

use super::{Password, hash_of, problem};
use zelos_core::{
    flow::{Detail, Flow},
    identity::CredentialType,
    problem::{NoSession, Problem, Result},
    text::catalog,
};
use zelos_flow::{Cx, Input, Step, identities};

impl Password {
    pub(super) async fn change(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<Step> {
        let Detail::Settings { identity } = flow.detail else {
            return Err(Problem::NoSession(NoSession::WithoutId));
        };
        let identity = identities::get(cx, identity).await?;
        let password = input.text("password").unwrap_or_default();
        let present = identity.credential(CredentialType::Password);
        let identifiers: Vec<&str> =
            present.iter().flat_map(|credential| &credential.identifiers).map(String::as_str).collect();
        if identifiers.is_empty() {
            return Err(Problem::form(catalog::identifier_missing()));
        }
        self.check_policy(cx, password, &identifiers).await?;
        if let Some(hash) = present.and_then(hash_of)
            && self.pool.verify(password, hash, None).await.map_err(problem)?
        {
            return Err(Problem::field("password", catalog::password_unchanged()));
        }
        let config = self.hashed(cx, password).await?;
        let mut to = identity.clone();
        identities::set_credential(cx.clock, cx.rng, &mut to, CredentialType::Password, config);
        Ok(Step::Change { from: Box::new(identity), to: Box::new(to), by: None })
    }
}
