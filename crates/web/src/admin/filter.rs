//! What a list of identities is asked for: the parameters of the wire, and beside them ours – states, times, indexed
//! traits and an order. All of them may be combined.
//!
//! A trait that is not indexed is refused by name, and an order that does not exist as well: whoever misspells one must
//! not take everybody for the answer.

use super::query::{self, Query};
use std::str::FromStr;
use zelos_core::{
    id::IdentityId,
    identity::{State, normalize},
    problem::{Problem, Result},
    schema::{Indexed, Schemas},
};
use zelos_store::{
    directory::{Order, Sort, Span},
    identities::{Filter, IdentifierFilter},
};

/// How many ids one list may ask for.
const MOST_IDS: usize = 500;

/// What the names of parameters for traits begin with.
const TRAITS: &str = "traits.";

/// Which identities are asked for.
pub(super) fn read(query: &Query, schemas: &Schemas) -> Result<Filter> {
    let ids =
        query::values(query, "ids").map(|id| query::id(id, "ids").map(IdentityId)).collect::<Result<Vec<_>, _>>()?;
    if ids.len() > MOST_IDS {
        return Err(Problem::bad(format!("The number of ids to filter must not exceed {MOST_IDS}.")));
    }
    let organization_id =
        query::value(query, "organization_id").map(|id| query::id(id, "organization_id")).transpose()?;
    let exact = query::value(query, "credentials_identifier");
    let similar = query::value(query, "preview_credentials_identifier_similar");
    if exact.is_some() && similar.is_some() {
        return Err(Problem::bad("Only one filter for identifiers can be used at a time."));
    }
    let identifier = exact.or(similar).map(|text| IdentifierFilter {
        normalized: normalize::identifier(text),
        verbatim: text.to_owned(),
        prefix: exact.is_none(),
    });
    let state = query::value(query, "state")
        .map(|word| State::from_str(word).map_err(|()| query::invalid(word, "state")))
        .transpose()?;
    Ok(Filter {
        ids,
        organization_id,
        identifier,
        state,
        schema_id: query::value(query, "schema_id").map(ToOwned::to_owned),
        created: span(query, "created_after", "created_before")?,
        updated: span(query, "updated_after", "updated_before")?,
        traits: traits(query, schemas)?,
    })
}

fn span(query: &Query, from: &str, before: &str) -> Result<Span> {
    Ok(Span { from: query::time(query, from)?, before: query::time(query, before)? })
}

fn traits(query: &Query, schemas: &Schemas) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in query.iter().filter(|(name, _)| name.starts_with(TRAITS)) {
        let indexed = indexed(schemas, name)?;
        let key = indexed.kind.key_of_text(value).ok_or_else(|| query::invalid(value, name))?;
        if found.iter().any(|(known, _)| known == name) {
            return Err(Problem::bad(format!("The parameter `{name}` is given twice.")));
        }
        found.push((name.clone(), key));
    }
    Ok(found)
}

fn indexed<'a>(schemas: &'a Schemas, name: &str) -> Result<&'a Indexed> {
    let all = schemas.indexed();
    if let Some(indexed) = all.iter().find(|indexed| indexed.name == name) {
        return Ok(indexed);
    }
    let names: Vec<String> = all.iter().map(|indexed| format!("`{}`", indexed.name)).collect();
    Err(Problem::bad(if names.is_empty() {
        format!("The trait `{name}` is not indexed, and no other is: mark it with zelos.sh/indexed in its schema.")
    } else {
        format!("The trait `{name}` is not indexed. These are: {}.", names.join(", "))
    }))
}

/// In which order they are asked for. Without a word, whoever asks for a time gets them by that time, whoever asks for
/// the beginning of an identifier and nothing else by these, and everybody else by id.
pub(super) fn order(query: &Query, filter: &Filter, schemas: &Schemas) -> Result<Order> {
    let Some(text) = query::value(query, "sort") else {
        let by = match (filter.created.is_given(), filter.updated.is_given()) {
            (true, _) => Sort::CreatedAt,
            (false, true) => Sort::UpdatedAt,
            (false, false) if filter.is_beginning_only() => Sort::Identifier,
            (false, false) => Sort::Id,
        };
        return Ok(Order { by, descending: false });
    };
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    let by = match name {
        "id" => Sort::Id,
        "created_at" => Sort::CreatedAt,
        "updated_at" => Sort::UpdatedAt,
        _ if name.starts_with(TRAITS) => Sort::Trait(indexed(schemas, name)?.name.clone()),
        _ => return Err(query::invalid(text, "sort")),
    };
    Ok(Order { by, descending })
}

