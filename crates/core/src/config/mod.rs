//! `kratos.yml`, typed: what an operator may set, where it may come from, and whether it makes sense.
//!
//! One file per section holds the types ([`root`] is the whole document). The types are the only list of keys: their
//! derived JSON Schema ([`schema`]) drives the check of a document ([`check`]), the mapping of environment variables
//! ([`environment`]) and what `zelos config schema` prints. What a schema cannot say well is in [`rules`].
//!
//! The way of a document: files are read and merged, flags and the environment are laid over them ([`load`],
//! [`merge`]), the result is checked against the schema, turned into a [`Config`] and checked against the rules. Every
//! complaint is a [`ConfigError`] with the key and the source that set it. A [`Config`] is immutable and shared; the
//! server swaps in a new one, which keeps what only a restart changes ([`keep_until_restart`]).

pub mod admin_auth;
pub mod attempts;
pub mod audit;
pub mod check;
pub mod clients;
pub mod contents;
mod cors;
pub mod courier;
pub mod database;
pub mod development;
pub mod environment;
pub mod error;
mod expand;
pub mod explain;
pub mod feature_flags;
pub mod file;
pub mod flows;
pub mod hashers;
pub mod hooks;
pub mod identity;
mod lenient;
pub mod load;
pub mod log;
pub mod merge;
pub mod methods;
pub mod network;
pub mod oidc;
pub mod preset;
pub mod reload;
mod renamed;
pub mod request;
pub mod root;
pub mod rules;
pub mod schema;
pub mod secrets;
pub mod selfservice;
pub mod serve;
pub mod session;
pub mod unbuilt;
pub mod value;

pub use attempts::{AttemptBudgets, Bound};
pub use contents::{ContentError, ContentUri, Contents};
pub use development::development_document;
pub use error::{ConfigError, Origin};
pub use explain::{Explained, explain};
pub use hooks::{After, AfterMethod, Before, Hook, WebHook};
pub use load::{Flags, Loaded, REQUIRED, Source, load, look_up, missing};
pub use network::{ClientIpHeader, Network};
pub use preset::{Preset, hardened_document};
pub use reload::keep_until_restart;
pub use root::{Config, CookieSettings};
pub use schema::json_schema;
pub use unbuilt::{Unbuilt, unbuilt};
pub use value::{ByteSize, GoDuration, RequiredAal, SameSite};
