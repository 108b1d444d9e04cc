//! An authenticator made of software: it makes keys and signs with them as security keys and browsers do together, and can
//! be told to do any part of it wrong.

use aws_lc_rs::{
    rand::{SecureRandom, SystemRandom},
    rsa::{KeyPair as RsaPair, KeySize},
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
        RSA_PKCS1_SHA256,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0b1;
const USER_VERIFIED: u8 = 0b100;
const WITH_KEY: u8 = 0b100_0000;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Algorithm {
    #[default]
    Es256,
    Es384,
    Rs256,
    Ed25519,
}

/// What is done wrong, or otherwise.
#[derive(Debug, Clone, Default)]
pub struct Spoil {
    /// The page that asked.
    pub origin: Option<String>,
    /// The domain that the authenticator takes the page for.
    pub rp_id: Option<String>,
    /// The type in the client's data.
    pub kind: Option<String>,
    /// In base64url.
    pub challenge: Option<String>,
    /// The authenticator's flags beside the presence of a key.
    pub flags: Option<u8>,
    /// One bit of it is turned over.
    pub signature: bool,
    /// What the authenticator has counted to.
    pub counter: Option<u32>,
    /// Whom it takes the person for; an empty one is left out.
    pub user_handle: Option<Vec<u8>>,
    /// The id that it claims the key has.
    pub credential_id: Option<Vec<u8>>,
}

/// The authenticator, and the browser around it.
#[derive(Debug)]
pub struct Authenticator {
    /// The page that asks it.
    pub origin: String,
    pub algorithm: Algorithm,
    /// Vouches for its keys with the keys themselves; else not at all.
    pub attests: bool,
    /// Its flags beside the presence of a key.
    pub flags: u8,
    /// Makes the newest key once more, instead of another.
    pub repeats: bool,
    keys: Vec<Key>,
}

struct Key {
    id: Vec<u8>,
    pair: Pair,
    rp_id: String,
    handle: Vec<u8>,
    /// Found without being named, and tells whom it belongs to.
    is_resident: bool,
    counter: u32,
}

enum Pair {
    Ec(Box<EcdsaKeyPair>, Algorithm),
    Rsa(Box<RsaPair>),
    Ed(Box<Ed25519KeyPair>),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("rp_id", &self.rp_id).field("counter", &self.counter).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// One without keys, asked by that page.
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            algorithm: Algorithm::default(),
            attests: false,
            flags: USER_PRESENT | USER_VERIFIED,
            repeats: false,
            keys: Vec::new(),
        }
    }

    /// `navigator.credentials.create()`, as a form sends its answer.
    pub fn create(&mut self, options: &Value) -> String {
        self.create_spoiled(options, &Spoil::default())
    }

    /// The same, with something wrong.
    pub fn create_spoiled(&mut self, options: &Value, spoil: &Spoil) -> String {
        let options = &options["publicKey"];
        let old = if self.repeats { self.keys.pop() } else { None };
        let (id, pair) = old.map_or_else(|| (chance(), Pair::generate(self.algorithm)), |old| (old.id, old.pair));
        let key = Key {
            id,
            pair,
            rp_id: text(&options["rp"]["id"]),
            handle: bytes(&options["user"]["id"]),
            is_resident: options["authenticatorSelection"]["residentKey"] == "required",
            counter: 0,
        };
        let client_data = self.client_data("webauthn.create", options, spoil);
        let mut data = key.data(spoil.flags.unwrap_or(self.flags) | WITH_KEY, spoil);
        data.extend_from_slice(&[0; 16]);
        data.extend_from_slice(&length(key.id.len()));
        data.extend_from_slice(&key.id);
        data.extend_from_slice(&key.pair.cose());
        let mut object = cbor::map(3);
        object.extend(cbor::text("fmt"));
        if self.attests {
            let mut signature = key.pair.sign(&[data.as_slice(), &Sha256::digest(&client_data)].concat());
            turn_over(&mut signature, spoil);
            object.extend([cbor::text("packed"), cbor::text("attStmt"), cbor::map(2), cbor::text("alg")].concat());
            object.extend([cbor::number(key.pair.number()), cbor::text("sig"), cbor::bytes(&signature)].concat());
        } else {
            object.extend([cbor::text("none"), cbor::text("attStmt"), cbor::map(0)].concat());
        }
        object.extend([cbor::text("authData"), cbor::bytes(&data)].concat());
        let answer = answer(
            spoil.credential_id.as_ref().unwrap_or(&key.id),
            &json!({ "attestationObject": encode(&object), "clientDataJSON": encode(&client_data) }),
        );
        self.keys.push(key);
        answer
    }

    /// `navigator.credentials.get()`, as a form sends its answer: by the newest key that fits.
    pub fn get(&mut self, options: &Value) -> String {
        self.get_spoiled(options, &Spoil::default())
    }

    /// The same, with something wrong.
    pub fn get_spoiled(&mut self, options: &Value, spoil: &Spoil) -> String {
        let options = &options["publicKey"];
        let client_data = self.client_data("webauthn.get", options, spoil);
        let allowed: Vec<Vec<u8>> =
            options["allowCredentials"].as_array().into_iter().flatten().map(|key| bytes(&key["id"])).collect();
        let flags = spoil.flags.unwrap_or(self.flags);
        let fits = |key: &Key| if allowed.is_empty() { key.is_resident } else { allowed.contains(&key.id) };
        // Whoever spoils things may use any key.
        let position = self.keys.iter().rposition(fits).unwrap_or(self.keys.len() - 1);
        let key = &mut self.keys[position];
        key.counter += 1;
        let data = key.data(flags, spoil);
        let mut signature = key.pair.sign(&[data.as_slice(), &Sha256::digest(&client_data)].concat());
        turn_over(&mut signature, spoil);
        let told = if key.is_resident { key.handle.clone() } else { Vec::new() };
        let handle = spoil.user_handle.clone().unwrap_or(told);
        answer(
            spoil.credential_id.as_ref().unwrap_or(&key.id),
            &json!({
                "authenticatorData": encode(&data),
                "clientDataJSON": encode(&client_data),
                "signature": encode(&signature),
                "userHandle": encode(&handle),
            }),
        )
    }

    /// The newest key as Kratos stores it, to be brought along by an administrator.
    pub fn stored(&self, is_passwordless: bool) -> Value {
        let key = self.keys.last().expect("a key was made");
        json!({
            "id": STANDARD.encode(&key.id),
            "public_key": STANDARD.encode(key.pair.cose()),
            "attestation_type": "none",
            "authenticator": { "aaguid": STANDARD.encode([0; 16]), "sign_count": key.counter, "clone_warning": false },
            "display_name": "brought along",
            "added_at": "2024-05-06T07:08:09Z",
            "is_passwordless": is_passwordless,
        })
    }

    /// The id of the newest key, as forms write it.
    pub fn hex(&self) -> String {
        let key = self.keys.last().expect("a key was made");
        data_encoding::HEXLOWER.encode(&key.id)
    }

    /// The newest key tells from now on that it has signed so often.
    pub fn set_counter(&mut self, counter: u32) {
        self.keys.last_mut().expect("a key was made").counter = counter;
    }

    /// The newest key is found without being named, and tells that it belongs to that one.
    pub fn set_resident(&mut self, handle: &[u8]) {
        let key = self.keys.last_mut().expect("a key was made");
        key.is_resident = true;
        key.handle = handle.to_vec();
    }

    fn client_data(&self, kind: &str, options: &Value, spoil: &Spoil) -> Vec<u8> {
        let data = json!({
            "type": spoil.kind.as_deref().unwrap_or(kind),
            "challenge": spoil.challenge.clone().unwrap_or_else(|| text(&options["challenge"])),
            "origin": spoil.origin.as_ref().unwrap_or(&self.origin),
            "crossOrigin": false,
        });
        data.to_string().into_bytes()
    }
}

