//! How far a line is stepped in: by the brackets around it, and by what is unfinished before it.
//!
//! A bracket steps in from the line it was opened on, so that several opened on one line step in once. Within a bracket,
//! whatever goes on over the end of a line – a value behind `=`, a branch, a chain of operators – steps in once more until
//! it is over.

use super::{Token, Word, gap, spaces};

/// What a bracket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// Behind a value, or the computed name of a field.
    Index,
    Paren,
}

/// What is known of a bracket from what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// A list or map on several lines.
    pub(super) broken: bool,
    /// Its elements are computed by `for`.
    pub(super) computed: bool,
}

/// The shape of each bracket, at the word that opens it.
pub(super) fn shapes(source: &str, words: &[Word]) -> Vec<Option<Shape>> {
    let mut shapes = vec![None; words.len()];
    let mut open: Vec<(usize, Shape)> = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let last = at.checked_sub(1).map(|last| &words[last]);
        let between = gap(&source[last.map_or(0, |last| last.end)..word.start]);
        let newline =
            between.newlines > 0 || between.ends_line() || between.remarks.iter().any(|remark| remark.newlines > 0);
        let closes = matches!(word.token, Token::Sign(")" | "]" | "}"));
        if let Some((opened, shape)) = open.last_mut() {
            let at_separator = closes || *opened + 1 == at || last.is_some_and(|last| last.token == Token::Sign(","));
            let separated = matches!(shape.kind, Kind::Object | Kind::Array);
            let empty = closes && *opened + 1 == at && between.remarks.is_empty();
            shape.broken |= newline && at_separator && separated && !empty;
            shape.computed |= word.token == Token::Name("for".to_owned());
        }
        if closes && let Some((opened, shape)) = open.pop() {
            shapes[opened] = Some(shape);
        }
        let last = last.map(|last| &last.token);
        let kind = match word.token {
            Token::Sign("{") => Kind::Object,
            Token::Sign("(") => Kind::Paren,
            Token::Sign("[") => {
                let in_object = open.last().is_some_and(|(_, shape)| shape.kind == Kind::Object);
                let field = in_object && matches!(last, Some(Token::Sign("{" | ",")));
                if field || last.is_some_and(spaces::ends_value) { Kind::Index } else { Kind::Array }
            }
            _ => continue,
        };
        open.push((at, Shape { kind, broken: false, computed: false }));
    }
    shapes
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfinished {
    /// `if` without its `else` yet.
    If,
    /// `local` or `assert` without its `;` yet.
    Local,
    /// A value that began on a line of its own.
    Value,
    /// A chain of operators.
    Chain,
}

#[derive(Debug)]
struct Frame {
    shape: Shape,
    /// Of the line on which it was opened.
    outer: usize,
    /// Of the lines in it.
    inner: usize,
    /// What goes on, with the step of its further lines.
    unfinished: Vec<(Unfinished, usize)>,
    /// The place of a field's name: behind the bracket or a comma.
    at_field: bool,
    /// Within an `assert` of an object.
    asserts: bool,
    /// `for` has been seen.
    clauses: bool,
}

const STEP: usize = 2;

/// The brackets around the word at hand, from the outside in.
#[derive(Debug)]
pub(super) struct Frames {
    frames: Vec<Frame>,
    /// The step of the line with the last `else`.
    branch: usize,
}

impl Default for Frames {
    fn default() -> Self {
        let shape = Shape { kind: Kind::Paren, broken: false, computed: false };
        Self { frames: vec![Frame::new(shape, 0, 0)], branch: 0 }
    }
}

impl Frame {
    const fn new(shape: Shape, outer: usize, inner: usize) -> Self {
        Self { shape, outer, inner, unfinished: Vec::new(), at_field: true, asserts: false, clauses: false }
    }

    fn marker(&self, kind: Unfinished) -> Option<usize> {
        self.unfinished.iter().rposition(|(unfinished, _)| *unfinished == kind)
    }
}

impl Frames {
    fn frame(&self) -> Option<&Frame> {
        self.frames.last()
    }

    fn shape(&self) -> Option<Shape> {
        self.frame().map(|frame| frame.shape)
    }

    /// Within a bracket, not at the outermost.
    fn within(&self, test: impl Fn(&Frame) -> bool) -> bool {
        self.frames.len() > 1 && self.frame().is_some_and(test)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.shape().is_some_and(|shape| shape.broken)
    }

    pub(super) fn is_list(&self) -> bool {
        self.within(|frame| matches!(frame.shape.kind, Kind::Object | Kind::Array))
    }

    pub(super) fn is(&self, kind: Kind) -> bool {
        self.within(|frame| frame.shape.kind == kind)
    }

