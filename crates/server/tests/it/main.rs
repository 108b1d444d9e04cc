//! Tests of the whole: one binary, a module for each subject.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails by it")]

mod admin;
mod assurance;
mod bad_input;
mod budgets;
mod code;
mod courier;
mod directory;
mod flows;
mod golden;
mod house;
mod letters;
mod login;
mod lookup_secret;
mod page_tokens;
mod passkey;
mod password_hashes;
mod password_migration;
mod process;
mod properties;
mod published;
mod quirks;
mod recovery;
mod recovery_choices;
mod registration;
mod rotation;
mod second_code;
mod security;
mod sessions;
mod settings;
mod totp;
mod toy_method;
mod verification;
mod webauthn;
mod wire;
