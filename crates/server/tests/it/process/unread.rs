//! Clients that ask for much and read nothing of it, over HTTP/2 with a window of zero and over HTTP/1.1: they cost a bounded
//! amount of memory for a bounded time, and nobody else notices.

use super::{
    client::{self, connect},
    people,
    place::{Place, Process, eventually},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

/// In MB, of a debug build.
const CEILING: u64 = 300;

/// A configuration whose registration form takes some megabytes, since its labels are escaped: as much as anyone can be shown.
fn config(place: &Place, length: usize) -> Value {
    let traits: serde_json::Map<String, Value> = (0..400)
        .map(|number| {
            (format!("t{number}"), json!({ "type": "string", "title": format!("{number}{}", "<".repeat(length)) }))
        })
        .collect();
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(schema_of(place)).unwrap()).unwrap();
    let properties = schema["properties"]["traits"]["properties"].as_object_mut().unwrap();
    properties.extend(traits);
    let file = place.path("large.schema.json");
    fs::write(&file, schema.to_string()).unwrap();
    let mut config = place.config(&place.sqlite());
    config["identity"]["schemas"][0]["url"] = json!(format!("file://{}", file.display()));
    config
}

fn schema_of(place: &Place) -> std::path::PathBuf {
    place.config(&place.sqlite());
    place.path("person.schema.json")
}

/// The path of a flow that was made for a native app, and how large it is.
fn large_flow(place: &Place) -> (String, usize) {
    let flow = client::get(place.public, "/self-service/registration/api").unwrap();
    let path = format!("/self-service/registration/flows?id={}", flow.json()["id"].as_str().unwrap());
    let size = client::get(place.public, &path).unwrap().body.len();
    assert!(size > 2 << 20, "{size}");
    (path, size)
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const SETTINGS: u8 = 4;
const HEADERS: u8 = 1;
const WINDOW_UPDATE: u8 = 8;

/// The preface of a client whose streams have a window of so many bytes, and a window for the connection that is no obstacle.
fn preface(window: u32) -> Vec<u8> {
    let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
    let settings = frame(SETTINGS, 0, 0, &setting);
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), settings, frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes())]
        .concat()
}

/// The head of a GET, in literals of HPACK (RFC 7541, section 6.2.2).
fn get(stream: u32, path: &str) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "localhost")] {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    // The end of the head and of the stream.
    frame(HEADERS, 0x5, stream, &block)
}

/// A connection that asks for so many responses at once, with that window for each.
fn ask(place: &Place, path: &str, (count, window): (u32, u32)) -> TcpStream {
    let mut stream = connect(place.public).unwrap();
    let requests = (0..count).flat_map(|number| get(2 * number + 1, path));
    stream.write_all(&preface(window).into_iter().chain(requests).collect::<Vec<u8>>()).unwrap();
    stream
}

/// In MB: what a process has of memory, and the most that it ever had.
fn memory(server: &Process) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// The allocator gives memory back while it is used, so requests go on meanwhile.
fn memory_goes_back(place: &Place, server: &Process) {
    eventually("memory goes back", || {
        assert_eq!(client::status(place.public, "/self-service/login/api"), 200);
        (memory(server).0 < CEILING * 2 / 3).then_some(())
    });
}

/// Others are served meanwhile.
fn others_are_served(place: &Place, name: &str) {
    assert_eq!(client::status(place.public, "/health/ready"), 200);
    assert_eq!(people::sign_up(place.public, &format!("{name}@example.org")).unwrap().status, 200);
}

#[test]
fn streams_without_a_window_cost_bounded_memory() {
    let place = Place::new();
    let server = place.serve_with(&config(&place, 1000));
    let (path, _) = large_flow(&place);
    for (name, window) in [("zero", 0), ("tiny", 1)] {
        let hostile: Vec<_> = (0..6).map(|_| ask(&place, &path, (128, window))).collect();
        others_are_served(&place, name);
        // Bounded connection by connection, or given up for others.
        eventually("the server is done with them", || (client::status(place.public, &path) == 200).then_some(()));
        others_are_served(&place, &format!("{name}-again"));
        drop(hostile);
    }
    let (_, most) = memory(&server);
    assert!(most < CEILING, "{most} MB");
    memory_goes_back(&place, &server);
}

