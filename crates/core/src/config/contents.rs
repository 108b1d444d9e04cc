//! Contents named by a URI inside the configuration: identity schemas, Jsonnet snippets, templates, keys.
//!
//! The URI is read when the configuration is loaded, so a misspelt one stops the start; base64 contents are decoded
//! then and never again. Fetching and compiling is the caller's business, and never done per request.

use super::{file, value::text_value};
use crate::outbound::{Outbound, OutboundError, OutboundRequest};
use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt, path::PathBuf, str::FromStr};
use url::Url;

/// Standard alphabet, with or without `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes of a document, wherever it lies.
pub use super::file::LARGEST;

/// Where contents come from: `file://`, `http://`, `https://` or `base64://`.
#[derive(Clone, PartialEq, Eq)]
pub struct ContentUri {
    raw: String,
    place: Place,
}

#[derive(Clone, PartialEq, Eq)]
enum Place {
    /// Relative paths count from the directory of the process.
    File(PathBuf),
    Remote(Url),
    Inline(Bytes),
}

/// Contents, or where they are.
#[derive(Debug)]
pub enum Contents<'a> {
    Here(Bytes),
    At(&'a Url),
}

/// Why contents could not be had. Never shows inline contents.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("{path} cannot be read: {reason}")]
    File { path: String, reason: std::io::Error },
    #[error("{url} cannot be fetched: {reason}")]
    Remote { url: Url, reason: OutboundError },
    #[error("{url} answered with status {status}")]
    Status { url: Url, status: StatusCode },
}

impl ContentUri {
    /// Reads the URI.
    ///
    /// # Errors
    /// A scheme other than the four, an unusable URL, or base64 that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let place = if let Some(path) = text.strip_prefix("file://") {
            if path.is_empty() {
                return Err("file:// is followed by no path".to_owned());
            }
            Place::File(PathBuf::from(path))
        } else if let Some(encoded) = text.strip_prefix("base64://") {
            Place::Inline(BASE64.decode(encoded).map_err(|_| "base64:// is not followed by base64".to_owned())?.into())
        } else if text.starts_with("http://") || text.starts_with("https://") {
            Place::Remote(Url::parse(text).map_err(|e| format!("not a URL: {e}"))?)
        } else {
            return Err("expected a URI that starts with file://, http://, https:// or base64://".to_owned());
        };
        Ok(Self { raw: text.to_owned(), place })
    }

    /// Inline contents.
    pub fn inline(contents: impl Into<Bytes>) -> Self {
        let contents = contents.into();
        Self { raw: format!("base64://{}", BASE64.encode(&contents)), place: Place::Inline(contents) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.raw
    }

    /// The URL, if contents are fetched.
    pub fn remote(&self) -> Option<&Url> {
        match &self.place {
            Place::Remote(url) => Some(url),
            Place::File(_) | Place::Inline(_) => None,
        }
    }

    /// The contents, or the URL from which they have to be fetched. Waits for a file, as [`file::read`] does: it is called
    /// when a configuration is loaded, on a thread that may wait.
    ///
    /// # Errors
    /// The file cannot be read, as [`file::read`] has it.
    pub fn local(&self) -> Result<Contents<'_>, ContentError> {
        match &self.place {
            Place::Inline(contents) => Ok(Contents::Here(contents.clone())),
            Place::File(path) => file::read(path)
                .map(|contents| Contents::Here(contents.into()))
                .map_err(|reason| ContentError::File { path: path.display().to_string(), reason }),
            Place::Remote(url) => Ok(Contents::At(url)),
        }
    }

    /// The contents, fetched if they are remote.
    ///
    /// # Errors
    /// The file or the remote place does not give them.
    pub async fn load(&self, outbound: &dyn Outbound) -> Result<Bytes, ContentError> {
        match self.local()? {
            Contents::Here(contents) => Ok(contents),
            Contents::At(url) => fetch(url, outbound).await,
        }
    }
}

async fn fetch(url: &Url, outbound: &dyn Outbound) -> Result<Bytes, ContentError> {
    let request = OutboundRequest { retries: 2, max_body: LARGEST, ..OutboundRequest::get(url.clone()) };
    let answer = outbound.send(request).await.map_err(|reason| ContentError::Remote { url: url.clone(), reason })?;
    match answer.status {
        StatusCode::OK => Ok(answer.body),
        status => Err(ContentError::Status { url: url.clone(), status }),
    }
}

