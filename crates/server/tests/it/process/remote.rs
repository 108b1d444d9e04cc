//! Documents on another server that goes away and comes back, as the process and its operator see it.

use super::{
    client,
    place::{Fresh, Place, Process, eventually, free_port},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A server with files, which counts what is asked for.
struct Host {
    port: u16,
    files: Arc<Mutex<BTreeMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
    running: Option<(Arc<AtomicBool>, JoinHandle<()>)>,
}

impl Host {
    /// It does not run yet.
    fn new() -> Self {
        Self { port: free_port(), files: Arc::default(), asked: Arc::default(), running: None }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn put(&self, path: &str, text: &impl ToString) {
        self.files.lock().unwrap().insert(format!("/{path}"), text.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn start(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let (files, asked, ends) = (self.files.clone(), self.asked.clone(), Arc::new(AtomicBool::new(false)));
        let end = Arc::clone(&ends);
        let work = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let mut line = String::new();
                let mut lines = BufReader::new(stream.try_clone().unwrap());
                if lines.read_line(&mut line).is_err() {
                    continue;
                }
                let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let file = files.lock().unwrap().get(&path).cloned();
                asked.lock().unwrap().push(path);
                while line != "\r\n" && !line.is_empty() {
                    line.clear();
                    let _ = lines.read_line(&mut line);
                }
                let (status, body) = file.map_or(("404 Not Found", String::new()), |file| ("200 OK", file));
                let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes());
                let _ = stream.shutdown(Shutdown::Write);
            }
        });
        self.running = Some((ends, work));
    }

    fn stop(&mut self) {
        if let Some((ends, work)) = self.running.take() {
            ends.store(true, Ordering::SeqCst);
            let _ = TcpStream::connect(("127.0.0.1", self.port));
            work.join().unwrap();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

fn ended(mut server: Process) {
    server.terminate();
    assert_eq!(server.end().code, Some(0));
}

/// Asks for a recovery code; the subject of the mail that is queued for it.
fn recover(place: &Place, email: &str) -> String {
    let flow = client::get(place.public, "/self-service/recovery/api").unwrap().json();
    let path = format!("/self-service/recovery?flow={}", flow["id"].as_str().unwrap());
    let body = json!({ "method": "code", "email": email }).to_string();
    let answer = client::send(place.public, "POST", &path, &[], &body).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let messages = client::get(place.admin, &format!("/admin/courier/messages?recipient={email}")).unwrap().json();
    messages[0]["subject"].as_str().unwrap().to_owned()
}

#[test]
fn server_starts_without_the_host_of_its_templates_and_uses_them_once_it_answers() {
    let (place, mut host) = (Place::new(), Host::new());
    let mut config = place.config(&place.sqlite());
    config["selfservice"]["methods"]["code"] = json!({ "enabled": true });
    config["selfservice"]["flows"]["recovery"] =
        json!({ "enabled": true, "use": "code", "ui_url": "http://127.0.0.1/", "notify_unknown_recipients": true });
    let templates = json!({ "subject": host.url("subject.gotmpl") });
    config["courier"] = json!({ "templates": { "recovery_code": { "invalid": { "email": templates } } } });
    let server = place.serve_with(&config);
    assert_ne!(recover(&place, "nobody@example.org"), "Ours");
    let key = "courier.templates.recovery_code.invalid.email.subject";
    server.wait_for_log(key);
    assert!(server.log().contains("the built-in text is used"), "{}", server.log());

    host.put("subject.gotmpl", &"Ours");
    host.start();
    eventually("the template is used", || (recover(&place, "nobody@example.org") == "Ours").then_some(()));
    let asked = host.asked();
    for _ in 0..3 {
        recover(&place, "nobody@example.org");
    }
    assert_eq!(host.asked(), asked);

    // A reload while the host is away goes on with the copy.
    host.stop();
    config["revision"] = json!("two");
    place.write(&config);
    server.wait_for_log("the changed configuration is in use");
    assert_eq!(recover(&place, "nobody@example.org"), "Ours");

    // A broken one that lies here is a mistake in the configuration, and stops the start.
    let file = place.path("broken.gotmpl");
    std::fs::write(&file, "{{.To").unwrap();
    config["courier"]["templates"]["recovery_code"]["invalid"]["email"]["subject"] =
        json!(format!("file://{}", file.display()));
    ended(server);
    place.write(&config);
    let refused = place.run("serve -c kratos.yml --dev", &[]);
    assert!(refused.code == Some(1) && refused.log.contains(key), "{}", refused.log);
}

/// A person with an address, and something of that name beside it.
fn schema(name: &str) -> (Value, Value) {
    let root = json!({ "type": "object", "properties": { "traits": { "type": "object", "properties": {
        "email": { "$ref": "parts.json#/definitions/email" },
    } } } });
    let parts = json!({ "definitions": { "email": {
        "type": "string", "format": "email", "title": name, "ory.sh/kratos": { "credentials": { "password": { "identifier": true } } },
    } } });
    (root, parts)
}

/// What the form calls the address.
fn label(place: &Place) -> String {
    let flow = client::get(place.public, "/self-service/registration/api").unwrap().json();
    let nodes = flow["ui"]["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["attributes"]["name"] == "traits.email").unwrap();
    node["meta"]["label"]["text"].as_str().unwrap().to_owned()
}

const COPY: &str = "using the stored copy";

fn restarts_with_its_copy(dsn: &str) {
    let (place, mut host) = (Place::new(), Host::new());
    let mut config = place.config(dsn);
    config["identity"]["schemas"][0]["url"] = json!(host.url("schemas/person.json"));
    place.write(&config);
    assert_eq!(place.run("migrate sql up -e -y", &[("DSN", dsn)]).code, Some(0));
    let refused = place.run("serve -c kratos.yml --dev", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.log.contains("identity.schemas.0.url") && refused.log.contains("cannot be fetched"),
        "{}",
        refused.log
    );

    let put = |host: &Host, name: &str| {
        let (root, parts) = schema(name);
        host.put("schemas/person.json", &root);
        host.put("schemas/parts.json", &parts);
    };
    put(&host, "One");
    host.start();
    for name in ["One", "Two"] {
        put(&host, name);
        let server = place.serve_again();
        assert_eq!(label(&place), name);
        assert!(!server.log().contains(COPY), "{}", server.log());
        // It is stored right after the server has become ready.
        eventually("the copy", || stored(dsn, name).then_some(()));
        ended(server);
    }

    host.stop();
    let server = place.serve_again();
    assert_eq!(label(&place), "Two", "of several states the last");
    assert_eq!(server.log().matches(COPY).count(), 2, "{}", server.log());
    config["revision"] = json!("two");
    place.write(&config);
    server.wait_for_log("the changed configuration is in use");
    assert_eq!(label(&place), "Two");
    ended(server);

    // What answers instead of a host that is away is no schema.
    host.put("schemas/person.json", &"<h1>Sorry</h1>");
    host.start();
    let server = place.serve_again();
    assert_eq!(label(&place), "Two");
    assert!(server.log().contains("ERROR") && server.log().contains(COPY), "{}", server.log());
    ended(server);
    assert!(stored(dsn, "Two"), "it replaces no copy");
}

/// Whether the database has a copy with that text.
fn stored(dsn: &str, text: &str) -> bool {
    super::place::wait(async {
        let store = zelos_store::Store::connect(dsn, zelos_store::PoolOptions::default()).await.unwrap();
        let sql = "SELECT content FROM remote_documents";
        let found = store.all(sql, &[], |row| row.get::<Vec<u8>>(0)).await.unwrap();
        found.iter().any(|content| String::from_utf8_lossy(content).contains(&format!("\"{text}\"")))
    })
}

#[test]
fn server_restarts_with_the_stored_copy_while_the_host_of_its_schema_is_away() {
    restarts_with_its_copy(Fresh::sqlite().dsn());
    for database in Fresh::on_each_server() {
        restarts_with_its_copy(database.dsn());
    }
}

#[test]
fn memory_has_no_copy() {
    let (place, mut host) = (Place::new(), Host::new());
    let mut config = place.config("memory");
    config["identity"]["schemas"][0]["url"] = json!(host.url("person.json"));
    host.put("person.json", &schema("One").0);
    host.put("parts.json", &schema("One").1);
    host.start();
    place.write(&config);
    let server = place.serve_again();
    ended(server);
    host.stop();
    let refused = place.run("serve -c kratos.yml --dev", &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.log);
}
