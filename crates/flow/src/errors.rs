//! Errors that people get to see: in the form they sent, or on the error page, for which they are kept under an id.

use crate::engine::Engine;
use serde_json::Value;
use std::str::FromStr;
use zelos_core::{
    id::ErrorId,
    problem::{Problem, Result},
    text::{FieldText, catalog},
};
use zelos_store::{
    Batch,
    errors::{self, ErrorContainer},
};

/// What a form can show of a problem: its own texts, or the reason of a request that makes no sense.
pub(crate) fn form_texts(problem: Problem) -> Result<Vec<FieldText>> {
    match problem {
        Problem::Form(texts) => Ok(texts),
        Problem::Bad { reason, .. } => Ok(vec![FieldText::form(catalog::invalid(reason))]),
        other => Err(other),
    }
}

/// The same problem once more: an input is judged again when a race was lost.
pub(crate) fn unreadable(problem: &Problem) -> Problem {
    match problem {
        Problem::TooLarge => Problem::TooLarge,
        other => Problem::bad(other.to_string()),
    }
}

impl Engine {
    /// Keeps an error (the members of herodot's object, without an envelope) and says under which id.
    pub async fn remember_error(&self, error: &Value) -> Result<ErrorId> {
        let id = ErrorId(self.rng.uuid_v4());
        let mut batch = Batch::new();
        errors::insert(&mut batch, id, error, self.clock.now());
        self.store.commit(batch).await?;
        Ok(id)
    }

    /// The error kept under that id.
    pub async fn error(&self, id: &str) -> Result<Option<ErrorContainer>> {
        let Ok(id) = ErrorId::from_str(id) else { return Ok(None) };
        Ok(errors::find(&self.store, id).await?)
    }
}
