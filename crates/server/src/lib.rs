//! The server: command line, wiring, listeners, jobs. It may import everything of ours and nothing imports it (but the
//! test kit).
//!
//! Read [`cli`] first (what can be asked of the binary), then `cli/serve.rs`: the life of a server from its
//! configuration to its last request. [`wiring`] is the only place that names concrete methods and hooks.

pub mod cli;
mod contents;
mod development;
mod jobs;
mod listen;
mod out;
pub mod outbound;
mod readiness;
mod reload;
mod settings;
pub mod telemetry;
pub mod wiring;

pub use settings::snapshot;

/// What the binary calls its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
