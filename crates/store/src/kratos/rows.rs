//! What the texts of a row mean, and the shape that Kratos itself gives to credentials of older versions when it reads
//! them (`identity/credentials_migrate.go`).

use super::{
    fields::{Because, Fields},
    table::Table,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{collections::HashMap, str::FromStr};
use uuid::Uuid;
use zelos_core::{
    id::{AddressId, CredentialId, DeviceId, IdentityId, SessionId},
    identity::{
        AddressStatus, Credential, CredentialType, Identity, RecoveryAddress, VerifiableAddress, Via, normalize,
    },
    session::{Aal, AuthenticationMethod, Device, Session, SessionToken},
    storable,
};

/// What belongs to an identity.
#[derive(Debug, Default)]
pub(super) struct Belongings {
    /// With the identifiers of each.
    pub(super) credentials: Vec<(Fields, Vec<Fields>)>,
    pub(super) verifiable: Vec<Fields>,
    pub(super) recovery: Vec<Fields>,
}

/// A row of another table that belongs to the one that was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    pub table: Table,
    /// Its id as it stands there; none for NULL.
    pub id: Option<String>,
}

impl Part {
    pub(super) fn of(table: Table, row: &Fields) -> Self {
        Self { table, id: row.source_id() }
    }
}

impl Belongings {
    /// Every row of it.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        for (credential, identifiers) in &self.credentials {
            parts.push(Part::of(Table::Credentials, credential));
            parts.extend(identifiers.iter().map(|row| Part::of(Table::Identifiers, row)));
        }
        parts.extend(self.verifiable.iter().map(|row| Part::of(Table::VerifiableAddresses, row)));
        parts.extend(self.recovery.iter().map(|row| Part::of(Table::RecoveryAddresses, row)));
        parts
    }
}

/// What there is to say of a row beside what it says.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Rows that belong to it and are not migrated with it, and why.
    pub left_out: Vec<(Part, String)>,
    /// Identifiers that stood there in another form than they are looked for.
    pub renamed: Vec<(CredentialType, String)>,
}

impl Remarks {
    fn leave_out(&mut self, part: Part, why: &str) {
        self.left_out.push((part, why.to_owned()));
    }
}

/// Names the row that a reason is about.
fn of<T>(table: Table, result: Because<T>) -> Because<T> {
    result.map_err(|why| format!("{}: {why}", table.row()))
}

pub(super) fn identity(
    row: &Fields,
    all: &Belongings,
    types: &CredentialTypes,
    remarks: &mut Remarks,
) -> Because<Identity> {
    let id = row.id("id")?;
    let traits = row.json("traits")?;
    if !traits.is_object() {
        return Err("traits is no object".into());
    }
    let external_id = row.get("external_id")?.filter(|id| !id.is_empty()).map(str::to_owned);
    if let Some(external_id) = &external_id {
        storable::key(external_id).map_err(|why| format!("external_id cannot be kept: {why}"))?;
    }
    Ok(Identity {
        id: IdentityId(id),
        external_id,
        schema_id: row.text("schema_id")?.to_owned(),
        state: word(row.get("state")?.unwrap_or("active"), "state")?,
        state_changed_at: row.optional_time("state_changed_at")?,
        traits,
        indexed: None,
        metadata_public: row.json("metadata_public")?,
        metadata_admin: row.json("metadata_admin")?,
        credentials: credentials(id, all, types, remarks)?,
        verifiable_addresses: of(Table::VerifiableAddresses, verifiable_addresses(&all.verifiable, remarks))?,
        recovery_addresses: of(Table::RecoveryAddresses, recovery_addresses(&all.recovery, remarks))?,
        // What the methods make of the credentials counts, and they are asked by whoever writes the person.
        available_aal: row.get("available_aal")?.and_then(|word| word.parse().ok()).unwrap_or_default(),
        organization_id: row.get("organization_id")?.map(|_| row.uuid("organization_id")).transpose()?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: 1,
    })
}

/// The names of credential types by their ids.
#[derive(Debug, Default)]
pub(super) struct CredentialTypes(pub(super) HashMap<String, String>);

impl CredentialTypes {
    /// The type that a credential is of; an error says why it is of none that is known.
    fn of(&self, row: &Fields) -> Because<CredentialType> {
        let id = row.text("identity_credential_type_id")?;
        let name = self.0.get(&id.to_lowercase()).ok_or("its type does not exist")?;
        name.parse().map_err(|()| "its type is not known".to_owned())
    }
}

/// One of each type, sorted by type. A credential that cannot be read stops the identity: without a second factor it
/// would be protected less than before.
fn credentials(id: Uuid, all: &Belongings, types: &CredentialTypes, remarks: &mut Remarks) -> Because<Vec<Credential>> {
    let mut read: Vec<(Credential, usize)> = Vec::new();
    for (index, (row, names)) in all.credentials.iter().enumerate() {
        let kind = match types.of(row) {
            Ok(kind) => kind,
            Err(why) => {
                leave_out(remarks, (row, names), &why);
                continue;
            }
        };
        let credential = of(Table::Credentials, credential((id, kind), row, names, remarks))?;
        match read.iter_mut().find(|(known, _)| known.kind == kind) {
            None => read.push((credential, index)),
            Some(known) => {
                let older = std::mem::replace(known, (credential, index)).1;
                if let Some((row, names)) = all.credentials.get(older) {
                    leave_out(remarks, (row, names), "there is a newer credential of the same type");
                }
            }
        }
    }
    let mut credentials: Vec<Credential> = read.into_iter().map(|(credential, _)| credential).collect();
    credentials.sort_unstable_by_key(|credential| credential.kind.as_str());
    Ok(credentials)
}

