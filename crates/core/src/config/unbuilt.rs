//! Keys that can be set but lead nowhere yet. None is ignored in silence: the server names them at start, and refuses
//! to start on those whose absence would let somebody through who should be stopped.
//!
//! A feature that gets built is deleted from this table, and that is all there is to it.

use super::{hooks::Hook, log::TracingProvider, root::Config};

/// A key without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbuilt {
    /// The key, dotted.
    pub key: String,
    pub reason: String,
    /// Ignoring it is dangerous, not just disappointing.
    pub weakens_security: bool,
}

/// A switch or section, and whether it is used.
type Setting = (&'static str, fn(&Config) -> bool);

const SETTINGS: &[Setting] = &[
    ("selfservice.methods.oidc.enabled", |c| c.selfservice.methods.oidc.enabled),
    ("session.whoami.tokenizer.templates", |c| !c.session.whoami.tokenizer.templates.is_empty()),
    ("oauth2_provider.url", |c| c.oauth2_provider.url.is_some()),
    ("tracing.provider", |c| c.tracing.provider.is_some_and(|provider| provider != TracingProvider::Otel)),
];

/// Whether a hook does something. Organizations never do, as in the open original.
fn is_built(hook: &Hook) -> bool {
    !matches!(hook, Hook::WebHook(_))
}

/// Everything in the configuration that is not built.
pub fn unbuilt(config: &Config) -> Vec<Unbuilt> {
    let settings = SETTINGS.iter().filter(|(_, used)| used(config)).map(|(key, _)| Unbuilt {
        key: (*key).to_owned(),
        reason: "this is not built yet; the key has no effect".to_owned(),
        weakens_security: false,
    });
    let hooks = config.hook_lists().into_iter().flat_map(|(key, hooks)| {
        hooks.iter().enumerate().filter(|(_, hook)| !is_built(hook)).map(move |(index, hook)| Unbuilt {
            key: format!("{key}.{index}"),
            reason: format!("the hook {} is not built yet; it does not run", hook.name()),
            weakens_security: hook.may_refuse(),
        })
    });
    settings.chain(hooks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn config(selfservice: &Value) -> Config {
        let mut document = json!({
            "dsn": "memory",
            "identity": { "schemas": [{ "id": "default", "url": "base64://e30=" }] },
            "selfservice": selfservice,
        });
        document["selfservice"]["default_browser_return_url"] = "https://a.example/".into();
        Config::from_document(document).unwrap()
    }

    fn found(config: &Config) -> Vec<(String, bool)> {
        unbuilt(config).into_iter().map(|unbuilt| (unbuilt.key, unbuilt.weakens_security)).collect()
    }

    #[test]
    fn the_defaults_need_nothing_unbuilt() {
        assert_eq!(unbuilt(&config(&json!({}))), []);
    }

    #[test]
    fn hooks_that_could_stop_somebody_are_told_apart() {
        let web_hook = |more: Value| {
            let mut config = json!({ "url": "https://a.example/", "method": "POST" });
            config["response"] = more;
            json!({ "hook": "web_hook", "config": config })
        };
        let config = config(&json!({ "flows": {
            "login": {
                "before": { "hooks": [web_hook(json!({}))] },
                "after": { "password": { "hooks": [
                    web_hook(json!({})),
                    { "hook": "require_verified_address" },
                    { "hook": "revoke_active_sessions" },
                ] } },
            },
            "registration": { "after": { "hooks": [
                web_hook(json!({ "ignore": true })),
                web_hook(json!({ "parse": true })),
            ] } },
        } }));
        let expected = [
            ("selfservice.flows.login.before.hooks.0", true),
            ("selfservice.flows.login.after.password.hooks.0", true),
            ("selfservice.flows.registration.after.hooks.0", false),
            ("selfservice.flows.registration.after.hooks.1", true),
        ];
        assert_eq!(found(&config), expected.map(|(key, weakens)| (key.to_owned(), weakens)));
    }

    #[test]
    fn switches_are_named() {
        let config = config(&json!({
            "methods": {
                "oidc": { "enabled": true },
                "password": { "config": { "migrate_hook": { "enabled": true, "config": { "url": "https://a.example/" } } } },
            },
        }));
        let expected = [("selfservice.methods.oidc.enabled", false)];
        assert_eq!(found(&config), expected.map(|(key, weakens)| (key.to_owned(), weakens)));
    }
}
