//! `identifier_first`: the first of two login screens. It asks who somebody is and proves nothing; which proofs are
//! offered on the second screen is for the other methods to say.

use async_trait::async_trait;
use std::sync::LazyLock;
use zelos_core::{
    config::flows::LoginStyle,
    flow::{Detail, Flow, Kind},
    problem::{Problem, Result},
    schema::PayloadSchema,
    session::Aal,
    snapshot::Snapshot,
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Ask, Cx, Input, Method, Step,
    ask::{self, IDENTIFIER},
    draw,
};

static LOGIN: LazyLock<PayloadSchema> = LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/login.json")));

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct IdentifierFirst;

#[async_trait]
impl Method for IdentifierFirst {
    fn id(&self) -> &'static str {
        "identifier_first"
    }

    fn group(&self) -> Group {
        Group::IdentifierFirst
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        kind == Kind::Login && snapshot.selfservice.flows.login.style == LoginStyle::IdentifierFirst
    }

    /// Quirk: it never looks at `method`. Asked last, it takes whatever nobody else took
    /// (Kratos selfservice/strategy/idfirst/strategy_login.go).
    fn claims(&self, cx: &Cx<'_>, flow: &Flow, _input: &Input) -> bool {
        let first = matches!(flow.detail, Detail::Login { refresh: false, requested_aal: Aal::Aal0 | Aal::Aal1 });
        first && self.is_enabled(cx.snapshot, flow.kind())
    }

    fn payload(&self, _kind: Kind) -> &'static PayloadSchema {
        &LOGIN
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        let label =
            |node: Node| Ok::<_, Problem>(node.with_label(draw::schema_of(cx, flow)?.identifier_label().clone()));
        let identifier = |kind| Node::input(Group::IdentifierFirst, "identifier", kind).required();
        Ok(match ask {
            Ask::Identify => vec![
                label(identifier(InputType::Text).with_value("").with_autocomplete("username webauthn"))?,
                Node::submit(Group::IdentifierFirst, "method", self.id(), catalog::continue_label()),
            ],
            Ask::Known { identifier: known, .. } => vec![label(identifier(InputType::Hidden).with_value(*known))?],
            _ => Vec::new(),
        })
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        let identifier = input.text("identifier").unwrap_or_default();
        let mitigate = cx.snapshot.security.account_enumeration.mitigate;
        if !mitigate && ask::find_person(cx, identifier).await?.is_none() {
            return Err(Problem::field("identifier", catalog::account_not_found()));
        }
        flow.memory.set(IDENTIFIER, identifier);
        Ok(Step::show())
    }
}
