//! Budgets of attempts: how often something was tried in a window of time, counted exactly however many try at once.
//!
//! What is wrong is charged, what is right only asks whether anything is left; both in the batch that makes the answer, so
//! that the order of commits decides. A charge increases first and looks afterwards, at rows that are its own until the
//! commit: whoever goes over the limit takes everything back. A right one touches the row that every wrong one of the
//! same account charges first, so that it waits for those under way, and looks in a statement of its own: under READ
//! COMMITTED that one sees what they have left.
//!
//! No two batches lock rows in different orders if each names its budgets in the order of [`Budget`]'s callers: the
//! account's whole, its parts, then what accounts share; and if these statements stand first.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    error::Error,
    page::{marks, padded},
    value::{NETWORK, Value},
};
use std::{collections::HashMap, fmt::Write as _, time::Duration};
use time::OffsetDateTime;

/// Guard: a budget is used up.
pub const EXHAUSTED: &str = "attempt budget";

/// Whose budget, and which, as a keyed hash.
pub type Key = [u8; 24];

/// So many attempts within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub key: Key,
    pub limit: u32,
    /// It begins with the first attempt.
    pub window: Duration,
}

/// How many budgets one statement names.
const CHUNK: usize = 8;

/// Counts an attempt on each budget. Guarded by [`EXHAUSTED`].
pub fn charge(batch: &mut Batch, budgets: &[Budget], now: OffsetDateTime) {
    count(batch, budgets, now);
    within(batch, budgets, 1, now);
}

/// Counts an attempt on each budget, also beyond its limit.
pub fn count(batch: &mut Batch, budgets: &[Budget], now: OffsetDateTime) {
    for budgets in budgets.chunks(CHUNK) {
        let rows = vec!["(?, ?, 1, ?)"; budgets.len()].join(", ");
        // MySQL assigns from left to right: the end of the window is asked for before it is set.
        let sql = format!(
            "INSERT INTO attempts (nid, key_hash, n, expires_at) VALUES {rows} ON CONFLICT (nid, key_hash) \
             DO UPDATE SET n = CASE WHEN attempts.expires_at <= ? THEN 1 ELSE attempts.n + 1 END, \
             expires_at = CASE WHEN attempts.expires_at <= ? THEN excluded.expires_at ELSE attempts.expires_at END"
        );
        let values = budgets.iter().flat_map(|budget| [NETWORK, key(&budget.key), (now + budget.window).into()]);
        batch.add(sql, values.chain([now.into(), now.into()]));
    }
}

/// Lets the batch through only if something is left of each budget, and waits for those who charge `queue` at this
/// moment. Guarded by [`EXHAUSTED`].
pub fn spare(batch: &mut Batch, queue: &[Key], budgets: &[Budget], now: OffsetDateTime) {
    for first in queue {
        batch.add("UPDATE attempts SET n = n WHERE nid = ? AND key_hash = ?", [NETWORK, key(first)]);
    }
    within(batch, budgets, 0, now);
}

/// That no budget is used up, `own` attempts of this very batch apart. The limits stand in the text: as parameters they
/// would have no type here.
fn within(batch: &mut Batch, budgets: &[Budget], own: u32, now: OffsetDateTime) {
    for budgets in budgets.chunks(CHUNK) {
        let mut limits = String::new();
        for budget in budgets {
            let _ = write!(limits, " WHEN ? THEN {}", u64::from(budget.limit) + u64::from(own));
        }
        let keys = vec!["?"; budgets.len()].join(", ");
        let keyed = || budgets.iter().map(|budget| key(&budget.key));
        batch.guarded(
            EXHAUSTED,
            Expect::Rows(0),
            format!(
                "UPDATE attempts SET n = n WHERE nid = ? AND key_hash IN ({keys}) \
                 AND n >= CASE key_hash{limits} END AND expires_at > ?"
            ),
            std::iter::once(NETWORK).chain(keyed()).chain(keyed()).chain([now.into()]),
        );
    }
}

/// When something is left again of all these budgets, and which of them one waits for; none if there is something now.
pub async fn used_up_until(
    store: &Store,
    budgets: &[Budget],
    now: OffsetDateTime,
) -> Result<Option<(Key, OffsetDateTime)>, Error> {
    if budgets.is_empty() {
        return Ok(None);
    }
    let limits: HashMap<Key, i64> = budgets.iter().map(|budget| (budget.key, budget.limit.into())).collect();
    let keys: Vec<Key> = budgets.iter().map(|budget| budget.key).collect();
    let sql = format!(
        "SELECT key_hash, n, expires_at FROM attempts WHERE nid = ? AND key_hash IN ({}) AND expires_at > ?",
        marks(keys.len())
    );
    let mut params = vec![NETWORK];
    params.extend(padded(&keys).map(|key| Value::from(key.to_vec())));
    params.push(now.into());
    let read = |row: &crate::Row<'_>| Ok((row.get::<Vec<u8>>(0)?, row.get::<i64>(1)?, row.get(2)?));
    let rows: Vec<(Vec<u8>, i64, OffsetDateTime)> = store.all(sql, &params, read).await?;
    let used_up = rows.into_iter().filter_map(|(key, n, until)| {
        let key = Key::try_from(key.as_slice()).ok()?;
        limits.get(&key).is_some_and(|limit| n >= *limit).then_some((key, until))
    });
    Ok(used_up.max_by_key(|(_, until)| *until))
}

fn key(key: &Key) -> Value<'_> {
    Value::from(key.as_slice())
}
