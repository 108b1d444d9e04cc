//! Cross-origin access for scripts of other sites, as an operator allows it. Origins may change without a restart, so
//! they are read from the configuration of each request.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use zelos_core::{
    config::serve::{Cors, CorsMethod},
    snapshot::Snapshot,
};

/// What a request's origin may do; made only if CORS is on.
#[derive(Debug)]
pub(crate) struct CrossOrigin<'a> {
    rules: &'a Cors,
    /// As sent, if it is allowed.
    allowed: Option<HeaderValue>,
}

impl<'a> CrossOrigin<'a> {
    /// Judges the origin; none if CORS is off.
    pub(crate) fn of(snapshot: &'a Snapshot, headers: &HeaderMap) -> Option<Self> {
        let rules = &snapshot.serve.public.cors;
        if !rules.enabled {
            return None;
        }
        let origin = headers.get(header::ORIGIN);
        let wide = snapshot.feature_flags.legacy_allow_insecure_origins;
        let is_allowed = |origin: &&HeaderValue| origin.to_str().is_ok_and(|text| rules.allows(text, wide));
        Some(Self { rules, allowed: origin.filter(is_allowed).cloned() })
    }

    /// The answer to a preflight; none if the request is none, or if preflights are passed on.
    pub(crate) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if *method != Method::OPTIONS || self.rules.options_passthrough {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        answer.append(
            header::VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(origin) = &self.allowed
            && self.allows_method(wanted)
            && self.allows_headers(asked)
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, wanted.clone());
            answer.extend(asked.map(|names| (header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone())));
            self.write_credentials(answer);
            if self.rules.max_age > 0 {
                answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.rules.max_age));
            }
        }
        Some(response)
    }

    /// Adds to any other answer what lets the origin's script read it.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = &self.allowed else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if let Ok(exposed) = HeaderValue::try_from(self.rules.exposed_headers.join(", "))
            && !exposed.is_empty()
        {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        self.write_credentials(headers);
    }

    fn write_credentials(&self, headers: &mut HeaderMap) {
        if self.rules.allow_credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    fn allows_method(&self, wanted: &HeaderValue) -> bool {
        let wanted = wanted.as_bytes();
        wanted == b"OPTIONS" || self.rules.allowed_methods.iter().any(|method| name(*method).as_bytes() == wanted)
    }

    fn allows_headers(&self, asked: Option<&HeaderValue>) -> bool {
        let allowed = &self.rules.allowed_headers;
        let Some(asked) = asked.and_then(|names| names.to_str().ok()) else { return true };
        asked.split(',').map(str::trim).filter(|name| !name.is_empty()).all(|name| {
            name.eq_ignore_ascii_case("origin")
                || HeaderName::try_from(name).is_ok()
                    && allowed.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(name))
        })
    }
}

fn name(method: CorsMethod) -> &'static str {
    match method {
        CorsMethod::Post => "POST",
        CorsMethod::Get => "GET",
        CorsMethod::Put => "PUT",
        CorsMethod::Patch => "PATCH",
        CorsMethod::Delete => "DELETE",
        CorsMethod::Connect => "CONNECT",
        CorsMethod::Head => "HEAD",
        CorsMethod::Options => "OPTIONS",
        CorsMethod::Trace => "TRACE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spa(rules: &Cors) -> CrossOrigin<'_> {
        CrossOrigin { rules, allowed: Some(HeaderValue::from_static("https://spa.example.org")) }
    }

    fn preflight(method: &'static str, names: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static(method));
        headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(names));
        headers
    }

    #[test]
    fn a_preflight_hears_what_it_may() {
        let rules = Cors { enabled: true, max_age: 60, ..Cors::default() };
        let answer = spa(&rules).preflight(&Method::OPTIONS, &preflight("GET", "x-session-token, origin")).unwrap();
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://spa.example.org");
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], "GET");
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS], "x-session-token, origin");
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer.headers()[header::ACCESS_CONTROL_MAX_AGE], "60");
        for (method, names) in [("TRACE", ""), ("GET", "x-other"), ("get", "")] {
            let answer = spa(&rules).preflight(&Method::OPTIONS, &preflight(method, names)).unwrap();
            assert!(!answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{method} {names}");
        }
        let stranger = CrossOrigin { rules: &rules, allowed: None };
        let answer = stranger.preflight(&Method::OPTIONS, &preflight("GET", "")).unwrap();
        assert!(!answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(spa(&rules).preflight(&Method::OPTIONS, &HeaderMap::new()).is_none());
        assert!(spa(&rules).preflight(&Method::GET, &preflight("GET", "")).is_none());
    }

    #[test]
    fn other_answers_say_who_may_read_them() {
        let rules = Cors { enabled: true, ..Cors::default() };
        let mut headers = HeaderMap::new();
        spa(&rules).write(&mut headers);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://spa.example.org");
        assert_eq!(headers[header::ACCESS_CONTROL_EXPOSE_HEADERS], "Content-Type");
        assert_eq!(headers[header::VARY], "Origin");
    }
}
