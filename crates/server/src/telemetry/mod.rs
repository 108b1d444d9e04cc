//! What the server says about itself while it runs: the log, one line for each event on standard error, as text or JSON;
//! and [`traces`], if they are switched on. Read once, at start.
//!
//! Lines of other people's libraries are shown from `warning` on: their `debug` quotes requests with everything in
//! them. Ours hold no personal data at any level.

pub mod traces;

use crate::{cli::Failure, outbound::HttpClient};
use std::sync::Arc;
use traces::Traces;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, filter::Targets, fmt, layer::SubscriberExt as _, registry, registry::LookupSpan,
    util::SubscriberInitExt as _,
};
use zelos_core::config::{
    Config, clients,
    log::{Log, LogFormat, LogLevel},
};

/// Starts logging and tracing. A second call in a process changes nothing.
///
/// # Errors
/// Traces have nowhere to go.
pub(crate) fn start(config: &Config) -> Result<Option<Traces>, Failure> {
    // A collector is a neighbour as a rule, so private addresses are open to this client whatever holds for others.
    let outbound = Arc::new(HttpClient::new(&clients::HttpClient::default()));
    let traces = Traces::start(&config.tracing, outbound)?;
    let _ = registry().with(lines(&config.log)).with(traces.as_ref().map(Traces::layer)).try_init();
    Ok(traces)
}

fn lines<S: Subscriber + for<'span> LookupSpan<'span>>(log: &Log) -> impl Layer<S> + use<S> {
    let level = level(log.level);
    let shown = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("zelos", level);
    let lines = match log.format {
        Some(LogFormat::Json) => {
            fmt::layer().json().flatten_event(true).with_current_span(true).with_writer(std::io::stderr).boxed()
        }
        Some(LogFormat::Text) | None => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            fmt::layer().with_ansi(colours).with_writer(std::io::stderr).boxed()
        }
    };
    lines.with_filter(shown)
}

fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Fatal | LogLevel::Panic => LevelFilter::ERROR,
    }
}
