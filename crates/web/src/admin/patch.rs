//! JSON Patch as the original understands it: `add`, `remove` and `replace` alone, some paths denied, and more lenient
//! than RFC 6902 where clients came to rely on it.
//!
//! Quirk: `replace` of a member that is not there adds it, and `add` makes missing parents (oryx/jsonx/patch.go).

use serde::Deserialize;
use serde_json::{Map, Value};
use zelos_core::storable;

/// One operation.
#[derive(Debug, Deserialize)]
struct Operation {
    #[serde(default)]
    op: String,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    value: Value,
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
    match operation.op.as_str() {
        "remove" => {
            let parent = parents.iter().try_fold(document, |place, part| member(place, part)).ok_or_else(missing)?;
            remove(parent, last).ok_or_else(missing)
        }
        "replace" if is_position(last) => {
            let parent = parents.iter().try_fold(document, |place, part| member(place, part)).ok_or_else(missing)?;
            *member(parent, last).ok_or_else(missing)? = operation.value;
            Ok(())
        }
        _ => {
            let parent = parents.iter().try_fold(document, |place, part| made(place, part)).ok_or_else(missing)?;
            add(parent, last, operation.value).ok_or_else(missing)
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

fn is_position(part: &str) -> bool {
    part == "-" || part.parse::<usize>().is_ok()
}

fn member<'a>(place: &'a mut Value, part: &str) -> Option<&'a mut Value> {
    match place {
        Value::Object(map) => map.get_mut(part),
        Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
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
        Value::Array(list) => list.get_mut(part.parse::<usize>().ok()?),
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
            let at = part.parse().ok().filter(|at| *at <= list.len())?;
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
            let at = part.parse().ok().filter(|at| *at < list.len())?;
            list.remove(at);
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patched(patch: &Value) -> Result<Value, String> {
        let mut document = json!({"id": "1", "traits": {"a": 1}, "list": [1, 2], "none": null});
        apply(patch.to_string().as_bytes(), &mut document).map(|()| document)
    }

    #[test]
    fn operations_change_the_document() {
        let cases = [
            (json!([{"op": "add", "path": "/traits/b", "value": 2}]), "/traits/b", json!(2)),
            (json!([{"op": "replace", "path": "/traits/c", "value": 3}]), "/traits/c", json!(3)),
            (json!([{"op": "add", "path": "/none/x/y", "value": 1}]), "/none", json!({"x": {"y": 1}})),
            (json!([{"op": "add", "path": "/list/-", "value": 3}]), "/list", json!([1, 2, 3])),
            (json!([{"op": "add", "path": "/list/0", "value": 0}]), "/list", json!([0, 1, 2])),
            (json!([{"op": "replace", "path": "/list/1", "value": 9}]), "/list", json!([1, 9])),
            (json!([{"op": "remove", "path": "/list/0"}]), "/list", json!([2])),
            (json!([{"op": "add", "path": "/traits/x~1y~0z", "value": 1}]), "/traits", json!({"a": 1, "x/y~z": 1})),
        ];
        for (patch, pointer, expected) in cases {
            assert_eq!(patched(&patch).unwrap().pointer(pointer), Some(&expected), "{patch}");
        }
        assert!(patched(&json!([{"op": "remove", "path": "/traits/a"}])).unwrap()["traits"].get("a").is_none());
    }

    #[test]
    fn denied_paths_are_denied_in_every_spelling() {
        for path in
            ["/id", "/ID", "/stateChangedAt", "/credentials", "/credentials/oidc/config/x", "/credentials~1saml"]
        {
            let refused = patched(&json!([{"op": "add", "path": path, "value": 1}])).unwrap_err();
            assert_eq!(refused, format!("patch includes denied path: {path}"));
        }
    }

    #[test]
    fn the_rest_is_refused() {
        assert_eq!(apply(b" ", &mut Value::Null).unwrap_err(), "unexpected end of JSON input");
        for patch in [
            json!({}),
            json!([{"op": "test", "path": "/id"}]),
            json!([{"op": "add"}]),
            json!([{"op": "add", "path": "", "value": 1}]),
            json!([{"op": "add", "path": "traits", "value": 1}]),
            json!([{"op": "remove", "path": "/nothing"}]),
            json!([{"op": "replace", "path": "/list/2", "value": 1}]),
            json!([{"op": "add", "path": "/list/4", "value": 1}]),
            json!([{"op": "add", "path": "/id/x", "value": 1}]),
        ] {
            assert!(patched(&patch).is_err(), "{patch}");
        }
    }
}
