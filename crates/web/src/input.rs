//! Bodies: read up to a bound, understood as a form or as JSON, and brought into the one shape that methods know.
//!
//! A name with dots and a nested object say the same (`traits.email=x`, `{"traits": {"email": "x"}}`); of several
//! members with one name the last counts. Whatever makes no sense becomes a [`Problem`], which the engine turns into a
//! message of the flow: so these functions never answer by themselves.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart},
};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use url::form_urlencoded;
use zelos_core::{
    problem::{Problem, Result},
    storable,
};
use zelos_flow::Input;

/// More is refused.
pub(crate) const MAX_BODY: usize = 5 << 20;

/// Beyond the bound so much is still read and thrown away, so that a client that sends before it listens gets to hear
/// the refusal.
const MAX_IGNORED: usize = 8 << 20;

/// A form has fewer fields than this.
const MAX_FIELDS: usize = 2_000;

/// A name has at most so many parts between its dots.
const MAX_PARTS: usize = 16;

/// Reads a whole body.
pub(crate) async fn read(body: Body) -> Result<Bytes> {
    let mut body = body;
    let mut read: Vec<u8> = Vec::new();
    let mut ignored = 0;
    let mut whole: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad("The body ended before it was complete."))?;
        let Ok(data) = frame.into_data() else { continue };
        if ignored > 0 || read.len() + whole.as_ref().map_or(0, Bytes::len) + data.len() > MAX_BODY {
            ignored += data.len();
            if ignored > MAX_IGNORED {
                break;
            }
        } else if read.is_empty() && whole.is_none() {
            whole = Some(data);
        } else {
            if let Some(first) = whole.take() {
                read.extend_from_slice(&first);
            }
            read.extend_from_slice(&data);
        }
    }
    if ignored > 0 {
        return Err(Problem::TooLarge);
    }
    Ok(whole.unwrap_or_else(|| read.into()))
}

/// What was submitted to a flow.
pub(crate) async fn submission(headers: &HeaderMap, body: Body) -> Result<Input> {
    let bytes = read(body).await?;
    if bytes.is_empty() {
        return Err(Problem::bad("The request has no body."));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let values = match essence.as_str() {
        "application/json" => from_json(&bytes)?,
        "application/x-www-form-urlencoded" => from_form(&bytes)?,
        "multipart/form-data" => from_multipart(content_type, bytes).await?,
        _ => {
            return Err(Problem::bad(
                "The content type must be application/json, application/x-www-form-urlencoded or multipart/form-data.",
            ));
        }
    };
    Ok(Input::new(values))
}

/// What a link says: the members of its query.
pub(crate) fn link(query: Vec<(String, String)>) -> Result<Input> {
    from_pairs(query.into_iter()).map(Input::new)
}

/// A JSON body that must be an object, as endpoints without a form take it.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>> {
    match json(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(Problem::bad("The body must be a JSON object.")),
    }
}

/// A JSON body of any kind, if what it holds could be kept.
pub(crate) fn json(bytes: &[u8]) -> Result<Value> {
    let value = serde_json::from_slice(bytes);
    let value = value.map_err(|error| Problem::bad(format!("The body is not JSON that can be read: {error}.")))?;
    storable::document(&value).map_err(|why| Problem::bad(format!("The body cannot be taken: {why}.")))?;
    Ok(value)
}

fn from_json(bytes: &[u8]) -> Result<Map<String, Value>> {
    nested(object(bytes)?)
}

fn from_form(bytes: &[u8]) -> Result<Map<String, Value>> {
    from_pairs(form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned())))
}

async fn from_multipart(content_type: &str, bytes: Bytes) -> Result<Map<String, Value>> {
    let broken = || Problem::bad("The multipart form cannot be read.");
    let request = Request::builder().header(header::CONTENT_TYPE, content_type).body(Body::from(bytes));
    let request = request.map_err(|_| broken())?;
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut pairs = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| broken())? {
        // Files have no place in any flow.
        let Some(name) = field.name().filter(|_| field.file_name().is_none()).map(ToOwned::to_owned) else { continue };
        pairs.push((name, field.text().await.map_err(|_| broken())?));
        if pairs.len() > MAX_FIELDS {
            break;
        }
    }
    from_pairs(pairs.into_iter())
}

fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    for (index, (name, value)) in pairs.enumerate() {
        if index >= MAX_FIELDS {
            return Err(Problem::bad("The form has too many fields."));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(Problem::bad("The body holds a NUL character."));
        }
        insert(&mut members, &name, Value::String(value))?;
    }
    Ok(members)
}

/// Makes nested objects of names with dots.
fn nested(members: Map<String, Value>) -> Result<Map<String, Value>> {
    if !members.keys().any(|name| name.contains('.')) {
        return Ok(members);
    }
    let mut whole = Map::new();
    for (name, value) in members {
        insert(&mut whole, &name, value)?;
    }
    Ok(whole)
}

/// Sets the member at a dotted path; what stood in the way and is no object gives way. Two objects become one.
fn insert(members: &mut Map<String, Value>, name: &str, value: Value) -> Result<()> {
    if name.split('.').count() > MAX_PARTS {
        return Err(Problem::bad("The body holds a name with too many dots."));
    }
    let mut place = members;
    let mut name = name;
    while let Some((first, rest)) = name.split_once('.') {
        let next = place.entry(first).or_insert_with(|| Value::Object(Map::new()));
        if !next.is_object() {
            *next = Value::Object(Map::new());
        }
        let Value::Object(inner) = next else { return Err(Problem::bug("an object is an object")) };
        (place, name) = (inner, rest);
    }
    match (place.get_mut(name), value) {
        (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
        (_, value) => {
            place.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
