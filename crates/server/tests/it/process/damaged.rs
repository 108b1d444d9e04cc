//! Databases of Kratos with rows that are not as they should be: each row is migrated or skipped with a reason, and the
//! numbers at the end are those of the database.

use super::{
    client,
    moving::{Left, app, place, says, tally},
    place::{Ended, Fresh, Place, wait},
};
use proptest::{prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};
use serde_json::Value;
use std::{collections::BTreeMap, fs};
use uuid::Uuid;
use zelos_store::{Batch, Dialect, PoolOptions, Store};

/// Tables as they are called in the database and in the summary.
const TABLES: [(&str, &str); 7] = [
    ("identities", "identities"),
    ("identity_credentials", "credentials"),
    ("identity_credential_identifiers", "identifiers"),
    ("identity_verifiable_addresses", "verifiable addresses"),
    ("identity_recovery_addresses", "recovery addresses"),
    ("sessions", "sessions"),
    ("session_devices", "devices"),
];

fn import(place: &Place, left: &Left, more: &str) -> Ended {
    let ended = place.run(&format!("import kratos -c kratos.yml --from {} --report r.jsonl {more}", left.dsn), &[]);
    assert!(ended.code.is_some() && !ended.log.contains("panicked"), "{}{}", ended.out, ended.log);
    ended
}

/// The lines of the report.
fn report(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path("r.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How many rows of the network there are, by a question of the test's own.
fn counted(left: &Left, ended: &Ended) -> BTreeMap<&'static str, i64> {
    let network = ended.out.lines().find_map(|line| line.strip_prefix("Kratos' network ")).unwrap().to_owned();
    wait(async {
        let store = Store::connect(&left.dsn, PoolOptions::default()).await.unwrap();
        let text = if store.dialect() == Dialect::MySql { "CHAR" } else { "TEXT" };
        let mut counts = BTreeMap::new();
        for (table, _) in TABLES {
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE LOWER(CAST(nid AS {text})) = '{network}'");
            counts.insert(table, store.one(sql, &[], |row| row.get::<i64>(0)).await.unwrap());
        }
        counts
    })
}

/// Whether everything adds up; how many rows were skipped.
fn check(place: &Place, left: &Left, ended: &Ended) -> i64 {
    let (lines, counts) = (report(place), counted(left, ended));
    let mut all = 0;
    for (table, label) in TABLES {
        let [source, migrated, present, gone, skipped] = tally(&ended.out, label);
        let told = format!("{label}: {}{}", ended.out, ended.log);
        assert_eq!(source, counts[table], "{told}");
        assert_eq!(source, migrated + present + gone + skipped, "{told}");
        let in_report = lines.iter().filter(|line| line["table"] == *table).count();
        assert_eq!(usize::try_from(skipped).unwrap(), in_report, "{told}{lines:#?}");
        all += skipped;
    }
    assert!(lines.iter().all(|line| line["reason"].as_str().is_some_and(|reason| !reason.is_empty())), "{lines:?}");
    let is_readable = |c: char| !c.is_control() || c == '\n';
    assert!(ended.log.chars().all(is_readable) && ended.out.chars().all(is_readable), "{}{}", ended.out, ended.log);
    all
}

fn reason<'a>(lines: &'a [Value], table: &str, id: &Value) -> &'a str {
    let line = lines.iter().find(|line| line["table"] == table && line["id"] == *id);
    line.unwrap_or_else(|| panic!("no {table} {id} in {lines:#?}"))["reason"].as_str().unwrap()
}

const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Rows that are expected in a report: table, id and how the reason begins.
type Expected = Vec<(&'static str, Value, &'static str)>;

