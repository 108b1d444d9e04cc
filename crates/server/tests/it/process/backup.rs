//! A copy of the database while people sign up, and back to it while they are there.

use super::{client, people, place::Place};
use std::{fs, os::unix::fs::PermissionsExt};

fn number_of_people(place: &Place) -> usize {
    client::get(place.admin, "/admin/identities").unwrap().json().as_array().unwrap().len()
}

/// The file that holds what was replaced.
fn kept(place: &Place) -> String {
    let files = fs::read_dir(place.path("")).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let kept: Vec<_> = files.filter(|name| name.starts_with("zelos.sqlite.replaced-")).collect();
    let [kept] = kept.as_slice() else { panic!("{kept:?}") };
    assert_eq!(fs::metadata(place.path(kept)).unwrap().permissions().mode() & 0o777, 0o600);
    kept.clone()
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

    for answer in ["", "n\n", "no\n"] {
        let declined = place.run_fed("restore copy.db -c kratos.yml", &[], answer);
        assert_eq!((declined.code, number_of_people(&place)), (Some(1), 2), "{answer:?}: {}", declined.log);
        assert!(declined.out.contains("2 identities is replaced by one with 1"), "{}", declined.out);
    }
    let restored = place.run_fed("restore copy.db -c kratos.yml", &[], "y\n");
    assert_eq!(restored.code, Some(0), "{}", restored.log);
    let kept = kept(&place);
    assert!(restored.out.contains(&kept), "{}", restored.out);
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
    fs::write(place.path("empty.db"), "").unwrap();
    for name in ["half.db", "other.db", "empty.db", "nowhere.db", "zelos.sqlite"] {
        let refused = place.run(&format!("restore {name} --yes -c kratos.yml"), &[]);
        assert_eq!((refused.code, number_of_people(&place)), (Some(1), 2), "{name}: {}", refused.log);
    }
    // And back to what was replaced.
    let again = place.run(&format!("restore {kept} --yes -c kratos.yml"), &[]);
    assert_eq!(again.code, Some(0), "{}", again.log);
    assert_eq!((whoami(&first), whoami(&second)), (200, 200), "nothing of it was lost");
    let server = place.run("backup copy2.db", &[("DSN", "postgres://zelos@127.0.0.1/zelos")]);
    assert_eq!((server.code, server.log.contains("tools of their own")), (Some(1), true), "{}", server.log);
    assert!(!place.path("copy2.db").exists());
}
