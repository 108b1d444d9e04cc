//! Judging what authenticators answer, by `webauthn-rs-core`: the only file that names it.
//!
//! What is particular to the wire is done around it. Challenges come from our own source of chance, so the library's state
//! is made of them here; keys are kept in another shape than its own; whether a person was verified follows from the
//! configuration of the moment, not from how the key was made; Ed25519, which others let people choose, is verified here
//! for those who bring such keys along; and a counter that goes back marks a key, but keeps nobody
//! out, as in the original: whoever signs has the key.
//!
//! Answers come from strangers. They are bounded before they are read, and the library's remarks about them are not
//! logged.

use super::{
    Challenge, Key, Party, decode, encode, failed,
    key::{Authenticator, Flags},
    models,
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;
use time::OffsetDateTime;
use tracing::{Dispatch, dispatcher};
use webauthn_rs_core::{
    WebauthnCore,
    error::WebauthnError,
    proto::{
        AuthenticationState, AuthenticatorAssertionResponseRaw, AuthenticatorAttestationResponseRaw, COSEAlgorithm,
        COSEKey, COSEKeyType, COSEOKPKey, Credential, CredentialV3, EDDSACurve, PublicKeyCredential,
        RegisterPublicKeyCredential, RegistrationState, UserVerificationPolicy,
    },
};
use zelos_core::{
    config::methods::Preference,
    problem::{Problem, Result},
};

/// What keys are made of here: what the library can verify, by the numbers of COSE and its names for them.
pub(super) const ALGORITHMS: [(i64, &str); 3] = [(-7, "ES256"), (-35, "ES384"), (-257, "RS256")];

/// Characters of an answer that are read. The largest honest ones carry a chain of certificates, some 20 KiB.
const MOST: usize = 64 << 10;

/// The answer to `navigator.credentials.create()`.
struct Made {
    id: Vec<u8>,
    attestation: Vec<u8>,
    client_data: Vec<u8>,
    transports: Vec<String>,
}

/// The answer to `navigator.credentials.get()`.
pub(crate) struct Signed {
    pub(crate) id: Vec<u8>,
    /// Whom the authenticator takes the person for; empty if it does not say.
    pub(crate) user_handle: Vec<u8>,
    authenticator_data: Vec<u8>,
    client_data: Vec<u8>,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Answer {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: Option<String>,
    authenticator_data: Option<String>,
    signature: Option<String>,
    user_handle: Option<String>,
    transports: Option<Vec<String>>,
}

impl Signed {
    /// Reads an answer; nothing is judged yet.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let (id, response) = read(text)?;
        Ok(Self {
            id,
            user_handle: response.user_handle.as_deref().map_or(Some(Vec::new()), decode).ok_or_else(unreadable)?,
            authenticator_data: part(response.authenticator_data)?,
            client_data: part(Some(response.client_data))?,
            signature: part(response.signature)?,
        })
    }

    /// Whether the challenge was answered by `key`; what the authenticator tells of itself is written down there.
    ///
    /// # Errors
    /// [`failed`] if it was not.
    pub(crate) fn verify(&self, party: &Party<'_>, challenge: &Challenge, key: &mut Key) -> Result<()> {
        // Keys from before the flags were kept say now what they are.
        const BACKUP_ELIGIBLE: u8 = 0b1000;
        const BACKED_UP: u8 = 0b1_0000;
        let says = self.authenticator_data.get(32).copied().unwrap_or_default();
        let backup_eligible = key.flags.map_or(says & BACKUP_ELIGIBLE != 0, |flags| flags.backup_eligible);
        let known = quietly(|| cose(&key.public_key)).ok_or_else(failed)?;
        let mut known = Credential::from(CredentialV3 {
            cred_id: key.id.clone(),
            cred: known,
            counter: 0,
            verified: false,
            registration_policy: UserVerificationPolicy::Discouraged_DO_NOT_USE,
        });
        known.backup_eligible = backup_eligible;
        let state: AuthenticationState = made_of(json!({
            "credentials": [],
            "policy": policy(party),
            "challenge": encode(&challenge.bytes),
            "appid": null,
            "allow_backup_eligible_upgrade": false,
        }))?;
        let answer = PublicKeyCredential {
            id: encode(&self.id),
            raw_id: self.id.clone(),
            response: AuthenticatorAssertionResponseRaw {
                authenticator_data: self.authenticator_data.clone(),
                client_data_json: self.client_data.clone(),
                signature: self.signature.clone(),
                user_handle: None,
            },
            extensions: webauthn_rs_core::proto::AuthenticationExtensionsClientOutputs::default(),
            type_: "public-key".to_owned(),
        };
        match quietly(|| library(party).authenticate_single_credential(&answer, &state, &known)) {
            Ok(_) => {}
            // The signature is looked at last, and of this kind the library verifies none: all the rest holds.
            Err(WebauthnError::SshPublicKeyEDUnsupported) if self.is_signed_by(&known.cred) => {}
            Err(error) => return Err(refused(&error)),
        }
        if let Some(flags) = &mut key.flags {
            flags.backup_state = says & BACKED_UP != 0;
        }
        let told = self.authenticator_data.get(33..37).and_then(|told| told.try_into().ok());
        count(key.authenticator.get_or_insert_default(), told.map_or(0, u32::from_be_bytes));
        Ok(())
    }

    /// Whether it bears the signature of an Ed25519 key.
    fn is_signed_by(&self, key: &COSEKey) -> bool {
        let COSEKeyType::EC_OKP(key) = &key.key else { return false };
        let signed = [self.authenticator_data.as_slice(), &Sha256::digest(&self.client_data)].concat();
        UnparsedPublicKey::new(&ED25519, &key.x).verify(&signed, &self.signature).is_ok()
    }
}

/// The new key that answers the challenge.
///
/// # Errors
/// [`failed`] if the answer does not hold, a plain 400 if it is none.
pub(crate) fn register(party: &Party<'_>, challenge: &Challenge, text: &str, now: OffsetDateTime) -> Result<Key> {
    let (id, response) = read(text)?;
    let made = Made {
        id,
        attestation: part(response.attestation_object)?,
        client_data: part(Some(response.client_data))?,
        transports: response.transports.unwrap_or_default(),
    };
    let state: RegistrationState = made_of(json!({
        "policy": policy(party),
        "exclude_credentials": [],
        "challenge": encode(&challenge.bytes),
        "credential_algorithms": ALGORITHMS.map(|(_, name)| name),
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": {},
        "allow_synchronised_authenticators": true,
    }))?;
    let answer = RegisterPublicKeyCredential {
        id: encode(&made.id),
        raw_id: made.id.clone(),
        response: AuthenticatorAttestationResponseRaw {
            attestation_object: made.attestation.clone(),
            client_data_json: made.client_data.clone(),
            transports: None,
        },
        type_: "public-key".to_owned(),
        extensions: webauthn_rs_core::proto::RegistrationExtensionsClientOutputs::default(),
    };
    let judged = quietly(|| library(party).register_credential(&answer, &state, None));
    let judged = judged.map_err(|error| refused(&error))?;
    if judged.cred_id != made.id {
        return Err(failed());
    }
    let (format, data) = attested(&made.attestation).ok_or_else(unreadable)?;
    let flags = data.get(32).copied().unwrap_or_default();
    let aaguid = data.get(37..53).unwrap_or_default().to_vec();
    Ok(Key {
        public_key: public_key(&data, judged.cred_id.len()).ok_or_else(unreadable)?,
        id: judged.cred_id,
        attestation_type: format,
        display_name: models::name(&aaguid).to_owned(),
        authenticator: Some(Authenticator { aaguid, sign_count: judged.counter, clone_warning: false }),
        added_at: now.replace_nanosecond(0).unwrap_or(now),
        is_passwordless: true,
        flags: Some(Flags {
            user_present: flags & 1 != 0,
            user_verified: flags & 0b100 != 0,
            backup_eligible: judged.backup_eligible,
            backup_state: judged.backup_state,
        }),
        transport: made.transports.into_iter().filter(|name| name.len() <= 32).take(8).collect(),
        attestation: None,
    })
}

/// What keeps a key that somebody brings along from being used.
pub(super) fn check_stored(key: &Key) -> Result<(), &'static str> {
    if key.id.is_empty() {
        return Err("has no id");
    }
    quietly(|| cose(&key.public_key))
        .map(|_| ())
        .ok_or("has a public_key that cannot be used: ES256, ES384, RS256 and Ed25519 can")
}

