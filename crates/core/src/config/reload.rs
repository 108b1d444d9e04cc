//! What may change while the server runs: everything but listeners and the log, which are set up once.

use super::{error::ConfigError, root::Config};
use serde_json::Value;

/// Whether the new configuration may replace the old one without a restart.
///
/// # Errors
/// The first key that changed and may not; the new configuration is then refused as a whole.
pub fn reload_allowed(old: &Config, new: &Config) -> Result<(), ConfigError> {
    let changed = difference("serve", &sections(old)[0], &sections(new)[0])
        .or_else(|| difference("log", &sections(old)[1], &sections(new)[1]));
    // Where the server listens stays as it is; with tokens gone, its door might stand open.
    let opened = !old.serve.admin.auth.is_open() && new.serve.admin.auth.is_open();
    let changed = changed.or_else(|| opened.then(|| "serve.admin.auth.tokens".to_owned()));
    changed.map_or(Ok(()), |key| Err(ConfigError::new(key, "cannot change while the server runs; restart it")))
}

/// `serve` without the keys in it that are read live, and `log`.
fn sections(config: &Config) -> [Value; 2] {
    let mut serve = config.serve.clone();
    serve.public.cors.allowed_origins = Vec::new();
    serve.admin.auth.tokens = Vec::new();
    [serde_json::to_value(serve).unwrap_or_default(), serde_json::to_value(&config.log).unwrap_or_default()]
}

/// The key of the first value that is not the same in both.
fn difference(key: &str, old: &Value, new: &Value) -> Option<String> {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            a.iter().find_map(|(name, value)| difference(&format!("{key}.{name}"), value, b.get(name)?))
        }
        _ => (old != new).then(|| key.to_owned()),
    }
}
