//! `zelos import kratos`: the move from Kratos in one command.
//!
//! Everything that outlives an hour comes over: people with all ids, credentials as they are, addresses with what is known of
//! them, and sessions, so that nobody has to sign in again. Flows, codes and links stay behind: they would be over anyway.
//!
//! It may be stopped at any moment and started again ([`imports`]); started again after its end it takes what has come
//! since. A part of the table is read while the part before it is written.

use super::{
    fit::{Fit, refused},
    report::Report,
};
use crate::{
    cli::{Failure, serve},
    out,
    settings::{self, Settings},
};
use clap::Args;
use std::{collections::HashSet, path::PathBuf, sync::Arc, time::Duration};
use uuid::Uuid;
use zelos_core::{
    config::Loaded,
    fail_point,
    identity::{CredentialType, Identity},
    rng::SystemRng,
    secret::Secret,
    session::{Session, SessionToken},
};
use zelos_store::{
    Batch, Error, Store, identities,
    imports::{self, Progress},
    kratos::{Counts, Found, Kratos},
    migrate, sessions,
};

/// From where to where.
#[derive(Debug, Args)]
pub(in crate::cli) struct Flags {
    /// The Kratos database: its DSN, or an SQLite file. It is only read.
    #[arg(long, value_name = "DSN|FILE")]
    from: String,
    /// The database to move into; without it, that of the configuration. Its tables are made if they are not there.
    #[arg(long, value_name = "DSN")]
    to: Option<String>,
    /// The network to take; without it the oldest, as Kratos does.
    #[arg(long, value_name = "ID")]
    nid: Option<Uuid>,
    /// Write nothing; tell what would not come over, and why.
    #[arg(long)]
    dry_run: bool,
    /// Take sessions that have ended or expired as well.
    #[arg(long)]
    ended_sessions: bool,
    /// How many rows are written at once.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=5000))]
    batch: u16,
}

/// How long the database may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);

const ANOTHER: &str = "the database to move into is one of Kratos: name a new one with --to";

/// Moves a database.
pub(in crate::cli) async fn run(files: Vec<PathBuf>, flags: Flags) -> Result<(), Failure> {
    let source =
        Kratos::open(&flags.from, flags.nid).await.map_err(|error| Failure::new(format!("--from: {error}")))?;
    let rng = Arc::new(SystemRng);
    let given = settings::Given { files, dsn: flags.to.clone(), ..settings::Given::default() };
    let (_, Loaded { mut config, .. }) = Settings::load(given, &*rng)?;
    let is_same = Kratos::is_same(&flags.from, config.dsn.expose());
    match (is_same, flags.dry_run) {
        // Nothing is written, and nobody is there yet.
        (true, true) => config.dsn = Secret::new("memory"),
        (true, false) => return Err(Failure::new(ANOTHER)),
        (false, _) if config.dsn.expose() == "memory" => {
            return Err(Failure::new("--to: a database in memory would be gone at once"));
        }
        (false, _) => {}
    }
    let engine = Box::pin(serve::engine(config, rng)).await?;
    let store = engine.store.clone();
    if Kratos::lives_in(&store).await? {
        return Err(Failure::new(ANOTHER));
    }
    let is_bare = if flags.dry_run {
        !store.pending_migrations().await?.is_empty()
    } else {
        migrate::up(&store, PATIENCE).await?;
        false
    };
    let mover = Mover { fit: Fit::new(engine), store, source, is_bare, flags };
    Box::pin(mover.all()).await
}

/// Whoever does it.
struct Mover {
    fit: Fit,
    store: Store,
    source: Kratos,
    /// The database has no tables yet, and a dry run does not make them.
    is_bare: bool,
    flags: Flags,
}

/// One table on its way.
struct Stage {
    /// What one row of it is called.
    row: &'static str,
    progress: Progress,
    /// Rows that were here before.
    here: i64,
    /// Sessions that had ended.
    ended: i64,
    report: Report,
    /// Identifiers that get another form here: few, and of interest to a dry run only.
    renamed: HashSet<(CredentialType, String)>,
}

