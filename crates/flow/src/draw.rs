//! Drawing: the whole form anew from (flow, configuration, person), and what was typed laid over it. The only place
//! that makes the anti-CSRF node, orders nodes and hangs messages on them.

use crate::{
    ask::Question,
    csrf,
    input::Input,
    plug::{Cx, Method},
};
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind},
    problem::{Problem, Result},
    text::{FieldText, catalog},
    ui::{Group, InputType, Node, Ui, sort},
};

/// Draws the form that puts `question`. Values typed before are lost; see [`overlay`].
pub async fn draw(cx: &Cx<'_>, methods: &[Box<dyn Method>], flow: &mut Flow, question: &Question) -> Result<()> {
    let kind = flow.kind();
    let mut nodes = Vec::new();
    for method in methods.iter().filter(|method| method.is_enabled(cx.snapshot, kind)) {
        nodes.extend(method.form(cx, flow, &question.ask()).await?);
    }
    place_csrf(cx, flow, &mut nodes);
    sort_nodes(cx, flow, &mut nodes)?;
    flow.ui = Ui {
        action: cx.snapshot.action(kind, flow.id),
        method: "POST".to_owned(),
        nodes,
        messages: std::mem::take(&mut flow.ui.messages),
    };
    Ok(())
}

/// Whether the form offers anything beyond the anti-CSRF node, the identifier and the way back.
pub fn offers_a_method(flow: &Flow) -> bool {
    flow.ui.nodes.iter().any(|node| {
        node.group != Group::IdentifierFirst
            && node.name() != "screen"
            && node.as_input().is_some_and(|input| matches!(input.kind, InputType::Submit | InputType::Button))
    })
}

/// Lays what was typed over the form: all but secrets, buttons and what the server itself hides there.
pub fn overlay(flow: &mut Flow, input: &Input) {
    for node in &mut flow.ui.nodes {
        let Some(field) = node.as_input_mut() else { continue };
        let is_trait = field.name.starts_with("traits.");
        let is_code = field.autocomplete.as_deref() == Some("one-time-code");
        let typed = match field.kind {
            InputType::Password | InputType::Submit | InputType::Button => false,
            InputType::Hidden => is_trait,
            _ => true,
        };
        if let Some(value) = input.at(&field.name).filter(|_| typed && !is_code) {
            field.value = Some(value.clone());
        }
    }
}

/// Hangs texts on the nodes they speak of; those without a node get a new one to carry them.
///
/// Quirk: that the carrier is a text input of the default group is the wire's (Kratos `ui/container/container.go`).
pub fn attach(flow: &mut Flow, texts: Vec<FieldText>) {
    for FieldText { at, text } in texts {
        let Some(name) = at else {
            flow.ui.messages.push(text);
            continue;
        };
        if let Some(node) = flow.ui.find_mut(&name) {
            node.messages.push(text);
        } else {
            let mut node = Node::input(Group::Default, name, InputType::Text);
            node.messages.push(text);
            flow.ui.nodes.push(node);
        }
    }
}

/// The schema that a flow's traits follow.
pub fn schema_of<'a>(cx: &'a Cx<'_>, flow: &Flow) -> Result<&'a std::sync::Arc<zelos_core::schema::IdentitySchema>> {
    let id = flow.schema.as_deref().unwrap_or_default();
    cx.snapshot.schemas.find(id).ok_or_else(|| Problem::bad(format!("There is no identity schema {id:?}.")))
}

/// The form of a flow that is done: nothing but the way on.
pub(crate) fn way_on(cx: &Cx<'_>, flow: &mut Flow, group: Group, to: &str) {
    let way = Node::anchor(group, "continue", to, catalog::continue_label()).with_label(catalog::continue_label());
    flow.ui.nodes = vec![csrf_node(cx), way];
    to.clone_into(&mut flow.ui.action);
    "GET".clone_into(&mut flow.ui.method);
}

/// Makes a form that is done, and is still shown, one of the browser as it is now.
pub(crate) fn renew_csrf(cx: &Cx<'_>, flow: &mut Flow) {
    let Some(secret) = cx.request.csrf.as_ref().filter(|_| flow.csrf.is_some()) else { return };
    flow.csrf = Some(csrf::fingerprint(secret));
    if let Some(node) = flow.ui.find_mut("csrf_token") {
        node.set_value(Some(csrf::mask(secret, cx.rng).into()));
    }
}

/// The anti-CSRF node stands first.
///
/// Quirk: in a verification by code it stands after the button that goes on, and native apps do not get it; a recovery
/// that an administrator began has none (Kratos selfservice/strategy/code/{strategy,strategy_recovery_admin}.go).
fn place_csrf(cx: &Cx<'_>, flow: &Flow, nodes: &mut Vec<Node>) {
    let by_code = nodes.iter().any(|node| node.group == Group::Code);
    match flow.detail {
        Detail::Verification if by_code && flow.channel == Channel::Api => {}
        Detail::Verification if by_code => {
            let is_button = |node: &Node| node.name() == "method" && node.is_submit();
            let at = nodes.iter().position(is_button).map_or(nodes.len(), |at| at + 1);
            nodes.insert(at, csrf_node(cx));
        }
        Detail::Recovery { by_admin: true, .. } if by_code => {}
        _ => nodes.insert(0, csrf_node(cx)),
    }
}

fn csrf_node(cx: &Cx<'_>) -> Node {
    let token = cx.request.csrf.as_ref().map(|secret| csrf::mask(secret, cx.rng)).unwrap_or_default();
    Node::input(Group::Default, "csrf_token", InputType::Hidden).with_value(token).required()
}

fn sort_nodes(cx: &Cx<'_>, flow: &Flow, nodes: &mut Vec<Node>) -> Result<()> {
    match flow.kind() {
        Kind::Login => sort::sort_nodes(nodes, &sort::Order::login()),
        Kind::Registration => sort::sort_nodes(nodes, schema_of(cx, flow)?.registration_order()),
        Kind::Settings => sort::sort_nodes(nodes, schema_of(cx, flow)?.settings_order()),
        Kind::Recovery | Kind::Verification => {}
    }
    Ok(())
}
