//! All identity schemas of a configuration.

use super::{IdentitySchema, SchemaError};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use std::sync::Arc;

/// The schemas in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Schemas {
    list: Vec<Entry>,
    default: Arc<IdentitySchema>,
}

#[derive(Debug, Clone)]
struct Entry {
    schema: Arc<IdentitySchema>,
    selectable: bool,
}

impl Schemas {
    /// Puts schemas together; the flag says whether a flow may be started with that schema by naming it.
    pub fn new(default: &str, schemas: impl IntoIterator<Item = (IdentitySchema, bool)>) -> Result<Self, SchemaError> {
        let mut list: Vec<Entry> = Vec::new();
        for (schema, selectable) in schemas {
            if list.iter().any(|entry| entry.schema.id() == schema.id()) {
                return Err(SchemaError::Twice(schema.id().to_owned()));
            }
            list.push(Entry { schema: Arc::new(schema), selectable });
        }
        let found = list.iter().find(|entry| entry.schema.id() == default);
        let default = found.ok_or_else(|| SchemaError::NoDefault(default.to_owned()))?.schema.clone();
        Ok(Self { list, default })
    }

    /// The schema of that id, or of the id that it encodes in base64url; the default one for the empty text.
    pub fn find(&self, id: &str) -> Option<&Arc<IdentitySchema>> {
        if id.is_empty() {
            return Some(&self.default);
        }
        self.entry(id).map(|entry| &entry.schema).or_else(|| {
            let decoded = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
            self.entry(&decoded).map(|entry| &entry.schema)
        })
    }

    /// The schema of that id, if a flow may be started with it by naming it. The default one always may.
    pub fn find_selectable(&self, id: &str) -> Option<&Arc<IdentitySchema>> {
        if id == self.default.id() {
            return Some(&self.default);
        }
        self.entry(id).filter(|entry| entry.selectable).map(|entry| &entry.schema)
    }

    /// The schema of people who name none.
    pub fn default_schema(&self) -> &Arc<IdentitySchema> {
        &self.default
    }

    /// All schemas, in the order of the configuration.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<IdentitySchema>> {
        self.list.iter().map(|entry| &entry.schema)
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        self.list.iter().find(|entry| entry.schema.id() == id)
    }
}
