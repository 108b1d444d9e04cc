//! MySQL and MariaDB (with Galera or without).
//!
//! The protocol knows no pipelining, so a batch costs a round trip per statement, one for its BEGIN and one for its
//! COMMIT. Without autocommit there would be no BEGIN; but then reads open transactions as well, and an idle connection
//! would hold metadata locks that a migration waits for. Transactions run READ COMMITTED: the default takes gap locks,
//! with which two registrations of different people can deadlock.

use super::{
    Connections, PoolOptions, Visit,
    dialect::{self, Texts},
    trace::Trace,
};
use crate::{
    batch::{Batch, Statement},
    error::{Again, Error, Failure},
    value::{Row, Value},
};
use mysql_async::{Conn, Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, TxOpts, prelude::Queryable};
use std::{future::Future, sync::atomic::Ordering::Relaxed, time::Duration};

/// A pool of connections.
pub(crate) struct MySql {
    pool: Pool,
    most: usize,
    texts: Texts,
    acquire_timeout: Duration,
    statement_timeout: Duration,
}

const CACHED_STATEMENTS: usize = 256;

/// Said on each new connection: an update that changes nothing is an error nowhere, but a value that does not fit is
/// one everywhere; and what is not in a transaction behaves as in one.
const SETTINGS: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'",
];

impl MySql {
    /// A pool that connects when it is first used.
    pub(crate) fn new(builder: OptsBuilder, options: &PoolOptions) -> Self {
        // The driver takes the process' TLS implementation, and there is no other; somebody may have said so already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let most = options.size();
        let least = options.max_idle.unwrap_or(most).min(most);
        let constraints = PoolConstraints::new(least, most).unwrap_or_default();
        let mut pool = PoolOpts::default()
            .with_constraints(constraints)
            // A reset would cost a round trip and all prepared statements each time.
            .with_reset_connection(false)
            .with_abs_conn_ttl(options.max_lifetime);
        if let Some(idle) = options.idle_timeout {
            pool = pool.with_inactive_connection_ttl(idle);
        }
        let builder = builder
            .pool_opts(pool)
            .client_found_rows(true)
            .stmt_cache_size(CACHED_STATEMENTS)
            .tcp_nodelay(true)
            .prefer_socket(false)
            .setup(SETTINGS.to_vec());
        Self {
            pool: Pool::new(Opts::from(builder)),
            most,
            texts: Texts::new(dialect::mysql),
            acquire_timeout: options.acquire_timeout,
            statement_timeout: options.statement_timeout,
        }
    }

    pub(crate) fn connections(&self) -> Connections {
        let metrics = self.pool.metrics();
        let idle = metrics.connections_in_pool.load(Relaxed);
        Connections { in_use: metrics.connection_count.load(Relaxed).saturating_sub(idle), idle, most: self.most }
    }

    /// A connection of the pool. The driver notices by itself when it is dropped in the middle of something.
    pub(crate) async fn connection(&self) -> Result<Conn, Error> {
        match tokio::time::timeout(self.acquire_timeout, self.pool.get_conn()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(Error::Unavailable(error.to_string())),
            Err(_) => Err(Error::Unavailable("no connection in time".into())),
        }
    }

    /// Runs one read.
    pub(crate) async fn read(&self, sql: &str, params: &[Value<'_>], visit: &mut Visit<'_>) -> Result<(), Failure> {
        let mut connection = self.connection().await?;
        self.in_time(async {
            let mut result =
                connection.exec_iter(&*self.texts.get(sql), parameters(params)).await.map_err(|error| class(&error))?;
            while let Some(row) = result.next().await.map_err(|error| class(&error))? {
                visit(&Row::MySql(&row))?;
            }
            Ok(())
        })
        .await
    }

    /// Writes a batch; a failure says whether it may be repeated.
    pub(crate) async fn commit(&self, batch: &Batch, trace: &Trace) -> Result<Vec<u64>, Failure> {
        let mut connection = self.connection().await?;
        match batch.statements.as_slice() {
            [statement] => {
                trace.round_trips(1);
                let work = self.execute(&mut connection, statement);
                self.in_time(async { work.await.map(|rows| vec![rows]).map_err(Failure::in_doubt) }).await
            }
            statements => self.in_time(self.transaction(&mut connection, statements, trace)).await,
        }
    }

    async fn transaction(
        &self,
        connection: &mut Conn,
        statements: &[Statement],
        trace: &Trace,
    ) -> Result<Vec<u64>, Failure> {
        let mut touched = Vec::with_capacity(statements.len());
        let mut transaction = connection.start_transaction(TxOpts::default()).await.map_err(|error| class(&error))?;
        for statement in statements {
            trace.round_trips(1);
            match self.execute(&mut transaction, statement).await {
                Ok(rows) => touched.push(rows),
                Err(failure) => {
                    trace.round_trips(2);
                    if transaction.rollback().await.is_err() {
                        tracing::debug!("a rollback failed; the connection is dropped");
                    }
                    return Err(failure);
                }
            }
        }
        trace.round_trips(2);
        transaction.commit().await.map_err(|error| class(&error).in_doubt())?;
        Ok(touched)
    }

    async fn execute(&self, connection: &mut impl Queryable, statement: &Statement) -> Result<u64, Failure> {
        let text = self.texts.get(&statement.sql);
        let result =
            connection.exec_iter(&*text, parameters(&statement.values)).await.map_err(|error| class(&error))?;
        let rows = result.affected_rows();
        result.drop_result().await.map_err(|error| class(&error))?;
        if statement.expect.is_met(rows) { Ok(rows) } else { Err(Error::Unmet(statement.guard).into()) }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.statement_timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::Unavailable("a statement took too long".into()).into()),
        }
    }
}