/// The counter never goes back. One that should have gone on and did not is a sign of two authenticators with one key.
fn count(authenticator: &mut Authenticator, told: u32) {
    if told > authenticator.sign_count {
        authenticator.sign_count = told;
    } else if told != 0 || authenticator.sign_count != 0 {
        authenticator.clone_warning = true;
        tracing::warn!("a security key told of fewer signatures than before: it may have been copied");
    }
}

fn library(party: &Party<'_>) -> WebauthnCore {
    // The patience is told to browsers, not by the library.
    let (origins, patience) = (party.origins.clone(), Duration::ZERO);
    WebauthnCore::new_unsafe_experts_only(party.name, party.id, origins, patience, Some(false), Some(false))
}

fn policy(party: &Party<'_>) -> Value {
    let is_required = party.verification == Preference::Required;
    if is_required { json!("required") } else { json!("discouraged") }
}

fn made_of<T: DeserializeOwned>(state: Value) -> Result<T> {
    serde_json::from_value(state).map_err(Problem::bug)
}

/// The library speaks of what strangers send as of errors of its own.
fn quietly<T>(work: impl FnOnce() -> T) -> T {
    dispatcher::with_default(&Dispatch::none(), work)
}

fn refused(error: &WebauthnError) -> Problem {
    match error {
        WebauthnError::ParseJSONFailure(_) | WebauthnError::ParseCBORFailure(_) | WebauthnError::ParseNOMFailure => {
            unreadable()
        }
        other => {
            tracing::debug!(error = ?other, "the answer of a security key does not hold");
            failed()
        }
    }
}

