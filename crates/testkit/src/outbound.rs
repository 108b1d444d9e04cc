//! Outgoing HTTP as a test scripts it: what is asked is written down, what is answered was said before.

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use std::sync::{Mutex, PoisonError};
use zelos_core::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};

/// Answers requests whose URL starts with a known prefix; any other fails.
#[derive(Debug, Default)]
pub struct ScriptedOutbound {
    answers: Mutex<Vec<(String, u16, String)>>,
    asked: Mutex<Vec<OutboundRequest>>,
}

impl ScriptedOutbound {
    /// From now on, requests to addresses that start with `prefix` are answered so.
    pub fn answer(&self, prefix: &str, status: u16, body: &str) {
        let answer = (prefix.to_owned(), status, body.to_owned());
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
    }

    /// The addresses that were asked, in order.
    pub fn asked(&self) -> Vec<String> {
        self.requests().iter().map(|request| request.url.to_string()).collect()
    }

    /// The same with all that was said.
    pub fn requests(&self) -> Vec<OutboundRequest> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Outbound for ScriptedOutbound {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let url = request.url.to_string();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, status, body) = answers
            .iter()
            .rev()
            .find(|(prefix, ..)| url.starts_with(prefix.as_str()))
            .ok_or_else(|| OutboundError::Failed("nothing was scripted for this address".to_owned()))?;
        Ok(OutboundResponse {
            status: StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: HeaderMap::new(),
            body: Bytes::from(body.clone()),
        })
    }
}
