//! What follows from a person's traits: identifiers, addresses and names, found where the schema marks them.
//!
//! A mark counts wherever its value is present, whatever branch of the schema it stands in.

use super::{
    field::{Field, Mark},
    path::join,
    violation::{Violation, Violations, short, wrong_format},
};
use crate::{
    identity::{CredentialType, Via, normalize},
    storable::LONGEST_KEY,
    text::{Text, catalog},
};
use serde_json::Value;

/// What a schema makes of traits that it accepts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Derived {
    /// The traits, phone numbers rewritten to E.164.
    pub traits: Value,
    /// Identifiers of the credentials `password`, `webauthn` and `code`, in canonical form, each once.
    pub identifiers: Vec<(CredentialType, String)>,
    /// Addresses to be verified, each once.
    pub verifiable: Vec<(Via, String)>,
    /// Addresses for recovery, each once.
    pub recovery: Vec<(Via, String)>,
    /// Where codes are sent for `code` credentials, sorted by address.
    pub code_addresses: Vec<(Via, String)>,
    /// What an authenticator app calls the account.
    pub totp_account_name: Option<String>,
    /// What a passkey is called.
    pub passkey_display_name: Option<String>,
    /// What operators find the person by: the name of each indexed trait, and its value as it stands in the index.
    pub indexed: Vec<(String, String)>,
}

impl Derived {
    /// The identifiers of one type of credential.
    pub fn identifiers_of(&self, kind: CredentialType) -> impl Iterator<Item = &str> {
        self.identifiers.iter().filter(move |(known, _)| *known == kind).map(|(_, identifier)| identifier.as_str())
    }
}

/// Rewrites valid phone numbers that something is sent to; what is no such number is judged later.
pub(super) fn rewrite_phones(field: &Field, value: &mut Value) {
    if field.marks.iter().any(|mark| mark.extension.is_phone())
        && let Some(number) = value.as_str().and_then(|text| normalize::phone(text).ok())
    {
        *value = Value::String(number);
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, property) in &field.properties {
                if let Some(member) = members.get_mut(name) {
                    rewrite_phones(property, member);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                if let Some(field) = field.item(index) {
                    rewrite_phones(field, item);
                }
            }
        }
        _ => {}
    }
}

/// Reads all marks. What a mark can't use is added to `wrong`.
pub(super) fn derive(traits: &Field, value: &Value, wrong: &mut Violations) -> Derived {
    let derived = Derived { traits: value.clone(), ..Derived::default() };
    let mut reader = Reader { derived, left: MOST, wrong };
    reader.read(traits, value, &Place { name: "traits".to_owned(), pointer: "#/traits".to_owned() });
    let mut derived = reader.derived;
    derived.code_addresses.sort_by(|a, b| (&a.1, a.0.as_str()).cmp(&(&b.1, b.0.as_str())));
    let addresses: Vec<_> = derived.code_addresses.iter().map(|(_, address)| address.clone()).collect();
    for address in addresses {
        add(&mut derived.identifiers, (CredentialType::Code, address));
    }
    derived
}

struct Place {
    name: String,
    pointer: String,
}

impl Place {
    fn child(&self, part: &str) -> Self {
        let escaped = part.replace('~', "~0").replace('/', "~1");
        Self { name: join(&self.name, part), pointer: format!("{}/{escaped}", self.pointer) }
    }
}

/// So many marked values are read, and no person has more: each is compared with all others, and gets rows of its own.
const MOST: usize = 256;

struct Reader<'a> {
    derived: Derived,
    /// How many more marked values are read.
    left: usize,
    wrong: &'a mut Violations,
}

