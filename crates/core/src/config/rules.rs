//! What a schema cannot say well: conditions between keys. Each complaint names the key that must change.
//!
//! The conditions are the original's (embedx/config.schema.json). Where it would start and fail at each use (WebAuthn
//! without a party, a migration hook without a URL), the server starts without what cannot work: see [`settle`].

use super::{
    courier::DeliveryStrategy,
    error::ConfigError,
    hooks::Hook,
    oidc::{Provider, ProviderKind},
    root::Config,
    secrets::CipherAlgorithm,
};
use crate::{
    flow::Kind,
    secret::{Secret, Weakness},
};
use std::time::Duration;

const METHODS: &str = "selfservice.methods";

impl Config {
    /// Every list of hooks that is not empty, with its key.
    pub fn hook_lists(&self) -> Vec<(String, &[Hook])> {
        let flows = &self.selfservice.flows;
        let of = |kind: Kind| {
            let key = format!("selfservice.flows.{}", kind.as_str());
            let before = (format!("{key}.before.hooks"), flows.before(kind).hooks.as_slice());
            let after = flows.after(kind).lists().map(move |(own, hooks)| (format!("{key}.after.{own}"), hooks));
            std::iter::once(before).chain(after)
        };
        Kind::ALL.into_iter().flat_map(of).filter(|(_, hooks)| !hooks.is_empty()).collect()
    }
}

/// What makes a configuration unusable.
pub(crate) fn errors(config: &Config) -> Vec<ConfigError> {
    let mut out = Vec::new();
    identity(config, &mut out);
    super::admin_auth::errors(config, &mut out);
    cors(config, &mut out);
    secrets(config, &mut out);
    methods(config, &mut out);
    web_hooks(config, &mut out);
    attempts(config, &mut out);
    for (index, provider) in config.selfservice.methods.oidc.config.providers.iter().enumerate() {
        oidc(provider, &format!("{METHODS}.oidc.config.providers.{index}"), &mut out);
    }
    out
}

fn identity(config: &Config, out: &mut Vec<ConfigError>) {
    let id = &config.identity.default_schema_id;
    if config.identity.find(id).is_none() {
        out.push(ConfigError::new(
            "identity.default_schema_id",
            format!("no schema in identity.schemas has the id {id}"),
        ));
    }
}

fn cors(config: &Config, out: &mut Vec<ConfigError>) {
    if config.security.cors.refuse_wildcard_credentials && config.serve.public.cors.shares_credentials_with_all() {
        out.push(ConfigError::new(
            "serve.public.cors.allowed_origins",
            "would let every web site act as the visitors who are signed in (* together with allow_credentials): name the \
             origins, or set serve.public.cors.allow_credentials: false, or set \
             security.cors.refuse_wildcard_credentials: false",
        ));
    }
}

fn secrets(config: &Config, out: &mut Vec<ConfigError>) {
    if config.ciphers.algorithm != CipherAlgorithm::Noop && config.secrets.cipher.is_empty() {
        out.push(ConfigError::new("secrets.cipher", "is required when ciphers.algorithm is not noop"));
    }
    if config.security.refuse_weak_secrets {
        let refused = |(key, weakness): (String, Weakness)| ConfigError::new(key, format!("{weakness}; {REMEDY}"));
        out.extend(config.secrets.weak().map(refused));
    }
}

/// The shortest pause between two looks into the outbox.
pub(super) const LEAST_PULL_WAIT: Duration = Duration::from_millis(10);

/// How a strong secret is made: 32 characters, as `secrets.cipher` demands.
const REMEDY: &str = "make one by `openssl rand -hex 16`";

