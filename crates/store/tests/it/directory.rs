//! Lists of identities in every order, page by page, and the index of traits when schemas change.

use crate::{
    database::{Database, each},
    identities::insert,
    sample::{self, NOW, person},
};
use serde_json::json;
use time::Duration;
use zelos_core::{
    identity::{CredentialType, Identity, State},
    schema::{IdentitySchema, Schemas},
};
use zelos_store::{
    Batch, Error, Page, Store,
    directory::{Filter, IdentifierFilter, Order, Sort, Span, search},
    identities, trait_index,
};

/// A person whose team, age and times are not in the order of their ids.
fn sorted(number: u32) -> Identity {
    let mut person = person(number);
    person.state = if number.is_multiple_of(3) { State::Inactive } else { State::Active };
    person.created_at = NOW + Duration::seconds(i64::from(number * 7 % 10));
    person.updated_at = NOW - Duration::seconds(i64::from(number));
    person.traits = json!({ "team": if number.is_multiple_of(2) { "blue" } else { "Red" } });
    person.indexed = Some(schemas(&["team"]).default_schema().index_keys(&person.traits));
    person
}

fn schemas(indexed: &[&str]) -> Schemas {
    let fields = ["team", "colour"]
        .map(|name| (name.to_owned(), json!({ "type": "string", "zelos.sh/indexed": indexed.contains(&name) })));
    let fields = serde_json::Map::from_iter(fields);
    let document = json!({ "properties": { "traits": { "type": "object", "properties": fields } } });
    let schema = IdentitySchema::compile("default", document.to_string().as_bytes()).unwrap();
    Schemas::new("default", [(schema, true)]).unwrap()
}

