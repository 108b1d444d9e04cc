//! `session` and `cookies`: how long people stay signed in and what their browsers keep.

use super::{
    contents::ContentUri,
    value::{GoDuration, RequiredAal, SameSite, switch},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    pub lifespan: GoDuration,
    /// How long before its end a session may be extended; without it, always.
    pub earliest_possible_extend: Option<GoDuration>,
    pub cookie: SessionCookie,
    pub whoami: Whoami,
}

/// The session cookie. What is not set here comes from `cookies`: see
/// [`Config::session_cookie`](super::Config::session_cookie).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SessionCookie {
    pub name: String,
    /// Survives the end of the browser: `Max-Age` is the session's lifespan.
    pub persistent: bool,
    pub domain: Option<String>,
    pub path: Option<String>,
    #[serde(deserialize_with = "switch::deserialize", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "switch::schema")]
    pub secure: Option<bool>,
    pub same_site: Option<SameSite>,
}

/// Who is asking?
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Whoami {
    pub required_aal: RequiredAal,
    pub tokenizer: Tokenizer,
}

/// Sessions as signed tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tokenizer {
    /// By the name a caller gives in `tokenize_as`.
    pub templates: BTreeMap<String, TokenTemplate>,
}

/// One kind of token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenTemplate {
    #[serde(default = "minute")]
    pub ttl: GoDuration,
    /// Jsonnet that adds claims.
    #[serde(default)]
    pub claims_mapper_url: Option<ContentUri>,
    /// The signing keys.
    pub jwks_url: ContentUri,
    #[serde(default)]
    pub subject_source: TokenSubject,
}

/// What the token calls the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenSubject {
    #[default]
    Id,
    ExternalId,
}

/// What all cookies have in common.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cookies {
    pub domain: Option<String>,
    pub path: String,
    /// Without it: yes, unless in development.
    #[serde(deserialize_with = "switch::deserialize", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "switch::schema")]
    pub secure: Option<bool>,
    pub same_site: SameSite,
}

fn minute() -> GoDuration {
    GoDuration::from_secs(60)
}

impl Default for Session {
    fn default() -> Self {
        Self {
            lifespan: GoDuration::from_secs(24 * 3600),
            earliest_possible_extend: None,
            cookie: SessionCookie::default(),
            whoami: Whoami::default(),
        }
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: "ory_kratos_session".to_owned(),
            persistent: true,
            domain: None,
            path: None,
            secure: None,
            same_site: None,
        }
    }
}

impl Default for Cookies {
    fn default() -> Self {
        Self { domain: None, path: "/".to_owned(), secure: None, same_site: SameSite::default() }
    }
}
