//! Passwords that an administrator brings along: a hash made elsewhere, or a plain text to hash. The policy is for
//! people who choose a password, so it is not asked.

use super::{
    Password,
    hash::{HashError, check_import},
    migrate::FLAG,
};
use serde::Deserialize;
use serde_json::{Value, json};
use zelos_core::problem::{Problem, Result};
use zelos_flow::Cx;

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    hashed_password: String,
    password: String,
    use_password_migration_hook: bool,
}

impl Password {
    /// The stored form. The word that the password is elsewhere wins over a plain text, and that over a hash.
    pub(super) async fn imported(&self, cx: &Cx<'_>, config: &Value) -> Result<Value> {
        let config = Config::deserialize(config)
            .map_err(|error| Problem::bad(format!("The configuration of the password is not usable: {error}.")))?;
        if config.use_password_migration_hook {
            return Ok(json!({ "hashed_password": "", FLAG: true }));
        }
        if !config.password.is_empty() {
            return self.hashed(cx, &config.password).await.map_err(|problem| match problem {
                Problem::Form(_) => Problem::bad("The password is longer than the configured hasher takes."),
                other => other,
            });
        }
        check_import(&config.hashed_password).map_err(|error| Problem::bad(reason(error)))?;
        Ok(json!({ "hashed_password": config.hashed_password }))
    }
}

fn reason(error: HashError) -> String {
    match error {
        HashError::Unknown => "The imported password does not match any known hash format.".to_owned(),
        HashError::OutOfBounds => {
            "The imported password hash declares cost parameters that exceed the bounds: hash it again with lower ones."
                .to_owned()
        }
        HashError::Malformed => "The imported password hash could not be parsed.".to_owned(),
        HashError::TooLong { .. } => {
            format!("The imported password is not usable: {error}.")
        }
    }
}
