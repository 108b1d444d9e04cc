//! `kill -9` while people register. Whoever was told that it is done stays registered; of the others there is all or
//! nothing.

use super::{
    people::{self, SignUps},
    place::{Fresh, Place, eventually},
};
use std::{sync::Mutex, thread};

const CLIENTS: usize = 4;
const ROUNDS: usize = 6;

/// Lets clients register until the process is killed under their hands, after that many answers of success.
fn round(place: &Place, number: usize, enough: usize, all: &Mutex<SignUps>) {
    let mut server = place.serve_again();
    let before = all.lock().unwrap().done.len();
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for count in 0.. {
                    let email = format!("r{number}c{client}n{count}@example.org");
                    all.lock().unwrap().tried.push(email.clone());
                    let Ok(answer) = people::sign_up(place.public, &email) else { return };
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    all.lock().unwrap().note(&email, &answer);
                }
            });
        }
        eventually("registrations", || (all.lock().unwrap().done.len() >= before + enough).then_some(()));
        server.kill();
    });
}

fn killed_again_and_again(dsn: &str) {
    let place = Place::new();
    drop(place.serve(dsn));
    let all = Mutex::new(SignUps::default());
    for number in 0..ROUNDS {
        round(&place, number, 3 + 2 * number, &all);
    }
    let _server = place.serve_again();
    all.lock().unwrap().check(place.public, place.admin);
}

#[test]
fn on_sqlite() {
    let place = Place::new();
    killed_again_and_again(&place.sqlite());
}

#[test]
fn on_servers() {
    for database in Fresh::on_each_server() {
        killed_again_and_again(database.dsn());
    }
}
