//! Where the parts meet: the only file that names concrete methods and hooks.

use std::{sync::Arc, thread::available_parallelism};
use zelos_core::{clock::Clock, outbound::Outbound, rng::Rng};
use zelos_courier::{
    Courier,
    dispatch::{Counts, Current},
};
use zelos_flow::{
    Compiled, Engine, Method,
    engine::Parts,
    hooks::{
        Hooks, IssueSession, NotifyPreviousAddresses, RequireVerifiedAddress, RevokeActiveSessions, ShowVerificationUi,
        Verification, VerifyNewAddress,
    },
};
use zelos_method::{
    code::Code, identifier_first::IdentifierFirst, link::Link, lookup_secret::LookupSecret, password::Password,
    profile::Profile, totp::Totp,
};
use zelos_store::Store;

/// For commands that measure what passwords cost.
pub(crate) use zelos_method::password::{hash::Hasher as PasswordHasher, pool::HashPool};

/// What an engine is given by its surroundings: the real ones, or those of a test.
pub struct Surroundings {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub outbound: Arc<dyn Outbound>,
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
    let Surroundings { store, clock, rng, outbound } = surroundings;
    let cores = available_parallelism().map_or(1, std::num::NonZero::get);
    let settings = &snapshot.hashers.pool;
    let pool = HashPool::start(usize::try_from(settings.threads).unwrap_or_default(), *settings.max_wait)?;
    let methods: Vec<Box<dyn Method>> = vec![
        Box::new(Profile),
        Box::new(Password::new(Arc::new(pool), &*rng, cores)),
        Box::new(Code),
        Box::new(Link),
        Box::new(Totp),
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
    Ok(Parts { snapshot, store, clock, rng, outbound, methods, hooks })
}

/// The courier that delivers what the engine queues, by the configuration that the engine has at the moment.
pub fn courier(engine: &Arc<Engine>) -> Arc<Courier> {
    let (store, clock, rng, outbound) =
        (engine.store.clone(), engine.clock.clone(), engine.rng.clone(), engine.outbound.clone());
    let engine = Arc::clone(engine);
    let look = Box::new(move || {
        let snapshot = engine.snapshot();
        let courier = &snapshot.courier;
        Current {
            letters: snapshot.letters.clone(),
            channels: snapshot.channels.clone(),
            retries: courier.message_retries,
            at_once: usize::try_from(courier.worker.pull_count).unwrap_or(usize::MAX).max(1),
            pause: *courier.worker.pull_wait,
        }
    });
    Arc::new(Courier { store, clock, rng, outbound, look, counts: Counts::default() })
}
