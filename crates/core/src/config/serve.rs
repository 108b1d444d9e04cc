//! `serve`: where the two servers listen and how they are reached from outside. Read once, at start.

use super::{
    admin_auth::AdminAuth,
    network::{ClientIpHeader, Network},
    value::{ByteSize, GoDuration},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use url::Url;

/// Both servers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Serve {
    /// What people and their browsers talk to.
    pub public: ServePublic,
    /// What back ends talk to; never exposed to the internet.
    pub admin: ServeAdmin,
}

/// The public server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServePublic {
    /// Address to listen on, or `unix:/path/to/socket`.
    pub host: String,
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The URL from outside; every link and redirect starts with it.
    #[schemars(extend("format" = "base-url"))]
    pub base_url: Option<Url>,
    pub socket: Socket,
    pub tls: Tls,
    pub request_log: RequestLog,
    pub cors: Cors,
    /// Proxies whose headers about the client's address are believed. Ours beside the original's keys.
    pub trusted_proxies: Vec<Network>,
    /// The header in which a trusted proxy reports the address of its client: `X-Forwarded-For`, `Forwarded` (RFC 7239),
    /// `X-Real-IP`, `True-Client-IP`, `CF-Connecting-IP` or any other. It is read from the right, past the addresses in
    /// `trusted_proxies`; no other header counts. Zelos' own key.
    pub client_ip_header: ClientIpHeader,
    pub limits: ConnectionLimits,
}

/// The admin server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServeAdmin {
    /// Who may use it. Ours beside the original's keys.
    pub auth: AdminAuth,
    /// Address to listen on, or `unix:/path/to/socket`.
    pub host: String,
    #[schemars(range(min = 1))]
    pub port: u16,
    /// The URL from outside.
    pub base_url: Option<Url>,
    pub socket: Socket,
    pub tls: Tls,
    pub request_log: RequestLog,
    /// Proxies whose headers about the client's address are believed. Ours beside the original's keys.
    pub trusted_proxies: Vec<Network>,
    /// As `serve.public.client_ip_header`, for the audit log. Zelos' own key.
    pub client_ip_header: ClientIpHeader,
    pub limits: ConnectionLimits,
}

/// Bounds on connections, and on the memory of responses that clients have not read yet. Zelos' own keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionLimits {
    /// Open connections, all clients together; a further one is closed at once. 10000 by default.
    #[schemars(range(min = 1))]
    pub connections: Option<u32>,
    /// Open connections from one IPv4 address or one IPv6 network (/64). Unix sockets and trusted proxies are exempt. 1024 by
    /// default.
    #[schemars(range(min = 1))]
    pub connections_per_address: Option<u32>,
    /// Concurrent requests over one HTTP/2 connection. 128 by default.
    #[schemars(range(min = 1, max = 10000))]
    pub streams_per_connection: Option<u32>,
    /// Memory for responses that are not read yet, all clients together. Beyond it the connection that holds most is closed.
    /// 64MB by default on the public server, 256MB on the admin server.
    pub response_bytes: Option<ByteSize>,
    /// The same for one connection. A request beyond it waits until earlier responses are read, or is answered with 503. 8MB by
    /// default on the public server, 64MB on the admin server.
    pub response_bytes_per_connection: Option<ByteSize>,
    /// The time that a client has to read a response; then its connection is closed. 60s by default on the public server, 120s on
    /// the admin server.
    pub response_timeout: Option<GoDuration>,
}

/// Owner and permissions of a Unix socket; empty names change nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Socket {
    pub owner: String,
    pub group: String,
    /// Permission bits as a plain number: 493 is 0755.
    #[schemars(range(max = 511))]
    pub mode: u32,
}

/// Certificate and key; TLS is on when both are given.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    pub key: TlsKey,
    pub cert: TlsCertificate,
}

/// The private key, PEM.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsKey {
    pub path: Option<PathBuf>,
    /// The PEM text, base64.
    pub base64: Option<crate::secret::Secret>,
}

