//! Proofs by post: a secret is sent to an address, and whoever brings it back has shown that the address is theirs. The
//! methods `code` and `link` differ in what is sent ([`Sender`]); everything else is here, once for recovery,
//! verification and the hooks that begin one.
//!
//! Nothing but a tag of the secret is kept, in the memory of the flow: bound by HMAC to flow, method, person and address,
//! and gone with the flow. Every write of a flow is guarded by its version, so a secret buys one thing and guesses are
//! counted exactly, however many arrive at once. An address that nobody has gets the same answer after the same
//! work but for the mail; how long that takes is not to be told from the answer's time, since the engine lets both wait.

use crate::{
    budgets::{self, Bill, Guess, Whose},
    gate, identities,
    mail::{self, Letter},
    plug::{Cx, Sender, Step},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    flow::{Detail, Flow, Kind, State},
    id::IdentityId,
    identity::{self, AddressStatus, CredentialType, Identity, VerifiableAddress, Via, normalize},
    problem::{Problem, Result},
    text::catalog,
};
use zelos_store::{Batch, identities as rows};

/// Memory: what was sent.
const SENT: &str = "sent";
/// Memory: the address that was asked for, as it was typed.
pub const ADDRESS: &str = "address";
/// Memory: how many secrets have been brought so far.
const GUESSES: &str = "guesses";
/// What the tags are for.
const PURPOSE: &str = "proof by post";

/// A secret that is on its way, without the secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sent {
    tag: String,
    pub identity: IdentityId,
    pub via: Via,
    /// The address; empty if an administrator hands the secret over.
    pub value: String,
    /// The version of the person when it was sent; 0 if it does not matter.
    #[serde(default)]
    version: i64,
    #[serde(with = "zelos_core::timestamp")]
    expires_at: OffsetDateTime,
}

impl Sent {
    /// The person, if there is one.
    fn person(&self) -> Option<IdentityId> {
        (!self.identity.0.is_nil()).then_some(self.identity)
    }

    /// What the tag is made over. With the method, too: guesses at a code must not be counted as a link's, not at all.
    fn message(&self, flow: &Flow, sender: &dyn Sender, secret: &str) -> Vec<u8> {
        let mut message = Vec::with_capacity(96);
        message.extend(flow.id.0.as_bytes());
        message.extend(self.identity.0.as_bytes());
        for part in [flow.kind().as_str(), sender.method(), self.via.as_str(), &self.value, secret] {
            message.extend(u64::try_from(part.len()).unwrap_or_default().to_be_bytes());
            message.extend(part.as_bytes());
        }
        message
    }
}

/// Forgets what was sent before: it is of no use any more.
pub(crate) fn forget(flow: &mut Flow) {
    flow.memory.remove(SENT);
}

/// What is on its way.
fn all_sent(flow: &Flow) -> Result<Vec<Sent>> {
    let Some(sent) = flow.memory.get(SENT) else { return Ok(Vec::new()) };
    serde_json::from_value(sent.clone()).map_err(|error| Problem::Bug(error.into()))
}

/// What somebody guesses at who brings a code.
pub fn guess(flow: &Flow) -> Result<Guess> {
    let whose = all_sent(flow)?.iter().map(|sent| Whose::of(sent.person(), &sent.value)).collect();
    Ok(Guess::at_code(flow, whose))
}

/// What the messages cost that are on their way. Nobody is known at an address that is not theirs yet.
pub(crate) fn cost(cx: &Cx<'_>, flow: &Flow) -> Result<Bill> {
    let is_theirs = crate::pending::of(flow)?.is_none();
    let sent = all_sent(flow)?;
    budgets::messages(cx, sent.iter().map(|sent| (sent.person().filter(|_| is_theirs), sent.value.as_str())))
}

/// The messages that are on their way, after what they cost.
fn counted(cx: &Cx<'_>, flow: &Flow, messages: Batch) -> Result<Batch> {
    let mut batch = cost(cx, flow)?.batch;
    batch.append(messages);
    Ok(batch)
}

