//! What happens before and after a flow: hooks, and where the browser goes.
//!
//! One [`After`] serves all flows, so that there is one lookup ([`After::for_method`]). Which hooks and which methods a
//! flow takes is said by the tables in [`schemas`]; the check of the document holds them.

use super::{
    contents::{ContentUri, or_path},
    request::{Auth, Headers},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::Url;

/// A reaction at a moment of a flow.
#[derive(Debug, Clone, PartialEq)]
pub enum Hook {
    /// Sign the new person in. Always runs last.
    Session,
    /// End all other sessions of the person.
    RevokeActiveSessions,
    /// Let nobody in whose address is not proven.
    RequireVerifiedAddress,
    /// Start proving the addresses.
    Verification,
    /// Send the browser to the verification page.
    ShowVerificationUi,
    /// Change an address only when the new one is proven.
    VerifyNewAddress,
    /// Tell the old addresses about a change.
    NotifyPreviousAddresses(NotifyPreviousAddresses),
    /// Ask or tell an operator's server.
    WebHook(Box<WebHook>),
    /// `b2b_sso` and `organization`: accepted, without effect, as in the open original.
    Organization(String),
}

impl Hook {
    /// The value of `hook`.
    pub fn name(&self) -> &str {
        match self {
            Self::Session => "session",
            Self::RevokeActiveSessions => "revoke_active_sessions",
            Self::RequireVerifiedAddress => "require_verified_address",
            Self::Verification => "verification",
            Self::ShowVerificationUi => "show_verification_ui",
            Self::VerifyNewAddress => "verify_new_address",
            Self::NotifyPreviousAddresses(_) => "notify_previous_addresses",
            Self::WebHook(_) => "web_hook",
            Self::Organization(name) => name,
        }
    }

    /// Whether the hook can keep a flow from passing: one that is not there must not be passed by.
    pub fn may_refuse(&self) -> bool {
        match self {
            Self::RequireVerifiedAddress | Self::VerifyNewAddress => true,
            Self::WebHook(hook) => hook.decides(),
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct RawHook {
    hook: String,
    config: Option<Value>,
}

impl<'de> Deserialize<'de> for Hook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RawHook { hook, config } = RawHook::deserialize(deserializer)?;
        let config = config.unwrap_or_else(|| json!({}));
        Ok(match hook.as_str() {
            "session" => Self::Session,
            "revoke_active_sessions" => Self::RevokeActiveSessions,
            "require_verified_address" => Self::RequireVerifiedAddress,
            "verification" => Self::Verification,
            "show_verification_ui" => Self::ShowVerificationUi,
            "verify_new_address" => Self::VerifyNewAddress,
            "notify_previous_addresses" => {
                Self::NotifyPreviousAddresses(serde_json::from_value(config).map_err(D::Error::custom)?)
            }
            "web_hook" => Self::WebHook(serde_json::from_value(config).map_err(D::Error::custom)?),
            "b2b_sso" | "organization" => Self::Organization(hook),
            other => return Err(D::Error::custom(format!("there is no hook {other}"))),
        })
    }
}

impl Serialize for Hook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = json!({ "hook": self.name() });
        match self {
            Self::WebHook(config) => out["config"] = serde_json::to_value(config).map_err(serde::ser::Error::custom)?,
            Self::NotifyPreviousAddresses(config) => {
                out["config"] = serde_json::to_value(config).map_err(serde::ser::Error::custom)?;
            }
            _ => {}
        }
        out.serialize(serializer)
    }
}

/// Whom to tell about a changed address.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NotifyPreviousAddresses {
    pub recipients: Recipients,
}

/// Which of the former addresses hear about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recipients {
    /// Those that are gone now.
    #[default]
    Removed,
    /// All that had been proven.
    AllVerified,
    All,
}

