//! `zelos import identities --to …`: people from files straight into the database, by the same rules by which the admin
//! API makes somebody. Lines of an export keep their ids and times.
//!
//! One who cannot be taken stops nobody else. An import that was stopped is begun again with `--skip-existing`: whoever is
//! here is passed by.

use super::{
    fit::{Fit, refused},
    report::Report,
    skipped::Skipped,
};
use crate::{
    cli::{
        Failure,
        people::{Files, Found, Place},
        serve,
    },
    out,
    settings::{self, ConfigFiles, Settings},
};
use clap::Args;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::Arc,
    thread::available_parallelism,
    time::Duration,
};
use uuid::Uuid;
use zelos_core::{
    config::Loaded,
    fail_point,
    identity::{Identity, exported},
    rng::SystemRng,
};
use zelos_store::{Batch, Error, Store, identities, imports, migrate};

/// From where, to where.
#[derive(Debug, Args)]
pub(in crate::cli) struct Flags {
    #[command(flatten)]
    pub(in crate::cli) files: Files,
    /// Write into this database instead of asking a server. Its tables are made if they are not there.
    #[arg(long, value_name = "DSN", group = "database")]
    to: Option<String>,
    /// Write into the database of the configuration instead of asking a server.
    #[arg(long, group = "database")]
    direct: bool,
    /// Pass by whoever is here already, by id, external id or what they sign in with: so an import goes on that was stopped.
    #[arg(long, requires = "database")]
    skip_existing: bool,
    /// How many people are written at once.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=5000), requires = "database")]
    batch: u16,
    /// The file for those that are skipped, a line of JSON for each: file, line, index in the file and reason.
    /// [default: import-identities-skipped.jsonl]
    #[arg(long, value_name = "FILE", requires = "database")]
    report: Option<PathBuf>,
    /// Exit with 0 although some were skipped, as long as each of them is in the report.
    #[arg(long, requires = "database")]
    allow_skipped: bool,
}

/// The report, where none is asked for.
const DEFAULT_REPORT: &str = "import-identities-skipped.jsonl";

/// A line of the report.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    line: usize,
    /// Counted from 0.
    index: usize,
    reason: &'a str,
}

impl Flags {
    /// Whether no server is asked.
    pub(in crate::cli) fn is_direct(&self) -> bool {
        self.direct || self.to.is_some()
    }
}

/// How long the database may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Takes everybody from the files.
pub(in crate::cli) async fn run(files: ConfigFiles, flags: Flags) -> Result<(), Failure> {
    let rng = Arc::new(SystemRng);
    let given = settings::Given { files, dsn: flags.to.clone(), ..settings::Given::default() };
    let (_, Loaded { config, .. }) = Settings::load(given, &*rng)?;
    let engine = Box::pin(serve::engine(config, rng)).await?;
    let store = engine.store.clone();
    migrate::up(&store, PATIENCE).await?;
    let mut taking = Taking {
        fit: Fit::new(engine),
        store,
        skip: flags.skip_existing,
        allow_skipped: flags.allow_skipped,
        report: Report::new("identities", None),
        skipped: Skipped::create(flags.report.clone(), DEFAULT_REPORT)?,
        read: 0,
        taken: 0,
        here: 0,
        lost: 0,
    };
    let mut part = Vec::new();
    let mut unread = Vec::new();
    for found in flags.files.people() {
        match found {
            Ok(found) => part.push(found),
            // A file that cannot be opened does not affect the others.
            Err(failure) => {
                unread.extend(failure.0);
                continue;
            }
        }
        taking.read += 1;
        if part.len() == usize::from(flags.batch) {
            taking.part(std::mem::take(&mut part)).await?;
        }
    }
    taking.part(part).await?;
    let concluded = taking.conclude();
    if unread.is_empty() { concluded } else { Err(Failure(unread)) }
}

/// Whoever does it, and what has come of it.
struct Taking {
    fit: Fit,
    store: Store,
    /// Who is here already is no mistake.
    skip: bool,
    /// That some are skipped is no failure.
    allow_skipped: bool,
    report: Report,
    skipped: Skipped,
    /// Those of the files: each of them is one of the other numbers.
    read: u64,
    taken: u64,
    here: u64,
    lost: u64,
}

impl Taking {
    async fn part(&mut self, part: Vec<Found>) -> Result<(), Failure> {
        self.report.came_by(part.len());
        let part = if self.skip { self.without_known(part).await? } else { part };
        let fit = &self.fit;
        let people = stream::iter(part).map(|(place, what)| async move {
            let made = match what {
                Ok(person) => person_of(fit, person).await,
                Err(reason) => Err(reason),
            };
            (place, made)
        });
        // A plain password takes its time to hash, on one of the threads for that.
        let people: Vec<_> = people.buffered(available_parallelism().map_or(2, usize::from)).collect().await;
        let mut made = Vec::with_capacity(people.len());
        for (place, person) in people {
            match person {
                Ok((mut identity, is_new)) => {
                    if !is_new {
                        self.fit.fitted(&mut self.report, &place, &mut identity).await;
                    }
                    made.push((place, identity));
                }
                Err(reason) => self.lose(&place, &reason)?,
            }
        }
        if self.skip {
            let here = self.known(made.iter().map(|(_, identity)| identity)).await?;
            let all = made.len();
            made.retain(|(_, identity)| !here.contains(&identity.id.0));
            self.here += u64::try_from(all - made.len()).unwrap_or_default();
        }
        self.write(made).await?;
        self.skipped.flush()
    }

