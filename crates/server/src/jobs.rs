//! What the server does by itself: deleting what has expired, a little at a time, so that no request waits behind it, and
//! building the index of traits when schemas have changed; and fetching what lies elsewhere.
//!
//! Of several instances on one database one does the first of these, by a lease; the others look from time to time whether it still does.

use crate::listen::Ending;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use uuid::Uuid;
use zelos_flow::Engine;
use zelos_store::{cleanup, leases, trait_index};

/// The shortest pause between two rounds; the longest is twice as long.
const PAUSE: Duration = Duration::from_mins(1);

/// The lease for it, and how long it holds: longer than any batch takes.
const WORK: &str = "sweep";
const LEASE: Duration = Duration::from_mins(5);

/// How many rows of a table one batch deletes.
const BATCH: usize = 500;

/// So long after its end a session can still be looked at by an administrator.
const KEEP_SESSIONS: Duration = Duration::from_hours(24);

/// So long an error is kept for the page that shows it.
const KEEP_ERRORS: Duration = Duration::from_hours(24);

/// So long a message is kept after it was queued, for administrators to look at: its body holds a code or a link, if
/// only one that has expired.
const KEEP_MESSAGES: Duration = Duration::from_hours(30 * 24);

/// For each moment of work in a round, so many of rest; and the shortest rest. So whoever signs in finds the database free
/// most of the time, and a million flows are gone within minutes.
const REST: u32 = 3;
const SHORTEST_REST: Duration = Duration::from_millis(5);

/// Deletes what has expired until the server ends.
pub(crate) async fn sweep(engine: Arc<Engine>, mut ending: Ending) {
    let owner = Uuid::from_bytes(engine.rng.bytes());
    let work = async {
        loop {
            let share = u32::from(engine.rng.bytes::<1>()[0]);
            sleep(PAUSE + PAUSE * share / 256).await;
            round(&engine, owner).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = ending.wait_for(|ends| *ends) => {}
    }
}

/// How often the index of traits is compared with what the schemas declare.
const LOOK_AT_INDEX: Duration = Duration::from_secs(5);

/// Builds the index of traits when the schemas declare another one than was built, until the server ends. Whoever of
/// several instances comes late finds it done; two at once do no harm.
pub(crate) async fn index(engine: Arc<Engine>, mut ending: Ending) {
    let work = async {
        loop {
            match index_once(&engine).await {
                Ok(Some(people)) => tracing::info!(people, "the index of traits is what the schemas declare"),
                Ok(None) => {}
                Err(error) => tracing::debug!(%error, "the index of traits could not be built; later"),
            }
            sleep(LOOK_AT_INDEX).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = ending.wait_for(|ends| *ends) => {}
    }
}

/// Builds the index of traits if it is not what the schemas declare; answers for how many people it had to be changed.
async fn index_once(engine: &Engine) -> Result<Option<u64>, zelos_store::Error> {
    let snapshot = engine.snapshot();
    if trait_index::is_current(&engine.store, &snapshot.schemas).await? {
        return Ok(None);
    }
    trait_index::rebuild(&engine.store, &snapshot.schemas).await.map(Some)
}

/// How often remote templates and request bodies are looked at: whether one is missing or too old.
const LOOK_AT_REMOTES: Duration = Duration::from_secs(1);

/// Keeps the copies of remote templates and request bodies, of the configuration in use, up to date until the server ends.
pub(crate) async fn fetch(engine: Arc<Engine>, mut ending: Ending) {
    let work = async {
        loop {
            let remotes = Arc::clone(&engine.snapshot().remotes);
            remotes.refresh(&*engine.outbound).await;
            sleep(LOOK_AT_REMOTES).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = ending.wait_for(|ends| *ends) => {}
    }
}

/// Deletes all that has expired by now.
async fn round(engine: &Engine, owner: Uuid) {
    let store = &engine.store;
    loop {
        let (begun, now) = (Instant::now(), engine.clock.now());
        let kept_errors = now - KEEP_ERRORS;
        let kept_events = *engine.snapshot().audit.retention;
        match leases::take(store, WORK, owner, now, now + LEASE).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => return tracing::debug!(%error, "what has expired could not be deleted; later"),
        }
        let deleted = async {
            let flows = cleanup::flows(store, now, BATCH).await?;
            let sessions = cleanup::sessions(store, now - KEEP_SESSIONS, BATCH).await?;
            let errors = cleanup::errors(store, kept_errors, BATCH).await?;
            let messages = cleanup::messages(store, now - KEEP_MESSAGES, BATCH).await?;
            let attempts = cleanup::attempts(store, now, BATCH).await?;
            let events = cleanup::audit(store, now - kept_events, BATCH).await?;
            Ok::<_, zelos_store::Error>([flows, sessions, errors, messages, attempts, events])
        };
        match deleted.await {
            Ok(counts) => {
                let [flows, sessions, errors, messages, attempts, events] = counts;
                if counts.iter().any(|count| *count > 0) {
                    tracing::debug!(flows, sessions, errors, messages, attempts, events, "deleted what had expired");
                }
                if counts.iter().all(|count| *count < BATCH) {
                    return;
                }
            }
            Err(error) => return tracing::debug!(%error, "what has expired could not be deleted; later"),
        }
        sleep((begun.elapsed() * REST).max(SHORTEST_REST)).await;
    }
}