/// A request to an operator's server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebHook {
    /// A name for logs.
    #[serde(default)]
    pub id: Option<String>,
    pub url: Url,
    pub method: String,
    #[serde(default)]
    pub headers: Headers,
    /// Jsonnet that makes the body from the flow.
    #[serde(default, deserialize_with = "or_path::deserialize", skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "or_path::schema")]
    pub body: Option<ContentUri>,
    #[serde(default)]
    pub auth: Option<Auth>,
    /// Old way of saying `response.parse`.
    #[serde(default)]
    pub can_interrupt: bool,
    #[serde(default = "yes")]
    pub emit_analytics_event: bool,
    #[serde(default)]
    pub response: WebHookResponse,
}

impl WebHook {
    /// Whether it can stop the flow: one that is waited for does so by failing, even if its answer is not read.
    pub fn decides(&self) -> bool {
        self.can_interrupt || self.response.parse || !self.response.ignore
    }
}

/// What to do with the answer; at most one of both.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebHookResponse {
    /// Do not wait for it.
    pub ignore: bool,
    /// Let it stop the flow or change the identity.
    pub parse: bool,
}

fn yes() -> bool {
    true
}

/// Before a flow.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Before {
    pub hooks: Vec<Hook>,
}

/// After a flow: for the flow as a whole, and for single methods.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct After {
    pub default_browser_return_url: Option<Url>,
    pub hooks: Vec<Hook>,
    #[serde(flatten)]
    pub methods: BTreeMap<String, AfterMethod>,
}

/// After a flow finished by one method.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AfterMethod {
    pub default_browser_return_url: Option<Url>,
    pub hooks: Vec<Hook>,
}

impl After {
    /// What holds when this method finished the flow: the method's URL, else the flow's; the method's hooks if there
    /// are any, else the flow's. The two lists never run together.
    pub fn for_method(&self, method: &str) -> (Option<&Url>, &[Hook]) {
        let own = self.methods.get(method);
        let url = own.and_then(|own| own.default_browser_return_url.as_ref());
        let hooks = own.map_or(&[][..], |own| &own.hooks);
        (url.or(self.default_browser_return_url.as_ref()), if hooks.is_empty() { &self.hooks } else { hooks })
    }

    /// Every list, with its key below `after`: for checks over the whole configuration.
    pub fn lists(&self) -> impl Iterator<Item = (String, &[Hook])> {
        let own = self.methods.iter().map(|(method, after)| (format!("{method}.hooks"), after.hooks.as_slice()));
        std::iter::once(("hooks".to_owned(), self.hooks.as_slice())).chain(own)
    }
}

/// Which flow takes which hooks and methods (upstream: embedx/config.schema.json), as JSON Schema.
pub(crate) mod schemas {
    use super::{NotifyPreviousAddresses, WebHook};
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde_json::{Map, Value, json};

    const ANYWHERE: &[&str] = &["web_hook", "b2b_sso", "organization"];
    const LOGIN: &[&str] = &[
        "revoke_active_sessions",
        "require_verified_address",
        "web_hook",
        "verification",
        "show_verification_ui",
        "b2b_sso",
        "organization",
    ];
    const LOGIN_OIDC: &[&str] =
        &["revoke_active_sessions", "web_hook", "require_verified_address", "b2b_sso", "organization"];
    const REGISTRATION: &[&str] = &["session", "web_hook", "show_verification_ui", "b2b_sso", "organization"];
    const SETTINGS: &[&str] = &["web_hook", "revoke_active_sessions"];
    const SETTINGS_PROFILE: &[&str] = &[
        "web_hook",
        "show_verification_ui",
        "b2b_sso",
        "organization",
        "verify_new_address",
        "notify_previous_addresses",
    ];

    fn hook(generator: &mut SchemaGenerator, name: &str) -> Value {
        let mut properties = json!({ "hook": { "const": name } });
        let mut required = vec!["hook"];
        match name {
            "web_hook" => {
                properties["config"] = generator.subschema_for::<WebHook>().to_value();
                required.push("config");
            }
            "notify_previous_addresses" => {
                properties["config"] = generator.subschema_for::<NotifyPreviousAddresses>().to_value();
            }
            _ => {}
        }
        let open = matches!(name, "b2b_sso" | "organization");
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": open })
    }

