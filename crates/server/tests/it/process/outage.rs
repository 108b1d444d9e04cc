//! A database that is away for a while: the server says so at once, keeps nobody waiting, and goes on by itself when
//! it is back.

use super::{
    client,
    people::{self, SignUps},
    place::{Fresh, Place, Stopwatch, eventually},
    proxy::Proxy,
};
use serde_json::json;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

/// A prompt answer, on a busy machine: well below the five seconds that a request may wait for a connection.
const PROMPT: Duration = Duration::from_millis(2500);

/// What a server on that database answers to everything that needs it.
fn is_away(place: &Place, token: &str, prompt: Duration) {
    let requests = [
        (place.public, "/self-service/registration/api"),
        (place.public, "/self-service/login/api"),
        (place.public, "/sessions/whoami"),
        (place.admin, "/admin/identities"),
        (place.public, "/health/ready"),
        (place.admin, "/admin/health/ready"),
    ];
    for (port, path) in requests {
        let clock = Stopwatch::start();
        let answer = client::send(port, "GET", path, &[("X-Session-Token", token)], "").unwrap();
        let took = clock.elapsed();
        assert_eq!(answer.status, 503, "{path}: {}", answer.body);
        assert_eq!(answer.json()["error"]["code"], 503, "{path}: {}", answer.body);
        assert!(took < prompt, "{path} took {took:?}");
        assert!(path.contains("/health/") || answer.header("retry-after") == "1", "{path}: {}", answer.head);
    }
    assert_eq!(client::status(place.public, "/health/alive"), 200);
}

#[test]
fn connections_are_lost_and_refused_for_a_while() {
    for database in Fresh::on_each_server() {
        let (mut proxy, dsn) = Proxy::to(database.dsn());
        proxy.connect();
        let place = Place::new();
        let mut server = place.serve(&dsn);
        let all = Mutex::new(SignUps::default());
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for client in 0..3 {
                let (place, all, over) = (&place, &all, &over);
                scope.spawn(move || {
                    for count in 0.. {
                        if over.load(SeqCst) {
                            return;
                        }
                        let email = format!("c{client}n{count}@example.org");
                        let clock = Stopwatch::start();
                        let answer = people::sign_up(place.public, &email).unwrap();
                        let took = clock.elapsed();
                        assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.body);
                        assert!(took < PROMPT * 2, "two requests took {took:?}");
                        let mut all = all.lock().unwrap();
                        // A 503 may have been done all the same, if the answer of the database was lost.
                        all.tried.push(email.clone());
                        all.note(&email, &answer);
                        drop(all);
                        thread::sleep(Duration::from_millis(20));
                    }
                });
            }
            let registered = |more: usize| {
                let before = all.lock().unwrap().done.len();
                eventually("registrations", || (all.lock().unwrap().done.len() >= before + more).then_some(()));
            };
            for _ in 0..2 {
                registered(10);
                let token = all.lock().unwrap().done.values().next().unwrap().clone();
                proxy.cut();
                is_away(&place, &token, PROMPT);
                proxy.connect();
                place.wait_until_ready(&mut server);
                assert_eq!(people::whoami(place.public, &token).unwrap(), 200);
            }
            registered(10);
            over.store(true, SeqCst);
        });
        all.lock().unwrap().check(place.public, place.admin);
    }
}

#[test]
fn a_silent_database_is_given_up_on() {
    for database in Fresh::on_each_server() {
        let (mut proxy, dsn) = Proxy::to(database.dsn());
        proxy.connect();
        let place = Place::new();
        let mut config = place.config(&dsn);
        config["database"] = json!({ "pool": { "acquire_timeout": "500ms", "statement_timeout": "500ms" } });
        let mut server = place.serve_with(&config);
        let mut all = SignUps { tried: vec!["silent@example.org".into()], ..SignUps::default() };
        let answer = people::sign_up(place.public, "silent@example.org").unwrap();
        all.note("silent@example.org", &answer);
        let token = all.done.values().next().unwrap().clone();
        proxy.stall(true);
        is_away(&place, &token, PROMPT);
        proxy.stall(false);
        place.wait_until_ready(&mut server);
        all.check(place.public, place.admin);
    }
}
