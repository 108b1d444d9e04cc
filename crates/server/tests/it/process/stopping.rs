//! SIGTERM: nobody new is let in, and whoever is in is served.

use super::{
    client::{self, answer, connect, request},
    people::{PASSWORD, sign_in, sign_up},
    place::{Place, Process, eventually},
};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

/// A registration whose body has not come yet, and which the server is reading already: it has asked for it.
fn begun(place: &Place) -> (BufReader<TcpStream>, String) {
    let flow = client::get(place.public, "/self-service/registration/api").unwrap().json();
    let path = format!("/self-service/registration?flow={}", flow["id"].as_str().unwrap());
    let body = json!({ "method": "password", "password": PASSWORD, "traits": { "email": "slow@example.org" } });
    let text = request("POST", &path, &[("Expect", "100-continue")], &body.to_string());
    let (head, body) = text.split_at(text.len() - body.to_string().len());
    let mut stream = BufReader::new(connect(place.public).unwrap());
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    let mut asked = String::new();
    stream.read_line(&mut asked).unwrap();
    assert!(asked.starts_with("HTTP/1.1 100"), "{asked}");
    stream.read_line(&mut asked).unwrap();
    (stream, body.to_owned())
}

fn told_to_stop(place: &Place, server: &mut Process) {
    server.terminate();
    eventually("nobody is let in", || {
        let refused = |port| matches!(client::status(port, "/health/ready"), 0 | 503);
        (refused(place.public) && refused(place.admin)).then_some(())
    });
    assert!(server.runs(), "it does not leave a request alone: {}", server.log());
}

#[test]
fn a_running_request_is_answered() {
    let place = Place::new();
    let mut server = place.serve(&place.sqlite());
    let (mut stream, body) = begun(&place);
    told_to_stop(&place, &mut server);
    stream.get_mut().write_all(body.as_bytes()).unwrap();
    let done = answer(&mut stream).unwrap();
    assert_eq!(done.status, 200, "{}", done.body);
    let ended = server.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // What was answered is kept.
    let _server = place.serve_again();
    assert_eq!(sign_in(place.public, "slow@example.org").unwrap().status, 200);
}

/// Operators copy the one file that they know of.
#[test]
fn the_database_is_one_file_afterwards() {
    let place = Place::new();
    let mut server = place.serve(&place.sqlite());
    for number in 0..5 {
        let answer = sign_up(place.public, &format!("person{number}@example.org")).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    server.terminate();
    let ended = server.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let beside = ["-wal", "-shm"].map(|end| place.path(&format!("zelos.sqlite{end}")).exists());
    assert_eq!(beside, [false, false]);

    let elsewhere = Place::new();
    std::fs::copy(place.path("zelos.sqlite"), elsewhere.path("zelos.sqlite")).unwrap();
    elsewhere.write(&elsewhere.config(&elsewhere.sqlite()));
    let _server = elsewhere.serve_again();
    for number in 0..5 {
        let answer = sign_in(elsewhere.public, &format!("person{number}@example.org")).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[test]
fn connections_without_a_request_do_not_hold_it_up() {
    let place = Place::new();
    let mut server = place.serve(&place.sqlite());
    let mut kept = BufReader::new(connect(place.public).unwrap());
    let question = request("GET", "/health/alive", &[("Connection", "keep-alive")], "");
    kept.get_mut().write_all(question.as_bytes()).unwrap();
    assert_eq!(answer(&mut kept).unwrap().status, 200);
    let silent = connect(place.public).unwrap();
    server.terminate();
    assert_eq!(server.end().code, Some(0), "{}", server.log());
    drop((kept, silent));
}

#[test]
fn told_twice_it_does_not_wait() {
    let place = Place::new();
    let mut server = place.serve(&place.sqlite());
    let (stream, _) = begun(&place);
    told_to_stop(&place, &mut server);
    server.terminate();
    assert_eq!(server.end().code, Some(0), "{}", server.log());
    drop(stream);
}

#[test]
fn while_it_waits_for_its_database() {
    let place = Place::new();
    place.write(&place.config("postgres://zelos@127.0.0.1:1/zelos"));
    let mut server = place.zelos("serve -c kratos.yml --dev", &[]);
    server.wait_for_log("waiting for the database");
    server.terminate();
    assert_eq!(server.end().code, Some(0), "{}", server.log());
}
