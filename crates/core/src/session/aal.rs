//! Authenticator assurance (NIST SP 800-63B in Kratos' reading): the one place where levels are computed.
//!
//! What a proof counts as is decided here, by its name, and not by whoever recorded it: a password that calls itself a
//! second factor is none.

use super::{AuthenticationMethod, MethodName};
use crate::{config::RequiredAal, identity::CredentialType};
use serde::{Deserialize, Serialize};

/// How sure one can be of who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aal {
    /// Nothing was proved.
    #[default]
    Aal0,
    /// One factor.
    Aal1,
    /// Two different factors.
    Aal2,
}

impl Aal {
    /// The wire's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aal0 => "aal0",
            Self::Aal1 => "aal1",
            Self::Aal2 => "aal2",
        }
    }
}

impl std::str::FromStr for Aal {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "aal0" => Ok(Self::Aal0),
            "aal1" => Ok(Self::Aal1),
            "aal2" => Ok(Self::Aal2),
            _ => Err(()),
        }
    }
}

/// How many first and second factors a credential amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strength {
    pub first: usize,
    pub second: usize,
}

impl Strength {
    /// A credential that counts for nothing.
    pub const NONE: Self = Self { first: 0, second: 0 };

    /// One usable first factor.
    pub const FIRST: Self = Self { first: 1, second: 0 };

    /// One usable second factor.
    pub const SECOND: Self = Self { first: 0, second: 1 };
}

impl std::iter::Sum for Strength {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::NONE, |sum, one| Self { first: sum.first + one.first, second: sum.second + one.second })
    }
}

impl Strength {
    /// So much of it as something in that role can amount to.
    #[must_use]
    pub fn within(self, role: Role) -> Self {
        match role {
            Role::First | Role::Vouched => Self { second: 0, ..self },
            Role::Second => Self { first: 0, ..self },
            Role::Configured => self,
        }
    }
}

/// As what something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Always a first factor.
    First,
    /// Always a second factor: alone it shows nothing.
    Second,
    /// One or the other, as it was configured when it was shown.
    Configured,
    /// A provider's word: a first factor, or both at once if the provider says that it has seen two.
    Vouched,
}

/// As what a credential counts. Every type is named: a new one does not compile until somebody has decided.
pub fn role_of(kind: CredentialType) -> Role {
    match kind {
        CredentialType::Password | CredentialType::Passkey => Role::First,
        CredentialType::Totp | CredentialType::LookupSecret => Role::Second,
        CredentialType::Webauthn | CredentialType::Code | CredentialType::Deviceauthn => Role::Configured,
        CredentialType::Oidc | CredentialType::Saml => Role::Vouched,
    }
}

/// As what a proof counts. The same here.
fn role_of_proof(method: MethodName) -> Role {
    match method {
        MethodName::Password
        | MethodName::Passkey
        | MethodName::LinkRecovery
        | MethodName::CodeRecovery
        | MethodName::V06LegacySession => Role::First,
        MethodName::Totp | MethodName::LookupSecret => Role::Second,
        MethodName::Webauthn | MethodName::Code | MethodName::Deviceauthn => Role::Configured,
        MethodName::Oidc | MethodName::Saml => Role::Vouched,
    }
}

/// Whether a proof came back from an address: whoever reads somebody's mail or short messages has all of these.
fn is_by_post(method: MethodName) -> bool {
    match method {
        MethodName::Code | MethodName::LinkRecovery | MethodName::CodeRecovery => true,
        MethodName::Password
        | MethodName::Passkey
        | MethodName::Totp
        | MethodName::LookupSecret
        | MethodName::Webauthn
        | MethodName::Deviceauthn
        | MethodName::Oidc
        | MethodName::Saml
        | MethodName::V06LegacySession => false,
    }
}

/// Whether a proof is a first factor, and whether it is a second one.
fn factors(proof: &AuthenticationMethod) -> (bool, bool) {
    let is_strong = proof.aal == Aal::Aal2;
    match role_of_proof(proof.method) {
        Role::First => (true, false),
        Role::Second => (false, true),
        Role::Configured => (!is_strong, is_strong),
        Role::Vouched => (true, is_strong),
    }
}

/// The level that the proofs of a session amount to: two only for a first and a second factor together; a lone second
/// factor is one. `distinct_channels`: two proofs by post are not two factors, see
/// [`Assurance`](crate::config::secrets::Assurance).
pub fn of(proofs: &[AuthenticationMethod], distinct_channels: bool) -> Aal {
    let is_pair = |first: &AuthenticationMethod, second: &AuthenticationMethod| {
        let is_one_channel = distinct_channels && is_by_post(first.method) && is_by_post(second.method);
        factors(first).0 && factors(second).1 && !is_one_channel
    };
    if proofs.is_empty() {
        Aal::Aal0
    } else if proofs.iter().any(|first| proofs.iter().any(|second| is_pair(first, second))) {
        Aal::Aal2
    } else {
        Aal::Aal1
    }
}

