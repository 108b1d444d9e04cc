//! All SQL of Zelos: one text for SQLite, PostgreSQL (CockroachDB) and MySQL (MariaDB).
//!
//! May import `core` only. Read `db.rs` first (how statements are run), then `batch.rs` (how things are written
//! together), then one of the entities: each file holds the statements of one noun as plain functions.

pub mod attempts;
pub mod audit;
pub mod backup;
mod batch;
pub mod cleanup;
pub mod credentials;
mod db;
pub mod directory;
mod dsn;
mod error;
pub mod errors;
mod faults;
pub mod flows;
pub mod identities;
pub mod imports;
pub mod kratos;
pub mod leases;
pub mod messages;
pub mod migrate;
mod page;
mod problem;
pub mod remote_documents;
pub mod sessions;
pub mod trait_index;
mod value;

pub use batch::{Batch, Expect};
pub use db::{Connections, Dialect, PoolOptions, Store, trace::Trace};
pub use error::Error;
pub use page::{List, Page};
pub use value::{Column, Micros, Row, Value};
