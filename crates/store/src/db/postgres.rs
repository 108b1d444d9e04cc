//! PostgreSQL, and CockroachDB, which speaks the same protocol.
//!
//! A batch is one round trip: BEGIN, all statements and COMMIT are sent in one go. The server itself holds the guarded
//! statements to what they expect (`dialect::postgres_guarded`), as an error turns the COMMIT that is on its way into a
//! rollback.
//!
//! Statements are prepared once per connection, and that costs no round trip: the first time, a statement is sent to be
//! prepared and, right behind that, to be run unprepared with the types its values declare.

use super::{
    Connections, Patience, PoolOptions, Visit,
    dialect::{self, Texts},
    pool::{self, Lease, in_time},
    tls::MakeTls,
    trace::Trace,
};
use crate::{
    batch::{Batch, Expect, Statement},
    dsn::PostgresTls,
    error::{Again, Error, Failure},
    value::{Row, Value},
};
use bytes::{BufMut, BytesMut};
use deadpool::managed::Hook;
use deadpool_postgres::{ClientWrapper, Manager, ManagerConfig, RecyclingMethod};
use futures_util::{FutureExt as _, TryStreamExt, future::join};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tokio_postgres::{
    Config, RowStream, Statement as Prepared,
    error::SqlState,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

/// A pool of connections.
pub(crate) struct Postgres {
    pool: pool::Pool<Manager>,
    texts: Texts,
    statement_timeout: Duration,
    scan_timeout: Duration,
    /// What tells the server to give up a statement, too: without it, one whose client is gone would go on.
    settings: Settings,
}

struct Settings {
    request: String,
    scan: String,
}

/// libpq's default: probes after two hours.
const DEFAULT_KEEPALIVE: Duration = Duration::from_hours(2);

impl Postgres {
    /// A pool that connects when it is first used.
    pub(crate) fn new(mut config: Config, tls: &PostgresTls, options: &PoolOptions) -> Result<Self, Error> {
        bound(&mut config, options);
        let manager =
            Manager::from_config(config, MakeTls::new(tls)?, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let setting = |most: Duration| format!("SET statement_timeout = {}", most.as_millis());
        let settings = Settings { request: setting(options.statement_timeout), scan: setting(options.scan_timeout) };
        let first = settings.request.clone();
        let ready = Hook::sync_fn(move |client: &mut ClientWrapper, _| {
            // Sent with the first poll, and not waited for: that would cost a round trip.
            drop(client.batch_execute(&first).now_or_never());
            Ok(())
        });
        Ok(Self {
            pool: pool::Pool::new(manager, Some(ready), options, refusal)?,
            texts: Texts::new(dialect::postgres),
            statement_timeout: options.statement_timeout,
            scan_timeout: options.scan_timeout,
            settings,
        })
    }

    pub(crate) fn connections(&self) -> Connections {
        self.pool.connections()
    }

    /// Runs one read.
    pub(crate) async fn read(
        &self,
        sql: &str,
        params: &[Value<'_>],
        patience: Patience,
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        let text = self.texts.get(sql);
        let lease = self.pool.lease().await?;
        let result = match patience {
            Patience::Request => in_time(self.statement_timeout, rows(lease.get()?, &text, params, visit)).await,
            // Boxed, as is all that is rare: it would make the future of each request larger.
            Patience::Scan => Box::pin(self.scan(lease.get()?, &text, params, visit)).await,
        };
        self.settle(lease, &result);
        result
    }

    /// A read that may take longer. Its bound is set before and taken back after it, all in one round trip; the answer to
    /// the first setting tells in good time whether there is a server.
    async fn scan(
        &self,
        client: &ClientWrapper,
        text: &str,
        params: &[Value<'_>],
        visit: &mut Visit<'_>,
    ) -> Result<(), Failure> {
        let longer = in_time(self.statement_timeout, set(client, &self.settings.scan));
        let read = rows(client, text, params, visit);
        let again = set(client, &self.settings.request);
        let work = async { futures_util::try_join!(longer, read, again).map(|_| ()) };
        in_time(self.scan_timeout + self.statement_timeout, work).await
    }

    /// Writes a batch; a failure says whether it may be repeated.
    pub(crate) async fn commit(&self, batch: &Batch, trace: &Trace) -> Result<Vec<u64>, Failure> {
        let lease = self.pool.lease().await?;
        let result = self.transaction(lease.get()?, batch, trace).await;
        self.settle(lease, &result);
        result
    }

    async fn transaction(&self, client: &ClientWrapper, batch: &Batch, trace: &Trace) -> Result<Vec<u64>, Failure> {
        let guarded =
            |statement: &Statement| self.texts.get(&dialect::postgres_guarded(&statement.sql, statement.expect));
        let texts: Vec<_> = batch.statements.iter().map(guarded).collect();
        let control =
            |sql: &'static str| -> Sent<'_> { Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) }) };
        // One statement is a transaction by itself.
        let alone = batch.len() == 1;
        let mut sent: Vec<Sent<'_>> = Vec::with_capacity(batch.len() + 2);
        let mut preparing: Vec<Sent<'_>> = Vec::new();
        let mut run = Vec::with_capacity(batch.len());
        for (statement, text) in batch.statements.iter().zip(&texts) {
            match prepared(client, text, &statement.values) {
                Ready::Prepared(prepared) => run.push((statement, text, Some(prepared))),
                Ready::First(future) => {
                    // Whether it could be prepared shows the next time.
                    preparing.push(Box::pin(future.map(|_| Ok(0))));
                    run.push((statement, text, None));
                }
            }
        }
        if !alone {
            sent.push(control("BEGIN"));
        }
        for (statement, text, prepared) in run {
            sent.push(Box::pin(execute(client, text, prepared, statement)));
        }
        if !alone {
            sent.push(control("COMMIT"));
        }
        sent.append(&mut preparing);
        trace.round_trips(1);
        // The COMMIT was sent along: a lost connection may have lost only the answer.
        let failure = |error: &tokio_postgres::Error| class(error).in_doubt();
        let mut answers = in_one_go(sent, self.statement_timeout).await?.into_iter();
        if !alone && let Some(Err(error)) = answers.next() {
            return Err(failure(&error));
        }
        let mut touched = Vec::with_capacity(batch.len());
        for (statement, answer) in batch.statements.iter().zip(answers.by_ref()) {
            match answer {
                Ok(rows) => touched.push(rows),
                Err(error) if is_unmet(&error) => return Err(Error::Unmet(statement.guard).into()),
                Err(error) => return Err(failure(&error)),
            }
        }
        if !alone && let Some(Err(error)) = answers.next() {
            return Err(failure(&error));
        }
        Ok(touched)
    }

    /// An answer may be in doubt, but the connection was lost all the same.
    fn settle<T>(&self, lease: Lease<Manager>, result: &Result<T, Failure>) {
        match result {
            Err(_) if lease.get().is_ok_and(|client| client.is_closed()) => {
                let lost = Failure::new(Error::Unavailable(String::new()), Again::Lost);
                self.pool.settle(lease, &Err::<(), _>(lost));
            }
            _ => self.pool.settle(lease, result),
        }
    }

    /// Runs a script of statements: for migrations, with a connection of its own that is closed afterwards.
    pub(crate) async fn connection(&self) -> Result<ClientWrapper, Error> {
        let lease = self.pool.lease().await?;
        lease.take().map_err(|failure| failure.error)
    }
}

/// Sees to it that neither connecting nor a lost connection takes longer than a request may wait. What else the DSN says
/// stays.
fn bound(config: &mut Config, options: &PoolOptions) {
    // Several hosts share the time: the second must have its turn when the first does not answer.
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
    let share = options.acquire_timeout / u32::try_from(hosts).unwrap_or(1);
    if config.get_connect_timeout().is_none_or(|timeout| *timeout > share) {
        config.connect_timeout(share);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(options.acquire_timeout + options.statement_timeout);
    }
    if config.get_keepalives_idle() == DEFAULT_KEEPALIVE {
        config.keepalives_idle(super::KEEPALIVE);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(super::KEEPALIVE_INTERVAL);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(super::KEEPALIVE_RETRIES);
    }
}

/// A statement that is prepared on its connection already, or on its way to be.
enum Ready<'a> {
    Prepared(Prepared),
    First(Pin<Box<dyn Future<Output = Result<Prepared, tokio_postgres::Error>> + Send + 'a>>),
}

/// Sends a statement to be prepared, unless it is already.
fn prepared<'a>(client: &'a ClientWrapper, text: &'a str, values: &[Value<'_>]) -> Ready<'a> {
    let types: Vec<Type> = values.iter().map(postgres_type).collect();
    let mut preparing = Box::pin(async move { client.prepare_typed_cached(text, &types).await });
    match preparing.as_mut().now_or_never() {
        Some(Ok(statement)) => Ready::Prepared(statement),
        Some(Err(error)) => Ready::First(Box::pin(async { Err(error) })),
        None => Ready::First(preparing),
    }
}

