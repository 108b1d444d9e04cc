//! `log` and `tracing`: what the server says about itself. Read once, at start, but for the level of the log.

use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// The log.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub level: LogLevel,
    /// Without it, text.
    pub format: Option<LogFormat>,
    /// Show the queries of requests, with the codes and tokens in them: never in production. What stands in bodies and
    /// headers is shown in no case.
    #[schemars(schema_with = "plain_switch")]
    pub leak_sensitive_values: bool,
    /// Accepted for compatibility: what is hidden is left out.
    pub redaction_text: Option<String>,
}

/// The original gives no default here, so neither does the schema.
fn plain_switch(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "boolean" })
}

/// From everything to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warning,
    Error,
    Fatal,
    Panic,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Json,
    Text,
}

/// Traces sent elsewhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tracing {
    /// Without it, none are sent.
    pub provider: Option<TracingProvider>,
    pub service_name: Option<String>,
    pub deployment_environment: Option<String>,
    pub providers: TracingProviders,
}

/// The protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TracingProvider {
    Jaeger,
    Otel,
    Zipkin,
}

/// The settings of each protocol.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TracingProviders {
    pub jaeger: Jaeger,
    pub zipkin: Zipkin,
    pub otlp: Otlp,
}

/// Jaeger's agent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Jaeger {
    /// `host:port`.
    pub local_agent_address: Option<String>,
    pub sampling: JaegerSampling,
}

/// How much Jaeger gets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JaegerSampling {
    pub server_url: Option<Url>,
    pub trace_id_ratio: Option<f64>,
}

/// Zipkin's collector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Zipkin {
    pub server_url: Option<Url>,
    pub sampling: Sampling,
}

/// An OpenTelemetry collector, over HTTP.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// `host:port`, or a whole address.
    pub server_url: Option<String>,
    /// Plain HTTP, if no whole address says otherwise.
    #[schemars(schema_with = "plain_switch")]
    pub insecure: bool,
    pub sampling: Sampling,
    pub authorization_header: Option<Secret>,
}

/// How much is sent: 1 is everything.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    pub sampling_ratio: Option<f64>,
}
