//! A call to an operator's own server, as they configured it: address, headers, how it shows who sends it, and a body
//! that their Jsonnet makes.
//!
//! Shared by everything that makes such calls – the courier's deliveries, the migration of passwords –, since they are
//! configured alike. Everything that can be wrong with the configuration is found when it is read, except for what is wrong
//! with a remote snippet: that is fetched when it is first needed ([`crate::remote`]). How long to wait, how much of an
//! answer to read and what it means is the caller's business.

use crate::remote::{Remote, Remotes};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE},
};
use serde_json::Value;
use std::sync::Arc;
use url::{Url, form_urlencoded};
use zelos_core::{
    config::{
        Contents,
        request::{ApiKeyPlace, Auth, RequestConfig},
    },
    outbound::{Outbound, OutboundRequest},
    secret::Secret,
};
use zelos_script::jsonnet::{JsonnetError, Snippet};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Calls of one kind, ready to be made.
pub struct Call {
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// The body is a form and not JSON.
    form: bool,
    /// None: the caller's own body.
    body: Option<Body>,
}

/// The Jsonnet of a body.
enum Body {
    Compiled(Snippet),
    Remote(Arc<Remote<Snippet>>),
}

/// Headers may be secrets, and so may be what stands in an address.
impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").field("method", &self.method).field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// A complaint about the configuration: the key below that of the call, and why.
pub type Complaint = (String, String);

/// Why there is no body. What a snippet says may be a secret that it was given.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the body could not be made: {0}")]
    Snippet(#[from] JsonnetError),
    #[error("the body could not be made: the thread was lost")]
    Lost,
    #[error("the body cannot be sent as a form: {0}")]
    Form(String),
    /// Names the configuration key of the snippet. What it was needed for can be tried again.
    #[error("{0} could not be fetched yet")]
    NotFetched(String),
}

impl CallError {
    /// Whether the same call can be made once its snippet has been fetched.
    pub fn is_not_fetched(&self) -> bool {
        matches!(self, Self::NotFetched(_))
    }

    /// Where in the snippet, for callers that put secrets into it.
    pub fn place(&self) -> Option<String> {
        match self {
            Self::Snippet(JsonnetError::Raised { place, .. } | JsonnetError::Failed { place, .. }) => {
                Some(place.to_string())
            }
            Self::Lost | Self::Form(_) | Self::NotFetched(_) => None,
        }
    }
}

impl Call {
    /// What is configured under that key, for that URL.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn compile(key: &str, url: &Url, config: &RequestConfig, remotes: &Remotes) -> Result<Self, Complaint> {
        let complain = |key: &str, reason: &str| (key.to_owned(), reason.to_owned());
        let method = Method::from_bytes(config.method.to_ascii_uppercase().as_bytes())
            .map_err(|_| complain("method", "is no method of HTTP"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &config.headers {
            let key = format!("headers.{name}");
            let parsed =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| complain(&key, "is no name of a header"))?;
            headers.insert(parsed, sensitive(value).ok_or_else(|| complain(&key, "is no value of a header"))?);
        }
        let form = match headers.get(CONTENT_TYPE).map(|value| value.as_bytes().split(|byte| *byte == b';').next()) {
            None => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
                false
            }
            Some(Some(kind)) if kind.trim_ascii().eq_ignore_ascii_case(JSON.as_bytes()) => false,
            Some(Some(kind)) if kind.trim_ascii().eq_ignore_ascii_case(FORM.as_bytes()) => true,
            Some(_) => return Err(complain("headers.Content-Type", &format!("must be {JSON} or {FORM}"))),
        };
        authorize(&mut headers, config.auth.as_ref())?;
        let body = match &config.body {
            None => None,
            Some(place) => match place.local().map_err(|error| complain("body", &error.to_string()))? {
                Contents::Here(source) => {
                    let source = std::str::from_utf8(&source).map_err(|_| complain("body", "is not UTF-8"))?;
                    let snippet =
                        Snippet::compile("body", source).map_err(|error| complain("body", &error.to_string()))?;
                    Some(Body::Compiled(snippet))
                }
                Contents::At(url) => Some(Body::Remote(remotes.snippet(&format!("{key}.body"), url))),
            },
        };
        Ok(Self { method, url: url.clone(), headers, form, body })
    }

    /// The request: `own` is its body where the operator wrote none, `context` what theirs is made from. A remote snippet
    /// of which there is no copy yet is waited for, for a bounded time.
    ///
    /// # Errors
    /// The snippet fails or cannot be fetched, or what it makes cannot be sent.
    pub async fn request(
        &self,
        outbound: &dyn Outbound,
        own: impl FnOnce() -> Value,
        context: impl FnOnce() -> Value,
    ) -> Result<OutboundRequest, CallError> {
        let mut body = String::new();
        if self.method != Method::TRACE {
            let value = match &self.body {
                None => own(),
                Some(body) => made(body.snippet(outbound).await?, context()).await?,
            };
            body = if self.form { form(&value)? } else { value.to_string() };
        }
        Ok(OutboundRequest {
            method: self.method.clone(),
            headers: self.headers.clone(),
            body: body.into(),
            ..OutboundRequest::get(self.url.clone())
        })
    }
}

