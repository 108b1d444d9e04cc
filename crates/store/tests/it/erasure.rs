//! What a database file and its log still hold of what was deleted or replaced.

use crate::database::options;
use std::path::Path;
use zelos_store::{Batch, Store};

/// A secret that cannot stand in a file by chance.
const SECRET: &str = "otpauth://totp/secret-in-the-clear";

fn stands_in(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap_or_default();
    bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes())
}

async fn run(store: &Store, sql: &str) {
    let mut batch = Batch::new();
    batch.add(sql.to_owned(), []);
    store.commit(batch).await.unwrap();
}

/// The end of the process is the end of the log, and the one file is the whole database.
#[tokio::test]
async fn a_closed_database_is_one_file_without_what_was_replaced() {
    for dropped in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (file, log) = (folder.path().join("z.db"), folder.path().join("z.db-wal"));
        let store = Store::connect(&format!("sqlite://{}", file.display()), options()).await.unwrap();
        run(&store, "CREATE TABLE t (n INTEGER PRIMARY KEY, secret TEXT)").await;
        run(&store, &format!("INSERT INTO t VALUES (1, '{SECRET}'), (2, '{SECRET}')")).await;
        run(&store, "UPDATE t SET secret = 'sealed' WHERE n = 1").await;
        run(&store, "DELETE FROM t WHERE n = 2").await;
        // Readers have the file open as well.
        let found = store.all("SELECT secret FROM t", &[], |row| row.get::<String>(0)).await.unwrap();
        assert_eq!(found, ["sealed"]);
        assert!(stands_in(&log), "or this test shows nothing");
        if dropped {
            drop(store);
        } else {
            store.close().await;
            store.close().await;
            assert!(store.ping().await.is_err() && store.commit(Batch::new()).await.is_ok());
            let mut batch = Batch::new();
            batch.add("DELETE FROM t", []);
            assert!(store.commit(batch).await.is_err());
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["z.db"], "dropped: {dropped}");
        assert!(!stands_in(&file), "dropped: {dropped}");
    }
}

#[tokio::test]
async fn erasing_reaches_what_older_versions_left() {
    let folder = tempfile::tempdir().unwrap();
    let (file, log) = (folder.path().join("z.db"), folder.path().join("z.db-wal"));
    let older = rusqlite::Connection::open(&file).unwrap();
    let script = format!(
        "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY, secret TEXT);
         INSERT INTO t VALUES (1, '{SECRET}'), (2, 'x'); DELETE FROM t WHERE n = 1"
    );
    older.execute_batch(&script).unwrap();
    drop(older);
    assert!(stands_in(&file), "or this test shows nothing");
    let store = Store::connect(&format!("sqlite://{}", file.display()), options()).await.unwrap();
    run(&store, &format!("INSERT INTO t VALUES (3, '{SECRET}')")).await;
    run(&store, "UPDATE t SET secret = 'sealed' WHERE n = 3").await;
    // A server reads at the same time.
    let server = Store::connect(&format!("sqlite://{}", file.display()), options()).await.unwrap();
    assert_eq!(server.one("SELECT COUNT(*) FROM t", &[], |row| row.get::<i64>(0)).await.unwrap(), 2);
    store.erase_deleted().await.unwrap();
    assert!(!stands_in(&file) && !stands_in(&log));
    assert_eq!(server.one("SELECT COUNT(*) FROM t", &[], |row| row.get::<i64>(0)).await.unwrap(), 2);
}
