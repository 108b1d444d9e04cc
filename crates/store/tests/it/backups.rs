//! Backups of a database file: what may be restored, and what becomes of what was there.

use crate::{
    database::options,
    sample::{self, NOW},
};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use zelos_store::{Batch, Store, backup, identities, migrate};

fn dsn(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// A database with so many identities, closed.
async fn database(folder: &TempDir, name: &str, count: u32) -> PathBuf {
    let file = folder.path().join(name);
    let store = Store::connect(&dsn(&file), options()).await.unwrap();
    migrate::up(&store, std::time::Duration::ZERO).await.unwrap();
    for number in 0..count {
        let mut batch = Batch::new();
        identities::insert(&mut batch, &sample::person(number));
        store.commit(batch).await.unwrap();
    }
    store.close().await;
    file
}

fn count(file: &Path) -> i64 {
    Connection::open(file).unwrap().query_row("SELECT COUNT(*) FROM identities", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_is_no_whole_backup_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let there = database(&folder, "there.db", 2).await;
    let good = database(&folder, "good.db", 1).await;
    let spoil = |name: &str, script: &str| {
        let file = folder.path().join(name);
        std::fs::copy(&good, &file).unwrap();
        Connection::open(&file).unwrap().execute_batch(script).unwrap();
        file
    };
    let write = |name: &str, bytes: &[u8]| {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let whole = std::fs::read(&good).unwrap();
    let cases = [
        (spoil("ledger.db", "DELETE FROM zelos_migrations"), "not complete"),
        (
            spoil("half.db", "DELETE FROM zelos_migrations WHERE name = '0004_messages' AND statement = 0"),
            "not complete",
        ),
        (spoil("undone.db", "UPDATE zelos_migrations SET done = 0 WHERE name = '0001_identities'"), "not complete"),
        (spoil("newer.db", "INSERT INTO zelos_migrations VALUES ('9999_future', 0, 1)"), "newer version"),
        (spoil("table.db", "DROP TABLE sessions"), "lacks the table sessions"),
        (spoil("other.db", "DROP TABLE zelos_migrations"), "no tables of Zelos"),
        (write("empty.db", b""), "no tables of Zelos"),
        (write("text.db", b"no database at all, but long enough to have a header"), "usable"),
        (write("cut.db", &whole[..whole.len() / 2]), "usable"),
        (there.clone(), "the database itself"),
        (folder.path().join("nowhere.db"), "nowhere.db"),
    ];
    for (file, reason) in cases {
        for error in
            [backup::inspect(&dsn(&there), &file).unwrap_err(), backup::restore(&dsn(&there), &file, NOW).unwrap_err()]
        {
            assert!(error.to_string().contains(reason), "{}: {error}", file.display());
        }
        assert_eq!(count(&there), 2, "{}", file.display());
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("replaced")), "{left:?}");
}

#[tokio::test]
async fn what_was_replaced_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let there = database(&folder, "there.db", 2).await;
    let good = database(&folder, "good.db", 1).await;
    let contents = backup::inspect(&dsn(&there), &good).unwrap();
    assert_eq!((contents.identities, contents.replaced), (1, Some(2)));
    let kept = backup::restore(&dsn(&there), &good, NOW).unwrap().unwrap();
    assert_eq!(kept, folder.path().join("there.db.replaced-20260301T123456Z"));
    assert_eq!((count(&there), count(&kept)), (1, 2));
    // And back, from what was kept, within the same second.
    let kept_again = backup::restore(&dsn(&there), &kept, NOW).unwrap().unwrap();
    assert_eq!((count(&there), count(&kept), count(&kept_again)), (2, 2, 1));
    // Where there was nothing, nothing is kept; an older backup is taken and migrated afterwards.
    let older = folder.path().join("older.db");
    std::fs::copy(&good, &older).unwrap();
    let script = "DELETE FROM zelos_migrations WHERE name > '0007'; DROP TABLE imports";
    Connection::open(&older).unwrap().execute_batch(script).unwrap();
    let new = folder.path().join("new.db");
    assert_eq!(backup::inspect(&dsn(&new), &older).unwrap().replaced, None);
    assert_eq!(backup::restore(&dsn(&new), &older, NOW).unwrap(), None);
    assert_eq!(count(&new), 1);
}
