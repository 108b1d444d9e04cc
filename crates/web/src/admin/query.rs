//! Parameters that administrators put into the query.

use crate::caller::Caller;
use std::str::FromStr;
use time::OffsetDateTime;
use uuid::Uuid;
use zelos_core::{
    identity::CredentialType,
    problem::{Problem, Result},
    timestamp,
};

/// The members of a query, in order.
pub(crate) type Query = [(String, String)];

/// The first value of that name; an empty one counts as not given.
pub(crate) fn value<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    values(query, name).next().filter(|value| !value.is_empty())
}

/// Every value of that name.
pub(crate) fn values<'a>(query: &'a Query, name: &str) -> impl Iterator<Item = &'a str> {
    query.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
}

/// Of which credentials the configuration is to be shown: of those that are asked for, and of none to a token that must not see
/// it. That they exist is shown in any case.
pub(crate) fn included(caller: &Caller) -> Result<Included> {
    let mut types = values(&caller.query(), "include_credential")
        .map(|word| CredentialType::from_str(word).map_err(|()| invalid(word, "include_credential")))
        .collect::<Result<Vec<_>>>()?;
    let is_asked = !types.is_empty();
    types.retain(|_| caller.sees_credentials);
    Ok(Included { types, is_asked })
}

/// What `include_credential` asks for.
#[derive(Debug)]
pub(crate) struct Included {
    /// The types whose configuration is shown.
    pub(crate) types: Vec<CredentialType>,
    /// Whether credentials were asked for at all.
    pub(crate) is_asked: bool,
}

/// An id in the query.
pub(crate) fn id(text: &str, name: &str) -> Result<Uuid> {
    Uuid::parse_str(text).map_err(|_| Problem::bad(format!("Invalid UUID value `{text}` for parameter `{name}`.")))
}

/// The time of that name in the query (RFC 3339).
pub(crate) fn time(query: &Query, name: &str) -> Result<Option<OffsetDateTime>> {
    let read = |text: &str| {
        // A plus sign that was not escaped has become a space.
        timestamp::parse(&text.replace(' ', "+"))
            .map_err(|why| Problem::bad(format!("Invalid value `{text}` for parameter `{name}`: {why}.")))
    };
    value(query, name).map(read).transpose()
}

/// A value that a parameter cannot have.
pub(crate) fn invalid(value: &str, name: &str) -> Problem {
    Problem::bad(format!("Invalid value `{value}` for parameter `{name}`."))
}

/// A truth value as Go reads it.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}
