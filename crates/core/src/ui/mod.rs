//! What a client shows: a form of typed nodes with messages. See [`node`] for the parts, [`sort`] for their order.

pub mod node;
pub mod sort;

pub use node::{Attributes, Group, Image, Input, InputType, Meta, Node};

use crate::text::Text;
use serde::{Deserialize, Serialize};

/// The form of a flow: `{action, method, nodes, messages?}` on the wire.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ui {
    /// Where to send the form.
    pub action: String,
    /// The HTTP method to send it with.
    pub method: String,
    pub nodes: Vec<Node>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Text>,
}

impl Ui {
    /// The first node with that name.
    pub fn find(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name() == name)
    }

    /// The first node with that name.
    pub fn find_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.name() == name)
    }
}
