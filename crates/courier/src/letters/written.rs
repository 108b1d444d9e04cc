//! Writing with the compiled templates.

use super::{
    compiled::{self, Language, Own, Parts},
    language, model,
    part::Part,
    sources,
};
use crate::remote::{Remote, Remotes};
use futures_util::future::join_all;
use std::sync::Arc;
use url::Host;
use zelos_core::{
    config::Config,
    message::{Message, MessageChannel},
    outbound::Outbound,
};
use zelos_script::template::{Limits, Set, TemplateError};

/// The most characters of a subject: more fits into no list of mails.
const SUBJECT: usize = 250;

/// Every template there is, compiled: the built-in ones and the operator's.
#[derive(Debug)]
pub struct Letters {
    /// What the site is called; empty if it has no name that means anything to people.
    site: String,
    /// Parts that an operator has brought, in whatever language.
    own: Parts,
    /// Those of them that are fetched.
    remote: Vec<Arc<Remote<Set>>>,
    /// The first is for those whose language there is not.
    pub(super) languages: Arc<[Language]>,
}

/// A template that fails with what it was given.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LetterError(pub String);

impl From<TemplateError> for LetterError {
    fn from(error: TemplateError) -> Self {
        Self(error.to_string())
    }
}

impl Letters {
    /// The built-in templates alone.
    pub fn built_in() -> Self {
        Self { site: String::new(), own: Parts::new(), remote: Vec::new(), languages: compiled::built_in() }
    }

    /// The templates of a configuration: its own, then ours. Remote ones are not fetched here.
    ///
    /// # Errors
    /// Every template that cannot be read or compiled: its key or file, the line and the reason.
    pub fn compile(config: &Config, remotes: &Remotes) -> Result<Self, Vec<String>> {
        let sources = sources::gather(&config.courier)?;
        match (compiled::own(&sources, remotes), compiled::languages(&sources)) {
            (Ok(own), Ok(languages)) => {
                let remote = own.values().filter_map(|own| match own {
                    Own::Remote(remote) => Some(Arc::clone(remote)),
                    Own::Compiled(_) => None,
                });
                Ok(Self { site: site(config), remote: remote.collect(), own, languages })
            }
            (own, languages) => {
                let mut errors = own.err().unwrap_or_default();
                errors.extend(languages.err().unwrap_or_default());
                Err(errors)
            }
        }
    }

    /// Fetches the remote templates of which there is no copy yet, for a bounded time. Called where a message may come to
    /// be written, before it is known whether one will: the time of an answer must not tell.
    pub async fn prepare(&self, outbound: &dyn Outbound) {
        if self.remote.iter().any(|remote| !remote.is_here()) {
            join_all(self.remote.iter().map(|remote| remote.wait(outbound))).await;
        }
    }

    /// Fills in the subject and the plain text of a message that is about to be queued. Should an operator's template
    /// fail with what it is given, ours stands in for it: whoever waits for a code needs the code.
    ///
    /// # Errors
    /// Our own template fails.
    pub fn write(&self, message: &mut Message) -> Result<(), LetterError> {
        let part = match message.channel {
            MessageChannel::Email => {
                message.subject = one_line(&self.text(message, Part::Subject)?);
                Part::Plain
            }
            MessageChannel::Sms => {
                message.subject.clear();
                Part::Sms
            }
        };
        message.body = readable(&self.text(message, part)?);
        Ok(())
    }

    /// The HTML part of a mail, if it has one.
    ///
    /// # Errors
    /// The template fails, or does too much.
    pub fn html(&self, message: &Message) -> Result<Option<String>, LetterError> {
        if message.channel != MessageChannel::Email {
            return Ok(None);
        }
        let (tag, ours) = self.ours(message, Part::Html)?;
        let own = self.own.get(&(message.template_type, Part::Html)).and_then(Own::get);
        let html = self.render(message, tag, own.as_deref().unwrap_or(ours))?;
        Ok(Some(html).filter(|html| !html.trim().is_empty()))
    }

    fn text(&self, message: &Message, part: Part) -> Result<String, LetterError> {
        let (tag, ours) = self.ours(message, part)?;
        if let Some(own) = self.own.get(&(message.template_type, part)).and_then(Own::get) {
            match self.render(message, tag, &own) {
                Ok(text) => return Ok(text),
                Err(error) => {
                    tracing::error!(%error, "a template of a message failed; the built-in one is used instead");
                }
            }
        }
        self.render(message, tag, ours)
    }

    fn render(&self, message: &Message, tag: &str, set: &Set) -> Result<String, LetterError> {
        Ok(set.render(&model::model(message, tag, &self.site), &Limits::default())?)
    }

    /// Our template in the language of whoever gets the message, and that language.
    fn ours(&self, message: &Message, part: Part) -> Result<(&str, &Set), LetterError> {
        let key = (message.template_type, part);
        let there = || self.languages.iter().filter(|language| language.has(key));
        let tags: Vec<_> = there().map(|language| &*language.tag).collect();
        let chosen = language::chosen(&language::wanted(message), &tags);
        let found = there().find(|language| chosen.is_none_or(|chosen| language.tag == chosen));
        let found = found.and_then(|language| Some((&*language.tag, language.get(key)?)));
        found.ok_or_else(|| LetterError(format!("there is no letter {}", message.template_type.as_str())))
    }
}

/// What people call the site: the name that mails come from, else the host, if it is one that people know.
fn site(config: &Config) -> String {
    if let Some(name) = config.courier.smtp.from_name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    match config.public_url().host() {
        Some(Host::Domain(host)) if host.contains('.') => host.to_owned(),
        _ => String::new(),
    }
}

/// A subject is one line of a header: whatever traits or payloads hold, nothing in it begins another or turns the text
/// around.
fn one_line(subject: &str) -> String {
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    let words: Vec<_> = subject.split(breaks).map(str::trim).filter(|part| !part.is_empty()).collect();
    let turns = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    words.join(" ").chars().filter(|letter| !turns(*letter)).take(SUBJECT).collect()
}

/// A text without what no reader sees and no database or mail server wants.
fn readable(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && letter != '\n' && letter != '\t', "")
}
