//! The languages of operators, from outside.

mod templates;
