//! A changed configuration file is taken over while the server runs; a broken one is not, and the last good state
//! stays.
//!
//! The files are looked at twice a second. Being told by the kernel is no alternative: editors replace files and
//! Kubernetes swaps a link beside them, so whole folders would have to be watched – and where the database lies in the
//! same folder, each of its writes would be reported.

use crate::{
    cli::{Failure, secrets::check_required},
    contents::{Documents, FetchedDocuments},
    listen::Ending,
    outbound::HttpClient,
    settings::{self, Settings},
    telemetry::Level,
};
use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    runtime::Handle,
    task::spawn_blocking,
    time::{interval, timeout},
};
use zelos_flow::{Compiled, Engine};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// How long a reload may take, with everything that is read and fetched.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a reload changes.
pub(crate) struct Running {
    pub(crate) settings: Settings,
    pub(crate) engine: Arc<Engine>,
    /// The client of `engine.outbound`.
    pub(crate) outbound: Arc<HttpClient>,
    pub(crate) level: Level,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Looks after the files and loads them again when they change, until the server ends. `watched` was made before they
/// were loaded for the first time, so that no change falls between.
pub(crate) async fn watch(mut watched: Watched, running: Running, mut ending: Ending) {
    let running = Arc::new(running);
    let work = async {
        let mut looks = interval(EVERY);
        loop {
            looks.tick().await;
            if watched.has_settled().await {
                Box::pin(take_over(&running)).await;
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = ending.wait_for(|ends| *ends) => {}
    }
}

async fn take_over(running: &Arc<Running>) {
    let reading = Arc::clone(running);
    // On a thread that may wait for files. If it has to be left behind, what it reads is not used.
    let read = spawn_blocking(move || Handle::current().block_on(Box::pin(read(&reading))));
    let read = match timeout(PATIENCE, read).await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => Err(Failure::new(format!("reading it failed: {error}"))),
        Err(_) => Err(Failure::new(format!("it could not be read within {} s", PATIENCE.as_secs()))),
    };
    match read {
        Ok((snapshot, fetched)) => {
            let engine = &running.engine;
            // First, so that no request of the new configuration goes where only the old one allowed.
            running.outbound.configure(&snapshot.clients.http);
            running.level.set(snapshot.log.level);
            engine.replace_snapshot(snapshot);
            fetched.store(&engine.store, engine.clock.now()).await;
            tracing::info!("the changed configuration is in use");
        }
        Err(failure) => {
            for reason in failure.0 {
                tracing::error!(%reason, "the changed configuration is not used");
            }
        }
    }
}

/// The changed configuration, with what it refers to: that may have changed as well.
async fn read(running: &Running) -> Result<(Compiled, FetchedDocuments), Failure> {
    let engine = &running.engine;
    let old = engine.snapshot();
    let config = running.settings.again(&old)?;
    // By its own rules: those of the old configuration may allow more.
    let outbound = HttpClient::new(&config.clients.http);
    let documents = Documents::new(&outbound, Some(&engine.store));
    let snapshot = Box::pin(settings::compile(config, &documents, Arc::clone(&old.remotes))).await?;
    if !old.cipher.is_required() {
        check_required(&engine.store, &snapshot.cipher).await?;
    }
    Ok((snapshot, documents.into_fetched()))
}

/// What tells one state of a file from another: links are followed. None while it is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<(u64, u64, i64, i64)>);

impl Stamp {
    fn of_all(files: &[PathBuf]) -> Vec<Self> {
        let stamp = |file: &PathBuf| {
            let file = std::fs::metadata(file).ok()?;
            Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
        };
        files.iter().map(|file| Self(stamp(file))).collect()
    }
}

/// Tells when a change is over: a file may be looked at while it is being written.
#[derive(Debug)]
pub(crate) struct Watched {
    files: Vec<PathBuf>,
    taken_over: Vec<Stamp>,
    last: Vec<Stamp>,
}

impl Watched {
    /// The files as they are now.
    pub(crate) fn new(files: &[PathBuf]) -> Self {
        let now = Stamp::of_all(files);
        Self { files: files.to_vec(), taken_over: now.clone(), last: now }
    }

    /// Whether the files differ from what was taken over, and stand still since the last look.
    async fn has_settled(&mut self) -> bool {
        let files = self.files.clone();
        // A file system may not answer.
        let Ok(now) = spawn_blocking(move || Stamp::of_all(&files)).await else { return false };
        let stands_still = now == self.last;
        self.last = now;
        if !stands_still || self.last == self.taken_over {
            return false;
        }
        self.taken_over.clone_from(&self.last);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_counts_once_and_only_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kratos.yml");
        std::fs::write(&file, "a").unwrap();
        let mut watched = Watched::new(std::slice::from_ref(&file));
        assert!(!watched.has_settled().await);
        std::fs::write(&file, "ab").unwrap();
        assert!(!watched.has_settled().await, "may still be written");
        std::fs::write(&file, "abc").unwrap();
        assert!(!watched.has_settled().await);
        assert!(watched.has_settled().await);
        assert!(!watched.has_settled().await);
    }

    #[test]
    fn a_swapped_link_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["one", "two"] {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("kratos.yml"), "same").unwrap();
        }
        std::os::unix::fs::symlink("one", at("data")).unwrap();
        std::os::unix::fs::symlink("data/kratos.yml", at("kratos.yml")).unwrap();
        let before = Stamp::of_all(&[at("kratos.yml")]);
        std::os::unix::fs::symlink("two", at("new")).unwrap();
        std::fs::rename(at("new"), at("data")).unwrap();
        assert_ne!(Stamp::of_all(&[at("kratos.yml")]), before);
        assert_eq!(Stamp::of_all(&[at("missing.yml")]), [Stamp(None)]);
    }
}
