//! Outgoing HTTP as operators see it: counted, and a part of the trace of what it is done for. Around whatever sends it, so
//! that nothing leaves unseen.

use async_trait::async_trait;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::HeaderInjector;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{Instrument, Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use zelos_core::{
    measure::Measures,
    outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse},
};

/// Looks at what it passes on.
pub(crate) struct Observed {
    pub(crate) inner: Arc<dyn Outbound>,
    pub(crate) measures: Arc<Measures>,
}

#[async_trait]
impl Outbound for Observed {
    async fn send(&self, mut request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let (span, began) = (span(&request), Instant::now());
        if !span.is_disabled() {
            // The other side may go on with the trace.
            TraceContextPropagator::new().inject_context(&span.context(), &mut HeaderInjector(&mut request.headers));
        }
        let answer = self.inner.send(request).instrument(span.clone()).await;
        match &answer {
            Ok(response) => span.record("http.response.status_code", response.status.as_u16()),
            Err(_) => span.record("otel.status_code", "ERROR"),
        };
        self.measures.outbound_time.time(began.elapsed());
        self.measures.outbound.count([name(&answer)]);
        answer
    }
}

/// Of the address only the host is shown: the rest may hold a key.
fn span(request: &OutboundRequest) -> Span {
    tracing::info_span!(
        target: "otel",
        "outbound",
        otel.name = request.method.as_str(),
        otel.kind = "client",
        otel.status_code = Empty,
        http.request.method = request.method.as_str(),
        http.response.status_code = Empty,
        server.address = request.url.host_str().unwrap_or_default(),
    )
}

fn name(answer: &Result<OutboundResponse, OutboundError>) -> &'static str {
    match answer {
        Ok(response) => match response.status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        },
        Err(OutboundError::Forbidden(_)) => "forbidden",
        Err(OutboundError::Timeout) => "timeout",
        Err(OutboundError::TooLarge(_)) => "too_large",
        Err(OutboundError::Failed(_)) => "failed",
    }
}
