//! Reads the tables of Kratos part by part, and writes what can be migrated.

use super::{
    Flags,
    ledger::{Entry, Fate, Ledger, Tally},
};
use crate::{
    cli::{
        Failure,
        import::{
            fit::{Fit, refused},
            report::Report,
        },
    },
    out,
};
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;
use zelos_core::{
    fail_point,
    identity::{CredentialType, Identity},
    session::{Session, SessionToken},
};
use zelos_store::{
    Batch, Error, Store, identities,
    imports::{self, Progress},
    kratos::{Found, Kratos, Position, Read, Table},
    sessions,
};

/// What an import needs.
pub(super) struct Mover {
    pub(super) fit: Fit,
    pub(super) store: Store,
    pub(super) source: Kratos,
    /// The database has no tables yet, and a dry run does not make them.
    pub(super) is_bare: bool,
    pub(super) flags: Flags,
}

/// One table on its way.
struct Stage {
    table: Table,
    progress: Progress,
    ledger: Ledger,
    report: Report,
    /// Identifiers that get another form here: few, and of interest to a dry run only.
    renamed: HashSet<(CredentialType, String)>,
}

/// A row that is ready to be written.
struct Ready<R> {
    id: Uuid,
    entry: Entry,
    row: R,
}

type SignedIn = (Session, SessionToken);

/// How rows of a kind are written, and how many rows of which tables that are.
trait Rows: Sized {
    fn add(batch: &mut Batch, rows: &[&Self]);
    fn count(&self) -> Vec<(Table, usize)>;
}

impl Rows for Identity {
    fn add(batch: &mut Batch, rows: &[&Self]) {
        identities::insert_all(batch, rows.iter().copied());
    }

    fn count(&self) -> Vec<(Table, usize)> {
        vec![
            (Table::Identities, 1),
            (Table::Credentials, self.credentials.len()),
            (Table::Identifiers, self.credentials.iter().map(|credential| credential.identifiers.len()).sum()),
            (Table::VerifiableAddresses, self.verifiable_addresses.len()),
            (Table::RecoveryAddresses, self.recovery_addresses.len()),
        ]
    }
}

impl Rows for SignedIn {
    fn add(batch: &mut Batch, rows: &[&Self]) {
        for (session, token) in rows {
            sessions::insert(batch, session, token);
        }
    }

    fn count(&self) -> Vec<(Table, usize)> {
        vec![(Table::Sessions, 1)]
    }
}

impl Mover {
    pub(super) async fn all(&self, ledger: Ledger) -> Result<(), Failure> {
        out::line(format_args!("Kratos' network {}", self.source.network));
        let before = self.counts_here().await?;
        let most = usize::from(self.flags.batch);
        let stage = self.begin(Table::Identities, ledger).await?;
        let read = async |after: Option<Position>| self.source.identities(after.as_ref(), most).await;
        let judge = async |stage: &mut Stage, part| self.identities(stage, part).await;
        let Stage { ledger, report, .. } = Box::pin(self.table(stage, read, judge)).await?;
        let stage = self.begin(Table::Sessions, ledger).await?;
        let read = async |after: Option<Position>| self.source.sessions(after.as_ref(), most).await;
        let judge = async |stage: &mut Stage, part| self.sessions(stage, part).await;
        let mut last = self.table(stage, read, judge).await?;
        last.ledger.recount(&self.source.counts().await?);
        self.orphans(&mut last).await?;
        let Stage { ledger, report: of_sessions, .. } = last;
        let written = self.check_written(&before, &ledger).await;
        self.conclude(ledger, [report, of_sessions]).await?;
        written
    }

