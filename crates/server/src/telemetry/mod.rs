//! What the server says about itself while it runs: the log, one line for each event on standard error, as text or JSON;
//! and [`traces`], if they are switched on. Set up once, at start; the level of the log may change later.
//!
//! Lines of other people's libraries are shown from `warning` on: their `debug` quotes requests with everything in
//! them. Ours hold no personal data at any level.

pub mod traces;

use crate::{cli::Failure, outbound::HttpClient};
use std::sync::Arc;
use traces::Traces;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry, filter::Targets, fmt, layer::SubscriberExt as _, registry, registry::LookupSpan, reload,
    util::SubscriberInitExt as _,
};
use zelos_core::config::{
    Config, clients,
    log::{Log, LogFormat, LogLevel},
};

/// The log and the traces of a process.
#[derive(Debug)]
pub(crate) struct Telemetry {
    pub(crate) traces: Option<Traces>,
    pub(crate) level: Level,
}

/// How much the log tells; changes take effect at once.
#[derive(Debug, Clone)]
pub(crate) struct Level(reload::Handle<Targets, Registry>);

impl Level {
    /// Sets `log.level`.
    pub(crate) fn set(&self, level: LogLevel) {
        // Fails only if the log is not ours, as in a process that had one before.
        let _ = self.0.reload(shown(level));
    }
}

/// Starts logging and tracing. A second call in a process changes nothing.
///
/// # Errors
/// Traces have nowhere to go.
pub(crate) fn start(config: &Config) -> Result<Telemetry, Failure> {
    // A collector is a neighbour as a rule, so private addresses are open to this client whatever holds for others.
    let outbound = Arc::new(HttpClient::new(&clients::HttpClient::default()));
    let traces = Traces::start(&config.tracing, outbound)?;
    let (filter, handle) = reload::Layer::new(shown(config.log.level));
    let lines = lines(&config.log).with_filter(filter);
    let _ = registry().with(lines).with(traces.as_ref().map(Traces::layer)).try_init();
    Ok(Telemetry { traces, level: Level(handle) })
}

/// What the log shows at a level.
fn shown(level: LogLevel) -> Targets {
    let level = self::level(level);
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("zelos", level)
}

fn lines<S: Subscriber + for<'span> LookupSpan<'span>>(log: &Log) -> Box<dyn Layer<S> + Send + Sync> {
    match log.format {
        Some(LogFormat::Json) => {
            fmt::layer().json().flatten_event(true).with_current_span(true).with_writer(std::io::stderr).boxed()
        }
        Some(LogFormat::Text) | None => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            fmt::layer().with_ansi(colours).with_writer(std::io::stderr).boxed()
        }
    }
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
