//! The one way out: HTTP requests to other people's servers.
//!
//! Some of the addresses are chosen by operators (web hooks, providers, schemas), and what stands behind a name or a
//! redirect is chosen by whoever owns it. So it is not the address that is judged, but each connection: `reach` decides
//! for the URL of each hop whether private networks are open to it; where they are not, names are resolved by a resolver
//! that knows no private address, so that a name cannot change its meaning between the check and the connection.
//!
//! `client` keeps the bounds that each request states: time, size, redirects, repetitions. `observed` stands around it.

mod client;
mod observed;
mod reach;
#[cfg(test)]
mod tests;

pub use client::HttpClient;
pub(crate) use observed::Observed;