    /// A whole table, part by part: the next one is read while what is ready of this one is written.
    async fn table<F, R: Rows>(
        &self,
        mut stage: Stage,
        read: impl AsyncFn(Option<Position>) -> Result<Read<F>, Error>,
        judge: impl AsyncFn(&mut Stage, Vec<Found<F>>) -> Result<Vec<Ready<R>>, Failure>,
    ) -> Result<Stage, Failure> {
        let (mut part, mut next) = read(None).await?;
        loop {
            stage.report.came_by(part.len());
            let ready = judge(&mut stage, part).await?;
            let reading = async {
                match next.take() {
                    Some(position) => read(Some(position)).await.map(Some),
                    None => Ok(None),
                }
            };
            let (read, written) = tokio::join!(reading, self.write(&mut stage, ready));
            written?;
            stage.ledger.flush()?;
            let Some((rows, position)) = read? else { break };
            (part, next) = (rows, position);
        }
        self.end(stage).await
    }

    async fn identities(&self, stage: &mut Stage, part: Vec<Found<Identity>>) -> Result<Vec<Ready<Identity>>, Failure> {
        let ids: Vec<Uuid> = part.iter().filter_map(|found| found.id).collect();
        let here = if self.is_bare { Vec::new() } else { imports::identities_here(&self.store, &ids).await? };
        let here: HashSet<Uuid> = here.into_iter().collect();
        let mut ready = Vec::with_capacity(part.len());
        for mut found in part {
            stage.ledger.respell(std::mem::take(&mut found.respelt));
            let entry = Entry::of(Table::Identities, &mut found);
            let Found { id, what, remarks, .. } = found;
            let judged = match (id, what) {
                (Some(id), _) if here.contains(&id) => Err(Fate::Present),
                (_, Err(reason)) => Err(Fate::Skipped(reason)),
                (None, Ok(_)) => Err(Fate::Skipped(NO_ID.to_owned())),
                (Some(id), Ok(_)) if self.flags.dry_run && self.collides(stage, id, remarks.renamed).await? => {
                    Err(Fate::Skipped(COLLIDES.to_owned()))
                }
                (Some(id), Ok(identity)) => {
                    let fitted = self.fitted(&mut stage.report, &entry, identity).await;
                    fitted.map(|identity| (id, identity)).map_err(Fate::Skipped)
                }
            };
            match judged {
                Ok((id, row)) => ready.push(Ready { id, entry, row }),
                Err(fate) => stage.settle(entry, &fate)?,
            }
        }
        Ok(ready)
    }

    async fn sessions(&self, stage: &mut Stage, part: Vec<Found<SignedIn>>) -> Result<Vec<Ready<SignedIn>>, Failure> {
        let (here, owners) = self.here_of(&part).await?;
        let mut ready = Vec::with_capacity(part.len());
        for mut found in part {
            stage.ledger.respell(std::mem::take(&mut found.respelt));
            let entry = Entry::of(Table::Sessions, &mut found);
            let judged = match (found.id, found.what) {
                (Some(id), _) if here.contains(&id) => Err(Fate::Present),
                (_, Err(reason)) => Err(Fate::Skipped(reason)),
                (None, Ok(_)) => Err(Fate::Skipped(NO_ID.to_owned())),
                (_, Ok((session, _))) if !self.is_wanted(&session) => Err(Fate::Ended),
                (_, Ok((session, _))) if !owners.contains(&session.identity_id.0) => {
                    Err(Fate::Skipped("its identity is not migrated".to_owned()))
                }
                (Some(id), Ok(row)) => Ok((id, row)),
            };
            match judged {
                Ok((id, row)) => ready.push(Ready { id, entry, row }),
                Err(fate) => stage.settle(entry, &fate)?,
            }
        }
        Ok(ready)
    }

