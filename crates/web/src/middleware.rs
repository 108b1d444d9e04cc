//! What stands around every request, in one function for each server: fewer layers, and the order can be read.
//!
//! Outermost first: measuring, panics, CORS, anti-CSRF, unclean paths, the router; on the way back what all answers
//! have in common.

use crate::{
    admin::door,
    app::App,
    cors::CrossOrigin,
    csrf::{self, Fresh, Guard},
    failure::{Audience, Failure},
    headers,
    metrics::{self, Answered},
    respond, trace,
};
use axum::{
    body::{Body, HttpBody as _},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use std::{panic::AssertUnwindSafe, sync::Arc};
use tokio::time::Instant;
use tracing::{Instrument, Span};
use zelos_core::{problem::Problem, snapshot::Snapshot};

const NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache, no-store, must-revalidate");
/// So much of a request's id is logged.
const MAX_REQUEST_ID: usize = 128;
const PLAIN: &str = "text/plain; charset=utf-8";

/// Around the public server.
pub(crate) async fn public(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let call = Call::begin(&request);
    let snapshot = app.engine.snapshot();
    let cors = CrossOrigin::of(&snapshot, request.headers());
    if let Some(answer) = cors.as_ref().and_then(|cors| cors.preflight(&call.method, request.headers())) {
        return call.finish(&app, answer);
    }
    let guard = Guard::of(request.method(), request.uri().path());
    let (fresh, refusal) = guarded(&app, &snapshot, guard, &request);
    if let Some(secret) = fresh {
        request.extensions_mut().insert(secret);
    }
    let mut response = match refusal {
        Some(refusal) => refusal,
        None => call.run(request, next).await,
    };
    let headers = response.headers_mut();
    if guard != Guard::Off {
        headers.append(header::VARY, HeaderValue::from_static("Cookie"));
    }
    if let Some(Fresh(secret)) = fresh
        && !csrf::is_handed_out(&snapshot, headers)
    {
        headers.extend(csrf::hand_out(&snapshot, &secret).map(|cookie| (header::SET_COOKIE, cookie)));
    }
    if let Some(cors) = cors {
        cors.write(headers);
    }
    call.finish(&app, response)
}

/// Around the admin server.
pub(crate) async fn admin(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let call = Call::begin(&request);
    let passed = door::pass(&app.engine.snapshot(), &request);
    let response = match passed {
        Err(refusal) => *refusal,
        Ok(admitted) => {
            admitted.mark(&mut request);
            call.run(request, next).await
        }
    };
    call.finish(&app, response)
}

/// Where there is nothing.
pub(crate) async fn unknown() -> Response {
    not_found()
}

/// The answer where there is nothing.
pub(crate) fn not_found() -> Response {
    respond::body(StatusCode::NOT_FOUND, PLAIN, "404 page not found\n")
}

/// A secret for a browser without one, and the refusal of what changes something without a token.
fn guarded(app: &App, snapshot: &Snapshot, guard: Guard, request: &Request) -> (Option<Fresh>, Option<Response>) {
    if guard != Guard::On {
        return (None, None);
    }
    let secrets: Vec<_> = csrf::secrets(snapshot, request.headers()).collect();
    let fresh = secrets.is_empty().then(|| Fresh(zelos_flow::csrf::generate(&*app.engine.rng)));
    let refusal = csrf::check(request.method(), request.headers(), &secrets).err().map(|reason| {
        let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let is_script = matches!(text("sec-fetch-mode"), Some("cors" | "same-origin"));
        let to = Audience { request_id: text("x-request-id"), is_script };
        Failure::of(&Problem::Csrf(reason), to).into_response()
    });
    (fresh, refusal)
}

async fn run(request: Request, next: Next) -> Response {
    if *request.method() != Method::CONNECT
        && let Some(clean) = clean(request.uri())
    {
        return respond::redirect(StatusCode::TEMPORARY_REDIRECT, &clean);
    }
    // Whatever is logged on the way can be found by the id that the caller, or a proxy, gave the request.
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok());
    let id: Option<String> = id.map(|id| id.chars().take(MAX_REQUEST_ID).collect());
    let span = id.map_or_else(Span::none, |id| tracing::info_span!("request", id));
    match AssertUnwindSafe(next.run(request).instrument(span)).catch_unwind().await {
        Ok(response) => response,
        // The panic hook has logged where.
        Err(_) => Failure::of(&Problem::bug("a handler panicked"), Audience::default()).into_response(),
    }
}

