//! Nouns and pure rules: what Zelos speaks about, without HTTP, SQL or threads.
//!
//! Imports nothing of ours, no tokio, no axum, no database driver. Read [`flow`] first (what an attempt to log in
//! or to register *is*), then [`identity`] and [`session`]; [`ui`] and [`text`] are what people get to see.

pub mod audit;
pub mod clock;
pub mod config;
pub mod continue_with;
pub mod fail_point;
pub mod flow;
pub mod id;
pub mod identity;
pub mod measure;
pub mod message;
pub mod outbound;
pub mod problem;
pub mod return_to;
pub mod rng;
pub mod schema;
pub mod sealed;
pub mod secret;
pub mod session;
pub mod snapshot;
pub mod storable;
pub mod text;
pub mod timestamp;
pub mod tls;
pub mod ui;
