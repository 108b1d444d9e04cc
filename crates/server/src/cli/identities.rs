//! `get|list|delete|import|validate identity`: people, by way of a server's admin API.
//!
//! Several are handled one after the other, and one that fails stops none of the rest; the exit code says that one did.

use super::{
    Failure,
    client::{Client, Refusal, json},
    people::Files,
    print::{Output, sorted},
};
use clap::{Args, ValueEnum};
use http::header::LINK;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::form_urlencoded;
use zelos_core::{outbound::OutboundResponse, schema::IdentitySchema};

/// Whom to get.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// Their ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// The ids are external ones.
    #[arg(long)]
    external_id: bool,
    /// Show tokens of providers too.
    #[arg(short, long, value_name = "TYPE")]
    include_credentials: Vec<IncludedCredential>,
}

/// Credentials whose content may be shown.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum IncludedCredential {
    Oidc,
}

/// Which part of the list.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Most people of a page.
    #[arg(long, default_value_t = 100)]
    page_size: u32,
    /// The page, by the token that the page before it ended with.
    // A sealed token may begin with a hyphen.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    page_token: String,
    /// Accepted for compatibility: every read is as fresh as the database.
    #[arg(long, default_value = "eventual")]
    consistency: Consistency,
}

/// How fresh a read must be.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Consistency {
    Strong,
    Eventual,
}

/// Whom to delete.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Their ids.
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
}

const HEADS: [&str; 6] = ["ID", "EXTERNAL ID", "VERIFIED ADDRESSES", "RECOVERY ADDRESSES", "SCHEMA ID", "SCHEMA URL"];

const COLLECTION: [&str; 2] = ["admin", "identities"];

/// Shows people by their ids.
pub(super) async fn get(client: Client, output: Output, flags: Get) -> Result<(), Failure> {
    let query: Vec<_> = flags.include_credentials.iter().map(|_| ("include_credential", "oidc")).collect();
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    for id in &flags.ids {
        let path: &[&str] = if flags.external_id { &["by", "external", id] } else { &[id] };
        match client.get(&[&COLLECTION, path].concat(), &query).await.and_then(|answer| json(&answer)) {
            Ok(identity) => found.push(shown(identity)),
            Err(Refusal(reason)) => failed.push(format!("{id}: {reason}")),
        }
    }
    if !found.is_empty() {
        show(&output, found)?;
    }
    all_or(failed)
}

/// Shows a page of everybody.
pub(super) async fn list(client: Client, output: Output, flags: List) -> Result<(), Failure> {
    let size = flags.page_size.to_string();
    let consistency = match flags.consistency {
        Consistency::Strong => "strong",
        Consistency::Eventual => "eventual",
    };
    let query = [("page_size", size.as_str()), ("page_token", &flags.page_token), ("consistency", consistency)];
    let given = query.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>();
    let answer = client.get(&COLLECTION, &given).await?;
    let Value::Array(identities) = json(&answer)? else {
        return Err(Failure::new("the server's answer is no list"));
    };
    let identities: Vec<Value> = identities.into_iter().map(shown).collect();
    let next = next_page(&answer).unwrap_or_default();
    let rows = rows(&identities, &next);
    output.many(&HEADS, &rows, &json!({ "identities": identities, "next_page_token": next }))
}

/// Deletes people by their ids.
pub(super) async fn delete(client: Client, output: Output, flags: Delete) -> Result<(), Failure> {
    let (mut deleted, mut failed) = (Vec::new(), Vec::new());
    for id in flags.ids {
        match client.delete(&[&COLLECTION[..], &[&id]].concat()).await {
            Ok(_) => deleted.push(id),
            Err(Refusal(reason)) => failed.push(format!("{id}: {reason}")),
        }
    }
    match deleted.as_slice() {
        [] => {}
        [id] => output.one(&["ID"], &deleted, &id.as_str().into())?,
        _ => {
            let rows: Vec<_> = deleted.iter().map(|id| vec![id.clone()]).collect();
            output.many(&["ID"], &rows, &deleted.clone().into())?;
        }
    }
    all_or(failed)
}

/// Creates people from files.
pub(super) async fn import(client: Client, output: Output, files: Files) -> Result<(), Failure> {
    let (mut created, mut failed) = (Vec::new(), Vec::new());
    for (place, identity) in files.all()? {
        let place = place.by_number();
        match client.post(&COLLECTION, &identity).await.and_then(|answer| json(&answer)) {
            Ok(identity) => created.push(shown(identity)),
            Err(Refusal(reason)) => failed.push(format!("{place}: {reason}")),
        }
    }
    show(&output, created)?;
    all_or(failed)
}

