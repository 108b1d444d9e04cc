//! All identity schemas of a configuration.

use super::{IdentitySchema, Indexed, SchemaError};
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
        check_kinds(&list)?;
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

    /// The indexed traits of all schemas, each once, sorted by name.
    pub fn indexed(&self) -> Vec<&Indexed> {
        let mut all: Vec<&Indexed> = self.iter().flat_map(|schema| schema.indexed()).collect();
        all.sort_unstable_by_key(|indexed| &indexed.name);
        all.dedup();
        all
    }

    fn entry(&self, id: &str) -> Option<&Entry> {
        self.list.iter().find(|entry| entry.schema.id() == id)
    }
}

/// One trait has one index, whichever schema people follow, so its values are compared in one way.
fn check_kinds(list: &[Entry]) -> Result<(), SchemaError> {
    let all: Vec<&Indexed> = list.iter().flat_map(|entry| entry.schema.indexed()).collect();
    let differs =
        |indexed: &&&Indexed| all.iter().any(|other| other.name == indexed.name && other.kind != indexed.kind);
    match all.iter().find(differs) {
        None => Ok(()),
        Some(indexed) => Err(SchemaError::IndexedTwice(indexed.name.clone())),
    }
}
