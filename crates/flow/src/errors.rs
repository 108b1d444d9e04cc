//! Errors for browsers: kept under an id, so that the error page can show what happened.

use crate::engine::Engine;
use serde_json::Value;
use std::str::FromStr;
use zelos_core::{id::ErrorId, problem::Result};
use zelos_store::{
    Batch,
    errors::{self, ErrorContainer},
};

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
