//! The store's contract, held against real databases: SQLite always, and each URL of `TEST_DATABASES` (see
//! `scripts/test-databases`).

mod cleaning;
mod database;
mod flows;
mod identities;
mod migrations;
mod outage;
mod plans;
mod race;
mod sample;
mod sessions;
mod statements;
