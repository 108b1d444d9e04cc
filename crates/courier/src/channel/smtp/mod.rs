//! Delivery to a mail server.
//!
//! [`target`] reads the configured URI, [`mail`] writes a message as a mail, [`connection`] holds one conversation over a
//! [`wire`], with [`auth`], and [`send`] keeps conversations open between mails. [`step`] says what a failure means. The conversation is led command by command, because what a failure
//! means depends on how far one has come: before the mail was handed over it can safely be handed to another
//! connection, afterwards it may have been taken although nobody said so.

mod auth;
mod connection;
mod mail;
mod send;
mod step;
mod target;
mod wire;

pub(crate) use send::Smtp;
