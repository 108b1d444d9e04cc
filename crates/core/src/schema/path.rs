//! Names of nodes: the names of members, joined by dots. A dot or backslash within a member's name is escaped, so that
//! [`split`] gives back what [`join`] has put together, whatever the members are called.

/// The name of a member as a part of a node's name.
pub(super) fn escape(name: &str) -> String {
    name.replace('\\', "\\\\").replace('.', "\\.")
}

/// The name of a node under another.
pub(super) fn join(parent: &str, name: &str) -> String {
    format!("{parent}.{}", escape(name))
}

/// The names of members that the name of a node consists of; `None` if there are more than `most`. A backslash before
/// anything but a dot or a backslash stands for itself.
pub fn split(name: &str, most: usize) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '.' if parts.len() == most => return None,
            '.' => parts.push(String::new()),
            _ => {
                let escaped = characters.next_if(|next| character == '\\' && matches!(next, '.' | '\\'));
                parts.last_mut()?.push(escaped.unwrap_or(character));
            }
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escaped_dots_do_not_separate() {
        let parts = |name: &str| split(name, 3);
        assert_eq!(parts("traits.name.first").unwrap(), ["traits", "name", "first"]);
        assert_eq!(parts(r"traits.https://example\.org/role").unwrap(), ["traits", "https://example.org/role"]);
        assert_eq!(parts(r"traits.a\b").unwrap(), ["traits", r"a\b"]);
        assert_eq!(parts(r"a\\.b").unwrap(), [r"a\", "b"]);
        assert_eq!(parts(r"a\").unwrap(), [r"a\"]);
        assert_eq!(parts("").unwrap(), [""]);
        assert_eq!(parts("a.b.c.d"), None);
    }

    proptest! {
        #[test]
        fn a_joined_name_splits_into_its_parts(parts in prop::collection::vec(r"[a-z.\\é]{0,6}", 1..5)) {
            let name = parts[1..].iter().fold(escape(&parts[0]), |name, part| join(&name, part));
            prop_assert_eq!(split(&name, 5).unwrap(), parts);
        }
    }
}