impl FromStr for ContentUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
    }
}

impl fmt::Display for ContentUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}

impl fmt::Debug for ContentUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Inline(contents) => write!(f, "base64://({} bytes)", contents.len()),
            Place::File(_) | Place::Remote(_) => f.write_str(&self.raw),
        }
    }
}

text_value!(ContentUri, "content-uri");

/// Quirk: the body of a web hook may still be a bare path (request/builder.go); it is read as `file://` + path.
pub(crate) mod or_path {
    use super::ContentUri;
    use schemars::{Schema, SchemaGenerator, json_schema};
    use serde::{Deserialize, Deserializer, de::Error};

    pub(crate) fn parse(text: &str) -> Result<ContentUri, String> {
        if text.contains("://") || text.is_empty() {
            ContentUri::parse(text)
        } else {
            ContentUri::parse(&format!("file://{text}"))
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ContentUri>, D::Error> {
        let text = Some(String::deserialize(deserializer)?).filter(|text| !text.is_empty());
        text.map(|text| parse(&text)).transpose().map_err(D::Error::custom)
    }

    pub(crate) fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "content-uri-or-path" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::OutboundResponse;
    use http::HeaderMap;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn base64_is_decoded_once_and_not_shown() {
        let uri = ContentUri::parse("base64://eyJhIjoxfQ").unwrap();
        assert!(matches!(&uri.place, Place::Inline(contents) if contents.as_ref() == b"{\"a\":1}"));
        assert_eq!(format!("{uri:?}"), "base64://(7 bytes)");
        assert_eq!(ContentUri::inline("{\"a\":1}").as_str(), "base64://eyJhIjoxfQ==");
    }

    #[test]
    fn file_uris_keep_relative_paths() {
        for (text, path) in [("file://./schemas/a.json", "./schemas/a.json"), ("file:///etc/a.json", "/etc/a.json")] {
            assert!(matches!(ContentUri::parse(text).unwrap().place, Place::File(found) if found.as_os_str() == path));
        }
    }

    #[test]
    fn other_uris_are_refused() {
        for text in ["", "file://", "ftp://a/b", "/etc/a.json", "base64://*", "http://", "data:,x"] {
            assert!(ContentUri::parse(text).is_err(), "{text}");
        }
    }

    /// Answers every request with one status, at once.
    struct Answers(StatusCode);

    #[async_trait::async_trait]
    impl Outbound for Answers {
        async fn send(&self, request: OutboundRequest) -> Result<OutboundResponse, OutboundError> {
            let body = Bytes::from(request.url.to_string());
            Ok(OutboundResponse { status: self.0, headers: HeaderMap::new(), body })
        }
    }

    /// Nothing here waits, so one look at the future is enough.
    fn loaded(text: &str, status: StatusCode) -> Result<Bytes, String> {
        let uri = ContentUri::parse(text).unwrap();
        let outbound = Answers(status);
        let future = std::pin::pin!(uri.load(&outbound));
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result.map_err(|error| error.to_string()),
            Poll::Pending => panic!("{text} waits"),
        }
    }

    #[test]
    fn contents_come_from_where_the_uri_says() {
        assert_eq!(loaded("base64://aGk=", StatusCode::OK).unwrap(), "hi");
        assert_eq!(loaded("https://a.example/x", StatusCode::OK).unwrap(), "https://a.example/x");
        let manifest = format!("file://{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"));
        assert!(loaded(&manifest, StatusCode::OK).unwrap().starts_with(b"[package]"));
    }

    #[test]
    fn failures_say_where_and_why() {
        let missing = loaded("file://./no/such/file", StatusCode::OK).unwrap_err();
        assert_eq!(missing, "./no/such/file cannot be read: No such file or directory (os error 2)");
        let refused = loaded("https://a.example/x", StatusCode::NOT_FOUND).unwrap_err();
        assert_eq!(refused, "https://a.example/x answered with status 404 Not Found");
    }

    #[test]
    fn a_bare_path_is_a_file_where_that_is_allowed() {
        assert_eq!(or_path::parse("./body.jsonnet").unwrap().as_str(), "file://./body.jsonnet");
        assert!(or_path::parse("ftp://body.jsonnet").is_err());
    }
}
