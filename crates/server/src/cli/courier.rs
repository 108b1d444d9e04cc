//! `zelos courier watch`: the courier as a process of its own, e.g. where servers must not reach the mail server.
//!
//! It is the same courier as in `zelos serve`, and it need not be switched off there: whoever comes first takes a
//! message.

use super::{
    Failure,
    serve::{self, Built},
};
use crate::{
    VERSION, jobs,
    listen::{self, Address, Limits, RequestLine},
    reload::{self, Running, Watched},
    settings::{self, ConfigFiles, Settings},
    telemetry::{self, Telemetry},
    wiring,
};
use axum::{Router, response::IntoResponse as _, routing::get};
use clap::Args;
use std::sync::Arc;
use tokio::sync::watch;
use zelos_core::{
    config::{Config, Loaded},
    rng::SystemRng,
};
use zelos_courier::Courier;

/// How the courier runs.
#[derive(Debug, Clone, Args)]
pub(super) struct Flags {
    /// Development mode, as in `serve`.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub(super) dev: bool,
    /// The port for metrics (`/metrics/prometheus`); none by default.
    #[arg(long, value_name = "PORT")]
    pub(super) expose_metrics_port: Option<u16>,
    /// Accepted for compatibility.
    #[arg(hide = true, value_name = "WORD")]
    pub(super) words: Vec<String>,
}

/// Delivers until it is told to stop.
pub(super) async fn watch(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let watched = Watched::new(&files.paths);
    let (dev, metrics_port) = (flags.dev, flags.expose_metrics_port);
    let given = settings::Given { files, dev, metrics_port, ..settings::Given::default() };
    let (settings, Loaded { config, warnings }) = Settings::load(given, &*rng)?;
    let Telemetry { traces, level } = telemetry::start(&config)?;
    serve::warn_of_words(&flags.words);
    settings::warn(&warnings);

    let metrics = listener(&config).await?;
    let Built { engine, outbound, .. } = Box::pin(serve::build(config, rng)).await?;
    let courier = wiring::courier(&engine);
    let (end, ending) = watch::channel(false);
    if let Some(metrics) = metrics {
        let line = RequestLine { server: "metrics", silent_health: true, leaks: false };
        tokio::spawn(listen::serve(metrics, router(&courier), (Limits::ADMIN, Vec::new()), line, ending.clone()));
    }
    let store = engine.store.clone();
    tokio::spawn(jobs::fetch(Arc::clone(&engine), ending.clone()));
    tokio::spawn(reload::watch(watched, Running { settings, engine, outbound, level }, ending.clone()));
    let work = tokio::spawn(courier.run(ending));
    tracing::info!(version = VERSION, "delivering");

    let done = serve::told_to_stop().await.map_err(Failure::from);
    let _ = end.send(true);
    tokio::select! {
        _ = work => {}
        // Whoever asks twice does not want to wait.
        _ = serve::told_to_stop() => {}
    }
    store.close().await;
    if let Some(traces) = traces {
        traces.finish().await;
    }
    done
}

/// The socket for metrics: the admin server's, but for the port.
async fn listener(config: &Config) -> Result<Option<listen::Listener>, Failure> {
    if config.expose_metrics_port == 0 {
        return Ok(None);
    }
    let address = Address { port: config.expose_metrics_port, ..Address::admin(&config.serve.admin) };
    Ok(Some(address.bind().await?))
}

fn router(courier: &Arc<Courier>) -> Router {
    let courier = Arc::clone(courier);
    let metrics = move || async move {
        let kind = [("content-type", "text/plain; version=0.0.4; charset=utf-8")];
        let mut text = String::new();
        courier.measures.write(&mut text);
        let mut response = (kind, text).into_response();
        zelos_web::add_security_headers(response.headers_mut());
        response
    };
    Router::new().route("/metrics/prometheus", get(metrics))
}
