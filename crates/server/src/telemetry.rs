//! The log: one line for each event on standard error, as text or JSON. Read once, at start.
//!
//! Lines of other people's libraries are shown from `warning` on: their `debug` quotes requests with everything in
//! them. Ours hold no personal data at any level.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _,
};
use zelos_core::config::log::{Log, LogFormat, LogLevel};

/// Starts logging. A second call in a process changes nothing.
pub(crate) fn start(log: &Log) {
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
    let _ = registry().with(lines.with_filter(shown)).try_init();
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
