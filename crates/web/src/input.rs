//! Bodies: read up to a bound, understood as a form or as JSON, and brought into the one shape that methods know.
//!
//! A name with dots says where a field belongs (`traits.email=x`), in forms and at the top level of a JSON body; a name
//! that is sent several times keeps all its values, since only a schema knows which of them count. Whatever makes no sense
//! becomes a [`Problem`], which the engine turns into a message of the flow: so these functions never answer by themselves.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Multipart},
};
use http::{HeaderMap, Request, header};
use http_body_util::BodyExt;
use serde_json::{Map, Value};
use url::form_urlencoded;
use zelos_core::{
    flow::Kind,
    problem::{Problem, Result},
    schema::{Fields, split},
    storable,
};
use zelos_flow::Input;

/// More is refused.
pub(crate) const MAX_BODY: usize = 5 << 20;

/// More is refused where no traits are sent, and unauthenticated clients are answered with a form that is stored.
const MAX_SHORT_BODY: usize = 64 << 10;

/// Beyond the bound so much is still read and thrown away, so that a client that sends before it listens gets to hear
/// the refusal.
const MAX_IGNORED: usize = 8 << 20;

/// A form has fewer fields than this.
const MAX_FIELDS: usize = 2_000;

/// A name has at most so many parts between its dots.
const MAX_PARTS: usize = 16;

/// Reads a whole body.
pub(crate) async fn read(body: Body) -> Result<Bytes> {
    read_up_to(MAX_BODY, body).await
}

async fn read_up_to(most: usize, body: Body) -> Result<Bytes> {
    let mut body = body;
    let mut read: Vec<u8> = Vec::new();
    let mut ignored = 0;
    let mut whole: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::bad("The body ended before it was complete."))?;
        let Ok(data) = frame.into_data() else { continue };
        if ignored > 0 || read.len() + whole.as_ref().map_or(0, Bytes::len) + data.len() > most {
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
pub(crate) async fn submission(kind: Kind, headers: &HeaderMap, body: Body) -> Result<Input> {
    let most = match kind {
        Kind::Login | Kind::Recovery | Kind::Verification => MAX_SHORT_BODY,
        Kind::Registration | Kind::Settings => MAX_BODY,
    };
    let bytes = read_up_to(most, body).await?;
    if bytes.is_empty() {
        return Err(Problem::bad("The request has no body."));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fields = match essence.as_str() {
        "application/json" => from_json(&bytes)?,
        "application/x-www-form-urlencoded" => from_form(&bytes)?,
        "multipart/form-data" => from_multipart(content_type, bytes).await?,
        _ => {
            return Err(Problem::bad(
                "The content type must be application/json, application/x-www-form-urlencoded or multipart/form-data.",
            ));
        }
    };
    Ok(fields.into())
}

/// What a link says: the members of its query.
pub(crate) fn link(query: Vec<(String, String)>) -> Result<Input> {
    from_pairs(query.into_iter()).map(Input::from)
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

fn from_json(bytes: &[u8]) -> Result<Fields> {
    let members = object(bytes)?;
    if members.len() > MAX_FIELDS {
        return Err(too_many());
    }
    let mut fields = Fields::default();
    for (name, value) in members {
        fields.insert(path(&name)?, value);
    }
    Ok(fields)
}

fn from_form(bytes: &[u8]) -> Result<Fields> {
    from_pairs(form_urlencoded::parse(bytes).map(|(name, value)| (name.into_owned(), value.into_owned())))
}

async fn from_multipart(content_type: &str, bytes: Bytes) -> Result<Fields> {
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

fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Result<Fields> {
    let mut fields = Fields::default();
    for (index, (name, value)) in pairs.enumerate() {
        if index >= MAX_FIELDS {
            return Err(too_many());
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(Problem::bad("The body holds a NUL character."));
        }
        fields.insert(path(&name)?, Value::String(value));
    }
    Ok(fields)
}

fn path(name: &str) -> Result<Vec<String>> {
    split(name, MAX_PARTS).ok_or_else(|| Problem::bad("The body holds a name with too many dots."))
}

fn too_many() -> Problem {
    Problem::bad("The body has too many fields.")
}

#[cfg(test)]
#[path = "input_tests.rs"]
mod tests;
