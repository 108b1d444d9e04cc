//! Security headers of every answer. An answer that has its own, as pages do, keeps them.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// For answers that are no page: nothing in them runs, loads or is framed, should a browser be led to show one.
const ANSWER: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // Addresses hold ids of flows and tokens of links. Not `no-referrer`, with which browsers send `Origin: null` where a
    // form is redirected.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// Adds to an answer the security headers that it lacks.
pub fn add_security_headers(headers: &mut HeaderMap) {
    for (name, value) in ANSWER {
        headers.entry(name).or_insert(value);
    }
}
