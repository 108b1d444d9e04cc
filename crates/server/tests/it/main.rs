//! Tests of the whole: one binary, a module for each subject.

mod flows;
mod house;
mod login;
mod quirks;
mod registration;
mod sessions;
mod wire;
