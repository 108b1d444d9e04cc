//! JSON Schemas: what a person's data looks like, and what a submission must look like.
//!
//! An [`IdentitySchema`] is the operator's document. It is bounded and compiled once, when the configuration is loaded:
//! anything that could make a validation slow, endless or dependent on another server is refused then (`bounds`), and
//! [`References`] gathers the documents that it refers to; one walk over the whole (`field`) yields all that is read from
//! it later: which traits are identifiers or addresses (`derive`), by which operators find people (`indexed`), the form's
//! nodes (`nodes`), the inputs of lists (`entries`) and how submitted [`Fields`] become values (`read`). A
//! [`PayloadSchema`] is a small document of a method. Both say what is wrong as [`Violation`]s, which can be read as
//! texts of a form and as a reason for administrators.

mod bounds;
mod compile;
mod derive;
mod entries;
mod extension;
mod field;
mod fields;
mod identity;
mod indexed;
mod nodes;
mod path;
mod payload;
mod read;
mod references;
mod schemas;
#[cfg(test)]
mod tests;
mod violation;

pub use compile::SchemaError;
pub use derive::Derived;
pub use fields::Fields;
pub use identity::IdentitySchema;
pub use indexed::{IndexKind, Indexed};
pub use path::split;
pub use payload::PayloadSchema;
pub use references::References;
pub use schemas::Schemas;
pub use violation::{Violation, Violations, type_of};