/// A row that is ready to be written, with its id.
type Ready<R> = (Uuid, R);

impl Mover {
    async fn all(&self) -> Result<(), Failure> {
        let there = self.source.counts().await?;
        out::line(format_args!("Kratos' network {}", self.source.network));
        let most = usize::from(self.flags.batch);
        let stage = self.begin("identities", "identity", counted(&there, "identities")).await?;
        let read = async |after| self.source.identities(after, most).await;
        let judge = async |stage: &mut Stage, part| self.people(stage, part).await;
        let people = self.table(stage, read, judge, write_people).await?;
        let stage = self.begin("sessions", "session", counted(&there, "sessions")).await?;
        let read = async |after| self.source.sessions(after, most).await;
        let judge = async |stage: &mut Stage, part| self.signed_in(stage, part).await;
        let sessions = self.table(stage, read, judge, write_sessions).await?;
        self.conclude(&there, [people, sessions]).await
    }

    /// A whole table, part by part: the next one is read while what is ready of this one is written.
    async fn table<F, R>(
        &self,
        mut stage: Stage,
        read: impl AsyncFn(Option<Uuid>) -> Result<Vec<Found<F>>, Error>,
        judge: impl AsyncFn(&mut Stage, Vec<Found<F>>) -> Result<Vec<Ready<R>>, Failure>,
        add: fn(&mut Batch, &[Ready<R>]),
    ) -> Result<Stage, Failure> {
        let mut part = read(stage.progress.last).await?;
        while let Some(last) = part.last().map(|found| found.id) {
            stage.report.came_by(part.len());
            let ready = judge(&mut stage, part).await?;
            let (next, written) = tokio::join!(read(Some(last)), self.write(&mut stage, &ready, last, add));
            written?;
            part = next?;
        }
        self.end(stage).await
    }

    async fn people(&self, stage: &mut Stage, part: Vec<Found<Identity>>) -> Result<Vec<Ready<Identity>>, Failure> {
        let here = self.here(&part).await?;
        let mut ready = Vec::with_capacity(part.len());
        for Found { id, what, remarks } in part {
            if here.contains(&id) {
                stage.here += 1;
                continue;
            }
            for note in remarks.notes {
                stage.report.say(format_args!("{} {id}", stage.row), &note);
            }
            let fitted = match what {
                Ok(_) if self.flags.dry_run && self.collides(stage, id, remarks.renamed).await? => {
                    Err("somebody else there signs in with the same identifier, written in another form".to_owned())
                }
                Ok(identity) => self.fitted(&mut stage.report, identity).await,
                Err(reason) => Err(reason),
            };
            match fitted {
                Ok(identity) => ready.push((id, identity)),
                Err(reason) => stage.lose(id, &reason),
            }
        }
        Ok(ready)
    }

    async fn signed_in(
        &self,
        stage: &mut Stage,
        part: Vec<Found<(Session, SessionToken)>>,
    ) -> Result<Vec<Ready<(Session, SessionToken)>>, Failure> {
        let ids: Vec<Uuid> = part.iter().map(|found| found.id).collect();
        let read = part.iter().filter_map(|found| found.what.as_ref().ok());
        let owners: HashSet<Uuid> = read.map(|(session, _)| session.identity_id.0).collect();
        let owners: Vec<Uuid> = owners.into_iter().collect();
        let (here, owners) = if self.is_bare {
            (Vec::new(), owners)
        } else if self.flags.dry_run {
            // Nobody was written who could be found.
            (imports::sessions_here(&self.store, &ids).await?, owners)
        } else {
            let here = imports::sessions_here(&self.store, &ids).await?;
            (here, imports::identities_here(&self.store, &owners).await?)
        };
        let (here, owners): (HashSet<Uuid>, HashSet<Uuid>) = (here.into_iter().collect(), owners.into_iter().collect());
        let mut ready = Vec::with_capacity(part.len());
        for Found { id, what, .. } in part {
            match what {
                _ if here.contains(&id) => stage.here += 1,
                Err(reason) => stage.lose(id, &reason),
                Ok((session, _)) if !self.is_wanted(&session) => stage.ended += 1,
                Ok((session, _)) if !owners.contains(&session.identity_id.0) => {
                    stage.lose(id, "its person did not come over");
                }
                Ok(signed_in) => ready.push((id, signed_in)),
            }
        }
        Ok(ready)
    }

