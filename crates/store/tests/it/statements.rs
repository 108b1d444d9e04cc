//! Single statements and batches: values, expectations, errors.

use crate::{
    database::{Database, each, options},
    sample::NOW,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;
use zelos_store::{Batch, Dialect, Error, Expect, Row, Store, Value};

/// A table of all types, as the migrations write them.
pub(crate) async fn table(store: &Store) {
    let columns = match store.dialect() {
        Dialect::Sqlite => "a INTEGER, b INTEGER, c TEXT, d BLOB, e INTEGER, f TEXT, g BLOB",
        Dialect::Postgres => "a BOOLEAN, b BIGINT, c TEXT, d UUID, e TIMESTAMPTZ, f TEXT, g BYTEA",
        Dialect::MySql => {
            "a BOOLEAN, b BIGINT, c LONGTEXT CHARACTER SET utf8mb4, d BINARY(16), e DATETIME(6), \
             f LONGTEXT CHARACTER SET utf8mb4, g LONGBLOB"
        }
    };
    let mut batch = Batch::new();
    batch.add(format!("CREATE TABLE things (n BIGINT PRIMARY KEY, {columns})"), []);
    store.commit(batch).await.unwrap();
}

pub(crate) fn insert(batch: &mut Batch, number: i64) {
    batch.insert("things (n, b)", [[number.into(), 0_i64.into()]]);
}

pub(crate) fn increase(batch: &mut Batch, number: i64) {
    batch.guarded("thing", Expect::Rows(1), "UPDATE things SET b = b + 1 WHERE n = ?", [number.into()]);
}

pub(crate) async fn numbers(store: &Store) -> Vec<(i64, i64)> {
    store.all("SELECT n, b FROM things ORDER BY n", &[], |row| Ok((row.get(0)?, row.get(1)?))).await.unwrap()
}

#[derive(Debug, Clone, PartialEq)]
struct Thing {
    a: Option<bool>,
    b: Option<i64>,
    c: Option<String>,
    d: Option<Uuid>,
    e: Option<OffsetDateTime>,
    f: Option<String>,
    g: Option<Vec<u8>>,
}

impl Thing {
    const COLUMNS: &str = "things (n, a, b, c, d, e, f, g)";

    fn values(&self, number: i64) -> [Value<'_>; 8] {
        [
            number.into(),
            self.a.into(),
            self.b.into(),
            self.c.as_deref().into(),
            self.d.into(),
            self.e.into(),
            Value::Json(self.f.as_deref().map(Into::into)),
            self.g.as_deref().into(),
        ]
    }

    fn read(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self {
            a: row.get(0)?,
            b: row.get(1)?,
            c: row.get(2)?,
            d: row.get(3)?,
            e: row.get(4)?,
            f: row.optional_text(5)?.map(str::to_owned),
            g: row.get(6)?,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_went() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let full = Thing {
            a: Some(true),
            b: Some(i64::MAX),
            c: Some("ü😀'\"\\\n?".repeat(100_000)),
            d: Some(Uuid::from_u128(0x1234)),
            e: Some(datetime!(1969-12-31 23:59:59.999999 UTC)),
            f: Some("{\"b\":1,\"a\":2}".into()),
            g: Some(vec![0, 255]),
        };
        let low = Thing {
            a: Some(false),
            b: Some(i64::MIN),
            c: Some(String::new()),
            d: Some(Uuid::nil()),
            e: Some(datetime!(2026-03-01 14:34:56.123456 +02:00)),
            f: Some("null".into()),
            g: Some(Vec::new()),
        };
        let nothing = Thing { a: None, b: None, c: None, d: None, e: None, f: None, g: None };
        let fine = Thing { e: Some(NOW + Duration::nanoseconds(999)), ..nothing.clone() };
        let mut batch = Batch::new();
        batch.insert(Thing::COLUMNS, [full.values(1), low.values(2), nothing.values(3), fine.values(4)]);
        assert_eq!(store.commit(batch).await.unwrap(), [4]);

        let cut = Thing { e: Some(NOW), ..nothing.clone() };
        let found = store.all("SELECT a, b, c, d, e, f, g FROM things ORDER BY n", &[], Thing::read).await.unwrap();
        assert!(found == [full, low, nothing, cut], "times are cut to microseconds, all else is as it was");
        let sql = "SELECT c FROM things WHERE c = ? AND f <> '?'";
        assert_eq!(store.one(sql, &["".into()], |row| row.get::<String>(0)).await.unwrap(), "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_optional_and_all() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let sql = "SELECT n FROM things WHERE n > ? ORDER BY n";
        let read = |row: &Row<'_>| row.get::<i64>(0);
        assert!(matches!(store.one(sql, &[0_i64.into()], read).await, Err(Error::Missing)));
        assert_eq!(store.optional(sql, &[0_i64.into()], read).await.unwrap(), None);
        let mut batch = Batch::new();
        (1..=3).for_each(|number| insert(&mut batch, number));
        assert_eq!(store.commit(batch).await.unwrap(), [1, 1, 1]);
        assert_eq!(store.optional(sql, &[1_i64.into()], read).await.unwrap(), Some(2));
        assert_eq!(store.all(sql, &[1_i64.into()], read).await.unwrap(), [2, 3]);
        assert_eq!(store.scan(sql, vec![0_i64.into()], read).await.unwrap(), [1, 2, 3]);
        let wrong = store.one(sql, &[0_i64.into()], |row| row.get::<Uuid>(0)).await;
        assert!(matches!(wrong, Err(Error::Other(_))), "{wrong:?}");
        let wrong = store.one("SELECT x FROM things", &[], read).await;
        assert!(matches!(wrong, Err(Error::Other(_))), "{wrong:?}");
        assert_eq!(store.all(sql, &[0_i64.into()], read).await.unwrap().len(), 3, "errors leave no trace");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_written_whole_or_not_at_all() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let mut batch = Batch::new();
        insert(&mut batch, 1);
        increase(&mut batch, 2);
        insert(&mut batch, 3);
        assert!(matches!(store.commit(batch).await, Err(Error::Unmet("thing"))));
        assert_eq!(numbers(&store).await, []);

        let mut batch = Batch::new();
        insert(&mut batch, 1);
        insert(&mut batch, 1);
        let error = store.commit(batch).await.unwrap_err();
        assert!(error.is_unique("primary"), "{error}");
        assert_eq!(numbers(&store).await, []);

        let mut batch = Batch::new();
        insert(&mut batch, 1);
        batch.add("INSERT INTO nowhere VALUES (1)", []);
        assert!(matches!(store.commit(batch).await, Err(Error::Other(_))));
        assert_eq!(numbers(&store).await, []);

        let mut batch = Batch::new();
        insert(&mut batch, 1);
        increase(&mut batch, 1);
        assert_eq!(store.commit(batch).await.unwrap(), [1, 1]);
        assert_eq!(numbers(&store).await, [(1, 1)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let update = |expect, number: i64| {
            let mut batch = Batch::new();
            batch.guarded("g", expect, "UPDATE things SET b = 7 WHERE n <= ?", [number.into()]);
            batch
        };
        let mut batch = Batch::new();
        (1..=3).for_each(|number| insert(&mut batch, number));
        store.commit(batch).await.unwrap();
        assert_eq!(store.commit(update(Expect::Rows(1), 1)).await.unwrap(), [1]);
        assert_eq!(store.commit(update(Expect::Rows(1), 1)).await.unwrap(), [1], "a row that stays equal counts");
        assert_eq!(store.commit(update(Expect::AtLeast(2), 3)).await.unwrap(), [3]);
        assert_eq!(store.commit(update(Expect::Any, 0)).await.unwrap(), [0]);
        assert!(matches!(store.commit(update(Expect::Rows(1), 0)).await, Err(Error::Unmet("g"))));
        assert!(matches!(store.commit(update(Expect::AtLeast(4), 3)).await, Err(Error::Unmet("g"))));
        let mut batch = Batch::new();
        batch.guarded("g", Expect::Rows(1), "UPDATE nowhere SET b = 7", []);
        assert!(matches!(store.commit(batch).await, Err(Error::Other(_))), "an error is no unmet guard");
        assert!(store.commit(Batch::new()).await.unwrap().is_empty());
    })
    .await;
}

/// The round trips of a guarded batch, met or not; the first unmet guard is named, and counts are those of the rows
/// touched.
#[tokio::test(flavor = "multi_thread")]
async fn guards_cost_no_round_trip() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let guarded = |first, second, third| {
            let mut batch = Batch::new();
            batch.insert("things (n, b)", [[10_i64.into(), 0_i64.into()]]);
            let sql = "UPDATE things SET b = b + 1 WHERE n <= ?";
            batch.guarded("first", Expect::AtLeast(first), sql, [3_i64.into()]);
            batch.guarded("second", Expect::Rows(second), "DELETE FROM things WHERE n = ?", [1_i64.into()]);
            batch.guarded("third", Expect::Rows(third), "INSERT INTO things (n) VALUES (?), (12)", [11_i64.into()]);
            batch
        };
        let mut batch = Batch::new();
        (1..=3).for_each(|number| insert(&mut batch, number));
        store.commit(batch).await.unwrap();
        for (batch, unmet, mysql) in [
            (guarded(4, 0, 2), Some("first"), 4),
            (guarded(2, 0, 1), Some("second"), 5),
            (guarded(2, 1, 3), Some("third"), 6),
            (guarded(2, 1, 2), None, 6),
        ] {
            let before = store.trace().total_round_trips();
            match (store.commit(batch).await, unmet) {
                (Ok(rows), None) => assert_eq!(rows, [1, 3, 1, 2]),
                (Err(Error::Unmet(guard)), Some(unmet)) => assert_eq!(guard, unmet),
                (result, _) => panic!("{unmet:?}: {result:?}"),
            }
            let expected = if store.dialect() == Dialect::MySql { mysql } else { 1 };
            assert_eq!(store.trace().total_round_trips() - before, expected, "{unmet:?}");
            let left = if unmet.is_some() { vec![(1, 0), (2, 0), (3, 0)] } else { vec![(2, 1), (3, 1), (10, 0)] };
            let sql = "SELECT n, b FROM things WHERE b IS NOT NULL ORDER BY n";
            let found = store.all(sql, &[], |row| Ok((row.get(0)?, row.get(1)?))).await.unwrap();
            assert_eq!(found, left, "{unmet:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upserts() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let upsert = |tail: &str| {
            let mut batch = Batch::new();
            batch.add(
                format!("INSERT INTO things (n, b) VALUES (?, ?) ON CONFLICT (n) {tail}"),
                [1_i64.into(), 5_i64.into()],
            );
            batch
        };
        store.commit(upsert("DO UPDATE SET b = excluded.b")).await.unwrap();
        assert_eq!(numbers(&store).await, [(1, 5)]);
        store.commit(upsert("DO UPDATE SET b = excluded.b + 1")).await.unwrap();
        assert_eq!(numbers(&store).await, [(1, 6)]);
        store.commit(upsert("DO NOTHING")).await.unwrap();
        assert_eq!(numbers(&store).await, [(1, 6)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_as_json_is_a_bug() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let mut batch = Batch::new();
        insert(&mut batch, 1);
        let unwritable = std::collections::HashMap::from([((1, 2), 3)]);
        let value = batch.json(&unwritable);
        batch.insert("things (n, f)", [[2_i64.into(), value]]);
        assert!(matches!(store.commit(batch).await, Err(Error::Other(_))));
        assert_eq!(numbers(&store).await, []);
    })
    .await;
}

#[tokio::test]
async fn the_log_of_sqlite_is_carried_over_when_nobody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zelos.db");
    let store = Store::connect(&format!("sqlite://{}?mode=rwc", path.display()), options()).await.unwrap();
    table(&store).await;
    let size = || std::fs::metadata(&path).unwrap().len();
    let at_first = size();
    for number in 0..600 {
        let mut batch = Batch::new();
        insert(&mut batch, number);
        store.commit(batch).await.unwrap();
    }
    // Whoever writes next waits for it.
    assert!(size() > at_first, "all of it is in the log yet: {at_first} bytes in the file");
}
