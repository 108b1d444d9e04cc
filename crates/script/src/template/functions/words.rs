//! Upper and lower case, in words.

use super::arguments::{Row, text};
use std::iter::Peekable;

pub(super) const TABLE: &[Row] = &[
    ("upper", 1, 1, |a| text(a.text(0)?.to_uppercase())),
    ("lower", 1, 1, |a| text(a.text(0)?.to_lowercase())),
    ("title", 1, 1, |a| text(at_words(a.text(0)?, is_separator, upper))),
    ("untitle", 1, 1, |a| text(at_words(a.text(0)?, char::is_whitespace, lower))),
    ("swapcase", 1, 1, |a| text(swap_case(a.text(0)?))),
    ("initials", 1, 1, |a| text(initials(a.text(0)?))),
    ("nospace", 1, 1, |a| text(a.text(0)?.chars().filter(|letter| !letter.is_whitespace()).collect::<String>())),
    ("camelcase", 1, 1, |a| text(pascal(a.text(0)?))),
    ("snakecase", 1, 1, |a| text(connected(a.text(0)?, '_'))),
    ("kebabcase", 1, 1, |a| text(connected(a.text(0)?, '-'))),
];

/// One letter for one letter, as Go does it.
fn upper(letter: char) -> char {
    let mut letters = letter.to_uppercase();
    letters.next().filter(|_| letters.next().is_none()).unwrap_or(letter)
}

fn lower(letter: char) -> char {
    let mut letters = letter.to_lowercase();
    letters.next().filter(|_| letters.next().is_none()).unwrap_or(letter)
}

/// What stands between words for Go's `strings.Title`.
fn is_separator(letter: char) -> bool {
    if letter.is_ascii() { !letter.is_ascii_alphanumeric() && letter != '_' } else { letter.is_whitespace() }
}

fn at_words(whole: &str, separates: impl Fn(char) -> bool, change: fn(char) -> char) -> String {
    let mut before = true;
    let each = whole.chars().map(|letter| {
        let first = before;
        before = separates(letter);
        if first && !before { change(letter) } else { letter }
    });
    each.collect()
}

fn swap_case(whole: &str) -> String {
    whole.chars().map(|letter| if letter.is_uppercase() { lower(letter) } else { upper(letter) }).collect()
}

fn initials(whole: &str) -> String {
    whole.split_whitespace().filter_map(|word| word.chars().next()).collect()
}

fn is_connector(letter: char) -> bool {
    letter == '-' || letter == '_' || letter.is_whitespace()
}

/// `http_server` becomes `HttpServer`; connectors at both ends stay.
fn pascal(whole: &str) -> String {
    let mut letters = whole.chars().peekable();
    let mut result = String::with_capacity(whole.len());
    while let Some(connector) = letters.next_if(|letter| is_connector(*letter)) {
        result.push(connector);
    }
    let Some(first) = letters.next() else { return result };
    let mut after_upper = first.is_uppercase();
    let mut held = upper(first);
    for letter in letters {
        let previous = held;
        held = letter;
        if is_connector(letter) && is_connector(previous) {
            result.push(previous);
        } else if is_connector(previous) {
            after_upper = letter.is_uppercase();
            held = upper(letter);
        } else {
            if after_upper && letter.is_uppercase() {
                held = lower(letter);
            } else {
                after_upper = false;
            }
            result.push(previous);
        }
    }
    result.push(held);
    result
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

fn kind(letter: char) -> Kind {
    if is_connector(letter) {
        Kind::Connector
    } else if letter.is_ascii_punctuation() && !"$+<=>^`|~".contains(letter) {
        Kind::Punctuation
    } else if letter.is_uppercase() {
        Kind::Upper
    } else if letter.is_lowercase() {
        Kind::Letters
    } else if letter.is_numeric() {
        Kind::Number
    } else {
        Kind::Other
    }
}

/// Words by their kinds: `HTTPServer2` is `HTTP`, `Server`, `2`.
fn split(whole: &str) -> Vec<(Kind, String)> {
    let letters: Vec<char> = whole.chars().collect();
    let mut words = Vec::new();
    let mut start = 0;
    while let Some(first) = letters.get(start).copied() {
        let run =
            |from: usize, is: &dyn Fn(char) -> bool| from + letters[from..].iter().take_while(|l| is(**l)).count();
        let found = kind(first);
        let end = match found {
            Kind::Upper => {
                let capitals = run(start, &|letter| kind(letter) == Kind::Upper);
                let small = letters.get(capitals).is_some_and(|letter| kind(*letter) == Kind::Letters);
                match (capitals - start, small) {
                    (1, true) => run(capitals, &|letter| kind(letter) == Kind::Letters),
                    (_, true) => capitals - 1,
                    _ => capitals,
                }
            }
            other => run(start, &|letter| kind(letter) == other),
        };
        words.push((found, letters[start..end].iter().collect()));
        start = end;
    }
    words
}

/// `HTTPServer2Go` becomes `http_server_2go`: words are lowered and connected; numbers begin a word of their own and take
/// small letters behind them along.
fn connected(whole: &str, connector: char) -> String {
    let mut result = String::with_capacity(whole.len() + 4);
    let mut words = split(whole).into_iter().peekable();
    let separate = |result: &mut String, next: Option<Kind>| {
        if next.is_some_and(|next| next != Kind::Connector && next != Kind::Punctuation) {
            result.push(connector);
        }
    };
    while let Some((found, word)) = words.next() {
        match found {
            Kind::Connector => result.extend(word.chars().map(|_| connector)),
            Kind::Punctuation => result.push_str(&word),
            Kind::Number => {
                result.push_str(&word);
                tail(&mut result, &mut words);
                separate(&mut result, words.peek().map(|(next, _)| *next));
            }
            _ => {
                result.push_str(&word.to_lowercase());
                if let Some((_, number)) = words.next_if(|(next, _)| *next == Kind::Number) {
                    if words.peek().is_some_and(|(next, _)| *next == Kind::Letters) {
                        result.push(connector);
                    }
                    result.push_str(&number);
                    tail(&mut result, &mut words);
                }
                separate(&mut result, words.peek().map(|(next, _)| *next));
            }
        }
    }
    result
}

/// Small letters and further numbers behind a number.
fn tail(result: &mut String, words: &mut Peekable<std::vec::IntoIter<(Kind, String)>>) {
    while let Some((_, word)) = words.next_if(|(next, _)| matches!(next, Kind::Letters | Kind::Number)) {
        result.push_str(&word);
    }
}
