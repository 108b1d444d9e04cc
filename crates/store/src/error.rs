//! What can go wrong, in the few classes a caller can act on. Three drivers have hundreds of errors; a caller only ever
//! asks four things: was a guard not met, was a value taken, is the database away, or is it a bug?
//!
//! No variant holds a parameter's value or a password: drivers' texts are taken over without their details, because
//! those quote the row.

/// Why a read or a batch did not succeed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A statement of the batch did not touch the rows it expects; names its guard. Nothing was written.
    #[error("the stored data has changed meanwhile: {0}")]
    Unmet(&'static str),
    /// A value is taken already; names the constraint (`<table>_<columns>`, or `primary`). Nothing was written.
    #[error("a row with this value exists already: {0}")]
    Unique(String),
    /// The database does not answer in time, or its connection was lost. A batch may have been written if the
    /// connection went away while it was being committed.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The server answered and refused the connection: its credentials, its database, its TLS. Time does not heal that,
    /// but an operator may, so requests see it as [`Self::Unavailable`].
    #[error("the database refuses the connection: {0}")]
    Refused(String),
    /// The one row that must be there is not.
    #[error("the row does not exist")]
    Missing,
    /// The DSN cannot be used; the text says why and never quotes it.
    #[error("the DSN is not usable: {0}")]
    Dsn(String),
    /// A bug of ours, or a database that is not as our migrations left it.
    #[error("database error: {0}")]
    Other(String),
}

impl Error {
    /// For a stored value that we cannot read.
    pub(crate) fn decode(what: impl std::fmt::Display) -> Self {
        Self::Other(format!("a stored value cannot be read: {what}"))
    }

    /// Whether the database cannot be used at the moment, for a reason that lies outside this process.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Refused(_))
    }

    /// Whether a value of that constraint was taken.
    pub fn is_unique(&self, constraint: &str) -> bool {
        matches!(self, Self::Unique(name) if name == constraint)
    }
}

/// An engine's error together with what only the engine knows: whether it is worthwhile to try again.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) again: Again,
}

/// Whether work may be repeated after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// It would fail again, or it may have been done.
    No,
    /// The connection was lost. What only reads, or was not told to commit, may be repeated on another one.
    Lost,
    /// No answer came in time. It may have been done, and other connections may lead nowhere as well.
    Silent,
    /// The database took it back and asks for another try (deadlock, serialization failure).
    Yes,
}

impl Again {
    /// Whether another try is worthwhile now.
    pub(crate) fn is_worthwhile(self) -> bool {
        matches!(self, Self::Lost | Self::Yes)
    }
}

impl Failure {
    /// Nothing was heard for that long.
    pub(crate) fn silent(most: std::time::Duration) -> Self {
        Self::new(Error::Unavailable(format!("no answer within {most:?}")), Again::Silent)
    }

    pub(crate) fn new(error: Error, again: Again) -> Self {
        Self { error, again }
    }

    /// For what was told to commit: if the answer was lost with the connection, it may have been done.
    pub(crate) fn in_doubt(self) -> Self {
        match self.again {
            Again::Lost => Self { again: Again::No, ..self },
            _ => self,
        }
    }

    /// Whether the connection can be used by others.
    pub(crate) fn spares_connection(&self) -> bool {
        self.again == Again::No && !self.error.is_outage()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, again: Again::No }
    }
}
