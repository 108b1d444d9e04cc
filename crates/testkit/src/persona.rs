//! Visitors. The same story is told of all three, since a page, a single-page app and a native app are told the same
//! things in different ways.

use crate::app::App;
use axum::{Router, body::Body};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
};
use tower::ServiceExt;
use zelos_web::Peer;

/// Where all requests come from.
pub(crate) const PEER: Peer =
    Peer { address: Some(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 50_000))), tls: false };

/// What kind of client somebody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// HTML forms and redirects, with cookies.
    Page,
    /// `fetch()` with cookies.
    Spa,
    /// JSON and a session token, no cookies.
    Native,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Page, Self::Spa, Self::Native];
}

/// A visitor with a memory for cookies and a session token.
#[derive(Debug, Clone)]
pub struct Persona {
    pub mode: Mode,
    pub cookies: BTreeMap<String, String>,
    pub token: Option<String>,
    public: Router,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// One header, empty if absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where the answer redirects to.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The member of the location's query.
    pub fn location_query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse("http://relative.example").ok()?.join(self.location()).ok()?;
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The numbers of the texts above the form.
    pub fn messages(&self) -> Vec<u64> {
        numbers(&self.json()["ui"]["messages"])
    }

    /// The numbers of the texts at a node.
    pub fn node_messages(&self, name: &str) -> Vec<u64> {
        numbers(&node(&self.json(), name)["messages"])
    }
}

fn numbers(messages: &Value) -> Vec<u64> {
    messages.as_array().into_iter().flatten().filter_map(|message| message["id"].as_u64()).collect()
}

/// The node of that name in a flow, or `null`.
pub fn node(flow: &Value, name: &str) -> Value {
    let nodes = flow["ui"]["nodes"].as_array();
    let is_it = |node: &&Value| node["attributes"]["name"] == name || node["attributes"]["id"] == name;
    nodes.and_then(|nodes| nodes.iter().find(is_it)).cloned().unwrap_or(Value::Null)
}

impl Persona {
    pub(crate) fn new(mode: Mode, public: Router) -> Self {
        Self { mode, cookies: BTreeMap::new(), token: None, public }
    }

    /// Sends a request as this kind of client would; cookies are kept.
    pub async fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let accept = if self.mode == Mode::Page { "text/html" } else { "application/json" };
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "id.example.org");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            request = request.header(header::ACCEPT, accept);
        }
        if self.mode != Mode::Native && !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        if let Some(token) = &self.token {
            request = request.header("x-session-token", token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).expect("a test sends a valid request");
        request.extensions_mut().insert(PEER);
        let answer = answer(self.public.clone(), request).await;
        if self.mode != Mode::Native {
            self.keep_cookies(&answer.headers);
        }
        answer
    }

    /// A GET.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    /// The raw answer to the start of a flow.
    pub async fn start(&mut self, kind: &str, query: &str) -> Answer {
        let channel = if self.mode == Mode::Native { "api" } else { "browser" };
        let mark = if query.is_empty() { "" } else { "?" };
        self.get(&format!("/self-service/{kind}/{channel}{mark}{query}")).await
    }

    /// A new flow, as JSON.
    pub async fn begin(&mut self, kind: &str, query: &str) -> Value {
        let answer = self.start(kind, query).await;
        self.flow(kind, &answer).await
    }

    /// The flow in an answer, or behind its redirect.
    pub async fn flow(&mut self, kind: &str, answer: &Answer) -> Value {
        if !answer.status.is_redirection() {
            return answer.json();
        }
        let id = answer.location_query("flow").unwrap_or_default();
        self.fetch(kind, &id).await.json()
    }

    /// Fetches a flow as JSON, whatever the client.
    pub async fn fetch(&mut self, kind: &str, id: &str) -> Answer {
        let path = format!("/self-service/{kind}/flows?id={id}");
        self.send("GET", &path, &[("accept", "application/json")], Body::empty()).await
    }

    /// Submits values to a flow: as a form for a page, as JSON otherwise; the anti-CSRF token is added.
    pub async fn submit(&mut self, flow: &Value, values: Value) -> Answer {
        let mut values = match values {
            Value::Object(values) => values,
            _ => Map::new(),
        };
        if self.mode != Mode::Native && !values.contains_key("csrf_token") {
            values.insert("csrf_token".to_owned(), node(flow, "csrf_token")["attributes"]["value"].clone());
        }
        let action = flow["ui"]["action"].as_str().unwrap_or_default();
        let path = url::Url::parse(action).map(|url| url[url::Position::BeforePath..].to_owned()).unwrap_or_default();
        if self.mode == Mode::Page {
            let form = [("content-type", "application/x-www-form-urlencoded")];
            return self.send("POST", &path, &form, form_body(&Value::Object(values))).await;
        }
        let json = [("content-type", "application/json")];
        self.send("POST", &path, &json, Value::Object(values).to_string()).await
    }

    /// Signs in with a password and keeps what came back.
    pub async fn sign_in(&mut self, identifier: &str, password: &str) -> Answer {
        let flow = self.begin("login", "").await;
        let values = json!({ "method": "password", "identifier": identifier, "password": password });
        let answer = self.submit(&flow, values).await;
        self.keep_token(&answer);
        answer
    }

    /// Signs up with a password and keeps what came back.
    pub async fn sign_up(&mut self, traits: Value, password: &str) -> Answer {
        let flow = self.begin("registration", "").await;
        let answer = self.submit(&flow, json!({ "method": "password", "traits": traits, "password": password })).await;
        self.keep_token(&answer);
        answer
    }

    /// Who the server says this is.
    pub async fn whoami(&mut self) -> Answer {
        self.send("GET", "/sessions/whoami", &[("accept", "application/json")], Body::empty()).await
    }

    /// A native app takes the token out of a successful answer.
    pub fn keep_token(&mut self, answer: &Answer) {
        if self.mode == Mode::Native
            && let Some(token) = answer.json()["session_token"].as_str()
        {
            self.token = Some(token.to_owned());
        }
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let Some((name, rest)) = value.to_str().ok().and_then(|text| text.split_once('=')) else { continue };
            let value = rest.split(';').next().unwrap_or_default();
            let is_removed = rest.to_ascii_lowercase().contains("max-age=0");
            if is_removed || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// Sends a request through a router and reads the whole answer.
pub(crate) async fn answer(router: Router, request: Request<Body>) -> Answer {
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// Nested JSON as the fields of a form: `{"traits": {"email": …}}` becomes `traits.email=…`, a list a repeated field.
fn form_body(values: &Value) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    append(&mut form, "", values);
    form.finish()
}

fn append(form: &mut url::form_urlencoded::Serializer<'_, String>, name: &str, value: &Value) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let escaped = key.replace('\\', "\\\\").replace('.', "\\.");
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{escaped}") };
                append(form, &name, member);
            }
        }
        Value::Array(items) if !items.iter().any(|item| item.is_object() || item.is_array()) => {
            for item in items {
                append(form, name, item);
            }
        }
        Value::String(text) => {
            form.append_pair(name, text);
        }
        Value::Null => {}
        other => {
            form.append_pair(name, &other.to_string());
        }
    }
}

impl App {
    /// A visitor who has never been here.
    pub fn visitor(&self, mode: Mode) -> Persona {
        Persona::new(mode, self.public.clone())
    }

    /// A visitor who comes through a proxy that takes a prefix off the path.
    pub fn visitor_behind(&self, mode: Mode, prefix: &str) -> Persona {
        let stripped = Router::new().nest_service(prefix, self.public.clone());
        Persona::new(mode, stripped.fallback_service(self.public.clone()))
    }
}
