//! What a snippet is made of once it has been read. Immutable, so that any number of calls share it.

use super::library::Builtin;

/// A name; its text stands in [`Program::names`].
pub(super) type Symbol = u32;

/// A whole snippet.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) root: Expr,
    pub(super) names: Vec<Box<str>>,
}

/// An expression and its line.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) line: u32,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    True,
    False,
    Number(f64),
    Text(Box<str>),
    Myself,
    Outermost,
    Variable(Symbol),
    /// A function of the standard library, named where it is used.
    Std(&'static Builtin),
    /// The standard library as a value.
    StdObject,
    Array(Vec<Expr>),
    ArrayFor(Box<Expr>, Vec<Clause>),
    Object(Box<Object>),
    ObjectFor(Box<ObjectFor>),
    Index(Box<Expr>, Box<Expr>),
    Slice(Box<[Expr; 4]>),
    Super(Box<Expr>),
    InSuper(Box<Expr>),
    Call(Box<Call>),
    Local(Vec<Bind>, Box<Expr>),
    /// Condition, then, else.
    If(Box<[Expr; 3]>),
    Binary(Operator, Box<[Expr; 2]>),
    Unary(Sign, Box<Expr>),
    Function(Box<Lambda>),
    /// Condition, message, rest.
    Assert(Box<[Expr; 3]>),
    Error(Box<Expr>),
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: Expr,
    pub(super) positional: Vec<Expr>,
    pub(super) named: Vec<(Symbol, Expr)>,
    /// Arguments are computed before the call.
    pub(super) strict: bool,
}

#[derive(Debug)]
pub(super) struct Bind {
    pub(super) name: Symbol,
    /// Where the name stands in the source, in bytes.
    pub(super) at: u32,
    pub(super) value: Expr,
}

#[derive(Debug)]
pub(super) struct Lambda {
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Expr,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: Symbol,
    pub(super) default: Option<Expr>,
}

/// `for` and `if` behind an element.
#[derive(Debug)]
pub(super) enum Clause {
    For(Symbol, Expr),
    If(Expr),
}

#[derive(Debug, Default)]
pub(super) struct Object {
    pub(super) locals: Vec<Bind>,
    /// Condition and message.
    pub(super) asserts: Vec<[Expr; 2]>,
    pub(super) fields: Vec<Field>,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: Expr,
    pub(super) visibility: Visibility,
    /// `+:` adds to what the field was before.
    pub(super) plus: bool,
    pub(super) value: Expr,
}

#[derive(Debug)]
pub(super) struct ObjectFor {
    pub(super) locals: Vec<Bind>,
    pub(super) field: Field,
    pub(super) clauses: Vec<Clause>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visibility {
    /// As it was before; else visible.
    Inherited,
    Hidden,
    Visible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
    Not,
    Invert,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Multiply,
    Divide,
    Modulo,
    Add,
    Subtract,
    Left,
    Right,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Equal,
    NotEqual,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
}
