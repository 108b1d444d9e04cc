//! `zelos import …`: people of elsewhere, straight into the database.
//!
//! [`kratos`] moves a whole database of Kratos, ids and sessions included.

mod kratos;
mod report;

use super::Failure;
use clap::Subcommand;
use std::path::PathBuf;

/// Where they come from.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Move a Kratos database over: people, credentials, addresses, sessions, with all their ids.
    Kratos(kratos::Flags),
}

/// Takes them over.
pub(super) async fn run(files: Vec<PathBuf>, what: Import) -> Result<(), Failure> {
    match what {
        Import::Kratos(flags) => Box::pin(kratos::run(files, flags)).await,
    }
}