fn unreadable() -> Problem {
    Problem::bad("The answer of the security key or passkey cannot be read.")
}

fn read(text: &str) -> Result<(Vec<u8>, Response)> {
    if text.len() > MOST {
        return Err(unreadable());
    }
    let answer: Answer = serde_json::from_str(text).map_err(|_| unreadable())?;
    let id = decode(&answer.raw_id).filter(|id| !id.is_empty() && decode(&answer.id).as_ref() == Some(id));
    match id {
        Some(id) if answer.kind == "public-key" => Ok((id, answer.response)),
        _ => Err(unreadable()),
    }
}

fn part(text: Option<String>) -> Result<Vec<u8>> {
    text.and_then(|text| decode(&text)).filter(|bytes| !bytes.is_empty()).ok_or_else(unreadable)
}

fn cose(public_key: &[u8]) -> Option<COSEKey> {
    let value: serde_cbor_2::Value = serde_cbor_2::from_slice(public_key).ok()?;
    let key = COSEKey::try_from(&value).ok();
    let is_known = |key: &COSEKey| ALGORITHMS.iter().any(|(number, _)| i128::from(*number) == key.type_ as i128);
    key.filter(is_known).or_else(|| ed25519(&value))
}

/// The library reads no such keys.
fn ed25519(value: &serde_cbor_2::Value) -> Option<COSEKey> {
    use serde_cbor_2::Value::{Bytes, Integer, Map};
    let Map(members) = value else { return None };
    let is = |name, number| members.get(&Integer(name)) == Some(&Integer(number));
    let (kind, algorithm, curve) = ((1, 1), (3, -8), (-1, 6));
    match members.get(&Integer(-2)) {
        Some(Bytes(x))
            if x.len() == 32 && [kind, algorithm, curve].into_iter().all(|(name, value)| is(name, value)) =>
        {
            let key = COSEOKPKey { curve: EDDSACurve::ED25519, x: x.clone() };
            Some(COSEKey { type_: COSEAlgorithm::EDDSA, key: COSEKeyType::EC_OKP(key) })
        }
        _ => None,
    }
}

/// The format of an attestation that was judged, and the authenticator's data in it.
fn attested(object: &[u8]) -> Option<(String, Vec<u8>)> {
    #[derive(Deserialize)]
    struct Object {
        fmt: String,
        #[serde(rename = "authData")]
        data: serde_cbor_2::Value,
    }
    let object: Object = serde_cbor_2::from_slice(object).ok()?;
    match object.data {
        serde_cbor_2::Value::Bytes(data) => Some((object.fmt, data)),
        _ => None,
    }
}

/// The key within the authenticator's data, byte for byte: what follows it are extensions.
fn public_key(data: &[u8], id_length: usize) -> Option<Vec<u8>> {
    let rest = data.get(55 + id_length..)?;
    let mut reader = serde_cbor_2::Deserializer::from_slice(rest);
    serde_cbor_2::Value::deserialize(&mut reader).ok()?;
    rest.get(..reader.byte_offset()).map(<[u8]>::to_vec)
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
