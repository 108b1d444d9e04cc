//! `zelos export`: everybody with everything they have, a line of JSON for each, as the admin API shows them with all their
//! credentials. `zelos import identities` reads it.
//!
//! It holds what lets people in – hashes, and second factors opened –, so a file of it is for its owner's eyes alone.

use super::{Failure, serve};
use crate::{
    out,
    settings::{self, ConfigFiles, Settings},
};
use clap::{Args, ValueEnum};
use std::{
    fs::OpenOptions,
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use zelos_core::{
    config::Loaded,
    id::IdentityId,
    identity::{
        CredentialType, Identity,
        at_rest::Cipher,
        json::{IdentityView, Show, Shown},
    },
    rng::SystemRng,
};
use zelos_store::{directory, identities};

/// What, from where to where.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// What is written down.
    #[arg(default_value = "identities")]
    _what: What,
    /// A file that is not there yet; without it, standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The database; without it, that of the configuration.
    #[arg(long, value_name = "DSN")]
    from: Option<String>,
}

/// What can be written down.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Identities,
}

/// So many are read at once.
const PART: usize = 500;

/// Writes everybody down.
pub(super) async fn run(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let given = settings::Given { files, dsn: flags.from.clone(), ..settings::Given::default() };
    let (_, Loaded { config, .. }) = Settings::load(given, &*rng)?;
    let engine = Box::pin(serve::engine(config, rng)).await?;
    if !engine.store.pending_migrations().await?.is_empty() {
        return Err(Failure::new("the database is of an older version: run `zelos migrate sql` first"));
    }
    let mut to: Box<dyn Write + Send> = match &flags.to {
        Some(file) => Box::new(BufWriter::new(create(file)?)),
        None => Box::new(BufWriter::new(io::stdout())),
    };
    let cipher = &engine.snapshot().cipher;
    let (mut key, mut count, mut closed, mut unreadable) = (None, 0_u64, 0_u64, 0_usize);
    loop {
        let mut list = directory::list_whole(&engine.store, key, PART).await?;
        // A part of an identity must not be taken for the whole when the file is imported again.
        let lacking = identities::load_readable_credentials(&engine.store, &mut list.items).await?;
        list.items.retain(|identity| !lacking.contains(&identity.id));
        list.broken.extend(lacking.into_iter().map(Some));
        unreadable += unreadable_ones(list.broken);
        for identity in &list.items {
            count += 1;
            closed += u64::from(told(cipher, identity));
            match line(cipher, identity, &mut to) {
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
                written => written.map_err(|error| Failure::new(format!("cannot be written: {error}")))?,
            }
        }
        key = list.next;
        if key.is_none() {
            break;
        }
    }
    to.flush().map_err(|error| Failure::new(format!("cannot be written: {error}")))?;
    if let Some(file) = &flags.to {
        out::line(format_args!("{count} identities were written to {}.", file.display()));
    }
    if unreadable > 0 {
        let reason = format!("{unreadable} identities were left out: their rows cannot be read");
        return Err(Failure::new(reason));
    }
    if closed > 0 {
        let reason =
            format!("{closed} second factors were written empty: secrets.cipher lacks what they are sealed under");
        return Err(Failure::new(reason));
    }
    Ok(())
}

/// Names what is left out; how many it is.
fn unreadable_ones(mut broken: Vec<Option<IdentityId>>) -> usize {
    broken.sort_unstable();
    let nameless = broken.iter().filter(|id| id.is_none()).count();
    broken.retain(Option::is_some);
    broken.dedup();
    for id in broken.iter().flatten() {
        out::error(format_args!("identity {id}: its row cannot be read"));
    }
    broken.len() + nameless
}

/// A file for its owner alone.
fn create(file: &Path) -> Result<std::fs::File, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

/// Tells of a credential that does not open; whether there was one.
fn told(cipher: &Cipher, identity: &Identity) -> bool {
    let mut closed = identity.credentials.iter().filter(|credential| cipher.open(identity.id, credential).is_none());
    let Some(credential) = closed.next() else { return false };
    out::error(format_args!("identity {}: {} cannot be opened", identity.id, credential.kind.as_str()));
    true
}

fn line(cipher: &Cipher, identity: &Identity, to: &mut impl Write) -> io::Result<()> {
    let view = IdentityView {
        identity,
        schema_url: None,
        addresses: true,
        metadata_admin: Show::Always,
        credentials: Some(Shown { types: &CredentialType::ALL, cipher }),
    };
    serde_json::to_writer(&mut *to, &view)?;
    to.write_all(b"\n")
}
