//! The move from Kratos: databases that a real one made (`testdata/kratos`) are moved by the binary, and those people go on
//! as if nothing had happened.

use super::place::{Ended, Fresh, Place, wait};
use crate::{
    passkey,
    webauthn::{self, ORIGIN},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};
use zelos_store::{Batch, PoolOptions, Store};
use zelos_testkit::{Answer, App, Authenticator, Mode, Persona, Setup, Spoil};

/// What a Kratos left in a database of a kind, and what it said of it.
#[derive(Clone, Copy)]
struct Dump {
    /// How DSNs of that kind begin.
    kind: &'static str,
    tables: &'static str,
    said: &'static str,
    /// Letters of a time that are kept: to the microsecond, or on MySQL to the second.
    time: usize,
}

const SQLITE: Dump = Dump {
    kind: "sqlite",
    tables: include_str!("../../../testdata/kratos/sqlite.sql"),
    said: include_str!("../../../testdata/kratos/sqlite.json"),
    time: 26,
};
const POSTGRES: Dump = Dump {
    kind: "postgres",
    tables: include_str!("../../../testdata/kratos/postgres.sql"),
    said: include_str!("../../../testdata/kratos/postgres.json"),
    time: 26,
};
const MYSQL: Dump = Dump {
    kind: "mysql",
    tables: include_str!("../../../testdata/kratos/mysql.sql"),
    said: include_str!("../../../testdata/kratos/sqlite.json"),
    time: 19,
};
const SCHEMA: &str = include_str!("../../../testdata/kratos/person.schema.json");

const TYPES: [&str; 7] = ["password", "totp", "oidc", "lookup_secret", "webauthn", "passkey", "code"];

/// A database that Kratos left, and what it said of it.
pub(super) struct Left {
    pub(super) dsn: String,
    pub(super) said: Value,
    dump: Dump,
    _database: Fresh,
}

impl Left {
    pub(super) fn on_sqlite() -> Self {
        Self::load(SQLITE, Fresh::sqlite())
    }

    pub(super) fn everywhere() -> impl Iterator<Item = Self> {
        let on_servers = Fresh::on_each_server().map(|fresh| {
            let dump = if fresh.dsn().starts_with(POSTGRES.kind) { POSTGRES } else { MYSQL };
            Self::load(dump, fresh)
        });
        std::iter::once_with(Self::on_sqlite).chain(on_servers)
    }

    fn load(dump: Dump, database: Fresh) -> Self {
        let said = serde_json::from_str(dump.said).unwrap();
        let left = Self { dsn: database.dsn().to_owned(), said, dump, _database: database };
        let (tables, rows): (Vec<_>, Vec<_>) = dump.tables.lines().partition(|line| line.starts_with("CREATE"));
        left.execute(&tables);
        left.execute(&rows);
        left
    }

    /// Changes what is there.
    pub(super) fn execute(&self, statements: &[&str]) {
        wait(async {
            let store = Store::connect(&self.dsn, PoolOptions::default()).await.unwrap();
            let mut batch = Batch::new();
            for statement in statements {
                batch.add((*statement).to_owned(), []);
            }
            store.commit(batch).await.unwrap();
        });
    }

    /// Takes the constraints away, where they are not too strict to be taken for granted: SQLite keeps to none of them if
    /// it is not asked to.
    pub(super) fn loosen(&self) {
        let Some(file) = self.file() else { return };
        for table in [
            "identities",
            "identity_credentials",
            "identity_credential_identifiers",
            "identity_credential_types",
            "identity_verifiable_addresses",
            "identity_recovery_addresses",
            "sessions",
            "session_devices",
        ] {
            file.execute_batch(&format!(
                "CREATE TABLE loose AS SELECT * FROM {table}; DROP TABLE {table}; ALTER TABLE loose RENAME TO {table}"
            ))
            .unwrap();
        }
    }