fn methods(config: &Config, out: &mut Vec<ConfigError>) {
    let mut complain = |key: &str, reason: &str| out.push(ConfigError::new(format!("{METHODS}.{key}"), reason));
    let methods = &config.selfservice.methods;
    if methods.code.passwordless_enabled && methods.code.mfa_enabled {
        complain("code.mfa_enabled", "cannot be true together with passwordless_enabled");
    }
    let webauthn = methods.webauthn.config.as_ref();
    if webauthn.and_then(|config| config.rp.as_ref()).is_some_and(|rp| rp.origin.is_some() && rp.origins.is_some()) {
        complain("webauthn.config.rp.origin", "cannot be given together with origins");
    }
    if methods.webauthn.enabled && webauthn.is_none() {
        complain("webauthn.config", "is required when webauthn is enabled");
    }
    let timeouts = &methods.passkey.config.timeouts;
    for (name, timeout) in [("registration", timeouts.registration), ("login", timeouts.login)] {
        if timeout.is_some_and(|timeout| timeout.is_zero()) {
            complain(&format!("passkey.config.timeouts.{name}"), "must be longer than nothing");
        }
    }
}

/// Switches off what Kratos starts with although it cannot work, and chooses where there is no choice. Returns what it
/// changed.
///
/// Kratos answers with an error whenever somebody uses such a method.
pub(crate) fn settle(config: &mut Config) -> Vec<ConfigError> {
    let mut out = Vec::new();
    let mut warn = |key: String, reason: String| out.push(ConfigError::new(key, reason));
    let methods = &mut config.selfservice.methods;
    let off = |name: &str| format!("is not set, so {METHODS}.{name}.enabled counts as false");
    if methods.webauthn.enabled && methods.webauthn.config.as_ref().is_some_and(|config| config.rp.is_none()) {
        methods.webauthn.enabled = false;
        warn(format!("{METHODS}.webauthn.config.rp"), off("webauthn"));
    }
    if methods.passkey.enabled && methods.passkey.config.rp.is_none() {
        methods.passkey.enabled = false;
        warn(format!("{METHODS}.passkey.config.rp"), off("passkey"));
    }
    let migrate = &mut methods.password.config.migrate_hook;
    if migrate.enabled && migrate.config.url.is_none() {
        migrate.enabled = false;
        warn(format!("{METHODS}.password.config.migrate_hook.config.url"), off("password.config.migrate_hook"));
    }
    let identity = &mut config.identity;
    // Of several, the wrong one could give people rights that they must not have.
    if let [only] = identity.schemas.as_slice()
        && identity.find(&identity.default_schema_id).is_none()
    {
        let (id, only) = (&identity.default_schema_id, only.id.clone());
        let reason =
            format!("no schema in identity.schemas has the id {id:?}; {only:?}, the only one there is, is used");
        warn("identity.default_schema_id".to_owned(), reason);
        identity.default_schema_id = only;
    }
    out
}

fn web_hooks(config: &Config, out: &mut Vec<ConfigError>) {
    for (key, hooks) in config.hook_lists() {
        for (index, hook) in hooks.iter().enumerate() {
            let Hook::WebHook(hook) = hook else { continue };
            if hook.response.ignore && hook.response.parse {
                let reason = "cannot be true together with response.ignore";
                out.push(ConfigError::new(format!("{key}.{index}.config.response.parse"), reason));
            } else if hook.response.ignore && hook.can_interrupt {
                let reason = "cannot be true when response.ignore is";
                out.push(ConfigError::new(format!("{key}.{index}.config.can_interrupt"), reason));
            }
        }
    }
}

fn attempts(config: &Config, out: &mut Vec<ConfigError>) {
    for (key, budget) in config.security.attempt_budgets.named() {
        if budget.window.is_some_and(|window| *window < Duration::from_secs(1)) {
            out.push(ConfigError::new(format!("security.attempt_budgets.{key}.window"), "must be at least 1s"));
        }
    }
}

