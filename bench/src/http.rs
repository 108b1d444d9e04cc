//! A small HTTP/1.1 client: one connection kept open, one request at a time.
//!
//! The point of having our own is to know what it does *not* do: no pool, no redirect, no cookie, no decompression
//! that would take the cores from the server or hide a connection being closed.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A server that hashes for many at once may take its time, but an answer has to come.
const PATIENCE: Duration = Duration::from_mins(2);
const LARGEST_ANSWER: usize = 8 << 20;

/// A request, ready to be sent as often as wanted.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    pub(crate) fn get(path: &str) -> Self {
        Self { head: format!("GET {path} HTTP/1.1\r\n"), body: Vec::new() }
    }

    pub(crate) fn post(path: &str) -> Self {
        Self::of("POST", path)
    }

    pub(crate) fn of(method: &str, path: &str) -> Self {
        Self { head: format!("{method} {path} HTTP/1.1\r\n"), body: Vec::new() }
    }

    /// JSON that is text already.
    pub(crate) fn text(self, body: String) -> Self {
        let mut request = self.header("Content-Type", "application/json");
        request.body = body.into_bytes();
        request
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        let mut request = self.header("Content-Type", "application/json");
        request.body = body.to_string().into_bytes();
        request
    }

    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut request = self.header("Content-Type", "application/x-www-form-urlencoded");
        let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        request.body = pairs.join("&").into_bytes();
        request
    }

    fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let length = if self.head.starts_with("POST") || !self.body.is_empty() {
            format!("Content-Length: {}\r\n", self.body.len())
        } else {
            String::new()
        };
        let mut bytes = format!("{}Host: {address}\r\n{length}\r\n", self.head).into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// An answer; header names are in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Name and value of the cookies that are set.
    pub(crate) fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .filter_map(|(_, value)| value.split(';').next()?.split_once('='))
    }

    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.excerpt()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// Fails, with the beginning of the body, unless the status is this one.
    pub(crate) fn expect(self, status: u16) -> Result<Self> {
        ensure!(self.status == status, "status {} instead of {status}: {}", self.status, self.excerpt());
        Ok(self)
    }

    fn excerpt(&self) -> String {
        String::from_utf8_lossy(&self.body).chars().take(300).collect()
    }
}

/// A connection that is opened when first needed and again when the server has closed it.
#[derive(Debug)]
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None, buffer: Vec::new() }
    }

    /// Sends a request and reads its answer. Fails if there is none within two minutes.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<Response> {
        let bytes = request.bytes(self.address);
        let reused = self.stream.is_some();
        let mut outcome = timeout(PATIENCE, self.exchange(&bytes)).await.context("no answer in time")?;
        // A server may close an idle connection at any moment; if it said nothing at all, it has not seen the request.
        if outcome.is_err() && reused && self.buffer.is_empty() {
            self.stream = None;
            outcome = timeout(PATIENCE, self.exchange(&bytes)).await.context("no answer in time")?;
        }
        if outcome.is_err() {
            self.stream = None;
        }
        outcome
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Response> {
        self.buffer.clear();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.address).await?,
        };
        stream.write_all(request).await?;
        loop {
            let ended = stream.read_buf(&mut self.buffer).await? == 0;
            ensure!(self.buffer.len() <= LARGEST_ANSWER, "the answer is larger than {LARGEST_ANSWER} bytes");
            if let Some((response, keep)) = parse(&self.buffer, ended)? {
                self.stream = (keep && !ended).then_some(stream);
                return Ok(response);
            }
            ensure!(!ended, "the connection was closed within an answer");
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The answer in `bytes` and whether the connection may be kept; `None` if more has to be read.
fn parse(bytes: &[u8], ended: bool) -> Result<Option<(Response, bool)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).context("the head of the answer is not text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse::<u16>().ok()).context("no status line")?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut response = Response { status, headers, body: Vec::new() };
    let rest = &bytes[end + 4..];
    let keep = response.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
    if matches!(status, 204 | 304) {
        return Ok(Some((response, keep)));
    }
    if response.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        let Some(body) = unchunk(rest)? else { return Ok(None) };
        response.body = body;
        return Ok(Some((response, keep)));
    }
    let Some(length) = response.header("content-length") else {
        response.body = rest.to_vec();
        return Ok(ended.then_some((response, false)));
    };
    let length: usize = length.parse().context("Content-Length")?;
    let Some(body) = rest.get(..length) else { return Ok(None) };
    response.body = body.to_vec();
    Ok(Some((response, keep)))
}

/// The body in chunks put together; `None` if the last one has not come yet.
fn unchunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = find(rest, b"\r\n") else { return Ok(None) };
        let line = std::str::from_utf8(&rest[..end]).context("chunk size")?;
        let digits = line.split(';').next().unwrap_or(line).trim();
        let Ok(size) = usize::from_str_radix(digits, 16) else { bail!("chunk size {digits:?}") };
        ensure!(size <= LARGEST_ANSWER, "a chunk of {size} bytes");
        rest = &rest[end + 2..];
        let Some(chunk) = rest.get(..size + 2) else { return Ok(None) };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&chunk[..size]);
        rest = &rest[size + 2..];
    }
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

/// Percent-encoding for a form field or a query value.
pub(crate) fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.extend(["%", &format!("{byte:02X}")]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(answer: &str, ended: bool) -> Option<(String, bool)> {
        let (response, keep) = parse(answer.as_bytes(), ended).unwrap()?;
        Some((String::from_utf8(response.body).unwrap(), keep))
    }

    #[test]
    fn a_body_ends_by_length_by_chunks_or_by_closing() {
        let length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        assert_eq!(body(length, false), Some(("hello".to_owned(), true)));
        assert_eq!(body(&length[..length.len() - 1], false), None);
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n";
        assert_eq!(body(chunks, false), Some(("hello".to_owned(), true)));
        for cut in 1..chunks.len() {
            assert_eq!(body(&chunks[..cut], false), None, "cut at {cut}");
        }
        let close = "HTTP/1.1 200 OK\r\n\r\nhello";
        assert_eq!(body(close, false), None);
        assert_eq!(body(close, true), Some(("hello".to_owned(), false)));
        assert_eq!(body("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", false), Some((String::new(), false)));
    }

    #[test]
    fn broken_answers_are_refused() {
        assert!(parse(b"nonsense\r\n\r\n", false).is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false).is_err());
    }

    #[test]
    fn cookies_come_without_their_attributes() {
        let answer = b"HTTP/1.1 303 See\r\nSet-Cookie: a=b=c; Path=/\r\nset-cookie: d=e\r\nContent-Length: 0\r\n\r\n";
        let (response, _) = parse(answer, false).unwrap().unwrap();
        assert_eq!(response.cookies().collect::<Vec<_>>(), [("a", "b=c"), ("d", "e")]);
    }

    #[test]
    fn a_form_is_encoded() {
        let request = Request::post("/x").form(&[("a", "b c&d=é"), ("e", "f")]);
        let text = String::from_utf8(request.bytes(([127, 0, 0, 1], 80).into())).unwrap();
        assert!(text.ends_with("\r\n\r\na=b%20c%26d%3D%C3%A9&e=f"), "{text}");
        assert!(text.contains("\r\nContent-Length: 24\r\n"), "{text}");
    }
}
