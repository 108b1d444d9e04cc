//! Budgets of attempts: how often the secrets of an account may be guessed, and how many messages an address may be sent.
//! The one place for whose budget a guess draws on; how it is counted is [`zelos_store::attempts`].
//!
//! A guess draws on the account, whatever it was called and whichever door was taken: on the budget of its kind of secret,
//! and on one for all kinds. Where nobody is found, the identifier stands for the account, so that both answer alike.
//! And it draws on the network it comes from.
//!
//! Strangers must not be able to lock people out of where they sign in every day. So guesses from a browser or a session
//! that has shown as much before draw on other budgets: those of the account's known devices. They are the account's, not
//! one for each device, since whoever once knew the password could have had as many devices remembered as they like.
//! A second factor counts as shown only where one was: who has but the password gets no more guesses at the code by it.

use crate::plug::Cx;
use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use zelos_core::{
    config::Bound,
    flow::{Detail, Flow},
    id::IdentityId,
    identity::normalize,
    problem::{Problem, Result},
    session::{Aal, MethodName},
    text::{Text, catalog},
};
use zelos_store::{
    Batch,
    attempts::{self, Budget, Key},
};

/// What can be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Password,
    /// A code that was sent.
    Code,
    /// A code of an authenticator app.
    Totp,
    /// A backup code.
    LookupSecret,
}

/// Whose it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Person(IdentityId),
    /// Nobody is called so, or has that address; normalised.
    Nobody(String),
}

/// What was typed is not shown.
impl fmt::Debug for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => f.debug_tuple("Person").field(id).finish(),
            Self::Nobody(_) => f.write_str("Nobody"),
        }
    }
}

impl Whose {
    /// The person, or else whoever that name was meant for.
    pub fn of(person: Option<IdentityId>, name: &str) -> Self {
        person.map_or_else(|| Self::Nobody(normalize::identifier(name)), Self::Person)
    }
}

/// Something that can be tried only so often.
#[derive(Debug, Clone)]
pub struct Guess(What);

#[derive(Debug, Clone)]
enum What {
    Secret {
        secret: Secret,
        /// Several, where codes went to several addresses of somebody who is not known yet.
        whose: Vec<Whose>,
        /// The assurance that the secret is for.
        level: Aal,
    },
    /// A message to an address that nobody has.
    Message(String),
}

impl Guess {
    /// At a secret of that account.
    pub fn at(secret: Secret, whose: Whose) -> Self {
        let level = match secret {
            Secret::Password | Secret::Code => Aal::Aal1,
            Secret::Totp | Secret::LookupSecret => Aal::Aal2,
        };
        Self(What::Secret { secret, whose: vec![whose], level })
    }

    /// At a code that was sent in that flow, to one of these.
    pub(crate) fn at_code(flow: &Flow, mut whose: Vec<Whose>) -> Self {
        whose.sort_unstable();
        whose.dedup();
        let level = match flow.detail {
            Detail::Login { requested_aal: Aal::Aal2, .. } => Aal::Aal2,
            _ => Aal::Aal1,
        };
        Self(What::Secret { secret: Secret::Code, whose, level })
    }

    /// At who has an account: a message was asked for by a name that nobody has.
    pub fn at_nobody(name: &str) -> Self {
        Self(What::Message(normalize::identifier(name)))
    }

    /// Whose secret it is, where there is but one to whom it may belong.
    fn person(&self) -> Option<IdentityId> {
        match &self.0 {
            What::Secret { whose, .. } => match whose[..] {
                [Whose::Person(id)] => Some(id),
                _ => None,
            },
            What::Message(_) => None,
        }
    }

    /// What somebody might have guessed who proved themselves so.
    pub(crate) fn behind(method: MethodName, person: IdentityId) -> Option<Self> {
        let secret = match method {
            MethodName::Password => Secret::Password,
            MethodName::Totp => Secret::Totp,
            MethodName::LookupSecret => Secret::LookupSecret,
            _ => return None,
        };
        Some(Self::at(secret, Whose::Person(person)))
    }
}

/// What a submission draws on.
#[derive(Default)]
pub(crate) struct Bill {
    budgets: Vec<Named>,
    /// Has to be written with the answer, before anything else.
    pub(crate) batch: Batch,
    /// Whose secret was tried, where they are known.
    pub(crate) person: Option<IdentityId>,
    /// The method that the submission was for; empty while none is known.
    pub(crate) method: &'static str,
}

impl Bill {
    /// Draws on what another one draws on.
    pub(crate) fn take(&mut self, other: Self) {
        (self.budgets, self.batch, self.person) = (other.budgets, other.batch, other.person);
    }
}

/// A budget with its name in the configuration.
#[derive(Clone, Copy)]
struct Named {
    name: &'static str,
    budget: Budget,
}

const MESSAGES: &str = "messages";

