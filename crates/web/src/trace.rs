//! The span of a request, for traces. Whoever calls may say of which trace it is a part (`traceparent`, W3C).
//!
//! Where nothing is traced there is no span: asking costs one look at a flag.

use axum::extract::Request;
use http::StatusCode;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The span of a request by that route; nobody asks for those of health checks and metrics.
pub(crate) fn span(request: &Request, route: &str) -> Span {
    if route.contains("/health/") || route.ends_with("/metrics/prometheus") {
        return Span::none();
    }
    let span = tracing::info_span!(
        target: "otel",
        "request",
        otel.name = %format_args!("{} {route}", request.method()),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = request.method().as_str(),
        http.route = route,
        http.response.status_code = Empty,
    );
    if !span.is_disabled() {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(request.headers()));
        // It has not been entered yet: that alone could fail.
        let _ = span.set_parent(parent);
    }
    span
}

/// How the request was answered.
pub(crate) fn answered(span: &Span, status: StatusCode) {
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
}
