//! The sockets: what a [`Method`] and a [`Hook`](crate::hooks::Hook) are given, and what they give back.
//!
//! A method proves, the engine decides, the web answers. So a method returns a [`Step`] – a fact – and the engine
//! makes an [`Outcome`] of it, which only the web crate turns into HTTP.

use crate::{audit::Actor, budgets::Guess, compiled::Compiled, csrf, input::Input};
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use zelos_core::{
    clock::Clock,
    continue_with::ContinueWith,
    flow::{Channel, Flow, Kind},
    id::{DeviceId, IdentityId},
    identity::{Credential, CredentialType, Identity, Via},
    message::TemplateType,
    outbound::Outbound,
    problem::{Problem, Result},
    rng::Rng,
    schema::{Derived, PayloadSchema},
    session::{Aal, AuthenticationMethod, Device, Person, Session, SessionToken, Strength},
    snapshot::Snapshot,
    text::Text,
    ui::{Group, Node},
};
use zelos_store::{Batch, Store};

/// Everything a rule may look at while it answers one request.
#[derive(Clone, Copy)]
pub struct Cx<'a> {
    /// The configuration this request began with.
    pub snapshot: &'a Arc<Compiled>,
    pub store: &'a Store,
    /// Every method there is: what a person has left is for all of them to say.
    pub methods: &'a [Box<dyn Method>],
    pub clock: &'a dyn Clock,
    pub rng: &'a dyn Rng,
    pub outbound: &'a dyn Outbound,
    /// Who is signed in, once the gate has looked.
    pub session: Option<&'a Current>,
    pub request: &'a Request,
}

impl std::fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cx").field("request", self.request).finish_non_exhaustive()
    }
}

/// What the rules need to know of a request.
#[derive(Clone, Default)]
pub struct Request {
    /// The address asked for, as the visitor sees it, query included.
    pub url: String,
    pub ip_address: String,
    pub user_agent: String,
    /// Who asks, for the audit log.
    pub actor: Actor,
    /// `city, country`, if a trusted proxy said so.
    pub location: String,
    /// The session token that came with it: not yet looked up.
    pub token: Option<SessionToken>,
    /// The anti-CSRF secret of the browser.
    pub csrf: Option<csrf::Secret>,
    /// Those of further cookies of the same name.
    pub csrf_also: Vec<csrf::Secret>,
    /// Who has signed in with this browser before, and how much they showed.
    pub known: Vec<(IdentityId, Aal)>,
    /// Whether any cookie came along.
    pub has_cookies: bool,
    /// Whether a cookie came along that no reverse proxy is known to add.
    pub has_foreign_cookies: bool,
    /// Whether an `Origin` header came along: browsers send it, native apps do not.
    pub has_origin: bool,
    /// A link was opened, from a mail perhaps, instead of a form sent: whoever opened it is a browser, whatever the flow
    /// was made for, and shows no token.
    pub is_link: bool,
    /// The headers that mails and hooks may see; only submissions have them.
    pub headers: Map<String, Value>,
}

/// Neither the secret of the browser nor the query, which holds codes and tokens, is shown.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Request").field("url", &url).field("ip_address", &self.ip_address).finish_non_exhaustive()
    }
}

impl Request {
    /// The address alone: whoever connects without a proxy in between is known with their port.
    pub fn ip(&self) -> Option<IpAddr> {
        let connected = || self.ip_address.parse::<SocketAddr>().ok().map(|address| address.ip());
        self.ip_address.parse().ok().or_else(connected)
    }

    /// The device of a session that begins with this request.
    pub fn device(&self, id: DeviceId) -> Device {
        Device {
            id,
            ip_address: self.ip_address.clone(),
            user_agent: self.user_agent.chars().take(512).collect(),
            location: self.location.clone(),
        }
    }

    /// What kind of client gets the answer to a request for that flow.
    pub fn channel(&self, flow: &Flow) -> Channel {
        if self.is_link { Channel::Browser } else { flow.channel }
    }

    /// The same request with that one of its anti-CSRF secrets which belongs to the token, or else to the flow; none if it
    /// is the first already.
    pub(crate) fn recognised(&self, flow: &Flow, token: &str) -> Option<Self> {
        let first = self.csrf.filter(|_| !self.csrf_also.is_empty())?;
        let mut secrets = std::iter::once(first).chain(self.csrf_also.iter().copied());
        let made_flow = |secret: &csrf::Secret| flow.csrf.as_deref() == Some(csrf::fingerprint(secret).as_str());
        let found = secrets.clone().find(|secret| csrf::verify(secret, token)).or_else(|| secrets.find(made_flow))?;
        (found != first).then(|| Self { csrf: Some(found), ..self.clone() })
    }

    /// The same request by a browser that gets a new anti-CSRF secret with the answer: what was prepared before must
    /// not work afterwards, what is drawn now must.
    #[must_use]
    pub fn renewed(&self, rng: &dyn Rng) -> Self {
        Self { csrf: Some(csrf::generate(rng)), ..self.clone() }
    }
}

