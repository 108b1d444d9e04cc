//! The way to a server's admin API, for commands that work on one from outside.

use super::Failure;
use crate::{outbound::HttpClient, settings};
use bytes::Bytes;
use clap::{
    Args,
    builder::{StringValueParser, TypedValueParser as _},
};
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::Value;
use std::time::Duration;
use url::Url;
use zelos_core::{
    config::clients,
    outbound::{Outbound, OutboundRequest, OutboundResponse},
    secret::Secret,
};

/// Where the server is, and who is asking.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// URL of the admin API; without it, that of the variable KRATOS_ADMIN_URL.
    #[arg(short, long, global = true, value_name = "URL")]
    endpoint: Option<String>,
    /// Bearer token for the admin API; better in the variable ZELOS_ADMIN_TOKEN, where other users do not see it.
    #[arg(long, global = true, value_name = "TOKEN", value_parser = StringValueParser::new().map(Secret::new))]
    token: Option<Secret>,
}

impl Flags {
    /// Refuses a server where a command works on the database itself.
    pub(super) fn needless(&self) -> Result<(), Failure> {
        match &self.endpoint {
            None => Ok(()),
            Some(_) => Err(Failure::new("--endpoint: this goes straight to the database, no server is asked")),
        }
    }
}

/// A list of a thousand people with much to tell fits.
const MOST_BYTES: usize = 256 << 20;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server's admin API.
pub(super) struct Client {
    endpoint: Url,
    authorization: Option<HeaderValue>,
    outbound: HttpClient,
}

impl Client {
    /// Finds out which server is meant.
    pub(super) fn new(flags: Flags) -> Result<Self, Failure> {
        let endpoint = flags.endpoint.filter(|url| !url.is_empty()).or_else(|| settings::variable("KRATOS_ADMIN_URL"));
        let endpoint = endpoint.ok_or_else(|| {
            Failure::new("no server: name its admin API with --endpoint, or in the variable KRATOS_ADMIN_URL")
        })?;
        // What comes of it is not quoted: a URL may hold a password.
        let endpoint = Url::parse(&endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let endpoint = endpoint.ok_or_else(|| Failure::new("the endpoint is not a URL with http:// or https://"))?;
        let token = flags.token.or_else(|| settings::variable("ZELOS_ADMIN_TOKEN").map(Secret::new));
        let authorization = token.map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| Failure::new("the token holds letters that no header can"))?;
            value.set_sensitive(true);
            Ok::<_, Failure>(value)
        });
        // The endpoint is the operator's own choice, so every network is open.
        let outbound = HttpClient::new(&clients::HttpClient::default());
        Ok(Self { endpoint, authorization: authorization.transpose()?, outbound })
    }

    /// A GET of the path that these parts make, with a query; answers with status 200.
    pub(super) async fn get(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<OutboundResponse, Refusal> {
        self.send(Method::GET, parts, query, Bytes::new()).await
    }

    /// A POST of JSON.
    pub(super) async fn post(&self, parts: &[&str], body: &Value) -> Result<OutboundResponse, Refusal> {
        self.send(Method::POST, parts, &[], body.to_string().into()).await
    }

    /// A DELETE.
    pub(super) async fn delete(&self, parts: &[&str]) -> Result<OutboundResponse, Refusal> {
        self.send(Method::DELETE, parts, &[], Bytes::new()).await
    }

    async fn send(
        &self,
        method: Method,
        parts: &[&str],
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<OutboundResponse, Refusal> {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if !body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.extend(self.authorization.clone().map(|value| (header::AUTHORIZATION, value)));
        let request =
            OutboundRequest { method, url, headers, body, timeout: PATIENCE, max_body: MOST_BYTES, retries: 0 };
        let answer =
            self.outbound.send(request).await.map_err(|error| Refusal(format!("{}: {error}", self.place())))?;
        if answer.status.is_success() { Ok(answer) } else { Err(Refusal::of(&answer)) }
    }

    /// The server's host, for complaints.
    fn place(&self) -> String {
        let host = self.endpoint.host_str().unwrap_or_default();
        self.endpoint.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

/// Why a request came to nothing, in a line.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

impl Refusal {
    /// What the server said.
    fn of(answer: &OutboundResponse) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let said = |name: &str| body["error"][name].as_str().filter(|text| !text.is_empty());
        Self(match (said("message"), said("reason")) {
            (Some(message), Some(reason)) => format!("{}: {reason}", message.trim_end_matches('.')),
            (Some(only), None) | (None, Some(only)) => only.to_owned(),
            (None, None) => format!("the server answered {}", answer.status),
        })
    }
}

impl From<Refusal> for Failure {
    fn from(Refusal(reason): Refusal) -> Self {
        Self::new(reason)
    }
}

/// The body as JSON.
pub(super) fn json(answer: &OutboundResponse) -> Result<Value, Refusal> {
    serde_json::from_slice(&answer.body).map_err(|_| Refusal("the server's answer is not JSON".to_owned()))
}
