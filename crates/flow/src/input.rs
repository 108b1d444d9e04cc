//! A submission: the fields of a form or the members of a JSON object.

use serde_json::{Map, Value};
use zelos_core::{
    problem::{Problem, Result as Judged},
    schema::{Fields, PayloadSchema},
    storable,
    text::FieldText,
};

/// The field that holds the traits, which the identity schema reads.
const TRAITS: &str = "traits";

/// What a client sent. A field has all its values until a schema says which of them count.
#[derive(Clone, Default)]
pub struct Input {
    fields: Fields,
}

/// Values are passwords and codes: only the names are shown.
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.fields.names()).finish()
    }
}

impl From<Fields> for Input {
    fn from(fields: Fields) -> Self {
        Self { fields }
    }
}

impl From<Input> for Fields {
    fn from(input: Input) -> Self {
        input.fields
    }
}

impl Input {
    /// Takes the members of a JSON object over, as fields with one value each.
    pub fn new(values: Map<String, Value>) -> Self {
        let mut fields = Fields::default();
        for (name, value) in values {
            fields.replace(name, value.into());
        }
        Self { fields }
    }

    /// All fields.
    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The traits, as they were sent.
    pub fn traits(&self) -> Option<&Fields> {
        self.fields.member(TRAITS)
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.member(name)?.first()
    }

    /// A field that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// A field that says something: a text that is not empty.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// Whether a button or box of that name says yes, in the words of forms or of JSON.
    pub fn says_yes(&self, name: &str) -> bool {
        match self.fields.member(name).and_then(Fields::last) {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"),
            _ => false,
        }
    }

    /// The value of `method`; empty when none was sent.
    pub fn method(&self) -> &str {
        self.text("method").unwrap_or_default()
    }

    /// Whether something was sent at that path, be it an empty field.
    pub(crate) fn has(&self, path: &[String]) -> bool {
        self.fields.has(path.iter().map(String::as_str))
    }

    /// What a submission says to hooks and mails. It is kept with every mail, for as long as that is: so it has an end,
    /// which also keeps the time of an answer from telling whether a mail was written. A form sends it as a JSON text, so
    /// the bounds of JSON bodies are checked here.
    pub(crate) fn transient_payload(&self) -> Judged<Option<Value>> {
        const MOST: usize = 64 << 10;
        let payload = self.get("transient_payload");
        if payload.is_some_and(|payload| payload.to_string().len() > MOST) {
            return Err(Problem::bad("The transient payload is too large: 64 KiB is the most."));
        }
        payload
            .map_or(Ok(()), storable::document)
            .map_err(|why| Problem::bad(format!("The transient payload cannot be taken: {why}.")))?;
        Ok(payload.cloned())
    }

    /// What the payload schema leaves of it: fields become the values that the schema declares. Traits stay as they were
    /// sent: another schema judges them.
    pub fn judged(&self, schema: &PayloadSchema) -> Result<Self, Vec<FieldText>> {
        let mut judged = Self::new(schema.read(&self.fields)?);
        if let Some(traits) = self.traits().filter(|_| schema.takes_traits()) {
            judged.fields.replace(TRAITS, traits.clone());
        }
        Ok(judged)
    }
}
