//! Finds templates that are included and do not exist. Go finds that when the escaping of HTML is worked out, but in
//! plain text only when the place is reached: too late for an operator who wants to know it before a reader does.

use gotmpl::parse::{ListNode, Node};
use std::collections::{HashMap, HashSet};

/// What is missing: the source that includes it (by its index), the line there, and the name.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) source: usize,
    pub(super) line: usize,
    pub(super) name: String,
}

/// Looks at everything that can be reached from `main`. Each tree comes with the index of its source; of several with
/// one name the last counts.
pub(super) fn check(main: &str, trees: &[(usize, String, ListNode)]) -> Result<(), Missing> {
    let by_name: HashMap<&str, (usize, &ListNode)> =
        trees.iter().map(|(source, name, tree)| (name.as_str(), (*source, tree))).collect();
    let (mut seen, mut waiting) = (HashSet::from([main]), vec![main]);
    while let Some((source, tree)) = waiting.pop().and_then(|name| by_name.get(name)) {
        let mut lists = vec![*tree];
        while let Some(list) = lists.pop() {
            for node in &list.nodes {
                match node {
                    Node::List(inner) => lists.push(inner),
                    Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                        lists.push(&branch.body);
                        lists.extend(&branch.else_body);
                    }
                    Node::Template(call) => {
                        let name: &str = &call.name;
                        if !by_name.contains_key(name) {
                            return Err(Missing { source: *source, line: call.pos.line, name: name.to_owned() });
                        }
                        if seen.insert(name) {
                            waiting.push(name);
                        }
                    }
                    Node::Text(_) | Node::Action(_) | Node::Define(_) | Node::Break(_) | Node::Continue(_) => {}
                }
            }
        }
    }
    Ok(())
}
