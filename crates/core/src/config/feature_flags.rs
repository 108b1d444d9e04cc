//! `feature_flags`: behaviour that changed over time; the defaults are the original's.

use super::value::GoDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All flags.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureFlags {
    /// Caching headers on whoami.
    pub cacheable_sessions: bool,
    pub cacheable_sessions_max_age: Option<GoDuration>,
    /// Recovery answers with `continue_with`.
    pub use_continue_with_transitions: bool,
    /// Recovery lets people choose among their addresses.
    pub choose_recovery_address: bool,
    /// `continue_with` names the verification page without a hook.
    pub legacy_continue_with_verification_ui: bool,
    /// An unproven address is a form error, not a 403.
    pub legacy_require_verified_login_error: bool,
    /// Extending a session as an admin answers without a body.
    pub faster_session_extend: bool,
    /// Quirk: the original reads this flag from a key its schema forbids (driver/config/config.go), so it never had an
    /// effect; it is accepted and has none here either.
    pub password_profile_registration_node_group: ProfileNodeGroup,
    /// Traits from social sign-in are in the group `oidc`.
    pub legacy_oidc_registration_node_group: bool,
    /// Unbounded wildcards in origins and return URLs are honoured.
    pub legacy_allow_insecure_origins: bool,
    /// Address buttons when a code refreshes a session.
    pub refresh_login_choose_address: bool,
}

/// The group of trait nodes in one-step registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileNodeGroup {
    Password,
    #[default]
    Default,
}
