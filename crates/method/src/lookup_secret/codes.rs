//! Backup codes as they are stored (the wire's `recovery_codes`): each with the time of its one use.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use subtle::ConstantTimeEq;
use time::OffsetDateTime;
use zelos_core::{
    id::IdentityId,
    identity::{Credential, CredentialType, Identity},
    problem::{Problem, Result},
    rng::Rng,
    text::{Text, catalog},
    ui::{Group, Node},
};
use zelos_flow::{Cx, identities};

/// So many codes a person gets.
const COUNT: usize = 12;
/// So long each is: 41 bits, which nobody guesses online.
const LENGTH: usize = 8;

/// One of them.
#[derive(Serialize, Deserialize)]
pub(super) struct Code {
    code: String,
    #[serde(default, with = "zelos_core::timestamp::option")]
    used_at: Option<OffsetDateTime>,
}

/// All of a person.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Codes {
    pub(super) recovery_codes: Vec<Code>,
}

/// Why a code is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Unknown,
    Used,
}

impl Codes {
    /// New ones.
    pub(super) fn generate(rng: &dyn Rng) -> Self {
        let code = |_| Code { code: letters_and_digits(rng), used_at: None };
        Self { recovery_codes: (0..COUNT).map(code).collect() }
    }

    /// Those that the person has; none if they have no such credential.
    pub(super) fn of(cx: &Cx<'_>, identity: &Identity) -> Result<Option<Self>> {
        identity.credential(CredentialType::LookupSecret).map(|it| Self::stored(cx, identity.id, it)).transpose()
    }

    /// Those in the credential.
    fn stored(cx: &Cx<'_>, of: IdentityId, credential: &Credential) -> Result<Self> {
        let opened = cx.snapshot.cipher.open(of, credential).ok_or_else(|| {
            let reason = "Backup codes cannot be decrypted: a secret of secrets.cipher is missing, or \
                          security.credentials.require_encrypted is set before `zelos secrets re-encrypt` was run.";
            Problem::Misconfigured(reason.to_owned())
        })?;
        Self::deserialize(&*opened).map_err(Problem::bug)
    }

    /// The stored form.
    pub(super) fn sealed(&self, cx: &Cx<'_>, of: IdentityId) -> Value {
        let config = json!({ "recovery_codes": self.recovery_codes });
        cx.snapshot.cipher.seal(cx.rng, of, CredentialType::LookupSecret, config)
    }

    /// Gives them to the person, in place of those they had.
    pub(super) fn give(&self, cx: &Cx<'_>, to: &mut Identity) {
        let config = self.sealed(cx, to.id);
        identities::set_credential(cx.clock, cx.rng, to, CredentialType::LookupSecret, config);
    }

    /// Uses a code up. All are compared: the time it takes does not tell which one it is like.
    pub(super) fn r#use(&mut self, typed: &str, now: OffsetDateTime) -> Result<(), Refused> {
        let typed = typed.trim().as_bytes();
        let is_it = |code: &&mut Code| bool::from(code.code.as_bytes().ct_eq(typed));
        let found: Vec<&mut Code> = self.recovery_codes.iter_mut().filter(is_it).collect();
        let refused = if found.is_empty() { Refused::Unknown } else { Refused::Used };
        let code = found.into_iter().find(|code| code.used_at.is_none()).ok_or(refused)?;
        code.used_at = Some(now.replace_nanosecond(0).unwrap_or(now));
        Ok(())
    }

    /// The list to be read; used ones only say when.
    pub(super) fn node(&self) -> Node {
        let text =
            |code: &Code| code.used_at.map_or_else(|| catalog::backup_code(&code.code), catalog::backup_code_used);
        let texts: Vec<Text> = self.recovery_codes.iter().map(text).collect();
        Node::text(Group::LookupSecret, "lookup_secret_codes", catalog::backup_codes(&texts))
            .with_label(catalog::backup_codes_label())
    }
}

/// Lower-case letters and digits, uniformly chosen (36 symbols: rejection, no modulo bias).
fn letters_and_digits(rng: &dyn Rng) -> String {
    const SYMBOLS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    const FAIR: u8 = 252;
    let mut text = String::with_capacity(LENGTH);
    while text.len() < LENGTH {
        for byte in rng.bytes::<LENGTH>().into_iter().filter(|byte| *byte < FAIR) {
            if text.len() < LENGTH {
                text.push(char::from(SYMBOLS[usize::from(byte % 36)]));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use zelos_core::rng::SeededRng;

    #[test]
    fn there_are_twelve_of_eight_lower_case_letters_and_digits() {
        let codes = Codes::generate(&SeededRng::new(1)).recovery_codes;
        let is_fine = |code: &Code| {
            code.code.len() == 8 && code.code.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
        };
        assert!(codes.len() == 12 && codes.iter().all(is_fine));
        let distinct: std::collections::BTreeSet<_> = codes.iter().map(|code| &code.code).collect();
        assert_eq!(distinct.len(), 12);
    }

    #[test]
    fn each_serves_once() {
        let mut codes =
            Codes::deserialize(json!({ "recovery_codes": [{ "code": "aaaaaaaa" }, { "code": "b", "used_at": null }] }))
                .unwrap();
        let now = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(codes.r#use("aaaaaaab", now), Err(Refused::Unknown));
        assert_eq!(codes.r#use("", now), Err(Refused::Unknown));
        assert_eq!(codes.r#use(" aaaaaaaa ", now), Ok(()));
        assert_eq!(codes.r#use("aaaaaaaa", now), Err(Refused::Used));
        assert_eq!(codes.r#use("b", now), Ok(()));
        assert_eq!(json!(codes)["recovery_codes"][0], json!({ "code": "aaaaaaaa", "used_at": "1970-01-01T00:00:00Z" }));
    }
}
