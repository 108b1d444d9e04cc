//! What a password must be like.
//!
//! Five questions, cheapest first: is it long enough, is it unlike the identifiers of its owner, will the hash take all of
//! it, is it among the commonest, and was it leaked. The last one is put to a server of leaked passwords, which learns the first
//! twenty bits of a SHA-1 and nothing more; its answers are kept for an hour under a keyed digest, so that no SHA-1 of a
//! password stays in memory. Limits and edges are those of Kratos (`selfservice/strategy/password/validator.go`).

use super::common;
use http::{HeaderName, HeaderValue};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use time::OffsetDateTime;
use url::Url;
use zelos_core::{
    clock::Clock,
    config::methods::PasswordConfig,
    outbound::{Outbound, OutboundRequest},
    rng::Rng,
};

/// Names and passwords with more bytes are not compared: the work grows with the product of both.
const MOST_COMPARED: usize = 256;

/// Fewer edits than that between a name and a password are too few.
const FEWEST_EDITS: usize = 5;

const CACHED_FOR: Duration = Duration::from_hours(1);

const MOST_CACHED: usize = 10_000;

/// For the whole answer, which is read while a person waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is to be said of a password. All lengths in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing against it.
    Fine,
    /// Text 4000032.
    TooShort { min_length: usize, actual_length: usize },
    /// Text 4000031.
    TooSimilar,
    /// Text 4000033.
    TooLong { max_length: usize, actual_length: usize },
    /// Text 4900003: among the commonest.
    Common,
    /// Text 4000034: in so many leaks.
    Breached { breaches: i64 },
}

/// Why leaks could not be looked up. The first two do not count where the configuration ignores network errors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BreachError {
    #[error("the server of leaked passwords cannot be asked: {0}")]
    Unreachable(String),
    #[error("the server of leaked passwords answers with status {0}")]
    Status(u16),
    #[error("the server of leaked passwords answers with a count that is none")]
    Garbled,
}

/// Everything the decision depends on.
#[derive(Clone, Copy)]
pub struct Policy<'a> {
    pub config: &'a PasswordConfig,
    /// What the hash takes, in bytes: see [`Hasher::max_length`](super::hash::Hasher::max_length).
    pub max_length: Option<usize>,
    pub breaches: &'a BreachCache,
    pub outbound: &'a dyn Outbound,
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for Policy<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Policy").field("config", self.config).finish_non_exhaustive()
    }
}

