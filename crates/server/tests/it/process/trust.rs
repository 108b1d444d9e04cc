//! Which servers are trusted: a certificate that is its own issuer, as `openssl req -x509` makes it, is accepted by every
//! kind of outgoing connection if it is among the trusted ones and holds the name.

use super::place::{Place, wait};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
};
use zelos_store::{PoolOptions, Store};
use zelos_testkit::Authority;

const SCHEMA: &str = r#"{
    "$id": "https://example.org/schema.json",
    "type": "object",
    "properties": { "traits": { "type": "object", "properties": { "name": { "type": "string" } } } }
}"#;

fn encrypted(config: &Arc<ServerConfig>, tcp: TcpStream) -> io::Result<StreamOwned<ServerConnection, TcpStream>> {
    let session = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, tcp);
    stream.conn.complete_io(&mut stream.sock)?;
    Ok(stream)
}

/// A server of HTTPS that answers everything with a schema; it lives as long as the test's process.
fn https(config: Arc<ServerConfig>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |tcp| -> io::Result<()> {
        let mut stream = encrypted(&config, tcp)?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            request.push(byte[0]);
        }
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", SCHEMA.len());
        stream.write_all(format!("{head}{SCHEMA}").as_bytes())?;
        stream.conn.send_close_notify();
        stream.flush()
    };
    thread::spawn(move || {
        while let Ok((tcp, _)) = listener.accept() {
            // A client that does not trust the server goes away.
            let _ = answer(tcp);
        }
    });
    port
}

#[test]
fn https_trusts_a_self_signed_certificate_among_the_trusted_ones() {
    let place = Place::new();
    let (trusted, config) = Authority::self_signed("localhost").unwrap();
    let port = https(config);
    let (other, _) = Authority::self_signed("localhost").unwrap();
    fs::write(place.path("trusted.pem"), trusted).unwrap();
    fs::write(place.path("other.pem"), other).unwrap();
    for (file, host, reason) in [
        ("trusted.pem", "localhost", None),
        ("trusted.pem", "127.0.0.1", Some("not valid for name")),
        ("other.pem", "localhost", Some("UnknownIssuer")),
    ] {
        let mut config = place.config(&place.sqlite());
        config["identity"]["schemas"][0]["url"] = format!("https://{host}:{port}/schema.json").into();
        place.write(&config);
        let path = place.path(file).display().to_string();
        let ended = place.run("doctor --offline -c kratos.yml", &[("SSL_CERT_FILE", &path)]);
        let fault = ended.out.lines().find(|line| line.contains("identity.schemas"));
        match reason {
            None => assert_eq!((fault, ended.code), (None, Some(0)), "{}{}", ended.out, ended.log),
            Some(reason) => assert!(fault.is_some_and(|line| line.contains(reason)), "{file} {host}: {}", ended.out),
        }
    }
}

/// Whether a client of PostgreSQL goes through with the handshake against a server of that configuration.
fn postgres_trusts(config: &Arc<ServerConfig>, host: &str, options: &str) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (told, trusts) = mpsc::channel();
    let config = Arc::clone(config);
    let answer = move || -> io::Result<()> {
        let (mut tcp, _) = listener.accept()?;
        // The request for TLS: a length of 8 and a code; `S` means that the handshake may begin.
        tcp.read_exact(&mut [0; 8])?;
        tcp.write_all(b"S")?;
        encrypted(&config, tcp).map(|_| ())
    };
    let server = thread::spawn(move || told.send(answer().is_ok()).unwrap());
    let dsn = format!("postgres://zelos@{host}:{port}/zelos?connect_timeout=5&{options}");
    let trusts = wait(async {
        let client = tokio::spawn(async move {
            if let Ok(store) = Store::connect(&dsn, PoolOptions::default()).await {
                let _ = store.pending_migrations().await;
            }
        });
        let trusts = tokio::task::spawn_blocking(move || trusts.recv().unwrap()).await.unwrap();
        client.abort();
        trusts
    });
    server.join().unwrap();
    trusts
}