/// Whoever is signed in.
#[derive(Debug, Clone)]
pub struct Current {
    pub session: Session,
    pub person: Person,
    pub token: SessionToken,
}

/// The one question asked of every method when a form is drawn.
#[derive(Debug, Clone, Copy)]
pub enum Ask<'a> {
    /// Login: who are you, and prove it.
    FirstFactor,
    /// Login in two steps: who are you?
    Identify,
    /// Login in two steps: prove that you are the one called so. No hint: the person is not to be looked at.
    Known { hint: Option<&'a Identity>, identifier: &'a str },
    /// Login although signed in: prove yourself again.
    Reauth { of: &'a Identity },
    /// Login: prove a second thing.
    SecondFactor { of: &'a Identity, refresh: bool },
    /// Registration on one page.
    Register,
    /// Registration in two steps: tell about yourself. Values told before are shown again.
    RegisterTraits { traits: Option<&'a serde_json::Value> },
    /// Registration in two steps: choose how you will sign in.
    RegisterCredential { traits: &'a serde_json::Value },
    /// Settings.
    Change { of: &'a Identity },
    /// Login, registration: what was sent to you? Traits told before are kept.
    Sent { traits: Option<&'a serde_json::Value> },
    /// Recovery: which address is yours, and what was sent there?
    Recover,
    /// Verification: the same.
    Verify,
}

/// A way to prove or to change something.
#[async_trait]
pub trait Method: Send + Sync {
    /// The wire's value of `method`.
    fn id(&self) -> &'static str;

    /// The group of its nodes.
    fn group(&self) -> Group;

    /// Whether the configuration offers it for that kind of flow.
    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool;

    /// Whether a submission is addressed to it (enabled or not).
    fn claims(&self, cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool;

    /// Whether a link with these members is one of its own.
    fn follows(&self, _cx: &Cx<'_>, _flow: &Flow, _input: &Input) -> bool {
        false
    }

    /// What a submission to it must look like.
    fn payload(&self, kind: Kind) -> &'static PayloadSchema;

    /// Settings: whether the change needs a fresh proof.
    fn is_privileged(&self, _cx: &Cx<'_>, _of: &Identity, _input: &Input) -> bool {
        false
    }

    /// Whether a submission must carry the anti-CSRF token.
    fn needs_csrf(&self, _flow: &Flow, _input: &Input) -> bool {
        true
    }

    /// The type of credential that it reads and writes, if any.
    fn credential(&self) -> Option<CredentialType> {
        None
    }

    /// How many factors a credential of its type amounts to, which that identity has.
    fn strength(&self, _snapshot: &Snapshot, _of: IdentityId, _credential: &Credential) -> Strength {
        Strength::NONE
    }

    /// How it lets an address prove itself, if it can.
    fn sender(&self) -> Option<&dyn Sender> {
        None
    }

    /// The stored form of a credential that an administrator imports for that identity, which may have one already.
    async fn import(&self, _cx: &Cx<'_>, _config: &Value, _of: &Identity) -> Result<Value> {
        Err(Problem::bad(format!("Credentials of type {} cannot be imported.", self.id())))
    }

    /// Its nodes for that question; none if it has nothing to offer. It may keep secrets in `flow.memory`.
    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>>;

    /// What it does without being asked, where the form that puts this question offers nothing but its own way: sends a
    /// code to the one address there is, say. The flow moves on then, or nothing happens.
    async fn unasked(&self, _cx: &Cx<'_>, _flow: &mut Flow, _ask: &Ask<'_>) -> Result<Option<Step>> {
        Ok(None)
    }

    /// Judges a submission: what has been shown to be true?
    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step>;
}

/// A way to let an address prove itself: a secret goes there by mail or SMS, and comes back. What is common to them –
/// whom to ask, what is kept, how often one may guess – is in [`proofs`](crate::proofs).
pub trait Sender: Send + Sync {
    /// The method whose secrets these are, by the wire's name.
    fn method(&self) -> &'static str;

    /// A new secret.
    fn secret(&self, rng: &dyn Rng) -> String;

    /// How long it is good for.
    fn lifespan(&self, snapshot: &Snapshot) -> Duration;

    /// How many guesses a flow bears; none for secrets that cannot be guessed.
    fn guesses(&self, snapshot: &Snapshot) -> Option<u64>;

    /// The letter that carries it: which one, and what it says, by the wire's names.
    fn letter(&self, cx: &Cx<'_>, flow: &Flow, secret: &str, via: Via) -> (TemplateType, Map<String, Value>);

    /// The letter to an address that nobody has.
    fn letter_to_nobody(&self, kind: Kind) -> TemplateType;

    /// The words above the form when it is on its way.
    fn sent(&self, flow: &Flow, via: Via, to: &str) -> Text;

    /// The words for a secret that is not the right one.
    fn wrong(&self, kind: Kind) -> Text;
}

/// What a submission showed to be true. The engine checks that it fits the kind of flow.
#[derive(Debug)]
pub enum Step {
    /// The flow moved on: draw again, with these words above the form. `also` is written together with the flow.
    Show { texts: Vec<Text>, also: Batch },
    /// A guess was wrong: it is counted. The flow goes on with these words above the form, or something is refused.
    Wrong { guess: Guess, says: Result<Vec<Text>> },
    /// The flow moved on and stays open; the caller goes on at that address, as a browser, and finds these words above the
    /// form.
    Leave { to: String, texts: Vec<Text> },
    /// Login, recovery: this person proved themselves so. `from`: as they were read, `to`: as they are now, both with all
    /// their credentials, as what they can reach is worked out anew.
    Prove { from: Box<Identity>, to: Box<Identity>, by: AuthenticationMethod },
    /// Registration: this person may be created.
    Create { draft: Box<Draft>, by: AuthenticationMethod },
    /// Settings: the identity as it was read and as it shall be. `by`: something new was proved by the way.
    Change { from: Box<Identity>, to: Box<Identity>, by: Option<AuthenticationMethod> },
    /// Verification: an address is the person's.
    Confirm { from: Box<Identity>, to: Box<Identity>, via: Via },
}

impl Step {
    /// The flow moved on, and there is nothing to say about it.
    pub fn show() -> Self {
        Self::Show { texts: Vec::new(), also: Batch::new() }
    }

    /// The flow moved on, with a word about it.
    pub fn say(text: Text) -> Self {
        Self::Show { texts: vec![text], also: Batch::new() }
    }

    /// A guess was wrong, and this is said about it.
    pub fn wrong(guess: Guess, text: Text) -> Self {
        Self::Wrong { guess, says: Ok(vec![text]) }
    }

    /// Its name, for messages about a step that does not fit.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Show { .. } => "Show",
            Self::Wrong { .. } => "Wrong",
            Self::Leave { .. } => "Leave",
            Self::Prove { .. } => "Prove",
            Self::Create { .. } => "Create",
            Self::Change { .. } => "Change",
            Self::Confirm { .. } => "Confirm",
        }
    }
}

/// Somebody who is about to be created.
#[derive(Debug, Clone)]
pub struct Draft {
    pub schema_id: String,
    /// What the schema made of the traits.
    pub derived: Derived,
    /// The credential that was chosen: its type and `config`.
    pub credential: (CredentialType, serde_json::Value),
    /// Addresses that have been shown to be theirs on the way.
    pub proven: Vec<(Via, String)>,
}

/// What happens to the caller.
#[derive(Debug)]
pub enum Outcome {
    /// The form is shown (again). Settings show the person, too.
    Render { flow: Box<Flow>, person: Option<Box<Person>>, why: Why },
    /// The caller has to go on elsewhere, as a browser: a second proof is due, or the settings are. A browser has got a
    /// session; a native app is given none this way.
    Elsewhere { to: String, issued: Option<Box<Issued>>, csrf: Option<csrf::Secret> },
    /// A change waits for something that its person has to do first; the form stays, and tells what (`continue_with`).
    Held { flow: Box<Flow>, person: Box<Person> },
    /// The flow has done what it is for.
    Continue(Box<Completed>),
    /// A login was submitted by somebody signed in: clients that read JSON get the form with a word about it, pages
    /// go on.
    AlreadySignedIn { flow: Box<Flow>, to: String },
}

impl Outcome {
    /// What became of a submission, for operators.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Render { why, .. } => why.name(),
            Self::Elsewhere { issued: None, .. } => "left",
            Self::Elsewhere { .. } | Self::Continue(_) => "completed",
            Self::Held { .. } => "held",
            Self::AlreadySignedIn { .. } => "invalid",
        }
    }
}

/// Why a form is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Created,
    /// The next screen of the same flow.
    Advanced,
    /// Something was refused.
    Invalid,
    /// It was tried too often; after that time it may be tried again.
    Exhausted {
        retry_after: Duration,
    },
}

impl Why {
    /// The same, for operators.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Advanced => "advanced",
            Self::Invalid => "invalid",
            Self::Exhausted { .. } => "exhausted",
        }
    }
}

/// What a finished flow hands to its caller.
#[derive(Debug)]
pub struct Completed {
    pub flow: Flow,
    /// Registration shows the person it made, settings the one it changed.
    pub identity: Option<Identity>,
    pub issued: Option<Issued>,
    /// The new anti-CSRF secret of the browser, if it gets one.
    pub csrf: Option<csrf::Secret>,
    /// Hints for clients, in order, without those that only a kind of client gets.
    pub next: Vec<ContinueWith>,
    /// Where a browser goes.
    pub to: String,
    /// Where a page goes before that. Scripts and native apps find it in `next`.
    pub detour: Option<String>,
}

/// A session for the caller to keep.
#[derive(Debug)]
pub struct Issued {
    pub session: Session,
    pub token: SessionToken,
    /// The person as shown beside it; none while more proof is due.
    pub person: Option<Person>,
}
