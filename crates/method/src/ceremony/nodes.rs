//! What security keys and passkeys put into forms: buttons that run a script, fields that the script fills in, and the
//! script. Names, attributes and the words of the triggers are the wire's (Kratos `x/webauthnx`).

use serde_json::Value;
use zelos_core::{
    text::Text,
    ui::{
        Group, InputType, Node,
        node::{Attributes, Meta, NodeType, Script},
    },
};
use zelos_flow::Cx;

/// Where the script lies.
const PATH: &str = ".well-known/ory/webauthn.js";

/// What a press on a button, or a look at a page, sets going.
pub(crate) struct Trigger {
    /// The name of the function.
    pub(crate) name: &'static str,
    /// The same as a script of old front ends; native apps get none.
    pub(crate) script: Option<String>,
}

impl Trigger {
    /// A function that finds its options in the form.
    pub(crate) fn plain(name: &'static str, is_browser: bool) -> Self {
        Self { name, script: is_browser.then(|| format!("window.{name}()")) }
    }

    /// A function that old front ends hand its options.
    pub(crate) fn with_options(name: &'static str, options: &Value) -> Self {
        Self { name, script: Some(format!("window.{name}({options})")) }
    }
}

/// A button that runs a script.
pub(crate) fn button(group: Group, name: &'static str, value: Option<String>, trigger: Trigger, label: Text) -> Node {
    let mut node = Node::input(group, name, InputType::Button).with_label(label);
    node.set_value(value.map(Value::String));
    if let Some(input) = node.as_input_mut() {
        input.onclick_trigger = Some(trigger.name.into());
        input.onclick = trigger.script;
    }
    node
}

/// A field that a script fills in, or reads.
pub(crate) fn hidden(group: Group, name: &'static str, value: Option<String>) -> Node {
    let mut node = Node::input(group, name, InputType::Hidden);
    node.set_value(value.map(Value::String));
    node
}

/// A hidden field that sets a script going as soon as the page shows.
pub(crate) fn waiting(group: Group, name: &'static str, trigger: Trigger) -> Node {
    let mut node = hidden(group, name, None);
    if let Some(input) = node.as_input_mut() {
        input.onload_trigger = Some(trigger.name.into());
        input.onload = trigger.script;
    }
    node
}

/// The script itself; browsers run it only if it is what was served when the server began.
pub(crate) fn script(cx: &Cx<'_>, integrity: &str) -> Node {
    let script = Script {
        src: cx.snapshot.public_path(PATH),
        is_async: true,
        referrerpolicy: "no-referrer".to_owned(),
        crossorigin: "anonymous".to_owned(),
        integrity: integrity.to_owned(),
        kind: "text/javascript".to_owned(),
        id: "webauthn_script".to_owned(),
        nonce: cx.rng.uuid_v4().to_string(),
    };
    Node {
        kind: NodeType::Script,
        group: Group::Webauthn,
        attributes: Attributes::Script(Box::new(script)),
        messages: Vec::new(),
        meta: Meta::default(),
    }
}
