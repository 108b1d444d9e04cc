//! `selfservice.flows`: each kind of flow, its page, its lifetime and what happens around it.

use super::{
    hooks::{After, Before, schemas},
    value::{GoDuration, RequiredAal},
};
use crate::flow::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

/// An hour, the lifetime of everything that is not set otherwise.
const HOUR: GoDuration = GoDuration::from_secs(3600);

/// Every kind of flow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Flows {
    pub login: LoginFlow,
    pub registration: RegistrationFlow,
    pub settings: SettingsFlow,
    pub recovery: RecoveryFlow,
    pub verification: VerificationFlow,
    pub logout: LogoutFlow,
    pub error: ErrorFlow,
}

impl Flows {
    /// The operator's page for a kind of flow, if there is one.
    pub fn ui_url(&self, kind: Kind) -> Option<&Url> {
        match kind {
            Kind::Login => self.login.ui_url.as_ref(),
            Kind::Registration => self.registration.ui_url.as_ref(),
            Kind::Settings => self.settings.ui_url.as_ref(),
            Kind::Recovery => self.recovery.ui_url.as_ref(),
            Kind::Verification => self.verification.ui_url.as_ref(),
        }
    }

    /// How long a flow of a kind lives.
    pub fn lifespan(&self, kind: Kind) -> GoDuration {
        match kind {
            Kind::Login => self.login.lifespan,
            Kind::Registration => self.registration.lifespan,
            Kind::Settings => self.settings.lifespan,
            Kind::Recovery => self.recovery.lifespan,
            Kind::Verification => self.verification.lifespan,
        }
    }

    /// Whether flows of a kind can be begun. Login and settings cannot be switched off.
    pub fn enabled(&self, kind: Kind) -> bool {
        match kind {
            Kind::Login | Kind::Settings => true,
            Kind::Registration => self.registration.enabled,
            Kind::Recovery => self.recovery.enabled,
            Kind::Verification => self.verification.enabled,
        }
    }

    /// What happens before a flow of a kind.
    pub fn before(&self, kind: Kind) -> &Before {
        match kind {
            Kind::Login => &self.login.before,
            Kind::Registration => &self.registration.before,
            Kind::Settings => &self.settings.before,
            Kind::Recovery => &self.recovery.before,
            Kind::Verification => &self.verification.before,
        }
    }

    /// What happens after a flow of a kind.
    pub fn after(&self, kind: Kind) -> &After {
        match kind {
            Kind::Login => &self.login.after,
            Kind::Registration => &self.registration.after,
            Kind::Settings => &self.settings.after,
            Kind::Recovery => &self.recovery.after,
            Kind::Verification => &self.verification.after,
        }
    }
}

/// Signing in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LoginFlow {
    /// The page that shows the flow; without one our own page does.
    #[schemars(extend("format" = "uri-reference"))]
    pub ui_url: Option<Url>,
    pub lifespan: GoDuration,
    pub style: LoginStyle,
    #[schemars(schema_with = "schemas::before")]
    pub before: Before,
    #[schemars(schema_with = "schemas::after_login")]
    pub after: After,
}

/// How the login form is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginStyle {
    /// All methods on one form.
    #[default]
    Unified,
    /// First who, then how.
    IdentifierFirst,
}

/// Signing up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrationFlow {
    pub enabled: bool,
    /// Tell a person whose address is taken how they signed in before.
    pub login_hints: bool,
    /// The page that shows the flow; without one our own page does.
    #[schemars(extend("format" = "uri-reference"))]
    pub ui_url: Option<Url>,
    pub lifespan: GoDuration,
    pub style: RegistrationStyle,
    /// Old way of saying `style: unified`; wins over `style`. See [`Self::effective_style`].
    pub enable_legacy_one_step: bool,
    #[schemars(schema_with = "schemas::before")]
    pub before: Before,
    #[schemars(schema_with = "schemas::after_registration")]
    pub after: After,
}

/// How the registration form is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationStyle {
    /// Everything on one form.
    Unified,
    /// First the profile, then a credential.
    #[default]
    ProfileFirst,
}

