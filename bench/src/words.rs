//! Splits a command line into words. A shell between us and the server would be one more process to start, to
//! signal and to leave out of the figures, and all that is wanted of it are quotes.

use anyhow::{Result, bail};

/// The words of a command: blanks separate, single and double quotes hold together, a backslash takes the next
/// character as it is (but not within single quotes). Fails on an open quote and on an empty command.
pub(crate) fn words(command: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = command.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => match characters.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => bail!("the command ends in a backslash: {command}"),
            },
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        bail!("a quote is left open in the command: {command}");
    }
    words.extend(word);
    if words.is_empty() {
        bail!("the command is empty");
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words("a  'b c' \"d 'e\" f\\ g ''").unwrap(), ["a", "b c", "d 'e", "f g", ""]);
        assert_eq!(words(r#"psql -c "create database \"x\"""#).unwrap(), ["psql", "-c", "create database \"x\""]);
    }

    #[test]
    fn broken_commands_are_refused() {
        for broken in ["", "   ", "a 'b", "a \\"] {
            assert!(words(broken).is_err(), "{broken:?}");
        }
    }
}
