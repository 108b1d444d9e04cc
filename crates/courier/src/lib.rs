//! Mail and short messages: how they are written, and how they leave the house.
//!
//! Imports core, store and script. Read [`letters`] first: it writes the rows of the outbox; what sends them comes after.

pub mod letters;

pub use letters::Letters;
