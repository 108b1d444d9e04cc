//! The second proof of a login: a code of this moment, or of the one before or after, that was not used yet.

use super::{Config, Key, Totp, proof};
use serde::Deserialize;
use zelos_core::{
    identity::CredentialType,
    problem::{Problem, Result},
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Cx, Input, Step,
    budgets::{Guess, Secret, Whose},
    identities,
};

/// The field for a code, and the button.
pub(super) fn form() -> Vec<Node> {
    let code = Node::input(Group::Totp, "totp_code", InputType::Text).with_value("").required();
    vec![
        code.with_label(catalog::totp_code_label()),
        Node::submit(Group::Totp, "method", "totp", catalog::sign_in_with_totp()),
    ]
}

impl Totp {
    pub(super) async fn log_in(&self, cx: &Cx<'_>, input: &Input) -> Result<Step> {
        let from = identities::signed_in(cx).await?;
        let credential =
            from.credential(CredentialType::Totp).ok_or_else(|| Problem::form(catalog::no_totp_device()))?;
        let opened = cx.snapshot.cipher.open(from.id, credential).ok_or_else(unreadable)?;
        let mut config = Config::deserialize(&*opened).map_err(Problem::bug)?;
        let key =
            Key::from_url(&config.totp_url).ok_or_else(|| Problem::bug("the totp_url that is stored tells no key"))?;
        let code = input.text("totp_code").unwrap_or_default();
        let Some(step) = key.step_of(code, cx.clock.now(), config.last_step) else {
            let guess = Guess::at(Secret::Totp, Whose::Person(from.id));
            return Ok(Step::Wrong { guess, says: Err(Problem::form(catalog::totp_code_wrong())) });
        };
        config.last_step = Some(step);
        let mut to = from.clone();
        config.give(cx, &mut to);
        Ok(Step::Prove { from: Box::new(from), to: Box::new(to), by: proof(cx) })
    }
}

fn unreadable() -> Problem {
    Problem::Misconfigured(
        "The secret of an authenticator app cannot be decrypted: a secret of secrets.cipher is missing, or \
         security.credentials.require_encrypted is set before `zelos secrets re-encrypt` was run."
            .to_owned(),
    )
}
