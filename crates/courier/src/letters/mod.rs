//! Writing letters: a message's subject, plain text and HTML from what it speaks of.
//!
//! A message has *parts*: subject, plain text, HTML, and the text of a short message. An operator can bring any part of
//! any message as a Go template, as for Kratos; such a part is the same in every language ([`sources`]). All else is
//! ours: a *letter* says what one kind of message says in one language, in named pieces (`subject`, `lead`, `after`, …),
//! and a *layout* makes a part of them. So a language is ten small files, and more come by dropping them into a folder
//! ([`built_in`] shows which). Which language a person reads is guessed in [`language`].
//!
//! Nothing is compiled twice ([`compiled`]); writing only reads ([`written`]).

mod built_in;
mod compiled;
mod language;
mod model;
mod part;
mod sources;
#[cfg(test)]
mod tests;
mod written;

pub use written::{LetterError, Letters};