    /// Which of those sessions are here already, and which of their identities are.
    async fn here_of(&self, part: &[Found<SignedIn>]) -> Result<(HashSet<Uuid>, HashSet<Uuid>), Failure> {
        let ids: Vec<Uuid> = part.iter().filter_map(|found| found.id).collect();
        let read = part.iter().filter_map(|found| found.what.as_ref().ok());
        let owners: HashSet<Uuid> = read.map(|(session, _)| session.identity_id.0).collect();
        if self.is_bare {
            return Ok((HashSet::new(), owners));
        }
        let here = imports::sessions_here(&self.store, &ids).await?.into_iter().collect();
        if self.flags.dry_run {
            // Nobody was written who could be found.
            return Ok((here, owners));
        }
        let owners: Vec<Uuid> = owners.into_iter().collect();
        Ok((here, imports::identities_here(&self.store, &owners).await?.into_iter().collect()))
    }

    /// Where the table stands here. Each run looks at all of it.
    async fn begin(&self, table: Table, ledger: Ledger) -> Result<Stage, Failure> {
        let begun = Progress::of(self.source.network, table.name());
        let progress = if self.flags.dry_run { begun } else { imports::progress(&self.store, begun).await?.anew() };
        let report = Report::new(table.label(), Some(ledger.of(table).source));
        Ok(Stage { table, progress, ledger, report, renamed: HashSet::new() })
    }

    async fn end(&self, mut stage: Stage) -> Result<Stage, Failure> {
        stage.report.end();
        let lost = stage.ledger.of(stage.table).skipped;
        let done = Progress { done: true, lost, ..stage.progress };
        self.advance(&mut stage, done, Batch::new()).await?;
        Ok(stage)
    }

    /// Writes what is ready, and how far it is. Where the database refuses it, the rows are written one by one, so that
    /// only those are skipped that are refused.
    async fn write<R: Rows>(&self, stage: &mut Stage, ready: Vec<Ready<R>>) -> Result<(), Failure> {
        let Some(last) = ready.last().map(|ready| ready.id) else { return Ok(()) };
        let mut whole = Batch::new();
        R::add(&mut whole, &ready.iter().map(|ready| &ready.row).collect::<Vec<_>>());
        let done = Progress { taken: stage.progress.taken + count(ready.len()), last: Some(last), ..stage.progress };
        fail_point::reached("before a part of a move is saved");
        match self.advance(stage, done, whole).await {
            Err(Error::Unmet(_)) => return Err(at_once()),
            Err(error) if error.is_outage() => return Err(error.into()),
            Err(_) => self.one_by_one(stage, ready).await?,
            Ok(()) => {
                for Ready { entry, row, .. } in ready {
                    stage.migrated(entry, &row)?;
                }
            }
        }
        fail_point::reached("after a part of a move is saved");
        Ok(())
    }