    pub(super) fn ends_in_comma(&self) -> bool {
        self.is_list() && self.shape().is_some_and(|shape| !shape.computed)
    }

    /// Not within a `local … ;`, whose commas part variables.
    pub(super) fn at_top(&self) -> bool {
        self.frame().is_none_or(|frame| frame.marker(Unfinished::Local).is_none())
    }

    pub(super) fn at_field(&self) -> bool {
        self.within(|frame| frame.shape.kind == Kind::Object && frame.at_field)
    }

    pub(super) fn asserts(&self) -> bool {
        self.frame().is_some_and(|frame| frame.asserts || frame.marker(Unfinished::Local).is_some())
    }

    /// The step of lines in the innermost bracket.
    pub(super) fn inner(&self) -> usize {
        self.frame().map_or(0, |frame| frame.inner)
    }

    /// The step of a line that begins with `word`, where the line before has the step `indent` and ends with `last`.
    pub(super) fn indent_of(&mut self, word: &Token, last: Option<&Token>, indent: usize) -> usize {
        let branch = self.branch;
        let Some(frame) = self.frames.last_mut() else { return 0 };
        match word {
            Token::Sign(")" | "]" | "}") => return frame.outer,
            Token::Name(name) if name == "then" || name == "else" => {
                return frame.marker(Unfinished::If).map_or(frame.inner, |at| frame.unfinished[at].1 - STEP);
            }
            Token::Name(name) if name == "for" && frame.shape.computed => return frame.inner,
            Token::Name(name) if name == "if" && frame.clauses && last.is_some_and(spaces::ends_value) => {
                return frame.inner;
            }
            _ => {}
        }
        let top = frame.unfinished.last().map(|(unfinished, _)| *unfinished);
        let chains = |token: &Token| spaces::is_operator(token);
        match last {
            Some(Token::Sign("=" | ":" | "::" | ":::" | "+:" | "+::" | "+:::")) if frame.shape.kind != Kind::Index => {
                frame.unfinished.push((Unfinished::Value, indent + STEP));
            }
            Some(Token::Name(name)) if name == "then" => {
                let step = frame.marker(Unfinished::If).map_or(indent + STEP, |at| frame.unfinished[at].1);
                frame.unfinished.push((Unfinished::Value, step));
            }
            Some(Token::Name(name)) if name == "else" => frame.unfinished.push((Unfinished::Value, branch + STEP)),
            Some(last)
                if (chains(last) || chains(word) && spaces::ends_value(last)) && top != Some(Unfinished::Chain) =>
            {
                frame.unfinished.push((Unfinished::Chain, indent + STEP));
            }
            None | Some(_) => {}
        }
        frame.unfinished.last().map_or(frame.inner, |(_, step)| *step)
    }

    /// Takes note of a word, on a line with the step `indent`.
    pub(super) fn enter(&mut self, word: &Token, last: Option<&Token>, shape: Option<Shape>, indent: usize) {
        if let Some(shape) = shape {
            if let Some(frame) = self.frames.last_mut() {
                frame.at_field = false;
            }
            return self.frames.push(Frame::new(shape, indent, indent + STEP));
        }
        if matches!(word, Token::Sign(")" | "]" | "}")) {
            if self.frames.len() > 1 {
                self.frames.pop();
            }
            return;
        }
        let Some(frame) = self.frames.last_mut() else { return };
        let in_object = frame.shape.kind == Kind::Object && frame.at_field;
        match word {
            Token::Sign(",") => {
                // Those of a `local` part its variables.
                let kept = frame.marker(Unfinished::Local).map_or(0, |at| at + 1);
                frame.unfinished.truncate(kept);
                frame.asserts = false;
                frame.at_field = kept == 0;
                return;
            }
            Token::Sign(";") => {
                let kept = frame.marker(Unfinished::Local).unwrap_or(0);
                frame.unfinished.truncate(kept);
            }
            Token::Name(name) => match name.as_str() {
                "local" | "assert" if in_object => frame.asserts = name == "assert",
                "local" | "assert" => frame.unfinished.push((Unfinished::Local, indent + STEP)),
                "for" if frame.shape.computed => {
                    frame.unfinished.clear();
                    frame.clauses = true;
                }
                "if" if frame.clauses && last.is_some_and(spaces::ends_value) => frame.unfinished.clear(),
                "if" => frame.unfinished.push((Unfinished::If, indent + STEP)),
                "then" => {
                    let kept = frame.marker(Unfinished::If).map_or(frame.unfinished.len(), |at| at + 1);
                    frame.unfinished.truncate(kept);
                }
                "else" => {
                    if let Some(at) = frame.marker(Unfinished::If) {
                        self.branch = frame.unfinished[at].1 - STEP;
                        frame.unfinished.truncate(at);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        frame.at_field = false;
    }
}