fn oidc(provider: &Provider, key: &str, out: &mut Vec<ConfigError>) {
    let some = |secret: &Option<Secret>| secret.as_ref().is_some_and(|secret| !secret.expose().is_empty());
    let text = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
    let mut complain = |name: &str, reason: &str| out.push(ConfigError::new(format!("{key}.{name}"), reason));
    let microsoft = provider.provider == ProviderKind::Microsoft;
    match (microsoft, provider.microsoft_tenant.is_some()) {
        (true, false) => complain("microsoft_tenant", "is required for the provider microsoft"),
        (false, true) => complain("microsoft_tenant", "belongs to the provider microsoft"),
        _ => {}
    }
    let apple_keys = [
        ("apple_team_id", provider.apple_team_id.is_some(), text(&provider.apple_team_id)),
        ("apple_private_key_id", provider.apple_private_key_id.is_some(), text(&provider.apple_private_key_id)),
        ("apple_private_key", provider.apple_private_key.is_some(), some(&provider.apple_private_key)),
    ];
    if provider.provider == ProviderKind::Apple {
        if some(&provider.client_secret) {
            complain("client_secret", "must not be set for the provider apple, which signs its own");
        }
        for (name, _, _) in apple_keys.iter().filter(|(_, given, _)| !given) {
            complain(name, "is required for the provider apple");
        }
    } else {
        if provider.client_secret.is_none() {
            complain("client_secret", "is required");
        }
        for (name, _, _) in apple_keys.iter().filter(|(_, _, filled)| *filled) {
            complain(name, "belongs to the provider apple");
        }
    }
}

/// What is odd, but no reason to stop.
pub(crate) fn warnings(config: &Config) -> Vec<ConfigError> {
    let mut out = Vec::new();
    let mut warn = |key: &str, reason: &str| out.push(ConfigError::new(key, reason));
    let flows = &config.selfservice.flows;
    if config.secrets.cookie.is_empty() && config.secrets.default.is_empty() {
        warn("secrets.cookie", "is not set: a random secret is used, and everybody is signed out at the next start");
    }
    for (key, weakness) in config.secrets.weak().filter(|_| !config.security.refuse_weak_secrets) {
        warn(
            &key,
            &format!("{weakness}: with a guessed secret sessions are forged and credentials decrypted; {REMEDY}"),
        );
    }
    if config.security.credentials.require_encrypted && config.secrets.cipher.is_empty() {
        warn(
            "security.credentials.require_encrypted",
            "means nothing without secrets.cipher: second factors are readable",
        );
    }
    if flows.registration.enable_legacy_one_step {
        warn("selfservice.flows.registration.enable_legacy_one_step", "is old; say style: unified instead");
    }
    for (name, reason) in super::hashers::oddities(config) {
        warn(&format!("hashers.{name}"), &reason);
    }
    if *config.courier.worker.pull_wait < LEAST_PULL_WAIT {
        warn("courier.worker.pull_wait", "is below 10ms and counts as 10ms: the database would be asked without end");
    }
    let cors = &config.serve.public.cors;
    if cors.shares_credentials_with_all() {
        warn(
            "serve.public.cors.allowed_origins",
            "DANGEROUS: * together with allow_credentials lets every web site on the internet, and pages without an origin \
             (null), read and change the account of a visitor who is signed in; name your origins here, or set \
             serve.public.cors.allow_credentials: false",
        );
    }
    for (index, entry) in cors.allowed_origins.iter().enumerate().filter(|_| cors.enabled) {
        if let Some(why) = super::cors::matches_nothing(entry, config.feature_flags.legacy_allow_insecure_origins) {
            warn(&format!("serve.public.cors.allowed_origins.{index}"), why);
        }
    }
    let mails =
        flows.recovery.enabled || flows.verification.enabled || config.selfservice.methods.code.passwordless_enabled;
    let courier = &config.courier;
    let is_smtp = courier.delivery_strategy == DeliveryStrategy::Smtp;
    if mails && is_smtp && courier.smtp.connection_uri.is_none() && !config.keeps_mail() {
        warn("courier.smtp.connection_uri", "is not set: no mail will leave");
    }
    let request = courier.http.request_config.as_ref();
    if courier.delivery_strategy == DeliveryStrategy::Http && request.is_none_or(|request| request.url.is_none()) {
        warn("courier.http.request_config.url", "is not set: no mail will leave");
    }
    for (index, channel) in courier.channels.iter().enumerate() {
        if channel.request_config.url.is_none() {
            warn(&format!("courier.channels.{index}.request_config.url"), "is not set: no message will leave");
        }
    }
    out
}
