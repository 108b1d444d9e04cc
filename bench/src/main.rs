//! `zelos-bench`: what a request costs a server, in CPU and in memory, for any server that speaks the wire.
//!
//! CPU time per unit is the headline and not requests per second: it says the same on a busy laptop and on an idle
//! rack. Servers named in one run are measured alternately, one alive at a time, so that their ratio holds even
//! where the absolute figures drift. Nothing here passes or fails by time: targets are printed beside the figures.
//!
//! Read [`campaign`] first (the order of things), then [`scenario`] (what is measured).

mod campaign;
mod config;
mod http;
mod load;
mod measure;
mod options;
mod out;
mod process;
mod report;
mod scenario;
mod server;
mod target;
mod visitor;
mod words;
mod world;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

// One thread: the client must leave the cores to the server it measures.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = options::Options::parse();
    if options.list {
        out::text(&scenario::list());
        return ExitCode::SUCCESS;
    }
    // Dropping the campaign at a signal drops the running server with it, which ends its process group.
    let outcome = tokio::select! {
        outcome = campaign::run(&options) => outcome,
        () = stopped() => Err(anyhow::anyhow!("stopped by a signal")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            out::note(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn stopped() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => (),
        _ = terminate.recv() => (),
    }
}
