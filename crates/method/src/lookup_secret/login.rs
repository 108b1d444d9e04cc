//! The second proof of a login: a code that was not used yet.

use super::{
    LookupSecret,
    codes::{Codes, Refused},
    proof,
};
use zelos_core::{
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
    let code = Node::input(Group::LookupSecret, "lookup_secret", InputType::Text).with_value("").required();
    vec![
        code.with_label(catalog::backup_code_label()),
        Node::submit(Group::LookupSecret, "method", "lookup_secret", catalog::sign_in_with_backup_code()),
    ]
}

impl LookupSecret {
    pub(super) async fn log_in(&self, cx: &Cx<'_>, input: &Input) -> Result<Step> {
        let from = identities::signed_in(cx).await?;
        let mut codes = Codes::of(cx, &from)?.ok_or_else(|| Problem::form(catalog::no_backup_codes()))?;
        if let Err(refused) = codes.r#use(input.text("lookup_secret").unwrap_or_default(), cx.clock.now()) {
            let text = match refused {
                Refused::Unknown => catalog::backup_code_wrong(),
                Refused::Used => catalog::backup_code_already_used(),
            };
            let guess = Guess::at(Secret::LookupSecret, Whose::Person(from.id));
            return Ok(Step::Wrong { guess, says: Err(Problem::form(text)) });
        }
        let mut to = from.clone();
        codes.give(cx, &mut to);
        Ok(Step::Prove { from: Box::new(from), to: Box::new(to), by: proof(cx) })
    }
}
