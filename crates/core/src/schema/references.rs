//! References from a schema to other documents (`$ref`), as Kratos follows them.
//!
//! Everything that is refused, drawn or derived is read from one document. So the others are put into it, below its
//! definitions, and what refers to them is rewritten; only what is reached from the schema's root counts, and a document
//! that is referred to twice is there once. Nothing is loaded here: [`References::missing`] names what is needed next, and
//! the caller decides how it is read.
//!
//! A reference is resolved as by Ory's compiler (ory/jsonschema `compiler.go`): `#` and `#/…` lie in the document they
//! stand in, all else counts from the closest `$id`, which itself counts from where the document was read.

use super::{
    bounds,
    compile::{self, SchemaError},
};
use crate::config::ContentUri;
use jsonschema::Draft;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
};
use url::Url;

/// Documents of one schema, itself included, and their bytes.
const DOCUMENTS: usize = 64;
const SIZE: usize = 4 << 20;

/// Keywords whose members are schemas under names of any kind.
const MAPS: [&str; 4] = ["properties", "patternProperties", "dependencies", "dependentSchemas"];
/// The same, but they apply only where they are referred to.
const DEFINITIONS: [&str; 2] = ["definitions", "$defs"];
/// Keywords whose values are data.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];

/// What is written in another way in the fragment of a URL (RFC 3986, 3.5, and stricter).
const UNSAFE: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'~').remove(b'-').remove(b'.').remove(b'_').remove(b':');

/// A schema and what it refers to, being gathered.
#[derive(Debug)]
pub struct References {
    raw: Box<str>,
    documents: Vec<Document>,
    bytes: usize,
    draft: Draft,
}

#[derive(Debug)]
struct Document {
    /// Where it was read, without a fragment.
    url: String,
    value: Value,
    /// Places that have names of their own, by the absolute URL that `$id` or `$anchor` gives them.
    ids: HashMap<String, String>,
}

/// A place in a document: its index, and a JSON pointer without `#`.
type Place = (usize, String);

/// What a reference leads to.
enum Target {
    Place(Place),
    /// The URL of a document that is not there yet.
    Missing(String),
}

/// What following all references has found.
#[derive(Default)]
struct Trace {
    /// Where references stand, and what they lead to.
    found: Vec<(Place, Place)>,
    /// The first document that is not there yet.
    missing: Option<String>,
}

/// A compiled schema's source: one document that refers to no other.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) raw: Box<str>,
    pub(super) document: Value,
    pub(super) draft: Draft,
}

impl References {
    /// A schema that was read at that URL; empty if it was read at none.
    ///
    /// # Errors
    /// It is no JSON, too large or too deep, or of an unknown draft.
    pub fn new(url: &str, raw: &[u8]) -> Result<Self, SchemaError> {
        let value = bounds::parse(raw)?;
        let draft = compile::draft(&value)?;
        let documents = vec![Document::new(without_fragment(url), value, draft)];
        Ok(Self { raw: String::from_utf8_lossy(raw).into(), documents, bytes: raw.len(), draft })
    }

    /// The next document that has to be read and added.
    ///
    /// # Errors
    /// A reference leads to no place of its document, or to no place that can be read.
    pub fn missing(&self) -> Result<Option<ContentUri>, SchemaError> {
        let Some(url) = self.trace()?.missing else { return Ok(None) };
        let foreign = |reason| SchemaError::Document { url: shown(&url).into_owned(), reason };
        ContentUri::parse(&url).map(Some).map_err(foreign)
    }

