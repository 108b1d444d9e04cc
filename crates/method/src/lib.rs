//! Ways to prove or to change something: one folder per method, each with the JSON Schemas of its submissions beside it;
//! `ceremony` is what security keys and passkeys share.
//!
//! Imports core, store and flow (its sockets: `flow/src/plug.rs`). No method knows HTTP, or another method. Read
//! [`identifier_first`] first, the smallest; then [`profile`], and [`password`] as one with a credential.

mod ceremony;
pub mod code;
pub mod identifier_first;
pub mod link;
pub mod lookup_secret;
pub mod passkey;
pub mod password;
pub mod profile;
pub mod totp;
pub mod webauthn;
