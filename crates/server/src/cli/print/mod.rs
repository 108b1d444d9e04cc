//! How commands show what they found: tables for people, JSON and YAML for programs.
//!
//! The forms are the original's to the byte where scripts cut them apart: its tables are made of tabs, one thing stands
//! upright and several lie down, and `-q` leaves the first column.

mod path;
mod size;
mod table;
mod yaml;

pub(super) use size::{bytes, duration, parse_bytes};

use super::Failure;
use crate::out;
use clap::Args;
use serde_json::Value;

/// The flags that choose the form.
#[derive(Debug, Clone, Args)]
pub(super) struct Output {
    /// One of table, json, yaml, json-pretty, jsonpath=<path> and jsonpointer=<pointer>.
    #[arg(long, global = true, default_value = "table", value_parser = Format::parse)]
    format: Format,
    /// Print less: of a table only the first column.
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
}

/// A form.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    JsonPretty,
    Yaml,
    /// What stands at a path (`identities.0.id`), as pretty JSON.
    Path(String),
    /// What stands at a JSON pointer (RFC 6901), as pretty JSON.
    Pointer(String),
}

impl Format {
    /// Reads the flag, so that a slip is noticed before anything is done.
    fn parse(text: &str) -> Result<Self, String> {
        let (name, argument) = match text.split_once('=') {
            Some((name, argument)) => (name, Some(argument)),
            None => (text, None),
        };
        match (name, argument) {
            ("table" | "default", None) => Ok(Self::Table),
            ("json", None) => Ok(Self::Json),
            ("json-pretty", None) => Ok(Self::JsonPretty),
            ("yaml", None) => Ok(Self::Yaml),
            ("jsonpath", Some(path)) if !path.is_empty() => Ok(Self::Path(path.to_owned())),
            ("jsonpointer", Some(pointer)) if pointer.is_empty() || pointer.starts_with('/') => {
                Ok(Self::Pointer(pointer.to_owned()))
            }
            ("jsonpath", _) => Err("a path is missing, as in jsonpath=identities.0.id".to_owned()),
            ("jsonpointer", _) => Err("a pointer is missing, as in jsonpointer=/identities/0/id".to_owned()),
            _ => Err("known are table, json, yaml, json-pretty, jsonpath=<path> and jsonpointer=<pointer>".to_owned()),
        }
    }
}

impl Output {
    /// Shows one thing: its values in the order of `heads`, and the same as a document.
    pub(super) fn one(&self, heads: &[&str], values: &[String], document: &Value) -> Result<(), Failure> {
        if self.quiet {
            out::line(values.first().map_or("", String::as_str));
            return Ok(());
        }
        if self.format == Format::Table {
            let rows: Vec<_> = heads.iter().zip(values).map(|(head, value)| vec![*head, value.as_str()]).collect();
            out::text(table::align(&rows));
            return Ok(());
        }
        self.document(document)
    }

    /// Shows several things, a row for each.
    pub(super) fn many(&self, heads: &[&str], rows: &[Vec<String>], document: &Value) -> Result<(), Failure> {
        if self.quiet {
            for row in rows {
                out::line(row.first().map_or("", String::as_str));
            }
            return Ok(());
        }
        if self.format == Format::Table {
            let body = rows.iter().map(|row| row.iter().map(String::as_str).collect());
            out::text(table::align(&std::iter::once(heads.to_vec()).chain(body).collect::<Vec<_>>()));
            return Ok(());
        }
        self.document(document)
    }

    fn document(&self, document: &Value) -> Result<(), Failure> {
        match &self.format {
            Format::Yaml => out::text(yaml::write(document)),
            Format::Path(path) => out::line(pretty(&path::find(document, path))),
            Format::Pointer(pointer) => {
                let found = document.pointer(pointer);
                out::line(pretty(found.ok_or_else(|| Failure::new(format!("nothing stands at {pointer}")))?));
            }
            Format::JsonPretty => out::line(pretty(document)),
            Format::Json | Format::Table => out::line(document),
        }
        Ok(())
    }
}

fn pretty(document: &Value) -> String {
    format!("{document:#}")
}

/// The document with its members in the order of their names, as the original has those of identities.
pub(super) fn sorted(document: Value) -> Value {
    match document {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn forms_are_told_by_their_names() {
        assert_eq!(Format::parse("default"), Ok(Format::Table));
        assert_eq!(Format::parse("jsonpath=a.b=c"), Ok(Format::Path("a.b=c".to_owned())));
        assert_eq!(Format::parse("jsonpointer="), Ok(Format::Pointer(String::new())));
        for wrong in ["", "xml", "jsonpath", "jsonpath=", "jsonpointer", "jsonpointer=a", "json=a"] {
            assert!(Format::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn members_are_put_in_order_at_every_depth() {
        let document = json!({ "b": [{ "d": 1, "c": 2 }], "a": null });
        assert_eq!(sorted(document).to_string(), r#"{"a":null,"b":[{"c":2,"d":1}]}"#);
    }
}
