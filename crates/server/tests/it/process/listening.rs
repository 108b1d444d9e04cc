//! Where and how it listens: TLS, Unix sockets, and behind a proxy that gives it a part of a host's paths.

use super::{
    client::{self, Cookies, exchange, request},
    people,
    place::{Place, eventually},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::json;
use std::{
    fs,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    sync::Arc,
};

/// A pair for `localhost`, made for these tests alone.
const CERTIFICATE: &str = include_str!("certificate/cert.pem");
const KEY: &str = include_str!("certificate/key.pem");

fn over_tls(port: u16) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    Ok(StreamOwned::new(connection, client::connect(port)?))
}

#[test]
fn with_tls() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    fs::write(place.path("cert.pem"), CERTIFICATE).unwrap();
    fs::write(place.path("key.pem"), KEY).unwrap();
    config["serve"]["public"]["tls"] = json!({ "cert": { "path": "cert.pem" }, "key": { "path": "key.pem" } });
    config["serve"]["admin"]["tls"] =
        json!({ "cert": { "base64": STANDARD.encode(CERTIFICATE) }, "key": { "base64": STANDARD.encode(KEY) } });
    config["serve"]["public"].as_object_mut().unwrap().remove("base_url");
    place.write(&config);
    assert_eq!(place.run("migrate sql up -e -y -c kratos.yml", &[]).code, Some(0));
    let mut server = place.zelos("serve -c kratos.yml", &[]);
    let ask = |port, path: &str| exchange(over_tls(port)?, &request("GET", path, &[], ""));
    eventually("ready", || {
        assert!(server.runs(), "{}", server.log());
        (ask(place.admin, "/admin/health/ready").ok()?.status == 200).then_some(())
    });
    let flow = ask(place.public, "/self-service/login/api").unwrap().json();
    let action = flow["ui"]["action"].as_str().unwrap().to_owned();
    assert!(action.starts_with(&format!("https://127.0.0.1:{}/", place.public)), "{action}");
    let started = ask(place.public, "/self-service/login/browser").unwrap();
    let cookies = started.headers("set-cookie");
    assert!(!cookies.is_empty() && cookies.iter().all(|cookie| cookie.contains("; Secure")), "{cookies:?}");

    // Somebody who does not speak TLS gets no answer, and keeps nobody else from one.
    assert!(client::get(place.public, "/health/alive").is_err());
    let mut garbage = client::connect(place.public).unwrap();
    garbage.write_all(b"\x16\x03\x01\xff\xff not a handshake at all").unwrap();
    let _ = garbage.read(&mut [0; 64]);
    assert_eq!(ask(place.public, "/health/alive").unwrap().status, 200);
}

#[test]
fn on_unix_sockets() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    let socket = place.path("public.sock");
    config["serve"]["public"]["host"] = json!(format!("unix:{}", socket.display()));
    config["serve"]["public"]["socket"] = json!({ "mode": 0o640 });
    let mut server = place.serve_with(&config);
    let mode = || fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o640);
    let ask = |path: &str| exchange(UnixStream::connect(&socket).unwrap(), &request("GET", path, &[], ""));
    assert_eq!(ask("/health/ready").unwrap().status, 200);
    assert_eq!(ask("/self-service/login/api").unwrap().status, 200);
    assert!(client::connect(place.public).is_err(), "it does not listen on the port");

    // Killed, it leaves a socket that nobody listens on: no obstacle for the next one.
    server.kill();
    assert!(socket.exists());
    let server = place.serve_again();
    assert_eq!(ask("/health/ready").unwrap().status, 200);
    let second = place.run("serve -c kratos.yml --dev", &[("SERVE_ADMIN_PORT", &(place.admin).to_string())]);
    assert_eq!((second.code, second.log.contains("public.sock")), (Some(1), true), "{}", second.log);
    assert_eq!(ask("/health/ready").unwrap().status, 200, "the refused one has left it alone");
    server.terminate();
    let mut server = server;
    assert_eq!(server.end().code, Some(0));
    assert!(!socket.exists(), "it tidies up");
}

