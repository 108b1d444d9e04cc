//! How a caller that only passes errors on sees them: an unmet guard is a lost race – or a budget that is used up –, a taken
//! value a conflict.

use crate::Error;
use zelos_core::problem::Problem;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unmet(crate::attempts::EXHAUSTED) => Self::Exhausted,
            Error::Unmet(_) => Self::Raced,
            Error::Unique(_) => Self::Conflict("Something with this value exists already.".to_owned()),
            Error::Unavailable(reason) | Error::Refused(reason) => Self::Unavailable(reason),
            Error::Missing => Self::NotFound("There is no such thing.".to_owned()),
            other @ (Error::Dsn(_) | Error::Other(_)) => Self::Bug(anyhow::Error::new(other)),
        }
    }
}