    /// SQLite's file, without constraints between tables.
    fn file(&self) -> Option<rusqlite::Connection> {
        let path = self.dsn.strip_prefix("sqlite://")?.split('?').next()?;
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON").unwrap();
        Some(connection)
    }

    /// Changes what is there, if the database allows that; whether it did.
    pub(super) fn tries(&self, statement: &str) -> bool {
        if let Some(file) = self.file() {
            return file.execute_batch(statement).is_ok();
        }
        wait(async {
            let store = Store::connect(&self.dsn, PoolOptions::default()).await.unwrap();
            let mut batch = Batch::new();
            batch.add(statement.to_owned(), []);
            store.commit(batch).await.is_ok()
        })
    }

    /// Databases to move into: one of the same kind, and one of each other kind from SQLite.
    pub(super) fn targets(&self) -> Vec<Fresh> {
        let on_sqlite = std::iter::once_with(Fresh::sqlite).filter(|_| self.dump.kind == SQLITE.kind);
        let is_fit = |fresh: &Fresh| self.dump.kind == SQLITE.kind || fresh.dsn().starts_with(self.dump.kind);
        on_sqlite.chain(Fresh::on_each_server().filter(is_fit)).collect()
    }

    /// A database beside it.
    pub(super) fn another(&self) -> Fresh {
        self.targets().remove(0)
    }

    /// A person without what is known to differ: times finer than the database keeps, where the schema is, and the handle
    /// that Kratos shows of somebody who has no key yet.
    fn plain(&self, mut person: Value) -> Value {
        person.as_object_mut().unwrap().remove("schema_url");
        if let Some(key) = person.pointer_mut("/credentials/webauthn/config")
            && key["credentials"].is_null()
        {
            *key = json!({});
        }
        cut_times(&mut person, self.dump.time);
        person
    }

    pub(super) fn id(&self, name: &str) -> &str {
        let is_it = |person: &&Value| person["traits"]["email"] == format!("{name}@example.org");
        self.said["people"].as_array().unwrap().iter().find(is_it).unwrap()["id"].as_str().unwrap()
    }
}

/// The operator's folder, configured for that database.
pub(super) fn place(dsn: &str) -> Place {
    let place = Place::new();
    let mut config = place.config(dsn);
    fs::write(place.path("person.schema.json"), SCHEMA).unwrap();
    for method in ["totp", "lookup_secret", "code"] {
        config["selfservice"]["methods"][method] = json!({ "enabled": true });
    }
    place.write(&config);
    place
}

pub(super) fn moved(place: &Place, from: &Left, more: &str) -> Ended {
    place.run(&format!("import kratos -c kratos.yml --from {} {more}", from.dsn), &[])
}

/// A Zelos on what was moved.
pub(super) async fn app(target: &Fresh) -> App {
    let schema = zelos_core::config::ContentUri::inline(SCHEMA.to_owned());
    let party = json!({ "id": "example.org", "display_name": "Example", "origins": [ORIGIN] });
    let keys = json!({ "enabled": true, "config": { "rp": party } });
    let setup = Setup::with(json!({
        "identity": { "schemas": [{ "id": "default", "url": schema }] },
        "session": { "lifespan": "876000h" },
        "selfservice": { "methods": {
            "totp": { "enabled": true },
            "lookup_secret": { "enabled": true },
            "code": { "enabled": true, "passwordless_enabled": true },
            "webauthn": keys,
            "passkey": keys,
        } },
    }));
    App::start(target.database(), &setup).await.unwrap()
}

#[test]
fn people_go_on_as_if_nothing_had_happened() {
    for left in Left::everywhere() {
        for target in left.targets() {
            let place = place(target.dsn());
            let ended = moved(&place, &left, "");
            assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
            wait(async {
                let app = app(&target).await;
                everybody_is_who_they_were(&app, &left).await;
                everybody_stays_signed_in(&app, &left).await;
                everybody_can_sign_in(&app, &left).await;
            });
        }
    }
}