    /// Those who are here already are passed by before their plain passwords are hashed.
    async fn without_known(&mut self, part: Vec<Found>) -> Result<Vec<Found>, Failure> {
        let mut bare = Vec::new();
        for (at, (_, what)) in part.iter().enumerate() {
            let plain = |person: &Value| !person["credentials"]["password"]["config"]["password"].is_null();
            let Some(mut person) = what.as_ref().ok().filter(|person| plain(person)).cloned() else { continue };
            person["credentials"].take();
            if let Ok(identity) = self.fit.made(person.to_string().as_bytes()).await {
                bare.push((at, identity));
            }
        }
        let known = self.known(bare.iter().map(|(_, identity)| identity)).await?;
        let passed: HashSet<usize> =
            bare.iter().filter(|(_, identity)| known.contains(&identity.id.0)).map(|(at, _)| *at).collect();
        self.here += u64::try_from(passed.len()).unwrap_or_default();
        Ok(part.into_iter().enumerate().filter(|(at, _)| !passed.contains(at)).map(|(_, found)| found).collect())
    }

    /// Which of those people are here already, by their ids as they would be here.
    async fn known<'a>(&self, people: impl Iterator<Item = &'a Identity> + Clone) -> Result<HashSet<Uuid>, Failure> {
        let ids: Vec<Uuid> = people.clone().map(|identity| identity.id.0).collect();
        let mut known: HashSet<Uuid> = imports::identities_here(&self.store, &ids).await?.into_iter().collect();
        let mut names: BTreeMap<&str, BTreeMap<&str, Uuid>> = BTreeMap::new();
        for identity in people {
            for credential in &identity.credentials {
                let of_kind = names.entry(credential.kind.as_str()).or_default();
                of_kind.extend(credential.identifiers.iter().map(|name| (name.as_str(), identity.id.0)));
            }
        }
        for (kind, names) in names {
            let asked: Vec<&str> = names.keys().copied().collect();
            let found = imports::identifiers_here(&self.store, kind, &asked).await?;
            known.extend(found.iter().filter_map(|name| names.get(name.as_str())));
        }
        Ok(known)
    }

    /// Writes them all at once; where the database refuses that, one by one.
    async fn write(&mut self, people: Vec<(Place, Identity)>) -> Result<(), Failure> {
        if people.is_empty() {
            return Ok(());
        }
        let mut whole = Batch::new();
        identities::insert_all(&mut whole, people.iter().map(|(_, identity)| identity));
        fail_point::reached("before a part of an import is saved");
        match self.store.commit(whole).await {
            Ok(_) => self.taken += u64::try_from(people.len()).unwrap_or_default(),
            Err(error) if error.is_outage() => return Err(error.into()),
            Err(_) => {
                for (place, identity) in people {
                    self.one(&place, &identity).await?;
                }
            }
        }
        fail_point::reached("after a part of an import is saved");
        Ok(())
    }

    async fn one(&mut self, place: &Place, identity: &Identity) -> Result<(), Failure> {
        let mut batch = Batch::new();
        identities::insert(&mut batch, identity);
        match self.store.commit(batch).await {
            Ok(_) => self.taken += 1,
            Err(error) if error.is_outage() => return Err(error.into()),
            Err(Error::Unique(_)) if self.skip => self.here += 1,
            Err(error) => self.lose(place, &refused(&error))?,
        }
        Ok(())
    }

    fn lose(&mut self, place: &Place, reason: &str) -> Result<(), Failure> {
        self.lost += 1;
        self.report.say(place, reason);
        let Place { file, line, index } = place;
        self.skipped.add(&Line { file, line: *line, index: *index, reason })
    }

    fn conclude(self) -> Result<(), Failure> {
        let Self { report, skipped, allow_skipped, read, taken, here, lost, .. } = self;
        report.end();
        out::line(format_args!("of {read}: {taken} imported, {here} already present, {lost} skipped"));
        for (reason, count) in report.reasons() {
            out::line(format_args!("  {count} × {}", out::quoted(reason)));
        }
        skipped.end()?;
        if read != taken + here + lost {
            return Err(Failure::new("not each identity of the files is accounted for"));
        }
        if lost == 0 || allow_skipped {
            return Ok(());
        }
        Err(Failure::new(format!(
            "{lost} identities were skipped: see above. With --allow-skipped this is no failure."
        )))
    }
}

/// Who is meant, and whether they are new: somebody from an export is not.
async fn person_of(fit: &Fit, person: Value) -> Result<(Identity, bool), String> {
    if !exported::is_one(&person) {
        return Ok((fit.made(person.to_string().as_bytes()).await?, true));
    }
    let identity = exported::read(person, || fit.engine.rng.uuid_v7(&*fit.engine.clock))?;
    let schema = fit.snapshot.schemas.find(&identity.schema_id);
    let schema = schema.ok_or_else(|| format!("the schema `{}` is not configured", identity.schema_id))?;
    schema.validate(&identity.traits).map_err(|violations| violations.to_string())?;
    Ok((identity, false))
}
