//! The client itself. It is built when it is first used: reading the system's certificates would cost more than the rest
//! of a start.

use super::reach::{PrivateOnly, PublicResolver, Reach, Route};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION},
};
use std::{
    error::Error,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};
use url::Url;
use zelos_core::{
    config::clients::HttpClient as Settings,
    outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse},
    tls::{self, Roots, Verification},
};

const MOST_REDIRECTS: usize = 10;

/// Before the first repetition; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends requests over the network, as far as the configuration lets it reach.
#[derive(Debug)]
pub struct HttpClient {
    /// Replaced as a whole, so that a reload is obeyed by the next request.
    reach: RwLock<Arc<Reach>>,
    open: OnceLock<reqwest::Client>,
    guarded: OnceLock<reqwest::Client>,
}

fn reach(settings: &Settings) -> Arc<Reach> {
    Arc::new(Reach::new(settings.disallow_private_ip_ranges, &settings.private_ip_exception_urls))
}

/// One request of a chain of redirects.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

impl HttpClient {
    /// A client that obeys `clients.http`.
    pub fn new(settings: &Settings) -> Self {
        Self { reach: RwLock::new(reach(settings)), open: OnceLock::new(), guarded: OnceLock::new() }
    }

    /// Obeys other settings from the next request on, and from the next redirect of those under way.
    pub fn configure(&self, settings: &Settings) {
        *self.reach.write().unwrap_or_else(PoisonError::into_inner) = reach(settings);
    }

    fn route(&self, url: &Url) -> Route {
        let reach = Arc::clone(&self.reach.read().unwrap_or_else(PoisonError::into_inner));
        reach.route(url)
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        let (cell, guarded) = match self.route(url) {
            Route::Open => (&self.open, false),
            Route::Guarded => (&self.guarded, true),
            Route::Closed => return Err(forbidden(url)),
        };
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let client = build(guarded).map_err(OutboundError::Failed)?;
        Ok(cell.get_or_init(|| client))
    }

    async fn repeat(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let mut pause = FIRST_PAUSE;
        for _ in 0..request.retries {
            match self.follow(&request).await {
                Ok(response) if response.status.is_server_error() => {}
                Err(OutboundError::Failed(_)) => {}
                decided => return decided,
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2);
        }
        self.follow(&request).await
    }

    async fn follow(&self, request: &OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let OutboundRequest { method, url, headers, body, .. } = request.clone();
        let mut hop = Hop { method, url, headers, body };
        for _ in 0..=MOST_REDIRECTS {
            let response = self.once(&hop, request.max_body).await?;
            match location(&response) {
                Some(location) => hop = hop.redirected(response.status, location)?,
                None => return Ok(response),
            }
        }
        Err(OutboundError::Failed(format!("more than {MOST_REDIRECTS} redirects")))
    }

    async fn once(&self, hop: &Hop, max_body: usize) -> Result<OutboundResponse, OutboundError> {
        let explain = |error| explain(&error, &hop.url);
        let request = self.client(&hop.url)?.request(hop.method.clone(), hop.url.clone());
        let request = request.headers(hop.headers.clone()).body(hop.body.clone());
        let mut response = request.send().await.map_err(explain)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            if body.len() + chunk.len() > max_body {
                return Err(OutboundError::TooLarge(max_body));
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok(OutboundResponse { status, headers, body: body.freeze() })
    }
}

#[async_trait]
impl Outbound for HttpClient {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        tokio::time::timeout(request.timeout, self.repeat(request)).await.unwrap_or(Err(OutboundError::Timeout))
    }
}

impl Hop {
    /// The request that a redirect asks for: what was posted is not posted again unless the status says so, and what
    /// proves who we are stays with the server it was meant for.
    fn redirected(self, status: StatusCode, location: &str) -> Result<Self, OutboundError> {
        let Self { method, url, mut headers, body } = self;
        let next = url.join(location).map_err(|_| OutboundError::Failed("a redirect to nowhere".to_owned()))?;
        if next.scheme() != url.scheme() && next.scheme() != "https" {
            return Err(forbidden(&next));
        }
        if next.origin() != url.origin() {
            for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE] {
                headers.remove(name);
            }
            // A key has any name; whoever set it has marked it.
            let secret = |(name, value): (&HeaderName, &HeaderValue)| {
                (value.is_sensitive() && *name != CONTENT_TYPE).then(|| name.clone())
            };
            for name in headers.iter().filter_map(secret).collect::<Vec<_>>() {
                headers.remove(name);
            }
        }
        if matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
            return Ok(Self { method, url: next, headers, body });
        }
        for name in [CONTENT_TYPE, CONTENT_LENGTH] {
            headers.remove(name);
        }
        let method = if method == Method::HEAD { method } else { Method::GET };
        Ok(Self { method, url: next, headers, body: Bytes::new() })
    }
}

fn location(response: &OutboundResponse) -> Option<&str> {
    let redirects = matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers.get(LOCATION).filter(|_| redirects).and_then(|location| location.to_str().ok())
}

#[expect(clippy::disallowed_methods, reason = "the one home of outgoing HTTP")]
fn build(guarded: bool) -> Result<reqwest::Client, String> {
    let mut tls = tls::client_config(Verification::Full(Roots::system()), None).map_err(|error| error.to_string())?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("Zelos/", env!("CARGO_PKG_VERSION")));
    // A proxy would resolve names with a resolver of its own.
    let client = if guarded { client.no_proxy().dns_resolver(Arc::new(PublicResolver)) } else { client };
    client.build().map_err(|error| error.to_string())
}

fn forbidden(url: &Url) -> OutboundError {
    OutboundError::Forbidden(url.host_str().unwrap_or_default().to_owned())
}

/// Says what went wrong without the URL, which may hold secrets.
fn explain(error: &reqwest::Error, url: &Url) -> OutboundError {
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    if causes.any(<dyn Error>::is::<PrivateOnly>) {
        return forbidden(url);
    }
    if error.is_timeout() {
        return OutboundError::Timeout;
    }
    let root = std::iter::successors(error.source(), |cause| (*cause).source()).last();
    OutboundError::Failed(root.map_or_else(|| "the request could not be made".to_owned(), ToString::to_string))
}
