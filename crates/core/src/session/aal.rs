//! Authenticator assurance (NIST SP 800-63B in Kratos' reading): the one place where levels are computed.

use super::AuthenticationMethod;
use crate::config::RequiredAal;
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

/// The level that the proofs of a session amount to: two only for a first and a second factor together; a lone
/// second factor is one. A provider's proof that is itself of level two counts as both.
pub fn of(methods: &[AuthenticationMethod]) -> Aal {
    use super::MethodName::{Oidc, Saml};
    let second = methods.iter().any(|proof| proof.aal == Aal::Aal2);
    let first = methods
        .iter()
        .any(|proof| proof.aal == Aal::Aal1 || (proof.aal == Aal::Aal2 && matches!(proof.method, Oidc | Saml)));
    match (methods.is_empty(), first && second) {
        (true, _) => Aal::Aal0,
        (false, true) => Aal::Aal2,
        (false, false) => Aal::Aal1,
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
    use crate::session::MethodName;
    use time::OffsetDateTime;

    fn proofs(all: &[(MethodName, Aal)]) -> Vec<AuthenticationMethod> {
        all.iter().map(|(method, aal)| AuthenticationMethod::new(*method, *aal, OffsetDateTime::UNIX_EPOCH)).collect()
    }

    #[test]
    fn two_levels_need_two_factors() {
        use MethodName::{Oidc, Password, Totp};
        for (methods, expected) in [
            (proofs(&[]), Aal::Aal0),
            (proofs(&[(Password, Aal::Aal1)]), Aal::Aal1),
            (proofs(&[(Totp, Aal::Aal2)]), Aal::Aal1),
            (proofs(&[(Password, Aal::Aal1), (Password, Aal::Aal1)]), Aal::Aal1),
            (proofs(&[(Password, Aal::Aal1), (Totp, Aal::Aal2)]), Aal::Aal2),
            (proofs(&[(Oidc, Aal::Aal2)]), Aal::Aal2),
        ] {
            assert_eq!(of(&methods), expected, "{methods:?}");
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
