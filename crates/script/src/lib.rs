//! The languages that operators write: Go templates for messages, Jsonnet for bodies of requests. Values in, text or
//! values out; no file, network or clock is within their reach, and what they may use up is bounded.
//!
//! Imports nothing of ours.

pub mod jsonnet;
pub mod template;