    fn list(generator: &mut SchemaGenerator, names: &[&str]) -> Value {
        let kinds: Vec<Value> = names.iter().map(|name| hook(generator, name)).collect();
        json!({ "type": "array", "uniqueItems": true, "items": { "type": "object", "oneOf": kinds } })
    }

    fn after(generator: &mut SchemaGenerator, own: &[&str], methods: &[(&str, &[&str])]) -> Schema {
        let url = json!({ "type": "string", "format": "uri-reference" });
        let mut properties = Map::new();
        properties.insert("default_browser_return_url".to_owned(), url.clone());
        properties.insert("hooks".to_owned(), list(generator, own));
        for (method, names) in methods {
            let hooks = list(generator, names);
            properties.insert(
                (*method).to_owned(),
                json!({
                    "type": "object",
                    "properties": { "default_browser_return_url": url, "hooks": hooks },
                    "additionalProperties": false,
                }),
            );
        }
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }

    pub(crate) fn before(generator: &mut SchemaGenerator) -> Schema {
        let hooks = list(generator, ANYWHERE);
        json_schema!({ "type": "object", "properties": { "hooks": hooks }, "additionalProperties": false })
    }

    pub(crate) fn after_login(generator: &mut SchemaGenerator) -> Schema {
        let methods = ["password", "webauthn", "passkey", "code", "totp", "lookup_secret"].map(|name| (name, LOGIN));
        after(generator, LOGIN, &[&methods[..], &[("oidc", LOGIN_OIDC)]].concat())
    }

    pub(crate) fn after_registration(generator: &mut SchemaGenerator) -> Schema {
        let methods = ["password", "webauthn", "passkey", "oidc", "code"].map(|name| (name, REGISTRATION));
        after(generator, ANYWHERE, &methods)
    }

    pub(crate) fn after_settings(generator: &mut SchemaGenerator) -> Schema {
        let methods = ["password", "totp", "oidc", "webauthn", "passkey", "lookup_secret"].map(|name| (name, SETTINGS));
        after(generator, ANYWHERE, &[&methods[..], &[("profile", SETTINGS_PROFILE)]].concat())
    }

    pub(crate) fn after_recovery(generator: &mut SchemaGenerator) -> Schema {
        after(generator, &["web_hook", "revoke_active_sessions"], &[])
    }

    pub(crate) fn after_verification(generator: &mut SchemaGenerator) -> Schema {
        after(generator, ANYWHERE, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(document: Value) -> After {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_methods_own_list_replaces_the_flows() {
        let after = after(json!({
            "default_browser_return_url": "https://a.example/flow",
            "hooks": [{ "hook": "verification" }],
            "password": { "hooks": [{ "hook": "session" }] },
            "code": { "default_browser_return_url": "https://a.example/code", "hooks": [] },
        }));
        let seen = |method| {
            let (url, hooks) = after.for_method(method);
            (url.unwrap().path().to_owned(), hooks.iter().map(|h| h.name().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(seen("password"), ("/flow".to_owned(), vec!["session".to_owned()]));
        assert_eq!(seen("code"), ("/code".to_owned(), vec!["verification".to_owned()]), "an empty list is no list");
        assert_eq!(seen("totp"), ("/flow".to_owned(), vec!["verification".to_owned()]));
    }

    #[test]
    fn web_hook_secrets_do_not_print() {
        let after = after(json!({ "hooks": [{ "hook": "web_hook", "config": {
            "url": "https://a.example/", "method": "POST", "headers": { "Authorization": "Bearer hidden" },
            "auth": { "type": "basic_auth", "config": { "user": "u", "password": "hidden" } },
        } }] }));
        assert!(!format!("{after:?}").contains("hidden"));
    }
}
