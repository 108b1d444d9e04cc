//! Values while a call runs. All of them live in the call's arena and are freed with it at once: nothing is counted or
//! dropped one by one, and the arena's limit is the call's memory.

use super::{
    library::Builtin,
    syntax::{Expr, Lambda, Symbol, Visibility},
};
use std::cell::Cell;

#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(&'a str),
    Array(&'a [Thunk<'a>]),
    Object(&'a Object<'a>),
    Function(Function<'a>),
}

impl Value<'_> {
    /// The language's word for its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Function(_) => "function",
        }
    }
}

/// A value that is computed when it is first needed.
pub(super) type Thunk<'a> = &'a Cell<Lazy<'a>>;

#[derive(Clone, Copy)]
pub(super) enum Lazy<'a> {
    Done(Value<'a>),
    /// Needed while it is computed: it needs itself.
    Running,
    Expr(&'a Expr, Env<'a>),
    /// A field with `+:`.
    Plus(&'a Expr, Env<'a>, &'a str),
    /// A function of the library that is applied when its result is needed.
    Apply(Function<'a>, &'a [Thunk<'a>]),
}

/// What an expression sees.
#[derive(Clone, Copy, Default)]
pub(super) struct Env<'a> {
    pub(super) binding: Option<&'a Binding<'a>>,
    /// The object around: itself, and the layer that the expression stands in.
    pub(super) object: Option<(&'a Object<'a>, &'a Layer<'a>)>,
    pub(super) outermost: Option<&'a Object<'a>>,
}

pub(super) struct Binding<'a> {
    pub(super) name: Symbol,
    pub(super) value: Thunk<'a>,
    pub(super) next: Option<&'a Binding<'a>>,
}

#[derive(Clone, Copy)]
pub(super) enum Function<'a> {
    Closure(&'a Lambda, &'a Env<'a>),
    Builtin(&'static Builtin),
}

/// `{} + {} + {}`: layers, the last first. What fields come to is found out when one is first asked for.
pub(super) struct Object<'a> {
    pub(super) layer: &'a Layer<'a>,
    pub(super) fields: Cell<Option<&'a [Field<'a>]>>,
    pub(super) asserted: Cell<bool>,
}

/// One literal of an object, and those that it was added to.
pub(super) struct Layer<'a> {
    pub(super) members: &'a [Member<'a>],
    pub(super) source: Source<'a>,
    pub(super) below: Option<&'a Layer<'a>>,
    /// Of this and all below: bounds what looking for a field costs.
    pub(super) count: usize,
}

/// Where the members of a layer come from.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// From the language: locals, assertions and values see the object.
    Literal(&'a super::syntax::Object, &'a Env<'a>),
    /// A comprehension: each member has its own surroundings.
    Each(&'a super::syntax::ObjectFor),
    /// From outside, or from the library.
    Made,
}

#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) visibility: Visibility,
    pub(super) body: Body<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    /// A field of a literal.
    Field(&'a super::syntax::Field),
    /// The field of a comprehension, and what it sees.
    Each(&'a super::syntax::Field, &'a Env<'a>),
    Made(Thunk<'a>),
}

/// A field of the whole object.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) visible: bool,
    pub(super) value: Thunk<'a>,
}
