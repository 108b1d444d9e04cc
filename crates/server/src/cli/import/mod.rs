//! `zelos import …`: people of elsewhere, straight into the database.
//!
//! [`kratos`] moves a whole database of Kratos, ids and sessions included.

pub(super) mod kratos;
mod report;
