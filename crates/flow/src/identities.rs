//! Making an identity of traits and credentials, and changing one: the only place where addresses, identifiers and
//! the available assurance follow from what a schema says. Registration, settings and administrators all come here.

use crate::{
    engine::Engine,
    plug::{Cx, Draft, Method},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use time::OffsetDateTime;
use zelos_core::{
    clock::Clock,
    id::{AddressId, CredentialId, IdentityId},
    identity::{AddressStatus, Credential, CredentialType, Identity, RecoveryAddress, State, VerifiableAddress, Via},
    problem::{Problem, Result},
    rng::Rng,
    schema::Derived,
    session::{Aal, Strength, aal},
    snapshot::Snapshot,
};

/// The person with their credentials; it is a problem if they were deleted meanwhile.
pub async fn get(cx: &Cx<'_>, id: IdentityId) -> Result<Identity> {
    let found = zelos_store::identities::find_with_credentials(cx.store, id).await?;
    found.ok_or_else(|| Problem::NotFound("The identity does not exist any more.".to_owned()))
}

/// What the schema derives from the traits that somebody has; none if it does not accept them any more.
pub fn derived(cx: &Cx<'_>, of: &Identity) -> Option<Derived> {
    cx.snapshot.schemas.find(&of.schema_id)?.validate(&of.traits).ok()
}

/// Whoever is signed in, of whom a second factor is asked.
pub async fn signed_in(cx: &Cx<'_>) -> Result<Identity> {
    let current = cx.session.ok_or_else(|| Problem::bug("a second factor is asked of nobody"))?;
    get(cx, current.session.identity_id).await
}

/// The person that a registration describes.
pub(crate) fn from_draft(engine: &Engine, cx: &Cx<'_>, draft: Draft) -> Identity {
    let (kind, config) = draft.credential;
    let mut identity = blank(cx.clock, cx.rng, draft.schema_id);
    set_credential(cx.clock, cx.rng, &mut identity, kind, config);
    apply(cx.clock, cx.rng, &mut identity, draft.derived);
    for (via, value) in draft.proven {
        crate::proofs::mark(&mut identity, via, &value, AddressStatus::Completed, cx.clock.now());
    }
    identity.available_aal = available_aal(engine, cx.snapshot, &identity);
    identity
}

/// A person of whom nothing is known yet.
pub fn blank(clock: &dyn Clock, rng: &dyn Rng, schema_id: String) -> Identity {
    let now = clock.now();
    Identity {
        id: IdentityId(rng.uuid_v7(clock)),
        external_id: None,
        schema_id,
        state: State::Active,
        state_changed_at: Some(now),
        traits: json!({}),
        indexed: None,
        metadata_public: Value::Null,
        metadata_admin: Value::Null,
        verifiable_addresses: Vec::new(),
        recovery_addresses: Vec::new(),
        credentials: Vec::new(),
        available_aal: Aal::Aal0,
        organization_id: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// Gives the person a credential, or a new `config` to the one they have. Identifiers
/// that are traits come with [`apply`].
pub fn set_credential(clock: &dyn Clock, rng: &dyn Rng, identity: &mut Identity, kind: CredentialType, config: Value) {
    let now = clock.now();
    if let Some(credential) = identity.credentials.iter_mut().find(|credential| credential.kind == kind) {
        credential.config = config;
        credential.updated_at = now;
        name_passkey(credential);
        return;
    }
    let mut credential = new_credential(clock, rng, kind, config);
    name_passkey(&mut credential);
    if matches!(kind, CredentialType::Totp | CredentialType::LookupSecret) {
        // Nobody signs in by it alone: the wire names it by whom it belongs to.
        credential.identifiers = vec![identity.id.to_string()];
    }
    identity.credentials.push(credential);
}

/// A passkey tells by its user handle whose it is; those of earlier passkeys stay names of the person.
fn name_passkey(credential: &mut Credential) {
    if credential.kind != CredentialType::Passkey {
        return;
    }
    let handle = credential.config["user_handle"].as_str().and_then(|handle| STANDARD.decode(handle).ok());
    let name = handle.and_then(|handle| String::from_utf8(handle).ok()).filter(|name| !name.is_empty());
    if let Some(name) = name.filter(|name| !credential.identifiers.contains(name)) {
        credential.identifiers.push(name);
        credential.identifiers.sort_unstable();
    }
}

/// Makes the person what the schema derived from their traits: addresses keep what is known of them as long as their
/// value stays, identifiers follow, whoever can be called so gets an (empty) password to set, and whoever has addresses
/// for codes a credential that names them.
///
/// Quirk: that these credentials come by themselves is the wire's (Kratos identity/extension_credentials.go).
pub fn apply(clock: &dyn Clock, rng: &dyn Rng, identity: &mut Identity, derived: Derived) {
    let now = clock.now();
    identity.verifiable_addresses = derived
        .verifiable
        .into_iter()
        .map(|(via, value)| {
            let known = identity.verifiable_addresses.iter().find(|known| known.via == via && known.value == value);
            known.cloned().unwrap_or_else(|| pending(clock, rng, via, value, now))
        })
        .collect();
    identity.recovery_addresses = derived
        .recovery
        .into_iter()
        .map(|(via, value)| {
            let known = identity.recovery_addresses.iter().find(|known| known.via == via && known.value == value);
            known.cloned().unwrap_or_else(|| RecoveryAddress {
                id: AddressId(rng.uuid_v7(clock)),
                value,
                via,
                created_at: now,
                updated_at: now,
            })
        })
        .collect();
    for kind in NAMED_BY_TRAITS {
        let identifiers = names(&derived.identifiers, kind);
        let has_one = identity.credential(kind).is_some();
        let comes_by_itself = matches!(kind, CredentialType::Password | CredentialType::Code);
        if !has_one && comes_by_itself && !identifiers.is_empty() {
            // At the same time as their names, or they would be changed before they were made.
            let new = new_credential(clock, rng, kind, json!({}));
            identity.credentials.push(Credential { created_at: now, updated_at: now, ..new });
        }
        if kind == CredentialType::Code {
            set_code_addresses(identity, &derived.code_addresses, now);
        }
        let known = identity.credentials.iter_mut().find(|credential| credential.kind == kind);
        if let Some(credential) = known.filter(|credential| credential.identifiers != identifiers) {
            credential.identifiers = identifiers;
            credential.updated_at = now;
        }
    }
    identity.traits = derived.traits;
    identity.indexed = Some(derived.indexed);
}

/// Where codes are sent for that credential.
pub fn code_addresses(code: &Credential) -> Vec<(Via, String)> {
    let addresses = code.config["addresses"].as_array().into_iter().flatten();
    let address = |entry: &Value| {
        let via = entry["channel"].as_str()?.parse().ok()?;
        Some((via, entry["address"].as_str().filter(|address| !address.is_empty())?.to_owned()))
    };
    addresses.filter_map(address).collect()
}

fn set_code_addresses(identity: &mut Identity, addresses: &[(Via, String)], now: OffsetDateTime) {
    let code = identity.credentials.iter_mut().find(|credential| credential.kind == CredentialType::Code);
    let Some(code) = code.filter(|code| code_addresses(code) != addresses) else { return };
    let entry = |(via, address): &(Via, String)| json!({ "channel": via.as_str(), "address": address });
    code.config = json!({ "addresses": addresses.iter().map(entry).collect::<Vec<_>>() });
    code.updated_at = now;
}

/// Whether [`apply`] would change what the person signs in with: a name more, another one, or one less.
pub fn renames(identity: &Identity, derived: &Derived) -> bool {
    NAMED_BY_TRAITS.into_iter().any(|kind| match identity.credential(kind) {
        Some(credential) => credential.identifiers != names(&derived.identifiers, kind),
        None => {
            matches!(kind, CredentialType::Password | CredentialType::Code)
                && !names(&derived.identifiers, kind).is_empty()
        }
    })
}

/// The strongest assurance that the person's credentials allow, by the methods' own judgement.
pub fn available_aal(engine: &Engine, snapshot: &Snapshot, identity: &Identity) -> Aal {
    aal::available(strength(engine, snapshot, identity))
}

/// How many factors the person's credentials amount to, by the methods' own judgement, within what their types can be.
pub fn strength(engine: &Engine, snapshot: &Snapshot, identity: &Identity) -> Strength {
    judged(&engine.methods, snapshot, identity)
}

/// Whether the person has no more than one way to sign in: whoever takes that one away locks them out.
pub fn is_last_first_factor(cx: &Cx<'_>, identity: &Identity) -> bool {
    judged(cx.methods, cx.snapshot, identity).first < 2
}

fn judged(methods: &[Box<dyn Method>], snapshot: &Snapshot, identity: &Identity) -> Strength {
    let strengths = identity.credentials.iter().filter_map(|credential| {
        let method = methods.iter().find(|method| method.credential() == Some(credential.kind))?;
        Some(method.strength(snapshot, identity.id, credential).within(aal::role_of(credential.kind)))
    });
    strengths.sum()
}

/// Credentials whose identifiers follow from the traits.
const NAMED_BY_TRAITS: [CredentialType; 3] = [CredentialType::Password, CredentialType::Webauthn, CredentialType::Code];

fn names(identifiers: &[(CredentialType, String)], kind: CredentialType) -> Vec<String> {
    let mut names: Vec<String> =
        identifiers.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn new_credential(clock: &dyn Clock, rng: &dyn Rng, kind: CredentialType, config: Value) -> Credential {
    let now = clock.now();
    Credential {
        id: CredentialId(rng.uuid_v7(clock)),
        kind,
        identifiers: Vec::new(),
        config,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn pending(clock: &dyn Clock, rng: &dyn Rng, via: Via, value: String, now: OffsetDateTime) -> VerifiableAddress {
    VerifiableAddress {
        id: AddressId(rng.uuid_v7(clock)),
        value,
        verified: false,
        via,
        status: AddressStatus::Pending,
        verified_at: None,
        created_at: now,
        updated_at: now,
    }
}
