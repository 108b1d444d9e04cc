//! Tokens of pages: a place in a list, sealed, so that nobody writes one of their own and nothing of how rows are kept
//! can be read from it.
//!
//! A token is bound to the list it is of – and to its order, where there are several –: given to another one it is no
//! token. The first of `secrets.pagination` seals and all of them open; without any, those of the cookies do.

use crate::app::App;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};
use zelos_core::{problem::Problem, sealed::Keys, snapshot::Snapshot};

/// What is longer was not given out here.
const LONGEST: usize = 4096;

/// Writes and reads the tokens of one list.
pub(crate) struct Tokens<'a> {
    app: &'a App,
    keys: &'a Keys,
    purpose: String,
    lifespan: Option<Duration>,
}

/// Why a token leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// It was not given out here for this list.
    Foreign,
    /// It was, but too long ago.
    Expired,
}

impl From<Unusable> for Problem {
    fn from(why: Unusable) -> Self {
        Self::bad(match why {
            Unusable::Foreign => "The page token is not one that was given out here for this list.",
            Unusable::Expired => "The page token has expired: start again from the first page.",
        })
    }
}

/// What is sealed: a place in the list – none for its beginning – and when it stops being one.
#[derive(Debug, Serialize, Deserialize)]
struct Token<K> {
    after: Option<K>,
    #[serde(default, with = "zelos_core::timestamp::option", skip_serializing_if = "Option::is_none")]
    until: Option<OffsetDateTime>,
}

impl<'a> Tokens<'a> {
    /// Those of the list of that name; they last for ever unless there is a lifespan.
    pub(crate) fn of(app: &'a App, snapshot: &'a Snapshot, list: &str, lifespan: Option<Duration>) -> Self {
        Self { app, keys: &snapshot.page_keys, purpose: format!("page of {list}"), lifespan }
    }

    /// The token of what comes after that place; of the beginning if there is none.
    pub(crate) fn write<K: Serialize>(&self, after: Option<K>) -> String {
        let until = self.lifespan.map(|lifespan| self.app.engine.clock.now() + lifespan);
        let token = serde_json::to_vec(&Token { after, until }).unwrap_or_default();
        self.keys.seal(&*self.app.engine.rng, &self.purpose, &token)
    }

    /// Where a list goes on that was asked for with that token, if there is one.
    pub(crate) fn after<K: DeserializeOwned>(&self, token: Option<&str>) -> Result<Option<K>, Unusable> {
        token.map(|token| self.read(token)).transpose().map(Option::flatten)
    }

    /// The place that a token names.
    fn read<K: DeserializeOwned>(&self, token: &str) -> Result<Option<K>, Unusable> {
        let opened = if token.len() > LONGEST { None } else { self.keys.open(&self.purpose, token) };
        let token: Token<K> = opened.and_then(|plain| serde_json::from_slice(&plain).ok()).ok_or(Unusable::Foreign)?;
        if token.until.is_some_and(|until| until < self.app.engine.clock.now()) {
            return Err(Unusable::Expired);
        }
        Ok(token.after)
    }
}
