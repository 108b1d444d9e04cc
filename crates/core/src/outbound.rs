//! HTTP that Zelos itself sends out (breach check, remote contents, later web hooks and providers) is an input.
//!
//! The one real implementation lives in the server crate; it decides which addresses may be reached. What callers
//! state here are bounds: how long, how much.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use std::time::Duration;
use url::Url;

/// A request to somebody else's server.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Until the whole answer is there.
    pub timeout: Duration,
    /// Bytes of the answer's body; more is an error.
    pub max_body: usize,
    /// How often a failed connection or a 5xx is tried again.
    pub retries: u32,
}

impl OutboundRequest {
    /// A GET with the bounds that suit small documents: 30 s, 1 MiB, no retry.
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: Duration::from_secs(30),
            max_body: 1 << 20,
            retries: 0,
        }
    }
}

/// What came back, whatever its status.
#[derive(Debug, Clone)]
pub struct OutboundResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why nothing usable came back. Holds no secrets: the URL's host at most.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OutboundError {
    #[error("the address {0} may not be reached")]
    Forbidden(String),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the request failed: {0}")]
    Failed(String),
}

/// Sends requests out.
#[async_trait]
pub trait Outbound: Send + Sync {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError>;
}
