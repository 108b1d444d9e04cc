//! The scenarios. [`list`](mod@list) names them and says where each runs: on a server that several of them share,
//! prepared with people, or on servers that it starts itself because a start or a fresh memory is what it measures.
//!
//! - [`steady`]: one kind of request over and over; its CPU time is the figure.
//! - [`contention`]: `whoami` while many passwords are being hashed; its latency is the figure.
//! - [`crowd`]: a million people taken in, listed, found and deleted.
//! - [`discretion`]: whether it takes as long to answer about addresses that nobody has.
//! - [`distant`]: signing in and up where the database is far away; round trips are the figure.
//! - [`footprint`]: memory and program size.
//! - [`mail`]: how fast mail that waits is delivered.
//! - [`start`]: from starting the process to being ready.

mod contention;
mod crowd;
mod discretion;
mod distant;
mod footprint;
mod list;
mod mail;
mod stage;
mod start;
mod steady;

pub(crate) use crowd::Crowd;
pub(crate) use list::{Place, Scenario, list};
pub(crate) use stage::{Stage, alone, shared};