/// Damages rows in the ways that the database allows.
fn damage(left: &Left) -> Expected {
    left.loosen();
    let is_sqlite = left.dsn.starts_with("sqlite");
    let run = |statement: String| assert!(left.tries(&statement), "{statement}");
    let set = |name: &str, assignment: &str| {
        run(format!("UPDATE identities SET {assignment} WHERE id = '{}'", left.id(name)));
    };
    let owned = |name: &str, table: &str, assignment: &str| {
        run(format!("UPDATE {table} SET {assignment} WHERE identity_id = '{}'", left.id(name)));
    };
    set("ada", &format!("id = '{NIL}'"));
    let mut expected = vec![("identities", Value::from(NIL), "id is the nil UUID")];
    owned("bea", "identity_credentials", &format!("identity_credential_type_id = '{NIL}'"));
    let deep = "[".repeat(70) + &"]".repeat(70);
    let is_mysql = left.dsn.starts_with("mysql");
    let broken = if is_mysql { "created_at = NULL".to_owned() } else { format!("config = '{deep}'") };
    owned("cleo", "identity_credentials", &broken);
    if is_sqlite {
        let shout = left.id("dora").to_uppercase();
        set("dora", &format!("id = '{shout}'"));
        // A part of what belongs to her spells it as she does.
        owned("dora", "identity_verifiable_addresses", &format!("identity_id = '{shout}'"));
        set("emma", "id = NULL");
        set("fay", "id = 'no \u{1b}[2J uuid'");
        set("gil", "id = CAST(x'ff00' AS TEXT)");
        set("hal", "traits = '{', created_at = 'x'");
        set("ina", "created_at = '0000-01-01T00:00:00+23:59'");
        owned("jon", "identity_credentials", "config = CAST(x'7bff7d' AS TEXT)");
        set("kim", "schema_id = NULL");
        expected.extend([
            ("identities", Value::Null, "id is not set"),
            ("identities", "no \u{1b}[2J uuid".into(), "id is no UUID"),
            ("identities", "\u{fffd}\0".into(), "id is not UTF-8"),
            ("identities", left.id("hal").into(), "traits is no JSON"),
            ("identities", left.id("ina").into(), "created_at: it is outside of the years 0000 to 9999 in UTC"),
            ("identities", left.id("jon").into(), "credential: config is not UTF-8"),
            ("identities", left.id("kim").into(), "schema_id is not set"),
        ]);
    } else if left.dsn.starts_with("postgres") {
        set("ina", "created_at = 'infinity'");
        set("kim", "updated_at = '0044-03-15 12:00:00 BC'");
        set("jon", "traits = '[1]'");
        run("ALTER TABLE identities ALTER COLUMN id DROP NOT NULL".to_owned());
        set("emma", "id = NULL");
        expected.extend([
            ("identities", left.id("ina").into(), "created_at: it is not a time"),
            ("identities", left.id("kim").into(), "updated_at: it is not a time"),
            ("identities", left.id("jon").into(), "traits is no object"),
            ("identities", Value::Null, "id is not set"),
        ]);
    } else {
        set("emma", "id = NULL");
        set("dora", &format!("id = '{}'", left.id("dora").to_uppercase()));
        set("fay", "id = 'no uuid'");
        set("ina", "created_at = NULL");
        expected.extend([
            ("identities", Value::Null, "id is not set"),
            ("identities", "no uuid".into(), "id is no UUID"),
            ("identities", left.id("ina").into(), "created_at is not set"),
        ]);
    }
    expected.push(("identities", left.id("cleo").into(), "credential: c"));
    expected
}

#[test]
fn each_damaged_row_is_skipped_with_its_reason_and_stops_no_other() {
    for left in Left::everywhere() {
        let expected = damage(&left);
        for more in ["--dry-run", ""] {
            let target = left.another();
            let place = place(target.dsn());
            let ended = import(&place, &left, more);
            assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
            assert!(check(&place, &left, &ended) > 0);
            let lines = report(&place);
            for (table, id, why) in &expected {
                assert!(reason(&lines, table, id).starts_with(why), "{id}: {lines:#?}");
            }
            let unknown = lines.iter().filter(|line| line["reason"] == "its type does not exist").count();
            assert!(unknown > 0, "{lines:#?}");
            says(&ended.out, &["skipped rows: ", " in r.jsonl"]);
            let again = import(&place, &left, &format!("{more} --allow-skipped --batch 2"));
            assert_eq!(again.code, Some(0), "{}{}", again.out, again.log);
            check(&place, &left, &again);
            if more.is_empty() {
                assert_eq!(tally(&again.out, "identities")[1], 0, "{}", again.out);
                wait(async {
                    let app = app(&target).await;
                    for name in ["bea", "dora"] {
                        let path = format!("/admin/identities/{}", left.id(name));
                        let found = app.admin("GET", &format!("{path}?include_credential=password"), None).await;
                        assert_eq!(found.status, 200, "{name}: {}", found.text);
                        let has_password = found.json()["credentials"].get("password").is_some();
                        assert_eq!(has_password, name == "dora", "{name}");
                    }
                });
            }
        }
    }
}

