//! The running call: its arena, what it may still use up, and how values are made and needed.

use super::{
    syntax::{Symbol, Visibility},
    value::{Body, Field, Function, Layer, Lazy, Member, Object, Source, Thunk, Value},
};
use bumpalo::Bump;
use std::cell::Cell;

/// Why a call ends early.
#[derive(Debug)]
pub(super) struct Stop {
    /// The snippet itself said so, with `error`.
    pub(super) raised: bool,
    pub(super) message: String,
    /// Of the innermost expression; zero while it is not known.
    pub(super) line: u32,
}

pub(super) type Run<T> = Result<T, Box<Stop>>;

/// What goes wrong in a snippet.
pub(super) fn fail<T>(message: impl Into<String>) -> Run<T> {
    Err(Box::new(Stop { raised: false, message: message.into(), line: 0 }))
}

pub(super) struct Machine<'a> {
    pub(super) arena: &'a Bump,
    pub(super) names: &'a [Box<str>],
    fuel: u64,
    depth: usize,
    deepest: usize,
}

impl<'a> Machine<'a> {
    pub(super) fn new(arena: &'a Bump, names: &'a [Box<str>], fuel: u64, deepest: usize) -> Self {
        Self { arena, names, fuel, depth: 0, deepest }
    }

    pub(super) fn name(&self, symbol: Symbol) -> &'a str {
        self.names.get(symbol as usize).map_or("", |name| name)
    }

    /// Pays for work, before it is done.
    pub(super) fn spend(&mut self, units: usize) -> Run<()> {
        match self.fuel.checked_sub(units as u64) {
            Some(left) => {
                self.fuel = left;
                Ok(())
            }
            None => fail("the snippet does too much"),
        }
    }

    /// Something that calls itself; goes with [`Machine::leave`].
    pub(super) fn enter(&mut self) -> Run<()> {
        self.spend(1)?;
        self.depth += 1;
        if self.depth <= self.deepest { Ok(()) } else { fail("max stack frames exceeded") }
    }

    /// After an error nothing is computed any more, so only success needs to leave.
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn put<T>(&mut self, value: T) -> Run<&'a T> {
        match self.arena.try_alloc(value) {
            Ok(place) => Ok(place),
            Err(_) => fail(MEMORY),
        }
    }

    pub(super) fn text(&mut self, text: &str) -> Run<&'a str> {
        self.spend(text.len() / 16)?;
        match self.arena.try_alloc_str(text) {
            Ok(place) => Ok(place),
            Err(_) => fail(MEMORY),
        }
    }

    pub(super) fn slice<T: Copy>(&mut self, items: &[T]) -> Run<&'a [T]> {
        self.spend(items.len())?;
        match self.arena.try_alloc_slice_copy(items) {
            Ok(place) => Ok(place),
            Err(_) => fail(MEMORY),
        }
    }

    pub(super) fn lazy(&mut self, lazy: Lazy<'a>) -> Run<Thunk<'a>> {
        self.put(Cell::new(lazy))
    }

    pub(super) fn done(&mut self, value: Value<'a>) -> Run<Thunk<'a>> {
        self.lazy(Lazy::Done(value))
    }

    pub(super) fn text_value(&mut self, text: &str) -> Run<Value<'a>> {
        self.text(text).map(Value::Text)
    }

    /// An array of values.
    pub(super) fn array(&mut self, values: &[Value<'a>]) -> Run<Value<'a>> {
        self.spend(values.len())?;
        let mut items = Vec::with_capacity(values.len());
        for value in values {
            items.push(self.done(*value)?);
        }
        self.slice(&items).map(Value::Array)
    }

    /// An array of strings.
    pub(super) fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) -> Run<Value<'a>> {
        let mut items = Vec::new();
        for text in texts {
            let value = self.text_value(text)?;
            items.push(self.done(value)?);
        }
        self.slice(&items).map(Value::Array)
    }

    /// An object of values that are there already.
    pub(super) fn object(&mut self, members: &[(&'a str, Thunk<'a>)]) -> Run<Value<'a>> {
        let made = |(name, value): &(&'a str, Thunk<'a>)| Member {
            name,
            visibility: Visibility::Inherited,
            body: Body::Made(value),
        };
        let members: Vec<_> = members.iter().map(made).collect();
        self.layered(&members, Source::Made)
    }

    pub(super) fn layered(&mut self, members: &[Member<'a>], source: Source<'a>) -> Run<Value<'a>> {
        let members = self.slice(members)?;
        let layer = self.put(Layer { members, source, below: None, count: members.len() })?;
        self.whole(layer).map(Value::Object)
    }

    pub(super) fn whole(&mut self, layer: &'a Layer<'a>) -> Run<&'a Object<'a>> {
        self.put(Object { layer, fields: Cell::new(None), asserted: Cell::new(false) })
    }

    /// The value, computed now if it was not.
    pub(super) fn force(&mut self, thunk: Thunk<'a>) -> Run<Value<'a>> {
        let lazy = thunk.get();
        if let Lazy::Done(value) = lazy {
            return Ok(value);
        }
        thunk.set(Lazy::Running);
        self.enter()?;
        let value = match lazy {
            Lazy::Done(value) => value,
            Lazy::Running => return fail("a value needs itself"),
            Lazy::Expr(expr, env) => self.eval(expr, env)?,
            Lazy::Plus(expr, env, name) => self.plus(expr, env, name)?,
            Lazy::Apply(function, arguments) => self.apply(function, arguments)?,
        };
        self.leave();
        thunk.set(Lazy::Done(value));
        Ok(value)
    }

    /// Calls a function with values that may not be computed yet.
    pub(super) fn apply(&mut self, function: Function<'a>, arguments: &[Thunk<'a>]) -> Run<Value<'a>> {
        match function {
            Function::Closure(lambda, env) => self.call_closure(lambda, *env, arguments, &[]),
            Function::Builtin(builtin) => self.call_builtin(builtin, arguments, &[]),
        }
    }

    /// A field that can be seen by name, of a value that must be an object.
    pub(super) fn field(&mut self, object: &'a Object<'a>, name: &str) -> Run<Option<Field<'a>>> {
        self.spend(name.len() / 16)?;
        let fields = self.fields(object)?;
        Ok(fields.binary_search_by(|field| field.name.cmp(name)).ok().map(|at| fields[at]))
    }
}

const MEMORY: &str = "the snippet needs too much memory";
