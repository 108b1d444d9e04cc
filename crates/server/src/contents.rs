//! Documents without which a configuration cannot be used: identity schemas, with all that they refer to.
//!
//! Those that are remote have a copy in the database. It is written whenever they have been fetched and proved usable, and
//! read when they cannot be: so a restart while their host is away goes on with the last good state. A first start has no
//! copy and fails, as with Kratos. Mail templates and bodies of requests are another matter, as the server works without
//! them: see `zelos_courier::remote`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};
use url::Url;
use zelos_core::{
    config::{ContentError, ContentUri, Contents, identity::IdentitySchema as IdentitySchemaAt},
    outbound::{Outbound, OutboundError},
    schema::{IdentitySchema, References, SchemaError},
};
use zelos_store::{Store, remote_documents};

/// The longest that the documents of one schema may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// After that the log says what is being waited for.
const SAY_SO: Duration = Duration::from_secs(2);

/// Documents by their URLs.
type Fetched = HashMap<Url, bytes::Bytes>;

/// Reads the documents of one configuration.
pub(crate) struct Documents<'a> {
    outbound: &'a dyn Outbound,
    /// Where copies are; some commands have no database.
    store: Option<&'a Store>,
    /// What was fetched and is part of a schema that can be used.
    good: Mutex<Fetched>,
}

impl std::fmt::Debug for Documents<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").finish_non_exhaustive()
    }
}

/// Which state of a remote document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// What its host has now, else the copy.
    Host,
    /// The copy.
    Database,
}

impl<'a> Documents<'a> {
    pub(crate) fn new(outbound: &'a dyn Outbound, store: Option<&'a Store>) -> Self {
        Self { outbound, store, good: Mutex::default() }
    }

    /// The schema with everything that it refers to. `may_refer`: to other documents.
    pub(crate) async fn identity_schema(
        &self,
        key: &str,
        schema: &IdentitySchemaAt,
        may_refer: bool,
    ) -> Result<IdentitySchema, String> {
        let mut fetched = Fetched::new();
        let fresh = self.gathered(key, schema, may_refer, From::Host, &mut fetched);
        let fresh = timeout(PATIENCE, fresh).await.unwrap_or_else(|_| Err("its documents take too long".to_owned()));
        let reason = match fresh {
            Ok(compiled) => {
                self.good.lock().unwrap_or_else(PoisonError::into_inner).extend(fetched);
                return Ok(compiled);
            }
            Err(reason) => reason,
        };
        // What the hosts have now may be no schema at all, for instance the page of a proxy, or fit together no more.
        match self.gathered(key, schema, may_refer, From::Database, &mut Fetched::new()).await {
            Ok(compiled) => {
                tracing::error!(key, %reason, "identity schema cannot be used, using the stored copy");
                Ok(compiled)
            }
            Err(_) => Err(reason),
        }
    }

    async fn gathered(
        &self,
        key: &str,
        schema: &IdentitySchemaAt,
        may_refer: bool,
        from: From,
        fetched: &mut Fetched,
    ) -> Result<IdentitySchema, String> {
        let failed = |error: SchemaError| error.to_string();
        let raw = self.load(key, &schema.url, from, fetched).await?;
        let mut references = References::new(schema.url.as_str(), &raw).map_err(failed)?;
        while let Some(place) = references.missing().map_err(failed)? {
            if !may_refer {
                return Err(format!(
                    "the schema refers to {place:?}, which security.disallow_ref_in_identity_schemas forbids"
                ));
            }
            let raw = self.load(key, &place, from, fetched).await;
            let raw = raw.map_err(|reason| format!("the schema refers to a document that cannot be had: {reason}"))?;
            references.add(&place, &raw).map_err(failed)?;
        }
        IdentitySchema::of(schema.id.as_str(), references).map_err(failed)
    }

    /// Reads one document.
    async fn load(
        &self,
        key: &str,
        place: &ContentUri,
        from: From,
        fetched: &mut Fetched,
    ) -> Result<bytes::Bytes, String> {
        let url = match place.local().map_err(|error| error.to_string())? {
            Contents::Here(contents) => return Ok(contents),
            Contents::At(url) => url,
        };
        if from == From::Database {
            return self.copy(url).await?.map(|copy| copy.content.into()).ok_or_else(|| "there is no copy".to_owned());
        }
        if let Some(known) = self.good.lock().unwrap_or_else(PoisonError::into_inner).get(url) {
            return Ok(known.clone());
        }
        let load = std::pin::pin!(place.load(self.outbound));
        let said = async {
            sleep(SAY_SO).await;
            tracing::info!(key, host = url.host_str(), "waiting for a remote identity schema");
            std::future::pending().await
        };
        let loaded = tokio::select! {
            loaded = load => loaded,
            never = said => never,
        };
        let error = match loaded {
            Ok(contents) => {
                fetched.insert(url.clone(), contents.clone());
                return Ok(contents);
            }
            Err(error) => error,
        };
        // What may not be reached is a mistake in the configuration, and no outage.
        if matches!(&error, ContentError::Remote { reason: OutboundError::Forbidden(_), .. }) {
            return Err(error.to_string());
        }
        match self.copy(url).await {
            Ok(Some(copy)) => {
                let fetched_at = copy.fetched_at;
                tracing::warn!(key, reason = %error, %fetched_at, "identity schema cannot be fetched, using the stored copy");
                Ok(copy.content.into())
            }
            Ok(None) => Err(error.to_string()),
            Err(reason) => Err(format!("{error}; {reason}")),
        }
    }

    async fn copy(&self, url: &Url) -> Result<Option<remote_documents::StoredCopy>, String> {
        let Some(store) = self.store else { return Ok(None) };
        let copy = remote_documents::find(store, url).await;
        copy.map_err(|error| format!("a stored copy cannot be read: {error}"))
    }

    /// What was fetched, to be stored once the database has its tables.
    pub(crate) fn into_fetched(self) -> FetchedDocuments {
        FetchedDocuments(self.good.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Documents of a configuration that is in use.
#[derive(Debug)]
pub(crate) struct FetchedDocuments(Fetched);

impl FetchedDocuments {
    /// Stores them in place of their former copies. The server works without, so a failure is a warning.
    pub(crate) async fn store(self, store: &Store, now: OffsetDateTime) {
        for (url, content) in self.0 {
            if let Err(error) = remote_documents::save(store, &url, &content, now).await {
                let host = url.host_str();
                tracing::warn!(host, %error, "copy of a remote identity schema cannot be stored: a restart needs its host");
            }
        }
    }
}
