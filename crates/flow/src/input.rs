//! A submission: the fields of a form or the members of a JSON object, nested.

use serde_json::{Map, Value};
use zelos_core::{
    problem::{Problem, Result as Judged},
    schema::PayloadSchema,
};

/// What a client sent. Field names with dots have become nested objects already.
#[derive(Clone, Default)]
pub struct Input {
    values: Map<String, Value>,
}

/// Values are passwords and codes: only the names are shown.
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Input {
    /// Takes the members over.
    pub fn new(values: Map<String, Value>) -> Self {
        Self { values }
    }

    /// All members.
    pub(crate) fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// One member.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A member that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    /// A field that says something: a text that is not empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// Whether a button or box of that name says yes, in the words of forms or of JSON.
    pub fn says_yes(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"),
            _ => false,
        }
    }

    /// The value of `method`; empty when none was sent.
    pub fn method(&self) -> &str {
        self.text("method").unwrap_or_default()
    }

    /// The value at a dotted path, as node names are written: `traits.name.first`.
    pub fn at(&self, path: &str) -> Option<&Value> {
        let mut parts = path.split('.');
        let first = self.values.get(parts.next()?)?;
        parts.try_fold(first, |value, part| value.get(part))
    }

    /// What a submission says to hooks and mails. It is kept with every mail, for as long as that is: so it has an end,
    /// which also keeps the time of an answer from telling whether a mail was written.
    pub(crate) fn transient_payload(&self) -> Judged<Option<Value>> {
        const MOST: usize = 64 << 10;
        let payload = self.get("transient_payload");
        if payload.is_some_and(|payload| payload.to_string().len() > MOST) {
            return Err(Problem::bad("The transient payload is too large: 64 KiB is the most."));
        }
        Ok(payload.cloned())
    }

    /// What the payload schema leaves of it: texts of forms become what the schema says, the rest is judged.
    pub fn judged(&self, schema: &PayloadSchema) -> Result<Self, Vec<zelos_core::text::FieldText>> {
        schema.judge(&self.values).map(Self::new)
    }
}
