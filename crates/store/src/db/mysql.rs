//! MySQL and MariaDB (with Galera or without).
//!
//! The protocol knows no pipelining, so a batch costs a round trip per statement, one for its BEGIN and one for its
//! COMMIT. Without autocommit there would be no BEGIN; but then reads open transactions as well, and an idle connection
//! would hold metadata locks that a migration waits for. Transactions run READ COMMITTED: the default takes gap locks,
//! with which two registrations of different people can deadlock.

use super::{
    Connections, Patience, PoolOptions, Visit,
    dialect::{self, Texts},
    mysql_tunnel::Tunnel,
    pool::{self, Lease, in_time},
    trace::Trace,
};
use crate::{
    batch::{Batch, Statement},
    dsn::MySqlTls,
    error::{Again, Error, Failure},
    value::{Row, Value},
};
use deadpool::managed::{self, Metrics, RecycleError};
use futures_util::FutureExt as _;
use mysql_async::{Conn, DriverError, Opts, OptsBuilder, Params, TxOpts, prelude::Queryable};
use std::time::Duration;

/// A pool of connections.
pub(crate) struct MySql {
    pool: pool::Pool<Manager>,
    texts: Texts,
    statement_timeout: Duration,
    scan_timeout: Duration,
}

const CACHED_STATEMENTS: usize = 256;

/// After so long without work a connection is asked whether it still stands: the server closes it without being noticed.
const ASKED_AFTER: Duration = Duration::from_secs(10);

/// Said on each new connection: an update that changes nothing is an error nowhere, but a value that does not fit is
/// one everywhere; and what is not in a transaction behaves as in one.
const SETTINGS: [&str; 2] = [
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ENGINE_SUBSTITUTION'",
];

/// Opens connections.
pub(crate) struct Manager {
    options: Opts,
    tunnel: Option<Tunnel>,
    statement_timeout: Duration,
}

/// A connection that is closed at once when it is dropped. The driver would first wait for what is still to be answered,
/// which on a lost connection never ends.
pub(crate) struct Connection(Option<Conn>);

