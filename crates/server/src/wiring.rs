//! Where the parts meet: the only file that names concrete methods and hooks.

use crate::outbound::Observed;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha512};
use std::{sync::Arc, thread::available_parallelism};
use zelos_core::{clock::Clock, measure::Measures, outbound::Outbound, rng::Rng};
use zelos_courier::{Courier, dispatch::Current};
use zelos_flow::{
    Compiled, Engine, Method,
    engine::Parts,
    hooks::{
        Hooks, IssueSession, NotifyPreviousAddresses, RequireVerifiedAddress, RevokeActiveSessions, ShowVerificationUi,
        Verification, VerifyNewAddress,
    },
};
use zelos_method::{
    code::Code, identifier_first::IdentifierFirst, link::Link, lookup_secret::LookupSecret, passkey::Passkey,
    password::Password, profile::Profile, totp::Totp, webauthn::Webauthn,
};
use zelos_store::Store;
use zelos_web::pages::Pages;

/// For commands that measure what passwords cost.
pub(crate) use zelos_method::password::{hash::Hasher as PasswordHasher, pool::HashPool};

/// What an engine is given by its surroundings: the real ones, or those of a test.
pub struct Surroundings {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub outbound: Arc<dyn Outbound>,
    /// Of the script that talks to security keys: see [`script_integrity`].
    pub script_integrity: String,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("store", &self.store).finish_non_exhaustive()
    }
}

/// An engine with every method and hook there is.
///
/// # Errors
/// The threads that hash passwords cannot be started.
pub fn engine(snapshot: Compiled, surroundings: Surroundings) -> std::io::Result<Arc<Engine>> {
    Ok(Arc::new(Engine::new(parts(snapshot, surroundings)?)))
}

/// What the engine is made of. Methods are asked in this order, and so stand their nodes.
///
/// # Errors
/// The threads that hash passwords cannot be started.
pub fn parts(snapshot: Compiled, surroundings: Surroundings) -> std::io::Result<Parts> {
    let Surroundings { store, clock, rng, outbound, script_integrity } = surroundings;
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let settings = &snapshot.hashers.pool;
    let measures = Arc::new(Measures::default());
    let threads = usize::try_from(settings.threads).unwrap_or_default();
    let pool = HashPool::start(threads, *settings.max_wait, Arc::clone(&measures))?;
    let outbound = Arc::new(Observed { inner: outbound, measures: Arc::clone(&measures) });
    let methods: Vec<Box<dyn Method>> = vec![
        Box::new(Profile),
        Box::new(Password::new(Arc::new(pool), &*rng, cores)),
        Box::new(Code),
        Box::new(Link),
        Box::new(Totp),
        Box::new(Passkey::new(script_integrity.clone())),
        Box::new(Webauthn::new(script_integrity)),
        Box::new(LookupSecret),
        Box::new(IdentifierFirst),
    ];
    let hooks: Hooks = vec![
        Box::new(VerifyNewAddress),
        Box::new(Verification),
        Box::new(RequireVerifiedAddress),
        Box::new(RevokeActiveSessions),
        Box::new(NotifyPreviousAddresses),
        Box::new(ShowVerificationUi),
        Box::new(IssueSession),
    ];
    Ok(Parts { snapshot, store, clock, rng, outbound, methods, hooks, measures })
}

/// How a browser knows the script again that talks to security keys: the built-in one, or the operator's.
pub fn script_integrity(pages: &Pages) -> String {
    let script = pages.asset("webauthn.js").map(|(_, script)| script).unwrap_or_default();
    format!("sha512-{}", STANDARD.encode(Sha512::digest(script)))
}

/// The courier that delivers what the engine queues, by the configuration that the engine has at the moment.
pub fn courier(engine: &Arc<Engine>) -> Arc<Courier> {
    let (store, clock, rng) = (engine.store.clone(), engine.clock.clone(), engine.rng.clone());
    let (outbound, measures) = (engine.outbound.clone(), engine.measures.clone());
    let engine = Arc::clone(engine);
    let look = Box::new(move || {
        let snapshot = engine.snapshot();
        let courier = &snapshot.courier;
        Current {
            letters: snapshot.letters.clone(),
            channels: snapshot.channels.clone(),
            retries: courier.message_retries,
            at_once: usize::try_from(courier.worker.pull_count).unwrap_or(usize::MAX).max(1),
            pause: snapshot.pull_wait(),
            skip_expired: courier.delivery.skip_expired,
        }
    });
    Arc::new(Courier { store, clock, rng, outbound, look, measures })
}
