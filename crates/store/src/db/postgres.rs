//! PostgreSQL, and CockroachDB, which speaks the same protocol.
//!
//! A batch is one round trip: BEGIN, all statements and COMMIT are sent in one go. The server itself holds the guarded
//! statements to what they expect (`dialect::postgres_guarded`), as an error turns the COMMIT that is on its way into a
//! rollback. Statements are prepared once per connection.

use super::{
    Connections, PoolOptions, Visit,
    dialect::{self, Texts},
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
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use futures_util::TryStreamExt;
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};
use tokio_postgres::{
    Statement as Prepared,
    error::SqlState,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

/// A pool of connections.
pub(crate) struct Postgres {
    pool: Pool,
    texts: Texts,
    statement_timeout: Duration,
}

impl Postgres {
    /// A pool that connects when it is first used.
    pub(crate) fn new(
        mut config: tokio_postgres::Config,
        tls: &PostgresTls,
        options: &PoolOptions,
    ) -> Result<Self, Error> {
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.acquire_timeout);
        }
        let manager =
            Manager::from_config(config, MakeTls::new(tls)?, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let (lifetime, idle) = (options.max_lifetime, options.idle_timeout);
        let aged = Hook::sync_fn(move |_, metrics| {
            let old = lifetime.is_some_and(|most| metrics.age() > most);
            let stale = idle.is_some_and(|most| metrics.last_used() > most);
            if old || stale { Err(HookError::message("the connection has had its time")) } else { Ok(()) }
        });
        // The server gives up as well: without this, a statement of which nobody wants to know anything would go on.
        let timeout = format!("SET statement_timeout = {}", options.statement_timeout.as_millis());
        let settings = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let timeout = timeout.clone();
            Box::pin(async move { client.batch_execute(&timeout).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager)
            .max_size(options.size())
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(options.acquire_timeout))
            .create_timeout(Some(options.acquire_timeout))
            .recycle_timeout(Some(options.acquire_timeout))
            .pre_recycle(aged)
            .post_create(settings)
            .build()
            .map_err(|error| Error::Dsn(error.to_string()))?;
        Ok(Self { pool, texts: Texts::new(dialect::postgres), statement_timeout: options.statement_timeout })
    }

    pub(crate) fn connections(&self) -> Connections {
        let status = self.pool.status();
        Connections {
            in_use: status.size.saturating_sub(status.available),
            idle: status.available,
            most: status.max_size,
        }
    }

    async fn client(&self) -> Result<Leased, Error> {
        match self.pool.get().await {
            Ok(client) => Ok(Leased(Some(client))),
            Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) => {
                Err(Error::Unavailable(describe(&error)))
            }
            Err(PoolError::Timeout(_)) => Err(Error::Unavailable("no connection in time".into())),
            Err(error) => Err(Error::Unavailable(error.to_string())),
        }
    }

    /// Runs one read.
    pub(crate) async fn read(&self, sql: &str, params: &[Value<'_>], visit: &mut Visit<'_>) -> Result<(), Failure> {
        let text = self.texts.get(sql);
        let lease = self.client().await?;
        let work = async {
            let client = lease.client()?;
            let statement = client.prepare_cached(&text).await.map_err(|error| class(&error))?;
            let rows = client.query_raw(&statement, params).await.map_err(|error| class(&error))?;
            let mut rows = pin!(rows);
            while let Some(row) = rows.try_next().await.map_err(|error| class(&error))? {
                visit(&Row::Postgres(&row))?;
            }
            Ok(())
        };
        let result = self.in_time(work).await;
        self.settle(lease, &result);
        result
    }

    /// Writes a batch; a failure says whether it may be repeated.
    pub(crate) async fn commit(&self, batch: &Batch, trace: &Trace) -> Result<Vec<u64>, Failure> {
        let lease = self.client().await?;
        let result = self.in_time(self.transaction(&lease, batch, trace)).await;
        self.settle(lease, &result);
        result
    }

    async fn transaction(&self, lease: &Leased, batch: &Batch, trace: &Trace) -> Result<Vec<u64>, Failure> {
        let client = lease.client()?;
        let mut prepared = Vec::with_capacity(batch.len());
        for statement in &batch.statements {
            let text = self.texts.get(&dialect::postgres_guarded(&statement.sql, statement.expect));
            prepared.push(client.prepare_cached(&text).await.map_err(|error| class(&error))?);
        }
        let control =
            |sql: &'static str| -> Sent<'_> { Box::pin(async move { client.batch_execute(sql).await.map(|()| 0) }) };
        // One statement is a transaction by itself.
        let alone = batch.len() == 1;
        let mut sent: Vec<Sent<'_>> = Vec::with_capacity(batch.len() + 2);
        if !alone {
            sent.push(control("BEGIN"));
        }
        for (statement, prepared) in batch.statements.iter().zip(&prepared) {
            sent.push(Box::pin(execute(client, prepared, statement)));
        }
        if !alone {
            sent.push(control("COMMIT"));
        }
        trace.round_trips(1);
        // The COMMIT was sent along: a lost connection may have lost only the answer.
        let failure = |error: &tokio_postgres::Error| class(error).in_doubt();
        let mut answers = in_one_go(sent).await.into_iter();
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
        answers.next().unwrap_or(Ok(0)).map_err(|error| failure(&error))?;
        Ok(touched)
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.statement_timeout, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::Unavailable("a statement took too long".into()).into()),
        }
    }

    /// Gives a connection back, or closes it. When one was lost, most likely all were (the server was restarted), so
    /// those that wait in the pool go as well.
    fn settle<T>(&self, mut lease: Leased, result: &Result<T, Failure>) {
        match result {
            Err(failure) if failure.again == Again::Lost || lease.is_lost() => {
                self.pool.retain(|_, _| false);
            }
            Err(failure) if !failure.spares_connection() => {}
            _ => lease.0 = None,
        }
    }

    /// Runs a script of statements: for migrations, with a connection of its own that is closed afterwards.
    pub(crate) async fn connection(&self) -> Result<deadpool_postgres::ClientWrapper, Error> {
        let mut lease = self.client().await?;
        lease.0.take().map(Object::take).ok_or_else(|| Error::Unavailable("no connection".into()))
    }
}

