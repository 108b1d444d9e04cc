//! Traces for an OpenTelemetry collector (`tracing.provider: otel`).
//!
//! What is traced are spans with the target `otel`, and nothing else: requests, what the engine does, statements by their
//! names, and outgoing requests. The log does not show them, and without a collector nobody is interested in them, so
//! that they are never made. They hold no values: a statement is what it does to which table, an address is its host.
//!
//! They leave in batches, by the same kind of client as all else that leaves the house. That they cannot be delivered is
//! told once, and loses them: nothing waits for it.

use crate::cli::Failure;
use async_trait::async_trait;
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::runtime::Handle;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};
use url::Url;
use zelos_core::{
    config::log::{Otlp, Tracing, TracingProvider},
    outbound::{Outbound, OutboundRequest},
};

/// The target of spans that are traced.
const TARGET: &str = "otel";

/// Where a collector takes traces.
const PATH: &str = "/v1/traces";

/// So long a collector may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Traces on their way to a collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to send traces, if the configuration says so. They leave on the runtime that this is called in.
    ///
    /// # Errors
    /// The collector has no usable address.
    pub fn start(config: &Tracing, outbound: Arc<dyn Outbound>) -> Result<Option<Self>, Failure> {
        if config.provider != Some(TracingProvider::Otel) {
            return Ok(None);
        }
        let otlp = &config.providers.otlp;
        let wrong = |why: String| Failure::new(format!("tracing.providers.otlp.server_url: {why}"));
        let headers = otlp.authorization_header.as_ref();
        let headers: HashMap<_, _> =
            headers.map(|value| ("Authorization".to_owned(), value.expose().to_owned())).into_iter().collect();
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { outbound, runtime: Handle::current(), is_away: AtomicBool::new(false) })
            .with_endpoint(endpoint(otlp).map_err(wrong)?)
            .with_timeout(PATIENCE)
            .with_headers(headers)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let ratio = otlp.sampling.sampling_ratio.unwrap_or(1.0);
        let mut attributes = vec![KeyValue::new("service.version", crate::VERSION)];
        if let Some(environment) = &config.deployment_environment {
            attributes.push(KeyValue::new("deployment.environment.name", environment.clone()));
        }
        let name = config.service_name.clone().unwrap_or_else(|| "Zelos".to_owned());
        let resource = Resource::builder_empty().with_service_name(name).with_attributes(attributes).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            // Whoever is asked by somebody who traces goes along with them.
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    /// What turns spans into traces.
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("zelos"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
    }

    /// Sends what is left.
    pub async fn finish(self) {
        let sent = tokio::task::spawn_blocking(move || self.provider.shutdown_with_timeout(PATIENCE)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::debug!("the last traces could not be sent");
        }
    }
}

/// The address for traces. The original knows host and port only; a whole address is taken as it is.
fn endpoint(otlp: &Otlp) -> Result<String, String> {
    let server = otlp.server_url.as_deref().unwrap_or_default();
    if server.is_empty() {
        return Err("traces need the address of a collector, host:port".to_owned());
    }
    let scheme = if otlp.insecure { "http" } else { "https" };
    let whole = if server.contains("://") { server.to_owned() } else { format!("{scheme}://{server}") };
    let mut url = Url::parse(&whole).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("is no address of a collector, host:port".to_owned());
    }
    if url.path().trim_matches('/').is_empty() {
        url.set_path(PATH);
    }
    Ok(url.to_string())
}

/// Sends what the exporter has packed. The exporter has a thread of its own, outside of the runtime.
struct Sender {
    outbound: Arc<dyn Outbound>,
    runtime: Handle,
    is_away: AtomicBool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = OutboundRequest {
            method: parts.method,
            headers: parts.headers,
            body,
            timeout: PATIENCE,
            ..OutboundRequest::get(Url::parse(&parts.uri.to_string())?)
        };
        let outbound = Arc::clone(&self.outbound);
        let answer = self.runtime.spawn(async move { outbound.send(request).await }).await?;
        let is_away = !answer.as_ref().is_ok_and(|answer| answer.status.is_success());
        if is_away && !self.is_away.swap(is_away, Relaxed) {
            let why = answer.as_ref().map_or_else(ToString::to_string, |answer| answer.status.to_string());
            tracing::warn!(why, "the collector takes no traces; they are lost until it does");
        }
        self.is_away.store(is_away, Relaxed);
        let answer = answer?;
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_has_an_address() {
        let at = |server: &str, insecure| {
            endpoint(&Otlp { server_url: Some(server.to_owned()), insecure, ..Otlp::default() })
        };
        for (server, insecure, whole) in [
            ("collector:4318", true, "http://collector:4318/v1/traces"),
            ("collector.example.org:4318", false, "https://collector.example.org:4318/v1/traces"),
            ("http://127.0.0.1:4318/", false, "http://127.0.0.1:4318/v1/traces"),
            ("https://example.org/otlp/v1/traces", true, "https://example.org/otlp/v1/traces"),
        ] {
            assert_eq!(at(server, insecure).as_deref(), Ok(whole), "{server}");
        }
        for server in ["", "ftp://collector", "http://"] {
            assert!(at(server, true).is_err(), "{server}");
        }
    }
}
