//! The languages of operators, from outside.

mod jsonnet;
mod templates;
