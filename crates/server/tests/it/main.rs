//! Tests of the whole: one binary, a module for each subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by it")]

mod admin;
mod flows;
mod house;
mod login;
mod quirks;
mod registration;
mod sessions;
mod wire;
