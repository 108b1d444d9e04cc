//! The order of a form's nodes: first by group, then within a group by a list of names.
//!
//! The second comparison only compares nodes of one group, which makes it no proper order: what comes out depends on
//! the algorithm. Clients show nodes as they come, so the sort of the original's language is rebuilt here: insertion
//! sort in blocks of twenty, then the symmetric merge of Kim and Kutzner. Recovery and verification are not sorted.

use super::{Attributes, Group, Node};
use serde_json::Value;
use std::borrow::Cow;

/// How the nodes of one kind of flow are ordered. Built once per identity schema.
#[derive(Debug, Clone)]
pub struct Order {
    groups: &'static [Group],
    keys: Vec<Cow<'static, str>>,
    /// Groups whose nodes keep the order they came in where names are equal; in others the value decides.
    stable: &'static [Group],
}

impl Order {
    /// The order of login forms.
    pub fn login() -> Self {
        Self {
            groups: &[
                Group::Oidc,
                Group::Default,
                Group::Webauthn,
                Group::Passkey,
                Group::Code,
                Group::Password,
                Group::Totp,
                Group::LookupSecret,
            ],
            keys: ["csrf_token", "identifier", "password"].map(Cow::Borrowed).to_vec(),
            stable: &[],
        }
    }

    /// The order of registration forms; `schema_keys` are the names of the trait nodes in the schema's order. The
    /// password comes right after the first trait.
    pub fn registration(schema_keys: &[String]) -> Self {
        let mut traits = schema_keys.iter().cloned().map(Cow::Owned);
        let mut keys = vec![Cow::Borrowed("csrf_token")];
        keys.extend(traits.next());
        keys.push(Cow::Borrowed("password"));
        keys.extend(traits);
        keys.extend(["webauthn_remove", "webauthn_register_displayname", "webauthn_register"].map(Cow::Borrowed));
        Self {
            groups: &[
                Group::Oidc,
                Group::Saml,
                Group::Default,
                Group::Webauthn,
                Group::Passkey,
                Group::Code,
                Group::Password,
                Group::Captcha,
                Group::Profile,
            ],
            keys,
            stable: &[],
        }
    }

    /// The order of settings forms; `schema_keys` are the names of the trait nodes in the schema's order.
    pub fn settings(schema_keys: &[String]) -> Self {
        const KEYS: [&str; 13] = [
            "lookup_secret_reveal",
            "lookup_secret_regenerate",
            "lookup_secret_codes",
            "lookup_secret_confirm",
            "webauthn_remove",
            "webauthn_register_displayname",
            "webauthn_register",
            "passkey_remove",
            "passkey_register",
            "totp_qr",
            "totp_secret_key",
            "totp_unlink",
            "totp_code",
        ];
        let mut keys: Vec<Cow<'static, str>> = schema_keys.iter().cloned().map(Cow::Owned).collect();
        keys.extend(KEYS.map(Cow::Borrowed));
        Self {
            groups: &[
                Group::Default,
                Group::Profile,
                Group::Password,
                Group::Oidc,
                Group::LookupSecret,
                Group::Webauthn,
                Group::Passkey,
                Group::Totp,
            ],
            keys,
            stable: &[Group::Deviceauthn],
        }
    }

    /// Where the group stands in the list. Groups outside of the list come first.
    fn group_position(&self, group: Group) -> Option<usize> {
        self.groups.iter().position(|listed| *listed == group)
    }

    /// Where a name stands: the first key that it begins with, the button `method` last of all.
    fn key_position(&self, name: &str) -> usize {
        if name == "method" {
            return usize::MAX;
        }
        self.keys.iter().position(|key| name.starts_with(key.as_ref())).unwrap_or(self.keys.len())
    }
}

/// A node with what it is compared by.
struct Ranked {
    node: Node,
    key: usize,
    printed: String,
}