    async fn one_by_one<R: Rows>(&self, stage: &mut Stage, ready: Vec<Ready<R>>) -> Result<(), Failure> {
        for Ready { id, entry, row } in ready {
            let mut batch = Batch::new();
            R::add(&mut batch, &[&row]);
            let done = Progress { taken: stage.progress.taken + 1, last: Some(id), ..stage.progress };
            match self.advance(stage, done, batch).await {
                Ok(()) => stage.migrated(entry, &row)?,
                Err(Error::Unmet(_)) => return Err(at_once()),
                Err(error) if error.is_outage() => return Err(error.into()),
                Err(error) => stage.settle(entry, &Fate::Skipped(refused(&error)))?,
            }
        }
        Ok(())
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

    fn is_wanted(&self, session: &Session) -> bool {
        self.flags.ended_sessions || (session.active && session.expires_at > self.fit.engine.clock.now())
    }

    async fn fitted(&self, report: &mut Report, entry: &Entry, mut identity: Identity) -> Result<Identity, String> {
        self.fit.fitted(report, entry.name(), &mut identity).await;
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

    /// Looks for rows that belong to nothing, where rows are missing.
    async fn orphans(&self, stage: &mut Stage) -> Result<(), Failure> {
        let most = usize::from(self.flags.batch);
        for table in Table::ALL {
            let mut after = None;
            while stage.ledger.of(table).unaccounted() > 0 {
                let (rows, next) = self.source.orphans(table, after.as_ref(), most).await?;
                for (row, parts) in rows {
                    if stage.ledger.is_respelt(&row) {
                        continue;
                    }
                    for part in std::iter::once(&row).chain(&parts) {
                        stage.ledger.skip(&mut stage.report, part, "what it belongs to does not exist")?;
                    }
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn counts_here(&self) -> Result<BTreeMap<&'static str, i64>, Failure> {
        if self.is_bare {
            return Ok(BTreeMap::new());
        }
        Ok(imports::counts(&self.store).await?.into_iter().collect())
    }

    /// Whether what was written is here.
    async fn check_written(&self, before: &BTreeMap<&'static str, i64>, ledger: &Ledger) -> Result<(), Failure> {
        if self.flags.dry_run {
            return Ok(());
        }
        let after = self.counts_here().await?;
        for table in Table::ALL {
            let count = |counts: &BTreeMap<&str, i64>| counts.get(table.label()).copied();
            let grown = count(&after).unwrap_or_default() - count(before).unwrap_or_default();
            if count(&after).is_some() && grown < ledger.written(table) {
                return Err(Failure::new(format!(
                    "{} {} were written, and only {grown} more are here: do not go on without finding out why",
                    ledger.written(table),
                    table.label()
                )));
            }
        }
        Ok(())
    }

    /// Says what became of it all, and whether that is all there is.
    async fn conclude(&self, ledger: Ledger, reports: [Report; 2]) -> Result<(), Failure> {
        let migrated = if self.flags.dry_run { "to migrate" } else { "migrated" };
        out::line(format_args!(
            "{:<22}{:>11}{migrated:>11}{:>11}{:>11}{:>11}",
            "", "in Kratos", "present", "ended", "skipped"
        ));
        let tables = ledger.tables();
        for (table, tally) in &tables {
            let Tally { source, migrated, present, ended, skipped } = tally;
            let name = table.label();
            out::line(format_args!("{name:<22}{source:>11}{migrated:>11}{present:>11}{ended:>11}{skipped:>11}"));
        }
        for (name, count) in self.source.left_behind().await? {
            out::line(format_args!("stays behind: {count} {name}"));
        }
        for (reason, count) in reports.iter().flat_map(Report::reasons) {
            out::line(format_args!("  {count} × {}", out::quoted(reason)));
        }
        ledger.end()?;
        for (table, tally) in &tables {
            if tally.unaccounted() != 0 {
                return Err(Failure::new(format!(
                    "{} of Kratos' {} are not accounted for: rows came or went meanwhile – stop Kratos and start again –, or \
                     the table is damaged",
                    tally.unaccounted().abs(),
                    table.label()
                )));
            }
        }
        let skipped: i64 = tables.values().map(|tally| tally.skipped).sum();
        let said: u64 = reports.iter().map(Report::said).sum();
        if self.flags.allow_skipped {
            return Ok(());
        }
        if skipped > 0 {
            let reason = format!("{skipped} rows were skipped: see above. With --allow-skipped this is no failure.");
            return Err(Failure::new(reason));
        }
        if self.flags.dry_run && said > 0 {
            return Err(Failure::new("Not everything could be used: see above."));
        }
        Ok(())
    }
}

const NO_ID: &str = "id is no UUID";
const COLLIDES: &str = "somebody else there signs in with the same identifier, written in another form";

impl Stage {
    fn settle(&mut self, entry: Entry, fate: &Fate) -> Result<(), Failure> {
        self.ledger.settle(&mut self.report, entry, fate)
    }

    /// A row is written.
    fn migrated<R: Rows>(&mut self, entry: Entry, row: &R) -> Result<(), Failure> {
        self.ledger.wrote(row.count());
        self.settle(entry, &Fate::Migrated)
    }
}

fn at_once() -> Failure {
    Failure::new("another process is moving the same database into this one")
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
