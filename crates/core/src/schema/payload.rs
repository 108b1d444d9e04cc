//! What a submission to a method must look like: a small JSON Schema that stands beside the method.

use super::{
    compile::{self, SchemaError},
    field::Field,
    fields::Fields,
    read,
    violation::Violations,
};
use crate::text::FieldText;
use jsonschema::Validator;
use serde_json::{Map, Value};

/// A compiled schema for submissions. Meant to stand in a `LazyLock`.
#[derive(Debug)]
pub struct PayloadSchema {
    validator: Validator,
    field: Field,
    takes_traits: bool,
}

impl PayloadSchema {
    /// Compiles a document.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        let document = super::bounds::parse(text.as_bytes())?;
        super::bounds::check(&document)?;
        let draft = compile::draft(&document)?;
        let mut field = Field::of(&document, draft)?;
        let takes_traits = field.property("traits").is_some();
        field.properties.retain(|(name, _)| name != "traits");
        Ok(Self { validator: compile::validator(&document, draft)?, field, takes_traits })
    }

    /// Compiles a document that is part of the program.
    ///
    /// # Panics
    ///
    /// If the document is broken, which the first submission in any test shows.
    pub fn embedded(text: &'static str) -> Self {
        match Self::compile(text) {
            Ok(schema) => schema,
            Err(error) => panic!("embedded payload schema: {error}"),
        }
    }

    /// Whether submissions may hold traits, which the identity schema reads and judges.
    pub fn takes_traits(&self) -> bool {
        self.takes_traits
    }

    /// The values of a submission: only members that the schema names, as what it declares. Traits are left out.
    pub fn read(&self, sent: &Fields) -> Result<Map<String, Value>, Vec<FieldText>> {
        let document = Value::Object(read::members(&self.field, sent, None));
        Violations::of(&self.validator, &document).or(()).map_err(Violations::texts)?;
        match document {
            Value::Object(values) => Ok(values),
            _ => Ok(Map::new()),
        }
    }
}