/// The address with a clean path, if it is not clean as it stands.
fn clean(uri: &Uri) -> Option<String> {
    let clean = clean_path(uri.path())?;
    Some(match uri.query() {
        Some(query) => format!("{clean}?{query}"),
        None => clean,
    })
}

/// The path without doubled slashes and dot segments, as Go's router redirects to it; none if it has none.
pub(crate) fn clean_path(path: &str) -> Option<String> {
    let parts = || path.split('/').skip(1);
    let last = parts().count().saturating_sub(1);
    if !parts().enumerate().any(|(index, part)| matches!(part, "." | "..") || (part.is_empty() && index != last)) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for part in parts() {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    // Browsers read a backslash as a slash: two in front would name a host.
    let mut clean = format!("/{}", kept.join("/")).replace('\\', "%5C");
    if path.ends_with('/') && clean != "/" {
        clean.push('/');
    }
    Some(clean)
}

/// A request under way.
struct Call {
    began: Instant,
    method: Method,
    endpoint: Option<MatchedPath>,
    /// In bytes, about.
    size: u64,
    span: Span,
}

impl Call {
    fn begin(request: &Request) -> Self {
        let endpoint = request.extensions().get::<MatchedPath>().cloned();
        Self {
            began: Instant::now(),
            method: request.method().clone(),
            span: trace::span(request, endpoint.as_ref().map_or("", MatchedPath::as_str)),
            endpoint,
            size: metrics::size(request.method(), request.uri(), request.headers()),
        }
    }

    async fn run(&self, request: Request, next: Next) -> Response {
        run(request, next).instrument(self.span.clone()).await
    }

    /// What all answers have in common.
    fn finish(self, app: &App, mut response: Response) -> Response {
        if self.method == Method::GET {
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(NO_CACHE);
        }
        headers::add_security_headers(response.headers_mut());
        trace::answered(&self.span, response.status());
        app.metrics.count(&Answered {
            code: response.status().as_u16(),
            method: &self.method,
            endpoint: self.endpoint.as_ref().map_or("", MatchedPath::as_str),
            took: self.began.elapsed(),
            asked: self.size,
            answered: response.body().size_hint().lower(),
        });
        response
    }
}

/// Gives the refusal of a wrong method its words, with the right ones sorted. Any other answer stays as it is.
pub(crate) fn finish_refusal(mut response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allowed = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    let mut methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|method| !method.is_empty()).collect();
    methods.sort_unstable();
    methods.dedup();
    let allowed = methods.join(", ");
    *response.body_mut() = Body::from("Method Not Allowed\n");
    response.headers_mut().remove(header::CONTENT_LENGTH);
    respond::set(&mut response, "allow", allowed);
    respond::set(&mut response, "content-type", HeaderValue::from_static(PLAIN));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclean_paths_have_a_clean_form() {
        for (path, clean) in [
            ("//health/alive", "/health/alive"),
            ("/a//b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/../../b/", "/b/"),
            ("/a/..", "/"),
            ("//", "/"),
            ("//evil.example/x", "/evil.example/x"),
            ("/./\\evil.example", "/%5Cevil.example"),
            ("/a/b//", "/a/b/"),
        ] {
            assert_eq!(clean_path(path).as_deref(), Some(clean), "{path}");
        }
        for path in ["/", "/a", "/a/", "/a/b.c", "/...", "/a/..b", "*", ""] {
            assert_eq!(clean_path(path), None, "{path}");
        }
    }
}
