//! The schema of a person: the operator's document, compiled.

use super::{
    bounds,
    compile::{self, SchemaError},
    derive::{self, Derived},
    entries, extension,
    field::{Field, Kind},
    fields::Fields,
    indexed::{self, Indexed},
    nodes, path, read,
    references::{Bundle, References},
    violation::Violations,
};
use crate::{
    identity::normalize,
    text::Text,
    ui::{Group, Node, sort::Order},
};
use jsonschema::Validator;
use serde_json::{Map, Value};

/// A compiled identity schema.
#[derive(Debug)]
pub struct IdentitySchema {
    id: String,
    raw: Box<str>,
    validator: Validator,
    traits: Field,
    nodes: Vec<Node>,
    keys: Vec<String>,
    registration_order: Order,
    settings_order: Order,
    identifier_label: Text,
    passkey_names: Vec<String>,
    indexed: Vec<Indexed>,
}

impl IdentitySchema {
    /// Compiles a document that refers to no other, or says what is wrong with it.
    pub fn compile(id: impl Into<String>, raw: &[u8]) -> Result<Self, SchemaError> {
        Self::of(id, References::new("", raw)?)
    }

    /// Compiles a document and all that it refers to, or says what is wrong with them.
    pub fn of(id: impl Into<String>, references: References) -> Result<Self, SchemaError> {
        let Bundle { raw, document, draft } = references.bundle()?;
        bounds::check(&document)?;
        extension::check_everywhere(&document, "#")?;
        indexed::check_everywhere(&document, "#")?;
        let mut root = Field::of(&document, draft)?;
        let validator = compile::validator(&document, draft)?;
        let position = root.properties.iter().position(|(name, _)| name == "traits").ok_or(SchemaError::NoTraits)?;
        let traits = root.properties.swap_remove(position).1;
        if traits.kind != Kind::Object || traits.properties.is_empty() {
            return Err(SchemaError::NoTraits);
        }
        if traits.has_phone() {
            normalize::prepare_phones();
        }
        let indexed = indexed::of(&traits)?;
        let nodes = nodes::nodes(&traits, "traits");
        let keys: Vec<String> = nodes.iter().map(|node| node.name().to_owned()).collect();
        Ok(Self {
            id: id.into(),
            raw,
            registration_order: Order::registration(&keys),
            settings_order: Order::settings(&keys),
            identifier_label: nodes::identifier_label(&traits),
            passkey_names: nodes::passkey_names(&traits, &nodes),
            indexed,
            validator,
            traits,
            nodes,
            keys,
        })
    }

    /// The name it is configured under.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The document as it was read.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// Judges traits as a form is judged, and reads what follows from them: what its marks need is looked at only once
    /// the document is content, since a malformed address is one mistake to whoever typed it.
    pub fn check(&self, traits: &Value) -> Result<Derived, Violations> {
        let document = self.document(traits);
        Violations::of(&self.validator, &document).or(())?;
        self.derive(&document, Violations::default())
    }

    /// Judges traits and reads what follows from them.
    pub fn validate(&self, traits: &Value) -> Result<Derived, Violations> {
        let document = self.document(traits);
        self.derive(&document, Violations::of(&self.validator, &document))
    }

    fn derive(&self, document: &Value, mut wrong: Violations) -> Result<Derived, Violations> {
        let mut derived = derive::derive(&self.traits, &document["traits"], &mut wrong);
        derived.indexed = indexed::keys(&self.indexed, &document["traits"], &mut wrong);
        wrong.or(derived)
    }

    /// The traits by which operators find people.
    pub fn indexed(&self) -> &[Indexed] {
        &self.indexed
    }

    /// What stands in the index for somebody with these traits, judged or not: what has no place in it is left out.
    pub fn index_keys(&self, traits: &Value) -> Vec<(String, String)> {
        indexed::keys(&self.indexed, traits, &mut Violations::default())
    }

    /// The traits that were submitted: a JSON object as it is, the fields of a form by the types that the schema
    /// declares. `stored` are the traits that the form was drawn of; what a form cannot name is taken from there.
    pub fn read(&self, sent: Option<&Fields>, stored: Option<&Value>) -> Value {
        read::root(&self.traits, sent.unwrap_or(&Fields::default()), stored)
    }

    /// The inputs of a list, by the name of its node: those of each item, and of one more. `None` if the node is no list,
    /// or holds what such inputs cannot show; then it is one input for a JSON text.
    pub fn entries(&self, name: &str, value: Option<&Value>) -> Option<Vec<Vec<Node>>> {
        entries::of(self.field(name)?, name, value)
    }

    /// The title of the object that holds the trait of that node; none for one that stands at the top.
    pub fn set_of(&self, name: &str) -> Option<(String, Option<&str>)> {
        let parts = path::split(name, usize::MAX)?;
        let (_, above) = parts.split_last().filter(|(_, above)| above.len() > 1)?;
        let set = above[1..].iter().fold("traits".to_owned(), |set, part| path::join(&set, part));
        let title = self.field(&set)?.title.as_deref();
        Some((set, title))
    }

    /// The field of a node.
    fn field(&self, name: &str) -> Option<&Field> {
        path::split(name, usize::MAX)?.iter().skip(1).try_fold(&self.traits, |field, part| field.property(part))
    }

    /// The inputs of the traits, in the schema's order.
    pub fn nodes(&self, group: Group) -> Vec<Node> {
        self.nodes.iter().map(|node| Node { group, ..node.clone() }).collect()
    }

    /// The names of the trait nodes, in the schema's order.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The order of registration forms.
    pub fn registration_order(&self) -> &Order {
        &self.registration_order
    }

    /// The order of settings forms.
    pub fn settings_order(&self) -> &Order {
        &self.settings_order
    }

    /// The label of a field for the identifier: the trait's title if only one trait can be meant, else a general word.
    pub fn identifier_label(&self) -> &Text {
        &self.identifier_label
    }

    /// The trait nodes by whose value a passkey may be called, sorted.
    pub fn passkey_names(&self) -> &[String] {
        &self.passkey_names
    }

    /// Traits as the schema sees them: none are an empty object, and phone numbers are international.
    fn document(&self, traits: &Value) -> Value {
        let mut traits = if traits.is_null() { Value::Object(Map::new()) } else { traits.clone() };
        derive::rewrite_phones(&self.traits, &mut traits);
        Value::Object(Map::from_iter([("traits".to_owned(), traits)]))
    }
}