#[test]
fn a_response_is_to_be_read_in_time() {
    for name in ["HTTP/2", "HTTP/1.1"] {
        let place = Place::new();
        // More than the buffers of a connection take.
        let mut config = config(&place, 2300);
        config["serve"]["public"]["limits"] = json!({ "response_timeout": "3s" });
        let server = place.serve_with(&config);
        let (path, size) = large_flow(&place);
        let mut stream = if name == "HTTP/2" {
            ask(&place, &path, (3, 0))
        } else {
            let mut stream = connect(place.public).unwrap();
            stream.write_all(client::request("GET", &path, &[("Connection", "keep-alive")], "").as_bytes()).unwrap();
            stream
        };
        server.wait_for_log("closed with unread responses");
        // Some of it had left the server already, and comes. A reset may overtake it.
        let mut read = Vec::new();
        let _ = stream.read_to_end(&mut read);
        assert!(read.len() < size, "{name}: {} of {size}", read.len());
        assert_eq!(client::get(place.public, &path).unwrap().body.len(), size, "{name}: who reads gets it whole");
    }
}

#[test]
fn responses_that_are_not_read_cost_bounded_memory_over_http_1() {
    let place = Place::new();
    let server = place.serve_with(&config(&place, 2300));
    // The buffers of a connection take some of each, and the server has the rest.
    let (path, _) = large_flow(&place);
    let request = client::request("GET", &path, &[("Connection", "keep-alive")], "");
    let hostile: Vec<_> = (0..40)
        .map(|_| {
            let mut stream = connect(place.public).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    others_are_served(&place, "beside");
    server.wait_for_log("closed with unread responses");
    others_are_served(&place, "after");
    let (_, most) = memory(&server);
    assert!(most < CEILING, "{most} MB");
    drop(hostile);
    memory_goes_back(&place, &server);
}

#[test]
fn connections_of_one_address_are_bounded() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    config["serve"]["public"]["limits"] = json!({ "connections_per_address": 5 });
    let _server = place.serve_with(&config);
    let kept: Vec<_> = (0..5).map(|_| connect(place.public).unwrap()).collect();
    eventually("a further one is refused", || client::get(place.public, "/health/alive").err());
    assert_eq!(client::status(place.admin, "/admin/health/alive"), 200, "the admin server has bounds of its own");
    drop(kept);
    eventually("there is room again", || (client::status(place.public, "/health/alive") == 200).then_some(()));

    let place = Place::new();
    config = place.config(&place.sqlite());
    config["serve"]["public"]["limits"] = json!({ "connections_per_address": 1, "connections": 5 });
    config["serve"]["public"]["trusted_proxies"] = json!(["127.0.0.1"]);
    let _server = place.serve_with(&config);
    let mut kept: Vec<_> = (0..3).map(|_| connect(place.public).unwrap()).collect();
    eventually("a proxy has room", || (client::status(place.public, "/health/alive") == 200).then_some(()));
    eventually("there is a bound for all", || {
        kept.push(connect(place.public).unwrap());
        client::get(place.public, "/health/alive").err()
    });
}

#[test]
fn many_large_responses_arrive_whole_over_one_connection() {
    let place = Place::new();
    let _server = place.serve_with(&config(&place, 1000));
    let (path, size) = large_flow(&place);
    let count = 12;
    let mut stream = ask(&place, &path, (count, 1 << 30));
    let (mut data, mut done) = (0, 0);
    while done < count {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).unwrap();
        match head[3] {
            0 => {
                data += length;
                done += u32::from(head[4] & 1);
                stream
                    .write_all(&frame(WINDOW_UPDATE, 0, 0, &u32::try_from(length.max(1)).unwrap().to_be_bytes()))
                    .unwrap();
            }
            3 | 7 => panic!("the server gave up: {head:?}"),
            _ => {}
        }
    }
    assert_eq!(data, size * usize::try_from(count).unwrap());
}