/// A rule of the extension that a value breaks: the keyword it counts for, and the text.
pub(super) type Refused = (&'static str, Text);

impl Reader<'_> {
    fn read(&mut self, field: &Field, value: &Value, place: &Place) {
        if let Some(text) = as_text(value).filter(|_| !field.marks.is_empty()) {
            for mark in &field.marks {
                let applied = if self.left == 0 { Err(too_many()) } else { self.apply(mark, &text) };
                self.left = self.left.saturating_sub(1);
                if let Err((keyword, told)) = applied {
                    self.wrong.push(Violation {
                        at: Some(place.name.clone()),
                        reason: told.text.to_string(),
                        text: told,
                        instance: place.pointer.clone(),
                        schema: format!("{}/{keyword}", mark.schema),
                    });
                }
            }
        }
        match value {
            Value::Object(members) => {
                for (name, property) in &field.properties {
                    if let Some(member) = members.get(name) {
                        self.read(property, member, &place.child(name));
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let Some(field) = field.item(index) {
                        self.read(field, item, &place.child(&index.to_string()));
                    }
                }
            }
            _ => {}
        }
    }

    /// Credentials first, then verification, then recovery; the first refusal ends it.
    fn apply(&mut self, mark: &Mark, text: &str) -> Result<(), Refused> {
        let format = mark.format.as_deref();
        self.name_credentials(mark, text)?;
        if let Some(via) = mark.extension.verification.via {
            let address = verifiable(via, format, text)?;
            fits(&address)?;
            add_address(&mut self.derived.verifiable, via, address);
        }
        if let Some(via) = mark.extension.recovery.via {
            let address = recovery(via, format, text)?;
            fits(&address)?;
            add_address(&mut self.derived.recovery, via, address);
        }
        Ok(())
    }

    fn name_credentials(&mut self, mark: &Mark, text: &str) -> Result<(), Refused> {
        let credentials = &mark.extension.credentials;
        let identifier = normalize::identifier(text);
        let names = credentials.password.identifier || credentials.webauthn.identifier || credentials.code.identifier;
        if names {
            fits(&identifier)?;
        }
        for (wanted, kind) in [
            (credentials.password.identifier, CredentialType::Password),
            (credentials.webauthn.identifier, CredentialType::Webauthn),
        ] {
            if wanted && !identifier.is_empty() {
                add(&mut self.derived.identifiers, (kind, identifier.clone()));
            }
        }
        if credentials.passkey.display_name && self.derived.passkey_display_name.is_none() && !text.is_empty() {
            self.derived.passkey_display_name = Some(text.to_owned());
        }
        if credentials.totp.account_name && self.derived.totp_account_name.is_none() && !text.is_empty() {
            self.derived.totp_account_name = Some(text.to_owned());
        }
        if let Some(via) = credentials.code.via.filter(|_| credentials.code.identifier) {
            let lenient = via == Via::Email && !matches!(mark.format.as_deref(), None | Some("" | "email"));
            let address = if lenient { identifier } else { strict(via, text)? };
            add(&mut self.derived.code_addresses, (via, address));
        }
        Ok(())
    }
}

fn verifiable(via: Via, format: Option<&str>, text: &str) -> Result<String, Refused> {
    match format {
        None | Some("") if via == Via::Sms => {
            let told = "A trait that is verified by text message needs a format in its schema; \"no-validate\" judges nothing.";
            Err(("format", catalog::invalid(told)))
        }
        None | Some("") if !normalize::is_email(text) => Err(("format", wrong_format("email", &Value::from(text)))),
        None | Some("" | "email" | "tel") => strict(via, text),
        Some(_) => Ok(text.trim().to_owned()),
    }
}

fn recovery(via: Via, format: Option<&str>, text: &str) -> Result<String, Refused> {
    match via {
        Via::Email if matches!(format, None | Some("" | "email")) && !normalize::is_email(text) => {
            Err(("format", wrong_format("email", &Value::from(text))))
        }
        Via::Email => Ok(normalize::identifier(text)),
        Via::Sms => normalize::phone(text).map_err(|_| ("format", wrong_format("tel", &Value::from(text)))),
    }
}

fn too_many() -> Refused {
    ("maxItems", catalog::invalid(format!("A person has at most {MOST} names and addresses.")))
}

/// What a person is found by stands in an index.
pub(super) fn fits(key: &str) -> Result<(), Refused> {
    let length = key.chars().count();
    if length <= LONGEST_KEY {
        Ok(())
    } else {
        Err(("maxLength", catalog::too_long(LONGEST_KEY as u64, length as u64)))
    }
}

fn strict(via: Via, text: &str) -> Result<String, Refused> {
    let normalized = match via {
        Via::Email => normalize::email(text),
        Via::Sms => normalize::phone(text),
    };
    normalized.map_err(|unfit| ("format", catalog::invalid(format!("{:?} cannot be used: {unfit}.", short(text)))))
}

/// What a mark reads: texts, and numbers as they are written.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if !list.contains(&value) {
        list.push(value);
    }
}

/// Two spellings of an address are one.
fn add_address(list: &mut Vec<(Via, String)>, via: Via, address: String) {
    let identifier = normalize::identifier(&address);
    if !list.iter().any(|(known, value)| *known == via && normalize::identifier(value) == identifier) {
        list.push((via, address));
    }
}