/// What keys sign only their owners can make, so in place of those that the fixture names are some of ours.
#[test]
fn keys_go_on_as_well() {
    let left = Left::on_sqlite();
    let mut made = [("fay", "webauthn", "fay"), ("gil", "passkey", "handle-of-gil")].map(|(name, kind, handle)| {
        let mut device = Authenticator::new(ORIGIN);
        device.create(&json!({ "publicKey": { "rp": { "id": "example.org" }, "user": { "id": "AAAA" } } }));
        device.set_resident(handle.as_bytes());
        let config = json!({ "credentials": [device.stored(kind == "passkey")], "user_handle": STANDARD.encode(handle) });
        left.execute(&[&format!(
            "UPDATE identity_credentials SET config = '{config}' WHERE identity_id = '{}' AND identity_credential_type_id IN \
             (SELECT id FROM identity_credential_types WHERE name = '{kind}')",
            left.id(name)
        )]);
        device
    });
    let target = left.another();
    let place = place(target.dsn());
    let ended = moved(&place, &left, "");
    assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
    wait(async {
        let app = app(&target).await;
        let password = left.said["password"].as_str().unwrap();
        let mut fay = app.visitor(Mode::Spa);
        fay.sign_in("fay@example.org", password).await;
        assert_eq!(fay.whoami().await.status, 403, "the key is asked for");
        webauthn::second(&mut fay, &mut made[0], &Spoil::default()).await;
        assert_eq!(fay.whoami().await.json()["authenticator_assurance_level"], "aal2");
        let mut gil = app.visitor(Mode::Spa);
        passkey::sign_in(&mut gil, &mut made[1], &Spoil::default()).await;
        assert_eq!(gil.whoami().await.json()["identity"]["id"], left.id("gil"));
    });
}

/// Administrators see what they saw.
pub(super) async fn everybody_is_who_they_were(app: &App, left: &Left) {
    let types = TYPES.map(|kind| format!("include_credential={kind}")).join("&");
    let listed = app.admin("GET", &format!("/admin/identities?{types}"), None).await.json();
    let by_id = |people: &Value| -> BTreeMap<String, Value> {
        let people = people.as_array().unwrap().iter();
        people.map(|person| (person["id"].as_str().unwrap().to_owned(), left.plain(person.clone()))).collect()
    };
    let (here, there) = (by_id(&listed), by_id(&left.said["people"]));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (id, person) in &there {
        assert_eq!(&here[id], person);
    }
}

/// Keeps so many letters of every time.
fn cut_times(value: &mut Value, letters: usize) {
    for (name, member) in value.as_object_mut().into_iter().flatten() {
        if let (true, Some(time)) = (name.ends_with("_at"), member.as_str()) {
            *member = json!(format!("{:0<26}", time.trim_end_matches('Z'))[..letters]);
        } else {
            cut_times(member, letters);
        }
    }
    for item in value.as_array_mut().into_iter().flatten() {
        cut_times(item, letters);
    }
}

async fn everybody_stays_signed_in(app: &App, left: &Left) {
    for (name, one) in left.said["tokens"].as_object().unwrap() {
        let mut visitor = app.visitor(Mode::Native);
        visitor.token = one["token"].as_str().map(str::to_owned);
        let answer = visitor.whoami().await;
        let session = left.plain(answer.json());
        let Some(said) = left.said["whoami"].get(name).cloned().map(|said| left.plain(said)) else {
            assert_eq!(
                (answer.status.as_u16(), &session["error"]["id"]),
                (403, &json!("session_aal2_required")),
                "{name}"
            );
            continue;
        };
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        for member in ["id", "authenticator_assurance_level", "devices", "expires_at", "authenticated_at"] {
            assert_eq!(session[member], said[member], "{name}: {member}");
        }
        assert_eq!(session["authentication_methods"], said["authentication_methods"], "{name}");
        let (identity, known) = (session["identity"].clone(), said["identity"].clone());
        assert_eq!(left.plain(identity), left.plain(known), "{name}");
    }
    for (name, one) in left.said["cookies"].as_object().unwrap() {
        let mut visitor = with_cookie(app, one);
        let answer = visitor.whoami().await;
        assert_eq!((answer.status.as_u16(), &answer.json()["id"]), (200, &one["session"]), "{name}");
        assert!(answer.header("set-cookie").starts_with("ory_kratos_session="), "{name}");
        assert_ne!(
            visitor.cookies["ory_kratos_session"],
            one["cookie"].as_str().unwrap(),
            "one of ours took its place"
        );
        let again = visitor.whoami().await;
        assert_eq!((again.status.as_u16(), again.header("set-cookie")), (200, ""), "{name}");
    }
    assert_eq!(with_cookie(app, &left.said["ended"]).whoami().await.status, 401, "whoever had signed out stays so");
}