/// The bill for a wrong guess.
pub(crate) fn wrong(cx: &Cx<'_>, guess: &Guess) -> Result<Bill> {
    let (_, budgets) = drawn_on(cx, guess)?;
    let mut batch = Batch::new();
    attempts::charge(&mut batch, &plain(&budgets), cx.clock.now());
    Ok(Bill { budgets, batch, person: guess.person(), method: "" })
}

/// The bill for a right guess: it costs nothing, but is good only while a wrong one would be told to be wrong.
pub(crate) fn right(cx: &Cx<'_>, guess: &Guess) -> Result<Bill> {
    let (queue, budgets) = drawn_on(cx, guess)?;
    let mut batch = Batch::new();
    attempts::spare(&mut batch, &queue, &plain(&budgets), cx.clock.now());
    Ok(Bill { budgets, batch, person: guess.person(), method: "" })
}

/// The bill for messages to these addresses, of that person if somebody has them.
pub(crate) fn messages<'a>(
    cx: &Cx<'_>,
    addresses: impl IntoIterator<Item = (Option<IdentityId>, &'a str)>,
) -> Result<Bill> {
    let budgets = of_messages(cx, addresses)?;
    let mut batch = Batch::new();
    attempts::charge(&mut batch, &plain(&budgets), cx.clock.now());
    Ok(Bill { budgets, batch, person: None, method: "" })
}

/// Whether another message may go to an address, on the way of something else that must not fail for it; it is counted in
/// the batch. Whoever is signed in need not have the address: they have no budget of their own for it.
pub(crate) async fn may_send(cx: &Cx<'_>, address: &str, batch: &mut Batch) -> Result<bool> {
    let budgets = plain(&of_messages(cx, [(None, address)])?);
    let now = cx.clock.now();
    if attempts::used_up_until(cx.store, &budgets, now).await?.is_some() {
        return Ok(false);
    }
    attempts::count(batch, &budgets, now);
    Ok(true)
}

/// What is to be said about a budget that is used up.
pub(crate) struct Wait {
    /// Its name in the configuration; empty where somebody else's window has ended since.
    pub(crate) budget: &'static str,
    /// Nobody has been told yet that it is used up.
    pub(crate) is_news: bool,
    pub(crate) retry_after: Duration,
    pub(crate) text: Text,
}

/// How long one has to wait, and what is said about it.
pub(crate) async fn wait(cx: &Cx<'_>, bill: &Bill, noticed: &Noticed) -> Result<Wait> {
    let now = cx.clock.now();
    let found = attempts::used_up_until(cx.store, &plain(&bill.budgets), now).await?;
    let Some((key, until)) = found else {
        // Somebody else's window has ended since; the next try finds out.
        let soon = Duration::from_secs(1);
        return Ok(Wait { budget: "", is_news: false, retry_after: soon, text: catalog::too_many_attempts(soon) });
    };
    let name = bill.budgets.iter().find(|named| named.budget.key == key).map_or("", |named| named.name);
    let is_news = noticed.is_new(key, until, now);
    if is_news {
        let until = until.replace_nanosecond(0).unwrap_or(until).format(&Rfc3339).unwrap_or_default();
        tracing::warn!(budget = name, until, "a budget of attempts is used up");
    }
    let wait = Duration::try_from(until - now).unwrap_or_default();
    let text = if name == MESSAGES { catalog::too_many_messages(wait) } else { catalog::too_many_attempts(wait) };
    Ok(Wait { budget: name, is_news, retry_after: wait, text })
}

/// Which budgets the log has been told of: once for each time that one is used up, however often it is tried then.
#[derive(Debug, Default)]
pub struct Noticed(Mutex<HashMap<Key, OffsetDateTime>>);

impl Noticed {
    /// Bounds the memory; told once more is no harm.
    const MOST: usize = 4096;

    fn is_new(&self, key: Key, until: OffsetDateTime, now: OffsetDateTime) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= Self::MOST {
            told.retain(|_, until| *until > now);
        }
        if told.len() >= Self::MOST {
            told.clear();
        }
        told.insert(key, until) != Some(until)
    }
}

/// The budgets of a guess in the order in which their rows are locked, and the rows for which a right guess waits.
fn drawn_on(cx: &Cx<'_>, guess: &Guess) -> Result<(Vec<Key>, Vec<Named>)> {
    let config = &cx.snapshot.security.attempt_budgets;
    let (mut queue, mut budgets) = (Vec::new(), Vec::new());
    let (secret, whose, level) = match &guess.0 {
        _ if !config.enabled => return Ok((queue, budgets)),
        What::Message(address) => return Ok((queue, of_messages(cx, [(None, address.as_str())])?)),
        What::Secret { secret, whose, level } => (*secret, whose, *level),
    };
    let account = &config.account;
    let (name, bound) = match secret {
        Secret::Password => ("account.password", account.password()),
        Secret::Code => ("account.code", account.code()),
        Secret::Totp => ("account.totp", account.totp()),
        Secret::LookupSecret => ("account.lookup_secret", account.lookup_secret()),
    };
    let mut is_strange = false;
    for whose in whose {
        let is_known = matches!(whose, Whose::Person(id) if is_known(cx, *id, level));
        is_strange |= !is_known;
        let whose = match whose {
            Whose::Person(id) => [b"person", id.0.as_bytes().as_slice()].concat(),
            Whose::Nobody(name) => [b"nobody", name.as_bytes()].concat(),
        };
        let all = named(cx, ("account.all", account.all()), is_known, &whose)?;
        queue.push(all.budget.key);
        budgets.extend([all, named(cx, (name, bound), is_known, &whose)?]);
    }
    // Known devices have a bound of their own; who shares their network must not be theirs.
    if let Some(network) = cx.request.ip().and_then(network).filter(|_| is_strange) {
        budgets.push(named(cx, ("network", config.network()), false, &network)?);
    }
    Ok((queue, budgets))
}

