//! An HTTP/1.1 client as small as it can be: one connection for each request, over whatever carries bytes. It shows
//! what a real client would not: connections that are refused or end early, as errors.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// Longer than any answer may take.
const LIMIT: Duration = Duration::from_mins(1);

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// All values of a header.
    pub(super) fn headers(&self, name: &str) -> Vec<&str> {
        let pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    /// The first value of a header, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers(name).first().copied().unwrap_or_default()
    }
}

/// A connection to a port of this machine.
pub(super) fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A request as bytes. A body is JSON unless a header says otherwise.
pub(super) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    let named = |name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    if !named("accept") {
        text += "Accept: application/json\r\n";
    }
    if !body.is_empty() && !named("content-type") {
        text += "Content-Type: application/json\r\n";
    }
    if !body.is_empty() {
        text.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
    }
    if !named("connection") {
        text += "Connection: close\r\n";
    }
    for (name, value) in headers {
        text.extend([*name, ": ", *value, "\r\n"]);
    }
    text + "\r\n" + body
}

/// Sends a request and reads its answer. A connection that ends before the answer does is an error.
pub(super) fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<Answer> {
    stream.write_all(request.as_bytes())?;
    stream.flush()?;
    answer(&mut BufReader::new(stream))
}

/// Reads one answer.
pub(super) fn answer(stream: &mut impl BufRead) -> io::Result<Answer> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let mut answer = Answer { status, head, body: String::new() };
    let mut body = Vec::new();
    if answer.header("transfer-encoding") == "chunked" {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..])?;
            stream.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    } else {
        body.resize(answer.header("content-length").parse().unwrap_or_default(), 0);
        stream.read_exact(&mut body)?;
    }
    answer.body = String::from_utf8_lossy(&body).into_owned();
    Ok(answer)
}

/// A request over TCP.
pub(super) fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    exchange(connect(port)?, &request(method, path, headers, body))
}

/// A GET over TCP.
pub(super) fn get(port: u16, path: &str) -> io::Result<Answer> {
    send(port, "GET", path, &[], "")
}

/// The status of a GET; 0 if there was no answer.
pub(super) fn status(port: u16, path: &str) -> u16 {
    get(port, path).map_or(0, |answer| answer.status)
}

/// What a browser keeps.
#[derive(Debug, Default)]
pub(super) struct Cookies(pub(super) BTreeMap<String, String>);

impl Cookies {
    /// A request with these cookies; new ones are kept.
    pub(super) fn send(&mut self, port: u16, method: &str, path: &str, accept: &str, body: &str) -> Answer {
        let cookies: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("Accept", accept)];
        if !cookies.is_empty() {
            headers.push(("Cookie", &cookies));
        }
        if !body.starts_with('{') {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
        }
        let answer = send(port, method, path, &headers, body).unwrap();
        for cookie in answer.headers("set-cookie") {
            let (name, rest) = cookie.split_once('=').unwrap();
            self.0.insert(name.to_owned(), rest.split(';').next().unwrap_or_default().to_owned());
        }
        answer
    }
}