/// The driver's error in our classes.
pub(crate) fn class(error: &mysql_async::Error) -> Failure {
    let mysql_async::Error::Server(server) = error else {
        let lost = matches!(
            error,
            mysql_async::Error::Io(_) | mysql_async::Error::Driver(mysql_async::DriverError::ConnectionClosed)
        );
        // Not the driver's own text: some of its errors hold a row.
        return if lost {
            Failure::new(Error::Unavailable(error.to_string()), Again::Lost)
        } else {
            Error::Other("the MySQL driver could not run a statement".into()).into()
        };
    };
    match server.code {
        1062 | 1586 => Error::Unique(constraint(&server.message)).into(),
        // Deadlock (also Galera's), lock wait timeout; a prepared statement that a migration has made stale.
        1213 | 1205 | 1615 => Failure::new(Error::Unavailable(server.to_string()), Again::Yes),
        // Killed, shutting down, not yet part of the cluster.
        1053 | 1927 | 3169 | 1047 | 4031 => Failure::new(Error::Unavailable(server.to_string()), Again::Lost),
        // Too many connections, read-only (a replica after a fail-over), disk full, statement timeouts.
        1040 | 1203 | 1226 | 1290 | 1792 | 1836 | 1021 | 1114 | 1317 | 1969 | 3024 => {
            Error::Unavailable(server.to_string()).into()
        }
        _ => Error::Other(server.to_string()).into(),
    }
}

/// `Duplicate entry '…' for key 't.t_a_b'` (MariaDB leaves the table out). The entry itself is not for others' eyes.
fn constraint(message: &str) -> String {
    let key = message.rsplit("for key ").next().unwrap_or_default().trim_matches('\'');
    let key = key.rsplit('.').next().unwrap_or_default();
    if key == "PRIMARY" { "primary".into() } else { key.to_owned() }
}

fn parameters(values: &[Value<'_>]) -> Params {
    if values.is_empty() { Params::Empty } else { Params::Positional(values.iter().map(parameter).collect()) }
}

fn parameter(value: &Value<'_>) -> mysql_async::Value {
    use mysql_async::Value as My;
    match value {
        Value::Bool(Some(value)) => My::Int((*value).into()),
        Value::Int(Some(value)) => My::Int(*value),
        Value::Text(Some(text)) | Value::Json(Some(text)) => My::Bytes(text.as_bytes().to_vec()),
        Value::Id(Some(id)) => My::Bytes(id.as_bytes().to_vec()),
        Value::Bytes(Some(bytes)) => My::Bytes(bytes.to_vec()),
        Value::Time(Some(at)) => {
            date(at.checked_to_offset(time::UtcOffset::UTC).unwrap_or(zelos_core::timestamp::LATEST))
        }
        Value::Micros(Some(at)) if at.get() == i64::MIN => My::Date(0, 0, 0, 0, 0, 0, 0),
        Value::Micros(Some(at)) => date(at.nearest()),
        _ => My::NULL,
    }
}

fn date(at: time::OffsetDateTime) -> mysql_async::Value {
    let year = u16::try_from(at.year()).unwrap_or_default();
    mysql_async::Value::Date(year, at.month().into(), at.day(), at.hour(), at.minute(), at.second(), at.microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraint_of_a_duplicate() {
        assert_eq!(
            constraint("Duplicate entry 'for key x' for key 'identities_nid_external_id'"),
            "identities_nid_external_id"
        );
        assert_eq!(constraint("Duplicate entry 'a' for key 't.t_a'"), "t_a");
        assert_eq!(constraint("Duplicate entry 'a' for key 't.PRIMARY'"), "primary");
    }
}