    /// Adds a document that was missing.
    ///
    /// # Errors
    /// It is no JSON, too large or too deep, of a draft that does not go with the schema's, or one too many.
    pub fn add(&mut self, place: &ContentUri, raw: &[u8]) -> Result<(), SchemaError> {
        let url = place.as_str();
        let refused = |reason: String| SchemaError::Document { url: shown(url).into_owned(), reason };
        self.bytes += raw.len();
        if self.documents.len() >= DOCUMENTS || self.bytes > SIZE {
            let reason = format!("a schema may consist of {DOCUMENTS} documents and {SIZE} bytes at most");
            return Err(refused(reason));
        }
        let value = bounds::parse(raw).map_err(|error| refused(error.to_string()))?;
        if value.get("$schema").is_some() {
            let draft = compile::draft(&value).map_err(|error| refused(error.to_string()))?;
            if is_old(draft) != is_old(self.draft) {
                return Err(refused("its $schema does not go with that of the schema that refers to it".to_owned()));
            }
        }
        self.documents.push(Document::new(url, value, self.draft));
        Ok(())
    }

    /// One document of all.
    pub(super) fn bundle(mut self) -> Result<Bundle, SchemaError> {
        let trace = self.trace()?;
        if let Some(url) = trace.missing {
            let at = "#".to_owned();
            return Err(SchemaError::ForeignReference { at, target: shown(&url).into_owned() });
        }
        let section = if is_old(self.draft) { "definitions" } else { "$defs" };
        let names = names(&self.documents);
        let prefix = |index: usize| match index {
            0 => String::new(),
            _ => format!("/{section}/{}", escape(&names[index])),
        };
        for ((document, at), (target, pointer)) in trace.found {
            let place = format!("{}{pointer}", prefix(target));
            if let Some(Value::Object(schema)) = self.documents[document].value.pointer_mut(&at) {
                schema.insert("$ref".to_owned(), encode(&place).into());
            }
        }
        let mut documents = self.documents.into_iter();
        let mut root = documents.next().map(|document| document.value).unwrap_or_default();
        clean(&mut root, self.draft, true);
        let others = documents.zip(&names[1..]).map(|(mut document, name)| {
            clean(&mut document.value, self.draft, false);
            (name.clone(), document.value)
        });
        let others: Map<String, Value> = others.collect();
        if !others.is_empty()
            && let Value::Object(members) = &mut root
        {
            let definitions = members.entry(section).or_insert_with(|| Value::Object(Map::new())).as_object_mut();
            let invalid =
                || SchemaError::Invalid { at: format!("#/{section}"), reason: "must be an object".to_owned() };
            definitions.ok_or_else(invalid)?.extend(others);
        }
        Ok(Bundle { raw: self.raw, document: root, draft: self.draft })
    }

    /// Follows all references, from the root of the schema.
    fn trace(&self) -> Result<Trace, SchemaError> {
        let mut trace = Trace::default();
        let mut seen: HashSet<Place> = HashSet::new();
        let mut open: VecDeque<Place> = VecDeque::from([(0, String::new())]);
        while let Some((index, at)) = open.pop_front() {
            if !seen.insert((index, at.clone())) {
                continue;
            }
            let document = &self.documents[index];
            let Some(Value::Object(schema)) = document.value.pointer(&at) else { continue };
            if let Some(Value::String(reference)) = schema.get("$ref") {
                match self.resolve(index, &at, reference)? {
                    Target::Place(target) => {
                        if index > 0 || !is_plain(reference) {
                            trace.found.push(((index, at.clone()), target.clone()));
                        }
                        open.push_back(target);
                    }
                    Target::Missing(url) => trace.missing = trace.missing.or(Some(url)),
                }
                if is_old(self.draft) {
                    continue;
                }
            }
            within(schema, |keyword, path, _| {
                if !DEFINITIONS.contains(&keyword) {
                    open.push_back((index, format!("{at}/{path}")));
                }
            });
        }
        Ok(trace)
    }

    /// Where a reference leads.
    fn resolve(&self, index: usize, at: &str, reference: &str) -> Result<Target, SchemaError> {
        let document = &self.documents[index];
        let target = if is_plain(reference) {
            Target::Place((index, decode(&reference[1..]).into_owned()))
        } else {
            let url = join(&document.base(at, self.draft), reference).ok_or_else(|| SchemaError::Document {
                url: shown(reference).into_owned(),
                reason: "a relative reference needs a schema with an $id or one that is read from a file or a URL"
                    .to_owned(),
            })?;
            self.locate(index, &url)
        };
        match target {
            Target::Place((known, pointer)) if self.documents[known].value.pointer(&pointer).is_none() => {
                let at = format!("{}#{at}", if index == 0 { "" } else { &document.url });
                Err(SchemaError::BrokenReference { at, target: shown(reference).into_owned() })
            }
            target => Ok(target),
        }
    }

