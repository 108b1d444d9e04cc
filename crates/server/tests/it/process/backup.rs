//! A copy of the database while people sign up, and back to it while they are there.

use super::{client, people, place::Place};
use std::{fs, os::unix::fs::PermissionsExt};

fn number_of_people(place: &Place) -> usize {
    client::get(place.admin, "/admin/identities").unwrap().json().as_array().unwrap().len()
}

#[test]
fn a_copy_is_made_and_put_back_while_the_server_runs() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    let first = people::sign_up(place.public, "first@example.org").unwrap().json();
    let made = place.run("backup copy.db -c kratos.yml", &[]);
    assert_eq!(made.code, Some(0), "{}", made.log);
    let copy = place.path("copy.db");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let second = people::sign_up(place.public, "second@example.org").unwrap().json();
    assert_eq!(number_of_people(&place), 2);

    let unasked = place.run("restore copy.db -c kratos.yml", &[]);
    assert_eq!((unasked.code, number_of_people(&place)), (Some(0), 2), "nobody said yes: {}", unasked.out);
    let restored = place.run("restore copy.db --yes -c kratos.yml", &[]);
    assert_eq!(restored.code, Some(0), "{}", restored.log);
    assert_eq!(number_of_people(&place), 1);
    let whoami = |of: &serde_json::Value| people::whoami(place.public, of["session_token"].as_str().unwrap()).unwrap();
    assert_eq!((whoami(&first), whoami(&second)), (200, 401), "sessions are those of then");
    assert_eq!(people::sign_up(place.public, "third@example.org").unwrap().status, 200, "and it goes on");

    let again = place.run("backup copy.db -c kratos.yml", &[]);
    assert_eq!(
        (again.code, again.log.contains("copy.db")),
        (Some(1), true),
        "a file that is there stays: {}",
        again.log
    );
    let whole = fs::read(&copy).unwrap();
    fs::write(place.path("half.db"), &whole[..whole.len() / 2]).unwrap();
    fs::write(place.path("other.db"), "no database at all").unwrap();
    for name in ["half.db", "other.db", "nowhere.db"] {
        let refused = place.run(&format!("restore {name} --yes -c kratos.yml"), &[]);
        assert_eq!((refused.code, number_of_people(&place)), (Some(1), 2), "{name}: {}", refused.log);
    }
    let server = place.run("backup copy2.db", &[("DSN", "postgres://zelos@127.0.0.1/zelos")]);
    assert_eq!((server.code, server.log.contains("tools of their own")), (Some(1), true), "{}", server.log);
    assert!(!place.path("copy2.db").exists());
}