/// The type that a value declares itself to be of.
fn postgres_type(value: &Value<'_>) -> Type {
    match value {
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT8,
        Value::Text(_) | Value::Json(_) => Type::TEXT,
        Value::Id(_) => Type::UUID,
        Value::Time(_) | Value::Micros(_) => Type::TIMESTAMPTZ,
        Value::Bytes(_) => Type::BYTEA,
    }
}

fn typed<'a>(values: &'a [Value<'a>]) -> impl Iterator<Item = (&'a Value<'a>, Type)> {
    values.iter().map(|value| (value, postgres_type(value)))
}

async fn set(client: &ClientWrapper, setting: &str) -> Result<(), Failure> {
    client.batch_execute(setting).await.map_err(|error| class(&error))
}

/// Runs a statement and reads its rows.
async fn rows(client: &ClientWrapper, text: &str, params: &[Value<'_>], visit: &mut Visit<'_>) -> Result<(), Failure> {
    match prepared(client, text, params) {
        Ready::Prepared(statement) => visited(client.query_raw(&statement, params).await, visit).await,
        Ready::First(preparing) => {
            let work = async { visited(client.query_typed_raw(text, typed(params)).await, visit).await };
            Box::pin(join(preparing, work)).await.1
        }
    }
}

async fn visited(rows: Result<RowStream, tokio_postgres::Error>, visit: &mut Visit<'_>) -> Result<(), Failure> {
    let mut rows = pin!(rows.map_err(|error| class(&error))?);
    while let Some(row) = rows.try_next().await.map_err(|error| class(&error))? {
        visit(&Row::Postgres(&row))?;
    }
    Ok(())
}

/// Runs a statement of a batch. A guarded one answers with its count, as what it selects from touches no rows.
async fn execute(
    client: &ClientWrapper,
    text: &str,
    prepared: Option<Prepared>,
    statement: &Statement,
) -> Result<u64, tokio_postgres::Error> {
    let values = &statement.values;
    let rows = match (&prepared, statement.expect) {
        (Some(prepared), Expect::Any) => return client.execute_raw(prepared, values).await,
        (Some(prepared), _) => client.query_raw(prepared, values).await?,
        (None, _) => client.query_typed_raw(text, typed(values)).await?,
    };
    let mut rows = pin!(rows);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        count = row.try_get::<_, i64>(0)?.cast_unsigned();
    }
    Ok(if statement.expect == Expect::Any { rows.rows_affected().unwrap_or_default() } else { count })
}