/// A credential is left out, and its identifiers with it, unless they are already.
fn leave_out(remarks: &mut Remarks, (row, names): (&Fields, &[Fields]), why: &str) {
    remarks.leave_out(Part::of(Table::Credentials, row), why);
    for name in names {
        let part = Part::of(Table::Identifiers, name);
        if !remarks.left_out.iter().any(|(known, _)| *known == part) {
            remarks.leave_out(part, "its credential is not migrated");
        }
    }
}

fn credential(
    (of, kind): (Uuid, CredentialType),
    row: &Fields,
    names: &[Fields],
    remarks: &mut Remarks,
) -> Because<Credential> {
    let is_typed = matches!(kind, CredentialType::Password | CredentialType::Webauthn | CredentialType::Code);
    let mut identifiers: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let identifier = name.get("identifier")?.unwrap_or_default();
        if identifier.is_empty() {
            remarks.leave_out(Part::of(Table::Identifiers, name), "it is empty");
            continue;
        }
        // Rows of older versions were lower-cased only. Whoever types theirs is looked for in its normal form.
        let normal = if is_typed { normalize::identifier(identifier) } else { identifier.to_owned() };
        storable::key(&normal).map_err(|why| format!("an identifier cannot be kept: {why}"))?;
        if normal != identifier {
            remarks.renamed.push((kind, normal.clone()));
        }
        identifiers.push(normal);
    }
    identifiers.sort_unstable();
    identifiers.dedup();
    let mut credential = Credential {
        id: CredentialId(row.id("id")?),
        kind,
        identifiers,
        config: row.json("config")?,
        version: row.get("version")?.and_then(|version| version.parse().ok()).unwrap_or_default(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    };
    upgrade(of, &mut credential);
    Ok(credential)
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

const SAME_ADDRESS: &str = "there is another row with the same address";

/// Of rows with the same address in normal form one stays: the verified one, or else the first.
fn verifiable_addresses(rows: &[Fields], remarks: &mut Remarks) -> Because<Vec<VerifiableAddress>> {
    let mut all: Vec<(VerifiableAddress, &Fields)> = Vec::with_capacity(rows.len());
    for row in rows {
        let address = verifiable(row)?;
        let same = all.iter_mut().find(|(known, _)| (known.via, &known.value) == (address.via, &address.value));
        match same {
            None => all.push((address, row)),
            Some(known) => {
                let (stays, goes) = if address.verified && !known.0.verified { (row, known.1) } else { (known.1, row) };
                if std::ptr::eq(stays, row) {
                    *known = (address, row);
                }
                remarks.leave_out(Part::of(Table::VerifiableAddresses, goes), SAME_ADDRESS);
            }
        }
    }
    Ok(all.into_iter().map(|(address, _)| address).collect())
}

fn verifiable(row: &Fields) -> Because<VerifiableAddress> {
    Ok(VerifiableAddress {
        id: AddressId(row.id("id")?),
        value: address(row)?,
        verified: row.truth("verified")?,
        via: via(row)?,
        status: row.get("status")?.and_then(|word| word.parse().ok()).unwrap_or(AddressStatus::Pending),
        verified_at: row.optional_time("verified_at")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn recovery_addresses(rows: &[Fields], remarks: &mut Remarks) -> Because<Vec<RecoveryAddress>> {
    let mut all: Vec<RecoveryAddress> = Vec::with_capacity(rows.len());
    for row in rows {
        let address = recovery(row)?;
        if all.iter().any(|known| (known.via, &known.value) == (address.via, &address.value)) {
            remarks.leave_out(Part::of(Table::RecoveryAddresses, row), SAME_ADDRESS);
        } else {
            all.push(address);
        }
    }
    Ok(all)
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

pub(super) fn session(row: &Fields, devices: &[Fields], remarks: &mut Remarks) -> Because<(Session, SessionToken)> {
    let token = row.text("token")?;
    if token.is_empty() {
        return Err("token is empty".into());
    }
    let mut read = Vec::with_capacity(devices.len());
    for row in devices {
        match device(row) {
            Ok(device) => read.push(device),
            Err(why) => remarks.leave_out(Part::of(Table::Devices, row), &why),
        }
    }
    let session = Session {
        id: SessionId(row.id("id")?),
        identity_id: IdentityId(row.id("identity_id")?),
        active: row.truth("active")?,
        issued_at: row.time("issued_at")?,
        authenticated_at: row.time("authenticated_at")?,
        expires_at: row.time("expires_at")?,
        aal: word::<Aal>(row.get("aal")?.unwrap_or("aal1"), "aal")?,
        methods: methods(row.json("authentication_methods")?)?,
        devices: read,
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
        .map_err(|_| "authentication_methods holds a method or a time that is not known".to_owned())
}

fn device(row: &Fields) -> Because<Device> {
    let text = |name| Ok::<_, String>(row.get(name)?.unwrap_or_default().to_owned());
    let device = Device {
        id: DeviceId(row.id("id")?),
        ip_address: text("ip_address")?,
        user_agent: text("user_agent")?,
        location: text("location")?,
    };
    if [&device.ip_address, &device.user_agent, &device.location].iter().any(|text| text.contains('\0')) {
        return Err("it holds a NUL character".into());
    }
    Ok(device)
}

fn word<T: FromStr>(text: &str, name: &str) -> Because<T> {
    text.parse().map_err(|_| format!("{name} is none of the known words"))
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
