//! Which way a message takes.
//!
//! The original's rule: the list `courier.channels`, and after it an e-mail channel made of `courier.delivery_strategy`;
//! the first of a name counts. Ours beside it: development without a mail server keeps what has no other way out. Messages
//! without a way out stay in the outbox, for an instance that has one.

use crate::{
    call::Call,
    channel::{Channel, Failure, http::Http, mailbox::Mailbox, smtp::Smtp},
    remote::Remotes,
};
use zelos_core::{
    config::{
        Config,
        courier::{ChannelId, DeliveryStrategy},
        request::RequestConfig,
    },
    message::MessageChannel,
};

/// The configured ways out, ready to be used.
#[derive(Default)]
pub struct Channels {
    email: Option<Box<dyn Channel>>,
    sms: Option<Box<dyn Channel>>,
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (email, sms) = (self.email.is_some(), self.sms.is_some());
        f.debug_struct("Channels").field("email", &email).field("sms", &sms).finish_non_exhaustive()
    }
}

impl Channels {
    /// Makes them of the configuration, with the local contents that it names.
    ///
    /// # Errors
    /// Every reason why that is not possible, with its key.
    pub fn compile(config: &Config, remotes: &Remotes) -> Result<Self, Vec<String>> {
        let courier = &config.courier;
        let mut errors = Vec::new();
        let mut channels = Self::default();
        if config.keeps_mail() {
            channels = Self { email: Some(Box::new(Mailbox)), sms: Some(Box::new(Mailbox)) };
        }
        let sms = courier.channels.iter().enumerate().find(|(_, channel)| channel.id == ChannelId::Sms);
        if let Some((index, channel)) = sms {
            let key = format!("courier.channels.{index}");
            channels.sms = over_http(&key, &channel.request_config, remotes).unwrap_or_else(|error| {
                errors.push(error);
                None
            });
        }
        match (courier.delivery_strategy, &courier.http.request_config, &courier.smtp.connection_uri) {
            (DeliveryStrategy::Http, Some(request), _) => {
                channels.email = over_http("courier.http", request, remotes).unwrap_or_else(|error| {
                    errors.push(error);
                    None
                });
            }
            (DeliveryStrategy::Smtp, _, Some(uri)) if !uri.expose().is_empty() => {
                let public_only = config.clients.smtp.disallow_private_ip_ranges;
                match Smtp::new(&courier.smtp, uri.expose(), public_only) {
                    Ok(smtp) => channels.email = Some(Box::new(smtp)),
                    Err((key, reason)) => errors.push(format!("courier.smtp.{key}: {reason}")),
                }
            }
            _ => {}
        }
        if errors.is_empty() { Ok(channels) } else { Err(errors) }
    }

    /// The way that messages of that sort take.
    pub(crate) fn of(&self, channel: MessageChannel) -> Option<&dyn Channel> {
        match channel {
            MessageChannel::Email => self.email.as_deref(),
            MessageChannel::Sms => self.sms.as_deref(),
        }
    }

    /// The sorts of messages that have a way out.
    pub(crate) fn open(&self) -> Vec<MessageChannel> {
        MessageChannel::ALL.into_iter().filter(|channel| self.of(*channel).is_some()).collect()
    }

    /// Whether the server that takes e-mails accepts a connection; the text is what an operator should know about it.
    ///
    /// # Errors
    /// What the mail server said, or why it cannot be reached.
    pub async fn greet(&self) -> Result<Option<&'static str>, Failure> {
        match &self.email {
            Some(email) => email.greet().await,
            None => Ok(None),
        }
    }

    /// There is nothing to do for the moment.
    pub(crate) async fn rest(&self) {
        for channel in [&self.email, &self.sms].into_iter().flatten() {
            channel.rest().await;
        }
    }
}

/// None: no URL is given, which was warned of when the configuration was read.
fn over_http(key: &str, request: &RequestConfig, remotes: &Remotes) -> Result<Option<Box<dyn Channel>>, String> {
    let Some(url) = &request.url else { return Ok(None) };
    let key = format!("{key}.request_config");
    match Call::compile(&key, url, request, remotes) {
        Ok(call) => Ok(Some(Box::new(Http(call)))),
        Err((name, reason)) => Err(format!("{key}.{name}: {reason}")),
    }
}