impl Policy<'_> {
    /// Judges a password, given the names its owner logs in with.
    pub async fn judge(&self, password: &str, identifiers: &[&str]) -> Result<Verdict, BreachError> {
        let (config, actual_length) = (self.config, password.len());
        let min_length = usize::try_from(config.min_password_length).unwrap_or(usize::MAX);
        if actual_length < min_length {
            return Ok(Verdict::TooShort { min_length, actual_length });
        }
        if config.identifier_similarity_check_enabled && identifiers.iter().any(|name| too_similar(name, password)) {
            return Ok(Verdict::TooSimilar);
        }
        if let Some(max_length) = self.max_length
            && actual_length > max_length
        {
            return Ok(Verdict::TooLong { max_length, actual_length });
        }
        if config.common_passwords_check_enabled && common::contains(password) {
            return Ok(Verdict::Common);
        }
        if config.haveibeenpwned_enabled {
            match self.breaches(password).await {
                Ok(breaches) if breaches > i64::from(config.max_breaches) => return Ok(Verdict::Breached { breaches }),
                Ok(_) => {}
                Err(BreachError::Unreachable(_) | BreachError::Status(_)) if config.ignore_network_errors => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Verdict::Fine)
    }

    /// In how many leaks the password is.
    async fn breaches(&self, password: &str) -> Result<i64, BreachError> {
        let digest = Sha1::digest(password.as_bytes());
        let key = self.breaches.key(&digest);
        if let Some(breaches) = self.breaches.get(key, self.clock.now()) {
            return Ok(breaches);
        }
        let breaches = self.ask(&hexadecimal(&digest)).await?;
        self.breaches.put(key, breaches, self.clock.now());
        Ok(breaches)
    }

    async fn ask(&self, digest: &str) -> Result<i64, BreachError> {
        let (prefix, rest) = digest.split_at(5);
        let url = Url::parse(&format!("https://{}/range/{prefix}", self.config.haveibeenpwned_host))
            .map_err(|error| BreachError::Unreachable(error.to_string()))?;
        let mut request = OutboundRequest { timeout: PATIENCE, ..OutboundRequest::get(url) };
        // The length of an answer without padding tells an eavesdropper which range was asked for.
        request.headers.insert(HeaderName::from_static("add-padding"), HeaderValue::from_static("true"));
        let response =
            self.outbound.send(request).await.map_err(|error| BreachError::Unreachable(error.to_string()))?;
        if response.status != http::StatusCode::OK {
            return Err(BreachError::Status(response.status.as_u16()));
        }
        let body = std::str::from_utf8(&response.body).map_err(|error| BreachError::Unreachable(error.to_string()))?;
        count(body, rest)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The count of `wanted` in the rows of a range, `<35 hex>:<count>`; 0 if it is not there.
fn count(rows: &str, wanted: &str) -> Result<i64, BreachError> {
    let mut found = 0;
    for row in rows.lines() {
        let mut parts = row.trim().split(':');
        let digest = parts.next().unwrap_or_default();
        let count = match (parts.next(), parts.next()) {
            (Some(count), None) => count.replace(',', "").parse().map_err(|_| BreachError::Garbled)?,
            // Quirk: some servers leave the count away (validator.go), which then is one.
            _ => 1,
        };
        if digest == wanted {
            found = count;
        }
    }
    Ok(found)
}

/// What the server of leaks has said lately, for the whole process.
pub struct BreachCache {
    secret: [u8; 32],
    counts: Mutex<HashMap<[u8; 16], (i64, OffsetDateTime)>>,
}

impl BreachCache {
    /// An empty one, whose keys mean nothing to anybody else.
    pub fn new(rng: &dyn Rng) -> Self {
        Self { secret: rng.bytes(), counts: Mutex::default() }
    }

    fn key(&self, digest: &[u8]) -> [u8; 16] {
        let keyed = Sha256::new().chain_update(self.secret).chain_update(digest).finalize();
        std::array::from_fn(|index| keyed[index])
    }

    fn get(&self, key: [u8; 16], now: OffsetDateTime) -> Option<i64> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(&key).filter(|(_, until)| now < *until).map(|(count, _)| *count)
    }

    fn put(&self, key: [u8; 16], count: i64, now: OffsetDateTime) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST_CACHED {
            counts.retain(|_, (_, until)| now < *until);
        }
        if counts.len() >= MOST_CACHED {
            counts.clear();
        }
        counts.insert(key, (count, now + CACHED_FOR));
    }
}

impl std::fmt::Debug for BreachCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("BreachCache")
    }
}

/// Whether a password is a name with a few changes, or one in large part.
fn too_similar(name: &str, password: &str) -> bool {
    let comparable = |text: &str| text.len() <= MOST_COMPARED;
    if name.is_empty() || !comparable(name) || !comparable(password) {
        return false;
    }
    // Some letters grow when lower-cased.
    let (name, password) = (name.to_lowercase(), password.to_lowercase());
    comparable(&name)
        && comparable(&password)
        && (edits(&name, &password) < FEWEST_EDITS || 2 * longest_common_part(&name, &password) > password.len())
}

/// Levenshtein's distance, in characters.
fn edits(one: &str, other: &str) -> usize {
    let one: Vec<_> = one.chars().collect();
    let mut row: Vec<usize> = (0..=one.len()).collect();
    for (line, letter) in other.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (at, same) in one.iter().map(|found| *found == letter).enumerate() {
            let replaced = diagonal + usize::from(!same);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[one.len()]
}

/// The length of the longest part that two texts have in common, in characters.
///
/// Quirk: a part does not reach across a character of several bytes (`validator.go`, `lcsLength`): positions are those of
/// bytes, so that nothing is found right before the character that follows it.
fn longest_common_part(one: &str, other: &str) -> usize {
    let mut longest = 0;
    // Lengths of the common parts that end right before the byte at hand, by their end in `other`.
    let mut before = vec![0; other.len()];
    for (_, letter) in one.char_indices() {
        let mut row = vec![0; other.len()];
        for (at, found) in other.char_indices() {
            if found == letter {
                row[at] = at.checked_sub(1).map_or(0, |at| before[at]) + 1;
                longest = longest.max(row[at]);
            }
        }
        if letter.len_utf8() > 1 {
            row.fill(0);
        }
        before = row;
    }
    longest
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
