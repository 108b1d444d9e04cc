//! Single statements and batches: values, expectations, errors.

use crate::{
    database::{Database, each},
    sample::NOW,
};
use time::macros::datetime;
use uuid::Uuid;
use zelos_store::{Batch, Dialect, Error, Expect, Row, Store, Value};

/// A table of all types, as the migrations write them.
pub(crate) async fn table(store: &Store) {
    let types = match store.dialect() {
        Dialect::Sqlite => ["INTEGER", "INTEGER", "TEXT", "BLOB", "INTEGER", "TEXT", "BLOB"],
        Dialect::Postgres => ["BOOLEAN", "BIGINT", "TEXT", "UUID", "TIMESTAMPTZ", "TEXT", "BYTEA"],
        Dialect::MySql => [
            "BOOLEAN",
            "BIGINT",
            "LONGTEXT CHARACTER SET utf8mb4",
            "BINARY(16)",
            "DATETIME(6)",
            "LONGTEXT CHARACTER SET utf8mb4",
            "LONGBLOB",
        ],
    };
    let [a, b, c, d, e, f, g] = types;
    let mut batch = Batch::new();
    batch.add(
        format!("CREATE TABLE things (n BIGINT PRIMARY KEY, a {a}, b {b}, c {c}, d {d}, e {e}, f {f}, g {g})"),
        [],
    );
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

#[tokio::test(flavor = "multi_thread")]
async fn values_come_back_as_they_went() {
    each(|Database { store, .. }| async move {
        table(&store).await;
        let long = "ü😀'\"\\\n".repeat(100_000);
        let id = Uuid::from_u128(0x1234);
        let old = datetime!(1969-12-31 23:59:59.999999 UTC);
        let elsewhere = datetime!(2026-03-01 14:34:56.123456 +02:00);
        let rows: [[Value<'_>; 8]; 4] = [
            [
                1_i64.into(),
                true.into(),
                i64::MAX.into(),
                long.as_str().into(),
                id.into(),
                old.into(),
                Value::json("{\"b\":1,\"a\":2}"),
                vec![0_u8, 255].into(),
            ],
            [
                2_i64.into(),
                false.into(),
                i64::MIN.into(),
                "".into(),
                Uuid::nil().into(),
                elsewhere.into(),
                Value::json("null"),
                Vec::new().into(),
            ],
            [
                3_i64.into(),
                Value::Bool(None),
                Value::Int(None),
                Value::Text(None),
                Value::Id(None),
                Value::Time(None),
                Value::Json(None),
                Value::Bytes(None),
            ],
            [
                4_i64.into(),
                true.into(),
                0_i64.into(),
                "?".into(),
                id.into(),
                (NOW + time::Duration::nanoseconds(999)).into(),
                Value::json("[]"),
                vec![b'?'].into(),
            ],
        ];
        let mut batch = Batch::new();
        batch.insert("things (n, a, b, c, d, e, f, g)", rows);
        assert_eq!(store.commit(batch).await.unwrap(), [4]);

        let sql = "SELECT a, b, c, d, e, f, g FROM things WHERE n = ?";
        let read = |row: &Row<'_>| -> Result<_, Error> {
            Ok((
                row.get::<bool>(0)?,
                row.get::<i64>(1)?,
                row.get::<String>(2)?,
                row.get::<Uuid>(3)?,
                row.get::<time::OffsetDateTime>(4)?,
                row.get::<String>(5)?,
                row.get::<Vec<u8>>(6)?,
            ))
        };
        let first = store.one(sql, &[1_i64.into()], read).await.unwrap();
        assert_eq!(first, (true, i64::MAX, long.clone(), id, old, "{\"b\":1,\"a\":2}".into(), vec![0, 255]));
        let second = store.one(sql, &[2_i64.into()], read).await.unwrap();
        assert_eq!(second, (false, i64::MIN, String::new(), Uuid::nil(), NOW, "null".into(), Vec::new()));
        let nothing = store
            .one(sql, &[3_i64.into()], |row| {
                let none = row.get::<Option<bool>>(0)?.is_none()
                    && row.get::<Option<i64>>(1)?.is_none()
                    && row.get::<Option<String>>(2)?.is_none()
                    && row.get::<Option<Uuid>>(3)?.is_none()
                    && row.get::<Option<time::OffsetDateTime>>(4)?.is_none()
                    && row.optional_text(5)?.is_none()
                    && row.get::<Option<Vec<u8>>>(6)?.is_none();
                Ok(none)
            })
            .await
            .unwrap();
        assert!(nothing);
        let cut = store.one(sql, &[4_i64.into()], read).await.unwrap();
        assert_eq!(cut.4, NOW, "cut to microseconds");
        let sql = "SELECT c FROM things WHERE c = ? AND f <> '?'";
        let text = store.one(sql, &["?".into()], |row| row.get::<String>(0)).await.unwrap();
        assert_eq!(text, "?");
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
        assert!(store.commit(Batch::new()).await.unwrap().is_empty());
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