impl Connection {
    pub(crate) fn get(&mut self) -> Result<&mut Conn, Error> {
        self.0.as_mut().ok_or_else(|| Error::Unavailable("no connection".into()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            // The first poll marks it as closed and says goodbye, if that can be sent without waiting.
            drop(connection.disconnect().now_or_never());
        }
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection, Error> {
        let connection = match &self.tunnel {
            None => Conn::new(self.options.clone()).await.map_err(|error| refusal(&error)),
            Some(tunnel) => tunnel.connect(&self.options).await,
        };
        connection.map(|connection| Connection(Some(connection)))
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> managed::RecycleResult<Error> {
        let connection = connection.get()?;
        if connection.is_disconnected() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if metrics.last_used() > ASKED_AFTER {
            let answer = tokio::time::timeout(self.statement_timeout / 2, connection.ping()).await;
            return match answer {
                Ok(Ok(())) => Ok(()),
                _ => Err(RecycleError::message("the connection does not answer")),
            };
        }
        Ok(())
    }
}

impl MySql {
    /// A pool that connects when it is first used.
    pub(crate) fn new(builder: OptsBuilder, tls: MySqlTls, options: &PoolOptions) -> Result<Self, Error> {
        let builder = builder
            .client_found_rows(true)
            .stmt_cache_size(CACHED_STATEMENTS)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(super::KEEPALIVE))
            .prefer_socket(false)
            .setup(SETTINGS.to_vec());
        let manager = Manager {
            options: builder.into(),
            tunnel: Tunnel::new(tls)?,
            statement_timeout: options.statement_timeout,
        };
        Ok(Self {
            pool: pool::Pool::new(manager, None, options, Error::clone)?,
            texts: Texts::new(dialect::mysql),
            statement_timeout: options.statement_timeout,
            scan_timeout: options.scan_timeout,
        })
    }

    pub(crate) fn connections(&self) -> Connections {
        self.pool.connections()
    }

    /// A connection of its own, which is closed afterwards: for migrations.
    pub(crate) async fn connection(&self) -> Result<Connection, Error> {
        let lease = self.pool.lease().await?;
        lease.take().map_err(|failure| failure.error)
    }

    /// Runs one read.
    pub(crate) async fn read(
        &self,
        sql: &str,
        params: &[Value<'_>],
        patience: Patience,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        let mut lease = self.pool.lease().await?;
        let result = self.rows(lease.get_mut()?.get()?, sql, params, patience, visit).await;
        self.pool.settle(lease, &result);
        result
    }

    async fn rows(
        &self,
        connection: &mut Conn,
        sql: &str,
        params: &[Value<'_>],
        patience: Patience,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        let most = match patience {
            Patience::Request => self.statement_timeout,
            Patience::Scan => {
                // Tells in good time whether there is a server.
                in_time(self.statement_timeout, async { connection.ping().await.map_err(|error| class(&error)) })
                    .await?;
                self.scan_timeout
            }
        };
        in_time(most, async {
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
        let mut lease = self.pool.lease().await?;
        let connection = lease.get_mut()?.get()?;
        let result = match batch.statements.as_slice() {
            [statement] => {
                trace.round_trips(1);
                self.execute(connection, statement).await.map(|rows| vec![rows]).map_err(Failure::in_doubt)
            }
            statements => self.transaction(connection, statements, trace).await,
        };
        self.settle(lease, &result);
        result
    }

    async fn transaction(
        &self,
        connection: &mut Conn,
        statements: &[Statement],
        trace: &Trace,
    ) -> Result<Vec<u64>, Failure> {
        let mut touched = Vec::with_capacity(statements.len());
        let most = self.statement_timeout;
        let begun = async { connection.start_transaction(TxOpts::default()).await.map_err(|error| class(&error)) };
        let mut transaction = in_time(most, begun).await?;
        for statement in statements {
            trace.round_trips(1);
            match self.execute(&mut transaction, statement).await {
                Ok(rows) => touched.push(rows),
                // A connection that is not given back takes its transaction with it.
                Err(failure) if !failure.spares_connection() && failure.again != Again::Yes => return Err(failure),
                Err(failure) => {
                    trace.round_trips(2);
                    in_time(most, async { transaction.rollback().await.map_err(|error| class(&error)) }).await?;
                    return Err(failure);
                }
            }
        }
        trace.round_trips(2);
        let committed = async { transaction.commit().await.map_err(|error| class(&error).in_doubt()) };
        in_time(most, committed).await?;
        Ok(touched)
    }

    async fn execute(&self, connection: &mut impl Queryable, statement: &Statement) -> Result<u64, Failure> {
        let text = self.texts.get(&statement.sql);
        let work = async {
            let result =
                connection.exec_iter(&*text, parameters(&statement.values)).await.map_err(|error| class(&error))?;
            let rows = result.affected_rows();
            result.drop_result().await.map_err(|error| class(&error))?;
            Ok(rows)
        };
        let rows = in_time(self.statement_timeout, work).await?;
        if statement.expect.is_met(rows) { Ok(rows) } else { Err(Error::Unmet(statement.guard).into()) }
    }

    /// Whether a batch was done may be in doubt, but its connection is lost for certain.
    fn settle<T>(&self, lease: Lease<Manager>, result: &Result<T, Failure>) {
        match result {
            Err(failure) if failure.again == Again::No && failure.error.is_outage() => {
                let lost = Failure::new(Error::Unavailable(String::new()), Again::Lost);
                self.pool.settle(lease, &Err::<(), _>(lost));
            }
            _ => self.pool.settle(lease, result),
        }
    }
}

/// Why there is no connection: a server that answered and refused, or one that time may bring back.
pub(super) fn refusal(error: &mysql_async::Error) -> Error {
    match error {
        // Credentials, rights, the host that this one is for the server; a database that does not exist; TLS demanded.
        mysql_async::Error::Server(server)
            if matches!(
                server.code,
                1044 | 1045 | 1049 | 1130 | 1142 | 1227 | 1251 | 1698 | 1862 | 1524 | 3159 | 3878
            ) =>
        {
            Error::Refused(server.to_string())
        }
        mysql_async::Error::Driver(
            reason @ (DriverError::NoClientSslFlagFromServer
            | DriverError::UnknownAuthPlugin { .. }
            | DriverError::CleartextPluginDisabled
            | DriverError::MysqlOldPasswordDisabled),
        ) => Error::Refused(reason.to_string()),
        other => Error::Unavailable(other.to_string()),
    }
}

/// The driver's error in our classes.
pub(crate) fn class(error: &mysql_async::Error) -> Failure {
    let mysql_async::Error::Server(server) = error else {
        let lost =
            matches!(error, mysql_async::Error::Io(_) | mysql_async::Error::Driver(DriverError::ConnectionClosed));
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