#[test]
fn below_a_path_of_its_host() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    config["serve"]["public"]["base_url"] = json!("https://example.org/id/");
    config["selfservice"]["flows"]["login"] = json!({});
    config["selfservice"]["flows"]["registration"].as_object_mut().unwrap().remove("ui_url");
    config["selfservice"]["default_browser_return_url"] = json!("https://example.org/home");
    config["session"] = json!({ "cookie": { "path": "/id" } });
    config["cookies"] = json!({ "path": "/id" });
    let _server = place.serve_with(&config);
    let mut browser = Cookies::default();
    let started = browser.send(place.public, "GET", "/self-service/login/browser", "text/html", "");
    assert_eq!(started.status, 303);
    assert!(started.header("location").starts_with("https://example.org/id/"), "{}", started.head);
    let cookies = started.headers("set-cookie");
    assert!(!cookies.is_empty() && cookies.iter().all(|cookie| cookie.contains("Path=/id")), "{cookies:?}");
    let flow = client::get(place.public, "/self-service/login/api").unwrap().json();
    let action = flow["ui"]["action"].as_str().unwrap();
    assert!(action.starts_with("https://example.org/id/self-service/login?flow="), "{action}");
    let front = client::send(place.public, "GET", "/", &[("Accept", "text/html")], "").unwrap();
    for link in front.body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let ours = link.starts_with("https://example.org/id/") || link.starts_with("/id/");
        assert!(ours || !link.starts_with('/'), "{link} leads out of the prefix");
    }
    let registered = people::sign_up(place.public, "prefix@example.org").unwrap();
    let url = registered.json()["identity"]["schema_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://example.org/id/schemas/"), "{url}");
}

/// A door to the admin API that everybody can reach has a lock, or its operator has said that it needs none.
#[test]
fn with_the_admin_api_in_reach_of_others() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    config["serve"]["admin"]["host"] = json!("0.0.0.0");
    place.write(&config);
    assert_eq!(place.run("migrate sql up -e -y -c kratos.yml", &[]).code, Some(0));
    let refused = place.run("serve -c kratos.yml", &[]);
    assert_eq!(refused.code, Some(1), "{}", refused.log);
    for word in ["serve.admin.host", "serve.admin.auth.tokens", "insecure_open"] {
        assert!(refused.log.contains(word), "{word}: {}", refused.log);
    }

    let made = place.run("admin token --name panel --scope read", &[]);
    let (token, lines) = made.out.split_once("\n\n").unwrap();
    let kept = lines.lines().find_map(|line| line.trim().strip_prefix("sha256: ")).unwrap();
    config["serve"]["admin"]["auth"] = json!({ "tokens": [{ "name": "panel", "sha256": kept, "scopes": ["read"] }] });
    place.write(&config);
    let mut server = place.zelos("serve -c kratos.yml", &[]);
    place.wait_until_ready(&mut server);
    let status = |line: (&str, &str), token: &str| {
        let headers = [("Authorization", token)];
        client::send(place.admin, line.0, line.1, &headers, "").map(|answer| answer.status).unwrap_or_default()
    };
    let shown = format!("Bearer {token}");
    assert_eq!(status(("GET", "/admin/identities"), ""), 401);
    assert_eq!(status(("GET", "/admin/identities"), &shown), 200);
    assert_eq!(status(("POST", "/admin/identities"), &shown), 403);
    drop(server);

    config["serve"]["admin"]["auth"] = json!({ "insecure_open": true });
    place.write(&config);
    let mut server = place.zelos("serve -c kratos.yml", &[]);
    place.wait_until_ready(&mut server);
    assert_eq!(status(("GET", "/admin/identities"), ""), 200);
}

/// Programs that keep headers in a plain dictionary look for them in the case in which Go writes them.
#[test]
fn header_names_are_in_title_case() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    people::sign_up(place.public, "title-case@example.org").unwrap();
    let heads = [
        client::get(place.public, "/self-service/login/browser").unwrap().head,
        client::get(place.admin, "/admin/identities?page_size=1").unwrap().head,
    ];
    for head in &heads {
        let names = head.lines().skip(1).filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
        let is_title =
            |name: &str| name.split('-').all(|word| word.starts_with(|first: char| first.is_ascii_uppercase()));
        let others: Vec<_> = names.filter(|name| !is_title(name)).collect();
        assert!(others.is_empty(), "{others:?} in {head}");
    }
    assert!(heads[0].contains("\r\nSet-Cookie: ") && heads[0].contains("\r\nContent-Type: "), "{}", heads[0]);
    assert!(heads[1].contains("\r\nLink: "), "{}", heads[1]);
}

/// A page whose host name was pointed to this machine is no client of the admin API.
#[test]
fn with_a_foreign_name_for_the_admin_api() {
    let place = Place::new();
    let _server = place.serve(&place.sqlite());
    let status = |head: &str| {
        let request = format!("GET /admin/identities HTTP/1.1\r\n{head}Connection: close\r\n\r\n");
        exchange(client::connect(place.admin).unwrap(), &request).unwrap().status
    };
    assert_eq!(status(&format!("Host: 127.0.0.1:{}\r\n", place.admin)), 200);
    assert_eq!(status("Host: localhost:1\r\n"), 200);
    assert_eq!(status("Host: evil.example\r\n"), 403);
    assert_eq!(status("Host: localhost\r\nOrigin: http://evil.example\r\n"), 403);
    assert_eq!(status("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n"), 403);
}
