//! Registering with a password: traits first, then the policy, which looks at the identifiers that follow from them.

use super::{Password, proof};
use zelos_core::{
    flow::Flow,
    identity::CredentialType,
    problem::{Problem, Result},
    text::catalog,
};
use zelos_flow::{Cx, Input, Step, draw, plug::Draft, traits};

impl Password {
    pub(super) async fn register(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> Result<Step> {
        let schema = draw::schema_of(cx, flow)?;
        let derived = traits::judge(schema, flow, input)?;
        let identifiers: Vec<&str> = derived.identifiers_of(CredentialType::Password).collect();
        if identifiers.is_empty() {
            return Err(Problem::form(catalog::identifier_missing()));
        }
        let password = input.text("password").unwrap_or_default();
        self.check_policy(cx, password, &identifiers).await?;
        let credential = (CredentialType::Password, self.hashed(cx, password).await?);
        let draft = Draft { schema_id: schema.id().to_owned(), derived, credential, proven: Vec::new() };
        Ok(Step::Create { draft: Box::new(draft), by: proof(cx) })
    }
}