/// Keeps a new secret in the flow, beside those for other addresses, and says it. `lifespan`: other than the usual.
pub(crate) fn prepare(
    cx: &Cx<'_>,
    flow: &mut Flow,
    sender: &dyn Sender,
    (identity, via, value): (IdentityId, Via, &str),
    lifespan: Option<Duration>,
) -> Result<(String, OffsetDateTime)> {
    let secret = sender.secret(cx.rng);
    let expires_at = cx.clock.now() + lifespan.unwrap_or_else(|| sender.lifespan(cx.snapshot));
    let mut sent = Sent { tag: String::new(), identity, via, value: value.to_owned(), version: 0, expires_at };
    let tag = cx.snapshot.keys.mac(PURPOSE, &sent.message(flow, sender, &secret));
    sent.tag = STANDARD_NO_PAD.encode(tag.ok_or_else(|| Problem::bug("there is no key for tags"))?);
    let mut all = all_sent(flow)?;
    all.push(sent);
    flow.memory.set(SENT, serde_json::to_value(&all).map_err(|error| Problem::Bug(error.into()))?);
    Ok((secret, expires_at))
}

/// Makes what was prepared last worth something only as long as the person stays as they are: whoever read somebody's mail
/// for a while must not come back after a recovery or a new password, by a secret that they had asked for before.
fn bind(flow: &mut Flow, version: i64) -> Result<()> {
    let mut all = all_sent(flow)?;
    if let Some(sent) = all.last_mut() {
        sent.version = version;
    }
    flow.memory.set(SENT, serde_json::to_value(&all).map_err(|error| Problem::Bug(error.into()))?);
    Ok(())
}

/// Sends a secret to addresses of that person, each one of its own, in place of any that was sent before.
pub fn send_to_all(
    cx: &Cx<'_>,
    flow: &mut Flow,
    sender: &dyn Sender,
    identity: &Identity,
    addresses: &[(Via, String)],
) -> Result<Batch> {
    forget(flow);
    let mut batch = Batch::new();
    for (via, value) in addresses {
        send(cx, flow, sender, identity, (*via, value), &mut batch)?;
    }
    counted(cx, flow, batch)
}

/// The same for addresses of somebody who is not known yet.
pub fn send_to_strangers(
    cx: &Cx<'_>,
    flow: &mut Flow,
    sender: &dyn Sender,
    addresses: &[(Via, String)],
) -> Result<Batch> {
    forget(flow);
    let mut batch = Batch::new();
    for (via, value) in addresses {
        let (via, to) = (*via, value.as_str());
        let (secret, expires_at) = prepare(cx, flow, sender, (IdentityId(Uuid::nil()), via, to), None)?;
        let (template, says) = sender.letter(cx, flow, &secret, via);
        let letter = Letter { template, via, to, identity: None, says, expires_at: Some(expires_at) };
        mail::queue(cx, &mut batch, flow, &letter)?;
    }
    counted(cx, flow, batch)
}

/// Sends a secret to an address of that person.
pub(crate) fn send(
    cx: &Cx<'_>,
    flow: &mut Flow,
    sender: &dyn Sender,
    identity: &Identity,
    (via, value): (Via, &str),
    batch: &mut Batch,
) -> Result<()> {
    let (secret, expires_at) = prepare(cx, flow, sender, (identity.id, via, value), None)?;
    if flow.kind() == Kind::Recovery {
        bind(flow, identity.version)?;
    }
    let (template, says) = sender.letter(cx, flow, &secret, via);
    let letter = Letter { template, via, to: value, identity: Some(identity), says, expires_at: Some(expires_at) };
    mail::queue(cx, batch, flow, &letter)
}

/// Asked to send a secret to an address: does it if somebody has that address, and answers as if somebody had.
pub async fn ask(cx: &Cx<'_>, flow: &mut Flow, sender: &dyn Sender, via: Via, typed: &str) -> Result<Step> {
    let kind = flow.kind();
    if kind == Kind::Recovery {
        gate::nobody(cx)?;
    }
    if let Detail::Recovery { by_admin: by_admin @ true, .. } = &mut flow.detail {
        gate::enabled(cx, kind)?;
        // Who asks for a code of their own goes on as everybody else.
        *by_admin = false;
        flow.csrf = cx.request.csrf.as_ref().map(crate::csrf::fingerprint);
    }
    flow.memory.set(ADDRESS, typed);
    forget(flow);
    let mut also = Batch::new();
    match recipient(cx, flow, via, typed).await? {
        Some((identity, value)) => {
            send(cx, flow, sender, &identity, (via, &value), &mut also)?;
            // Once, and not each time: whoever asks need not be the person, who must not lose races against them, nor
            // may a lost race tell that there is somebody.
            let is_new = |address: &VerifiableAddress| {
                address.via == via && address.value == value && address.status == AddressStatus::Pending
            };
            if kind == Kind::Verification && identity.verifiable_addresses.iter().any(is_new) {
                let mut to = identity.clone();
                mark(&mut to, via, &value, AddressStatus::Sent, cx.clock.now());
                rows::update(&mut also, &identity, &to);
            }
        }
        None => send_to_nobody(cx, flow, sender, via, typed, &mut also)?,
    }
    if flow.state == State::ChooseMethod {
        flow.state = State::SentEmail;
    }
    Ok(Step::Show { texts: vec![sender.sent(flow, via, typed)], also: counted(cx, flow, also)? })
}

