//! Makes a validator of a document: always offline, with patterns of linear time and the formats of identities.

use crate::identity::normalize;
use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// Why a schema can't be used. Found when the configuration is loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    #[error("the schema has {bytes} bytes, but at most {most} are read")]
    TooLarge { bytes: usize, most: usize },
    #[error("the schema is no JSON: {0}")]
    NotJson(String),
    #[error("{at} lies deeper than {most} levels")]
    TooDeep { at: String, most: usize },
    #[error("{at} refers to {target:?}: only places in the same document (#/…) can be referred to here")]
    ForeignReference { at: String, target: String },
    #[error("{at} refers to {target:?}, which is not there")]
    BrokenReference { at: String, target: String },
    #[error("the schema refers to {url}: {reason}")]
    Document { url: String, reason: String },
    #[error("{at} refers to itself")]
    Cycle { at: String },
    #[error("the schema describes more than {most} values when its references are followed")]
    TooManyFields { most: usize },
    #[error("{at} is longer than {most} bytes")]
    LongPattern { at: String, most: usize },
    #[error("{at} is no pattern that can be matched in linear time: {reason}")]
    BadPattern { at: String, reason: String },
    #[error("$schema is {0:?}, which is not known; use draft-07 or 2020-12")]
    UnknownDraft(String),
    #[error("the schema is no valid JSON Schema: {at}: {reason}")]
    Invalid { at: String, reason: String },
    #[error("{at} is no valid ory.sh/kratos extension: {reason}")]
    Extension { at: String, reason: String },
    #[error("{at}: zelos.sh/indexed {reason}")]
    Indexed { at: String, reason: &'static str },
    #[error("the trait {0} is indexed as one type in one schema and as another in another")]
    IndexedTwice(String),
    #[error("#/properties/traits must be an object with properties")]
    NoTraits,
    #[error("the schema {0:?} is configured twice")]
    Twice(String),
    #[error("the default schema {0:?} is not among the configured ones")]
    NoDefault(String),
}

/// The document's draft; without `$schema` it is draft-07.
pub(super) fn draft(document: &Value) -> Result<Draft, SchemaError> {
    let Some(named) = document.get("$schema") else { return Ok(Draft::Draft7) };
    let name = named.as_str().unwrap_or_default();
    let bare = name.trim_end_matches('#').trim_start_matches("http://").trim_start_matches("https://");
    match bare {
        "json-schema.org/draft-04/schema" => Ok(Draft::Draft4),
        "json-schema.org/draft-06/schema" => Ok(Draft::Draft6),
        "json-schema.org/draft-07/schema" => Ok(Draft::Draft7),
        "json-schema.org/draft/2019-09/schema" => Ok(Draft::Draft201909),
        "json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        _ => Err(SchemaError::UnknownDraft(name.to_owned())),
    }
}

/// The compiled form of a document.
pub(super) fn validator(document: &Value, draft: Draft) -> Result<Validator, SchemaError> {
    jsonschema::options()
        .with_draft(draft)
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .with_format("email", normalize::is_email)
        .with_format("tel", normalize::is_phone)
        .with_format("no-validate", |_: &str| true)
        .build(document)
        .map_err(|error| SchemaError::Invalid {
            at: format!("#{}", error.instance_path().as_str()),
            reason: error.to_string(),
        })
}
