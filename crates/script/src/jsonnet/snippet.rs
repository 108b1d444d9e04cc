//! A compiled snippet, called any number of times by any number of threads.

use super::{
    lexer::Refusal,
    machine::{Machine, Run, Stop, fail},
    manifest, parser, scope,
    syntax::Program,
    value::{Env, Function, Value},
};
use bumpalo::Bump;
use serde_json::Value as Json;
use std::{fmt, sync::Arc};

/// The most bytes a snippet may have.
pub(super) const SOURCE: usize = 1 << 20;

/// The stack of a call. It nests as deeply as [`Limits::depth`] says, and threads of a server have little; what is not
/// used of it costs nothing.
const STACK: usize = 64 << 20;

/// What one call may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps; sixteen bytes of text that is read or made are one as well. Bounds time.
    pub fuel: u64,
    /// Bytes of all values together.
    pub memory: usize,
    /// How deeply expressions, calls and values nest.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel: 1_000_000, memory: 32 << 20, depth: 3000 }
    }
}

/// Why a snippet cannot be compiled, or a call has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonnetError {
    /// The snippet itself ended the call, with `error` or `assert`; the text it gave.
    #[error("{place}: {text}")]
    Raised { text: String, place: Place },
    /// Anything else: the source, a wrong type, a limit.
    #[error("{place}: {reason}")]
    Failed { reason: String, place: Place },
}

/// The snippet and the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub name: String,
    /// Counted from one; zero where only the whole is meant.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.name)?;
        if self.line > 0 { write!(to, ", line {}", self.line) } else { Ok(()) }
    }
}

/// A snippet that has been read. A clone is the same snippet.
#[derive(Debug, Clone)]
pub struct Snippet {
    name: Arc<str>,
    program: Arc<Program>,
}

impl Snippet {
    /// Reads a snippet; `name` stands in errors.
    pub fn compile(name: &str, source: &str) -> Result<Self, JsonnetError> {
        let refused = |Refusal { line, reason, .. }: Refusal| JsonnetError::Failed {
            reason: reason.into(),
            place: Place { name: name.to_owned(), line },
        };
        if source.len() > SOURCE {
            return Err(refused(Refusal::new(0, "the snippet is too long")));
        }
        let (mut root, names) = parser::parse(source).map_err(refused)?;
        scope::resolve(&mut root, &names).map_err(refused)?;
        Ok(Self { name: name.into(), program: Arc::new(Program { root, names }) })
    }

    /// Calls the function that the snippet is, with `ctx` under that name.
    pub fn call(&self, ctx: &Json) -> Result<Json, JsonnetError> {
        self.call_within(ctx, &Limits::default())
    }

    /// As [`Snippet::call`], with other limits.
    pub fn call_within(&self, ctx: &Json, limits: &Limits) -> Result<Json, JsonnetError> {
        let outcome = std::thread::scope(|scope| {
            let worker = std::thread::Builder::new().name("jsonnet".to_owned()).stack_size(STACK);
            let running = worker.spawn_scoped(scope, || run(&self.program, ctx, limits));
            match running.map(std::thread::ScopedJoinHandle::join) {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => fail("the interpreter gave up"),
                Err(error) => fail(format!("no thread could be started: {error}")),
            }
        });
        outcome.map_err(|stop| {
            let Stop { raised, message, line } = *stop;
            let place = Place { name: self.name.to_string(), line };
            if raised {
                JsonnetError::Raised { text: message, place }
            } else {
                JsonnetError::Failed { reason: message, place }
            }
        })
    }
}

fn run(program: &Program, ctx: &Json, limits: &Limits) -> Run<Json> {
    let arena = Bump::new();
    arena.set_allocation_limit(Some(limits.memory));
    let mut machine = Machine::new(&arena, &program.names, limits.fuel, limits.depth);
    let mut value = machine.eval(&program.root, Env::default())?;
    // As in the original, a snippet that is not a function is its own result.
    if let Value::Function(function) = value {
        let ctx = manifest::value(&mut machine, ctx)?;
        let ctx = machine.done(ctx)?;
        value = match function {
            Function::Closure(lambda, env) => match program.names.iter().position(|name| &**name == "ctx") {
                Some(name) => {
                    machine.call_closure(lambda, *env, &[], &[(u32::try_from(name).unwrap_or(u32::MAX), ctx)])?
                }
                None => return fail("the function has no parameter ctx"),
            },
            Function::Builtin(_) => return fail("the function has no parameter ctx"),
        };
    }
    manifest::json(&mut machine, value)
}
