//! Templates and Jsonnet snippets that the configuration names by an `http(s)` URL.
//!
//! The host of a template is often an application that itself needs a running identity server, so neither a start nor a
//! reload waits for it. A document is fetched by the background job ([`Remotes::refresh`]) or, if it is needed before that
//! succeeded, by the request that needs it, which waits for [`PATIENCE`] at most. What was fetched is compiled once and kept
//! until its age demands a new fetch; a document that cannot be fetched or compiled leaves the last good copy in use. The
//! pool outlives a reload, and so do the copies of what the new configuration still names.

use futures_util::future::join_all;
use http::{
    HeaderMap,
    header::{AGE, CACHE_CONTROL},
};
use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Mutex as Gate, MutexGuard as Passed},
    time::{Instant, timeout},
};
use url::Url;
use zelos_core::outbound::{Outbound, OutboundError, OutboundRequest};
use zelos_script::{
    jsonnet::Snippet,
    template::{Escape, Set},
};

/// The longest that a request or a delivery waits for a document that has never been fetched.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The longest that the background job waits for one document.
const FETCH: Duration = Duration::from_secs(15);

/// How long a copy is fresh: what the response's `Cache-Control` says, within these bounds; without it, [`USUAL_AGE`].
const SHORTEST_AGE: Duration = Duration::from_mins(1);
const USUAL_AGE: Duration = Duration::from_mins(10);
const LONGEST_AGE: Duration = Duration::from_hours(1);

/// The pause of the background job after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A request that needs a document tries again after so many times the duration of the failed attempt: a host that refuses
/// quickly is asked again soon, one that does not answer delays few requests.
const FACTOR: u32 = 10;
const LONGEST_REST: Duration = Duration::from_secs(30);

/// The pause between two warnings about one document.
const WARN_AGAIN: Duration = Duration::from_mins(10);

/// Makes of a document what is used, or says why that is not possible.
type Compile<T> = Box<dyn Fn(&str) -> Result<T, String> + Send + Sync>;

/// A document behind a URL, in its compiled form.
pub struct Remote<T> {
    /// The configuration key that names it.
    key: String,
    url: Url,
    /// What happens while there is no copy, for the log.
    without: &'static str,
    compile: Compile<T>,
    copy: RwLock<Option<Arc<T>>>,
    /// Whether the last attempt failed.
    failing: AtomicBool,
    /// Held while the document is fetched, so that one fetch serves all that wait.
    attempts: Gate<Attempts>,
}

/// What is known of the attempts so far.
#[derive(Debug, Default)]
struct Attempts {
    /// Until when the copy is fresh; none before the first success.
    fresh_until: Option<Instant>,
    failure: Option<Failure>,
}

/// The failures since the last success.
#[derive(Debug)]
struct Failure {
    reason: String,
    count: u32,
    /// When the last attempt ended, and how long it took.
    at: Instant,
    took: Duration,
    warned: Instant,
}

impl Attempts {
    /// Whether the background job fetches now.
    fn are_due(&self) -> bool {
        let at = match &self.failure {
            Some(failure) => failure.at + (FIRST_PAUSE * 2u32.pow(failure.count.min(7) - 1)).min(LONGEST_PAUSE),
            None => match self.fresh_until {
                Some(until) => until,
                None => return true,
            },
        };
        at <= Instant::now()
    }

    /// Whether a request that needs the document fetches it now.
    fn may_be_made(&self) -> bool {
        let rest = |failure: &Failure| (failure.took * FACTOR).min(LONGEST_REST);
        self.failure.as_ref().is_none_or(|failure| failure.at + rest(failure) <= Instant::now())
    }
}

/// A URL may hold secrets.
impl<T> fmt::Debug for Remote<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<T> Remote<T> {
    fn new(key: &str, url: &Url, without: &'static str, compile: Compile<T>) -> Self {
        Self {
            key: key.to_owned(),
            url: url.clone(),
            without,
            compile,
            copy: RwLock::default(),
            failing: AtomicBool::new(false),
            attempts: Gate::default(),
        }
    }

