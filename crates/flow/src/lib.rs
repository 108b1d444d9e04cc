//! The engine: what happens to a flow between its creation and its end, the same for every kind and method.
//!
//! Imports core, store and courier (and later script). Read [`engine`] first: three functions, one pipeline each. [`plug`] is
//! what methods and hooks fit into, [`gate`] who may pass, [`ask`] which form to show, [`draw`] how it is drawn,
//! [`finish`] what follows from a proof. Nothing here knows HTTP, nothing knows the name of a method.

pub mod ask;
pub mod audit;
mod begin;
pub mod budgets;
pub mod by_admin;
pub mod compiled;
pub mod csrf;
pub mod draw;
pub mod engine;
pub mod errors;
pub mod finish;
pub mod gate;
pub mod hooks;
pub mod identities;
pub mod input;
pub mod logout;
pub mod mail;
mod parts;
mod pause;
mod pending;
pub mod plug;
pub mod proofs;
mod replace;
pub mod sessions;
pub mod traits;

pub use compiled::Compiled;
pub use engine::Engine;
pub use input::Input;
pub use plug::{Ask, Cx, Method, Outcome, Request, Sender, Step};
