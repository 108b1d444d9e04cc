//! `selfservice.methods`: the ways to prove who one is, each with its switch and its settings.

use super::{
    contents::ContentUri,
    oidc::OidcMethod,
    request::{Auth, Headers, RequestConfig},
    value::GoDuration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// Every method.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Methods {
    pub profile: ProfileMethod,
    pub password: PasswordMethod,
    pub code: CodeMethod,
    pub link: LinkMethod,
    pub totp: TotpMethod,
    pub lookup_secret: LookupSecretMethod,
    pub webauthn: WebauthnMethod,
    pub passkey: PasskeyMethod,
    pub oidc: OidcMethod,
    /// Organizations: accepted, without effect.
    pub b2b: B2bMethod,
}

/// Traits in the settings flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileMethod {
    pub enabled: bool,
}

/// Passwords.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordMethod {
    pub enabled: bool,
    pub config: PasswordConfig,
}

/// What a password must be like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasswordConfig {
    /// The server asked for known leaks.
    pub haveibeenpwned_host: String,
    pub haveibeenpwned_enabled: bool,
    /// In how many leaks a password may have been seen.
    #[schemars(range(max = 100))]
    pub max_breaches: u32,
    /// Refuse the 100,000 commonest passwords, from a list in the program: works offline.
    pub common_passwords_check_enabled: bool,
    /// Accept the password if the leak server cannot be asked.
    pub ignore_network_errors: bool,
    #[schemars(range(min = 6))]
    pub min_password_length: u32,
    /// Refuse passwords that look like the identifier.
    pub identifier_similarity_check_enabled: bool,
    pub migrate_hook: MigrateHook,
}

/// Asks an operator's server whether a password is right, once, and keeps it then.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MigrateHook {
    pub enabled: bool,
    pub config: MigrateHookConfig,
}

/// The request of the migration hook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MigrateHookConfig {
    pub url: Option<Url>,
    /// Always `POST`.
    #[schemars(extend("const" = "POST"))]
    pub method: String,
    pub headers: Headers,
    pub emit_analytics_event: bool,
    pub auth: Option<Auth>,
    pub body: Option<ContentUri>,
}

impl MigrateHookConfig {
    /// The same in the words that all requests to an operator's own server are configured in.
    pub fn request(&self) -> RequestConfig {
        let Self { url, method, headers, auth, body, .. } = self.clone();
        RequestConfig { url, method, headers, body, auth }
    }
}

/// One-time codes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CodeMethod {
    /// Codes that prove addresses. See [`Self::is_enabled`].
    pub enabled: bool,
    /// Codes instead of passwords; not together with `mfa_enabled`.
    pub passwordless_enabled: bool,
    /// Codes as a second factor.
    pub mfa_enabled: bool,
    pub config: CodeConfig,
}

impl CodeMethod {
    /// Whether the method is there at all.
    ///
    /// Quirk: `passwordless_enabled` switches it on even if `enabled` is false (driver/config/config.go).
    pub fn is_enabled(&self) -> bool {
        self.enabled || self.passwordless_enabled
    }

    /// Whether codes are a second factor.
    pub fn is_second_factor(&self) -> bool {
        self.enabled && self.mfa_enabled && !self.passwordless_enabled
    }
}

/// How codes behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CodeConfig {
    pub lifespan: GoDuration,
    /// Wrong codes before a flow is over.
    #[schemars(range(min = 1))]
    pub max_submissions: u8,
    /// Send codes to people who never chose them.
    pub missing_credential_fallback_enabled: bool,
}

/// Links by mail.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinkMethod {
    pub enabled: bool,
    pub config: LinkConfig,
}

/// How links behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LinkConfig {
    /// Without effect, as in the original.
    pub base_url: Option<String>,
    pub lifespan: GoDuration,
    /// A link shows a page with a button, and only the button uses it up: programs that open the links of a mail to look for
    /// malware do not. Without it: true where Zelos' own pages show the flow, false where the flow has a `ui_url`, since
    /// applications written for Kratos expect to be redirected at once. Zelos' own key.
    pub confirm: Option<bool>,
}

/// Authenticator apps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TotpMethod {
    pub enabled: bool,
    pub config: TotpConfig,
}

