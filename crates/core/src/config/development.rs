//! A whole configuration without any file: what `zelos serve --dev` runs on.
//!
//! It is a document like a file's, below flags and environment, so that one variable is enough to change one key.

use super::{contents::ContentUri, error::ConfigError, root::Config};
use crate::secret::Secret;
use serde_json::{Value, json};
use std::path::Path;

/// E-mail and name: enough to register, verify and recover.
fn person() -> Value {
    json!({
        "$id": "https://zelos.invalid/schemas/person.schema.json",
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Person",
        "type": "object",
        "properties": { "traits": {
            "type": "object",
            "properties": {
                "email": {
                    "type": "string",
                    "format": "email",
                    "title": "E-mail",
                    "minLength": 3,
                    "ory.sh/kratos": {
                        "credentials": {
                            "password": { "identifier": true },
                            "code": { "identifier": true, "via": "email" },
                            "totp": { "account_name": true },
                            "webauthn": { "identifier": true },
                            "passkey": { "display_name": true },
                        },
                        "verification": { "via": "email" },
                        "recovery": { "via": "email" },
                    },
                },
                "name": { "type": "string", "title": "Your name", "maxLength": 200 },
            },
            "required": ["email"],
            "additionalProperties": false,
        } },
    })
}

/// The document. `data` is the directory for the database; the secrets are made once and kept by the caller.
pub fn development_document(data: &Path, cookie: &Secret, cipher: &Secret) -> Value {
    json!({
        "dsn": format!("sqlite://{}/zelos.db?mode=rwc", data.display()),
        "identity": {
            "default_schema_id": "default",
            "schemas": [{ "id": "default", "url": ContentUri::inline(person().to_string()) }],
        },
        "serve": {
            "public": { "host": "127.0.0.1", "port": 4433, "base_url": "http://127.0.0.1:4433/" },
            "admin": { "host": "127.0.0.1", "port": 4434, "base_url": "http://127.0.0.1:4434/" },
        },
        "secrets": { "cookie": [cookie], "cipher": [cipher] },
        "ciphers": { "algorithm": "xchacha20-poly1305" },
        "courier": { "smtp": { "from_address": "zelos@localhost", "from_name": "Zelos" } },
        "selfservice": {
            "default_browser_return_url": "http://127.0.0.1:4433/",
            "allowed_return_urls": ["http://127.0.0.1:4433/"],
            "flows": {
                "recovery": { "enabled": true, "use": "code" },
                "verification": { "enabled": true, "use": "code" },
                // Whoever gave an address is asked at once for the code that went there.
                "registration": { "after": { "password": { "hooks": [
                    { "hook": "show_verification_ui" },
                    { "hook": "session" },
                ] } } },
                "settings": { "after": { "profile": { "hooks": [{ "hook": "show_verification_ui" }] } } },
            },
        },
    })
}

impl Config {
    /// The development configuration as it stands, without flags and environment: for tests and first steps.
    ///
    /// # Errors
    /// Secrets that are too short (`cookie`: 16 characters, `cipher`: exactly 32).
    pub fn for_development(data: &Path, cookie: &Secret, cipher: &Secret) -> Result<Self, Vec<ConfigError>> {
        let mut document = development_document(data, cookie, cipher);
        document["dev"] = true.into();
        Self::from_document(document)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Hook, *};

    #[test]
    fn mail_stays_in_the_house_only_in_development_and_without_a_way_out() {
        let (cookie, cipher) = (Secret::new("cookie-secret-of-tests"), Secret::new("x".repeat(32)));
        let mut config = Config::for_development(Path::new("/tmp"), &cookie, &cipher).unwrap();
        assert!(config.keeps_mail());
        config.courier.smtp.connection_uri = Some(Secret::new("smtp://mail.example:25/"));
        assert!(!config.keeps_mail());
        config.courier.smtp.connection_uri = None;
        config.courier.delivery_strategy = super::super::courier::DeliveryStrategy::Http;
        assert!(!config.keeps_mail());
        config.courier.delivery_strategy = super::super::courier::DeliveryStrategy::Smtp;
        config.dev = false;
        assert!(!config.keeps_mail());
    }

    #[test]
    fn the_development_configuration_is_complete() {
        let cookie = Secret::new("cookie-secret-of-tests");
        let cipher = Secret::new("0123456789abcdef0123456789abcdef");
        let config = Config::for_development(Path::new("./zelos-data"), &cookie, &cipher).unwrap();
        assert!(config.dev);
        assert_eq!(config.dsn.expose(), "sqlite://./zelos-data/zelos.db?mode=rwc");
        assert_eq!(config.public_url().as_str(), "http://127.0.0.1:4433/");
        assert!(!config.session_cookie().secure);
        let flows = &config.selfservice.flows;
        let (_, hooks) = flows.registration.after.for_method("password");
        assert_eq!(hooks, [Hook::ShowVerificationUi, Hook::Session]);
        let (_, hooks) = flows.settings.after.for_method("profile");
        assert_eq!(hooks, [Hook::ShowVerificationUi]);
        assert!(flows.recovery.enabled && flows.verification.enabled);
        assert!(config.keeps_mail(), "codes are found in the mailbox");
        assert_eq!(super::super::unbuilt(&config), []);
    }
}
