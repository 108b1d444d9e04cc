//! HTTP: the public and the admin server, and our own pages.
//!
//! Imports core, store and flow. Read [`router`](public_router) first – every route stands on that one page – then
//! `public/flows.rs`, the one handler for all kinds of flows. Who asks is worked out in `client.rs` and `caller.rs`,
//! from where in `address.rs`, what a body says in `input.rs`, and what goes back is decided in `respond.rs` and
//! `failure.rs`: no other file knows a status code of a flow.

mod address;
mod admin;
mod app;
mod caller;
mod client;
mod cookies;
mod cors;
mod csrf;
mod device;
mod failure;
mod headers;
mod input;
mod json;
mod kratos_cookie;
mod metrics;
mod middleware;
mod page_token;
pub mod pages;
mod paging;
mod public;
mod respond;
mod router;
#[cfg(test)]
mod router_tests;
#[cfg(test)]
mod testing;
mod trace;

pub use admin::{check_create, made};
pub use app::{App, Phase, Readiness};
pub use client::Peer;
pub use headers::add_security_headers;
pub use router::{admin_router, public_router};
