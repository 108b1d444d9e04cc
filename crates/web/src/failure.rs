//! What goes wrong, as the wire puts it: status, id, words and details of every [`Problem`], once for all doors.
//!
//! Clients decide by `code` and `id`; the words are ours. Nothing that happens inside is told: a bug is logged with its
//! chain of causes, its caller learns only that there was one.

use crate::json;
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{borrow::Cow, time::Duration};
use time::format_description::well_known::Rfc3339;
use zelos_core::{
    continue_with::ContinueWith,
    flow::Kind,
    problem::{CsrfReason, Expired, NoSession, Problem, Replaced},
};

/// A problem in the words of the wire.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    /// The object under `error`.
    pub(crate) error: ErrorObject,
    /// What stands beside `error`.
    beside: Map<String, Value>,
    retry_after: Option<Duration>,
}

/// The members of an error, in the order of the wire.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ErrorObject {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'static str>,
    code: u16,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Map::is_empty")]
    details: Map<String, Value>,
    message: Cow<'static, str>,
}

/// Who gets to see it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Audience<'a> {
    /// `X-Request-ID` as it came: told back.
    pub(crate) request_id: Option<&'a str>,
    /// A script asked, not a page: the advice differs.
    pub(crate) is_script: bool,
}

/// Clients compare these words to tell "signed out" from other refusals.
const NO_SESSION: &str = "No valid session credentials found in the request.";

/// Where developers read on about forged requests.
const CSRF_DOCS: &str =
    "https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html";

impl Failure {
    /// Finds the words, and logs what is our fault or our operator's.
    pub(crate) fn of(problem: &Problem, to: Audience<'_>) -> Self {
        log(problem);
        Self::put(problem, to.is_script).told(to)
    }