impl Body {
    async fn snippet(&self, outbound: &dyn Outbound) -> Result<Snippet, CallError> {
        match self {
            Self::Compiled(snippet) => Ok(snippet.clone()),
            Self::Remote(remote) => {
                let snippet = remote.wait(outbound).await;
                snippet
                    .map(|snippet| Snippet::clone(&snippet))
                    .ok_or_else(|| CallError::NotFetched(remote.key().to_owned()))
            }
        }
    }
}

fn sensitive(value: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn authorize(headers: &mut HeaderMap, auth: Option<&Auth>) -> Result<(), Complaint> {
    let complain = |key: &str, reason: &str| (format!("auth.config.{key}"), reason.to_owned());
    let (name, value) = match auth {
        None => return Ok(()),
        Some(Auth::BasicAuth(basic)) => {
            let token = STANDARD.encode(format!("{}:{}", basic.user, basic.password.expose()));
            (AUTHORIZATION, Secret::new(format!("Basic {token}")))
        }
        Some(Auth::ApiKey(key)) => match key.r#in {
            ApiKeyPlace::Cookie => (COOKIE, Secret::new(format!("{}={}", key.name, key.value.expose()))),
            ApiKeyPlace::Header => {
                let name = HeaderName::from_bytes(key.name.as_bytes());
                (name.map_err(|_| complain("name", "is no name of a header"))?, key.value.clone())
            }
        },
    };
    headers.insert(name, sensitive(&value).ok_or_else(|| complain("value", "is no value of a header"))?);
    Ok(())
}

/// What a snippet makes, on a thread that may be kept busy.
async fn made(snippet: Snippet, context: Value) -> Result<Value, CallError> {
    let made = tokio::task::spawn_blocking(move || snippet.call(&context)).await.map_err(|_| CallError::Lost)?;
    Ok(made?)
}

/// The fields of an object; only what has one obvious text can be one.
fn form(value: &Value) -> Result<String, CallError> {
    let failure = |reason: &str| CallError::Form(reason.to_owned());
    let fields = value.as_object().ok_or_else(|| failure("it is no object"))?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::String(text) => form.append_pair(name, text),
            Value::Null => form.append_pair(name, ""),
            Value::Bool(_) | Value::Number(_) => form.append_pair(name, &value.to_string()),
            Value::Array(_) | Value::Object(_) => return Err(failure(&format!("{name} is no text"))),
        };
    }
    Ok(form.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_hold_what_has_one_text() {
        assert_eq!(form(&json!({ "a": "b & c", "n": 1, "t": true, "e": null })).unwrap(), "a=b+%26+c&n=1&t=true&e=");
        assert!(form(&json!({ "a": { "b": 1 } })).is_err() && form(&json!("text")).is_err());
    }
}