/// What the authenticator app shows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TotpConfig {
    /// Without it, the host of the public URL.
    pub issuer: Option<String>,
}

/// Recovery codes on paper.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LookupSecretMethod {
    pub enabled: bool,
}

/// Security keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebauthnMethod {
    pub enabled: bool,
    /// Required when enabled.
    pub config: Option<WebauthnConfig>,
}

/// How security keys are used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebauthnConfig {
    /// Instead of a password, not beside it.
    pub passwordless: bool,
    pub rp: Option<WebauthnParty>,
}

/// Who we are to a security key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebauthnParty {
    pub display_name: String,
    /// The domain.
    pub id: String,
    /// Old form of `origins`; not together with it.
    #[serde(default)]
    pub origin: Option<Url>,
    #[serde(default)]
    pub origins: Option<Vec<Url>>,
    /// Without effect, as in the original.
    #[serde(default)]
    pub icon: Option<Url>,
}

/// Passkeys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyMethod {
    pub enabled: bool,
    pub config: PasskeyConfig,
}

/// How passkeys are used.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyConfig {
    /// Required when the method is enabled.
    pub rp: Option<PasskeyParty>,
    pub authenticator_selection: AuthenticatorSelection,
    pub attestation: Attestation,
    pub timeouts: PasskeyTimeouts,
}

/// Who we are to a passkey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PasskeyParty {
    pub display_name: String,
    /// The domain.
    pub id: String,
    /// Without any, the public URL's.
    #[serde(default)]
    pub origins: Vec<String>,
}

/// Which authenticators may hold a passkey.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthenticatorSelection {
    pub attachment: Option<Attachment>,
    pub resident_key: Preference,
    pub user_verification: Preference,
}

/// Built in, or on a cord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attachment {
    Platform,
    CrossPlatform,
}

/// How much something is wanted of an authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    Required,
    Preferred,
    Discouraged,
}

/// What an authenticator must show about itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Attestation {
    pub preference: AttestationPreference,
}

/// The WebAuthn conveyance preferences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttestationPreference {
    #[default]
    None,
    Indirect,
    Direct,
    Enterprise,
}

/// How long a person may take.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PasskeyTimeouts {
    pub registration: Option<GoDuration>,
    pub login: Option<GoDuration>,
}

/// Organizations: read so that a file in use loads; without effect.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct B2bMethod {
    pub config: B2bConfig,
}

/// See [`B2bMethod`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct B2bConfig {
    pub organizations: Vec<Organization>,
}

/// See [`B2bMethod`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Organization {
    pub id: Option<String>,
    pub label: Option<String>,
    pub domains: Vec<String>,
    pub session_lifespan: Option<GoDuration>,
}

impl Default for ProfileMethod {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for PasswordMethod {
    fn default() -> Self {
        Self { enabled: true, config: PasswordConfig::default() }
    }
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self {
            haveibeenpwned_host: "api.pwnedpasswords.com".to_owned(),
            haveibeenpwned_enabled: true,
            common_passwords_check_enabled: false,
            max_breaches: 0,
            ignore_network_errors: true,
            min_password_length: 8,
            identifier_similarity_check_enabled: true,
            migrate_hook: MigrateHook::default(),
        }
    }
}

impl Default for MigrateHookConfig {
    fn default() -> Self {
        Self {
            url: None,
            method: "POST".to_owned(),
            headers: Headers::new(),
            emit_analytics_event: true,
            auth: None,
            body: None,
        }
    }
}

impl Default for CodeMethod {
    fn default() -> Self {
        Self { enabled: true, passwordless_enabled: false, mfa_enabled: false, config: CodeConfig::default() }
    }
}

impl Default for CodeConfig {
    fn default() -> Self {
        Self { lifespan: GoDuration::from_secs(3600), max_submissions: 5, missing_credential_fallback_enabled: false }
    }
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self { base_url: None, lifespan: GoDuration::from_secs(3600), confirm: None }
    }
}

impl Default for AuthenticatorSelection {
    fn default() -> Self {
        Self { attachment: None, resident_key: Preference::Required, user_verification: Preference::Preferred }
    }
}
