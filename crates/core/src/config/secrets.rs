//! `secrets`, `ciphers` and `security`: keys, what is encrypted with them, and how closed the house is.

use super::{attempts::AttemptBudgets, preset::Preset};
use crate::secret::{Secret, Weakness};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Keys. In each list the first one signs or encrypts, all of them verify or decrypt: that is how keys are rotated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Stands in for `cookie`. Without both, a random one per start.
    #[schemars(inner(length(min = 16)), extend("uniqueItems" = true))]
    pub default: Vec<Secret>,
    /// Cookies and one-time codes.
    #[schemars(inner(length(min = 16)), extend("uniqueItems" = true))]
    pub cookie: Vec<Secret>,
    /// Page tokens.
    #[schemars(inner(length(min = 16)), extend("minItems" = 1))]
    pub pagination: Vec<Secret>,
    /// Stored tokens of other servers; exactly 32 characters each.
    #[schemars(inner(length(equal = 32)), extend("minItems" = 1))]
    pub cipher: Vec<Secret>,
}

impl Secrets {
    /// The keys of cookies: `cookie`, else `default`. Empty if neither is set.
    pub fn for_cookies(&self) -> &[Secret] {
        if self.cookie.is_empty() { &self.default } else { &self.cookie }
    }

    /// The secrets that are too easy to guess, by their keys.
    pub fn weak(&self) -> impl Iterator<Item = (String, Weakness)> {
        let lists = [
            ("default", &self.default),
            ("cookie", &self.cookie),
            ("pagination", &self.pagination),
            ("cipher", &self.cipher),
        ];
        lists.into_iter().flat_map(|(name, list)| {
            let weak = move |(at, secret): (usize, &Secret)| Some((format!("secrets.{name}.{at}"), secret.weakness()?));
            list.iter().enumerate().filter_map(weak)
        })
    }
}

/// How stored tokens are encrypted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ciphers {
    pub algorithm: CipherAlgorithm,
}

/// The ciphers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum CipherAlgorithm {
    #[default]
    #[serde(rename = "noop")]
    Noop,
    #[serde(rename = "aes")]
    Aes,
    #[serde(rename = "xchacha20-poly1305")]
    XChaCha20Poly1305,
}

/// What strangers may learn and what schemas may load.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Security {
    /// The defaults of the other keys: Kratos' own (`compatible`), or stricter ones (`hardened`).
    pub preset: Preset,
    pub account_enumeration: AccountEnumeration,
    pub attempt_budgets: AttemptBudgets,
    /// Identity schemas may not refer to other documents.
    pub disallow_ref_in_identity_schemas: bool,
    pub assurance: Assurance,
    pub cors: CorsPolicy,
    pub credentials: Credentials,
    /// Refuse to start with a secret in `secrets` that is too short, repeats itself or stands in documentation. Without
    /// it, such a secret is a warning.
    pub refuse_weak_secrets: bool,
}

/// How credentials are stored.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    /// Accept authenticator apps and backup codes only if they are encrypted for their identity under `secrets.cipher`;
    /// means nothing without these secrets. What was stored before is encrypted by `zelos secrets re-encrypt`: as long
    /// as anything is left to do, the server does not start with this key.
    pub require_encrypted: bool,
}

/// What `serve.public.cors` may allow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CorsPolicy {
    /// A configuration that lets every origin send requests with cookies (`*` together with `allow_credentials`) is
    /// refused. Off by default, since Kratos starts with it.
    pub refuse_wildcard_credentials: bool,
}

/// What two factors are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Assurance {
    /// Two proofs that came by mail or short message (`code`, and the codes and links of a recovery) are not two factors:
    /// together they make no second level. Off by default, since the original counts them.
    pub distinct_channels: bool,
}

/// Whether strangers can find out who has an account.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct AccountEnumeration {
    pub mitigate: bool,
}
