//! `serve --dev` without a file: a server to try out, with a folder of its own in the current directory.
//!
//! The secrets are made once and kept beside the database, so that a restart signs nobody out. The folder is for its
//! owner only.

use crate::out;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::{
    fs::{DirBuilder, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};
use zelos_core::{config::Config, rng::Rng, secret::Secret};

/// Below the current directory.
const FOLDER: &str = "zelos-data";

/// What is kept of a server that nobody has configured.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) folder: PathBuf,
    pub(crate) secrets: Secrets,
}

/// The file `secrets`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(crate) cookie: Secret,
    pub(crate) cipher: Secret,
}

/// Finds the folder or makes it.
pub(crate) fn data(rng: &dyn Rng) -> anyhow::Result<Data> {
    data_in(&std::path::absolute(FOLDER).context("the current directory")?, rng)
}

fn data_in(folder: &Path, rng: &dyn Rng) -> anyhow::Result<Data> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made.with_context(|| folder.display().to_string())?,
    }
    let path = folder.join("secrets");
    let secrets = secrets(&path, rng).with_context(|| path.display().to_string())?;
    Ok(Data { folder: folder.to_owned(), secrets })
}

fn secrets(path: &Path, rng: &dyn Rng) -> anyhow::Result<Secrets> {
    match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make_secrets(path, rng)?,
        found => return kept(&found?),
    }
    kept(&std::fs::read(path)?)
}

fn kept(text: &[u8]) -> anyhow::Result<Secrets> {
    serde_json::from_slice(text).context("not as Zelos wrote it; delete it to begin anew")
}

/// Makes the file under another name and links it: nobody finds half of it, and of several servers that start at once
/// one is first.
fn make_secrets(path: &Path, rng: &dyn Rng) -> anyhow::Result<()> {
    let secrets = Secrets { cookie: Secret::new(rng.alphanumeric(32)), cipher: Secret::new(rng.alphanumeric(32)) };
    let draft = path.with_extension(rng.alphanumeric(8));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(&serde_json::to_vec_pretty(&secrets)?).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

/// Says where to go.
pub(crate) fn greet(config: &Config, folder: &Path) {
    let public = config.public_url();
    out::line("");
    out::line("Zelos is running, in development mode: not for real people's data.");
    out::line(format_args!("  Start here      {public}"));
    if config.keeps_mail() && config.selfservice.ui.enabled {
        out::line(format_args!("  Mailbox         {public}ui/mailbox"));
    }
    out::line(format_args!("  Admin API       {}admin/identities", config.admin_url()));
    out::line(format_args!("  Data            {}", folder.display()));
    out::line("  Stop            Ctrl-C");
    out::line("");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use zelos_core::rng::SeededRng;

    #[test]
    fn secrets_are_made_once_and_for_the_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("data");
        let first = data_in(&folder, &SeededRng::new(1)).unwrap();
        let second = data_in(&folder, &SeededRng::new(2)).unwrap();
        assert_eq!(first.secrets.cookie, second.secrets.cookie);
        assert_eq!(first.secrets.cipher.expose().len(), 32, "what the ciphers ask for");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("secrets"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn of_several_at_once_one_is_first() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("secrets");
        make_secrets(&path, &SeededRng::new(1)).unwrap();
        make_secrets(&path, &SeededRng::new(2)).unwrap();
        let first = data_in(&place.path().join("other"), &SeededRng::new(1)).unwrap();
        assert_eq!(secrets(&path, &SeededRng::new(3)).unwrap().cookie, first.secrets.cookie);
    }
}
