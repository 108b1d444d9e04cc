//! Outgoing HTTP as operators see it: counted. Around whatever sends it, so that nothing leaves uncounted.

use async_trait::async_trait;
use std::sync::Arc;
use tokio::time::Instant;
use zelos_core::{
    measure::Measures,
    outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse},
};

/// Counts what it passes on.
pub(crate) struct Observed {
    pub(crate) inner: Arc<dyn Outbound>,
    pub(crate) measures: Arc<Measures>,
}

#[async_trait]
impl Outbound for Observed {
    async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
        let began = Instant::now();
        let answer = self.inner.send(request).await;
        self.measures.outbound_time.time(began.elapsed());
        self.measures.outbound.count([name(&answer)]);
        answer
    }
}

fn name(answer: &Result<OutboundResponse, OutboundError>) -> &'static str {
    match answer {
        Ok(response) => match response.status.as_u16() / 100 {
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "other",
        },
        Err(OutboundError::Forbidden(_)) => "forbidden",
        Err(OutboundError::Timeout) => "timeout",
        Err(OutboundError::TooLarge(_)) => "too_large",
        Err(OutboundError::Failed(_)) => "failed",
    }
}
