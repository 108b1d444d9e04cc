//! Everything about a request but its body, read once: handlers take a [`Caller`].

use crate::{
    address,
    admin::door::SeesCredentials,
    app::App,
    client::{self, Client, Peer, text},
    cookies, csrf, device,
    public::mailbox,
};
use axum::extract::{ConnectInfo, FromRequestParts};
use http::{HeaderMap, header, request::Parts};
use serde_json::{Map, Value};
use std::{convert::Infallible, net::SocketAddr, sync::Arc};
use url::form_urlencoded;
use zelos_flow::{
    Compiled, Request,
    audit::{self, Actor, Happened},
    csrf::Secret,
};
use zelos_store::Batch;

/// A request as the rules and the answers see it.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The configuration this request began with.
    pub(crate) snapshot: Arc<Compiled>,
    /// What the rules may know.
    pub(crate) request: Request,
    pub(crate) client: Client,
    /// The session cookie, if one came that we can read.
    pub(crate) session_cookie: Option<cookies::SessionCookie>,
    /// `X-Request-ID` as it came.
    pub(crate) request_id: Option<String>,
    /// A script of a page asks (`Sec-Fetch-Mode`).
    pub(crate) is_script: bool,
    /// The anti-CSRF secret that a browser without one gets with this answer.
    pub(crate) fresh_csrf: Option<Secret>,
    /// The mailbox of development opens to it.
    pub(crate) sees_mailbox: bool,
    /// The admin API shows it the secrets of credentials.
    pub(crate) sees_credentials: bool,
    query: Option<String>,
}

impl Caller {
    /// Reads the head of a request.
    pub(crate) fn of(app: &App, parts: &Parts) -> Self {
        let snapshot = app.engine.snapshot();
        let headers = &parts.headers;
        let peer = peer(parts);
        let actor: Actor = parts.extensions.get().cloned().unwrap_or_default();
        let (public, admin) = (&snapshot.serve.public, &snapshot.serve.admin);
        let proxies = match actor {
            Actor::Oneself => (public.trusted_proxies.as_slice(), &public.client_ip_header),
            Actor::Admin(_) => (admin.trusted_proxies.as_slice(), &admin.client_ip_header),
        };
        let remote = address::remote(peer, headers, proxies);
        let mut csrf = csrf::secrets(&snapshot, headers);
        let session_cookie = cookies::session(&snapshot, app.engine.clock.now(), headers);
        let fetch_mode = text(headers, "sec-fetch-mode").unwrap_or_default();
        let request = Request {
            url: client::request_url(&snapshot, peer, headers, &parts.uri),
            ip_address: remote.ip_address,
            user_agent: text(headers, header::USER_AGENT.as_str()).unwrap_or_default().to_owned(),
            actor,
            location: remote.location,
            token: cookies::session_token(headers, session_cookie.as_ref()),
            csrf: csrf.next(),
            csrf_also: csrf.collect(),
            known: device::known(&snapshot, headers, app.engine.clock.now()),
            has_cookies: headers.contains_key(header::COOKIE),
            has_foreign_cookies: cookies::are_foreign(headers),
            has_origin: headers.contains_key(header::ORIGIN),
            is_link: false,
            headers: Map::new(),
        };
        Self {
            request,
            client: Client::of(headers),
            session_cookie,
            request_id: text(headers, "x-request-id").map(ToOwned::to_owned),
            is_script: matches!(fetch_mode, "cors" | "same-origin"),
            fresh_csrf: parts.extensions.get().map(|csrf::Fresh(secret)| *secret),
            sees_credentials: parts.extensions.get::<SeesCredentials>().is_some(),
            sees_mailbox: mailbox::is_open(&snapshot, peer, headers),
            query: parts.uri.query().map(ToOwned::to_owned),
            snapshot,
        }
    }

    /// Lets the rules see the headers that mails and hooks may speak of.
    pub(crate) fn keep_headers(&mut self, headers: &HeaderMap) {
        for name in &self.snapshot.clients.web_hook.header_allowlist {
            let values: Vec<Value> =
                headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(Value::from).collect();
            if !values.is_empty() {
                self.request.headers.insert(name.clone(), Value::Array(values));
            }
        }
    }

    /// Writes into the audit log, with the batch, what this request does.
    pub(crate) fn record<'a>(&self, app: &App, batch: &mut Batch, happened: impl IntoIterator<Item = Happened<'a>>) {
        audit::record(&app.engine.cx(&self.snapshot, &self.request), batch, happened);
    }

    /// The members of the query, in order.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_deref().unwrap_or_default().as_bytes()).into_owned().collect()
    }

    /// The first member of the query with that name.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        let query = self.query.as_deref()?.as_bytes();
        form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self::of(app, parts))
    }
}

fn peer(parts: &Parts) -> Option<Peer> {
    let connected = || parts.extensions.get().map(|ConnectInfo::<SocketAddr>(address)| *address);
    parts.extensions.get().copied().or_else(|| connected().map(|address| Peer { address: Some(address), tls: false }))
}
