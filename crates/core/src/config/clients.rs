//! `clients` and `oauth2_provider`: what we ask of others, and whom we may ask.

use super::request::Headers;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// Bounds of our own requests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Clients {
    pub http: HttpClient,
    pub smtp: SmtpClient,
    pub web_hook: WebHookClient,
}

/// HTTP requests: web hooks, providers, remote contents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HttpClient {
    /// Never reach into private networks.
    pub disallow_private_ip_ranges: bool,
    /// Globs of URLs that may be reached all the same; `.` and `/` separate.
    pub private_ip_exception_urls: Vec<String>,
}

/// Mail servers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SmtpClient {
    /// Never reach into private networks.
    pub disallow_private_ip_ranges: bool,
}

/// Web hooks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WebHookClient {
    /// Which headers of a person's request a web hook gets to see.
    pub header_allowlist: Vec<String>,
}

/// The OAuth2 server that sends its people here to sign in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth2Provider {
    /// Its admin API; without it, login challenges are refused.
    pub url: Option<Url>,
    /// Added to every request.
    pub headers: Headers,
    /// Let `return_to` be the OAuth2 request.
    pub override_return_to: bool,
}

impl Default for WebHookClient {
    fn default() -> Self {
        let names = [
            "Accept",
            "Accept-Encoding",
            "Accept-Language",
            "Content-Length",
            "Content-Type",
            "Origin",
            "Priority",
            "Referer",
            "Sec-Ch-Ua",
            "Sec-Ch-Ua-Mobile",
            "Sec-Ch-Ua-Platform",
            "Sec-Fetch-Dest",
            "Sec-Fetch-Mode",
            "Sec-Fetch-Site",
            "Sec-Fetch-User",
            "True-Client-Ip",
            "User-Agent",
        ];
        Self { header_allowlist: names.map(str::to_owned).to_vec() }
    }
}
