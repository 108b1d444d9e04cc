//! Passwords: what they must be like ([`policy`]), how they are kept ([`hash`]), and who does that work ([`pool`]).
//!
//! [`Password`] is the method; `login`, `register` and `change` are what it does in each kind of flow. `import` takes what
//! an administrator brings along, `migrate` asks for passwords that nobody could bring along.

pub mod common;
pub mod hash;
pub mod policy;
pub mod pool;

mod change;
mod import;
mod login;
mod migrate;
mod register;

use self::{
    hash::{HashError, Hasher},
    migrate::is_elsewhere,
    policy::{BreachCache, Policy, Verdict},
    pool::{HashPool, PoolError},
};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use zelos_core::{
    flow::{Detail, Flow, Kind},
    id::IdentityId,
    identity::{Credential, CredentialType, Identity},
    problem::{Problem, Result},
    rng::Rng,
    schema::PayloadSchema,
    session::{Aal, AuthenticationMethod, MethodName, Strength},
    snapshot::Snapshot,
    text::{Text, catalog},
    ui::{Group, InputType, Node},
};
use zelos_flow::{Ask, Cx, Input, Method, Step};

static LOGIN: LazyLock<PayloadSchema> = LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/login.json")));
static REGISTRATION: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/registration.json")));
static SETTINGS: LazyLock<PayloadSchema> =
    LazyLock::new(|| PayloadSchema::embedded(include_str!("schema/settings.json")));

/// The method.
#[derive(Debug)]
pub struct Password {
    pool: Arc<HashPool>,
    breaches: BreachCache,
    cores: usize,
}

impl Password {
    /// The method, with the pool that hashes for it. `cores` sets how parallel argon2 is by default.
    pub fn new(pool: Arc<HashPool>, rng: &dyn Rng, cores: usize) -> Self {
        Self { pool, breaches: BreachCache::new(rng), cores }
    }

    fn hasher(&self, snapshot: &Snapshot) -> Hasher {
        Hasher::new(snapshot, self.cores)
    }

    /// Judges a new password of somebody who is called so.
    async fn check_policy(&self, cx: &Cx<'_>, password: &str, identifiers: &[&str]) -> Result<()> {
        let policy = Policy {
            config: &cx.snapshot.selfservice.methods.password.config,
            max_length: self.hasher(cx.snapshot).max_length(),
            breaches: &self.breaches,
            outbound: cx.outbound,
            clock: cx.clock,
        };
        let verdict = policy.judge(password, identifiers).await.map_err(|error| {
            // What it runs into is the operator's business: it may name machines within.
            tracing::warn!(%error, "a password could not be looked up");
            Problem::Upstream("The list of leaked passwords cannot be asked at the moment.".to_owned())
        })?;
        refusal(&verdict).map_or(Ok(()), |text| Err(Problem::field("password", text)))
    }

    /// The stored form of a new password.
    async fn hashed(&self, cx: &Cx<'_>, password: &str) -> Result<Value> {
        let hashed = self.pool.hash(self.hasher(cx.snapshot), password, cx.rng).await.map_err(problem)?;
        Ok(json!({ "hashed_password": hashed }))
    }
}

