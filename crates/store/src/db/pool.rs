//! Connections to a server: how they are kept, lent and given up. One for PostgreSQL and MySQL, as both lose their server in
//! the same ways.
//!
//! A connection that did not answer in time says nothing about why: the server may be frozen, or a router may have dropped
//! the route without a word. So it is closed, and those that wait in the pool with it: the next statement connects anew,
//! and by that finds out within the acquire timeout.

use super::{Connections, PoolOptions};
use crate::error::{Again, Error, Failure};
use deadpool::{
    Runtime,
    managed::{self, Hook, HookError, Manager, Object, PoolError},
};
use std::time::Duration;

/// A pool whose connections are opened when they are first needed.
pub(super) struct Pool<M: Manager> {
    pool: managed::Pool<M>,
    /// What an error of connecting amounts to.
    class: fn(&M::Error) -> Error,
    acquire_timeout: Duration,
    max_idle: usize,
    ages: Ages,
}

/// How old connections get, and how long they wait without work.
#[derive(Clone, Copy)]
struct Ages {
    lifetime: Option<Duration>,
    idle: Option<Duration>,
}

impl Ages {
    fn are_limited(self) -> bool {
        self.lifetime.is_some() || self.idle.is_some()
    }

    fn are_reached(self, metrics: &managed::Metrics) -> bool {
        self.lifetime.is_some_and(|most| metrics.age() > most)
            || self.idle.is_some_and(|most| metrics.last_used() > most)
    }
}

impl<M: Manager> Pool<M> {
    /// `ready` is run on each new connection.
    pub(super) fn new(
        manager: M,
        ready: Option<Hook<M>>,
        options: &PoolOptions,
        class: fn(&M::Error) -> Error,
    ) -> Result<Self, Error> {
        let ages = Ages { lifetime: options.max_lifetime, idle: options.idle_timeout };
        let reached = Hook::sync_fn(move |_, metrics| {
            if ages.are_reached(metrics) {
                Err(HookError::message("the connection has reached its age"))
            } else {
                Ok(())
            }
        });
        let mut builder =
            managed::Pool::builder(manager).max_size(options.size()).runtime(Runtime::Tokio1).pre_recycle(reached);
        if let Some(ready) = ready {
            builder = builder.post_create(ready);
        }
        let pool = builder.build().map_err(|error| Error::Dsn(error.to_string()))?;
        Ok(Self {
            pool,
            class,
            acquire_timeout: options.acquire_timeout,
            max_idle: options.max_idle.unwrap_or(usize::MAX),
            ages,
        })
    }

    pub(super) fn connections(&self) -> Connections {
        let status = self.pool.status();
        Connections {
            in_use: status.size.saturating_sub(status.available),
            idle: status.available,
            most: status.max_size,
        }
    }

    /// A connection: one that waits, or a new one. Waiting for it and connecting share the acquire timeout.
    pub(super) async fn lease(&self) -> Result<Lease<M>, Error> {
        let Ok(result) = tokio::time::timeout(self.acquire_timeout, self.pool.get()).await else {
            let status = self.pool.status();
            let reason = if status.waiting > 0 || status.size >= status.max_size {
                format!("no connection within {:?}: {} are in use", self.acquire_timeout, status.size)
            } else {
                format!("the server did not answer within {:?}", self.acquire_timeout)
            };
            return Err(Error::Unavailable(reason));
        };
        match result {
            Ok(object) => Ok(Lease(Some(object))),
            Err(PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error))) => {
                Err((self.class)(&error))
            }
            Err(PoolError::Timeout(_)) => Err(Error::Unavailable("no connection in time".into())),
            Err(_) => Err(Error::Unavailable("the pool of connections is closed".into())),
        }
    }

    /// Gives a connection back, or closes it. When one was lost, most likely all were (the server was restarted), so
    /// those that wait in the pool go as well.
    pub(super) fn settle<T>(&self, mut lease: Lease<M>, result: &Result<T, Failure>) {
        match result {
            Err(failure) if matches!(failure.again, Again::Lost | Again::Silent) => {
                self.pool.retain(|_, _| false);
            }
            Err(failure) if !failure.spares_connection() => {}
            _ if self.pool.status().available >= self.max_idle => {}
            _ => lease.0 = None,
        }
        drop(lease);
        if self.ages.are_limited() {
            self.pool.retain(|_, metrics| !self.ages.are_reached(&metrics));
        }
    }
}

/// A connection on loan. Unless it is settled it is closed and not given back: what was cancelled in the middle of a
/// transaction must not reach the next statement.
pub(super) struct Lease<M: Manager>(Option<Object<M>>);

impl<M: Manager> Lease<M> {
    pub(super) fn get(&self) -> Result<&Object<M>, Failure> {
        self.0.as_ref().ok_or_else(gone)
    }

    pub(super) fn get_mut(&mut self) -> Result<&mut Object<M>, Failure> {
        self.0.as_mut().ok_or_else(gone)
    }

    /// Takes the connection out of the pool.
    pub(super) fn take(mut self) -> Result<M::Type, Failure> {
        self.0.take().map(Object::take).ok_or_else(gone)
    }
}

fn gone() -> Failure {
    Error::Unavailable("no connection".into()).into()
}

impl<M: Manager> Drop for Lease<M> {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}

/// Bounds how long an answer may take.
pub(super) async fn in_time<T>(most: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match tokio::time::timeout(most, work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::silent(most)),
    }
}
