//! A database of Kratos, which is read and never written to: the only place that knows its tables.
//!
//! They differ by database and by version: ids are texts or UUIDs, times stand in five forms, and columns came with the
//! years. So every column is asked for as text, one that a table lacks as NULL, and [`rows`] makes of the texts what
//! they mean. What cannot be read is told of the row it stands in, and does not stop the others.
//!
//! Rows are read in the order of their ids, a part at a time, so that memory does not grow with the table and whoever
//! reads can go on where they stopped.

mod rows;

use crate::{
    db::{Dialect, PoolOptions, Store},
    dsn::{self, Target},
    error::Error,
    page::{marks, padded},
    value::{Row, Value},
};
use rows::Fields;
pub use rows::Remarks;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    time::Duration,
};
use uuid::Uuid;
use zelos_core::{
    identity::{CredentialType, Identity},
    session::{Device, Session, SessionToken},
};

/// A row that was found, and what could be made of it.
#[derive(Debug)]
pub struct Found<T> {
    pub id: Uuid,
    /// What it says, or why it cannot be taken over; the reason quotes nothing of it.
    pub what: Result<T, String>,
    pub remarks: Remarks,
}

/// How many rows there are.
pub type Counts = Vec<(&'static str, i64)>;

/// An open database of Kratos, as one network of it sees it.
#[derive(Debug)]
pub struct Kratos {
    store: Store,
    /// Whose rows are read: the installation.
    pub network: Uuid,
    columns: BTreeMap<&'static str, BTreeSet<String>>,
}

const NETWORKS: &str = "networks";
const IDENTITIES: &str = "identities";
const CREDENTIALS: &str = "identity_credentials";
const TYPES: &str = "identity_credential_types";
const IDENTIFIERS: &str = "identity_credential_identifiers";
const VERIFIABLE: &str = "identity_verifiable_addresses";
const RECOVERY: &str = "identity_recovery_addresses";
const SESSIONS: &str = "sessions";
const DEVICES: &str = "session_devices";

/// The tables without which it is no database of Kratos.
const NEEDED: [&str; 7] = [NETWORKS, IDENTITIES, CREDENTIALS, TYPES, IDENTIFIERS, VERIFIABLE, SESSIONS];

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
        for table in NEEDED.into_iter().chain([RECOVERY, DEVICES]).chain(LEFT_BEHIND.map(|(table, _)| table)) {
            let found = columns_of(&store, table).await?;
            if found.is_empty() && NEEDED.contains(&table) {
                return Err(Error::Other(format!("it is no database of Kratos: it has no table `{table}`")));
            }
            columns.insert(table, found);
        }
        let mut kratos = Self { store, network: Uuid::nil(), columns };
        let networks = kratos.networks().await?;
        let chosen = match network {
            None => networks.first().copied(),
            Some(network) => networks.into_iter().find(|known| *known == network),
        };
        kratos.network = chosen.ok_or_else(|| Error::Other("the database holds no such network".into()))?;
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

    /// Every network there is, the oldest first.
    async fn networks(&self) -> Result<Vec<Uuid>, Error> {
        let sql = format!("SELECT {} FROM networks t ORDER BY t.created_at, t.id", self.as_text(NETWORKS, &["id"]));
        let ids = self.store.scan(sql, Vec::new(), |row| row.get::<String>(0)).await?;
        ids.iter().map(|id| Uuid::parse_str(id).map_err(Error::decode)).collect()
    }

    /// The next people after that id, with all they have.
    pub async fn identities(&self, after: Option<Uuid>, most: usize) -> Result<Vec<Found<Identity>>, Error> {
        const COLUMNS: [&str; 12] = [
            "id",
            "schema_id",
            "traits",
            "created_at",
            "updated_at",
            "state",
            "state_changed_at",
            "metadata_public",
            "metadata_admin",
            "available_aal",
            "organization_id",
            "external_id",
        ];
        let people = self.part(IDENTITIES, &COLUMNS, after, most).await?;
        let ids: Vec<Uuid> = people.iter().filter_map(|row| row.id("id").ok()).collect();
        let mut credentials = self.credentials_of(&ids).await?;
        let mut verifiable = self
            .belonging_to(
                (VERIFIABLE, "identity_id"),
                &["identity_id", "id", "status", "via", "verified", "value", "verified_at", "created_at", "updated_at"],
                &ids,
            )
            .await?;
        let columns = ["identity_id", "id", "via", "value", "created_at", "updated_at"];
        let mut recovery = self.belonging_to((RECOVERY, "identity_id"), &columns, &ids).await?;
        people
            .iter()
            .map(|row| {
                let id = row.id("id").map_err(Error::decode)?;
                let mut remarks = Remarks::default();
                let all = rows::Belongings {
                    credentials: credentials.remove(&id).unwrap_or_default(),
                    verifiable: verifiable.remove(&id).unwrap_or_default(),
                    recovery: recovery.remove(&id).unwrap_or_default(),
                };
                Ok(Found { id, what: rows::identity(row, &all, &mut remarks), remarks })
            })
            .collect()
    }

    /// The next sessions after that id, with their tokens and devices.
    pub async fn sessions(
        &self,
        after: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<Found<(Session, SessionToken)>>, Error> {
        const COLUMNS: [&str; 11] = [
            "id",
            "issued_at",
            "expires_at",
            "authenticated_at",
            "identity_id",
            "created_at",
            "updated_at",
            "active",
            "aal",
            "authentication_methods",
            "token",
        ];
        let sessions = self.part(SESSIONS, &COLUMNS, after, most).await?;
        let ids: Vec<Uuid> = sessions.iter().filter_map(|row| row.id("id").ok()).collect();
        let columns = ["session_id", "id", "ip_address", "user_agent", "location"];
        let mut devices = self.belonging_to((DEVICES, "session_id"), &columns, &ids).await?;
        sessions
            .iter()
            .map(|row| {
                let id = row.id("id").map_err(Error::decode)?;
                let devices: Vec<Device> =
                    devices.remove(&id).unwrap_or_default().iter().filter_map(rows::device).collect();
                Ok(Found { id, what: rows::session(row, devices), remarks: Remarks::default() })
            })
            .collect()
    }

    /// Whether somebody else than that person has an identifier of that type, written exactly so.
    pub async fn is_taken(&self, kind: CredentialType, identifier: &str, by_other_than: Uuid) -> Result<bool, Error> {
        let sql = "SELECT COUNT(*) FROM identity_credential_identifiers n \
                   JOIN identity_credentials t ON t.id = n.identity_credential_id \
                   JOIN identity_credential_types k ON k.id = t.identity_credential_type_id \
                   WHERE n.nid = ? AND n.identifier = ? AND k.name = ? AND t.identity_id <> ?";
        let (own, person) = (self.key(self.network), self.key(by_other_than));
        let params = vec![own, identifier.to_owned().into(), kind.as_str().into(), person];
        let counted = self.store.scan(sql.to_owned(), params, |row| row.get::<i64>(0)).await?;
        Ok(counted.first().is_some_and(|count| *count > 0))
    }

    /// How many rows there are of what is taken over.
    pub async fn counts(&self) -> Result<Counts, Error> {
        let mut counts = Vec::new();
        for (table, name) in [
            (IDENTITIES, "identities"),
            (CREDENTIALS, "credentials"),
            (IDENTIFIERS, "identifiers"),
            (VERIFIABLE, "verifiable addresses"),
            (RECOVERY, "recovery addresses"),
            (SESSIONS, "sessions"),
        ] {
            counts.push((name, self.count(table, "=").await?));
        }
        Ok(counts)
    }

    /// How many rows there are of what is not taken over, where there are any.
    pub async fn left_behind(&self) -> Result<Counts, Error> {
        let mut counts = Vec::new();
        for (table, name) in LEFT_BEHIND {
            counts.push((name, self.count(table, "=").await?));
        }
        counts.push(("identities of other networks", self.count(IDENTITIES, "<>").await?));
        counts.retain(|(_, count)| *count > 0);
        Ok(counts)
    }

    async fn count(&self, table: &'static str, operator: &str) -> Result<i64, Error> {
        if !self.has(table, "nid") {
            return Ok(0);
        }
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE nid {operator} ?");
        let counted = self.store.scan(sql, vec![self.key(self.network)], |row| row.get(0)).await?;
        Ok(counted.first().copied().unwrap_or_default())
    }

    /// The rows of the network after that id, in the order of ids.
    async fn part(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        after: Option<Uuid>,
        most: usize,
    ) -> Result<Vec<Fields>, Error> {
        let sql = format!(
            "SELECT {} FROM {table} t WHERE t.nid = ? AND t.id > ? ORDER BY t.id LIMIT ?",
            self.as_text(table, columns)
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let params = vec![self.key(self.network), self.key(after.unwrap_or_default()), most.into()];
        self.store.scan(sql, params, move |row| fields(row, columns)).await
    }

    /// The rows that point to those ids, by the id they point to: the first of the columns.
    async fn belonging_to<const N: usize>(
        &self,
        (table, pointer): (&'static str, &'static str),
        columns: &[&'static str; N],
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<Fields>>, Error> {
        if !self.has(table, pointer) {
            return Ok(HashMap::new());
        }
        let sql = |list: &str| {
            format!(
                "SELECT {} FROM {table} t WHERE t.{pointer} IN ({list}) ORDER BY t.created_at, t.id",
                self.as_text(table, columns)
            )
        };
        self.by_pointer(columns, ids, sql).await
    }

    /// Credentials by whose they are, with the identifiers of each in one field.
    async fn credentials_of(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Fields>>, Error> {
        const COLUMNS: [&str; 8] =
            ["identity_id", "id", "config", "version", "created_at", "updated_at", "type", "identifiers"];
        let columns = ["identity_id", "id", "config", "version", "created_at", "updated_at"];
        let (own, text) = (self.as_text(CREDENTIALS, &columns), self.text_type());
        let sql = |list: &str| {
            format!(
                "SELECT {own}, k.name, CAST(n.identifier AS {text}) FROM identity_credentials t \
                 JOIN identity_credential_types k ON k.id = t.identity_credential_type_id \
                 LEFT JOIN identity_credential_identifiers n ON n.identity_credential_id = t.id \
                 WHERE t.identity_id IN ({list}) ORDER BY t.created_at, t.id"
            )
        };
        let mut found = self.by_pointer(&COLUMNS, ids, sql).await?;
        for rows in found.values_mut() {
            rows.dedup_by(|next, kept| next.get("id") == kept.get("id") && kept.append("identifiers", next));
        }
        Ok(found)
    }

    async fn by_pointer<const N: usize>(
        &self,
        columns: &[&'static str; N],
        ids: &[Uuid],
        sql: impl Fn(&str) -> String,
    ) -> Result<HashMap<Uuid, Vec<Fields>>, Error> {
        const CHUNK: usize = 512;
        let mut all: HashMap<Uuid, Vec<Fields>> = HashMap::new();
        for chunk in ids.chunks(CHUNK) {
            let params = padded(chunk).map(|id| self.key(id)).collect();
            let names: &[&'static str; N] = columns;
            let names = *names;
            let found = self.store.scan(sql(&marks(chunk.len())), params, move |row| fields(row, &names)).await?;
            for row in found {
                all.entry(row.id(columns[0]).map_err(Error::decode)?).or_default().push(row);
            }
        }
        Ok(all)
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

fn fields(row: &Row<'_>, names: &[&'static str]) -> Result<Fields, Error> {
    let value = |(index, name): (usize, &&'static str)| Ok((*name, row.optional_text(index)?.map(str::to_owned)));
    Ok(Fields(names.iter().enumerate().map(value).collect::<Result<_, Error>>()?))
}