    /// Where the table stands. One that came to its end begins anew, for what has come since.
    async fn begin(&self, name: &'static str, row: &'static str, total: i64) -> Result<Stage, Failure> {
        let begun = Progress::of(self.source.network, name);
        let mut progress = if self.flags.dry_run { begun } else { imports::progress(&self.store, begun).await? };
        if progress.done {
            progress = progress.anew();
        }
        Ok(Stage { row, progress, here: 0, ended: 0, report: Report::new(name, Some(total)), renamed: HashSet::new() })
    }

    async fn end(&self, mut stage: Stage) -> Result<Stage, Failure> {
        stage.report.end();
        let done = Progress { done: true, ..stage.progress };
        self.advance(&mut stage, done, Batch::new()).await?;
        Ok(stage)
    }

    /// Writes what is ready, and that everything up to `last` was looked at. Where the database refuses it, the rows are
    /// written one by one, so that only those are lost that are refused. Where nothing is ready nothing is written: a part
    /// that is here already is passed by.
    async fn write<R>(
        &self,
        stage: &mut Stage,
        ready: &[Ready<R>],
        last: Uuid,
        add: fn(&mut Batch, &[Ready<R>]),
    ) -> Result<(), Failure> {
        if ready.is_empty() {
            stage.progress.last = Some(last);
            return Ok(());
        }
        let mut whole = Batch::new();
        add(&mut whole, ready);
        let done = Progress { taken: stage.progress.taken + count(ready.len()), last: Some(last), ..stage.progress };
        fail_point::reached("before a part of a move is saved");
        match self.advance(stage, done, whole).await {
            Err(Error::Unmet(_)) => return Err(at_once()),
            Err(error) if error.is_outage() => return Err(error.into()),
            Err(_) => self.one_by_one(stage, ready, last, add).await?,
            Ok(()) => {}
        }
        fail_point::reached("after a part of a move is saved");
        Ok(())
    }

    async fn one_by_one<R>(
        &self,
        stage: &mut Stage,
        ready: &[Ready<R>],
        last: Uuid,
        add: fn(&mut Batch, &[Ready<R>]),
    ) -> Result<(), Failure> {
        for row in ready {
            let id = row.0;
            let mut batch = Batch::new();
            add(&mut batch, std::slice::from_ref(row));
            let done = Progress { taken: stage.progress.taken + 1, last: Some(id), ..stage.progress };
            match self.advance(stage, done, batch).await {
                Ok(()) => {}
                Err(Error::Unmet(_)) => return Err(at_once()),
                Err(error) if error.is_outage() => return Err(error.into()),
                Err(error) => stage.lose(id, &refused(&error)),
            }
        }
        let done = Progress { last: Some(last), ..stage.progress };
        Ok(self.advance(stage, done, Batch::new()).await?)
    }

    /// Commits rows together with the progress that they are.
    async fn advance(&self, stage: &mut Stage, next: Progress, mut batch: Batch) -> Result<(), Error> {
        if self.flags.dry_run {
            stage.progress = next;
            return Ok(());
        }
        let known = stage.progress.advance(&mut batch, next, self.fit.engine.clock.now());
        self.store.commit(batch).await?;
        stage.progress = known;
        Ok(())
    }

    /// Which of those people are here already.
    async fn here(&self, part: &[Found<Identity>]) -> Result<HashSet<Uuid>, Failure> {
        if self.is_bare {
            return Ok(HashSet::new());
        }
        let ids: Vec<Uuid> = part.iter().map(|found| found.id).collect();
        Ok(imports::identities_here(&self.store, &ids).await?.into_iter().collect())
    }

