//! The test kit: a whole Zelos in the test's process, with its real store, behind its real routers.
//!
//! What a test decides is the world around it: the clock stands still until it is moved, chance is seeded, outgoing
//! HTTP is answered by the test, and so is mail ([`MailServer`]). [`App`] is that Zelos, [`Persona`] a visitor (page, SPA or native app), [`scenario`]
//! tells one story for every database that is at hand.

mod app;
mod authenticator;
mod authority;
mod database;
mod mail;
mod outbound;
mod persona;
mod story;

pub use app::{App, Setup};
pub use authenticator::{Algorithm, Authenticator, Spoil};
pub use authority::Authority;
pub use database::Database;
pub use mail::{Encryption, Mail, MailServer, Manners, Moment, Reply};
pub use outbound::ScriptedOutbound;
pub use persona::{Answer, Mode, Persona, node};
pub use story::{scenario, scenario_for_each};
