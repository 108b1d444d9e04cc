//! Clients that take their time or send too much: they cost a connection for some seconds and nothing else.

use super::{
    client::{self, answer, connect},
    people,
    place::{Place, Stopwatch},
};
use std::{
    io::{BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

/// The server waits five seconds for a head; the rest is for a busy machine.
const CUT_OFF: Duration = Duration::from_secs(12);

/// Waits until the other side hangs up, and says how long that took.
fn hung_up(mut stream: TcpStream) -> Duration {
    let clock = Stopwatch::start();
    let mut rest = Vec::new();
    // A connection that is reset has ended as well.
    let _ = stream.read_to_end(&mut rest);
    clock.elapsed()
}

#[test]
fn heads_that_never_end() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    let begun = |text: &str| {
        let mut stream = connect(place.public).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let waiting = ["", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "].map(begun);
    let mut drop_by_drop = begun("GET / HTTP/1.1\r\nX-Drops: ");
    let dripping = drop_by_drop.try_clone().unwrap();
    let many: Vec<_> = (0..200).map(|_| begun("GET /")).collect();
    thread::scope(|scope| {
        let mut ends: Vec<_> = waiting.into_iter().map(|stream| scope.spawn(|| hung_up(stream))).collect();
        ends.push(scope.spawn(|| hung_up(dripping)));
        scope.spawn(move || {
            while drop_by_drop.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(200));
            }
        });
        // Meanwhile others are served.
        assert_eq!(people::sign_up(place.public, "meanwhile@example.org").unwrap().status, 200);
        for end in ends {
            let took = end.join().unwrap();
            assert!(took < CUT_OFF, "{took:?}");
        }
    });
    drop(many);
}

#[test]
fn bodies_that_are_too_large() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    let path = |kind: &str| {
        let flow = client::get(place.public, &format!("/self-service/{kind}/api")).unwrap().json();
        format!("/self-service/{kind}?flow={}", flow["id"].as_str().unwrap())
    };
    let (path, login) = (path("registration"), path("login"));
    let largest = 5 << 20;
    let body = |size: usize| format!("{{\"method\":\"password\",\"identifier\":\"{}\"}}", "x".repeat(size - 37));
    assert_eq!(body(largest).len(), largest);
    let fits = client::send(place.public, "POST", &path, &[], &body(largest)).unwrap();
    assert_eq!(fits.status, 400, "judged as a submission");
    let refused = client::send(place.public, "POST", &path, &[], &body(largest + 1)).unwrap();
    assert_eq!(refused.status, 413, "{}", refused.body);
    assert_eq!(refused.json()["error"]["code"], 413, "{}", refused.body);
    // Without traits nothing is that long.
    let fits = client::send(place.public, "POST", &login, &[], &body(64 << 10)).unwrap();
    assert_eq!(fits.status, 400, "judged as a submission");
    let refused = client::send(place.public, "POST", &login, &[], &body((64 << 10) + 1)).unwrap();
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (413, &413.into()), "{}", refused.body);
    let refused = client::send(place.admin, "POST", "/admin/identities", &[], &body(largest + 1)).unwrap();
    assert_eq!(refused.status, 413, "{}", refused.body);

    // A length that is announced and never sent, and chunks without an end, are no way to fill the memory.
    let mut endless = BufReader::new(connect(place.public).unwrap());
    let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    endless.get_mut().write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    while sent < 64 << 20 && endless.get_mut().write_all(chunk.as_bytes()).is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 64 << 20, "it reads on and on");
    if let Ok(refused) = answer(&mut endless) {
        assert_eq!(refused.status, 413, "{}", refused.body);
    }
    assert_eq!(client::status(place.public, "/health/ready"), 200);
}

#[test]
fn heads_that_are_too_large() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    let mut stream = connect(place.public).unwrap();
    let _ = stream.write_all(format!("GET / HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(2 << 20)).as_bytes());
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    assert_eq!(client::status(place.public, "/health/ready"), 200);
}
