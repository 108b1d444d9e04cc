//! `selfservice`: what people do for themselves. The flows are in [`super::flows`], the methods in [`super::methods`].

use super::{flows::Flows, hooks::After, methods::Methods};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use url::Url;

/// Flows, methods, and where a browser goes afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelfService {
    /// Where a browser goes when nothing else says so.
    #[schemars(extend("format" = "uri-reference"))]
    pub default_browser_return_url: Url,
    /// Where `return_to` may lead: same scheme, same host (`*.` stands for subdomains), path below this one.
    #[serde(default)]
    #[schemars(schema_with = "references")]
    pub allowed_return_urls: Vec<Url>,
    #[serde(default)]
    pub flows: Flows,
    #[serde(default)]
    pub methods: Methods,
    #[serde(default)]
    pub ui: Pages,
}

fn references(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "format": "uri-reference" } })
}

/// Our own pages, served for every flow that has no `ui_url`. Ours beside the original's keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pages {
    pub enabled: bool,
    /// A directory with templates that replace the built-in ones.
    pub template_path: Option<String>,
}

impl Default for Pages {
    fn default() -> Self {
        Self { enabled: true, template_path: None }
    }
}

impl SelfService {
    /// Where a browser goes after a flow finished by this method: the method's URL, else the flow's, else the default.
    pub fn return_url<'a>(&'a self, after: &'a After, method: &str) -> &'a Url {
        after.for_method(method).0.unwrap_or(&self.default_browser_return_url)
    }
}
