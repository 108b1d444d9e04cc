//! Where two words on a line are parted by a space.

use super::{
    KEYWORDS, Token,
    frames::{Frames, Kind},
};

/// Keywords that are values.
const VALUES: [&str; 6] = ["self", "super", "null", "true", "false", "tailstrict"];

/// Whether a value may end with this word: what follows is an operator, a call, or the end of something.
pub(super) fn ends_value(token: &Token) -> bool {
    match token {
        Token::Name(name) => !KEYWORDS.contains(&name.as_str()) || VALUES.contains(&name.as_str()),
        Token::Number(_) | Token::Text(_) | Token::Sign(")" | "]" | "}" | "$") => true,
        Token::Sign(_) | Token::End => false,
    }
}

/// Whether it stands between two values or before one.
pub(super) fn is_operator(token: &Token) -> bool {
    match token {
        Token::Name(name) => name == "in",
        Token::Sign(sign) => matches!(
            *sign,
            "==" | "!="
                | "<<"
                | "<="
                | "<"
                | ">>"
                | ">="
                | ">"
                | "&&"
                | "&"
                | "||"
                | "|"
                | "+"
                | "-"
                | "*"
                | "/"
                | "%"
                | "~"
                | "^"
                | "!"
        ),
        _ => false,
    }
}

fn is_colon(token: &Token) -> bool {
    matches!(token, Token::Sign(":" | "::" | ":::" | "+:" | "+::" | "+:::"))
}

/// Whether a space stands between `last` and `word`; `earlier` is what stands before both.
pub(super) fn between(earlier: Option<&Token>, last: &Token, word: &Token, frames: &Frames) -> bool {
    match (last, word) {
        (_, Token::Sign("," | ";" | ")" | "]" | "."))
        | (Token::Sign("(" | "[" | "."), _)
        | (Token::Sign("{"), Token::Sign("}")) => return false,
        (Token::Name(name), Token::Sign("(")) if name == "function" => return false,
        (last, Token::Sign("(" | "[")) if ends_value(last) => return false,
        _ => {}
    }
    if is_colon(word) {
        return !frames.is(Kind::Index) && frames.asserts();
    }
    if is_colon(last) {
        return !frames.is(Kind::Index);
    }
    if *last == Token::Sign("=") || *word == Token::Sign("=") {
        // An argument by name, or the default of a parameter.
        return !frames.is(Kind::Paren) || frames.asserts();
    }
    let unary = matches!(last, Token::Sign("-" | "+" | "!" | "~")) && !earlier.is_some_and(ends_value);
    !unary
}
