//! Drawing: the whole form anew from (flow, configuration, person), and what was typed laid over it. The only place
//! that makes the anti-CSRF node, orders nodes and hangs messages on them.

use crate::{
    ask::{ALONE, Question},
    csrf,
    input::Input,
    plug::{Cx, Method},
    traits,
};
use serde_json::Value;
use zelos_core::{
    flow::{Channel, Detail, Flow, Kind, State},
    problem::{Problem, Result},
    schema::split,
    storable,
    text::{FieldText, catalog},
    ui::{Group, InputType, Node, Ui, node::NodeType, sort},
};

/// Draws the form that puts `question`. Values typed before are lost; see [`overlay`].
pub async fn draw(cx: &Cx<'_>, methods: &[Box<dyn Method>], flow: &mut Flow, question: &Question) -> Result<()> {
    let kind = flow.kind();
    let mut nodes = Vec::new();
    let alone = flow.memory.text(ALONE).map(ToOwned::to_owned);
    let is_asked = |method: &dyn Method| {
        method.is_enabled(cx.snapshot, kind) && alone.as_deref().is_none_or(|alone| alone == method.id())
    };
    for method in methods.iter().filter(|method| is_asked(&***method)) {
        nodes.extend(method.form(cx, flow, &question.ask()).await?);
    }
    ask_once(&mut nodes);
    place_csrf(cx, flow, &mut nodes);
    // What asks for a code stands in the order in which it was asked.
    if !matches!(question, Question::Sent { .. }) {
        sort_nodes(cx, flow, &mut nodes)?;
    }
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
    offered(flow).next().is_some()
}

/// The method whose way is the only one that the form offers.
pub(crate) fn only_method<'a>(methods: &'a [Box<dyn Method>], flow: &Flow) -> Option<&'a dyn Method> {
    let mut groups = offered(flow);
    let only = groups.next().filter(|only| groups.all(|group| group == *only))?;
    methods.iter().find(|method| method.group() == only).map(|method| &**method)
}

/// The groups of the buttons that prove or change something.
fn offered(flow: &Flow) -> impl Iterator<Item = Group> {
    let is_offer = |node: &&Node| {
        node.group != Group::IdentifierFirst
            && node.name() != "screen"
            && node.as_input().is_some_and(|input| matches!(input.kind, InputType::Submit | InputType::Button))
    };
    flow.ui.nodes.iter().filter(is_offer).map(|node| node.group)
}

/// Characters of what is echoed outside of the traits. No identifier or address is longer.
const LONGEST: usize = storable::LONGEST_KEY;

/// Lays what was typed over the form: all but secrets, buttons and what the server itself hides there.
///
/// The form is stored, and sent as often as it is asked for, so what is echoed has bounds: texts of [`LONGEST`]
/// characters, traits of [`traits::MOST`] bytes. What is longer is left out, and so are traits that could not be stored:
/// a JSON text in a field may be nested so deep that the flow could not be read back.
pub fn overlay(cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<()> {
    let typed = match input.traits() {
        Some(sent) => Some(schema_of(cx, flow)?.read(Some(sent), None)),
        None => None,
    };
    let is_echoed = |traits: &Value| storable::document(traits).is_ok() && traits.to_string().len() <= traits::MOST;
    let traits = typed.filter(is_echoed);
    let is_readable = |node: &&mut Node| !matches!(node.group, Group::Totp | Group::LookupSecret);
    for node in flow.ui.nodes.iter_mut().filter(is_readable) {
        let Some(field) = node.as_input_mut() else { continue };
        let path = split(&field.name, usize::MAX).unwrap_or_default();
        let is_trait = path.len() > 1 && path[0] == "traits";
        let is_code = field.autocomplete.as_deref() == Some("one-time-code");
        let typed = match field.kind {
            InputType::Password | InputType::Submit | InputType::Button => false,
            InputType::Hidden => is_trait,
            _ => true,
        };
        if !typed || is_code || !input.has(&path) {
            continue;
        }
        if is_trait {
            if let Some(traits) = &traits {
                // An empty field is an absent trait.
                field.value = path[1..].iter().try_fold(traits, |value, part| value.get(part)).cloned();
            }
        } else if let Some(value) = input.get(&field.name).filter(|value| is_short(value)) {
            field.value = Some(value.clone());
        }
    }
    Ok(())
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= LONGEST || text.chars().count() <= LONGEST,
        Value::Array(_) | Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
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
/// Quirk: where only codes are asked for, native apps do not get it, and once a code is on its way it stands last – in a
/// verification after the button that goes on; a recovery that an administrator began has none (Kratos
/// selfservice/strategy/code/{strategy,strategy_recovery_admin}.go).
fn place_csrf(cx: &Cx<'_>, flow: &Flow, nodes: &mut Vec<Node>) {
    let asks_for_codes = nodes.iter().any(|node| node.group == Group::Code)
        && nodes.iter().all(|node| node.group == Group::Code || node.name() == "identifier");
    let first = 0;
    let at = match flow.detail {
        Detail::Verification | Detail::Login { .. } if asks_for_codes && flow.channel == Channel::Api => return,
        Detail::Recovery { by_admin: true, .. } if asks_for_codes => return,
        Detail::Verification if asks_for_codes => {
            let is_button = |node: &Node| node.name() == "method" && node.is_submit();
            nodes.iter().position(is_button).map_or(nodes.len(), |at| at + 1)
        }
        Detail::Login { .. } if asks_for_codes && flow.state == State::SentEmail => nodes.len(),
        _ => first,
    };
    nodes.insert(at, csrf_node(cx));
}

/// Several methods may ask who somebody is, or need the same script: it is asked, and loaded, once. Whoever knows best what
/// a browser can fill in has the say.
fn ask_once(nodes: &mut Vec<Node>) {
    let asks = |node: &Node| node.name() == "identifier";
    let mut helps = nodes.iter().filter(|node| asks(node)).filter_map(|node| node.as_input()?.autocomplete.clone());
    let help = helps.next_back();
    let (mut is_asked, mut is_loaded) = (false, false);
    nodes.retain(|node| match node.kind {
        NodeType::Script => !std::mem::replace(&mut is_loaded, true),
        _ if asks(node) => !std::mem::replace(&mut is_asked, true),
        _ => true,
    });
    let asked = nodes.iter_mut().find(|node| asks(node)).and_then(Node::as_input_mut);
    if let Some(asked) = asked.filter(|input| input.kind != InputType::Hidden) {
        asked.autocomplete = help.or(asked.autocomplete.take());
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
