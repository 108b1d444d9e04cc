//! Keys of older versions of Kratos, and what became of them.
//!
//! The table is what the history of Kratos' `config.schema.json` says, from v0.1 to v26. It is read when a key is unknown,
//! to say what to do about it, and by [`super::upgrade`], which does it.

/// What became of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has another name, and stands elsewhere if that has other sections.
    Renamed(&'static str),
    /// It takes more than another name; what stands there now, for people.
    Rewritten(&'static str),
    /// It is gone; why nothing is lost.
    Removed(&'static str),
}

/// A key of an older version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Old {
    /// Dotted.
    pub(super) key: &'static str,
    pub(super) fate: Fate,
    /// The first version without it.
    pub(super) since: &'static str,
}

const fn renamed(key: &'static str, to: &'static str, since: &'static str) -> Old {
    Old { key, fate: Fate::Renamed(to), since }
}

const fn rewritten(key: &'static str, to: &'static str, since: &'static str) -> Old {
    Old { key, fate: Fate::Rewritten(to), since }
}

const fn removed(key: &'static str, why: &'static str, since: &'static str) -> Old {
    Old { key, fate: Fate::Removed(why), since }
}

/// Above each OpenID Connect provider.
pub(super) const PROVIDERS: &str = "selfservice.methods.oidc.config.providers.";

/// In the order in which they are done: what one of them makes, the next may rename further.
pub(super) const TABLE: &[Old] = &[
    // v0.0 and v0.1: hooks were lists of jobs directly below the method.
    rewritten("selfservice.login.before", "selfservice.flows.login.before.hooks", "v0.2"),
    rewritten("selfservice.login.after", "selfservice.flows.login.after", "v0.4"),
    rewritten("selfservice.registration.before", "selfservice.flows.registration.before.hooks", "v0.2"),
    rewritten("selfservice.registration.after", "selfservice.flows.registration.after", "v0.4"),
    rewritten("selfservice.settings.after", "selfservice.flows.settings.after", "v0.4"),
    renamed("selfservice.profile.request_lifespan", "selfservice.flows.settings.lifespan", "v0.2"),
    renamed("urls.profile_ui", "selfservice.flows.settings.ui_url", "v0.2"),
    renamed("urls.whitelisted_return_to_domains", "selfservice.allowed_return_urls", "v0.2"),
    // v0.4: everything about flows went below selfservice.flows.
    renamed("urls.self.public", "serve.public.base_url", "v0.4"),
    renamed("urls.self.admin", "serve.admin.base_url", "v0.4"),
    renamed("urls.default_return_to", "selfservice.default_browser_return_url", "v0.4"),
    renamed("urls.whitelisted_return_to_urls", "selfservice.allowed_return_urls", "v0.4"),
    renamed("urls.login_ui", "selfservice.flows.login.ui_url", "v0.4"),
    renamed("urls.registration_ui", "selfservice.flows.registration.ui_url", "v0.4"),
    renamed("urls.settings_ui", "selfservice.flows.settings.ui_url", "v0.4"),
    renamed("urls.verify_ui", "selfservice.flows.verification.ui_url", "v0.4"),
    renamed("urls.error_ui", "selfservice.flows.error.ui_url", "v0.4"),
    removed("urls.mfa_ui", "a second factor is asked for on the page of the login flow", "v0.4"),
    renamed("selfservice.login.request_lifespan", "selfservice.flows.login.lifespan", "v0.4"),
    renamed("selfservice.registration.request_lifespan", "selfservice.flows.registration.lifespan", "v0.4"),
    renamed("selfservice.settings.request_lifespan", "selfservice.flows.settings.lifespan", "v0.4"),
    renamed(
        "selfservice.settings.privileged_session_max_age",
        "selfservice.flows.settings.privileged_session_max_age",
        "v0.4",
    ),
    renamed(
        "selfservice.settings.default_return_to",
        "selfservice.flows.settings.after.default_browser_return_url",
        "v0.4",
    ),
    renamed("selfservice.logout.redirect_to", "selfservice.flows.logout.after.default_browser_return_url", "v0.4"),
    renamed("selfservice.verify.request_lifespan", "selfservice.flows.verification.lifespan", "v0.4"),
    renamed(
        "selfservice.verify.default_return_to",
        "selfservice.flows.verification.after.default_browser_return_url",
        "v0.4",
    ),
    renamed("selfservice.verify.link_lifespan", "selfservice.methods.link.config.lifespan", "v0.4"),
    renamed("identity.traits.schemas", "identity.schemas", "v0.4"),
    renamed("identity.traits.default_schema_url", "identity.default_schema_url", "v0.4"),
    renamed("secrets.session", "secrets.cookie", "v0.4"),
    renamed("security.session.cookie.same_site", "session.cookie.same_site", "v0.4"),
    // v0.5: strategies became methods.
    renamed("selfservice.strategies", "selfservice.methods", "v0.5"),
    renamed("selfservice.methods.recovery_token", "selfservice.methods.link", "v0.5.1"),
    renamed("selfservice.flows.login.request_lifespan", "selfservice.flows.login.lifespan", "v0.5"),
    renamed("selfservice.flows.registration.request_lifespan", "selfservice.flows.registration.lifespan", "v0.5"),
    renamed("selfservice.flows.settings.request_lifespan", "selfservice.flows.settings.lifespan", "v0.5"),
    renamed("selfservice.flows.recovery.request_lifespan", "selfservice.flows.recovery.lifespan", "v0.5"),
    renamed("selfservice.flows.verification.request_lifespan", "selfservice.flows.verification.lifespan", "v0.5"),
    renamed(
        "selfservice.flows.login.default_browser_return_url",
        "selfservice.flows.login.after.default_browser_return_url",
        "v0.4.6",
    ),
    renamed(
        "selfservice.flows.registration.default_browser_return_url",
        "selfservice.flows.registration.after.default_browser_return_url",
        "v0.4.6",
    ),
    renamed("session.cookie_same_site", "session.cookie.same_site", "v0.5"),
    renamed("password.max_breaches", "selfservice.methods.password.config.max_breaches", "v0.6"),
    renamed("password.ignore_network_errors", "selfservice.methods.password.config.ignore_network_errors", "v0.6"),
    rewritten("hashers.argon2.memory", "the same key with a unit, such as 128MB", "v0.6"),
    removed("tracing.providers.jaeger.propagation", "the headers of W3C Trace Context are used", "v0.10"),
    removed("tracing.providers.jaeger.sampling.type", "trace_id_ratio says how much is sampled", "v0.10"),
    renamed("tracing.providers.jaeger.sampling.value", "tracing.providers.jaeger.sampling.trace_id_ratio", "v0.10"),
    // v0.9 and later.
    renamed("selfservice.whitelisted_return_urls", "selfservice.allowed_return_urls", "v0.9"),
    rewritten("identity.default_schema_url", "identity.schemas and identity.default_schema_id", "v0.9"),
    removed("serve.public.domain_aliases", "cookies are set for the host that was asked", "v0.9"),
    removed("courier.message_ttl", "courier.message_retries bounds how often a message is tried", "v0.11"),
    rewritten("courier.sms", "courier.channels, an item with the id sms", "v25.4"),
    renamed(
        "selfservice.methods.code.passwordless_login_fallback_enabled",
        "selfservice.methods.code.config.missing_credential_fallback_enabled",
        "v1.3",
    ),
];

/// Keys of each OpenID Connect provider.
pub(super) const PROVIDER_TABLE: &[Old] = &[
    renamed("schema_url", "mapper_url", "v0.3"),
    renamed("tenant", "microsoft_tenant", "v0.9"),
    renamed("team_id", "apple_team_id", "v0.9"),
    renamed("private_key_id", "apple_private_key_id", "v0.9"),
    renamed("private_key", "apple_private_key", "v0.9"),
];

/// What to do about a key that is not known, if an older version had it: the end of a sentence about it.
pub(super) fn help(key: &str) -> Option<String> {
    let section = format!("{key}.");
    let of_provider = || {
        let (parent, name) = key.rsplit_once('.')?;
        let index = parent.strip_prefix(PROVIDERS)?;
        let is_item = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        let old = PROVIDER_TABLE.iter().find(|old| is_item && old.key == name)?;
        Some((old, format!("{parent}.")))
    };
    let found = TABLE.iter().find(|old| old.key == key).map(|old| (old, String::new())).or_else(of_provider);
    let Some((Old { fate, since, .. }, parent)) = found else {
        let old = TABLE.iter().find(|old| old.key.starts_with(&section))?;
        return Some(format!(
            ": Kratos has had its keys elsewhere since {}; `zelos config upgrade FILE` moves them",
            old.since
        ));
    };
    Some(match fate {
        Fate::Renamed(to) => {
            format!(": Kratos renamed it to {parent}{to} in {since}; `zelos config upgrade FILE` rewrites it")
        }
        Fate::Rewritten(to) => {
            format!(": Kratos replaced it by {to} in {since}; `zelos config upgrade FILE` rewrites it")
        }
        Fate::Removed(why) => format!(": Kratos removed it in {since}, {why}; `zelos config upgrade FILE` removes it"),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::schema::known, *};

    #[test]
    fn no_old_key_is_one_of_today_and_every_new_one_is() {
        for Old { key, fate, .. } in TABLE {
            if let Fate::Renamed(to) = fate {
                let further =
                    |to: &str| TABLE.iter().any(|old| to == old.key || to.starts_with(&format!("{}.", old.key)));
                assert!(known(to) || further(to), "{to}");
            }
            assert!(!known(key) || *key == "hashers.argon2.memory", "{key}");
        }
        for Old { key, fate, .. } in PROVIDER_TABLE {
            let Fate::Renamed(to) = fate else { panic!("{key} is not renamed") };
            assert!(known(&format!("{PROVIDERS}0.{to}")) && !known(&format!("{PROVIDERS}0.{key}")), "{key}");
        }
    }

    #[test]
    fn old_keys_lead_to_the_new_ones() {
        for (key, expected) in [
            ("urls.login_ui", Some("selfservice.flows.login.ui_url")),
            ("urls", Some("elsewhere since v0.2")),
            ("selfservice.strategies", Some("selfservice.methods")),
            ("selfservice.methods.oidc.config.providers.3.tenant", Some("providers.3.microsoft_tenant")),
            ("selfservice.methods.oidc.config.providers.x.tenant", None),
            ("courier.message_ttl", Some("removed it")),
            ("colour", None),
        ] {
            let help = help(key);
            assert_eq!(help.is_some(), expected.is_some(), "{key}");
            assert!(help.unwrap_or_default().contains(expected.unwrap_or_default()), "{key}");
        }
    }
}
