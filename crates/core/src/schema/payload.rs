//! What a submission to a method must look like: a small JSON Schema that stands beside the method.

use super::{
    coerce,
    compile::{self, SchemaError},
    field::Field,
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
}

impl PayloadSchema {
    /// Compiles a document.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        let document = super::bounds::parse(text.as_bytes())?;
        super::bounds::check(&document)?;
        let draft = compile::draft(&document)?;
        let field = Field::of(&document, draft)?;
        Ok(Self { validator: compile::validator(&document, draft)?, field })
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

    /// What the schema leaves of a submission: only members that it names, texts made into the values it declares.
    pub fn judge(&self, values: &Map<String, Value>) -> Result<Map<String, Value>, Vec<FieldText>> {
        let mut values = values.clone();
        coerce::coerce_members(&self.field, &mut values);
        let document = Value::Object(values);
        Violations::of(&self.validator, &document).or(()).map_err(Violations::texts)?;
        match document {
            Value::Object(values) => Ok(values),
            _ => Ok(Map::new()),
        }
    }
}
