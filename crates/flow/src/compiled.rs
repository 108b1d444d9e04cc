//! The configuration of a moment with what operators wrote in languages of their own, compiled. It lives here and not
//! in core, because core knows no languages.

use std::{ops::Deref, sync::Arc};
use zelos_core::snapshot::Snapshot;
use zelos_courier::{Channels, Letters, Remotes, call::Call};

/// A [`Snapshot`] with the templates of its messages; a request keeps the one it began with, a reload swaps the whole.
#[derive(Debug)]
pub struct Compiled {
    snapshot: Snapshot,
    /// Shared with the courier, which writes the HTML parts.
    pub letters: Arc<Letters>,
    /// The ways out that the courier has: none, unless they were given.
    pub channels: Arc<Channels>,
    /// Who knows the passwords that are still to be taken over, if anybody does.
    pub password_migration: Option<Arc<Call>>,
    /// What of all this is fetched from elsewhere; a reload goes on with it.
    pub remotes: Arc<Remotes>,
}

impl Compiled {
    /// Puts the parts together.
    pub fn new(snapshot: Snapshot, letters: Arc<Letters>) -> Self {
        Self { snapshot, letters, channels: Arc::default(), password_migration: None, remotes: Arc::default() }
    }

    /// With ways out for its messages.
    #[must_use]
    pub fn with_channels(self, channels: Arc<Channels>) -> Self {
        Self { channels, ..self }
    }

    /// With the pool of remote documents that its parts were compiled with.
    #[must_use]
    pub fn with_remotes(self, remotes: Arc<Remotes>) -> Self {
        Self { remotes, ..self }
    }

    /// With somebody who knows passwords.
    #[must_use]
    pub fn with_password_migration(self, call: Option<Call>) -> Self {
        Self { password_migration: call.map(Arc::new), ..self }
    }
}

impl From<Snapshot> for Compiled {
    /// With the built-in letters.
    fn from(snapshot: Snapshot) -> Self {
        Self::new(snapshot, Arc::new(Letters::built_in()))
    }
}

impl Deref for Compiled {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}