fn with_cookie(app: &App, one: &Value) -> Persona {
    let mut visitor = app.visitor(Mode::Spa);
    visitor.cookies.insert("ory_kratos_session".to_owned(), one["cookie"].as_str().unwrap().to_owned());
    visitor
}

async fn everybody_can_sign_in(app: &App, left: &Left) {
    let password = left.said["password"].as_str().unwrap();
    let email = |name: &str| format!("{name}@example.org");
    for (name, password) in [("ada", password), ("bea", "test"), ("ina", password)] {
        let mut visitor = app.visitor(Mode::Native);
        let answer = visitor.sign_in(&email(name), password).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        assert_eq!(answer.json()["session"]["identity"]["id"], left.id(name));
    }
    for name in ["hal", "jon", "emma"] {
        let answer = app.visitor(Mode::Native).sign_in(&email(name), password).await;
        assert_ne!(answer.status, 200, "{name}: {}", answer.text);
    }
    let code = crate::totp::code(app, left.said["totp"].as_str().unwrap(), 0);
    for (name, values) in [
        ("cleo", json!({ "method": "totp", "totp_code": code })),
        ("dora", json!({ "method": "lookup_secret", "lookup_secret": "abcd1234" })),
    ] {
        let mut visitor = app.visitor(Mode::Native);
        visitor.sign_in(&email(name), password).await;
        assert_eq!(visitor.whoami().await.status, 403, "{name}");
        let answer = second(&mut visitor, values.clone()).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        assert_eq!(visitor.whoami().await.json()["authenticator_assurance_level"], "aal2");
        let mut other = app.visitor(Mode::Native);
        other.sign_in(&email(name), password).await;
        assert_ne!(second(&mut other, values).await.status, 200, "{name}: a code is good once");
    }
    let mut visitor = app.visitor(Mode::Native);
    let flow = visitor.begin("login", "").await;
    let sent = visitor.submit(&flow, json!({ "method": "code", "identifier": email("gil") })).await.json();
    let code = crate::code::code(app, &email("gil")).await;
    let answer = visitor.submit(&sent, json!({ "method": "code", "identifier": email("gil"), "code": code })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[cfg(debug_assertions)]
#[test]
fn a_move_that_is_killed_goes_on() {
    use zelos_core::fail_point::VARIABLE;
    for left in Left::everywhere() {
        for target in left.targets() {
            let place = place(target.dsn());
            let line = format!("import kratos -c kratos.yml --batch 3 --from {}", left.dsn);
            let mut deaths = 0;
            // Each run dies before a part is written, and the next one right after it was.
            let ended = loop {
                let moment = ["before a part of a move is saved", "after a part of a move is saved"][deaths % 2];
                let ended = place.run(&line, &[(VARIABLE, moment)]);
                if ended.code.is_some() {
                    break ended;
                }
                deaths += 1;
                assert!(deaths < 40, "it does not come to an end");
            };
            assert!(deaths >= 10, "{deaths}");
            assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
            wait(async {
                let app = app(&target).await;
                everybody_is_who_they_were(&app, &left).await;
                everybody_stays_signed_in(&app, &left).await;
            });
        }
    }
}

#[test]
fn a_later_run_takes_what_has_come_since() {
    for left in Left::everywhere() {
        let target = left.targets().remove(0);
        let place = place(target.dsn());
        let of_ada = format!("identity_id = '{}'", left.id("ada"));
        left.execute(&[
            "DELETE FROM session_devices",
            "DELETE FROM sessions",
            &format!("DELETE FROM identity_credential_identifiers WHERE identity_credential_id IN (SELECT id FROM identity_credentials WHERE {of_ada})"),
            &format!("DELETE FROM identity_credentials WHERE {of_ada}"),
            &format!("DELETE FROM identity_verifiable_addresses WHERE {of_ada}"),
            &format!("DELETE FROM identity_recovery_addresses WHERE {of_ada}"),
            "DELETE FROM identities WHERE external_id = 'ext-ada'",
        ]);
        assert_eq!(moved(&place, &left, "").code, Some(0));
        let again = Left::load(left.dump, left.another());
        let ended = moved(&place, &again, "");
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.log);
        assert_eq!(tally(&ended.out, "identities"), [11, 1, 10, 0, 0], "{}", ended.out);
        assert_eq!(tally(&ended.out, "sessions")[1..3], [5, 0], "{}", ended.out);
        wait(async {
            let app = app(&target).await;
            everybody_is_who_they_were(&app, &again).await;
            everybody_stays_signed_in(&app, &again).await;
        });
        let ended = moved(&place, &again, "");
        assert_eq!(tally(&ended.out, "identities"), [11, 0, 11, 0, 0], "{}", ended.out);
        assert_eq!(tally(&ended.out, "sessions")[1..3], [0, 5], "{}", ended.out);
    }
}

#[test]
fn a_dry_run_tells_what_would_stay_behind_and_writes_nothing() {
    for left in Left::everywhere() {
        let target = left.targets().remove(0);
        let place = place(target.dsn());
        left.execute(&[
            &format!("UPDATE identities SET schema_id = 'elsewhere' WHERE id = '{}'", left.id("ina")),
            &format!("UPDATE identities SET traits = '[]' WHERE id = '{}'", left.id("hal")),
            &format!("UPDATE identity_credentials SET config = '{{\"hashed_password\":\"$1$a$b\"}}' WHERE identity_id = '{}'", left.id("jon")),
        ]);
        // Into a database without tables, and into one where somebody is in the way.
        for is_there in [false, true] {
            if is_there {
                wait(async {
                    app(&target).await.person("ada@example.org", "another long pass phrase").await;
                });
            }
            let ended = moved(&place, &left, "--dry-run");
            assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
            let jon = format!(
                "{}: comes over, but not to sign in with (password): The imported password does not match any known",
                left.id("jon")
            );
            let hal = format!("{}: traits is no object", left.id("hal"));
            let ina = format!("{}: the schema `elsewhere` is not configured", left.id("ina"));
            let emma = format!("{}: comes over, but nobody can sign in with credentials of type oidc", left.id("emma"));
            let ada = format!("{}: somebody else here signs in with the same identifier", left.id("ada"));
            let kim = format!("{}: comes over, but not to sign in with (password): the migration hook", left.id("kim"));
            says(&ended.log, &[&jon, &hal, &ina, &emma, &kim]);
            assert_eq!(ended.log.contains(&ada), is_there, "{}", ended.log);
            let (migrated, skipped) = if is_there { (9, 2) } else { (10, 1) };
            assert_eq!(tally(&ended.out, "identities"), [11, migrated, 0, 0, skipped], "{}", ended.out);
            if left.dump.kind != MYSQL.kind {
                says(&ended.out, &["stays behind: 1 recovery flows", "stays behind: 1 messages"]);
            }
        }
        wait(async {
            let listed = app(&target).await.admin("GET", "/admin/identities", None).await.json();
            assert_eq!(listed.as_array().unwrap().len(), 1, "only whoever was there");
        });
    }
}

#[test]
fn names_that_become_the_same_are_told() {
    for left in Left::everywhere() {
        let place = place(&left.dsn);
        let rename = |from: &str, to: &str| {
            let (from, to) = (format!("{from}@example.org"), format!("{to}@example.org"));
            format!("UPDATE identity_credential_identifiers SET identifier = '{to}' WHERE identifier = '{from}'")
        };
        left.execute(&[&rename("bea", "ADA"), &rename("ina", "Kim"), &rename("fay", "Fay")]);
        let ended = moved(&place, &left, "--dry-run");
        assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
        for name in ["bea", "ina"] {
            says(&ended.log, &[&format!("{}: somebody else there signs in", left.id(name))]);
        }
        assert_eq!(tally(&ended.out, "identities"), [11, 9, 0, 0, 2], "{}", ended.out);
    }
}

#[test]
fn what_cannot_come_over_stops_nobody_else() {
    for left in Left::everywhere() {
        let target = left.targets().remove(0);
        let place = place(target.dsn());
        wait(async {
            app(&target).await.person("ada@example.org", "another long pass phrase").await;
        });
        let ended = moved(&place, &left, "");
        assert_eq!(ended.code, Some(1), "{}{}", ended.out, ended.log);
        let ada = format!("{}: somebody else here signs in with the same identifier", left.id("ada"));
        says(&ended.log, &[&ada, "its identity is not migrated"]);
        assert_eq!(tally(&ended.out, "identities"), [11, 10, 0, 0, 1], "{}", ended.out);
        assert_eq!(tally(&ended.out, "sessions")[1], 3, "{}", ended.out);
    }
}

#[test]
fn nothing_is_ever_written_into_a_database_of_kratos() {
    for (left, other) in Left::everywhere().zip(Left::everywhere()) {
        // Its own configuration names it.
        let place = place(&left.dsn);
        let ended = moved(&place, &left, "--dry-run");
        assert_eq!(tally(&ended.out, "identities"), [11, 11, 0, 0, 0], "{}", ended.out);
        for (from, to) in [(&left, ""), (&left, other.dsn.as_str())] {
            let to = if to.is_empty() { String::new() } else { format!("--to {to}") };
            let ended = moved(&place, from, &to);
            assert_eq!(ended.code, Some(1), "{}", ended.out);
            says(&ended.log, &["name a new one with --to"]);
        }
    }
}

#[test]
fn what_is_no_database_of_kratos_is_told() {
    let target = Fresh::sqlite();
    let place = place(target.dsn());
    for (from, words) in [
        ("nowhere.sqlite", "neither a DSN nor a file"),
        (target.dsn(), "--from: "),
        ("kratos.yml", "--from: "),
        ("memory", "--from: "),
    ] {
        let ended = place.run(&format!("import kratos -c kratos.yml --from {from}"), &[]);
        assert_eq!(ended.code, Some(1), "{from}: {}", ended.out);
        says(&ended.log, &[words]);
    }
    let left = Left::on_sqlite();
    let ended = moved(&place, &left, "--nid 00000000-0000-4000-8000-000000000000");
    assert_eq!(ended.code, Some(1));
    says(&ended.log, &["no such network"]);
    assert_eq!(moved(&place, &left, "--endpoint http://127.0.0.1:1").code, Some(1), "no server is asked");
}

/// What became of the rows of a table: how many there are, were migrated, were here before, had ended, were skipped.
pub(super) fn tally(out: &str, table: &str) -> [i64; 5] {
    let line = out.lines().find_map(|line| line.strip_prefix(table).filter(|rest| rest.starts_with("  ")));
    let line = line.unwrap_or_else(|| panic!("{table} is not in:\n{out}"));
    let numbers: Vec<i64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
    numbers.try_into().unwrap()
}

pub(super) fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}

async fn second(visitor: &mut Persona, values: Value) -> Answer {
    let flow = visitor.begin("login", "aal=aal2").await;
    visitor.submit(&flow, values).await
}
