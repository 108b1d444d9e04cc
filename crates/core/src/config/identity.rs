//! `identity`: the schemas that say what a person's data looks like.

use super::contents::ContentUri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All identity schemas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The schema of people who register without naming one; must be in the list.
    #[serde(default = "default_schema_id")]
    pub default_schema_id: String,
    #[schemars(length(min = 1))]
    pub schemas: Vec<IdentitySchema>,
}

/// One identity schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentitySchema {
    pub id: String,
    pub url: ContentUri,
    /// Whether `?identity_schema=` may choose it at registration and login.
    #[serde(default)]
    pub selfservice_selectable: bool,
}

fn default_schema_id() -> String {
    "default".to_owned()
}

impl Identity {
    /// The schema of that name.
    pub fn find(&self, id: &str) -> Option<&IdentitySchema> {
        self.schemas.iter().find(|schema| schema.id == id)
    }
}