/// Runs a statement of a batch. A guarded one answers with its count, as what it selects from touches no rows.
async fn execute(client: &Object, prepared: &Prepared, statement: &Statement) -> Result<u64, tokio_postgres::Error> {
    if statement.expect == Expect::Any {
        return client.execute_raw(prepared, &statement.values).await;
    }
    let mut rows = pin!(client.query_raw(prepared, &statement.values).await?);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        count = row.try_get::<_, i64>(0)?.cast_unsigned();
    }
    Ok(count)
}

/// Whether it is the error of an unmet guard: no statement of ours takes a logarithm itself.
fn is_unmet(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_ARGUMENT_FOR_LOG)
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>;

/// Sends all before it waits for any: the driver sends a request when its future is first polled.
async fn in_one_go(mut sent: Vec<Sent<'_>>) -> Vec<Result<u64, tokio_postgres::Error>> {
    let mut answers: Vec<Option<Result<u64, tokio_postgres::Error>>> = sent.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut waiting = false;
        for (future, answer) in sent.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match future.as_mut().poll(cx) {
                    Poll::Ready(result) => *answer = Some(result),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// A connection on loan. Unless it is settled it is closed and not given back: whoever was cancelled in the middle of
/// a transaction must not hand it to the next one.
struct Leased(Option<Object>);

impl Leased {
    fn client(&self) -> Result<&Object, Failure> {
        self.0.as_ref().ok_or_else(|| Error::Unavailable("no connection".into()).into())
    }

    fn is_lost(&self) -> bool {
        self.0.as_ref().is_none_or(|client| client.is_closed())
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
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
