//! The disk is full: nobody is told that something is done which is not, whoever is there goes on, and when there is space
//! again, everything works again without a restart.

use super::{
    people::{self, SignUps},
    place::Place,
};
use std::fs;

const MIB: usize = 1 << 20;

#[test]
fn a_full_disk_loses_nothing_and_is_got_over() {
    let place = Place::new();
    let mut server = place.serve_on_small_disk((6 * MIB, 4 * MIB));
    let mut sign_ups = SignUps::default();
    let mut try_one = |number: usize| {
        let email = format!("person-{number}@example.org");
        let answer = people::sign_up(place.public, &email).unwrap();
        sign_ups.note(&email, &answer);
        sign_ups.tried.push(email);
        answer
    };
    let refused = (0..2_000).map(&mut try_one).find(|answer| answer.status != 200).unwrap();
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert_eq!(try_one(2_000).status, 503, "it is still full");
    let first = sign_ups.done.values().next().unwrap();
    assert_eq!(people::whoami(place.public, first).unwrap(), 200, "what only reads goes on");
    assert!(server.runs() && server.log().contains("full"), "{}", server.log());

    fs::remove_file(server.file(&place.path("disk/ballast"))).unwrap();
    let more = people::sign_up(place.public, "more@example.org").unwrap();
    assert_eq!(more.status, 200, "{}", more.body);
    sign_ups.note("more@example.org", &more);
    sign_ups.tried.push("more@example.org".to_owned());
    sign_ups.check(place.public, place.admin);
}