/// Whether it is the error of an unmet guard: no statement of ours takes a logarithm itself.
fn is_unmet(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_ARGUMENT_FOR_LOG)
}

type Answer = Result<u64, tokio_postgres::Error>;
type Sent<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Sends all before it waits for any: the driver sends a request when its future is first polled. Each answer is waited
/// for as long as one statement may take.
async fn in_one_go(mut sent: Vec<Sent<'_>>, most: Duration) -> Result<Vec<Answer>, Failure> {
    let mut answers: Vec<Option<Answer>> = sent.iter().map(|_| None).collect();
    let mut silence = pin!(sleep(most));
    let answered = poll_fn(|cx| {
        let (mut waiting, mut heard) = (false, false);
        for (future, answer) in sent.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(result) => {
                        *answer = Some(result);
                        heard = true;
                    }
                    Poll::Pending => waiting = true,
                }
            }
        }
        if !waiting {
            return Poll::Ready(true);
        }
        if heard {
            silence.as_mut().reset(Instant::now() + most);
        }
        silence.as_mut().poll(cx).map(|()| false)
    });
    if answered.await { Ok(answers.into_iter().flatten().collect()) } else { Err(Failure::silent(most)) }
}

/// Why there is no connection: a server that answered and refused, or one that time may bring back.
fn refusal(error: &tokio_postgres::Error) -> Error {
    let refused = if let Some(code) = error.code() {
        // Credentials and rights; a database that does not exist.
        ["28", "3D", "42501"].iter().any(|class| code.code().starts_with(class))
    } else {
        // The driver tells these kinds apart by their words only.
        let kind = error.to_string();
        kind.starts_with("authentication error")
            || kind.starts_with("invalid configuration")
            || kind.starts_with("error performing TLS handshake") && !broke_off(error)
    };
    let text = describe(error);
    if refused { Error::Refused(text) } else { Error::Unavailable(text) }
}

