//! A database of Kratos, which is read and never written to: the only place that knows its tables.
//!
//! They differ by database and by version: ids are texts or UUIDs, times stand in five forms, and columns came with the
//! years. So every column is asked for as text, one that a table lacks as NULL, and [`rows`] makes of the texts what
//! they mean.
//!
//! Every row is found, whatever stands in it: pages follow what the database itself orders by ([`pages`]), and what
//! cannot be migrated is told of the row it stands in, with a reason, and does not stop the others. Memory does not grow
//! with the tables.

mod children;
mod fields;
mod pages;
mod rows;
mod table;
mod time;

use crate::{
    db::{Dialect, PoolOptions, Store},
    dsn::{self, Target},
    error::Error,
    value::Value,
};
use children::Children;
use fields::Fields;
pub use pages::Position;
use rows::{Belongings, CredentialTypes};
pub use rows::{Part, Remarks};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};
pub use table::Table;
use uuid::Uuid;
use zelos_core::{
    identity::{CredentialType, Identity},
    session::{Session, SessionToken},
};

/// A row that was found, and what could be made of it.
#[derive(Debug)]
pub struct Found<T> {
    /// Its id as it stands there; none for NULL.
    pub source_id: Option<String>,
    /// Its id, if it is one.
    pub id: Option<Uuid>,
    /// What it says, or why it cannot be migrated; the reason quotes nothing of it.
    pub what: Result<T, String>,
    pub remarks: Remarks,
    /// The rows of other tables that belong to it.
    pub parts: Vec<Part>,
    /// Those of them that name it in other letters than its own.
    pub respelt: Vec<Part>,
}

/// A part of a table, and where it goes on; none at the end.
pub type Read<T> = (Vec<Found<T>>, Option<Position>);