impl Key {
    /// The head of what the authenticator signs.
    fn data(&self, flags: u8, spoil: &Spoil) -> Vec<u8> {
        let mut data = Sha256::digest(spoil.rp_id.as_ref().unwrap_or(&self.rp_id)).to_vec();
        data.push(flags);
        data.extend_from_slice(&spoil.counter.unwrap_or(self.counter).to_be_bytes());
        data
    }
}

impl Pair {
    fn generate(algorithm: Algorithm) -> Self {
        let made = "a key can be made";
        match algorithm {
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect(made);
                Self::Ec(Box::new(pair), algorithm)
            }
            Algorithm::Es384 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).expect(made);
                Self::Ec(Box::new(pair), algorithm)
            }
            Algorithm::Rs256 => Self::Rsa(Box::new(RsaPair::generate(KeySize::Rsa2048).expect(made))),
            Algorithm::Ed25519 => Self::Ed(Box::new(Ed25519KeyPair::generate().expect(made))),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let (random, signed) = (SystemRandom::new(), "a key can sign");
        match self {
            Self::Ec(pair, _) => pair.sign(&random, message).expect(signed).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect(signed);
                signature
            }
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// The number of the algorithm.
    fn number(&self) -> i64 {
        match self {
            Self::Ec(_, Algorithm::Es384) => -35,
            Self::Ec(..) => -7,
            Self::Rsa(_) => -257,
            Self::Ed(_) => -8,
        }
    }

    /// The public key.
    fn cose(&self) -> Vec<u8> {
        let entry = |name: i64, value: Vec<u8>| [cbor::number(name), value].concat();
        let head =
            |count, kind| [cbor::map(count), entry(1, cbor::number(kind)), entry(3, cbor::number(self.number()))];
        match self {
            Self::Ec(pair, algorithm) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let curve = if *algorithm == Algorithm::Es384 { 2 } else { 1 };
                let tail = [entry(-1, cbor::number(curve)), entry(-2, cbor::bytes(x)), entry(-3, cbor::bytes(y))];
                [head(5, 2), tail].concat().concat()
            }
            Self::Rsa(pair) => {
                // SEQUENCE { INTEGER modulus, INTEGER exponent }, both of a known length.
                let der = pair.public_key().as_ref();
                let tail = [entry(-1, cbor::bytes(&der[9..265])), entry(-2, cbor::bytes(&der[267..270]))];
                [head(4, 3).concat(), tail.concat()].concat()
            }
            Self::Ed(pair) => {
                let tail = [entry(-1, cbor::number(6)), entry(-2, cbor::bytes(pair.public_key().as_ref()))];
                [head(4, 1).concat(), tail.concat()].concat()
            }
        }
    }
}

