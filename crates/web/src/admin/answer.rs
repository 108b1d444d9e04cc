//! What a door of the admin API answers: JSON, nothing, or a refusal. A few refusals have their particular words in
//! `message` instead of `reason`, and clients look there.

use crate::{
    caller::Caller,
    failure::{ErrorObject, Failure},
    respond,
};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use zelos_core::problem::Problem;

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(super) enum Refused {
    Problem(Problem),
    /// 400, with the particular words in `message`.
    Worded {
        message: String,
        reason: Option<&'static str>,
    },
}

impl Refused {
    /// 400 with these words in `message`.
    pub(super) fn worded(message: impl Into<String>) -> Self {
        Self::Worded { message: message.into(), reason: None }
    }

    fn failure(&self, caller: &Caller) -> Failure {
        match self {
            Self::Problem(problem) => Failure::of(problem, respond::audience(caller)),
            Self::Worded { message, reason } => {
                Failure::new(StatusCode::BAD_REQUEST, reason.unwrap_or_default()).message(message.clone())
            }
        }
    }

    /// In a line, for whoever reads no JSON.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Problem(problem) => problem.to_string(),
            Self::Worded { message, .. } => message,
        }
    }

    /// As one item of many.
    pub(super) fn into_object(self, caller: &Caller) -> ErrorObject {
        self.failure(caller).error
    }
}

impl<T: Into<Problem>> From<T> for Refused {
    fn from(problem: T) -> Self {
        Self::Problem(problem.into())
    }
}

/// An answer to what was asked.
#[derive(Debug)]
pub(super) struct Done {
    status: StatusCode,
    /// Rendered already; none for an answer without a body.
    body: Option<Box<RawValue>>,
    headers: HeaderMap,
}

impl Done {
    /// 200 with a body.
    pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self, Refused> {
        let body = serde_json::value::to_raw_value(value).map_err(Problem::bug)?;
        Ok(Self { status: StatusCode::OK, body: Some(body), headers: HeaderMap::new() })
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: HeaderMap::new() }
    }

    /// With another status.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With more headers.
    pub(super) fn with(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }
}

/// The answer, or the refusal.
pub(super) fn give(caller: &Caller, done: Result<Done, Refused>) -> Response {
    match done {
        Err(refused) => refused.failure(caller).into_response(),
        Ok(Done { status, body, headers }) => {
            let mut response = match body {
                Some(body) => respond::json(status, &body),
                None => respond::no_content(),
            };
            response.headers_mut().extend(headers);
            response
        }
    }
}
