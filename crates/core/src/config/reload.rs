//! What may change while the server runs: everything but what is set up once, at start.
//!
//! A reload takes all the rest. The keys that it leaves as they are, are named.

use super::root::Config;
use serde_json::{Value, json};

/// Puts those keys of a new configuration back that only a restart changes, and returns the ones that had changed.
pub fn keep_until_restart(old: &Config, new: &mut Config) -> Vec<String> {
    let mut changed = Vec::new();
    let opened = !old.serve.admin.auth.is_open() && new.serve.admin.auth.is_open();
    difference("", &sections(old), &sections(new), &mut changed);
    let origins = std::mem::take(&mut new.serve.public.cors.allowed_origins);
    let tokens = std::mem::take(&mut new.serve.admin.auth.tokens);
    new.serve = old.serve.clone();
    new.serve.public.cors.allowed_origins = origins;
    // With all tokens gone, anyone who reaches the admin API could use it.
    if opened {
        changed.push("serve.admin.auth.tokens".to_owned());
    } else {
        new.serve.admin.auth.tokens = tokens;
    }
    let level = new.log.level;
    new.log = old.log.clone();
    new.log.level = level;
    new.dsn = old.dsn.clone();
    new.database.pool = old.database.pool.clone();
    new.hashers.pool = old.hashers.pool.clone();
    new.tracing = old.tracing.clone();
    new.selfservice.ui.template_path.clone_from(&old.selfservice.ui.template_path);
    new.expose_metrics_port = old.expose_metrics_port;
    changed.sort();
    changed
}

/// All that only a restart changes, by its keys.
fn sections(config: &Config) -> Value {
    let mut serve = config.serve.clone();
    serve.public.cors.allowed_origins = Vec::new();
    serve.admin.auth.tokens = Vec::new();
    let mut log = config.log.clone();
    log.level = <_>::default();
    json!({
        "dsn": config.dsn,
        "serve": serve,
        "log": log,
        "database": { "pool": config.database.pool },
        "hashers": { "pool": config.hashers.pool },
        "tracing": config.tracing,
        "selfservice": { "ui": { "template_path": config.selfservice.ui.template_path } },
        "expose-metrics-port": config.expose_metrics_port,
    })
}

/// The keys of all values that are not the same in both.
fn difference(key: &str, old: &Value, new: &Value, changed: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) => {
            let names = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
            for name in names {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                difference(&key, a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null), changed);
            }
        }
        _ if old != new => changed.push(key.to_owned()),
        _ => {}
    }
}