/// Whether a TLS handshake ended with its connection, and not by what was said in it.
fn broke_off(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    let lost = source.and_then(<dyn std::error::Error>::downcast_ref::<std::io::Error>);
    lost.is_some_and(|error| !error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>))
}

/// The driver's error in our classes.
pub(crate) fn class(error: &tokio_postgres::Error) -> Failure {
    let Some(db) = error.as_db_error() else {
        let lost = error.is_closed()
            || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        return if lost {
            Failure::new(Error::Unavailable(describe(error)), Again::Lost)
        } else {
            Error::Other(describe(error)).into()
        };
    };
    let code = db.code();
    if *code == SqlState::UNIQUE_VIOLATION {
        let name = db.constraint().unwrap_or_default();
        let name = if name.ends_with("_pkey") || name == "primary" { "primary" } else { name };
        return Error::Unique(name.to_owned()).into();
    }
    let text = describe(error);
    match code.code() {
        // Serialization failure, deadlock; a cached plan that a migration has made stale (the connection is replaced).
        "40001" | "40P01" | "0A000" | "26000" => Failure::new(Error::Unavailable(text), Again::Yes),
        // The server is shutting down or killed the session: it says so before it closes the connection.
        "57P01" | "57P02" | "57P03" | "57P05" => Failure::new(Error::Unavailable(text), Again::Lost),
        // Statement timeout; out of resources; connection trouble; read-only (a standby after a fail-over).
        "57014" | "25006" => Error::Unavailable(text).into(),
        code if code.starts_with("53") || code.starts_with("08") => Error::Unavailable(text).into(),
        _ => Error::Other(text).into(),
    }
}

/// The error without the server's detail, which quotes values.
fn describe(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(db), _) => format!("{} ({})", db.message(), db.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Bool(Some(value)) => value.to_sql_checked(ty, out),
            Self::Int(Some(value)) => value.to_sql_checked(ty, out),
            Self::Text(Some(text)) | Self::Json(Some(text)) => {
                out.put_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            Self::Id(Some(id)) => id.to_sql_checked(ty, out),
            Self::Time(Some(at)) => at.to_sql_checked(ty, out),
            Self::Micros(Some(at)) => {
                out.put_slice(&at.to_postgres().to_be_bytes());
                Ok(IsNull::No)
            }
            Self::Bytes(Some(bytes)) => bytes.as_ref().to_sql_checked(ty, out),
            _ => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