    fn put(problem: &Problem, is_script: bool) -> Self {
        let new = |code, reason: &str| Self::new(code, reason);
        match problem {
            Problem::Expired(expired) => Self::expired(expired),
            Problem::Replaced(replaced) => Self::replaced(replaced),
            Problem::Unverified { next, .. } => {
                let hint = ContinueWith::ShowVerificationUi { flow: (**next).clone() };
                // Quirk: the status is 403, the code in the body 400 (Kratos selfservice/hook/require_verified_address.go).
                let failure = new(StatusCode::BAD_REQUEST, "The address must be proven first: look into your mail.");
                let failure = failure.id("session_verified_address_required").detail("continue_with", json!([hint]));
                Self { status: StatusCode::FORBIDDEN, ..failure }
            }
            // The engine has made another flow of it.
            Problem::StartAgain { text, .. } => new(StatusCode::BAD_REQUEST, &text.text),
            Problem::NeedsReauth { to } => {
                new(StatusCode::FORBIDDEN, "The last proof is too old for this: prove yourself again.")
                    .id("session_refresh_required")
                    .beside("redirect_browser_to", to.as_str())
            }
            Problem::StepUp { built, to } => new(StatusCode::FORBIDDEN, "The session needs a second factor for this.")
                .id("session_aal2_required")
                .detail("redirect_browser_to", built.as_str())
                .beside("redirect_browser_to", to.as_str()),
            Problem::NoSession(door) => Self::no_session(*door),
            Problem::AlreadySignedIn { .. } => {
                new(StatusCode::BAD_REQUEST, "Somebody is signed in already.").id("session_already_available")
            }
            Problem::Csrf(reason) => Self::csrf(*reason, is_script),
            Problem::Form(_) => new(StatusCode::BAD_REQUEST, "What was sent does not fit."),
            Problem::Bad { id, reason } => new(StatusCode::BAD_REQUEST, reason).id(*id),
            Problem::Unauthorized { id, reason } => new(StatusCode::UNAUTHORIZED, reason).id(*id),
            Problem::Forbidden { id, reason } => new(StatusCode::FORBIDDEN, reason).id(*id),
            Problem::NotFound(reason) => new(StatusCode::NOT_FOUND, reason),
            Problem::Conflict(reason) => new(StatusCode::CONFLICT, reason),
            Problem::Raced => new(StatusCode::CONFLICT, "Another request changed the same thing: try again."),
            Problem::Exhausted => new(StatusCode::TOO_MANY_REQUESTS, "Too many attempts: try again later."),
            Problem::TooLarge => new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The body is too large: 64 KiB are the most for login, recovery and verification, 5 MiB elsewhere.",
            ),
            Problem::Busy { retry_after } => {
                new(StatusCode::TOO_MANY_REQUESTS, "Too much work waits: try again in a moment.").after(*retry_after)
            }
            Problem::Unavailable(_) => {
                new(StatusCode::SERVICE_UNAVAILABLE, "The database cannot be reached at the moment.")
                    .after(Duration::from_secs(1))
            }
            Problem::Misconfigured(reason) => {
                new(StatusCode::INTERNAL_SERVER_ERROR, reason).id("invalid_configuration")
            }
            Problem::Upstream(reason) => new(StatusCode::BAD_GATEWAY, reason).id("upstream_error"),
            Problem::Bug(_) => new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something went wrong here; the operator can find it in the log.",
            ),
        }
    }

    /// A status with words of its own.
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        let error = ErrorObject {
            code: status.as_u16(),
            status: status.canonical_reason().unwrap_or_default(),
            reason: reason.into(),
            message: message(status).into(),
            ..ErrorObject::default()
        };
        Self { status, error, beside: Map::new(), retry_after: None }
    }

    /// A script cannot go on by itself: its browser has to load that address.
    pub(crate) fn location_change(to: &str, request_id: Option<&str>) -> Self {
        let mut failure =
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The browser has to go on at redirect_browser_to.")
                .id("browser_location_change_required")
                .beside("redirect_browser_to", to);
        failure.error.request = request_id.map(ToOwned::to_owned);
        failure
    }

    /// Tells the request's id back.
    pub(crate) fn told(mut self, to: Audience<'_>) -> Self {
        self.error.request = to.request_id.map(ToOwned::to_owned);
        self
    }

    /// Says it in `message`, where some doors of the admin API have the particular words.
    pub(crate) fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.error.message = message.into();
        self
    }

    /// Adds a detail.
    pub(crate) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error.details.insert(name.to_owned(), value.into());
        self
    }

    fn id(mut self, id: impl Into<Option<&'static str>>) -> Self {
        self.error.id = id.into();
        self
    }

    fn beside(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.beside.insert(name.to_owned(), value.into());
        self
    }

    fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    fn no_session(door: NoSession) -> Self {
        let failure = Self::new(StatusCode::UNAUTHORIZED, NO_SESSION);
        match door {
            NoSession::WithoutId => failure,
            NoSession::Plain => failure.id("session_inactive"),
            // Quirk: an unnamed field of the original's error is on the wire here (Kratos session/manager.go).
            NoSession::ForSettings => failure.id("session_inactive").beside("CredentialsMissing", false),
            NoSession::ForSecondFactor => {
                Self::new(StatusCode::UNAUTHORIZED, "A second factor can be asked only of somebody who is signed in.")
                    .id("session_aal1_required")
            }
        }
    }

    fn csrf(reason: CsrfReason, is_script: bool) -> Self {
        let hint = if is_script {
            "A script sent this: check that it sends cookies (credentials: include) and that CORS allows its origin."
        } else {
            "A page or a server sent this: check that the browser's cookies come with it unchanged."
        };
        Self::new(
            StatusCode::FORBIDDEN,
            "The request does not prove that it comes from the page it claims to come from. Start again; if that does \
             not help, delete the cookies of this site.",
        )
        .id("security_csrf_violation")
        .detail("docs", CSRF_DOCS)
        .detail("hint", hint)
        .detail("reject_reason", format!("{reason}."))
    }

    fn expired(expired: &Expired) -> Self {
        let mut failure = Self::new(StatusCode::GONE, "The flow has expired: start a new one.");
        let replaced = expired.replacement.is_some();
        let named = match expired.kind {
            _ if replaced => true,
            Kind::Login | Kind::Registration => true,
            // Quirk: whether an expired flow that is only read has an id depends on its kind (Kratos
            // selfservice/flow/{recovery,settings,verification}/handler.go).
            Kind::Recovery => expired.details.get("api").is_some(),
            Kind::Settings | Kind::Verification => false,
        };
        failure.error.id = named.then_some("self_service_flow_expired");
        if let Value::Object(details) = &expired.details {
            // The replacement says where to go: the way to a fresh flow is told only without one.
            failure.error.details = if replaced { Map::new() } else { details.clone() };
        }
        if !expired.continue_with.is_empty() {
            failure = failure.detail("continue_with", json!(expired.continue_with));
        }
        if let Some(id) = expired.replacement {
            let since = u64::try_from(expired.since.as_nanos()).unwrap_or(u64::MAX);
            failure = failure
                .beside("expired_at", expired.expired_at.format(&Rfc3339).unwrap_or_default())
                .beside("since", since)
                .beside("use_flow_id", id.to_string());
        }
        failure
    }

    /// Another flow took the place of this one. Programs that go on by hints get one, others the id.
    fn replaced(replaced: &Replaced) -> Self {
        if replaced.continue_with.is_empty() {
            return Self::new(StatusCode::GONE, &replaced.reason)
                .id("self_service_flow_replaced")
                .beside("use_flow_id", replaced.by.to_string());
        }
        Self::new(StatusCode::BAD_REQUEST, &replaced.reason).detail("continue_with", json!(replaced.continue_with))
    }

    /// The answer in JSON.
    pub(crate) fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Container<'a> {
            error: &'a ErrorObject,
            #[serde(flatten)]
            beside: &'a Map<String, Value>,
        }
        let body = json::to_bytes(&Container { error: &self.error, beside: &self.beside }).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            HeaderName::from_static("ory-error-id"),
            HeaderValue::from_static(self.error.id.unwrap_or_default()),
        );
        if let Some(after) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

fn message(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "The request makes no sense.",
        401 => "Nobody who may do this is signed in.",
        403 => "This is not allowed.",
        404 => "There is nothing here.",
        409 => "This clashes with something that exists.",
        410 => "This is no longer available.",
        413 => "The request is too large.",
        422 => "A browser has to go on elsewhere.",
        429 => "There are too many requests.",
        502 => "Another server failed.",
        503 => "The service is not available.",
        _ => "An error happened on the server.",
    }
}

fn log(problem: &Problem) {
    match problem {
        Problem::Bug(error) => tracing::error!(error = format!("{error:#}"), "a request met a bug"),
        Problem::Misconfigured(reason) => tracing::error!(reason, "the configuration asks for something impossible"),
        Problem::Upstream(reason) => tracing::warn!(reason, "another server failed"),
        Problem::Unavailable(reason) => tracing::warn!(reason, "the database is not available"),
        _ => {}
    }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