/// Everybody, three at a time.
async fn pages(store: &Store, filter: &Filter, order: &Order) -> Vec<Identity> {
    let (mut all, mut key) = (Vec::new(), None);
    loop {
        let list = search(store, filter, order, Page::After { key, size: 3 }).await.unwrap();
        assert!(list.items.len() <= 3);
        all.extend(list.items);
        key = list.next;
        if key.is_none() {
            return all;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_leads_through_all_pages() {
    each(|Database { store, .. }| async move {
        for number in 1..=10 {
            insert(&store, &sorted(number)).await.unwrap();
        }
        let team = |person: &Identity| person.traits["team"].as_str().unwrap().to_owned();
        for descending in [false, true] {
            for by in [Sort::Id, Sort::CreatedAt, Sort::UpdatedAt, Sort::Trait("traits.team".into())] {
                let order = Order { by: by.clone(), descending };
                let found = pages(&store, &Filter::default(), &order).await;
                let mut expected = found.clone();
                match by {
                    Sort::Id | Sort::Identifier => expected.sort_by_key(|person| person.id),
                    Sort::CreatedAt => expected.sort_by_key(|person| (person.created_at, person.id)),
                    Sort::UpdatedAt => expected.sort_by_key(|person| (person.updated_at, person.id)),
                    Sort::Trait(_) => expected.sort_by_key(|person| (team(person), person.id)),
                }
                if descending {
                    expected.reverse();
                }
                let ids = |people: &[Identity]| people.iter().map(|person| person.id).collect::<Vec<_>>();
                assert_eq!((found.len(), ids(&found)), (10, ids(&expected)), "{order:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_are_combined() {
    each(|Database { store, .. }| async move {
        for number in 1..=10 {
            insert(&store, &sorted(number)).await.unwrap();
        }
        let blue = vec![("traits.team".to_owned(), "blue".to_owned())];
        let late = Span { from: Some(NOW + Duration::seconds(5)), before: None };
        let orders = [Sort::Id, Sort::CreatedAt, Sort::UpdatedAt, Sort::Trait("traits.team".into())];
        for by in orders {
            let order = Order { by, descending: false };
            let filter = Filter { state: Some(State::Inactive), ..Filter::default() };
            assert_eq!(pages(&store, &filter, &order).await.len(), 3, "{order:?}: 3, 6, 9");
            let filter = Filter { traits: blue.clone(), ..Filter::default() };
            assert_eq!(pages(&store, &filter, &order).await.len(), 5, "{order:?}");
            let filter = Filter { traits: blue.clone(), state: Some(State::Inactive), ..Filter::default() };
            assert_eq!(pages(&store, &filter, &order).await.len(), 1, "{order:?}: 6");
            let filter = Filter { created: late, traits: blue.clone(), ..Filter::default() };
            assert_eq!(pages(&store, &filter, &order).await.len(), 2, "{order:?}: 4 and 8");
            let filter = Filter { traits: vec![("traits.team".into(), "b\0".into())], ..Filter::default() };
            assert_eq!(pages(&store, &filter, &order).await.len(), 0, "{order:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beginnings_are_found_once_each_in_the_order_of_names() {
    each(|Database { store, .. }| async move {
        for number in 1..=10 {
            insert(&store, &sorted(number)).await.unwrap();
        }
        // Somebody with a name at another server that is somebody else's here, and one that begins alike.
        let mut guest = sorted(11);
        guest.credentials.push(sample::credential(11, CredentialType::Oidc, &["name-3", "name-5:x", "Name-1"]));
        insert(&store, &guest).await.unwrap();
        let order = Order { by: Sort::Identifier, descending: false };
        let find = async |text: &str| {
            let identifier = IdentifierFilter { normalized: text.to_lowercase(), verbatim: text.into(), prefix: true };
            let filter = Filter { identifier: Some(identifier), ..Filter::default() };
            let mut found = Vec::new();
            for person in pages(&store, &filter, &order).await {
                found.push(person.external_id.unwrap().replace("external-", ""));
            }
            found.join(" ")
        };
        assert_eq!(find("name-").await, "1 10 11 2 3 4 5 6 7 8 9", "name-11 is the first of the guest's names");
        assert_eq!(find("name-3").await, "3 11", "one name of two people");
        assert_eq!(find("name-5").await, "5 11");
        assert_eq!(find("Name-1").await, "11 1 10", "verbatim only where names are");
        assert_eq!(find("person-1").await, "10 11 1", "password and code have the same");
        assert_eq!(find("nobody").await, "");
        let identifier = IdentifierFilter { normalized: "name-".into(), verbatim: "name-".into(), prefix: true };
        let filter = Filter { identifier: Some(identifier), ..Filter::default() };
        let third = search(&store, &filter, &order, Page::Number { page: 2, size: 4 }).await.unwrap().items;
        assert_eq!(third.len(), 3, "by number as well");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_follows_the_person() {
    each(|Database { store, .. }| async move {
        let old = sorted(1);
        insert(&store, &old).await.unwrap();
        let mut new = old.clone();
        new.traits = json!({ "team": "green" });
        new.indexed = None;
        let mut batch = Batch::new();
        identities::update(&mut batch, &old, &new);
        assert!(matches!(store.commit(batch).await, Err(Error::Other(_))), "whoever changes traits says their index");
        new.indexed = Some(vec![("traits.team".into(), "green".into())]);
        let mut batch = Batch::new();
        identities::update(&mut batch, &old, &new);
        store.commit(batch).await.unwrap();
        let team = |value: &str| Filter { traits: vec![("traits.team".into(), value.into())], ..Filter::default() };
        let order = Order::default();
        assert_eq!(pages(&store, &team("green"), &order).await.len(), 1);
        assert_eq!(pages(&store, &team("Red"), &order).await.len(), 0);
        let mut batch = Batch::new();
        identities::delete(&mut batch, old.id);
        store.commit(batch).await.unwrap();
        let left: i64 = store.one("SELECT COUNT(*) FROM indexed_traits", &[], |row| row.get(0)).await.unwrap();
        assert_eq!(left, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_schema_is_caught_up_with() {
    each(|Database { store, .. }| async move {
        for number in 1..=3 {
            let mut person = person(number);
            person.traits = json!({ "team": "blue", "colour": format!("c{number}") });
            insert(&store, &person).await.unwrap();
        }
        let team = schemas(&["team"]);
        assert_eq!(trait_index::built(&store, &team).await.unwrap(), [""; 0], "nobody has looked at them yet");
        assert!(!trait_index::is_current(&store, &team).await.unwrap());
        assert_eq!(trait_index::rebuild(&store, &team).await.unwrap(), 3);
        assert_eq!(trait_index::built(&store, &team).await.unwrap(), ["traits.team"]);
        assert_eq!(trait_index::rebuild(&store, &team).await.unwrap(), 0, "there is nothing left to do");

        let both = schemas(&["team", "colour"]);
        assert_eq!(trait_index::built(&store, &both).await.unwrap(), ["traits.team"], "what stands can be used");
        assert_eq!(trait_index::rebuild(&store, &both).await.unwrap(), 3);
        let filter = Filter { traits: vec![("traits.colour".into(), "c2".into())], ..Filter::default() };
        assert_eq!(pages(&store, &filter, &Order::default()).await.len(), 1);

        assert_eq!(trait_index::rebuild(&store, &schemas(&[])).await.unwrap(), 3, "what is no longer declared goes");
        assert!(trait_index::is_current(&store, &schemas(&[])).await.unwrap());
    })
    .await;
}
