//! `session` and `cookies`: how long people stay signed in and what their browsers keep.

use super::{
    contents::ContentUri,
    value::{GoDuration, RequiredAal, SameSite, switch},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Sessions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Session {
    pub lifespan: GoDuration,
    /// How long before its end a session may be extended; without it, always.
    pub earliest_possible_extend: Option<GoDuration>,
    /// A session that was not used for so long is over. Without it, sessions last for their lifespan however seldom they
    /// are used. What counts as use is written down at most ten times in that span.
    pub idle_timeout: Option<GoDuration>,
    /// A session whose authenticator assurance level rises gets a new token; the old one is void.
    pub rotate_token_on_step_up: bool,
    /// A change of a password or of another factor in the settings ends all other sessions of the identity.
    pub revoke_others_on_credential_change: bool,
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
#[serde(default)]
pub struct Tokenizer {
    /// By the name a caller gives in `tokenize_as`.
    pub templates: BTreeMap<String, TokenTemplate>,
}

/// One kind of token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// Which prefix the names of cookies get: `auto` is `__Host-` for cookies with the path `/` and without a domain and
    /// `__Secure-` for others, where the public base URL is https (RFC 6265bis, section 4.1.3). A change of it signs
    /// users out.
    pub name_prefix: NamePrefix,
}

/// Prefixes of cookie names, which make browsers refuse cookies that another host or plain http has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamePrefix {
    /// None: the names that Kratos uses.
    #[default]
    None,
    /// The strictest that the cookie's attributes and the public base URL allow.
    Auto,
}

impl Session {
    /// The moment since which a session must have been used; none without an idle timeout.
    pub fn used_since(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        self.idle_timeout.and_then(|timeout| now.checked_sub((*timeout).try_into().ok()?))
    }
}

fn minute() -> GoDuration {
    GoDuration::from_secs(60)
}

impl Default for Session {
    fn default() -> Self {
        Self {
            lifespan: GoDuration::from_secs(24 * 3600),
            earliest_possible_extend: None,
            idle_timeout: None,
            rotate_token_on_step_up: false,
            revoke_others_on_credential_change: false,
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
        Self {
            domain: None,
            path: "/".to_owned(),
            secure: None,
            same_site: SameSite::default(),
            name_prefix: NamePrefix::None,
        }
    }
}
