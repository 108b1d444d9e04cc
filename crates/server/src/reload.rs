//! A changed configuration file is taken over while the server runs; a broken one is not, and the last good state
//! stays.
//!
//! Folders are watched, not files: editors replace files, and Kubernetes swaps a link beside them. Of what happens in
//! a folder only what has a file's name, or a name that begins with two dots (Kubernetes' links), counts: a database
//! may lie there too.

use crate::{listen::Ending, settings::Settings};
use anyhow::Context as _;
use notify::{EventKind, RecursiveMode, Watcher as _};
use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};
use zelos_flow::Engine;

/// Changes come in bursts; a burst is over when nothing has happened for so long.
const CALM: Duration = Duration::from_millis(150);

/// Watches the files and loads them again when they change, until the server ends.
pub(crate) async fn watch(settings: Settings, engine: Arc<Engine>, mut ending: Ending) {
    let watched = match Watched::new(settings.files()) {
        Ok(watched) => watched,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "configuration files are not watched: changes need a restart");
            return;
        }
    };
    let work = async {
        let Watched { mut changes, watcher } = watched;
        while changes.recv().await.is_some() {
            while let Ok(Some(())) = timeout(CALM, changes.recv()).await {}
            Box::pin(take_over(&settings, &engine)).await;
        }
        drop(watcher);
    };
    tokio::select! {
        () = work => {}
        _ = ending.wait_for(|ends| *ends) => {}
    }
}

async fn take_over(settings: &Settings, engine: &Engine) {
    match Box::pin(settings.again(&engine.snapshot(), &*engine.outbound)).await {
        Ok(snapshot) => {
            engine.replace_snapshot(snapshot);
            tracing::info!("the changed configuration is in use");
        }
        Err(failure) => {
            for reason in failure.0 {
                tracing::error!(%reason, "the changed configuration is not used");
            }
        }
    }
}

struct Watched {
    changes: mpsc::Receiver<()>,
    watcher: notify::RecommendedWatcher,
}

impl Watched {
    fn new(files: &[PathBuf]) -> anyhow::Result<Self> {
        let places = Places::of(files)?;
        // One waiting message says it all: something has changed.
        let (sender, changes) = mpsc::channel(1);
        let names = places.names;
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let matters = event.map_or(true, |event| {
                !matches!(event.kind, EventKind::Access(_)) && event.paths.iter().any(|path| is_ours(path, &names))
            });
            if matters {
                let _ = sender.try_send(());
            }
        })?;
        for folder in &places.folders {
            watcher.watch(folder, RecursiveMode::NonRecursive).with_context(|| folder.display().to_string())?;
        }
        Ok(Self { changes, watcher })
    }
}

/// Where the files are: as named, and where links lead.
#[derive(Debug, Default, PartialEq, Eq)]
struct Places {
    folders: BTreeSet<PathBuf>,
    names: BTreeSet<OsString>,
}

impl Places {
    fn of(files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut places = Self::default();
        for file in files {
            places.add(&std::path::absolute(file)?);
            places.add(&file.canonicalize().with_context(|| file.display().to_string())?);
        }
        Ok(places)
    }

    fn add(&mut self, file: &Path) {
        if let (Some(folder), Some(name)) = (file.parent(), file.file_name()) {
            self.folders.insert(folder.to_owned());
            self.names.insert(name.to_owned());
        }
    }
}

fn is_ours(path: &Path, names: &BTreeSet<OsString>) -> bool {
    path.file_name().is_some_and(|name| names.contains(name) || name.as_encoded_bytes().starts_with(b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_and_strangers_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("..2026")).unwrap();
        std::fs::write(root.join("..2026/kratos.yml"), "").unwrap();
        std::os::unix::fs::symlink("..2026", root.join("..data")).unwrap();
        std::os::unix::fs::symlink("..data/kratos.yml", root.join("kratos.yml")).unwrap();
        let places = Places::of(&[root.join("kratos.yml")]).unwrap();
        assert_eq!(places.folders, [root.clone(), root.join("..2026")].into());
        assert!(is_ours(&root.join("kratos.yml"), &places.names));
        assert!(is_ours(&root.join("..data"), &places.names));
        assert!(!is_ours(&root.join("db.sqlite-wal"), &places.names));
    }
}