#[test]
fn postgres_trusts_a_self_signed_certificate_among_the_trusted_ones() {
    let place = Place::new();
    let file = |name: &str, pem: String| {
        fs::write(place.path(name), pem).unwrap();
        place.path(name).display().to_string()
    };
    let (pem, config) = Authority::self_signed("localhost").unwrap();
    let own = file("own.pem", pem);
    let other = file("other.pem", Authority::self_signed("localhost").unwrap().0);
    for (mode, file, host, trusts) in [
        ("verify-full", &own, "localhost", true),
        ("verify-ca", &own, "localhost", true),
        ("require", &own, "localhost", true),
        ("verify-ca", &own, "127.0.0.1", true),
        ("verify-full", &own, "127.0.0.1", false),
        ("verify-full", &other, "localhost", false),
        ("verify-ca", &other, "localhost", false),
        ("require", &other, "localhost", false),
    ] {
        let options = format!("sslmode={mode}&sslrootcert={file}");
        assert_eq!(postgres_trusts(&config, host, &options), trusts, "{options} {host}");
    }
    assert!(postgres_trusts(&config, "127.0.0.1", "sslmode=require"), "nothing is verified");
    let authority = Authority::new().unwrap();
    let (issuer, config) = (file("issuer.pem", authority.pem()), authority.server("localhost", false).unwrap());
    assert!(postgres_trusts(&config, "localhost", &format!("sslmode=verify-full&sslrootcert={issuer}")));
}

/// The first packet of a server of MySQL 8 that offers TLS.
fn mysql_greeting() -> Vec<u8> {
    const PROTOCOL_41: u32 = 0x0200;
    const SSL: u32 = 0x0800;
    const SECURE_CONNECTION: u32 = 0x8000;
    const PLUGIN_AUTH: u32 = 0x8_0000;
    let [a, b, c, d] = (PROTOCOL_41 | SSL | SECURE_CONNECTION | PLUGIN_AUTH).to_le_bytes();
    let mut body = b"\x0a8.0.0\0\x01\0\0\0saltsalt\0".to_vec();
    // Capabilities, character set, status, capabilities, length of the salt.
    body.extend([a, b, 45, 2, 0, c, d, 21]);
    body.extend([0; 10]);
    body.extend(b"saltsaltsalt\0mysql_native_password\0");
    let mut packet = vec![u8::try_from(body.len()).unwrap(), 0, 0, 0];
    packet.extend(body);
    packet
}

/// Whether a client of MySQL that trusts that file goes through with the handshake, and what it says if not.
fn mysql_trusts(config: &Arc<ServerConfig>, trusted: &str) -> Result<(), String> {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    place.write(
        &place.config(&format!("mysql://root@tcp(localhost:{})/zelos?tls=true", listener.local_addr().unwrap().port())),
    );
    let client = place.zelos("doctor -c kratos.yml", &[("SSL_CERT_FILE", trusted)]);
    let (mut tcp, _) = listener.accept().unwrap();
    tcp.write_all(&mysql_greeting()).unwrap();
    // The request for TLS: a packet of 32 bytes.
    tcp.read_exact(&mut [0; 36]).unwrap();
    let result = encrypted(config, tcp);
    drop(listener);
    let mut client = client;
    result.map(|_| ()).map_err(|_| client.end().out)
}

#[test]
fn mysql_trusts_what_the_system_trusts() {
    let place = Place::new();
    let file = |name: &str, pem: String| {
        fs::write(place.path(name), pem).unwrap();
        place.path(name).display().to_string()
    };
    let authority = Authority::new().unwrap();
    let (own, other) = (file("own.pem", authority.pem()), file("other.pem", Authority::new().unwrap().pem()));
    let config = authority.server("localhost", false).unwrap();
    assert_eq!(mysql_trusts(&config, &own), Ok(()));
    assert!(mysql_trusts(&config, &other).is_err());
    let (pem, config) = Authority::self_signed("localhost").unwrap();
    assert_eq!(mysql_trusts(&config, &file("self.pem", pem)), Ok(()));
    assert!(mysql_trusts(&config, &own).unwrap_err().contains("TLS"), "its reason is told");
}

#[test]
fn a_file_without_certificates_is_named() {
    let place = Place::new();
    fs::write(place.path("empty.pem"), "").unwrap();
    let mut config = place.config("");
    let file = place.path("empty.pem").display().to_string();
    config["dsn"] = json!(format!("postgres://zelos@127.0.0.1:1/zelos?sslmode=verify-full&sslrootcert={file}"));
    place.write(&config);
    let ended = place.run("migrate sql up -e -y -c kratos.yml", &[]);
    assert!(ended.code == Some(1) && ended.log.contains("empty.pem holds no PEM certificate"), "{}", ended.log);
}