    /// The configuration key that names it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The last good copy.
    pub fn copy(&self) -> Option<Arc<T>> {
        self.copy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is a copy.
    pub fn is_here(&self) -> bool {
        self.copy.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The last good copy. Without one the document is fetched, which takes [`PATIENCE`] at most for each of two steps:
    /// waiting for a fetch under way, and a fetch of its own.
    pub async fn wait(&self, outbound: &dyn Outbound) -> Option<Arc<T>> {
        if !self.is_here()
            && let Some(mut attempts) = self.enter().await
            && !self.is_here()
            && attempts.may_be_made()
        {
            // A failure is logged and leaves things as they are.
            let _ = self.fetch(&mut attempts, outbound, PATIENCE).await;
        }
        self.copy()
    }

    /// Waits for a fetch under way, unless the host is known to fail.
    async fn enter(&self) -> Option<Passed<'_, Attempts>> {
        if self.failing.load(Ordering::Relaxed) {
            return self.attempts.try_lock().ok();
        }
        timeout(PATIENCE, self.attempts.lock()).await.ok()
    }

    /// Fetches the document if that is due. A fetch under way is left alone.
    async fn refresh(&self, outbound: &dyn Outbound) -> Option<String> {
        let mut attempts = self.attempts.try_lock().ok()?;
        if attempts.are_due() {
            let _ = self.fetch(&mut attempts, outbound, FETCH).await;
        }
        attempts.failure.as_ref().map(|failure| format!("{}: {}", self.key, failure.reason))
    }

    async fn fetch(&self, attempts: &mut Attempts, outbound: &dyn Outbound, patience: Duration) -> Result<(), ()> {
        let begun = Instant::now();
        let request = OutboundRequest { timeout: patience, ..OutboundRequest::get(self.url.clone()) };
        let answer = timeout(patience, outbound.send(request)).await.unwrap_or(Err(OutboundError::Timeout));
        let fetched = answer.map_err(|error| format!("cannot be fetched: {error}")).and_then(|answer| {
            if answer.status != http::StatusCode::OK {
                return Err(format!("cannot be fetched: its host answered with status {}", answer.status));
            }
            let text = std::str::from_utf8(&answer.body).map_err(|_| "is not UTF-8".to_owned())?;
            Ok(((self.compile)(text)?, age(&answer.headers)))
        });
        match fetched {
            Ok((copy, age)) => {
                *self.copy.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(copy));
                attempts.fresh_until = Some(Instant::now() + age);
                self.failing.store(false, Ordering::Relaxed);
                if attempts.failure.take().is_some() {
                    tracing::info!(key = self.key, "remote content fetched again");
                }
                Ok(())
            }
            Err(reason) => {
                self.failing.store(true, Ordering::Relaxed);
                self.failed(attempts, reason, begun);
                Err(())
            }
        }
    }

    fn failed(&self, attempts: &mut Attempts, reason: String, begun: Instant) {
        let now = Instant::now();
        let (count, warned) = attempts.failure.as_ref().map_or((0, None), |old| (old.count, Some(old.warned)));
        let warns = warned.is_none_or(|warned| warned + WARN_AGAIN <= now);
        if warns {
            let meanwhile = if self.is_here() { "the last good copy is used" } else { self.without };
            tracing::warn!(key = self.key, %reason, meanwhile, "remote content cannot be used, will retry");
        }
        let warned = warned.filter(|_| !warns).unwrap_or(now);
        attempts.failure = Some(Failure { reason, count: count + 1, at: now, took: now - begun, warned });
    }
}

/// How long a response stays fresh (RFC 9111, 4.2), within our bounds.
fn age(headers: &HeaderMap) -> Duration {
    let seconds = |text: &str| text.trim().trim_matches('"').parse().map(Duration::from_secs).ok();
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut fresh = None;
    for directive in values.flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return SHORTEST_AGE,
            "max-age" => fresh = seconds(value),
            _ => {}
        }
    }
    let spent = headers.get(AGE).and_then(|value| seconds(value.to_str().ok()?)).unwrap_or_default();
    fresh.map_or(USUAL_AGE, |fresh| fresh.saturating_sub(spent).clamp(SHORTEST_AGE, LONGEST_AGE))
}

/// The remote documents of one kind that are in use.
#[derive(Debug)]
struct Pool<T>(Mutex<Vec<Weak<Remote<T>>>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pool<T> {
    /// The document of that key and URL, with its copy if it is in use already.
    fn get(&self, key: &str, url: &Url, without: &'static str, compile: Compile<T>) -> Arc<Remote<T>> {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pool.retain(|known| known.strong_count() > 0);
        let known = pool.iter().filter_map(Weak::upgrade).find(|known| known.key == key && known.url == *url);
        known.unwrap_or_else(|| {
            let new = Arc::new(Remote::new(key, url, without, compile));
            pool.push(Arc::downgrade(&new));
            new
        })
    }

    fn all(&self) -> Vec<Arc<Remote<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().filter_map(Weak::upgrade).collect()
    }
}

/// All remote documents in use, across reloads.
#[derive(Debug, Default)]
pub struct Remotes {
    templates: Pool<Set>,
    snippets: Pool<Snippet>,
}

impl Remotes {
    /// A Go template. Without a copy the built-in text is used.
    pub(crate) fn template(&self, key: &str, url: &Url, escape: Escape) -> Arc<Remote<Set>> {
        let name = key.to_owned();
        let compile = move |text: &str| {
            Set::compile(escape, (&name, text), &[]).map_err(|error| match error.line {
                Some(line) => format!("line {line}: {}", error.reason),
                None => error.reason,
            })
        };
        self.templates.get(key, url, "the built-in text is used", Box::new(compile))
    }

    /// A Jsonnet snippet that makes the body of a request. Without a copy the request waits.
    pub fn snippet(&self, key: &str, url: &Url) -> Arc<Remote<Snippet>> {
        let compile = |text: &str| Snippet::compile("body", text).map_err(|error| error.to_string());
        self.snippets.get(key, url, "what needs it waits", Box::new(compile))
    }

    /// Fetches what is due; answers which documents cannot be used as they are, with key and reason.
    pub async fn refresh(&self, outbound: &dyn Outbound) -> Vec<String> {
        let (templates, snippets) = (self.templates.all(), self.snippets.all());
        let templates = join_all(templates.iter().map(|remote| remote.refresh(outbound))).await;
        let snippets = join_all(snippets.iter().map(|remote| remote.refresh(outbound))).await;
        templates.into_iter().chain(snippets).flatten().collect()
    }
}

#[cfg(test)]
mod tests;
