//! The standard library, but for what reaches outside (`std.native`, `std.thisFile`) and for formats that no body of a
//! request is written in (YAML, INI, TOML, XML, Python). What a function makes it pays for before it makes it.

mod arguments;
mod arrays;
mod encoding;
mod numbers;
mod objects;
mod sets;
mod text;

use super::{
    machine::{Machine, Run},
    syntax::Visibility,
    value::{Body, Function, Member, Source, Value},
};
pub(super) use arguments::Arguments;
use std::{collections::HashMap, fmt, sync::LazyLock};

/// A function of the library.
pub(super) struct Builtin {
    pub(super) name: &'static str,
    /// Those that end in `?` may be left out.
    pub(super) parameters: &'static [&'static str],
    pub(super) run: for<'a, 'g> fn(&mut Machine<'a>, Arguments<'g, 'a>) -> Run<Value<'a>>,
}

impl fmt::Debug for Builtin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "std.{}", self.name)
    }
}

const TABLES: [&[Builtin]; 6] =
    [arrays::TABLE, encoding::TABLE, numbers::TABLE, objects::TABLE, sets::TABLE, text::TABLE];

/// The function `std.name`.
pub(super) fn find(name: &str) -> Option<&'static Builtin> {
    static ALL: LazyLock<HashMap<&'static str, &'static Builtin>> =
        LazyLock::new(|| TABLES.into_iter().flatten().map(|builtin| (builtin.name, builtin)).collect());
    ALL.get(name).copied()
}

impl<'a> Machine<'a> {
    /// `std`, where it is used as a value.
    pub(super) fn library(&mut self) -> Run<Value<'a>> {
        let mut members = Vec::new();
        let values = TABLES.into_iter().flatten().map(|found| (found.name, Value::Function(Function::Builtin(found))));
        for (name, value) in values.chain([("pi", Value::Number(std::f64::consts::PI))]) {
            members.push(Member { name, visibility: Visibility::Hidden, body: Body::Made(self.done(value)?) });
        }
        self.layered(&members, Source::Made)
    }
}