fn of_messages<'a>(
    cx: &Cx<'_>,
    addresses: impl IntoIterator<Item = (Option<IdentityId>, &'a str)>,
) -> Result<Vec<Named>> {
    let config = &cx.snapshot.security.attempt_budgets;
    if !config.enabled {
        return Ok(Vec::new());
    }
    let mut budgets = Vec::new();
    for (person, address) in addresses {
        let is_known = person.is_some_and(|person| is_known(cx, person, Aal::Aal1));
        let address = normalize::identifier(address);
        budgets.push(named(cx, (MESSAGES, config.messages()), is_known, address.as_bytes())?);
    }
    budgets.sort_unstable_by_key(|named| named.budget.key);
    budgets.dedup_by_key(|named| named.budget.key);
    Ok(budgets)
}

/// Whether that much of the person's has been shown here before.
fn is_known(cx: &Cx<'_>, person: IdentityId, level: Aal) -> bool {
    let own = cx.session.map(|current| (current.session.identity_id, current.session.aal));
    own.iter().chain(&cx.request.known).any(|(known, shown)| *known == person && *shown >= level)
}

fn named(cx: &Cx<'_>, (name, bound): (&'static str, Bound), is_known: bool, whose: &[u8]) -> Result<Named> {
    let purpose = format!("attempts {name}{}", if is_known { " known" } else { "" });
    let key = cx.snapshot.keys.mac(&purpose, whose).ok_or_else(|| Problem::bug("there is no key for budgets"))?;
    Ok(Named { name, budget: Budget { key, limit: bound.limit, window: *bound.window } })
}

/// The network of an address: an IPv4 address by itself, of an IPv6 address what a household or a
/// server is given. None for a private one: it is a proxy's that we do not trust to tell us the client's, and everybody
/// would share its budget.
fn network(address: IpAddr) -> Option<Vec<u8>> {
    match IpAddr::to_canonical(&address) {
        IpAddr::V4(ip) if ip.is_private() || ip.is_loopback() || ip.is_link_local() => None,
        IpAddr::V4(ip) => Some(ip.octets().to_vec()),
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local() => None,
        IpAddr::V6(ip) => Some(ip.octets()[..8].to_vec()),
    }
}

fn plain(budgets: &[Named]) -> Vec<Budget> {
    budgets.iter().map(|named| named.budget).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plug::Request;
    use time::macros::datetime;

    #[test]
    fn a_network_is_an_address_or_a_64() {
        let network_of = |ip_address: &str| {
            let request = Request { ip_address: ip_address.to_owned(), ..Request::default() };
            request.ip().and_then(network)
        };
        assert_eq!(network_of("192.0.2.7"), Some(vec![192, 0, 2, 7]));
        assert_eq!(network_of("::ffff:192.0.2.7"), network_of("192.0.2.7"));
        assert_eq!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:2:ffff::"));
        assert_ne!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
        assert_eq!(network_of("192.0.2.7:50000"), network_of("192.0.2.7"));
        assert_eq!(network_of("[2001:db8:1:2::1]:50000"), network_of("2001:db8:1:2::1"));
        for address in
            ["", "127.0.0.1:50000", "10.1.2.3", "192.168.0.1", "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"]
        {
            assert_eq!(network_of(address), None, "{address}");
        }
    }

    #[test]
    fn the_log_is_told_once_each_time() {
        let (noticed, now) = (Noticed::default(), datetime!(2030-01-01 00:00 UTC));
        let until = now + Duration::from_mins(1);
        assert!(noticed.is_new([1; 24], until, now));
        assert!(!noticed.is_new([1; 24], until, now));
        assert!(noticed.is_new([2; 24], until, now));
        assert!(noticed.is_new([1; 24], until + Duration::from_mins(1), now));
        for number in 0..10_000_u32 {
            let mut key = [3; 24];
            key[..4].copy_from_slice(&number.to_be_bytes());
            noticed.is_new(key, until, now);
        }
        assert!(noticed.0.lock().unwrap().len() <= Noticed::MOST);
    }

    #[test]
    fn what_was_typed_is_not_shown() {
        let guess = Guess::at(Secret::Password, Whose::of(None, "ada@example.org"));
        assert!(!format!("{guess:?}").contains("ada"), "{guess:?}");
    }
}
