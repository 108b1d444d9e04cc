//! Passwords at rest.
//!
//! What the database holds is a text that names its own algorithm, parameters and salt; what the configuration names is
//! how *new* texts are made ([`Hasher`]). Any known text can be verified, whatever is
//! configured. Between the two stands one step that costs a fraction of a second (`work::run`), which only the threads of
//! [`super::pool`] take: never a request's task.
//!
//! - `format`: which text is of which kind, and what is wrong with it; `text`: what the forms have in common;
//! - `bcrypt`, `argon2`: the two kinds that are made, each with its text form;
//! - `crypt`, `pbkdf2`, `scrypt`, `digest`: the kinds that are only verified, for people who come from elsewhere;
//! - `cost`: what each costs, and work that makes up a difference;
//! - `work`: all under one roof, as pieces of work.

mod argon2;
mod bcrypt;
mod cost;
mod crypt;
mod digest;
mod format;
mod pbkdf2;
mod scrypt;
mod text;
#[cfg(test)]
mod vectors;
mod work;

pub(in crate::password) use argon2::Memory;
pub use format::HashError;
pub use work::{Hasher, check_import};
pub(in crate::password) use work::{Outcome, Work, run};
