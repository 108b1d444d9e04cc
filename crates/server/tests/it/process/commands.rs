//! Command lines as they stand in compose files, and what is said of a configuration that will not do.

use super::{client, people, place::Place};
use serde_json::{Value, json};
use std::fs;

#[test]
fn of_compose_files() {
    let place = Place::new();
    let dsn = place.sqlite();
    let mut config = place.config("");
    config.as_object_mut().unwrap().remove("dsn");
    place.write(&config);
    let environment = [("DSN", dsn.as_str()), ("LOG_LEVEL", "trace")];

    let before = place.run("migrate sql status -e", &environment);
    assert_eq!((before.code, before.out.contains("Pending")), (Some(0), true), "{}", before.log);
    let migrated = place.run("-c kratos.yml migrate sql -e --yes", &environment);
    assert_eq!(migrated.code, Some(0), "{}", migrated.log);
    let again = place.run("migrate sql up -e --yes -c kratos.yml", &environment);
    assert_eq!(again.code, Some(0), "{}", again.log);
    let after = place.run(&format!("migrate sql status {dsn}"), &[]);
    assert_eq!((after.code, after.out.contains("Pending")), (Some(0), false), "{}", after.log);
    let waited = place.run("migrate sql status -e --block", &environment);
    assert_eq!(waited.code, Some(0), "{}", waited.log);

    let mut server = place.zelos("serve -c kratos.yml --dev --watch-courier", &environment);
    place.wait_until_ready(&mut server);
    assert_eq!(people::sign_up(place.public, "compose@example.org").unwrap().status, 200);
    assert!(!server.log().contains(people::PASSWORD), "a password in the log");
    server.terminate();
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn that_only_tell_something() {
    let place = Place::new();
    let version = place.run("version", &[]);
    assert_eq!(version.code, Some(0));
    for line in ["Version:\t", "Build Commit:\t", "Build Timestamp:\t"] {
        assert!(version.out.contains(line), "{}", version.out);
    }
    let schema = place.run("config schema", &[]);
    assert_eq!(schema.code, Some(0));
    let schema: Value = serde_json::from_str(&schema.out).unwrap();
    assert!(schema["properties"]["selfservice"].is_object());
    assert_eq!(place.run("help", &[]).code, Some(0));
    let unknown = place.run("sevre", &[]);
    assert_eq!((unknown.code, unknown.log.contains("sevre")), (Some(1), true), "{}", unknown.log);
    let down = place.run("migrate sql down -e 1", &[]);
    assert_eq!((down.code, down.log.contains("backup")), (Some(1), true), "{}", down.log);
}

#[test]
fn a_migration_is_not_begun_without_a_yes() {
    let place = Place::new();
    let asked = place.run("migrate sql up -e", &[("DSN", &place.sqlite())]);
    assert!(asked.out.contains("Nothing was changed."), "{}", asked.out);
    let nowhere = place.run("migrate sql up -y", &[("DSN", &place.sqlite())]);
    assert_eq!((nowhere.code, nowhere.log.contains("-e")), (Some(1), true), "{}", nowhere.log);
}

/// Starts a server that cannot start, and gives back what it complains of.
fn complaint(place: &Place, line: &str, environment: &[(&str, &str)]) -> String {
    let ended = place.run(line, environment);
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
    ended.log
}

#[test]
fn with_a_configuration_that_will_not_do() {
    let place = Place::new();
    let good = place.config(&place.sqlite());
    let file = place.path("kratos.yml").display().to_string();
    let serve = format!("serve -c {file} --dev");
    let cases: [(&str, Value, &[&str]); 6] = [
        ("/selfservice/flow", json!({}), &["selfservice.flow"]),
        ("/serve/public/port", json!("many"), &["serve.public.port"]),
        ("/session", json!({ "lifespan": "long" }), &["session.lifespan"]),
        ("/hashers/algorithm", json!("rot13"), &["hashers.algorithm"]),
        ("/secrets/cookie/0", json!("too short"), &["secrets.cookie.0"]),
        ("/selfservice/default_browser_return_url", json!(17), &["selfservice.default_browser_return_url"]),
    ];
    for (pointer, value, words) in cases {
        let mut config = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = config.pointer_mut(parent).unwrap();
        match parent {
            Value::Array(items) => items[0] = value,
            _ => parent[name] = value,
        }
        place.write(&config);
        let said = complaint(&place, &serve, &[]);
        for word in [file.as_str()].iter().chain(words) {
            assert!(said.contains(word), "{pointer}: {word} is not in: {said}");
        }
        assert!(!said.contains("too short"), "a secret is quoted: {said}");
        assert!(said.lines().all(|line| line.len() > pointer.len() + file.len()), "a reason is given: {said}");
    }
    place.write_text("serve: [");
    assert!(complaint(&place, &serve, &[]).contains(&file));
    let said = complaint(&place, "serve -c nowhere.yml", &[]);
    assert!(said.contains("nowhere.yml"), "{said}");
    assert!(complaint(&place, "serve", &[]).contains("-c"));
}

#[test]
fn with_files_that_are_not_there() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    fs::remove_file(place.path("person.schema.json")).unwrap();
    place.write(&config);
    let said = complaint(&place, "serve -c kratos.yml --dev", &[]);
    assert!(said.contains("identity.schemas.0.url") && said.contains("person.schema.json"), "{said}");

    config = place.config(&place.sqlite());
    config["serve"]["public"]["tls"] = json!({ "cert": { "path": "no.pem" }, "key": { "path": "no.key" } });
    place.write(&config);
    let said = complaint(&place, "serve -c kratos.yml --dev", &[]);
    assert!(said.contains("serve.public.tls.cert") && said.contains("no.pem"), "{said}");
}

#[test]
fn with_a_database_that_cannot_be() {
    let place = Place::new();
    place.write(&place.config("memory"));
    for dsn in [
        "postgres://zelos:hunter2hunter2@127.0.0.1:notaport/zelos",
        "postgres://zelos:hunter2hunter2@127.0.0.1/zelos?sslmode=sometimes",
        "mysql://zelos:hunter2hunter2@carrier(pigeon)/zelos",
        "mysql://zelos:hunter2hunter2@tcp(127.0.0.1:3306)/zelos?tls=perhaps",
        "oracle://zelos:hunter2hunter2@127.0.0.1/zelos",
        "hunter2hunter2",
    ] {
        for line in ["serve -c kratos.yml --dev", "migrate sql up -e -y"] {
            let said = complaint(&place, line, &[("DSN", dsn)]);
            assert!(said.to_lowercase().contains("dsn"), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    // A password is in no log either, however much is logged.
    let mut server = place.zelos(
        "serve -c kratos.yml --dev",
        &[("DSN", "postgres://zelos:hunter2hunter2@127.0.0.1:1/zelos"), ("LOG_LEVEL", "trace")],
    );
    server.wait_for_log("waiting for the database");
    assert!(server.runs() && !server.log().contains("hunter2"), "{}", server.log());
}

#[test]
fn with_a_port_that_is_taken() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    let said = complaint(&place, "serve -c kratos.yml --dev", &[]);
    assert!(said.contains("serve.public") && said.contains(&place.public.to_string()), "{said}");
    assert_eq!(client::status(place.public, "/health/ready"), 200);
}
