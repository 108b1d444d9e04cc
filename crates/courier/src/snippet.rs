//! The place of Jsonnet, until it is built.

use serde_json::Value;
use std::convert::Infallible;

pub(crate) struct Snippet(Infallible);

impl Snippet {
    pub(crate) fn compile(_: &str, _: &str) -> Result<Self, &'static str> {
        Err("Jsonnet is not built yet")
    }

    pub(crate) fn call(&self, _: &Value) -> Result<Value, &'static str> {
        match self.0 {}
    }
}