#[test]
fn rows_that_belong_to_nothing_are_found() {
    for left in Left::everywhere() {
        let ada = left.id("ada");
        assert!(left.tries(&format!("DELETE FROM identities WHERE id = '{ada}'")));
        let target = left.another();
        let place = place(target.dsn());
        let ended = import(&place, &left, "");
        assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
        check(&place, &left, &ended);
        assert_eq!(tally(&ended.out, "identities"), [10, 10, 0, 0, 0], "{}", ended.out);
        let lines = report(&place);
        let tables = ["identity_credentials", "identity_credential_identifiers", "identity_verifiable_addresses"];
        for table in tables {
            assert!(lines.iter().any(|line| line["table"] == *table), "{table}: {lines:#?}");
        }
        says(&ended.log, &["what it belongs to does not exist", "--allow-skipped"]);
    }
}

#[test]
fn without_a_skipped_row_there_is_no_report() {
    let left = Left::on_sqlite();
    let target = left.another();
    let place = place(target.dsn());
    let ended = place.run(&format!("import kratos -c kratos.yml --from {}", left.dsn), &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
    assert!(!place.path("import-kratos-skipped.jsonl").exists());
    assert!(left.tries("DELETE FROM sessions WHERE token IS NULL OR active = 0; UPDATE sessions SET token = NULL"));
    let ended = place.run(&format!("import kratos -c kratos.yml --ended-sessions --from {}", left.dsn), &[]);
    says(&ended.out, &["in import-kratos-skipped.jsonl"]);
    assert!(place.path("import-kratos-skipped.jsonl").exists());
    let ended = place.run(&format!("import kratos -c kratos.yml --report no/r.jsonl --from {}", left.dsn), &[]);
    assert_eq!(ended.code, Some(1));
    says(&ended.log, &["--report: no/r.jsonl"]);
}

#[test]
fn an_unreadable_row_is_named_in_the_log_and_not_exported() {
    let target = Fresh::sqlite();
    let left = Left::on_sqlite();
    let place = place(target.dsn());
    assert_eq!(import(&place, &left, "").code, Some(0));
    let (ada, bea) = (left.id("ada"), left.id("bea"));
    wait(async {
        let store = Store::connect(target.dsn(), PoolOptions::default()).await.unwrap();
        let mut batch = Batch::new();
        // A time past the year 9999, as older versions let in.
        batch.add(
            "UPDATE identities SET created_at = 253402387139000000 WHERE id = ?",
            [ada.parse::<Uuid>().unwrap().into()],
        );
        batch.add(
            "UPDATE credentials SET config = '{' WHERE identity_id = ? AND type = 'password'",
            [bea.parse::<Uuid>().unwrap().into()],
        );
        store.commit(batch).await.unwrap();
    });
    let ended = place.run("export -c kratos.yml --to all.ndjson", &[]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    says(
        &ended.log,
        &[
            &format!("identity {ada}: its row cannot be read"),
            &format!("identity {bea}: its row cannot be read"),
            "2 identities were left out",
        ],
    );
    let exported = fs::read_to_string(place.path("all.ndjson")).unwrap();
    assert!(exported.lines().count() == 9 && !exported.contains(ada) && !exported.contains(bea), "{exported}");
    let server = place.serve_again();
    let listed = client::get(place.admin, "/admin/identities?include_credential=password").unwrap();
    assert_eq!((listed.status, listed.json().as_array().unwrap().len()), (200, 11));
    server.wait_for_log("stored row cannot be read in full");
    server.wait_for_log(ada);
    server.wait_for_log(bea);
}

/// A value in place of what stands in a column.
#[derive(Debug, Clone)]
struct Fault {
    table: &'static str,
    column: &'static str,
    value: &'static str,
    /// Which row.
    row: u32,
}

impl Fault {
    fn statement(&self, dialect: &str) -> String {
        let Self { table, column, value, row } = self;
        let order = match dialect {
            "sqlite" => format!("(rowid * 7919 + {row}) % 101"),
            "postgres" => format!("md5(CAST(ctid AS text) || '{row}')"),
            _ => format!("MD5(CONCAT(COALESCE(id, ''), '{row}'))"),
        };
        match dialect {
            "sqlite" => format!(
                "UPDATE {table} SET {column} = {value} \
                 WHERE rowid = (SELECT rowid FROM {table} ORDER BY {order} LIMIT 1)"
            ),
            "postgres" => format!(
                "UPDATE {table} SET {column} = {value} WHERE ctid = (SELECT ctid FROM {table} ORDER BY {order} LIMIT 1)"
            ),
            _ => format!("UPDATE {table} SET {column} = {value} ORDER BY {order} LIMIT 1"),
        }
    }
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    const COLUMNS: [(&str, &[&str]); 8] = [
        (
            "identities",
            &[
                "id",
                "nid",
                "traits",
                "schema_id",
                "created_at",
                "updated_at",
                "state",
                "metadata_public",
                "external_id",
            ],
        ),
        (
            "identity_credentials",
            &["id", "nid", "identity_id", "config", "identity_credential_type_id", "created_at", "version"],
        ),
        ("identity_credential_identifiers", &["id", "nid", "identity_credential_id", "identifier"]),
        ("identity_verifiable_addresses", &["id", "nid", "identity_id", "value", "via", "verified_at", "created_at"]),
        ("identity_recovery_addresses", &["id", "nid", "identity_id", "value", "via", "created_at"]),
        (
            "sessions",
            &[
                "id",
                "nid",
                "identity_id",
                "token",
                "expires_at",
                "issued_at",
                "aal",
                "authentication_methods",
                "active",
            ],
        ),
        ("session_devices", &["id", "nid", "session_id", "ip_address", "user_agent"]),
        ("identity_credential_types", &["id", "name"]),
    ];
    const VALUES: [&str; 15] = [
        "NULL",
        "''",
        "'x'",
        "'{'",
        "'[1]'",
        "'{\"a\":1}'",
        "'00000000-0000-0000-0000-000000000000'",
        "'0190e0e0-0000-4000-8000-00000000000a'",
        "'0190E0E0-0000-4000-8000-00000000000A'",
        "'0000-01-01T00:00:00+23:59'",
        "'9999-12-31 23:59:59-23:59'",
        "'2026-11-25 16:27:13-00-128'",
        "'infinity'",
        "x'ff'",
        "CAST(x'ff41' AS TEXT)",
    ];
    let columns: Vec<_> = COLUMNS.iter().flat_map(|(table, names)| names.iter().map(|name| (*table, *name))).collect();
    // The column in other letters is a fault as well.
    let value = (select(&VALUES[..]), any::<u8>());
    let columns: Vec<_> =
        columns.into_iter().flat_map(|one| vec![one; if one.1.contains("id") { 2 } else { 1 }]).collect();
    let one = (select(columns), value, any::<u32>()).prop_map(|((table, column), (value, dice), row)| {
        let value = match (column, dice % 4) {
            ("id", 0 | 1) => "UPPER(id)",
            ("identity_id", 0) => "UPPER(identity_id)",
            ("nid", 0 | 1) => "UPPER(nid)",
            _ => value,
        };
        Fault { table, column, value, row }
    });
    prop::collection::vec(one, 1..9)
}

#[test]
fn whatever_is_wrong_every_row_is_accounted_for() {
    let mut runner = TestRunner::deterministic();
    let faults = faults();
    for round in 0..12 {
        // Servers refuse most of the values, and make a database for each round.
        let all = if round < 3 { Left::everywhere().collect() } else { vec![Left::on_sqlite()] };
        let injected = faults.new_tree(&mut runner).unwrap().current();
        for left in all {
            left.loosen();
            let dialect = left.dsn.split(':').next().unwrap();
            let taken: Vec<&Fault> = injected.iter().filter(|fault| left.tries(&fault.statement(dialect))).collect();
            let target = left.another();
            let place = place(target.dsn());
            let batch = [1, 3, 500][round % 3];
            for more in ["--dry-run", "", "--allow-skipped --ended-sessions"] {
                let ended = import(&place, &left, &format!("{more} --batch {batch}"));
                let skipped = check(&place, &left, &ended);
                let fails = skipped > 0 && !more.starts_with("--allow");
                if more != "--dry-run" {
                    assert_eq!(ended.code == Some(1), fails, "{dialect} {taken:?}: {}{}", ended.out, ended.log);
                }
            }
        }
    }
}