/// Checks people in files against the body of a create, and against the server's schemas.
pub(super) async fn validate(client: Client, files: Files) -> Result<(), Failure> {
    let mut schemas: BTreeMap<String, IdentitySchema> = BTreeMap::new();
    for (place, identity) in files.all()? {
        let place = place.by_number();
        let at_place = |reason: &str| format!("{place}: {reason}");
        let mut wrong = Vec::new();
        if let Err(reason) = zelos_web::check_create(identity.to_string().as_bytes()) {
            wrong.push(at_place(&reason));
        }
        let Some(id) = identity["schema_id"].as_str() else {
            wrong.push(at_place("schema_id is missing"));
            return Err(Failure(wrong));
        };
        if !schemas.contains_key(id) {
            let compiled = schema(&client, id).await.map_err(|reason| Failure::new(at_place(&reason)))?;
            schemas.insert(id.to_owned(), compiled);
        }
        if let Some(schema) = schemas.get(id)
            && let Err(violations) = schema.validate(&identity["traits"])
        {
            wrong.extend(violations.0.iter().map(|violation| {
                let at = violation.at.as_deref().unwrap_or("traits");
                format!("{place}: {at}: {}", violation.reason)
            }));
        }
        if !wrong.is_empty() {
            return Err(Failure(wrong));
        }
    }
    crate::out::line("All identity files are valid.");
    Ok(())
}

async fn schema(client: &Client, id: &str) -> Result<IdentitySchema, String> {
    let answer = client.get(&["schemas", id], &[]).await;
    let answer = answer.map_err(|Refusal(reason)| format!("the schema {id:?} cannot be had: {reason}"))?;
    IdentitySchema::compile(id, &answer.body).map_err(|error| format!("the schema {id:?} cannot be used: {error}"))
}

/// As the original's commands show a person: members in the order of their names, metadata only if there is any.
fn shown(mut identity: Value) -> Value {
    if let Value::Object(members) = &mut identity {
        members.retain(|name, value| !(name.starts_with("metadata_") && value.is_null()));
    }
    sorted(identity)
}

fn all_or(failed: Vec<String>) -> Result<(), Failure> {
    if failed.is_empty() { Ok(()) } else { Err(Failure(failed)) }
}

/// One stands upright, any other number is a table.
fn show(output: &Output, mut identities: Vec<Value>) -> Result<(), Failure> {
    if let [identity] = identities.as_mut_slice() {
        return output.one(&HEADS, &columns(identity), &identity.take());
    }
    output.many(&HEADS, &rows(&identities, ""), &identities.into())
}

/// Rows of a table, and what ends it.
///
/// Quirk: an empty row and the token of the next page end every table of identities, also where there are no pages and
/// where only ids are asked for (cmd/identities/definitions.go).
fn rows(identities: &[Value], next: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = identities.iter().map(columns).collect();
    rows.push(vec![String::new()]);
    rows.push(vec!["NEXT PAGE TOKEN".to_owned(), next.to_owned()]);
    rows
}

fn columns(identity: &Value) -> Vec<String> {
    let text = |name: &str| identity[name].as_str().unwrap_or_default().to_owned();
    let addresses = |name: &str| {
        let values = identity[name].as_array().into_iter().flatten().filter_map(|address| address["value"].as_str());
        values.filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ")
    };
    let external = Some(text("external_id")).filter(|id| !id.is_empty());
    vec![
        text("id"),
        external.unwrap_or_else(|| "<none>".to_owned()),
        // Quirk: verified or not (cmd/identities/definitions.go).
        addresses("verifiable_addresses"),
        addresses("recovery_addresses"),
        text("schema_id"),
        text("schema_url"),
    ]
}

/// The token of the next page, from the header `Link`.
fn next_page(answer: &OutboundResponse) -> Option<String> {
    let links = answer.headers.get_all(LINK).iter().filter_map(|links| links.to_str().ok());
    let mut links = links.flat_map(|links| links.split(','));
    let next = links.find(|link| link.contains("rel=\"next\""))?;
    let url = next.trim().strip_prefix('<')?.split('>').next()?;
    let (_, query) = url.split_once('?')?;
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page_token").map(|(_, token)| token.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue, StatusCode};

    #[test]
    fn the_next_page_is_the_one_called_next() {
        let answer = |links: &str| OutboundResponse {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(LINK, HeaderValue::from_str(links).unwrap())]),
            body: bytes::Bytes::new(),
        };
        let both = "</admin/identities?page_token=0&page_size=1>; rel=\"first\",\
                    </admin/identities?page_size=1&page_token=a%2Fb>; rel=\"next\"";
        assert_eq!(next_page(&answer(both)).as_deref(), Some("a/b"));
        assert_eq!(next_page(&answer("</x?page_token=0>; rel=\"first\"")), None);
    }

    #[test]
    fn a_person_is_six_columns() {
        let identity = json!({
            "id": "i", "schema_id": "s", "schema_url": "u", "external_id": "",
            "verifiable_addresses": [{ "value": "a" }, { "value": "b" }], "recovery_addresses": null,
        });
        assert_eq!(columns(&identity), ["i", "<none>", "a, b", "", "s", "u"]);
    }
}