/// The names of the traits that a list needs the index of.
pub(super) fn named<'a>(filter: &'a Filter, order: &'a Order) -> impl Iterator<Item = &'a str> {
    let sorted = if let Sort::Trait(name) = &order.by { Some(name.as_str()) } else { None };
    filter.traits.iter().map(|(name, _)| name.as_str()).chain(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;
    use zelos_core::schema::IdentitySchema;

    fn query(text: &str) -> Vec<(String, String)> {
        url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }

    fn schemas(indexed: bool) -> Schemas {
        let document = json!({ "properties": { "traits": { "type": "object", "properties": {
            "name": { "type": "string", "zelos.sh/indexed": indexed },
            "age": { "type": "integer", "zelos.sh/indexed": indexed },
        } } } });
        Schemas::new("s", [(IdentitySchema::compile("s", document.to_string().as_bytes()).unwrap(), true)]).unwrap()
    }

    fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn filters_may_be_combined() {
        let schemas = schemas(true);
        let read = |text: &str| read(&query(text), &schemas);
        assert!(read("credentials_identifier=a&preview_credentials_identifier_similar=b").is_err());
        assert!(read("ids=x").is_err());
        let nil = "00000000-0000-4000-8000-000000000000";
        let found = read(&format!("credentials_identifier=A%40b.c&organization_id={nil}&state=inactive")).unwrap();
        let identifier = found.identifier.unwrap();
        assert_eq!((identifier.normalized.as_str(), identifier.verbatim.as_str()), ("a@b.c", "A@b.c"));
        assert!(!identifier.prefix && found.organization_id.is_some());
        assert_eq!(found.state, Some(State::Inactive));
        assert!(read("preview_credentials_identifier_similar=a").unwrap().identifier.unwrap().prefix);
        let found = read("traits.age=7&traits.name=Ada").unwrap();
        assert_eq!(found.traits[0].0, "traits.age");
        assert_eq!(found.traits[1], ("traits.name".to_owned(), "Ada".to_owned()));
        let from = read("created_after=2030-01-02T03:04:05%2B01:00").unwrap().created.from;
        assert_eq!(from, Some(datetime!(2030-01-02 02:04:05 UTC)));
        assert_eq!(read("created_after=2030-01-02T03:04:05+01:00").unwrap().created.from, from);
        for wrong in ["state=x", "created_before=yesterday", "traits.age=x", "traits.name=a&traits.name=b"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_trait_is_answered_with_those_there_are() {
        let said = refusal(read(&query("traits.nmae=a"), &schemas(true)));
        assert_eq!(said, "The trait `traits.nmae` is not indexed. These are: `traits.age`, `traits.name`.");
        let said = refusal(read(&query("traits.name=a"), &schemas(false)));
        assert!(said.contains("zelos.sh/indexed"), "{said}");
        assert!(order(&query("sort=traits.x"), &Filter::default(), &schemas(true)).is_err());
    }

    #[test]
    fn an_order_is_given_or_follows_from_the_times() {
        let schemas = schemas(true);
        let of = |text: &str| {
            let query = query(text);
            order(&query, &read(&query, &schemas)?, &schemas)
        };
        let by = |by, descending| Order { by, descending };
        assert_eq!(of("").unwrap(), by(Sort::Id, false));
        assert_eq!(of("preview_credentials_identifier_similar=a").unwrap(), by(Sort::Identifier, false));
        assert_eq!(of("preview_credentials_identifier_similar=a&state=active").unwrap(), by(Sort::Id, false));
        assert_eq!(of("credentials_identifier=a").unwrap(), by(Sort::Id, false));
        assert_eq!(of("sort=-created_at").unwrap(), by(Sort::CreatedAt, true));
        assert_eq!(of("sort=traits.name").unwrap(), by(Sort::Trait("traits.name".into()), false));
        assert_eq!(of("updated_before=2030-01-02T03:04:05Z").unwrap(), by(Sort::UpdatedAt, false));
        for wrong in ["sort=name", "sort=--id", "sort=id%20desc"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
