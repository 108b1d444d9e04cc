//! `zelos secrets re-encrypt`: brings the credentials that are encrypted at rest to the first of `secrets.cipher` and to
//! the present version of the format, for instance before a secret is taken out of the list.
//!
//! It may be stopped at any time and run again: what is done is skipped. Servers may run meanwhile. A credential that
//! changes between its reading and its writing is left to the next pass, since its change has encrypted it anyway.

use super::Failure;
use crate::{
    out,
    settings::{self, ConfigFiles, Settings},
};
use clap::Args;
use zelos_core::{
    config::Loaded,
    id::IdentityId,
    identity::{
        CredentialType,
        at_rest::{self, Cipher, Renewal},
    },
    rng::{Rng, SystemRng},
};
use zelos_store::{
    Batch, PoolOptions, Store,
    credentials::{Key, list_encrypted, replace_config},
};

/// How it goes about it.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ReEncrypt {
    /// Credentials to read and write at a time
    #[arg(long, value_name = "ROWS", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch_size: u16,
}

/// How often all credentials are gone through, at most. Each pass but the first has to do only with what has changed
/// during the one before.
const PASSES: u32 = 5;

/// What became of the credentials.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    current: u64,
    renewed: u64,
    changed: u64,
    unreadable: Vec<(IdentityId, CredentialType)>,
}

pub(super) async fn re_encrypt(files: ConfigFiles, flags: ReEncrypt) -> Result<(), Failure> {
    let rng = SystemRng;
    let given = settings::Given { files, ..settings::Given::default() };
    let (_, Loaded { config, .. }) = Settings::load(given, &rng)?;
    if config.secrets.cipher.is_empty() {
        return Err(Failure::new("secrets.cipher: is not set, so there is nothing to encrypt with"));
    }
    let cipher = Cipher::new(&config.secrets.cipher, false);
    let store = Store::connect(config.dsn.expose(), PoolOptions::default())
        .await
        .map_err(|error| Failure::new(format!("dsn: {error}")))?;
    let size = usize::from(flags.batch_size);
    let mut counts = pass(&store, &cipher, &rng, size).await?;
    for _ in 1..PASSES {
        if counts.changed == 0 {
            break;
        }
        let again = pass(&store, &cipher, &rng, size).await?;
        counts = Counts { current: counts.current, renewed: counts.renewed + again.renewed, ..again };
    }
    if counts.renewed > 0 {
        store.erase_deleted().await.map_err(|error| Failure::new(format!("dsn: {error}")))?;
    }
    tell(&counts)
}

async fn pass(store: &Store, cipher: &Cipher, rng: &dyn Rng, size: usize) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    let mut after: Option<Key> = None;
    loop {
        let page = list_encrypted(store, after, size).await?;
        let Some((identity, last)) = page.last() else { return Ok(counts) };
        after = Some((*identity, last.kind));
        let mut batch = Batch::new();
        for (identity, credential) in &page {
            match cipher.renew(rng, *identity, credential) {
                Renewal::Current => counts.current += 1,
                Renewal::Renewed(config) => replace_config(&mut batch, *identity, credential, &config),
                Renewal::Unreadable => counts.unreadable.push((*identity, credential.kind)),
            }
        }
        if !batch.is_empty() {
            for touched in store.commit(batch).await? {
                *if touched == 0 { &mut counts.changed } else { &mut counts.renewed } += 1;
            }
        }
    }
}

fn tell(counts: &Counts) -> Result<(), Failure> {
    out::line(format_args!("re-encrypted: {}", counts.renewed));
    out::line(format_args!("encrypted under the first secret before: {}", counts.current));
    out::line(format_args!("changed meanwhile: {}", counts.changed));
    out::line(format_args!("not decryptable: {}", counts.unreadable.len()));
    for (identity, kind) in &counts.unreadable {
        out::error(format_args!("identity {identity}: {} cannot be decrypted", kind.as_str()));
    }
    if !counts.unreadable.is_empty() {
        let reason = "some credentials are encrypted under a secret that is not in secrets.cipher, or for another \
                      identity: add the secret and run this again, or delete the credentials";
        return Err(Failure::new(reason));
    }
    if counts.changed > 0 {
        return Err(Failure::new("some credentials changed in each pass: run this again"));
    }
    Ok(())
}

/// Refuses a database in which something is not encrypted for its identity, where that is required: its owners could not
/// use their second factor.
pub(crate) async fn check_required(store: &Store, cipher: &Cipher) -> Result<(), Failure> {
    const PAGE: usize = 1000;
    let mut after: Option<Key> = None;
    while cipher.is_required() {
        let page = list_encrypted(store, after, PAGE).await?;
        if let Some((identity, credential)) = page.iter().find(|(_, credential)| at_rest::is_unbound(credential)) {
            return Err(Failure::new(format!(
                "security.credentials.require_encrypted: the {} of identity {identity} is not encrypted for its identity \
                 yet, and perhaps others: run `zelos secrets re-encrypt` first",
                credential.kind.as_str()
            )));
        }
        let Some((identity, last)) = page.last() else { break };
        after = Some((*identity, last.kind));
    }
    Ok(())
}
