//! Listening: from a configured address to a request in the hands of the web crate.
//!
//! [`bind`] opens the socket (TCP or Unix), [`tls`] reads certificates, [`accept`] takes connections and lets them
//! finish at the end, [`connection`] closes those that stall, [`connections`] bounds how many there are and what they hold,
//! [`response`] is what one holds, and [`service`] is what runs around each request.
//!
//! The time-outs are the original's. They are ours to keep because hyper's own header time-out also runs while a kept
//! connection rests between two requests, which would close it under a proxy's hands.

pub(crate) mod accept;
pub(crate) mod bind;
pub(crate) mod connection;
pub(crate) mod connections;
pub(crate) mod response;
pub(crate) mod service;
pub(crate) mod tls;

pub(crate) use accept::{Ending, serve};
pub(crate) use bind::{Address, Listener};
pub(crate) use connection::Limits;
pub(crate) use service::RequestLine;
