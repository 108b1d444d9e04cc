//! JSON Patch as the original understands it: `add`, `remove` and `replace` alone, some paths denied, and more lenient
//! than RFC 6902 where clients came to rely on it.
//!
//! Quirk: `replace` of a member that is not there adds it, and `add` makes missing parents (oryx/jsonx/patch.go).

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use zelos_core::storable;

/// One operation.
#[derive(Debug, Deserialize)]
struct Operation {
    #[serde(default)]
    op: String,
    #[serde(default)]
    path: Option<String>,
    /// None where the member is missing: `null` is a value.
    #[serde(default, deserialize_with = "given")]
    value: Option<Value>,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What may not be patched, compared without regard to case; what ends in `/**` covers everything below.
///
/// Quirk: `/state_changed_at` may be, because the original's list has a misspelt `/stateChangedAt`
/// (identity/handler.go).
const DENIED: [&str; 7] = [
    "/id",
    "/statechangedat",
    "/credentials",
    "/credentials/oidc",
    "/credentials/oidc/**",
    "/credentials/saml",
    "/credentials/saml/**",
];

/// How many operations one request may hold.
const MOST_OPERATIONS: usize = 1000;

type Applied = Result<(), String>;

/// Applies the patch in `body` to a document.
///
/// # Errors
/// A text for the client; the document may be changed in part then and is to be thrown away.
pub(crate) fn apply(body: &[u8], document: &mut Value) -> Applied {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err("unexpected end of JSON input".to_owned());
    }
    let operations: Vec<Operation> =
        serde_json::from_slice(body).map_err(|error| format!("the patch is not a list of operations: {error}"))?;
    if operations.len() > MOST_OPERATIONS {
        return Err(format!("the patch has more than {MOST_OPERATIONS} operations"));
    }
    for operation in &operations {
        if !matches!(operation.op.as_str(), "add" | "remove" | "replace") {
            return Err(format!("unsupported operation: {}", operation.op));
        }
        let path = operation.path.as_deref().ok_or("an operation has no path")?;
        if is_denied(path) {
            return Err(format!("patch includes denied path: {path}"));
        }
        if operation.op != "remove" && operation.value.is_none() {
            return Err(format!("the operation for {path} has no value"));
        }
    }
    operations.into_iter().try_for_each(|operation| run(operation, document))?;
    storable::document(document).map_err(|why| format!("the patched identity cannot be taken: {why}"))
}

fn is_denied(path: &str) -> bool {
    // An escaped spelling of a denied path must not pass for another one.
    let path = path.replace("~1", "/").replace("~0", "~").to_lowercase();
    DENIED.iter().any(|denied| match denied.strip_suffix("**") {
        Some(below) => path.starts_with(below),
        None => path == *denied,
    })
}

fn run(operation: Operation, document: &mut Value) -> Applied {
    let path = operation.path.unwrap_or_default();
    let parts = parts(&path)?;
    let Some((last, parents)) = parts.split_last() else {
        return Err("the document as a whole cannot be patched".to_owned());
    };
    let missing = || format!("there is nothing at {path}");
    let value = operation.value.unwrap_or_default();
    match operation.op.as_str() {
        "remove" => {
            let parent = parents.iter().try_fold(document, |place, part| member(place, part)).ok_or_else(missing)?;
            remove(parent, last).ok_or_else(missing)
        }
        "replace" if is_position(last) => {
            let parent = parents.iter().try_fold(document, |place, part| member(place, part)).ok_or_else(missing)?;
            *member(parent, last).ok_or_else(missing)? = value;
            Ok(())
        }
        _ => {
            let parent = parents.iter().try_fold(document, |place, part| made(place, part)).ok_or_else(missing)?;
            add(parent, last, value).ok_or_else(missing)
        }
    }
}

/// The parts of a JSON pointer.
fn parts(path: &str) -> Result<Vec<String>, String> {
    match path.strip_prefix('/') {
        None if path.is_empty() => Ok(Vec::new()),
        None => Err(format!("the path {path} does not begin with a slash")),
        // Each part makes a level.
        Some(rest) if rest.split('/').count() > storable::DEEPEST => Err("a path has too many parts".to_owned()),
        Some(rest) => Ok(rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()),
    }
}

/// Whether it would be a place in a list.
fn is_position(part: &str) -> bool {
    part == "-" || position(part).is_some()
}

/// A place in a list: digits without a sign, and without a zero in front.
fn position(part: &str) -> Option<usize> {
    let is_plain = part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'));
    part.parse().ok().filter(|_| is_plain)
}

fn member<'a>(place: &'a mut Value, part: &str) -> Option<&'a mut Value> {
    match place {
        Value::Object(map) => map.get_mut(part),
        Value::Array(list) => list.get_mut(position(part)?),
        _ => None,
    }
}

/// Like [`member`], but what is not there becomes an object.
fn made<'a>(place: &'a mut Value, part: &str) -> Option<&'a mut Value> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Object(map) => Some(map.entry(part).or_insert_with(|| Value::Object(Map::new()))),
        Value::Array(list) => list.get_mut(position(part)?),
        _ => None,
    }
}

fn add(place: &mut Value, part: &str, value: Value) -> Option<()> {
    if place.is_null() {
        *place = Value::Object(Map::new());
    }
    match place {
        Value::Object(map) => {
            map.insert(part.to_owned(), value);
        }
        Value::Array(list) if part == "-" => list.push(value),
        Value::Array(list) => {
            let at = position(part).filter(|at| *at <= list.len())?;
            list.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(place: &mut Value, part: &str) -> Option<()> {
    match place {
        Value::Object(map) => map.shift_remove(part).map(drop),
        Value::Array(list) => {
            let at = position(part).filter(|at| *at < list.len())?;
            list.remove(at);
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