/// The certificate chain, PEM.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsCertificate {
    pub path: Option<PathBuf>,
    /// The PEM text, base64.
    pub base64: Option<String>,
}

impl Tls {
    /// Whether the server speaks TLS: a pair given the same way, both by text or both by path.
    pub fn enabled(&self) -> bool {
        (self.key.base64.is_some() && self.cert.base64.is_some())
            || (self.key.path.is_some() && self.cert.path.is_some())
    }
}

/// What the request log leaves out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RequestLog {
    /// Health checks (on the admin server also metrics) go to the level `trace`.
    pub disable_for_health: bool,
}

/// Cross-origin access to the public server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    pub enabled: bool,
    /// Origins, at most one `*` in each; `*` alone means all. The one key here that may change without a restart.
    #[schemars(schema_with = "origins")]
    pub allowed_origins: Vec<String>,
    pub allowed_methods: Vec<CorsMethod>,
    pub allowed_headers: Vec<String>,
    pub exposed_headers: Vec<String>,
    pub allow_credentials: bool,
    pub options_passthrough: bool,
    /// How long a browser may keep a preflight's answer, in seconds.
    pub max_age: u32,
    pub debug: bool,
}

/// Methods that may be allowed across origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CorsMethod {
    Post,
    Get,
    Put,
    Patch,
    Delete,
    Connect,
    Head,
    Options,
    Trace,
}

fn origins(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "uniqueItems": true,
        "items": { "type": "string", "minLength": 1, "format": "cors-origin" },
    })
}

const EVERYWHERE: &str = "0.0.0.0";

impl Default for ServePublic {
    fn default() -> Self {
        Self {
            host: EVERYWHERE.to_owned(),
            port: 4433,
            base_url: None,
            socket: Socket::default(),
            tls: Tls::default(),
            request_log: RequestLog::default(),
            cors: Cors::default(),
            trusted_proxies: Vec::new(),
            client_ip_header: ClientIpHeader::default(),
            limits: ConnectionLimits::default(),
        }
    }
}

impl Default for ServeAdmin {
    fn default() -> Self {
        Self {
            auth: AdminAuth::default(),
            host: EVERYWHERE.to_owned(),
            port: 4434,
            base_url: None,
            socket: Socket::default(),
            tls: Tls::default(),
            request_log: RequestLog::default(),
            trusted_proxies: Vec::new(),
            client_ip_header: ClientIpHeader::default(),
            limits: ConnectionLimits::default(),
        }
    }
}

impl Default for Socket {
    fn default() -> Self {
        Self { owner: String::new(), group: String::new(), mode: 0o755 }
    }
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

impl Default for Cors {
    fn default() -> Self {
        use CorsMethod::{Delete, Get, Patch, Post, Put};
        Self {
            enabled: false,
            allowed_origins: texts(&["*"]),
            allowed_methods: vec![Post, Get, Put, Patch, Delete],
            allowed_headers: texts(&[
                "Authorization",
                "Content-Type",
                "Max-Age",
                "X-Session-Token",
                "X-XSRF-TOKEN",
                "X-CSRF-TOKEN",
            ]),
            exposed_headers: texts(&["Content-Type"]),
            allow_credentials: true,
            options_passthrough: false,
            max_age: 0,
            debug: false,
        }
    }
}

/// The base URL, or what it most likely is when none was given: `https` unless in development without TLS.
pub(crate) fn base_url(given: Option<&Url>, host: &str, port: u16, tls: bool, dev: bool) -> Url {
    if let Some(url) = given {
        return url.clone();
    }
    let scheme = if tls || !dev { "https" } else { "http" };
    let host = if host == EVERYWHERE || host.is_empty() || host.starts_with("unix:") { "localhost" } else { host };
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
    Url::parse(&format!("{scheme}://{host}:{port}/"))
        .or_else(|_| Url::parse(&format!("{scheme}://localhost:{port}/")))
        .unwrap_or_else(|_| unreachable!("a scheme, `localhost` and a number make a URL"))
}
