//! `zelos import …`: people of elsewhere, straight into the database.
//!
//! [`kratos`] moves a whole database of Kratos, ids and sessions included; [`identities`] takes people from files. Both
//! make of everybody what the methods here can use ([`fit`]), tell how far they are ([`report`]), and write down what they
//! skip ([`skipped`]).

mod fit;
pub(super) mod identities;
pub(super) mod kratos;
mod report;
mod skipped;

pub(super) use identities::Flags as Identities;
