//! `courier`: how mails and short messages leave the house.

use super::{
    contents::ContentUri,
    request::{Headers, RequestConfig},
    schema::any_integer,
    value::GoDuration,
};
use crate::secret::Secret;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The courier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Courier {
    /// How e-mails leave.
    pub delivery_strategy: DeliveryStrategy,
    pub smtp: Smtp,
    pub http: CourierHttp,
    /// Ways for other messages, above all `sms`.
    pub channels: Vec<Channel>,
    pub templates: Templates,
    /// A directory with templates that replace the built-in ones.
    pub template_override_path: Option<String>,
    #[schemars(transform = any_integer)]
    pub message_retries: u32,
    pub worker: Worker,
    pub delivery: Delivery,
}

/// The ways an e-mail can leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStrategy {
    #[default]
    Smtp,
    Http,
}

/// The mail server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// `smtp://` or `smtps://` with user, password, host, port (587 or 465 by default) and options.
    #[schemars(extend("format" = "smtp-uri"))]
    pub connection_uri: Option<Secret>,
    /// The user at the mail server, as it is (not URL-encoded); overrides that of the URI.
    pub username: Option<Secret>,
    /// The password at the mail server, as it is (not URL-encoded); overrides that of the URI.
    pub password: Option<Secret>,
    /// A client certificate; empty for none.
    pub client_cert_path: PathBuf,
    pub client_key_path: PathBuf,
    #[schemars(extend("format" = "email"))]
    pub from_address: String,
    pub from_name: Option<String>,
    /// Further mail headers.
    pub headers: Headers,
    /// How we greet the server.
    pub local_name: String,
}

/// E-mails handed to an HTTP server.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CourierHttp {
    pub request_config: Option<RequestConfig>,
}

/// A way for messages other than e-mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    pub id: ChannelId,
    #[serde(default, rename = "type")]
    pub r#type: ChannelType,
    pub request_config: RequestConfig,
}

/// The channels there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelId {
    Sms,
}

/// The types of channels there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelType {
    #[default]
    Http,
}

/// The loop that sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Worker {
    /// Messages at a time.
    #[schemars(transform = any_integer)]
    pub pull_count: u32,
    /// Pause between two looks.
    pub pull_wait: GoDuration,
}

/// What becomes of messages that are late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// Messages whose code or link has expired before they could be sent are abandoned. `false` sends them, as Kratos does.
    pub skip_expired: bool,
}

/// Templates from elsewhere; parts that are not given come from the directory or are built in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Templates {
    pub recovery: TemplatePair,
    pub recovery_code: TemplatePair,
    pub verification: TemplatePair,
    pub verification_code: TemplatePair,
    pub registration_code: ValidTemplate,
    pub login_code: ValidTemplate,
    pub verifiable_address_changed: Template,
}

/// For addresses that somebody has, and for those nobody has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TemplatePair {
    pub valid: Option<MailedTemplate>,
    pub invalid: Option<InvalidTemplate>,
}

/// Only for addresses that somebody has.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ValidTemplate {
    pub valid: Option<MailedTemplate>,
}

/// A template whose e-mail part must be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailedTemplate {
    pub email: EmailTemplate,
    #[serde(default)]
    pub sms: SmsTemplate,
}

/// A template that is only sent by e-mail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvalidTemplate {
    pub email: EmailTemplate,
}

/// A template, both parts optional.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    pub email: EmailTemplate,
    pub sms: SmsTemplate,
}

/// The parts of an e-mail.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmailTemplate {
    pub subject: Option<ContentUri>,
    pub body: EmailBody,
}

/// Both forms of a mail's body.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EmailBody {
    pub plaintext: Option<ContentUri>,
    pub html: Option<ContentUri>,
}

/// The parts of a short message.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SmsTemplate {
    pub body: SmsBody,
}

/// A short message's body.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SmsBody {
    pub plaintext: Option<ContentUri>,
}

impl Default for Courier {
    fn default() -> Self {
        Self {
            delivery_strategy: DeliveryStrategy::default(),
            smtp: Smtp::default(),
            http: CourierHttp::default(),
            channels: Vec::new(),
            templates: Templates::default(),
            template_override_path: None,
            message_retries: 5,
            worker: Worker::default(),
            delivery: Delivery::default(),
        }
    }
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            connection_uri: None,
            username: None,
            password: None,
            client_cert_path: PathBuf::new(),
            client_key_path: PathBuf::new(),
            from_address: "no-reply@ory.kratos.sh".to_owned(),
            from_name: None,
            headers: Headers::new(),
            local_name: "localhost".to_owned(),
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self { skip_expired: true }
    }
}

impl Default for Worker {
    fn default() -> Self {
        Self { pull_count: 10, pull_wait: GoDuration::from_secs(1) }
    }
}