/// Whoever has the address that was typed, with the address as it is kept. A change that waits for an address is sent
/// to that address only.
async fn recipient(cx: &Cx<'_>, flow: &Flow, via: Via, typed: &str) -> Result<Option<(Identity, String)>> {
    if let Some(pending) = crate::pending::of(flow)? {
        let identity = rows::find(cx.store, pending.identity).await?;
        return Ok(identity.map(|identity| (identity, pending.value)));
    }
    let value = normalize::identifier(typed);
    let found = match flow.kind() {
        Kind::Recovery => rows::find_by_recovery_address(cx.store, via, &value).await?,
        _ => rows::find_by_verifiable_address(cx.store, via, &value).await?,
    };
    Ok(found.map(|identity| (identity, value)))
}

/// The same work for an address that nobody has: a secret that nobody gets is kept, and a letter is written. It is sent
/// if the operator wants such addresses to be told, and only by mail, since short messages cost money.
fn send_to_nobody(
    cx: &Cx<'_>,
    flow: &mut Flow,
    sender: &dyn Sender,
    via: Via,
    typed: &str,
    batch: &mut Batch,
) -> Result<()> {
    let kind = flow.kind();
    prepare(cx, flow, sender, (IdentityId(Uuid::nil()), via, typed), None)?;
    let flows = &cx.snapshot.selfservice.flows;
    let is_told = match kind {
        Kind::Recovery => flows.recovery.notify_unknown_recipients,
        _ => flows.verification.notify_unknown_recipients,
    };
    let template = sender.letter_to_nobody(kind);
    let letter = Letter { template, via, to: typed, identity: None, says: serde_json::Map::new(), expires_at: None };
    let mut unsent = Batch::new();
    let is_sent = is_told && via == Via::Email && mail::is_deliverable(via, typed);
    mail::queue(cx, if is_sent { batch } else { &mut unsent }, flow, &letter)
}

/// What was sent, if this is the secret. Counts as a guess; too many end the flow.
pub fn check(cx: &Cx<'_>, flow: &mut Flow, sender: &dyn Sender, secret: &str) -> Result<Option<Sent>> {
    if let Some(most) = sender.guesses(cx.snapshot) {
        let guesses = flow.memory.get(GUESSES).and_then(Value::as_u64).unwrap_or_default() + 1;
        flow.memory.set(GUESSES, guesses);
        if guesses > most {
            let reason = "The code was wrong too often: ask for another one.";
            let starts_again = matches!(flow.kind(), Kind::Recovery | Kind::Verification);
            return Err(if starts_again { start_again(reason) } else { Problem::bad(reason) });
        }
    }
    let is_right = |sent: &Sent| {
        let tag = STANDARD_NO_PAD.decode(&sent.tag).unwrap_or_default();
        cx.snapshot.keys.verify_mac(PURPOSE, &sent.message(flow, sender, secret), &tag)
            && sent.expires_at > cx.clock.now()
    };
    Ok(all_sent(flow)?.into_iter().find(is_right))
}

/// Whether this is a secret that was sent. A wrong one counts as an attempt; a right one does not, as it is not used up.
pub fn is_right(cx: &Cx<'_>, flow: &mut Flow, sender: &dyn Sender, secret: &str) -> Result<bool> {
    let attempts = flow.memory.get(GUESSES).cloned();
    let is_right = check(cx, flow, sender, secret)?.is_some();
    match attempts {
        Some(attempts) if is_right => flow.memory.set(GUESSES, attempts),
        None if is_right => flow.memory.remove(GUESSES),
        _ => {}
    }
    Ok(is_right)
}

/// Whether one of the secrets on their way was sent to that identity.
pub fn is_sent_to(flow: &Flow, identity: IdentityId) -> Result<bool> {
    Ok(all_sent(flow)?.iter().any(|sent| sent.person() == Some(identity)))
}

/// When what was sent ends, for links that tell an old one from a wrong one.
pub fn expired_at(cx: &Cx<'_>, flow: &Flow) -> Option<OffsetDateTime> {
    let sent = all_sent(flow).ok()?;
    sent.first().map(|sent| sent.expires_at).filter(|at| *at <= cx.clock.now())
}

