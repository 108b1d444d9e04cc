//! What the texts of a row mean, and the shape that Kratos itself gives to credentials of older versions when it reads
//! them (`identity/credentials_migrate.go`).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::str::FromStr;
use time::{Date, OffsetDateTime, Time, UtcOffset, macros::format_description};
use uuid::Uuid;
use zelos_core::{
    id::{AddressId, CredentialId, DeviceId, IdentityId, SessionId},
    identity::{
        AddressStatus, Credential, CredentialType, Identity, RecoveryAddress, VerifiableAddress, Via, normalize,
    },
    session::{Aal, AuthenticationMethod, Device, Session, SessionToken},
    storable,
};

/// The columns of a row by their names, each as text.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Vec<(&'static str, Option<String>)>);

/// Why a row cannot be taken over; quotes nothing of it.
type Because<T> = Result<T, String>;

/// Between identifiers that stand in one field: no text that we keep holds it.
const BETWEEN: char = '\0';

impl Fields {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name)?.1.as_deref()
    }

    fn text(&self, name: &str) -> Because<&str> {
        self.get(name).ok_or_else(|| format!("{name} is not set"))
    }

    pub(super) fn id(&self, name: &str) -> Because<Uuid> {
        Uuid::parse_str(self.text(name)?).map_err(|_| format!("{name} is no id"))
    }

    fn time(&self, name: &str) -> Because<OffsetDateTime> {
        time(self.text(name)?).ok_or_else(|| format!("{name} is no time"))
    }

    fn optional_time(&self, name: &str) -> Because<Option<OffsetDateTime>> {
        self.get(name).map(|_| self.time(name)).transpose()
    }

    fn json(&self, name: &str) -> Because<Value> {
        let Some(text) = self.get(name) else { return Ok(Value::Null) };
        let value = serde_json::from_str(text).map_err(|_| format!("{name} is no JSON"))?;
        storable::document(&value).map_err(|why| format!("{name} cannot be kept: {why}"))?;
        Ok(value)
    }

    /// SQLite and MySQL keep truth as a number, SQLite's default is a text.
    fn truth(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true" | "t"))
    }

    /// Adds what the same field of the next row says; always true.
    pub(super) fn append(&mut self, name: &str, next: &Self) -> bool {
        let own = self.0.iter_mut().find(|(known, _)| *known == name);
        if let (Some((_, Some(own))), Some(more)) = (own, next.get(name)) {
            own.push(BETWEEN);
            own.push_str(more);
        }
        true
    }
}

/// What belongs to a person.
#[derive(Debug)]
pub(super) struct Belongings {
    pub(super) credentials: Vec<Fields>,
    pub(super) verifiable: Vec<Fields>,
    pub(super) recovery: Vec<Fields>,
}

/// What there is to say of a row beside what it says.
#[derive(Debug, Default)]
pub struct Remarks {
    /// What of it is left behind.
    pub notes: Vec<String>,
    /// Identifiers that stood there in another form than they are looked for.
    pub renamed: Vec<(CredentialType, String)>,
}

pub(super) fn identity(row: &Fields, all: &Belongings, remarks: &mut Remarks) -> Because<Identity> {
    let id = row.id("id")?;
    let traits = row.json("traits")?;
    if !traits.is_object() {
        return Err("traits is no object".into());
    }
    let mut credentials: Vec<Credential> = Vec::new();
    for credential in &all.credentials {
        let Some(credential) = self::credential(id, credential, remarks)? else { continue };
        match credentials.iter_mut().find(|known| known.kind == credential.kind) {
            None => credentials.push(credential),
            Some(known) => {
                remarks
                    .notes
                    .push(format!("there are two credentials of type {}: the newer counts", known.kind.as_str()));
                *known = credential;
            }
        }
    }
    credentials.sort_unstable_by_key(|credential| credential.kind.as_str());
    let external_id = row.get("external_id").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(Identity {
        id: IdentityId(id),
        external_id,
        schema_id: row.text("schema_id")?.to_owned(),
        state: word(row.get("state").unwrap_or("active"), "state")?,
        state_changed_at: row.optional_time("state_changed_at")?,
        traits,
        indexed: None,
        metadata_public: row.json("metadata_public")?,
        metadata_admin: row.json("metadata_admin")?,
        verifiable_addresses: all.verifiable.iter().map(verifiable).collect::<Because<_>>()?,
        recovery_addresses: all.recovery.iter().map(recovery).collect::<Because<_>>()?,
        credentials,
        // What the methods make of the credentials counts, and they are asked by whoever writes the person.
        available_aal: row.get("available_aal").and_then(|word| word.parse().ok()).unwrap_or_default(),
        organization_id: row.get("organization_id").map(|_| row.id("organization_id")).transpose()?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: 1,
    })
}

