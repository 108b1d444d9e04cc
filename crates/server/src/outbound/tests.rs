//! A server on this machine, asked through the client: what is followed, what is bounded, what is out of reach.

use super::HttpClient;
use axum::{
    Router,
    body::Bytes,
    extract::Path,
    http::{HeaderMap, Method, StatusCode, header::LOCATION},
    routing::any,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use url::Url;
use zelos_core::{
    config::clients::HttpClient as Settings,
    outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse},
};

/// Starts the server: `/echo` tells method, credentials and body, `/redirect/<status>/<where>` redirects, `/large` is 2000
/// bytes, `/silent` never answers, `/failing/<n>` fails so many times.
async fn serve() -> SocketAddr {
    let failures = Arc::new(AtomicUsize::new(0));
    let echo = |method: Method, headers: HeaderMap, body: Bytes| async move {
        let names = ["authorization", "x-key", "content-type"].map(|name| headers.contains_key(name));
        format!("{method} {names:?} {}", String::from_utf8_lossy(&body))
    };
    let redirect = |Path((status, target)): Path<(u16, String)>| async move {
        (StatusCode::from_u16(status).expect("a status"), [(LOCATION, target)])
    };
    let failing = move |Path(times): Path<usize>| async move {
        let failed = failures.fetch_add(1, Ordering::Relaxed) < times;
        if failed { StatusCode::BAD_GATEWAY } else { StatusCode::OK }
    };
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/redirect/{status}/{*target}", any(redirect))
        .route("/large", any(|| async { "x".repeat(2000) }))
        .route("/silent", any(std::future::pending::<StatusCode>))
        .route("/failing/{times}", any(failing));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn client(guarded: bool, exceptions: &[String]) -> HttpClient {
    HttpClient::new(&Settings { disallow_private_ip_ranges: guarded, private_ip_exception_urls: exceptions.to_vec() })
}

fn get(url: &str) -> OutboundRequest {
    OutboundRequest::get(Url::parse(url).expect(url))
}

fn text(response: Result<OutboundResponse, OutboundError>) -> String {
    String::from_utf8_lossy(&response.expect("an answer").body).into_owned()
}

fn is_forbidden(response: &Result<OutboundResponse, OutboundError>) -> bool {
    matches!(response, Err(OutboundError::Forbidden(_)))
}

#[tokio::test]
async fn private_addresses_are_out_of_reach_if_guarded() {
    let address = serve().await;
    let local = format!("http://localhost:{}/echo", address.port());
    let literal = format!("http://{address}/echo");
    for url in [&local, &literal] {
        assert_eq!(text(client(false, &[]).send(get(url)).await), "GET [false, false, false] ");
        assert!(is_forbidden(&client(true, &[]).send(get(url)).await), "{url}");
        assert_eq!(text(client(true, std::slice::from_ref(url)).send(get(url)).await), "GET [false, false, false] ");
    }
}

#[tokio::test]
async fn each_hop_is_judged() {
    let address = serve().await;
    let start = format!("http://{address}/redirect/302/http://{address}/echo");
    let guarded = client(true, &[format!("http://{address}/redirect/**")]);
    assert!(is_forbidden(&guarded.send(get(&start)).await));
    assert_eq!(text(client(false, &[]).send(get(&start)).await), "GET [false, false, false] ");
    for target in ["ftp://example.org/", "file:///etc/passwd"] {
        let url = format!("http://{address}/redirect/302/{target}");
        assert!(is_forbidden(&client(false, &[]).send(get(&url)).await), "{target}");
    }
}

#[tokio::test]
async fn redirects_keep_what_they_should() {
    let (one, other) = (serve().await, serve().await);
    for (status, host, expected) in [
        (302, one, "GET [true, true, false] "),
        (303, one, "GET [true, true, false] "),
        (307, one, "POST [true, true, true] body"),
        (308, other, "POST [false, false, true] body"),
        (301, other, "GET [false, false, false] "),
    ] {
        let mut request = get(&format!("http://{one}/redirect/{status}/http://{host}/echo"));
        request.method = Method::POST;
        request.body = Bytes::from_static(b"body");
        for name in ["authorization", "x-key", "content-type"] {
            let mut value = http::HeaderValue::from_static("x");
            value.set_sensitive(true);
            request.headers.insert(name, value);
        }
        assert_eq!(text(client(false, &[]).send(request).await), expected, "{status}");
    }
}

#[tokio::test]
async fn redirects_come_to_an_end() {
    let address = serve().await;
    let chain = |length| (0..length).fold("/echo".to_owned(), |target, _| format!("/redirect/302/{target}"));
    let send = async |length| client(false, &[]).send(get(&format!("http://{address}{}", chain(length)))).await;
    assert_eq!(text(send(10).await), "GET [false, false, false] ");
    assert!(matches!(send(11).await, Err(OutboundError::Failed(_))));
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let address = serve().await;
    let mut request = get(&format!("http://{address}/large"));
    request.max_body = 2000;
    assert_eq!(text(client(false, &[]).send(request.clone()).await).len(), 2000);
    request.max_body = 1999;
    assert!(matches!(client(false, &[]).send(request).await, Err(OutboundError::TooLarge(1999))));
    let mut request = get(&format!("http://{address}/silent"));
    request.timeout = Duration::from_millis(50);
    assert!(matches!(client(false, &[]).send(request).await, Err(OutboundError::Timeout)));
}

#[tokio::test]
async fn only_who_asks_for_it_gets_repetitions() {
    for (retries, status) in [(0, StatusCode::BAD_GATEWAY), (1, StatusCode::BAD_GATEWAY), (2, StatusCode::OK)] {
        let mut request = get(&format!("http://{}/failing/2", serve().await));
        request.retries = retries;
        assert_eq!(client(false, &[]).send(request).await.expect("an answer").status, status, "{retries}");
    }
}

#[tokio::test]
async fn failures_are_told_without_the_address() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    drop(listener);
    let response = client(false, &[]).send(get(&format!("http://user:secret@{address}/path?token=secret"))).await;
    let Err(OutboundError::Failed(reason)) = response else { panic!("{response:?}") };
    assert!(!reason.contains("secret") && !reason.contains("path"), "{reason}");
}

#[tokio::test]
async fn other_settings_hold_from_the_next_request_on() {
    let address = serve().await;
    let url = format!("http://{address}/echo");
    let client = client(false, &[]);
    assert!(client.send(get(&url)).await.is_ok());
    client.configure(&Settings { disallow_private_ip_ranges: true, private_ip_exception_urls: Vec::new() });
    assert!(client.send(get(&url)).await.is_err(), "private addresses are closed now");
    client.configure(&Settings { disallow_private_ip_ranges: true, private_ip_exception_urls: vec![url.clone()] });
    assert!(client.send(get(&url)).await.is_ok(), "but for an exception");
}
