//! Keeping the index of traits whole when schemas change. The rows of a person are written with the person
//! (`identities.rs`); what a schema newly declares is missing for all who were there before, until somebody has looked
//! at each of them – and until then nobody is found by it, rather than some.

use crate::{
    batch::{Batch, Expect},
    db::Store,
    directory,
    error::Error,
    identities::{self, VERSION},
    page::{marks, padded},
    value::{NETWORK, Value},
};
use std::collections::BTreeMap;
use zelos_core::{
    id::IdentityId,
    identity::Identity,
    schema::{Indexed, Schemas},
};

/// People who are looked at at once.
const CHUNK: usize = 250;

/// What is declared or built: schema, name of the trait, and how its values are compared.
type Declared = (String, String, String);

/// The names of indexed traits for which everybody has been looked at.
pub async fn built(store: &Store, schemas: &Schemas) -> Result<Vec<String>, Error> {
    let built = stored(store).await?;
    let declared = declared(schemas);
    let missing: Vec<&Declared> = declared.iter().filter(|one| !built.contains(one)).collect();
    let mut names: Vec<String> = schemas.indexed().into_iter().map(|indexed: &Indexed| indexed.name.clone()).collect();
    names.retain(|name| !missing.iter().any(|(_, of, _)| of == name));
    Ok(names)
}

/// Whether the index is what the schemas declare.
pub async fn is_current(store: &Store, schemas: &Schemas) -> Result<bool, Error> {
    Ok(stored(store).await? == declared(schemas))
}

/// Looks at everybody and puts right what the index holds of them; answers for how many people that was to be done. May
/// be stopped at any time and begun again, and does no harm beside servers or another one of its kind: each change is
/// made only if the person is still as they were read.
pub async fn rebuild(store: &Store, schemas: &Schemas) -> Result<u64, Error> {
    let mut changed = 0;
    let mut key = None;
    loop {
        // Those that cannot be read in full are left as they are: their traits may be what is missing.
        let people = directory::list_whole(store, key, CHUNK).await?;
        changed += put_right(store, schemas, &people.items).await?;
        key = people.next;
        if key.is_none() {
            break;
        }
    }
    let mut batch = Batch::new();
    batch.add("DELETE FROM trait_indexes WHERE nid = ?", [NETWORK]);
    let rows = declared(schemas)
        .into_iter()
        .map(|(schema, name, kind)| [NETWORK, Value::from(schema), name.into(), kind.into()]);
    batch.insert("trait_indexes (nid, schema_id, name, kind)", rows);
    match store.commit(batch).await {
        // Another one has just finished the same.
        Err(Error::Unique(_)) => Ok(changed),
        done => done.map(|_| changed),
    }
}

async fn put_right(store: &Store, schemas: &Schemas, people: &[Identity]) -> Result<u64, Error> {
    let rows = rows(store, people).await?;
    let mut changed = 0;
    for person in people {
        let wanted = schemas.find(&person.schema_id).map(|schema| schema.index_keys(&person.traits));
        let wanted = wanted.unwrap_or_default();
        if rows.get(&person.id).map_or(&[][..], Vec::as_slice) == wanted {
            continue;
        }
        let mut batch = Batch::new();
        // Held until the commit, so that whoever changes the person meanwhile writes the index after this.
        let sql = "UPDATE identities SET version = ? WHERE nid = ? AND id = ? AND version = ?";
        let values = [person.version.into(), NETWORK, person.id.into(), person.version.into()];
        batch.guarded(VERSION, Expect::Rows(1), sql, values);
        identities::replace_index(&mut batch, person.id, &wanted);
        match store.commit(batch).await {
            Ok(_) => changed += 1,
            // They were changed meanwhile, and their index with them.
            Err(Error::Unmet(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(changed)
}

/// What the index holds of those people, sorted by name.
async fn rows(store: &Store, people: &[Identity]) -> Result<BTreeMap<IdentityId, Vec<(String, String)>>, Error> {
    let mut found: BTreeMap<IdentityId, Vec<(String, String)>> = BTreeMap::new();
    if people.is_empty() {
        return Ok(found);
    }
    let ids: Vec<IdentityId> = people.iter().map(|person| person.id).collect();
    let sql = format!(
        "SELECT t.identity_id, t.name, t.value FROM indexed_traits t WHERE t.nid = ? AND t.identity_id IN ({}) \
         ORDER BY t.identity_id, t.name",
        marks(ids.len())
    );
    let values = std::iter::once(NETWORK).chain(padded(&ids).map(Value::from)).collect();
    let rows = store.scan(sql, values, |row| Ok((row.get::<IdentityId>(0)?, (row.get(1)?, row.get(2)?)))).await?;
    for (id, row) in rows {
        found.entry(id).or_default().push(row);
    }
    Ok(found)
}

async fn stored(store: &Store) -> Result<Vec<Declared>, Error> {
    let sql = "SELECT x.schema_id, x.name, x.kind FROM trait_indexes x WHERE x.nid = ? ORDER BY x.schema_id, x.name";
    store.all(sql, &[NETWORK], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).await
}

fn declared(schemas: &Schemas) -> Vec<Declared> {
    let of = |indexed: &Indexed| (indexed.name.clone(), indexed.kind.as_str().to_owned());
    let mut all: Vec<Declared> = schemas
        .iter()
        .flat_map(|schema| {
            schema.indexed().iter().map(of).map(|(name, kind)| (schema.id().to_owned(), name, kind)).collect::<Vec<_>>()
        })
        .collect();
    all.sort_unstable();
    all
}