    /// What an absolute URL means in a document: a part of it that is named so, or another one.
    fn locate(&self, index: usize, url: &str) -> Target {
        let ids = &self.documents[index].ids;
        if let Some(pointer) = ids.get(url.trim_end_matches('#')) {
            return Target::Place((index, pointer.clone()));
        }
        let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
        let is_pointer = fragment.is_empty() || fragment.starts_with('/');
        let pointer = decode(fragment).into_owned();
        let Some(known) = self.documents.iter().position(|document| document.url == url) else {
            let part = ids.get(url).filter(|_| is_pointer);
            return part.map_or_else(
                || Target::Missing(url.to_owned()),
                |part| Target::Place((index, format!("{part}{pointer}"))),
            );
        };
        if is_pointer {
            return Target::Place((known, pointer));
        }
        let document = &self.documents[known];
        let base = document.base("", self.draft);
        let named = [url, &*base].into_iter().find_map(|base| document.ids.get(&format!("{base}#{fragment}")));
        // A name that there is not is no pointer either.
        Target::Place((known, named.cloned().unwrap_or(pointer)))
    }
}

impl Document {
    fn new(url: &str, value: Value, draft: Draft) -> Self {
        let mut ids = HashMap::new();
        name_places(&value, url, "", draft, &mut ids);
        Self { url: url.to_owned(), value, ids }
    }

    /// From where references count that stand at a place.
    fn base(&self, at: &str, draft: Draft) -> String {
        let ends = at.match_indices('/').map(|(end, _)| end).chain([at.len()]);
        ends.fold(self.url.clone(), |base, end| match self.value.pointer(&at[..end]) {
            Some(Value::Object(schema)) => based(&base, schema, draft),
            _ => base,
        })
    }
}

/// Whether a reference stays in its document, whatever that is called.
fn is_plain(reference: &str) -> bool {
    reference == "#" || reference.starts_with("#/")
}

/// Until draft-07, nothing counts beside a `$ref`, and definitions are called so.
fn is_old(draft: Draft) -> bool {
    matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
}

/// The keyword that names a schema.
fn id_keyword(draft: Draft) -> &'static str {
    if draft == Draft::Draft4 { "id" } else { "$id" }
}

/// From where references within a schema count.
fn based(base: &str, schema: &Map<String, Value>, draft: Draft) -> String {
    let id = schema.get(id_keyword(draft)).and_then(Value::as_str).filter(|id| !id.starts_with('#'));
    let id = id.and_then(|id| join(base, id)).map(|id| without_fragment(&id).to_owned());
    id.unwrap_or_else(|| base.to_owned())
}

fn name_places(value: &Value, base: &str, at: &str, draft: Draft, ids: &mut HashMap<String, String>) {
    let Value::Object(schema) = value else { return };
    let inner = based(base, schema, draft);
    if inner != base {
        ids.insert(inner.clone(), at.to_owned());
    }
    let id = schema.get(id_keyword(draft)).and_then(Value::as_str).and_then(|id| id.strip_prefix('#'));
    let anchor = schema.get("$anchor").and_then(Value::as_str);
    for name in [id, anchor].into_iter().flatten().filter(|name| !name.is_empty()) {
        ids.insert(format!("{inner}#{name}"), at.to_owned());
    }
    within(schema, |_, path, schema| name_places(schema, &inner, &format!("{at}/{path}"), draft, ids));
}

