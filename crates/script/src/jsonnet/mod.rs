//! Jsonnet, in which operators write bodies of requests: `function(ctx) { … }`.
//!
//! The interpreter is our own. Those there are have no budget: neither for time (an endless loop goes on for ever, and a
//! thread cannot be stopped) nor for memory (a string doubled thirty times fills it), and none can be shared by threads
//! once it has read a snippet. A child process that can be killed would cost more than the calls it makes safe. Here each
//! step is paid for ([`machine`]), all values of a call live in an arena that has an end ([`value`]), nesting is counted,
//! and what has been read once is shared by all calls ([`syntax`]). Imports are refused when a snippet is compiled; no
//! file, network, clock or environment is within reach.
//!
//! The way through: [`lexer`] → [`parser`] → [`scope`] when a snippet is compiled; [`eval`] (with [`object`],
//! [`operators`] and [`library`]) → [`manifest`] when it is called. `tests/it/jsonnet.rs` compares it with another
//! implementation.
//!
//! Beside the way stand two tools for whoever writes snippets: [`lint`] and [`layout`].

mod eval;
mod format;
mod layout;
mod lexer;
mod library;
mod lint;
mod machine;
mod manifest;
mod object;
mod operators;
mod parser;
mod scope;
mod snippet;
mod syntax;
mod value;

pub use layout::layout;
pub use lint::{Problem, lint};
pub use snippet::{JsonnetError, Limits, Snippet};
