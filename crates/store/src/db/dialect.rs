//! The few words in which the three databases differ, translated in one place: SQL is written with `?` and with
//! SQLite's and PostgreSQL's upsert.
//!
//! Translated texts are kept, as the same statements come again and again.

use crate::batch::Expect;
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Translated texts by their original.
pub(crate) struct Texts {
    translate: fn(&str) -> String,
    known: RwLock<HashMap<String, Arc<str>>>,
}

/// Texts are few; multi-row inserts and `IN` lists make some dozens. More than this is a bug, which must not eat the
/// memory.
const MOST_TEXTS: usize = 2000;

impl Texts {
    pub(crate) fn new(translate: fn(&str) -> String) -> Self {
        Self { translate, known: RwLock::default() }
    }

    pub(crate) fn get(&self, sql: &str) -> Arc<str> {
        if let Some(text) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return Arc::clone(text);
        }
        let text: Arc<str> = (self.translate)(sql).into();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_TEXTS {
            known.clear();
        }
        known.insert(sql.to_owned(), Arc::clone(&text));
        text
    }
}

/// `?` becomes `$1`, `$2`, … outside quotes.
pub(crate) fn postgres(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    let mut quoted = false;
    let mut count = 0;
    for c in sql.chars() {
        quoted ^= c == '\'';
        if c == '?' && !quoted {
            count += 1;
            text.push('$');
            text.push_str(&count.to_string());
        } else {
            text.push(c);
        }
    }
    text
}

/// Makes PostgreSQL itself hold a statement to what it expects, so that nobody has to look at the count before the
/// COMMIT: the count is answered, and another one than expected is an error that nothing else leads to, 2201E, the
/// logarithm of zero. That is a decimal zero, as CockroachDB knows an answer for the other one. Its argument depends on
/// the count, or it would be evaluated in advance.
pub(crate) fn postgres_guarded(sql: &str, expect: Expect) -> Cow<'_, str> {
    let met = match expect {
        Expect::Rows(rows) => format!("= {rows}"),
        Expect::AtLeast(rows) => format!(">= {rows}"),
        Expect::Any => return Cow::Borrowed(sql),
    };
    Cow::Owned(format!(
        "WITH touched AS ({sql} RETURNING 1) \
         SELECT count(*), ln(CAST(CASE WHEN count(*) {met} THEN 1 ELSE 0 END AS DECIMAL)) AS guard FROM touched"
    ))
}

/// What locks the rows that a statement reads until its commit.
const HELD: &str = " FOR SHARE";

/// SQLite writes one batch at a time and needs no lock of a row.
pub(crate) fn sqlite(sql: &str) -> Cow<'_, str> {
    if sql.contains(HELD) { Cow::Owned(sql.replace(HELD, "")) } else { Cow::Borrowed(sql) }
}

/// `FOR SHARE` becomes the older word for it, which MariaDB knows, too.
///
/// `ON CONFLICT (…) DO UPDATE SET a = excluded.a` becomes `ON DUPLICATE KEY UPDATE a = VALUES(a)`. MySQL then looks
/// at every unique key of the table, so an upsert is for tables with one.
pub(crate) fn mysql(sql: &str) -> String {
    if sql.contains(HELD) {
        return sql.replace(HELD, " LOCK IN SHARE MODE");
    }
    let Some((insert, upsert)) = sql.split_once(" ON CONFLICT ") else { return sql.to_owned() };
    let Some((_, assignments)) = upsert.split_once(" DO UPDATE SET ") else {
        // `DO NOTHING`: an assignment without effect, as `INSERT IGNORE` would hide other errors.
        let column = upsert.trim_start_matches('(').split([',', ')']).next().unwrap_or_default();
        return format!("{insert} ON DUPLICATE KEY UPDATE {column} = {column}");
    };
    let mut text = format!("{insert} ON DUPLICATE KEY UPDATE ");
    let mut parts = assignments.split("excluded.");
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        text.extend(["VALUES(", &part[..end], ")", &part[end..]]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_outside_quotes() {
        assert_eq!(postgres("SELECT '?' WHERE a = ? AND b = ?"), "SELECT '?' WHERE a = $1 AND b = $2");
    }

    #[test]
    fn only_what_expects_something_is_wrapped() {
        assert_eq!(postgres_guarded("DELETE FROM t", Expect::Any), "DELETE FROM t");
        let text = postgres_guarded("DELETE FROM t WHERE a = ?", Expect::AtLeast(2));
        assert!(
            text.starts_with("WITH touched AS (DELETE FROM t WHERE a = ? RETURNING 1) SELECT count(*), "),
            "{text}"
        );
        assert!(text.contains("count(*) >= 2"), "{text}");
    }

    #[test]
    fn upserts_are_translated() {
        let sql = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b, c = t.c + 1";
        assert_eq!(mysql(sql), "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE b = VALUES(b), c = t.c + 1");
        let sql = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a, b) DO NOTHING";
        assert_eq!(mysql(sql), "INSERT INTO t (a, b) VALUES (?, ?) ON DUPLICATE KEY UPDATE a = a");
        assert_eq!(mysql("SELECT 1"), "SELECT 1");
        assert_eq!(mysql("SELECT 1 FOR SHARE"), "SELECT 1 LOCK IN SHARE MODE");
        assert_eq!(
            mysql("UPDATE t SET a = ? WHERE EXISTS (SELECT 1 FOR SHARE)").matches("LOCK IN SHARE MODE").count(),
            1
        );
    }

    #[test]
    fn texts_are_kept() {
        let texts = Texts::new(postgres);
        assert!(Arc::ptr_eq(&texts.get("SELECT ?"), &texts.get("SELECT ?")));
    }
}
