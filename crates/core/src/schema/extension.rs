//! The keyword `ory.sh/kratos`: what a trait is good for.

use super::compile::SchemaError;
use crate::identity::Via;
use serde::Deserialize;
use serde_json::Value;

/// The keyword's name.
pub(super) const KEYWORD: &str = "ory.sh/kratos";

/// The keyword's value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Extension {
    pub(super) credentials: Credentials,
    pub(super) verification: Channel,
    pub(super) recovery: Channel,
    organizations: Organizations,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Credentials {
    pub(super) password: Identifier,
    pub(super) webauthn: Identifier,
    pub(super) passkey: DisplayName,
    pub(super) totp: AccountName,
    pub(super) code: Code,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Identifier {
    pub(super) identifier: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DisplayName {
    pub(super) display_name: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AccountName {
    pub(super) account_name: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Code {
    pub(super) identifier: bool,
    pub(super) via: Option<Via>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Channel {
    pub(super) via: Option<Via>,
}

/// Accepted for documents written for the original; matching people to organisations is not part of it either.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Organizations {
    matcher: Option<Matcher>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Matcher {
    EmailDomain,
}

impl Extension {
    /// Reads the keyword of one sub-schema, if it has it; `at` is where the sub-schema lies.
    pub(super) fn of(schema: &Value, at: &str) -> Result<Option<Self>, SchemaError> {
        let Some(value) = schema.get(KEYWORD) else { return Ok(None) };
        let wrong = |reason: String| SchemaError::Extension { at: at.to_owned(), reason };
        let extension: Self = serde_json::from_value(value.clone()).map_err(|error| wrong(error.to_string()))?;
        if extension.credentials.code.identifier && extension.credentials.code.via.is_none() {
            return Err(wrong("credentials.code.identifier needs credentials.code.via".to_owned()));
        }
        Ok(Some(extension))
    }

    /// Whether people can sign in with the trait, or see it as the name of a credential.
    pub(super) fn names_credential(&self) -> bool {
        let of = &self.credentials;
        of.password.identifier
            || of.webauthn.identifier
            || of.passkey.display_name
            || of.totp.account_name
            || of.code.identifier
    }

    /// Whether a passkey may be called by the trait.
    pub(super) fn names_passkey(&self) -> bool {
        self.credentials.passkey.display_name || self.credentials.webauthn.identifier
    }

    /// Whether the trait is a phone number to which something is sent.
    pub(super) fn is_phone(&self) -> bool {
        let code = self.credentials.code.via.filter(|_| self.credentials.code.identifier);
        [code, self.verification.via, self.recovery.via].contains(&Some(Via::Sms))
    }
}

/// Looks at every place of a document where the keyword could stand, even where nothing would read it.
pub(super) fn check_everywhere(document: &Value, at: &str) -> Result<(), SchemaError> {
    match document {
        Value::Object(members) => {
            Extension::of(document, at)?;
            members
                .iter()
                .filter(|(name, _)| *name != KEYWORD)
                .try_for_each(|(name, member)| check_everywhere(member, &format!("{at}/{name}")))
        }
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| check_everywhere(item, &format!("{at}/{index}")))
        }
        _ => Ok(()),
    }
}