    fn is_wanted(&self, session: &Session) -> bool {
        self.flags.ended_sessions || (session.active && session.expires_at > self.fit.engine.clock.now())
    }

    async fn fitted(&self, report: &mut Report, mut identity: Identity) -> Result<Identity, String> {
        let id = identity.id;
        self.fit.fitted(report, format_args!("identity {id}"), &mut identity).await;
        if self.flags.dry_run && !self.is_bare {
            self.is_free(&identity).await?;
        }
        Ok(identity)
    }

    /// Whether somebody else in Kratos has an identifier that becomes the same here.
    async fn collides(
        &self,
        stage: &mut Stage,
        id: Uuid,
        renamed: Vec<(CredentialType, String)>,
    ) -> Result<bool, Failure> {
        let mut collides = false;
        for (kind, name) in renamed {
            collides |= self.source.is_taken(kind, &name, id).await?;
            collides |= !stage.renamed.insert((kind, name));
        }
        Ok(collides)
    }

    /// Whether nobody here has what the person signs in with.
    async fn is_free(&self, identity: &Identity) -> Result<(), String> {
        for credential in &identity.credentials {
            for identifier in &credential.identifiers {
                let owner = imports::owner_of_identifier(&self.store, credential.kind.as_str(), identifier).await;
                if owner.map_err(|error| error.to_string())?.is_some() {
                    return Err(refused(&Error::Unique(identities::IDENTIFIER.into())));
                }
            }
        }
        Ok(())
    }

    /// Says what became of it all, and whether that is all there is.
    async fn conclude(&self, there: &Counts, stages: [Stage; 2]) -> Result<(), Failure> {
        let here = if self.is_bare { Vec::new() } else { imports::counts(&self.store).await? };
        out::line(format_args!("{:<22} {:>12} {:>12}", "", "in Kratos", "here"));
        for (name, there) in there {
            out::line(format_args!("{name:<22} {there:>12} {:>12}", counted(&here, name)));
        }
        for (name, count) in self.source.left_behind().await? {
            out::line(format_args!("stays behind: {count} {name}"));
        }
        let verb = if self.flags.dry_run { "would come over" } else { "came over" };
        let (mut lost, mut unusable) = (0, 0);
        for stage in &stages {
            let Stage { row, progress, here, ended, report, .. } = stage;
            let Progress { taken, lost: gone, .. } = progress;
            out::line(format_args!("{row}: {taken} {verb}, {here} were here before, {ended} had ended, {gone} lost"));
            for (reason, count) in report.reasons() {
                out::line(format_args!("  {count} × {reason}"));
            }
            lost += gone;
            unusable += report.said();
        }
        let [people, _] = &stages;
        let arrived = people.progress.taken + people.here;
        if !self.flags.dry_run && counted(&here, "identities") < arrived {
            return Err(Failure::new(
                "there are fewer people here than came over: do not go on without finding out why",
            ));
        }
        if lost > 0 || (self.flags.dry_run && unusable > 0) {
            return Err(Failure::new(format!("Not everything {verb}: see above.")));
        }
        Ok(())
    }
}

impl Stage {
    /// A row does not come over.
    fn lose(&mut self, id: Uuid, reason: &str) {
        self.progress.lost += 1;
        self.report.say(format_args!("{} {id}", self.row), reason);
    }
}

fn write_people(batch: &mut Batch, people: &[Ready<Identity>]) {
    identities::insert_all(batch, people.iter().map(|(_, identity)| identity));
}

fn write_sessions(batch: &mut Batch, all: &[Ready<(Session, SessionToken)>]) {
    for (_, (session, token)) in all {
        sessions::insert(batch, session, token);
    }
}

fn at_once() -> Failure {
    Failure::new("another process is moving the same database into this one")
}

fn counted(counts: &Counts, name: &str) -> i64 {
    counts.iter().find(|(known, _)| *known == name).map(|(_, count)| *count).unwrap_or_default()
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
