//! Mistakes in a snippet, with the place to look at: what it could not be compiled for, and variables nobody uses.

use super::{
    lexer::{Lexer, Refusal, Token, Word},
    parser, scope,
    snippet::SOURCE,
};

/// What is wrong, and where; both are counted from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: u32,
    pub column: u32,
    pub reason: String,
}

impl Problem {
    pub(super) fn new(source: &str, Refusal { line, at, reason }: Refusal) -> Self {
        let reason = reason.into();
        let Some(before) = at.and_then(|at| source.get(..at as usize)) else { return Self { line, column: 1, reason } };
        let count = |letters: usize| u32::try_from(letters + 1).unwrap_or(u32::MAX);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = count(before.matches('\n').count());
        Self { line, column: count(before[start..].chars().count()), reason }
    }
}

/// Everything that is wrong with the source, in its order.
pub fn lint(source: &str) -> Vec<Problem> {
    if source.len() > SOURCE {
        return vec![Problem { line: 1, column: 1, reason: "the snippet is too long".to_owned() }];
    }
    let (mut root, names) = match parser::parse(source) {
        Ok(parsed) => parsed,
        Err(refusal) => return vec![Problem::new(source, refusal)],
    };
    let words = Lexer::words(source).unwrap_or_default();
    let mut problems = match scope::resolve(&mut root, &names) {
        Err(refusal) => {
            let at = words.iter().find(|word| word.line == refusal.line && names_it(word, &refusal.reason));
            vec![Problem::new(source, Refusal { at: at.map(Word::at), ..refusal })]
        }
        Ok(unused) => unused
            .into_iter()
            .map(|(symbol, at)| {
                let name = names.get(symbol as usize).map_or("", |name| name);
                let reason = format!("the variable {name} is not used").into();
                Problem::new(source, Refusal { line: 0, at: Some(at), reason })
            })
            .collect(),
    };
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

/// Whether the reason speaks of this word.
fn names_it(word: &Word, reason: &str) -> bool {
    match &word.token {
        Token::Name(name) => reason.split([' ', '.', ',']).any(|part| part == name),
        Token::Sign("$") => reason.contains('$'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(source: &str) -> Vec<String> {
        lint(source).iter().map(|problem| format!("{}:{} {}", problem.line, problem.column, problem.reason)).collect()
    }

    #[test]
    fn problems_have_their_place() {
        for (source, expected) in [
            ("function(ctx) { a: ctx.b }", &[][..]),
            ("{\n  a: \n", &["3:1 \"the end\" was not expected here"]),
            ("{ a: 1 b: 2 }", &["1:8 \"b\" was not expected here"]),
            ("{\n  ä: 1 }", &["2:3 'ä' means nothing here"]),
            ("{ a: 'x }", &["1:6 a string does not end"]),
            ("{\n  a: [y] }", &["2:7 the variable y is unknown"]),
            ("{ a: std.nope(1) }", &["1:6 std.nope is unknown"]),
            ("1 + import 'x'", &["1:5 imports are not available"]),
            ("$.a", &["1:1 self, super and $ stand inside of objects"]),
            (
                "local x = 1;\nlocal\n  y =\n    2; 3",
                &["1:7 the variable x is not used", "3:3 the variable y is not used"],
            ),
            ("local f(a) = 1; { local b = 2, c: f(1) }", &["1:25 the variable b is not used"]),
            ("local x = 1; local x = 2; x", &["1:7 the variable x is not used"]),
        ] {
            let expected: Vec<_> = expected.iter().map(|text| text.replace("\"the end\"", "the end")).collect();
            assert_eq!(problems(source), expected, "{source}");
        }
    }
}