/// Ends the flow with a reason of its own.
pub fn start_again(reason: &'static str) -> Problem {
    Problem::start_again(catalog::invalid(reason))
}

/// The person whose address it was when the secret was sent, before and after the proof; none if they are gone or have
/// another address by now, or, in a recovery, have changed in anything. In a recovery an address counts as proven, too, unless an administrator handed the secret
/// over.
pub async fn proven(cx: &Cx<'_>, flow: &Flow, sent: &Sent) -> Result<Option<(Identity, Identity)>> {
    let Some(from) = rows::find_with_credentials(cx.store, sent.identity).await? else { return Ok(None) };
    let mut to = from.clone();
    let at = |via: Via, value: &str| via == sent.via && value == sent.value;
    let has = match flow.detail {
        Detail::Recovery { by_admin: true, .. } => return Ok(Some((from, to))),
        // Who is switched off is told so by the end of the flow.
        Detail::Recovery { .. } if sent.version != from.version && from.state == identity::State::Active => false,
        Detail::Recovery { .. } => from.recovery_addresses.iter().any(|address| at(address.via, &address.value)),
        Detail::Login { .. } if takes_codes_at(&from, sent.via, &sent.value) => true,
        _ => from.verifiable_addresses.iter().any(|address| at(address.via, &address.value)),
    };
    if !has {
        return Ok(None);
    }
    mark(&mut to, sent.via, &sent.value, AddressStatus::Completed, cx.clock.now());
    Ok(Some((from, to)))
}

/// Whether the person's credential for codes names that address.
fn takes_codes_at(identity: &Identity, via: Via, value: &str) -> bool {
    identity.credential(CredentialType::Code).is_some_and(|code| {
        identities::code_addresses(code).iter().any(|address| address.0 == via && address.1 == value)
    })
}

/// What a right secret shows in a verification; nothing if the address is not the person's any more.
pub async fn confirm(cx: &Cx<'_>, flow: &Flow, sent: &Sent) -> Result<Option<Step>> {
    let proven = if crate::pending::of(flow)?.is_some() {
        crate::pending::apply(cx, flow, sent).await?
    } else {
        proven(cx, flow, sent).await?
    };
    let confirmed = |(from, to)| Step::Confirm { from: Box::new(from), to: Box::new(to), via: sent.via };
    Ok(proven.map(confirmed))
}

/// Sets how far an address has come. One that is proven stays so.
pub(crate) fn mark(identity: &mut Identity, via: Via, value: &str, status: AddressStatus, now: OffsetDateTime) {
    let mut addresses = identity.verifiable_addresses.iter_mut();
    let Some(address) = addresses.find(|address| address.via == via && address.value == value) else { return };
    address.status = status;
    address.updated_at = now;
    if status == AddressStatus::Completed {
        address.verified = true;
        address.verified_at = Some(now);
    }
    identity.updated_at = now;
}

/// A verification of one of the person's addresses, begun on the way by another flow: made, drawn and sent as if they
/// had asked for it. `identity` is marked; it and the flow are for the caller to write.
pub(crate) async fn begin_verification(
    engine: &crate::Engine,
    cx: &Cx<'_>,
    parent: &Flow,
    identity: &mut Identity,
    (via, value): (Via, &str),
    batch: &mut Batch,
) -> Result<Flow> {
    let mut flow = crate::begin::verification_after(cx, parent);
    let sender = engine.verifier(cx)?;
    flow.memory.set(ADDRESS, value);
    flow.memory.set(CHANNEL, via.as_str());
    flow.state = State::SentEmail;
    // What begins it must not fail because too much has been sent there already.
    let mut unsent = Batch::new();
    let is_sent = budgets::may_send(cx, value, batch).await?;
    send(cx, &mut flow, sender, identity, (via, value), if is_sent { batch } else { &mut unsent })?;
    mark(identity, via, value, AddressStatus::Sent, cx.clock.now());
    flow.ui.messages = vec![sender.sent(&flow, via, value)];
    crate::draw::draw(cx, &engine.methods, &mut flow, &crate::ask::Question::Verify).await?;
    Ok(flow)
}

/// Memory: the channel after which the button that sends again is called.
///
/// Quirk: in a verification that a hook began it is called `sms` for phone numbers, else always `email` (Kratos
/// selfservice/hook/verification.go).
const CHANNEL: &str = "channel";

/// The name of the button that sends again.
pub fn resend_name(flow: &Flow) -> &'static str {
    if flow.memory.text(CHANNEL) == Some(Via::Sms.as_str()) { "sms" } else { "email" }
}
