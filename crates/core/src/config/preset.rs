//! `security.preset`: a set of defaults. A preset changes the default of keys and nothing else, so each part of it can be
//! set by its own key, in both directions.
//!
//! The document of a preset is laid under all sources once they are merged: it fills in what none of them has set.

use super::{error::Origin, merge::Document};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The security defaults of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The defaults of Kratos, so that a configuration written for it behaves the same.
    #[default]
    Compatible,
    /// Stricter defaults, for configurations that need no compatibility with Kratos where it is lenient.
    Hardened,
}

/// The defaults of [`Preset::Hardened`] that differ from those of the types.
pub fn hardened_document() -> Value {
    json!({
        "hashers": { "renew_weaker": true },
        "cookies": { "name_prefix": "auto" },
        "selfservice": { "methods": {
            "link": { "config": { "confirm": true } },
            "password": { "config": { "common_passwords_check_enabled": true, "ignore_network_errors": false } },
        } },
        "session": {
            "idle_timeout": "12h",
            "revoke_others_on_credential_change": true,
            "rotate_token_on_step_up": true,
        },
        "security": {
            "account_enumeration": { "mitigate": true },
            "assurance": { "distinct_channels": true },
            "cors": { "refuse_wildcard_credentials": true },
            "credentials": { "require_encrypted": true },
            "refuse_weak_secrets": true,
        },
    })
}

/// Fills in the defaults of the preset that the document names.
pub(super) fn apply(document: &mut Document) {
    if document.value.pointer("/security/preset").and_then(Value::as_str) == Some("hardened") {
        document.fill(hardened_document(), &Origin::Preset("hardened"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(value: Value) -> Document {
        let mut document = Document::new();
        document.merge(value, &Origin::BuiltIn);
        apply(&mut document);
        document
    }

    #[test]
    fn hardened_fills_in_what_no_source_has_set() {
        let document =
            filled(json!({ "security": { "preset": "hardened", "assurance": { "distinct_channels": false } } }));
        let security = &document.value["security"];
        assert_eq!(security["account_enumeration"]["mitigate"], true);
        assert_eq!(security["assurance"]["distinct_channels"], false, "a key of its own overrides the preset");
        assert_eq!(document.origin("security.account_enumeration.mitigate"), Some(&Origin::Preset("hardened")));
        assert_eq!(document.origin("security.assurance.distinct_channels"), Some(&Origin::BuiltIn));
    }

    #[test]
    fn compatible_changes_nothing() {
        for value in [json!({}), json!({ "security": { "preset": "compatible" } })] {
            assert_eq!(filled(value.clone()).value, value);
        }
    }
}
