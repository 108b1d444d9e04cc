//! How a request to an operator's own server is made: shared by web hooks, the courier and the password migration.

use super::contents::ContentUri;
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use url::Url;

/// Header names and values. Values are secrets, since tokens are often put there.
pub type Headers = BTreeMap<String, Secret>;

/// A request of the courier: one e-mail or SMS handed to a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestConfig {
    #[schemars(extend("format" = "http-url"))]
    pub url: Option<Url>,
    pub method: String,
    pub headers: Headers,
    /// Jsonnet that makes the body; without it the courier's own.
    pub body: Option<ContentUri>,
    pub auth: Option<Auth>,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self { url: None, method: "POST".to_owned(), headers: Headers::new(), body: None, auth: None }
    }
}

/// How a request shows who sends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "config", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    ApiKey(ApiKey),
    BasicAuth(BasicAuth),
}

/// A fixed value in a header or cookie.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    pub name: String,
    pub value: Secret,
    #[serde(rename = "in")]
    pub r#in: ApiKeyPlace,
}

/// Where the value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPlace {
    Header,
    Cookie,
}

/// HTTP basic authentication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicAuth {
    pub user: String,
    pub password: Secret,
}