/// Puts the nodes into order.
pub fn sort_nodes(nodes: &mut Vec<Node>, order: &Order) {
    nodes.sort_by_key(|node| order.group_position(node.group));
    let mut ranked: Vec<Ranked> = nodes
        .drain(..)
        .map(|node| Ranked { key: order.key_position(node.name()), printed: printed(&node), node })
        .collect();
    // Quirk: no proper order, see the module's text (Kratos `ui/node/node.go`).
    stable_sort(&mut ranked, &|a: &Ranked, b: &Ranked| {
        if !comparable(a.node.group, b.node.group) {
            return false;
        }
        if a.key != b.key {
            return a.key < b.key;
        }
        let keeps = a.node.group == b.node.group && order.stable.contains(&a.node.group);
        !keeps && a.printed < b.printed
    });
    nodes.extend(ranked.into_iter().map(|ranked| ranked.node));
}

/// The password belongs among the fields of the default group.
fn comparable(a: Group, b: Group) -> bool {
    a == b || matches!((a, b), (Group::Default, Group::Password) | (Group::Password, Group::Default))
}

/// The value as the original's language prints it; ties between names are broken by it.
fn printed(node: &Node) -> String {
    match &node.attributes {
        Attributes::Input(input) => match &input.value {
            None | Some(Value::Null) => "<nil>".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        },
        Attributes::Text { text, .. } => format!("&{{{} {}}}", text.id, text.text),
        Attributes::Img(image) => image.src.clone(),
        Attributes::A { href, .. } => href.clone(),
        Attributes::Script(script) => script.src.clone(),
        Attributes::Div { .. } => "<nil>".to_owned(),
    }
}

const BLOCK: usize = 20;

fn stable_sort<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for block in items.chunks_mut(BLOCK) {
        insertion_sort(block, less);
    }
    let mut size = BLOCK;
    while size < items.len() {
        for pair in items.chunks_mut(2 * size) {
            if pair.len() > size {
                merge(pair, size, less);
            }
        }
        size *= 2;
    }
}

