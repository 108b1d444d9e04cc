//! The parts of a form. Field names and the words of the enums are the wire's (Kratos `ui/node`).

use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// Which method a node belongs to; clients show groups together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    Default,
    Password,
    Oidc,
    Profile,
    Link,
    Code,
    Totp,
    LookupSecret,
    Webauthn,
    Passkey,
    IdentifierFirst,
    Captcha,
    Saml,
    Deviceauthn,
}

/// One element of a form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    #[serde(rename = "type")]
    pub kind: NodeType,
    pub group: Group,
    pub attributes: Attributes,
    pub messages: Vec<Text>,
    pub meta: Meta,
}

/// The kinds of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeType {
    Input,
    Text,
    Img,
    A,
    Script,
    Div,
}

/// What is known of a node beside its attributes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Meta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
}

/// The attributes of a node, by its type (`node_type` on the wire).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "node_type", rename_all = "lowercase")]
pub enum Attributes {
    Input(Box<Input>),
    Text {
        text: Text,
        id: String,
    },
    Img(Image),
    A {
        href: String,
        title: Text,
        id: String,
    },
    Script(Box<Script>),
    Div {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
}

/// A form field or a button.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Input {
    pub name: Cow<'static, str>,
    #[serde(rename = "type")]
    pub kind: InputType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autocomplete: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    pub disabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onclick: Option<String>,
    #[serde(rename = "onclickTrigger", default, skip_serializing_if = "Option::is_none")]
    pub onclick_trigger: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onload: Option<String>,
    #[serde(rename = "onloadTrigger", default, skip_serializing_if = "Option::is_none")]
    pub onload_trigger: Option<Cow<'static, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maxlength: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<InputOption>,
}

/// One choice of an input with an enumerated value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputOption {
    pub value: Value,
}

/// HTML's input types, as far as the wire uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputType {
    #[default]
    Text,
    Password,
    Number,
    Checkbox,
    Hidden,
    Email,
    Tel,
    Submit,
    Button,
    DatetimeLocal,
    Date,
    Url,
}

/// A picture, as a rule a data URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Image {
    pub src: String,
    pub id: String,
    pub width: u32,
    pub height: u32,
}

/// A script that a page must load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Script {
    pub src: String,
    #[serde(rename = "async")]
    pub is_async: bool,
    pub referrerpolicy: String,
    pub crossorigin: String,
    pub integrity: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
    pub nonce: String,
}

impl Node {
    /// A field or button of that group, name and type; everything else is added by the `with_*` functions.
    pub fn input(group: Group, name: impl Into<Cow<'static, str>>, kind: InputType) -> Self {
        let input = Input { name: name.into(), kind, ..Input::default() };
        Self {
            kind: NodeType::Input,
            group,
            attributes: Attributes::Input(Box::new(input)),
            messages: Vec::new(),
            meta: Meta::default(),
        }
    }

    /// The button that submits the form with `method=<value>`.
    pub fn submit(group: Group, name: &'static str, value: &'static str, label: Text) -> Self {
        Self::input(group, name, InputType::Submit).with_value(value).with_label(label)
    }

    /// A link.
    pub fn anchor(group: Group, id: &str, href: &str, title: Text) -> Self {
        Self {
            kind: NodeType::A,
            group,
            attributes: Attributes::A { href: href.to_owned(), title, id: id.to_owned() },
            messages: Vec::new(),
            meta: Meta::default(),
        }
    }

    /// A text to be read; its label stands with it.
    pub fn text(group: Group, id: &str, text: Text) -> Self {
        Self {
            kind: NodeType::Text,
            group,
            attributes: Attributes::Text { text, id: id.to_owned() },
            messages: Vec::new(),
            meta: Meta::default(),
        }
    }

    /// A square picture, `side` points wide and high.
    pub fn image(group: Group, id: &str, src: String, side: u32) -> Self {
        Self {
            kind: NodeType::Img,
            group,
            attributes: Attributes::Img(Image { src, id: id.to_owned(), width: side, height: side }),
            messages: Vec::new(),
            meta: Meta::default(),
        }
    }

    /// Whether it is a button that sends the form.
    pub fn is_submit(&self) -> bool {
        self.as_input().is_some_and(|input| input.kind == InputType::Submit)
    }

    #[must_use]
    pub fn with_label(mut self, label: Text) -> Self {
        self.meta.label = Some(label);
        self
    }

    #[must_use]
    pub fn with_value(mut self, value: impl Into<Value>) -> Self {
        self.set_value(Some(value.into()));
        self
    }

    #[must_use]
    pub fn required(mut self) -> Self {
        if let Attributes::Input(input) = &mut self.attributes {
            input.required = true;
        }
        self
    }

    #[must_use]
    pub fn with_autocomplete(mut self, value: impl Into<Cow<'static, str>>) -> Self {
        if let Attributes::Input(input) = &mut self.attributes {
            input.autocomplete = Some(value.into());
        }
        self
    }

    /// What a submission calls the node, or its element id if it is no input.
    pub fn name(&self) -> &str {
        match &self.attributes {
            Attributes::Input(input) => &input.name,
            Attributes::Img(image) => &image.id,
            Attributes::Script(script) => &script.id,
            Attributes::Text { id, .. } | Attributes::A { id, .. } | Attributes::Div { id, .. } => id,
        }
    }

    /// The value of an input, if it has one.
    pub fn value(&self) -> Option<&Value> {
        self.as_input().and_then(|input| input.value.as_ref())
    }

    /// Sets or clears the value of an input; nothing happens to other nodes.
    pub fn set_value(&mut self, value: Option<Value>) {
        if let Attributes::Input(input) = &mut self.attributes {
            input.value = value;
        }
    }

    /// The input's attributes, if it is one.
    pub fn as_input(&self) -> Option<&Input> {
        match &self.attributes {
            Attributes::Input(input) => Some(input),
            _ => None,
        }
    }

    /// The input's attributes, if it is one.
    pub fn as_input_mut(&mut self) -> Option<&mut Input> {
        match &mut self.attributes {
            Attributes::Input(input) => Some(input),
            _ => None,
        }
    }
}
