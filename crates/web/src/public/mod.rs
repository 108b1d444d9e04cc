//! The doors of the public server (and the few that the admin server shares), a file for each topic.

pub(crate) mod errors;
pub(crate) mod flows;
pub(crate) mod health;
pub(crate) mod logout;
pub(crate) mod mailbox;
pub(crate) mod redirects;
pub(crate) mod schemas;
pub(crate) mod sessions;
pub(crate) mod ui;
pub(crate) mod wellknown;
