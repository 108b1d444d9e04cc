//! `serve.admin.auth`: who may use the admin API. Ours beside the original's keys, whose admin API is open to everybody who
//! reaches the port.

use super::{error::ConfigError, root::Config};
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Who may use the admin API.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdminAuth {
    /// Everybody who reaches the admin server may do everything. Without it, a server that listens on more than the
    /// machine itself demands tokens.
    pub insecure_open: bool,
    /// With any, every request but health checks has to bring one: `Authorization: Bearer …`.
    pub tokens: Vec<AdminToken>,
}

/// A token, without the token. `zelos admin token` makes one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminToken {
    /// Whose it is, for the log.
    pub name: String,
    /// The SHA-256 of the token, hexadecimal.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Secret,
    /// What it is good for.
    pub scopes: Vec<AdminScope>,
}

/// What somebody may do with the admin API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdminScope {
    /// Look at identities, sessions and metrics.
    Read,
    /// Change them, too: with this one can become anybody.
    Write,
    /// Look at messages, which may hold codes.
    Courier,
    /// See the secrets of credentials (`include_credential`): password hashes, keys of authenticator apps, backup codes. Needed
    /// beside `read`, without which it allows nothing, and not part of `write`.
    Credentials,
}

impl AdminScope {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Courier => "courier",
            Self::Credentials => "credentials",
        }
    }
}

impl AdminAuth {
    /// Whether nobody has to show anything.
    pub fn is_open(&self) -> bool {
        self.tokens.is_empty()
    }

    /// The token that somebody shows, as it is configured.
    pub fn find(&self, shown: &str) -> Option<&AdminToken> {
        let hash = hash(shown);
        // All of them, whichever it is.
        self.tokens.iter().fold(None, |found, token| if token.sha256 == hash { Some(token) } else { found })
    }
}

impl AdminToken {
    /// Whether it is good for that. Who may change things may look at them.
    pub fn allows(&self, scope: AdminScope) -> bool {
        let has = |scope| self.scopes.contains(&scope);
        has(scope) || (scope == AdminScope::Read && has(AdminScope::Write))
    }
}

/// What is kept of a token. It has enough entropy to need no slow hash.
pub fn hash(token: &str) -> Secret {
    Secret::new(Sha256::digest(token).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// What is wrong with the tokens.
pub(crate) fn errors(config: &Config, out: &mut Vec<ConfigError>) {
    for (index, token) in config.serve.admin.auth.tokens.iter().enumerate() {
        let mut complain = |name: &str, reason: &str| {
            out.push(ConfigError::new(format!("serve.admin.auth.tokens.{index}.{name}"), reason));
        };
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let hash = token.sha256.expose();
        if hash.len() != 64 || !hash.bytes().all(is_hex) {
            complain("sha256", "must be the SHA-256 of a token: 64 digits and letters a to f");
        }
        if token.scopes.is_empty() {
            complain("scopes", "must name what the token is good for: read, write, courier, credentials");
        }
    }
}

/// Whether a server may run with that admin door. `is_private`: only this machine can reach it. In development it may.
///
/// # Errors
/// It would be open to everybody who reaches the port, and nobody has said that this is wanted.
pub fn judge(config: &Config, is_private: bool) -> Result<(), ConfigError> {
    let auth = &config.serve.admin.auth;
    if is_private || !auth.is_open() || auth.insecure_open || config.dev {
        return Ok(());
    }
    Err(ConfigError::new(
        "serve.admin.host",
        "the admin API would be open to everybody who reaches it: listen on 127.0.0.1 or on a unix socket, or set \
         serve.admin.auth.tokens (`zelos admin token` makes one), or say serve.admin.auth.insecure_open: true",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn config(auth: &Value, dev: bool) -> Result<Config, Vec<ConfigError>> {
        Config::from_document(json!({
            "dsn": "memory",
            "dev": dev,
            "identity": { "default_schema_id": "a", "schemas": [{ "id": "a", "url": "base64://e30=" }] },
            "selfservice": { "default_browser_return_url": "https://a.example/" },
            "serve": { "admin": { "auth": auth } },
        }))
    }

    fn token(scopes: &Value) -> Value {
        json!({ "name": "panel", "sha256": hash("t").expose(), "scopes": scopes })
    }

    #[test]
    fn an_open_door_needs_a_word() {
        let open = config(&json!({}), false).unwrap();
        assert!(judge(&open, true).is_ok());
        assert!(judge(&open, false).unwrap_err().to_string().contains("serve.admin.host"));
        assert!(judge(&config(&json!({ "insecure_open": true }), false).unwrap(), false).is_ok());
        assert!(judge(&config(&json!({ "tokens": [token(&json!(["read"]))] }), false).unwrap(), false).is_ok());
        assert!(judge(&config(&json!({}), true).unwrap(), false).is_ok());
    }

    #[test]
    fn a_token_is_found_by_its_hash_and_good_for_its_scopes() {
        let config = config(&json!({ "tokens": [token(&json!(["write"]))] }), false).unwrap();
        let auth = &config.serve.admin.auth;
        assert!(auth.find("").is_none() && auth.find(hash("t").expose()).is_none());
        let found = auth.find("t").unwrap();
        assert!(
            found.allows(AdminScope::Write) && found.allows(AdminScope::Read) && !found.allows(AdminScope::Courier)
        );
        assert!(!format!("{found:?}").contains(hash("t").expose()));
    }

    #[test]
    fn half_a_token_is_named() {
        let mut half = token(&json!([]));
        half["sha256"] = "abc".into();
        let errors = config(&json!({ "tokens": [half] }), false).unwrap_err();
        let said: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|line| line.contains("tokens.0.sha256")), "{said:?}");
    }
}
