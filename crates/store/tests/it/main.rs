//! The store's contract, held against real databases: SQLite always, and each URL of `TEST_DATABASES` (see
//! `scripts/test-databases`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod attempts;
mod audit;
mod backups;
mod cleaning;
mod credentials;
mod database;
mod directory;
mod erasure;
mod faults;
mod flows;
mod identities;
mod messages;
mod migrations;
mod outage;
mod plans;
mod proxy;
mod race;
mod refusals;
mod remote_documents;
mod sample;
mod sessions;
mod sockets;
mod statements;
