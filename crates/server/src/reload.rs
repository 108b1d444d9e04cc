//! A changed configuration file is taken over while the server runs; a broken one is not, and the last good state
//! stays.
//!
//! The files are looked at twice a second. Being told by the kernel is no alternative: editors replace files and
//! Kubernetes swaps a link beside them, so whole folders would have to be watched – and where the database lies in the
//! same folder, each of its writes would be reported.

use crate::{cli::secrets::check_required, contents::Documents, listen::Ending, settings::Settings};
use std::{os::unix::fs::MetadataExt, path::PathBuf, sync::Arc, time::Duration};
use zelos_flow::Engine;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Looks after the files and loads them again when they change, until the server ends. `watched` was made before they
/// were loaded for the first time, so that no change falls between.
pub(crate) async fn watch(mut watched: Watched, settings: Settings, engine: Arc<Engine>, mut ending: Ending) {
    let work = async {
        let mut looks = tokio::time::interval(EVERY);
        loop {
            looks.tick().await;
            if watched.has_settled() {
                Box::pin(take_over(&settings, &engine)).await;
            }
        }
    };
    tokio::select! {
        () = work => {}
        _ = ending.wait_for(|ends| *ends) => {}
    }
}

async fn take_over(settings: &Settings, engine: &Engine) {
    let old = engine.snapshot();
    let documents = Documents::new(&*engine.outbound, Some(&engine.store));
    let mut read = Box::pin(settings.again(&old, &documents)).await;
    if let Ok(snapshot) = &read
        && !old.cipher.is_required()
        && let Err(failure) = check_required(&engine.store, &snapshot.cipher).await
    {
        read = Err(failure);
    }
    match read {
        Ok(snapshot) => {
            engine.replace_snapshot(snapshot);
            documents.into_fetched().store(&engine.store, engine.clock.now()).await;
            tracing::info!("the changed configuration is in use");
        }
        Err(failure) => {
            for reason in failure.0 {
                tracing::error!(%reason, "the changed configuration is not used");
            }
        }
    }
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
    fn has_settled(&mut self) -> bool {
        let now = Stamp::of_all(&self.files);
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

    #[test]
    fn a_change_counts_once_and_only_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kratos.yml");
        std::fs::write(&file, "a").unwrap();
        let mut watched = Watched::new(std::slice::from_ref(&file));
        assert!(!watched.has_settled());
        std::fs::write(&file, "ab").unwrap();
        assert!(!watched.has_settled(), "may still be written");
        std::fs::write(&file, "abc").unwrap();
        assert!(!watched.has_settled());
        assert!(watched.has_settled());
        assert!(!watched.has_settled());
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