/// How many rows there are.
pub type Counts = Vec<(&'static str, i64)>;

/// An open database of Kratos, as one network of it sees it.
#[derive(Debug)]
pub struct Kratos {
    store: Store,
    /// Whose rows are read: the installation.
    pub network: Uuid,
    columns: BTreeMap<&'static str, BTreeSet<String>>,
    types: CredentialTypes,
}

const NETWORKS: &str = "networks";
const TYPES: &str = "identity_credential_types";

/// The tables without which it is no database of Kratos.
const NEEDED: [&str; 7] = [
    NETWORKS,
    TYPES,
    "identities",
    "identity_credentials",
    "identity_credential_identifiers",
    "identity_verifiable_addresses",
    "sessions",
];

/// What is not taken over, and what it is called: what lives for an hour, and what belongs to it.
const LEFT_BEHIND: [(&str, &str); 13] = [
    ("selfservice_login_flows", "login flows"),
    ("selfservice_registration_flows", "registration flows"),
    ("selfservice_settings_flows", "settings flows"),
    ("selfservice_recovery_flows", "recovery flows"),
    ("selfservice_verification_flows", "verification flows"),
    ("identity_login_codes", "codes to sign in"),
    ("identity_registration_codes", "codes to sign up"),
    ("identity_recovery_codes", "codes to recover an account"),
    ("identity_verification_codes", "codes to verify an address"),
    ("identity_recovery_tokens", "links to recover an account"),
    ("identity_verification_tokens", "links to verify an address"),
    ("identity_pending_traits_changes", "changes that wait for the proof of an address"),
    ("courier_messages", "messages"),
];

/// A part of a table may take longer to read than anything that a request asks for.
const PATIENCE: Duration = Duration::from_mins(10);

impl Kratos {
    /// Opens the database that a DSN, or the path of an SQLite file, names. Without a network it is the oldest, as it is
    /// for Kratos itself.
    pub async fn open(from: &str, network: Option<Uuid>) -> Result<Self, Error> {
        let dsn = if from.contains("://") {
            from.to_owned()
        } else if Path::new(from).is_file() {
            format!("sqlite://{}", from.replace('%', "%25").replace('?', "%3F"))
        } else {
            return Err(Error::Dsn("it is neither a DSN nor a file".into()));
        };
        let options = PoolOptions { statement_timeout: PATIENCE, ..PoolOptions::default() };
        let store = Store::connect_to_read(&dsn, options)?;
        let mut columns = BTreeMap::new();
        let others = [Table::RecoveryAddresses.name(), Table::Devices.name()];
        for table in NEEDED.into_iter().chain(others).chain(LEFT_BEHIND.map(|(table, _)| table)) {
            let found = columns_of(&store, table).await?;
            if found.is_empty() && NEEDED.contains(&table) {
                return Err(Error::Other(format!("it is no database of Kratos: it has no table `{table}`")));
            }
            columns.insert(table, found);
        }
        if let Some(old) = Table::ALL.iter().find(|table| {
            columns.get(table.name()).is_some_and(|columns| !columns.is_empty() && !columns.contains("nid"))
        }) {
            let reason =
                format!("`{}` has no column `nid`: run the migrations of a newer Kratos on a copy first", old.name());
            return Err(Error::Other(reason));
        }
        let mut kratos = Self { store, network: Uuid::nil(), columns, types: CredentialTypes::default() };
        let networks = kratos.networks().await?;
        let chosen = match network {
            None => networks.first().copied(),
            Some(network) => networks.into_iter().find(|known| *known == network),
        };
        kratos.network = chosen.ok_or_else(|| Error::Other("the database holds no such network".into()))?;
        kratos.types = kratos.credential_types().await?;
        Ok(kratos)
    }

    /// Whether a DSN names the very database that is read.
    pub fn is_same(from: &str, to: &str) -> bool {
        let file = |dsn: &str| {
            let path = match dsn::parse(dsn, &mut PoolOptions::default()) {
                Ok(Target::Sqlite(file)) => file.path,
                _ => Path::new(dsn).to_owned(),
            };
            path.canonicalize().ok()
        };
        from == to || file(from).is_some_and(|from| file(to) == Some(from))
    }

    /// Whether a database of ours would stand among Kratos' tables.
    pub async fn lives_in(store: &Store) -> Result<bool, Error> {
        Ok(!columns_of(store, TYPES).await?.is_empty())
    }

    /// Every network there is, the oldest first. What is no UUID is none.
    async fn networks(&self) -> Result<Vec<Uuid>, Error> {
        let sql = format!("SELECT {} FROM networks t ORDER BY t.created_at, t.id", self.as_text(NETWORKS, &["id"]));
        let rows = self.store.scan(sql, Vec::new(), |row| Fields::read(row, &["id"])).await?;
        Ok(rows.iter().filter_map(|row| row.uuid("id").ok()).collect())
    }

    async fn credential_types(&self) -> Result<CredentialTypes, Error> {
        let sql = format!("SELECT {} FROM {TYPES} t", self.as_text(TYPES, &["id", "name"]));
        let rows = self.store.scan(sql, Vec::new(), |row| Fields::read(row, &["id", "name"])).await?;
        let named = rows
            .iter()
            .filter_map(|row| Some((row.text("id").ok()?.to_lowercase(), row.text("name").ok()?.to_owned())));
        Ok(CredentialTypes(named.collect()))
    }

    /// The next identities after that position, with all they have.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn identities(&self, after: Option<&Position>, most: usize) -> Result<Read<Identity>, Error> {
        let page = self.page(Table::Identities, after, most).await?;
        let twins = self.twins(Table::Identities, &page.rows).await?;
        let parents: Vec<&Fields> = page.rows.iter().collect();
        let mut credentials = self.children(Table::Credentials, &parents).await?;
        let mut verifiable = self.children(Table::VerifiableAddresses, &parents).await?;
        let mut recovery = self.children(Table::RecoveryAddresses, &parents).await?;
        let mut names = self.children(Table::Identifiers, &credentials.rows()).await?;
        let mut found = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let has_twin = row.uuid("id").is_ok_and(|id| twins.contains(&id));
            let mut respelt = Vec::new();
            let with_names = |credential: Fields, respelt: &mut Vec<Part>| {
                let names = names.take(&credential, false, respelt);
                (credential, names)
            };
            let mut with_names = with_names;
            let own = credentials.take(row, has_twin, &mut respelt);
            let all = Belongings {
                credentials: own.into_iter().map(|credential| with_names(credential, &mut respelt)).collect(),
                verifiable: verifiable.take(row, has_twin, &mut respelt),
                recovery: recovery.take(row, has_twin, &mut respelt),
            };
            let mut remarks = Remarks::default();
            let what = is_the_one(row, has_twin).and_then(|()| rows::identity(row, &all, &self.types, &mut remarks));
            found.push(Found::of(row, what, remarks, all.parts(), respelt));
        }
        Ok((found, page.next))
    }

    /// The next sessions after that position, with their tokens and devices.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sessions(
        &self,
        after: Option<&Position>,
        most: usize,
    ) -> Result<Read<(Session, SessionToken)>, Error> {
        let page = self.page(Table::Sessions, after, most).await?;
        let twins = self.twins(Table::Sessions, &page.rows).await?;
        let mut devices = self.children(Table::Devices, &page.rows.iter().collect::<Vec<_>>()).await?;
        let mut found = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let has_twin = row.uuid("id").is_ok_and(|id| twins.contains(&id));
            let mut respelt = Vec::new();
            let devices = devices.take(row, has_twin, &mut respelt);
            let mut remarks = Remarks::default();
            let what = is_the_one(row, has_twin).and_then(|()| rows::session(row, &devices, &mut remarks));
            let parts = devices.iter().map(|row| Part::of(Table::Devices, row)).collect();
            found.push(Found::of(row, what, remarks, parts, respelt));
        }
        Ok((found, page.next))
    }

    /// The next rows of a table that name nothing that exists in their very letters, each with what belongs to it in turn.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn orphans(
        &self,
        table: Table,
        after: Option<&Position>,
        most: usize,
    ) -> Result<(Vec<(Part, Vec<Part>)>, Option<Position>), Error> {
        let page = self.orphaned(table, after, most).await?;
        let mut parts = Vec::with_capacity(page.rows.len());
        let mut names = match table {
            Table::Credentials => self.children(Table::Identifiers, &page.rows.iter().collect::<Vec<_>>()).await?,
            _ => Children::default(),
        };
        for row in &page.rows {
            let own = names.take(row, false, &mut Vec::new());
            parts.push((Part::of(table, row), own.iter().map(|row| Part::of(Table::Identifiers, row)).collect()));
        }
        Ok((parts, page.next))
    }

    /// Whether somebody else than that person has an identifier of that type, written exactly so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_taken(&self, kind: CredentialType, identifier: &str, by_other_than: Uuid) -> Result<bool, Error> {
        let other = if self.store.dialect() == Dialect::Postgres { "t.identity_id" } else { "LOWER(t.identity_id)" };
        let sql = format!(
            "SELECT COUNT(*) FROM identity_credential_identifiers n \
             JOIN identity_credentials t ON t.id = n.identity_credential_id \
             JOIN identity_credential_types k ON k.id = t.identity_credential_type_id \
             WHERE {} AND n.identifier = ? AND k.name = ? AND {other} <> ?",
            self.own("n")
        );
        let (own, person) = (self.key(self.network), self.key(by_other_than));
        let params = vec![own, identifier.to_owned().into(), kind.as_str().into(), person];
        let counted = self.store.scan(sql, params, |row| row.get::<i64>(0)).await?;
        Ok(counted.first().is_some_and(|count| *count > 0))
    }

    /// How many rows there are of what is migrated.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn counts(&self) -> Result<BTreeMap<Table, i64>, Error> {
        let mut counts = BTreeMap::new();
        for table in Table::ALL {
            counts.insert(table, self.count(table.name(), "TRUE").await?);
        }
        Ok(counts)
    }

    /// How many rows there are of what is not migrated, where there are any.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn left_behind(&self) -> Result<Counts, Error> {
        let mut counts = Vec::new();
        for (table, name) in LEFT_BEHIND {
            counts.push((name, self.count(table, "TRUE").await?));
        }
        counts.push(("identities of other networks, or of none", self.count("identities", "NOT TRUE").await?));
        counts.retain(|(_, count)| *count > 0);
        Ok(counts)
    }

    async fn count(&self, table: &'static str, is: &str) -> Result<i64, Error> {
        if !self.has(table, "nid") {
            return Ok(0);
        }
        let sql = format!("SELECT COUNT(*) FROM {table} t WHERE ({}) IS {is}", self.own("t"));
        let counted = self.store.scan(sql, vec![self.key(self.network)], |row| row.get(0)).await?;
        Ok(counted.first().copied().unwrap_or_default())
    }

    /// Whether a row is of the network, which is the one value of it. Older rows may spell it in capitals.
    fn own(&self, alias: &str) -> String {
        match self.store.dialect() {
            Dialect::Sqlite => format!("LOWER(CAST({alias}.nid AS TEXT)) = ?"),
            Dialect::Postgres => format!("{alias}.nid = ?"),
            Dialect::MySql => format!("LOWER({alias}.nid) = ?"),
        }
    }

    /// The columns of a table, from `t`, as texts; those that it lacks are NULL.
    fn as_text(&self, table: &str, columns: &[&str]) -> String {
        let text = self.text_type();
        let column = |name: &&str| {
            if self.has(table, name) { format!("CAST(t.{name} AS {text})") } else { format!("CAST(NULL AS {text})") }
        };
        columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }

    fn text_type(&self) -> &'static str {
        if self.store.dialect() == Dialect::MySql { "CHAR" } else { "TEXT" }
    }

    fn has(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// An id as its columns hold it: only PostgreSQL has a type for it.
    fn key(&self, id: Uuid) -> Value<'static> {
        if self.store.dialect() == Dialect::Postgres { id.into() } else { id.to_string().into() }
    }
}

impl<T> Found<T> {
    fn of(row: &Fields, what: Result<T, String>, remarks: Remarks, parts: Vec<Part>, respelt: Vec<Part>) -> Self {
        Self { source_id: row.source_id(), id: row.id("id").ok(), what, remarks, parts, respelt }
    }
}

/// Of rows whose ids differ in letters only, the one in small letters counts.
fn is_the_one(row: &Fields, has_twin: bool) -> Result<(), String> {
    let is_canonical = || row.uuid("id").is_ok_and(|id| row.text("id") == Ok(id.to_string().as_str()));
    if has_twin && !is_canonical() {
        Err("there is another row with the same id in other letters".into())
    } else {
        Ok(())
    }
}

async fn columns_of(store: &Store, table: &'static str) -> Result<BTreeSet<String>, Error> {
    let sql = match store.dialect() {
        Dialect::Sqlite => "SELECT name FROM pragma_table_info(?)",
        Dialect::Postgres => {
            "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = ?"
        }
        Dialect::MySql => {
            "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = ?"
        }
    };
    Ok(store.scan(sql, vec![table.into()], |row| row.get(0)).await?.into_iter().collect())
}
