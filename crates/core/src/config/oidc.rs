//! `selfservice.methods.oidc`: sign-in with somebody else's account. The conditions between keys are in
//! [`super::rules`].

use super::contents::ContentUri;
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// Social sign-in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OidcMethod {
    pub enabled: bool,
    pub config: OidcConfig,
}

/// The providers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// Where callbacks start; without it the public URL.
    pub base_redirect_uri: Option<Url>,
    pub providers: Vec<Provider>,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Part of URLs and of stored identifiers: never change it.
    pub id: String,
    pub provider: ProviderKind,
    /// What the button says.
    #[serde(default)]
    pub label: Option<String>,
    pub client_id: String,
    /// Required, except for Apple.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    #[serde(default)]
    pub issuer_url: Option<Url>,
    #[serde(default)]
    pub auth_url: Option<Url>,
    #[serde(default)]
    pub token_url: Option<Url>,
    /// Jsonnet that makes an identity from claims.
    pub mapper_url: ContentUri,
    #[serde(default)]
    pub scope: Vec<String>,
    /// Required for Microsoft, forbidden for others.
    #[serde(default)]
    pub microsoft_tenant: Option<String>,
    #[serde(default)]
    pub subject_source: SubjectSource,
    /// Required for Apple, forbidden for others; so are the next two.
    #[serde(default)]
    pub apple_team_id: Option<String>,
    #[serde(default)]
    pub apple_private_key_id: Option<String>,
    #[serde(default)]
    pub apple_private_key: Option<Secret>,
    /// Sent as the parameter `claims`.
    #[serde(default)]
    pub requested_claims: Option<RequestedClaims>,
    /// Without effect; such a provider is not offered.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// Further audiences of ID tokens that apps hand in.
    #[serde(default)]
    pub additional_id_token_audiences: Vec<String>,
    /// Values of `acr` that make a session aal2.
    #[serde(default)]
    pub aal2_acr_values: Vec<String>,
    /// Values of `amr` that make a session aal2.
    #[serde(default)]
    pub aal2_amr_values: Vec<String>,
    #[serde(default)]
    pub claims_source: ClaimsSource,
    #[serde(default)]
    pub pkce: Pkce,
    /// Without effect.
    #[serde(default)]
    pub fedcm_config_url: Option<Url>,
    #[serde(default)]
    pub net_id_token_origin_header: Option<String>,
    /// Without effect, as in the open original.
    #[serde(default)]
    pub account_linking_mode: AccountLinkingMode,
    #[serde(default)]
    pub update_identity_on_login: UpdateIdentityOnLogin,
}

/// Claims asked for beyond the scopes, by where they shall arrive (OpenID Connect Core, section 5.5).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RequestedClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo: Option<BTreeMap<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<BTreeMap<String, Value>>,
}

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    Github,
    #[serde(rename = "github-app")]
    GithubApp,
    Gitlab,
    Generic,
    Google,
    Microsoft,
    Discord,
    Salesforce,
    Slack,
    Facebook,
    Auth0,
    Vk,
    Yandex,
    Apple,
    Spotify,
    Netid,
    Dingtalk,
    Patreon,
    Line,
    Linkedin,
    LinkedinV2,
    Lark,
    X,
    #[serde(rename = "fedcm-test")]
    FedcmTest,
    Amazon,
    Uaepass,
}

/// Where Microsoft's subject comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectSource {
    #[default]
    Userinfo,
    Me,
    Oid,
}

/// Where claims come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimsSource {
    #[default]
    IdToken,
    Userinfo,
}

/// Whether the code is bound to us by PKCE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// If the provider says that it can.
    #[default]
    Auto,
    Never,
    Force,
}

/// How an account joins an existing identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountLinkingMode {
    #[default]
    ConfirmWithExistingCredential,
    Automatic,
}

/// Whether a login brings the identity up to date with the claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateIdentityOnLogin {
    #[default]
    Never,
    Automatic,
}
