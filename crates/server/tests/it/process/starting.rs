//! Starting together, or in the wrong order, as orchestrators do.

use super::{
    client, people,
    place::{Fresh, Place, eventually},
    proxy::Proxy,
};

/// Alive and not ready, with the reason on the admin server.
fn is_alive_but_not_ready(place: &Place) {
    eventually("alive", || (client::status(place.public, "/health/alive") == 200).then_some(()));
    assert_eq!(client::status(place.public, "/health/ready"), 503);
    let answer = client::get(place.admin, "/admin/health/ready").unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.json()["error"]["details"]["migrations"].is_string(), "{}", answer.body);
}

#[test]
fn before_the_database() {
    for database in Fresh::on_each_server() {
        let (mut proxy, dsn) = Proxy::to(database.dsn());
        let place = Place::new();
        place.write(&place.config(&dsn));
        let mut server = place.zelos("serve -c kratos.yml --dev", &[]);
        is_alive_but_not_ready(&place);
        let mut migration = place.zelos("migrate sql up -e -y", &[("DSN", &dsn)]);
        server.wait_for_log("waiting for the database");
        migration.wait_for_log("waiting for the database: ");
        assert!(migration.runs() && server.runs(), "{}", migration.log());
        assert_eq!(client::status(place.public, "/health/ready"), 503);

        proxy.connect();
        let migrated = migration.end();
        assert_eq!(migrated.code, Some(0), "{}", migrated.log);
        assert!(migrated.out.contains("applied 0001_identities"), "{}", migrated.out);
        place.wait_until_ready(&mut server);
        assert_eq!(people::sign_up(place.public, "early@example.org").unwrap().status, 200);
    }
}

/// A server that answered and refused is not waited for; one that is away is, and its reason is said again.
#[test]
fn a_migration_says_why_it_waits_and_does_not_wait_in_vain() {
    let place = Place::new();
    for command in ["migrate sql up -e -y", "migrate sql -e", "migrate sql status -e --block"] {
        let dsn = "postgres://zelos:hunter2@127.0.0.1:1/zelos";
        let mut migration = place.zelos(command, &[("DSN", dsn)]);
        eventually("its reason again", || {
            (migration.log().matches("waiting for the database: ").count() > 1).then_some(())
        });
        assert!(migration.runs() && !migration.log().contains("hunter2"), "{command}: {}", migration.log());
    }
    for database in Fresh::on_each_server() {
        let (server, query) = database.dsn().split_once('?').unwrap_or((database.dsn(), ""));
        let (server, _) = server.rsplit_once('/').unwrap();
        for command in ["migrate sql up -e -y", "migrate sql -e", "migrate sql status -e --block"] {
            let refused = place.run(command, &[("DSN", &format!("{server}/nowhere?{query}"))]);
            assert_eq!(refused.code, Some(1), "{command}: {}", refused.log);
            let (says, waits) = (refused.log.contains("nowhere"), refused.log.contains("waiting"));
            assert!(says && !waits, "{command}: {}", refused.log);
        }
    }
}

/// `serve` does not touch a database that is not its own alone.
fn unmigrated(dsn: &str) {
    let place = Place::new();
    place.write(&place.config(dsn));
    let mut server = place.zelos("serve -c kratos.yml --dev", &[]);
    server.wait_for_log("the database lacks migrations");
    is_alive_but_not_ready(&place);
    assert!(!place.run("migrate sql status -e", &[("DSN", dsn)]).out.contains("Applied"));
    assert!(server.runs());
    let migrated = place.run("migrate sql up -e -y", &[("DSN", dsn)]);
    assert_eq!(migrated.code, Some(0), "{}", migrated.log);
    place.wait_until_ready(&mut server);
    assert_eq!(people::sign_up(place.public, "patient@example.org").unwrap().status, 200);
}

#[test]
fn before_the_migration() {
    let place = Place::new();
    unmigrated(&place.sqlite());
    for database in Fresh::on_each_server() {
        unmigrated(database.dsn());
    }
}

fn migrated_by_four(dsn: &str) {
    let place = Place::new();
    let mut migrations = [(); 4].map(|()| place.zelos("migrate sql up -e -y", &[("DSN", dsn)]));
    let ended = migrations.each_mut().map(super::place::Process::end);
    for migrated in &ended {
        assert_eq!(migrated.code, Some(0), "{}", migrated.log);
    }
    let applied = ended.iter().filter(|migrated| migrated.out.contains("applied 0001_identities")).count();
    assert_eq!(applied, 1, "{ended:?}");
    let status = place.run("migrate sql status -e", &[("DSN", dsn)]);
    assert!(status.out.contains("Applied") && !status.out.contains("Pending"), "{}", status.out);
}

#[test]
fn four_migrations_at_once() {
    let place = Place::new();
    migrated_by_four(&place.sqlite());
    for database in Fresh::on_each_server() {
        migrated_by_four(database.dsn());
    }
}

/// Several servers in one empty folder: one makes the folder, the secrets and the tables, all of them work with them.
#[test]
fn development_servers_at_once() {
    let place = Place::new();
    let servers: Vec<_> = (0..4)
        .map(|_| {
            let ports = Place::new();
            let server = place.zelos(
                "serve --dev",
                &[
                    ("SERVE_PUBLIC_PORT", &ports.public.to_string()),
                    ("SERVE_ADMIN_PORT", &ports.admin.to_string()),
                    ("SELFSERVICE_METHODS_PASSWORD_CONFIG_HAVEIBEENPWNED_ENABLED", "false"),
                ],
            );
            (ports, server)
        })
        .collect();
    let mut running = servers;
    for (ports, server) in &mut running {
        ports.wait_until_ready(server);
    }
    let registered = people::sign_up(running[0].0.public, "shared@example.org").unwrap();
    let token = registered.json()["session_token"].as_str().unwrap().to_owned();
    for (ports, _) in &running {
        assert_eq!(people::whoami(ports.public, &token).unwrap(), 200);
    }
}