fn credential(of: Uuid, row: &Fields, remarks: &mut Remarks) -> Because<Option<Credential>> {
    let name = row.text("type")?;
    let Ok(kind) = CredentialType::from_str(name) else {
        remarks.notes.push("a credential of an unknown type stays behind".into());
        return Ok(None);
    };
    let identifiers = row.get("identifiers").unwrap_or_default().split(BETWEEN);
    let is_typed = matches!(kind, CredentialType::Password | CredentialType::Webauthn | CredentialType::Code);
    let mut identifiers: Vec<String> = identifiers
        .filter(|identifier| !identifier.is_empty())
        .map(|identifier| {
            // Rows of older versions were lower-cased only. Whoever types theirs is looked for in its normal form.
            let normal = if is_typed { normalize::identifier(identifier) } else { identifier.to_owned() };
            if normal != identifier {
                remarks.renamed.push((kind, normal.clone()));
            }
            normal
        })
        .collect();
    identifiers.sort_unstable();
    identifiers.dedup();
    for identifier in &identifiers {
        storable::key(identifier).map_err(|why| format!("an identifier cannot be kept: {why}"))?;
    }
    let mut credential = Credential {
        id: CredentialId(row.id("id")?),
        kind,
        identifiers,
        config: row.json("config")?,
        version: row.get("version").and_then(|version| version.parse().ok()).unwrap_or_default(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    upgrade(of, &mut credential);
    Ok(Some(credential))
}

/// What Kratos makes of version 0 when it reads it.
fn upgrade(of: Uuid, credential: &mut Credential) {
    if credential.version != 0 {
        return;
    }
    match (credential.kind, &mut credential.config) {
        (CredentialType::Password, _) => {}
        (CredentialType::Webauthn, Value::Object(config)) => {
            let has_handle = config.get("user_handle").and_then(Value::as_str).is_some_and(|handle| !handle.is_empty());
            // One that only reserves the identifiers, as everybody has it, stays as it is.
            if !has_handle && config.contains_key("credentials") {
                config.insert("user_handle".into(), STANDARD.encode(of).into());
            }
            for key in config.get_mut("credentials").and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(key) = key.as_object_mut() {
                    key.entry("is_passwordless").or_insert(Value::Bool(false));
                }
            }
        }
        (CredentialType::Code, Value::Object(config)) => {
            let channel = config.get("address_type").and_then(Value::as_str).unwrap_or_default();
            let channel = if channel.trim().eq_ignore_ascii_case("sms") { Via::Sms } else { Via::Email };
            config.shift_remove("used_at");
            config.shift_remove("address_type");
            let address = |address: &String| json!({ "channel": channel.as_str(), "address": address });
            config.insert("addresses".into(), credential.identifiers.iter().map(address).collect());
        }
        _ => return,
    }
    credential.version = 1;
}

fn verifiable(row: &Fields) -> Because<VerifiableAddress> {
    Ok(VerifiableAddress {
        id: AddressId(row.id("id")?),
        value: address(row)?,
        verified: row.truth("verified"),
        via: via(row)?,
        status: row.get("status").and_then(|word| word.parse().ok()).unwrap_or(AddressStatus::Pending),
        verified_at: row.optional_time("verified_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn recovery(row: &Fields) -> Because<RecoveryAddress> {
    Ok(RecoveryAddress {
        id: AddressId(row.id("id")?),
        value: address(row)?,
        via: via(row)?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn address(row: &Fields) -> Because<String> {
    let value = row.text("value")?;
    storable::key(value).map_err(|why| format!("an address cannot be kept: {why}"))?;
    Ok(normalize::identifier(value))
}

/// Short messages were called after the phone once.
fn via(row: &Fields) -> Because<Via> {
    match row.text("via")? {
        "phone" => Ok(Via::Sms),
        other => word(other, "via"),
    }
}

pub(super) fn session(row: &Fields, devices: Vec<Device>) -> Because<(Session, SessionToken)> {
    let token = row.text("token")?;
    let session = Session {
        id: SessionId(row.id("id")?),
        identity_id: IdentityId(row.id("identity_id")?),
        active: row.truth("active"),
        issued_at: row.time("issued_at")?,
        authenticated_at: row.time("authenticated_at")?,
        expires_at: row.time("expires_at")?,
        aal: word::<Aal>(row.get("aal").unwrap_or("aal1"), "aal")?,
        methods: methods(row.json("authentication_methods")?)?,
        devices,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    Ok((session, SessionToken::received(token)))
}

fn methods(value: Value) -> Because<Vec<AuthenticationMethod>> {
    let Value::Array(mut methods) = value else { return Ok(Vec::new()) };
    for method in methods.iter_mut().filter_map(Value::as_object_mut) {
        method.retain(|_, member| !member.is_null());
    }
    serde_json::from_value(Value::Array(methods))
        .map_err(|_| "authentication_methods holds a method that is not known".to_owned())
}

pub(super) fn device(row: &Fields) -> Option<Device> {
    let text = |name| row.get(name).unwrap_or_default().to_owned();
    Some(Device {
        id: DeviceId(row.id("id").ok()?),
        ip_address: text("ip_address"),
        user_agent: text("user_agent"),
        location: text("location"),
    })
}

fn word<T: FromStr>(text: &str, name: &str) -> Because<T> {
    text.parse().map_err(|_| format!("{name} is none of the known words"))
}

/// `2026-01-02 03:04:05`, with or without a fraction and a zone, as the databases and Kratos' drivers write it, or RFC 3339;
/// without a zone it is UTC. Cut to the microseconds that are stored.
fn time(text: &str) -> Option<OffsetDateTime> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix([' ', 'T'])?.split_at_checked(8)?;
    let date = Date::parse(date, format_description!("[year]-[month]-[day]")).ok()?;
    let clock = Time::parse(clock, format_description!("[hour]:[minute]:[second]")).ok()?;
    let (fraction, zone) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
    };
    let micros: u32 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let clock = clock.replace_microsecond(micros).ok()?;
    Some(date.with_time(clock).assume_offset(offset(zone.trim())?).to_offset(UtcOffset::UTC))
}

/// `Z`, `+02`, `+0200`, `+02:00`; Go adds the name of the zone.
fn offset(zone: &str) -> Option<UtcOffset> {
    let zone = zone.split(' ').next().unwrap_or_default();
    if matches!(zone, "" | "Z" | "UTC") {
        return Some(UtcOffset::UTC);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let hours: i8 = digits.get(..2)?.parse().ok()?;
    let minutes: i8 = digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Ok(0), str::parse).ok()?;
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