fn insertion_sort<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for start in 1..items.len() {
        let mut at = start;
        while at > 0 && less(&items[at], &items[at - 1]) {
            items.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Merges `items[..middle]` and `items[middle..]`, both sorted and neither empty, in place.
fn merge<T>(items: &mut [T], middle: usize, less: &impl Fn(&T, &T) -> bool) {
    let length = items.len();
    if middle == 1 {
        let to = partition(1, length, |at| less(&items[at], &items[0]));
        items[..to].rotate_left(1);
        return;
    }
    if length - middle == 1 {
        let to = partition(0, middle, |at| !less(&items[middle], &items[at]));
        items[to..].rotate_right(1);
        return;
    }
    let half = length / 2;
    let sum = half + middle;
    let (from, until) = if middle > half { (sum - length, half) } else { (0, middle) };
    let start = partition(from, until, |at| !less(&items[sum - 1 - at], &items[at]));
    let end = sum - start;
    if start < middle && middle < end {
        items[start..end].rotate_left(middle - start);
    }
    let (left, right) = items.split_at_mut(half);
    if 0 < start && start < half {
        merge(left, start, less);
    }
    if half < end && end < length {
        merge(right, end - half, less);
    }
}

/// Binary search in `from..until` for the first place where `before` no longer holds.
fn partition(mut from: usize, mut until: usize, before: impl Fn(usize) -> bool) -> usize {
    while from < until {
        let at = usize::midpoint(from, until);
        if before(at) {
            from = at + 1;
        } else {
            until = at;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::InputType;

    /// Nodes from `group name=value` lines.
    fn nodes(lines: &[&str]) -> Vec<Node> {
        lines
            .iter()
            .map(|line| {
                let (group, field) = line.split_once(' ').unwrap();
                let group: Group = serde_json::from_value(Value::from(group)).unwrap();
                let (name, value) = field.split_once('=').map_or((field, None), |(name, value)| (name, Some(value)));
                let node = Node::input(group, name.to_owned(), InputType::Text);
                value.map_or_else(|| node.clone(), |value| node.clone().with_value(value))
            })
            .collect()
    }

    fn sorted(order: &Order, lines: &[&str]) -> Vec<String> {
        let mut nodes = nodes(lines);
        sort_nodes(&mut nodes, order);
        nodes
            .iter()
            .map(|node| match node.value() {
                Some(Value::String(value)) => format!("{}={value}", node.name()),
                _ => node.name().to_owned(),
            })
            .collect()
    }

    fn traits() -> Vec<String> {
        ["traits.email", "traits.name.first", "traits.name.last"].map(str::to_owned).to_vec()
    }

    #[test]
    fn login_with_a_password() {
        let lines = ["default identifier", "password password", "password method=password", "default csrf_token"];
        assert_eq!(sorted(&Order::login(), &lines), ["csrf_token", "identifier", "password", "method=password"]);
    }

    #[test]
    fn login_with_identifier_first() {
        let lines = ["default csrf_token", "identifier_first identifier", "identifier_first method=identifier_first"];
        assert_eq!(sorted(&Order::login(), &lines), ["identifier", "method=identifier_first", "csrf_token"]);
    }

    #[test]
    fn second_factor() {
        let lines = [
            "default csrf_token",
            "lookup_secret lookup_secret",
            "lookup_secret method=lookup_secret",
            "totp totp_code",
            "totp method=totp",
        ];
        let expected = ["csrf_token", "totp_code", "method=totp", "lookup_secret", "method=lookup_secret"];
        assert_eq!(sorted(&Order::login(), &lines), expected);
    }

    #[test]
    fn registration_puts_the_password_after_the_first_trait() {
        let lines = [
            "password traits.name.last",
            "password traits.email",
            "password password",
            "password traits.name.first",
            "default csrf_token",
            "password method=password",
        ];
        let expected =
            ["csrf_token", "traits.email", "password", "traits.name.first", "traits.name.last", "method=password"];
        assert_eq!(sorted(&Order::registration(&traits()), &lines), expected);
    }

    #[test]
    fn a_group_in_between_keeps_the_password_below() {
        let lines = [
            "default csrf_token",
            "default traits.name.first",
            "default traits.email",
            "password password",
            "password method=password",
            "code method=code",
        ];
        let expected =
            ["csrf_token", "traits.email", "traits.name.first", "method=code", "password", "method=password"];
        assert_eq!(sorted(&Order::registration(&traits()), &lines), expected);
    }

    #[test]
    fn two_step_choice() {
        let lines = [
            "default traits.email",
            "default traits.name.first",
            "default csrf_token",
            "profile screen=previous",
            "password password",
            "password method=password",
        ];
        let expected =
            ["csrf_token", "traits.email", "password", "traits.name.first", "method=password", "screen=previous"];
        assert_eq!(sorted(&Order::registration(&traits()), &lines), expected);
    }

    #[test]
    fn settings_with_second_factors() {
        let lines = [
            "default csrf_token",
            "totp totp_code",
            "totp totp_qr",
            "totp method=totp",
            "totp totp_secret_key",
            "lookup_secret lookup_secret_regenerate=true",
            "lookup_secret lookup_secret_reveal=true",
            "password method=password",
            "password password",
            "profile method=profile",
            "profile traits.name.last",
            "profile traits.email",
        ];
        let expected = [
            "csrf_token",
            "traits.email",
            "traits.name.last",
            "method=profile",
            "password",
            "method=password",
            "lookup_secret_reveal=true",
            "lookup_secret_regenerate=true",
            "totp_qr",
            "totp_secret_key",
            "totp_code",
            "method=totp",
        ];
        assert_eq!(sorted(&Order::settings(&traits()), &lines), expected);
    }

    #[test]
    fn providers_come_by_value_but_stable_groups_as_given() {
        let lines = ["oidc link=google", "oidc link=github", "deviceauthn key=b", "deviceauthn key=a"];
        let expected = ["key=b", "key=a", "link=github", "link=google"];
        assert_eq!(sorted(&Order::settings(&[]), &lines), expected);
        assert_eq!(sorted(&Order::login(), &lines), ["key=a", "key=b", "link=github", "link=google"]);
    }

    #[test]
    fn a_proper_order_is_sorted_stably_at_every_length() {
        for length in 0..200_u64 {
            let mut state = length;
            let mut items: Vec<(u64, usize)> = (0..usize::try_from(length).unwrap())
                .map(|index| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((state >> 40) % 17, index)
                })
                .collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            stable_sort(&mut items, &|a: &(u64, usize), b: &(u64, usize)| a.0 < b.0);
            assert_eq!(items, expected, "length {length}");
        }
    }
}
