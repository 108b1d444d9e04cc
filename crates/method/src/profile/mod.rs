//! `profile`: what a person tells about themselves. In a registration on two screens it is the first, in settings the
//! form of the traits; it proves nothing.

use async_trait::async_trait;
use serde_json::Value;
use std::sync::LazyLock;
use zelos_core::{
    flow::{Detail, Flow, Kind, State},
    identity::Identity,
    problem::Result,
    schema::{PayloadSchema, split},
    snapshot::Snapshot,
    text::catalog,
    ui::{Group, InputType, Node},
};
use zelos_flow::{
    Ask, Cx, Input, Method, Step,
    ask::{CHOOSING, TRAITS},
    draw, identities, traits,
};

static REGISTRATION: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/registration.json")));
static SETTINGS: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/settings.json")));

/// The value of `screen` that leads back to the first screen; old clients say it as a method.
const BACK: (&str, &str) = ("previous", "profile:back");
/// The value of `screen` that leads to the choice of a credential.
const ON: &str = "credential-selection";

/// The method.
#[derive(Debug, Clone, Copy)]
pub struct Profile;

#[async_trait]
impl Method for Profile {
    fn id(&self) -> &'static str {
        "profile"
    }

    fn group(&self) -> Group {
        Group::Profile
    }

    /// A registration always asks for traits; in settings the form of the traits can be switched off.
    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        match kind {
            Kind::Registration => true,
            Kind::Settings => snapshot.selfservice.methods.profile.enabled,
            _ => false,
        }
    }

    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        match flow.detail {
            Detail::Registration => input.method() == self.id() || goes_back(input) || input.text("screen") == Some(ON),
            Detail::Settings { .. } => input.method() == self.id(),
            Detail::Login { .. } | Detail::Recovery { .. } | Detail::Verification => false,
        }
    }

    fn payload(&self, kind: Kind) -> &'static PayloadSchema {
        if kind == Kind::Settings { &SETTINGS } else { &REGISTRATION }
    }

    /// Traits that somebody could sign in or recover the account with are as good as a credential.
    fn is_privileged(&self, cx: &Cx<'_>, of: &Identity, input: &Input) -> bool {
        let Some(schema) = cx.snapshot.schemas.find(&of.schema_id) else { return true };
        let Ok(derived) = traits::judge_change(schema, of, input) else { return false };
        let verifiable = of.verifiable_addresses.iter().map(|address| (address.via, address.value.clone()));
        let recovery = of.recovery_addresses.iter().map(|address| (address.via, address.value.clone()));
        let same_identifiers = !identities::renames(of, &derived);
        !(same_identifiers && verifiable.eq(derived.verifiable) && recovery.eq(derived.recovery))
    }

    /// Quirk: going back to the first screen is not guarded (Kratos selfservice/strategy/profile/registration.go).
    fn needs_csrf(&self, flow: &Flow, input: &Input) -> bool {
        !(flow.kind() == Kind::Registration && goes_back(input))
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        let nodes = |group| Ok::<_, zelos_core::problem::Problem>(draw::schema_of(cx, flow)?.nodes(group));
        Ok(match ask {
            Ask::Register => nodes(Group::Default)?,
            Ask::RegisterTraits { traits } => {
                let mut nodes = with_values(nodes(Group::Default)?, *traits);
                nodes.push(Node::submit(Group::Profile, "method", self.id(), catalog::sign_up()));
                nodes
            }
            Ask::RegisterCredential { traits } => {
                let mut nodes = with_values(nodes(Group::Default)?, Some(traits));
                nodes.iter_mut().filter_map(Node::as_input_mut).for_each(|input| input.kind = InputType::Hidden);
                nodes.push(Node::submit(Group::Profile, "screen", BACK.0, catalog::registration_back()));
                nodes
            }
            Ask::Sent { traits: Some(traits) } if flow.kind() == Kind::Registration => {
                let mut nodes = with_values(nodes(Group::Default)?, Some(traits));
                nodes.iter_mut().filter_map(Node::as_input_mut).for_each(|input| input.kind = InputType::Hidden);
                nodes
            }
            Ask::Change { of } => {
                let mut nodes = with_values(nodes(Group::Profile)?, Some(&of.traits));
                nodes.push(Node::submit(Group::Profile, "method", self.id(), catalog::save()));
                nodes
            }
            _ => Vec::new(),
        })
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        if let Detail::Settings { identity } = flow.detail {
            return traits::change(cx, identity, input).await;
        }
        let schema = draw::schema_of(cx, flow)?;
        match flow.detail {
            // A code that is on its way is of no use any more.
            _ if goes_back(input) => {
                let traits = traits::typed(schema, input, flow.memory.get(TRAITS))?;
                traits::keep(flow, traits)?;
                flow.state = State::ChooseMethod;
                flow.memory.remove(CHOOSING);
                Ok(Step::show())
            }
            _ => {
                let derived = traits::judge(schema, flow, input)?;
                traits::keep(flow, derived.traits)?;
                flow.state = State::ChooseMethod;
                flow.memory.set(CHOOSING, true);
                Ok(Step::say(catalog::choose_credential()))
            }
        }
    }
}

fn goes_back(input: &Input) -> bool {
    input.text("screen") == Some(BACK.0) || input.method() == BACK.1
}

/// Fills the nodes of traits with what is known of them.
fn with_values(mut nodes: Vec<Node>, traits: Option<&Value>) -> Vec<Node> {
    for node in &mut nodes {
        let path = split(node.name(), usize::MAX).unwrap_or_default();
        let value = traits.and_then(|traits| path.iter().skip(1).try_fold(traits, |value, part| value.get(part)));
        node.set_value(value.cloned());
    }
    nodes
}