fn answer(id: &[u8], response: &Value) -> String {
    json!({ "id": encode(id), "rawId": encode(id), "type": "public-key", "response": response }).to_string()
}

fn chance() -> Vec<u8> {
    let mut id = vec![0; 32];
    SystemRandom::new().fill(&mut id).expect("there is chance");
    id
}

fn turn_over(signature: &mut [u8], spoil: &Spoil) {
    if spoil.signature
        && let Some(last) = signature.last_mut()
    {
        *last ^= 1;
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(value)).expect("options are in base64url without padding")
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).expect("what authenticators send is short").to_be_bytes()
}

/// As much of CBOR as authenticators write.
mod cbor {
    fn head(major: u8, value: usize) -> Vec<u8> {
        match (u8::try_from(value), major << 5) {
            (Ok(small), major) if small < 24 => vec![major + small],
            (Ok(byte), major) => vec![major + 24, byte],
            (Err(_), major) => [&[major + 25][..], &super::length(value)].concat(),
        }
    }

    pub(super) fn number(value: i64) -> Vec<u8> {
        let size = |value: i64| usize::try_from(value).expect("it is not negative");
        if value < 0 { head(1, size(-1 - value)) } else { head(0, size(value)) }
    }

    pub(super) fn bytes(value: &[u8]) -> Vec<u8> {
        [head(2, value.len()).as_slice(), value].concat()
    }

    pub(super) fn text(value: &str) -> Vec<u8> {
        [head(3, value.len()).as_slice(), value.as_bytes()].concat()
    }

    pub(super) fn map(entries: usize) -> Vec<u8> {
        head(5, entries)
    }
}
