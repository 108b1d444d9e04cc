//! One constructor per number, so that a number can't be used with the wrong context.
//!
//! 1xxxxxx inform or label, 4xxxxxx say what a person must mend, 5xxxxxx what the service must. Clients translate by the
//! number and fill in the context, so numbers and keys of contexts are the wire's; the English is ours. Numbers that
//! the original reserves but never sends have no constructor. 4900xxx are ours.

mod attempts;
mod credential;
mod label;
mod login;
mod recovery;
mod registration;
mod settings;
#[cfg(test)]
mod tests;
mod validation;
mod verification;

pub use attempts::*;
pub use credential::*;
pub use label::*;
pub use login::*;
pub use recovery::*;
pub use registration::*;
pub use settings::*;
pub use validation::*;
pub use verification::*;