impl RegistrationFlow {
    /// The style that holds, with the old key taken into account.
    pub fn effective_style(&self) -> RegistrationStyle {
        if self.enable_legacy_one_step { RegistrationStyle::Unified } else { self.style }
    }
}

/// Changing one's data and credentials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SettingsFlow {
    /// The page that shows the flow; without one our own page does.
    #[schemars(extend("format" = "uri-reference"))]
    pub ui_url: Option<Url>,
    pub lifespan: GoDuration,
    /// How fresh a login must be for changes that matter.
    pub privileged_session_max_age: GoDuration,
    pub required_aal: RequiredAal,
    #[schemars(schema_with = "schemas::before")]
    pub before: Before,
    #[schemars(schema_with = "schemas::after_settings")]
    pub after: After,
}

/// Getting back in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RecoveryFlow {
    pub enabled: bool,
    /// The page that shows the flow; without one our own page does.
    #[schemars(extend("format" = "uri-reference"))]
    pub ui_url: Option<Url>,
    pub lifespan: GoDuration,
    #[serde(rename = "use")]
    pub r#use: Proof,
    /// Write to addresses nobody has, too.
    pub notify_unknown_recipients: bool,
    #[schemars(schema_with = "schemas::before")]
    pub before: Before,
    #[schemars(schema_with = "schemas::after_recovery")]
    pub after: After,
}

/// Proving an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VerificationFlow {
    pub enabled: bool,
    /// The page that shows the flow; without one our own page does.
    #[schemars(extend("format" = "uri-reference"))]
    pub ui_url: Option<Url>,
    pub lifespan: GoDuration,
    #[serde(rename = "use")]
    pub r#use: Proof,
    /// Write to addresses nobody has, too.
    pub notify_unknown_recipients: bool,
    #[schemars(schema_with = "schemas::before")]
    pub before: Before,
    #[schemars(schema_with = "schemas::after_verification")]
    pub after: After,
}

/// What is sent to an address to prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    Link,
    #[default]
    Code,
}

impl Proof {
    /// The word of the configuration, which is the name of the method.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Code => "code",
        }
    }
}

/// Signing out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogoutFlow {
    /// Send `Clear-Site-Data` over HTTPS.
    pub clear_browser_data: bool,
    pub after: AfterLogout,
}

/// After signing out: a URL, no hooks.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AfterLogout {
    #[schemars(extend("format" = "uri-reference"))]
    pub default_browser_return_url: Option<Url>,
}

/// Where errors outside any form are shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ErrorFlow {
    /// The page that shows the error; without one our own page does.
    #[schemars(extend("format" = "uri-reference"))]
    pub ui_url: Option<Url>,
}

impl Default for LoginFlow {
    fn default() -> Self {
        Self {
            ui_url: None,
            lifespan: HOUR,
            style: LoginStyle::default(),
            before: Before::default(),
            after: After::default(),
        }
    }
}

impl Default for RegistrationFlow {
    fn default() -> Self {
        Self {
            enabled: true,
            login_hints: false,
            ui_url: None,
            lifespan: HOUR,
            style: RegistrationStyle::default(),
            enable_legacy_one_step: false,
            before: Before::default(),
            after: After::default(),
        }
    }
}

impl Default for SettingsFlow {
    fn default() -> Self {
        Self {
            ui_url: None,
            lifespan: HOUR,
            privileged_session_max_age: HOUR,
            required_aal: RequiredAal::default(),
            before: Before::default(),
            after: After::default(),
        }
    }
}

impl Default for RecoveryFlow {
    fn default() -> Self {
        Self {
            enabled: false,
            ui_url: None,
            lifespan: HOUR,
            r#use: Proof::default(),
            notify_unknown_recipients: false,
            before: Before::default(),
            after: After::default(),
        }
    }
}

impl Default for VerificationFlow {
    fn default() -> Self {
        Self {
            enabled: false,
            ui_url: None,
            lifespan: HOUR,
            r#use: Proof::default(),
            notify_unknown_recipients: false,
            before: Before::default(),
            after: After::default(),
        }
    }
}