#[async_trait]
impl Method for Password {
    fn id(&self) -> &'static str {
        "password"
    }

    fn group(&self) -> Group {
        Group::Password
    }

    fn is_enabled(&self, snapshot: &Snapshot, kind: Kind) -> bool {
        matches!(kind, Kind::Login | Kind::Registration | Kind::Settings)
            && snapshot.selfservice.methods.password.enabled
    }

    /// A password is no second factor.
    fn claims(&self, _cx: &Cx<'_>, flow: &Flow, input: &Input) -> bool {
        let second = matches!(flow.detail, Detail::Login { requested_aal: Aal::Aal2, .. });
        input.method() == self.id() && !second
    }

    fn payload(&self, kind: Kind) -> &'static PayloadSchema {
        match kind {
            Kind::Registration => &REGISTRATION,
            Kind::Settings => &SETTINGS,
            _ => &LOGIN,
        }
    }

    fn is_privileged(&self, _cx: &Cx<'_>, _of: &Identity, _input: &Input) -> bool {
        true
    }

    fn credential(&self) -> Option<CredentialType> {
        Some(CredentialType::Password)
    }

    fn strength(&self, snapshot: &Snapshot, _of: IdentityId, credential: &Credential) -> Strength {
        if is_usable(snapshot, credential) { Strength::FIRST } else { Strength::NONE }
    }

    async fn import(&self, cx: &Cx<'_>, config: &Value, _of: &Identity) -> Result<Value> {
        self.imported(cx, config).await
    }

    async fn form(&self, cx: &Cx<'_>, flow: &mut Flow, ask: &Ask<'_>) -> Result<Vec<Node>> {
        Ok(match ask {
            Ask::FirstFactor => {
                let mut nodes = vec![login::identifier(cx, flow)?];
                nodes.extend(self.nodes("current-password", catalog::sign_in_with_password()));
                nodes
            }
            Ask::Known { hint, .. } if hint.is_none_or(|of| usable(cx.snapshot, of).is_some()) => {
                self.nodes("current-password", catalog::sign_in_with_password())
            }
            Ask::Reauth { of } => match usable(cx.snapshot, of) {
                Some(credential) => {
                    let mut nodes = vec![login::hidden_identifier(credential)];
                    nodes.extend(self.nodes("current-password", catalog::confirm_sign_in()));
                    nodes
                }
                None => Vec::new(),
            },
            Ask::Register | Ask::RegisterCredential { .. } => self.nodes("new-password", catalog::sign_up()),
            Ask::Change { .. } => self.nodes("new-password", catalog::save()),
            _ => Vec::new(),
        })
    }

    async fn submit(&self, cx: &Cx<'_>, flow: &mut Flow, input: &Input) -> Result<Step> {
        match flow.kind() {
            Kind::Registration => self.register(cx, flow, input).await,
            Kind::Settings => self.change(cx, flow, input).await,
            _ => self.login(cx, flow, input).await,
        }
    }
}

impl Password {
    fn nodes(&self, autocomplete: &'static str, button: Text) -> Vec<Node> {
        let password = Node::input(Group::Password, "password", InputType::Password).required();
        vec![
            password.with_autocomplete(autocomplete).with_label(catalog::password_label()),
            Node::submit(Group::Password, "method", self.id(), button),
        ]
    }
}

/// What a password proves.
fn proof(cx: &Cx<'_>) -> AuthenticationMethod {
    AuthenticationMethod::new(MethodName::Password, Aal::Aal1, cx.clock.now())
}

/// The stored hash; none while the credential only names the person.
fn hash_of(credential: &Credential) -> Option<&str> {
    credential.config.get("hashed_password").and_then(Value::as_str).filter(|hash| !hash.is_empty())
}

/// Whether somebody can be called so, and sign in: with a hash, or by asking where the password is.
fn is_usable(snapshot: &Snapshot, credential: &Credential) -> bool {
    let migrates = snapshot.selfservice.methods.password.config.migrate_hook.enabled;
    let has_password = hash_of(credential).is_some() || (migrates && is_elsewhere(credential));
    has_password && credential.identifiers.iter().any(|name| !name.is_empty())
}

fn usable<'a>(snapshot: &Snapshot, of: &'a Identity) -> Option<&'a Credential> {
    of.credential(CredentialType::Password).filter(|credential| is_usable(snapshot, credential))
}

/// The text for a password that is refused.
fn refusal(verdict: &Verdict) -> Option<Text> {
    Some(match verdict {
        Verdict::Fine => return None,
        Verdict::TooShort { min_length, actual_length } => {
            catalog::password_too_short(*min_length as u64, *actual_length as u64)
        }
        Verdict::TooLong { max_length, actual_length } => {
            catalog::password_too_long(*max_length as u64, *actual_length as u64)
        }
        Verdict::Common => catalog::password_common(),
        Verdict::TooSimilar => catalog::password_like_identifier(),
        Verdict::Breached { breaches } => catalog::password_breached(breaches.unsigned_abs()),
    })
}

/// How callers see that a hash could not be computed.
fn problem(error: PoolError) -> Problem {
    match error {
        PoolError::Busy { retry_after } => Problem::Busy { retry_after },
        PoolError::Hash(HashError::TooLong { max_length, actual_length }) => {
            Problem::field("password", catalog::password_too_long(max_length as u64, actual_length as u64))
        }
        other => Problem::bug(other),
    }
}
