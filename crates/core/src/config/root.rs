//! The whole document, and answers that need more than one section of it.

use super::{
    audit::Audit,
    clients::{Clients, OAuth2Provider},
    courier::{Courier, DeliveryStrategy},
    database::{Database, Preview},
    feature_flags::FeatureFlags,
    hashers::Hashers,
    identity::Identity,
    log::{Log, Tracing},
    rules::LEAST_PULL_WAIT,
    secrets::{Ciphers, Secrets, Security},
    selfservice::SelfService,
    serve::{self, Serve},
    session::{Cookies, NamePrefix, Session},
    value::{GoDuration, SameSite},
};
use crate::{flow::Kind, secret::Secret};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use url::Url;

/// One immutable snapshot of everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Zelos configuration")]
pub struct Config {
    /// The database.
    pub dsn: Secret,
    pub identity: Identity,
    pub selfservice: SelfService,
    #[serde(default)]
    pub serve: Serve,
    #[serde(default)]
    pub session: Session,
    #[serde(default)]
    pub cookies: Cookies,
    #[serde(default)]
    pub secrets: Secrets,
    #[serde(default)]
    pub ciphers: Ciphers,
    #[serde(default)]
    pub hashers: Hashers,
    #[serde(default)]
    pub security: Security,
    #[serde(default)]
    pub courier: Courier,
    #[serde(default)]
    pub clients: Clients,
    #[serde(default)]
    pub oauth2_provider: OAuth2Provider,
    #[serde(default)]
    pub feature_flags: FeatureFlags,
    #[serde(default)]
    pub database: Database,
    #[serde(default)]
    pub preview: Preview,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub tracing: Tracing,
    #[serde(default)]
    pub audit: Audit,
    /// For which version the file was written; says nothing to the server.
    #[serde(default)]
    pub version: Option<String>,
    /// A name for this state of the configuration; `/health/config` answers with it.
    #[serde(default)]
    pub revision: Option<String>,
    /// Development mode. Only the flag and the environment count: a file's value is put aside when it is loaded.
    #[serde(default)]
    #[schemars(schema_with = "plain_switch")]
    pub dev: bool,
    /// Accepted for compatibility: every server delivers its messages.
    #[serde(default, rename = "watch-courier")]
    pub watch_courier: bool,
    /// No telemetry; there is none.
    #[serde(default, rename = "sqa-opt-out")]
    pub sqa_opt_out: bool,
    /// The port for metrics of `courier watch`; 0 for none.
    #[serde(default, rename = "expose-metrics-port")]
    pub expose_metrics_port: u16,
    /// A flag's name; without effect here.
    #[serde(default)]
    pub config: Option<Vec<String>>,
    /// A flag's name; without effect here.
    #[serde(default)]
    pub help: Option<bool>,
    /// Without effect, as in the open original.
    #[serde(default)]
    pub organizations: Vec<Value>,
    /// Without effect, as in the open original.
    #[serde(default)]
    pub enterprise: Enterprise,
}

fn plain_switch(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "boolean" })
}

/// Read so that a file in use loads; without effect.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Enterprise {
    pub identity_schema_fallback_url_template: Option<String>,
}

/// What a cookie looks like once all fallbacks are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieSettings<'a> {
    pub domain: Option<&'a str>,
    pub path: &'a str,
    pub secure: bool,
    pub same_site: SameSite,
    /// `Max-Age`; `None` lets the cookie end with the browser.
    pub max_age: Option<GoDuration>,
}

impl Config {
    /// The public server's URL from outside.
    pub fn public_url(&self) -> Url {
        let own = &self.serve.public;
        serve::base_url(own.base_url.as_ref(), &own.host, own.port, own.tls.enabled(), self.dev)
    }

    /// The admin server's URL from outside.
    pub fn admin_url(&self) -> Url {
        let own = &self.serve.admin;
        serve::base_url(own.base_url.as_ref(), &own.host, own.port, own.tls.enabled(), self.dev)
    }

    /// Cookies other than the session's. Their age is their owner's business.
    pub fn cookie(&self) -> CookieSettings<'_> {
        CookieSettings {
            domain: text(self.cookies.domain.as_deref()),
            path: &self.cookies.path,
            secure: self.cookies.secure.unwrap_or(!self.dev),
            same_site: self.cookies.same_site,
            max_age: None,
        }
    }

    /// The session cookie. What it does not set itself it has from all cookies.
    ///
    /// Quirk: `cookies.secure` has no say here, only `session.cookie.secure` (driver/config/config.go).
    pub fn session_cookie(&self) -> CookieSettings<'_> {
        let own = &self.session.cookie;
        let common = self.cookie();
        CookieSettings {
            domain: if own.domain.is_some() { text(own.domain.as_deref()) } else { common.domain },
            path: own.path.as_deref().unwrap_or(common.path),
            secure: own.secure.unwrap_or(!self.dev),
            same_site: own.same_site.unwrap_or(common.same_site),
            max_age: own.persistent.then_some(self.session.lifespan),
        }
    }

    /// The prefix of the name of a cookie with those settings: the strictest that they and the public base URL allow.
    pub fn cookie_prefix(&self, settings: &CookieSettings<'_>) -> &'static str {
        if self.cookies.name_prefix == NamePrefix::None || !settings.secure || self.public_url().scheme() != "https" {
            return "";
        }
        if settings.domain.is_none() && settings.path == "/" { "__Host-" } else { "__Secure-" }
    }

    /// The keys of cookies and codes: the first signs, all verify. Empty if none is set.
    pub fn cookie_secrets(&self) -> &[Secret] {
        self.secrets.for_cookies()
    }

    /// Whether the links of flows of that kind are used up by a button, not by being opened.
    pub fn confirms_links(&self, kind: Kind) -> bool {
        let service = &self.selfservice;
        let shows_flow = service.ui.enabled && service.flows.ui_url(kind).is_none();
        service.methods.link.config.confirm.unwrap_or(shows_flow)
    }

    /// The pause of the courier between two looks into the outbox: never none, which would ask the database without end.
    pub fn pull_wait(&self) -> Duration {
        (*self.courier.worker.pull_wait).max(LEAST_PULL_WAIT)
    }

    /// Whether mail is kept in the mailbox of development: there is no way out configured for it, and the people who
    /// would get it do not exist.
    pub fn keeps_mail(&self) -> bool {
        let courier = &self.courier;
        let given = |secret: &Secret| !secret.expose().is_empty();
        self.dev
            && courier.delivery_strategy == DeliveryStrategy::Smtp
            && !courier.smtp.connection_uri.as_ref().is_some_and(given)
    }

    /// How long before its end a session may be extended.
    pub fn earliest_possible_extend(&self) -> GoDuration {
        self.session.earliest_possible_extend.unwrap_or(self.session.lifespan)
    }
}

/// An empty text stands for none.
fn text(given: Option<&str>) -> Option<&str> {
    given.filter(|text| !text.is_empty())
}
