//! What runs around each request: bounds on time, the client's address for the web crate, and the line in the log.

use super::{
    connection::{Activity, Limits},
    response::{Account, Room, Unsent},
};
use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::Service as _;
use tracing::level_filters::LevelFilter;
use zelos_web::Peer;

/// How requests of one server are logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestLine {
    /// `public` or `admin`.
    pub(crate) server: &'static str,
    /// Health checks go to the level `trace`; on the admin server so do metrics.
    pub(crate) silent_health: bool,
    /// Queries are shown, with the codes and tokens in them.
    pub(crate) leaks: bool,
}

/// The requests of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    pub(crate) router: axum::Router,
    pub(crate) peer: Peer,
    pub(crate) activity: Arc<Activity>,
    pub(crate) account: Arc<Account>,
    pub(crate) limits: Limits,
    pub(crate) line: RequestLine,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let running = self.activity.begin();
        let limits = self.limits;
        let line = self.line.of(&request);
        let mut request = request.map(|body| {
            if body.is_end_stream() { Body::empty() } else { Body::new(TimedBody::new(body, limits.body)) }
        });
        request.extensions_mut().insert(self.peer);
        let mut router = self.router.clone();
        let account = Arc::clone(&self.account);
        let version = request.version();
        Box::pin(async move {
            let began = Instant::now();
            let answered = async {
                let room = account.room().await?;
                let response = router.call(request).await.unwrap_or_else(|never| match never {});
                held(response, version, &account, room).await
            };
            let response = timeout(limits.answer, answered).await.ok().flatten().unwrap_or_else(unavailable);
            if let Some(line) = line {
                line.write(response.status(), began.elapsed());
            }
            drop(running);
            Ok(response)
        })
    }
}

/// The response, with what it holds until it is read; none if there is no room for it.
async fn held(
    response: Response<Body>,
    version: Version,
    account: &Arc<Account>,
    room: Room,
) -> Option<Response<Body>> {
    let (parts, body) = response.into_parts();
    if body.is_end_stream() {
        return Some(Response::from_parts(parts, body));
    }
    // All our bodies are there as a whole: nothing is copied.
    let body = body.collect().await.ok()?.to_bytes();
    let held = account.take(room, body.len()).await?;
    Some(Response::from_parts(parts, Body::new(Unsent::new(body, version, held))))
}

/// It took too long, or the client does not read what it asked for before.
fn unavailable() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    zelos_web::add_security_headers(response.headers_mut());
    response
}

/// What is known of a request before it is answered. Not the query, unless that is wanted: it holds codes and tokens.
struct Line {
    server: &'static str,
    method: Method,
    path: String,
    silent: bool,
}

impl RequestLine {
    fn of(self, request: &Request<Incoming>) -> Option<Line> {
        let path = request.uri().path();
        let silent = self.silent_health && self.is_health(path);
        // Not `enabled!`: where layers have filters of their own it may swallow the event that comes next.
        let wanted = LevelFilter::current() >= if silent { LevelFilter::TRACE } else { LevelFilter::INFO };
        let query = request.uri().query().filter(|_| self.leaks).map(|query| format!("?{query}")).unwrap_or_default();
        let path = || format!("{path}{query}");
        wanted.then(|| Line { server: self.server, method: request.method().clone(), path: path(), silent })
    }

    fn is_health(self, path: &str) -> bool {
        let path = path.strip_prefix("/admin").unwrap_or(path);
        path == "/health/alive" || path == "/health/ready" || (self.server == "admin" && path == "/metrics/prometheus")
    }
}

impl Line {
    fn write(self, status: StatusCode, took: Duration) {
        let Self { server, method, path, silent } = self;
        let (status, took_us) = (status.as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        if silent {
            tracing::trace!(server, %method, path, status, took_us, "request");
        } else {
            tracing::info!(server, %method, path, status, took_us, "request");
        }
    }
}

/// A body that has to arrive in time.
struct TimedBody {
    body: Incoming,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, limit, timer: None }
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Some(Err("the body did not arrive in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
