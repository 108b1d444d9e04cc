//! The process as its operator sees it: the real binary in a folder of its own, with its own ports and configuration,
//! killed, cut off from its database, started too early, told to stop.
//!
//! What is told here cannot be told from within: signals, sockets, exit codes, files, and what a database holds after
//! the process is gone. Every wait looks again and again until a deadline; none is a pause that must be long enough.

mod at_rest;
mod backup;
#[cfg(debug_assertions)]
mod between_steps;
mod client;
mod commands;
mod configuring;
mod courier;
mod damaged;
mod development;
mod disk;
mod encrypted;
mod files;
mod killed;
mod listening;
mod moving;
mod operators;
mod outage;
mod people;
mod place;
mod proxy;
mod reloading;
mod remote;
mod secrecy;
mod slow;
mod starting;
mod stopping;
mod tools;
mod trust;
mod unread;