/// The level that credentials allow, regardless of whether a second factor has a first beside it.
pub fn available(all: Strength) -> Aal {
    match all {
        Strength { second: 1.., .. } => Aal::Aal2,
        Strength { first: 1.., .. } => Aal::Aal1,
        _ => Aal::Aal0,
    }
}

/// Whether a session of level `reached` is enough for a person with `available`.
pub fn satisfies(required: RequiredAal, reached: Aal, available: Aal) -> bool {
    match required {
        RequiredAal::Aal1 => reached >= Aal::Aal1,
        RequiredAal::HighestAvailable => available < Aal::Aal2 || reached >= Aal::Aal2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn proofs(all: &[(MethodName, Aal)]) -> Vec<AuthenticationMethod> {
        all.iter().map(|(method, aal)| AuthenticationMethod::new(*method, *aal, OffsetDateTime::UNIX_EPOCH)).collect()
    }

    #[test]
    fn two_levels_need_two_factors() {
        use MethodName::{Code, CodeRecovery, LookupSecret, Oidc, Passkey, Password, Saml, Totp, Webauthn};
        let (one, two) = (Aal::Aal1, Aal::Aal2);
        for (methods, expected) in [
            (proofs(&[]), Aal::Aal0),
            (proofs(&[(Password, one)]), one),
            (proofs(&[(Totp, two)]), one),
            (proofs(&[(Totp, two), (LookupSecret, two)]), one),
            (proofs(&[(Webauthn, two), (Code, two)]), one),
            (proofs(&[(Password, one), (Password, one)]), one),
            (proofs(&[(Password, one), (Password, two)]), one),
            (proofs(&[(Password, one), (Passkey, two)]), one),
            (proofs(&[(Password, one), (Code, one)]), one),
            (proofs(&[(Password, one), (Webauthn, one)]), one),
            (proofs(&[(Password, one), (CodeRecovery, two)]), one),
            (proofs(&[(Password, one), (Totp, two)]), two),
            (proofs(&[(Totp, two), (Password, one)]), two),
            (proofs(&[(Password, one), (Code, two)]), two),
            (proofs(&[(Webauthn, one), (Webauthn, two)]), two),
            (proofs(&[(CodeRecovery, one), (Code, two)]), two),
            (proofs(&[(Oidc, one)]), one),
            (proofs(&[(Oidc, two)]), two),
            (proofs(&[(Saml, two)]), two),
        ] {
            assert_eq!(of(&methods, false), expected, "{methods:?}");
        }
    }

    #[test]
    fn two_proofs_by_post_are_one_factor_where_that_is_wanted() {
        use MethodName::{Code, CodeRecovery, LinkRecovery, Password, Totp};
        let (one, two) = (Aal::Aal1, Aal::Aal2);
        for (methods, expected) in [
            (proofs(&[(CodeRecovery, one), (Code, two)]), one),
            (proofs(&[(LinkRecovery, one), (Code, two)]), one),
            (proofs(&[(Code, one), (Code, two)]), one),
            (proofs(&[(Password, one), (Code, two)]), two),
            (proofs(&[(CodeRecovery, one), (Code, two), (Password, one)]), two),
            (proofs(&[(CodeRecovery, one), (Totp, two)]), two),
            (proofs(&[(Code, one), (Totp, two)]), two),
        ] {
            assert_eq!(of(&methods, true), expected, "{methods:?}");
            assert_eq!(of(&methods, false), two, "{methods:?}");
        }
    }

    #[test]
    fn a_credential_counts_as_no_more_than_its_type() {
        let both = Strength { first: 1, second: 1 };
        for kind in CredentialType::ALL {
            let strength = both.within(role_of(kind));
            let expected = match kind.as_str() {
                "totp" | "lookup_secret" => Strength::SECOND,
                "webauthn" | "code" | "deviceauthn" => both,
                _ => Strength::FIRST,
            };
            assert_eq!(strength, expected, "{kind:?}");
        }
    }

    #[test]
    fn the_highest_available_level_depends_on_the_credentials() {
        assert_eq!(available(Strength::NONE), Aal::Aal0);
        assert_eq!(available(Strength::FIRST), Aal::Aal1);
        assert_eq!(available(Strength { first: 0, second: 1 }), Aal::Aal2);
        assert!(satisfies(RequiredAal::HighestAvailable, Aal::Aal1, Aal::Aal1));
        assert!(satisfies(RequiredAal::HighestAvailable, Aal::Aal1, Aal::Aal0));
        assert!(!satisfies(RequiredAal::HighestAvailable, Aal::Aal1, Aal::Aal2));
        assert!(satisfies(RequiredAal::HighestAvailable, Aal::Aal2, Aal::Aal2));
        assert!(satisfies(RequiredAal::Aal1, Aal::Aal1, Aal::Aal2));
    }
}
