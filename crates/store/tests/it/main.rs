//! The store's contract, held against real databases: SQLite always, and each URL of `TEST_DATABASES` (see
//! `scripts/test-databases`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attempts;
mod audit;
mod cleaning;
mod database;
mod directory;
mod flows;
mod identities;
mod messages;
mod migrations;
mod outage;
mod plans;
mod race;
mod remote_documents;
mod sample;
mod sessions;
mod statements;