/// Calls with each schema within a schema: the keyword, and the path below it.
fn within<'a>(schema: &'a Map<String, Value>, mut call: impl FnMut(&str, String, &'a Value)) {
    for (keyword, value) in schema {
        let name = keyword.as_str();
        let path = escape(name);
        match value {
            _ if DATA.contains(&name) => {}
            Value::Object(members) if MAPS.contains(&name) || DEFINITIONS.contains(&name) => {
                members.iter().for_each(|(member, value)| call(name, format!("{path}/{}", escape(member)), value));
            }
            Value::Object(_) => call(name, path, value),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| call(name, format!("{path}/{index}"), item));
            }
            _ => {}
        }
    }
}

/// Takes away what would make a schema within a document one of its own, and references that nothing leads to and that
/// were not followed therefore.
fn clean(value: &mut Value, draft: Draft, is_root: bool) {
    let Value::Object(schema) = value else { return };
    if !is_root {
        for keyword in [id_keyword(draft), "$schema"] {
            if schema.get(keyword).is_some_and(Value::is_string) {
                schema.remove(keyword);
            }
        }
    }
    if schema.get("$ref").and_then(Value::as_str).is_some_and(|target| !target.starts_with('#')) {
        schema.remove("$ref");
    }
    let mut paths = Vec::new();
    within(schema, |_, path, _| paths.push(format!("/{path}")));
    for path in paths {
        if let Some(schema) = value.pointer_mut(&path) {
            clean(schema, draft, false);
        }
    }
}

/// What documents are called among the definitions: as they are shown, each once.
fn names(documents: &[Document]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(documents.len());
    let taken = documents.first().map(|root| &root.value);
    let is_taken =
        |name: &str| DEFINITIONS.iter().any(|section| taken.and_then(|root| root.get(section)?.get(name)).is_some());
    for document in documents {
        let shown = shown(&document.url).into_owned();
        let numbered = (2..).map(|number| format!("{shown} ({number})"));
        let mut candidates = std::iter::once(shown.clone()).chain(numbered);
        names.extend(candidates.find(|name| !names.contains(name) && !is_taken(name)));
    }
    names
}

/// A URL without what may be secret, and without contents.
fn shown(url: &str) -> Cow<'_, str> {
    if url.starts_with("base64://") {
        return "base64://…".into();
    }
    match Url::parse(url) {
        Ok(mut parsed) if url.starts_with("http") => {
            let _ = (parsed.set_username(""), parsed.set_password(None));
            parsed.set_query(None);
            String::from(parsed).into()
        }
        _ => url.into(),
    }
}

fn without_fragment(url: &str) -> &str {
    if url.starts_with("base64://") { url } else { url.split_once('#').map_or(url, |(url, _)| url) }
}

/// A reference as an absolute URL; none if the base is no place from which others can be named.
fn join(base: &str, reference: &str) -> Option<String> {
    let scheme = reference.split_once(':').map(|(scheme, _)| scheme);
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    };
    if scheme.is_some_and(is_scheme) {
        return Some(reference.to_owned());
    }
    if reference.starts_with('#') {
        return Some(format!("{base}{reference}"));
    }
    if let Some(path) = base.strip_prefix("file://") {
        let (reference, fragment) = reference.split_at(reference.find('#').unwrap_or(reference.len()));
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let whole = if reference.starts_with('/') { reference.to_owned() } else { format!("{folder}/{reference}") };
        let is_relative = !reference.starts_with('/') && !path.contains('/');
        return Some(format!("file://{}{fragment}", tidy(if is_relative { reference } else { &whole })));
    }
    Url::parse(base).and_then(|base| base.join(reference)).ok().map(String::from).filter(|url| url.starts_with("http"))
}

/// A path without `.` and `..`, as far as they can be resolved.
fn tidy(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for (index, part) in path.split('/').enumerate() {
        match part {
            "." if index > 0 => {}
            ".." if parts.last().is_some_and(|last| !["", ".", ".."].contains(last)) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A name as a part of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A pointer as a fragment of a URL.
fn encode(pointer: &str) -> String {
    format!("#{}", utf8_percent_encode(pointer, UNSAFE))
}

/// The pointer that a fragment is.
pub(super) fn decode(fragment: &str) -> Cow<'_, str> {
    percent_decode_str(fragment).decode_utf8_lossy()
}

#[cfg(test)]
mod tests;
