//! Identities: written, changed, found, listed, deleted.

use crate::{
    database::{Database, each},
    sample::{self, person},
};
use serde_json::json;
use zelos_core::{
    id::IdentityId,
    identity::{AddressStatus, CredentialType, Identity, State, Via},
};
use zelos_store::{
    Batch, Error, Page, Store,
    identities::{self, Filter, IdentifierFilter},
};

pub(crate) async fn insert(store: &Store, identity: &Identity) -> Result<Vec<u64>, Error> {
    let mut batch = Batch::new();
    identities::insert(&mut batch, identity);
    store.commit(batch).await
}

async fn update(store: &Store, old: &Identity, new: &Identity) -> Result<Vec<u64>, Error> {
    let mut batch = Batch::new();
    identities::update(&mut batch, old, new);
    store.commit(batch).await
}

fn without_credentials(mut identity: Identity) -> Identity {
    identity.credentials.clear();
    identity
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_found_by_whatever_is_its_own() {
    each(|Database { store, .. }| async move {
        let (ada, bob) = (person(1), person(2));
        insert(&store, &ada).await.unwrap();
        insert(&store, &bob).await.unwrap();
        let bare = without_credentials(ada.clone());
        let email = "person-1@example.com";

        assert_eq!(identities::find(&store, ada.id).await.unwrap(), Some(bare.clone()));
        assert_eq!(identities::find_with_credentials(&store, ada.id).await.unwrap(), Some(ada.clone()));
        assert_eq!(identities::find_by_external_id(&store, "external-1").await.unwrap(), Some(bare.clone()));
        for identifier in [email, "name-1"] {
            let found = identities::find_by_identifier(&store, CredentialType::Password, identifier).await.unwrap();
            assert_eq!(found.as_ref(), Some(&ada));
        }
        let found = identities::find_by_verifiable_address(&store, Via::Email, email).await.unwrap();
        assert_eq!(found, Some(bare.clone()));
        assert_eq!(identities::find_by_recovery_address(&store, Via::Email, email).await.unwrap(), Some(bare));

        let nobody = IdentityId(sample::id(9));
        assert_eq!(identities::find(&store, nobody).await.unwrap(), None);
        assert_eq!(identities::find_with_credentials(&store, nobody).await.unwrap(), None);
        for (kind, identifier) in [
            (CredentialType::Code, "name-1"),
            (CredentialType::Password, "NAME-1"),
            (CredentialType::Password, "name-1\0"),
            (CredentialType::Password, "näme-1"),
        ] {
            assert_eq!(identities::find_by_identifier(&store, kind, identifier).await.unwrap(), None, "{identifier}");
        }
        assert_eq!(identities::find_by_recovery_address(&store, Via::Sms, email).await.unwrap(), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_with_nothing_is_stored_as_well() {
    each(|Database { store, .. }| async move {
        let mut identity = without_credentials(person(1));
        identity.external_id = None;
        identity.state_changed_at = None;
        identity.traits = json!({});
        identity.metadata_public = json!(null);
        identity.metadata_admin = json!(null);
        identity.verifiable_addresses.clear();
        identity.recovery_addresses.clear();
        insert(&store, &identity).await.unwrap();
        let mut other = identity.clone();
        other.id = IdentityId(sample::id(2));
        other.organization_id = Some(sample::id(7));
        insert(&store, &other).await.unwrap();
        assert_eq!(identities::find_with_credentials(&store, identity.id).await.unwrap(), Some(identity));
        assert_eq!(identities::find(&store, other.id).await.unwrap(), Some(other));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_writes_the_differences() {
    each(|Database { store, .. }| async move {
        let old = person(1);
        insert(&store, &old).await.unwrap();
        let mut new = old.clone();
        new.version = 2;
        new.state = State::Inactive;
        new.external_id = None;
        new.traits = json!({ "email": "new@example.com" });
        new.metadata_admin = json!(null);
        new.verifiable_addresses[0].status = AddressStatus::Completed;
        new.verifiable_addresses[0].verified = true;
        new.verifiable_addresses[0].verified_at = Some(sample::NOW);
        new.recovery_addresses.clear();
        new.credentials.remove(0);
        new.credentials[0].identifiers = vec!["new@example.com".into()];
        new.credentials[0].config = json!({ "hashed_password": "other" });
        new.credentials.push(sample::credential(1, CredentialType::Totp, &["1"]));
        new.indexed = Some(Vec::new());
        update(&store, &old, &new).await.unwrap();
        new.indexed = None;
        assert_eq!(identities::find_with_credentials(&store, old.id).await.unwrap(), Some(new.clone()));
        let find = |kind, identifier| identities::find_by_identifier(&store, kind, identifier);
        assert!(find(CredentialType::Password, "new@example.com").await.unwrap().is_some());
        assert!(find(CredentialType::Password, "name-1").await.unwrap().is_none());
        assert!(find(CredentialType::Code, "person-1@example.com").await.unwrap().is_none());
        assert!(
            identities::find_by_recovery_address(&store, Via::Email, "person-1@example.com").await.unwrap().is_none()
        );

        let late = Identity { indexed: Some(Vec::new()), ..new.clone() };
        let error = update(&store, &old, &late).await.unwrap_err();
        assert!(matches!(error, Error::Unmet(identities::VERSION)), "{error}");
        let unchanged = update(&store, &new, &new).await.unwrap();
        assert_eq!(unchanged, [1], "one statement when only the version changes");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_one_cannot_be_given_to_another() {
    each(|Database { store, .. }| async move {
        let ada = person(1);
        insert(&store, &ada).await.unwrap();
        let taken = |change: fn(&mut Identity, &Identity)| {
            let mut bob = person(2);
            change(&mut bob, &ada);
            bob
        };
        let cases = [
            ("primary", taken(|bob, ada| bob.id = ada.id)),
            (identities::EXTERNAL_ID, taken(|bob, ada| bob.external_id.clone_from(&ada.external_id))),
            (identities::IDENTIFIER, taken(|bob, ada| bob.credentials = ada.credentials.clone())),
            (
                identities::VERIFIABLE_ADDRESS,
                taken(|bob, ada| bob.verifiable_addresses[0].value.clone_from(&ada.verifiable_addresses[0].value)),
            ),
            (
                identities::RECOVERY_ADDRESS,
                taken(|bob, ada| bob.recovery_addresses[0].value.clone_from(&ada.recovery_addresses[0].value)),
            ),
        ];
        for (constraint, bob) in cases {
            let error = insert(&store, &bob).await.unwrap_err();
            assert!(error.is_unique(constraint), "{constraint}: {error}");
            assert!(!error.to_string().contains("person-"), "no values in errors: {error}");
        }
        assert_eq!(identities::count(&store).await.unwrap(), 1);
        insert(&store, &person(2)).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_leaves_nothing_behind() {
    each(|Database { store, .. }| async move {
        let ada = person(1);
        insert(&store, &ada).await.unwrap();
        crate::sessions::insert(&store, 1, ada.id).await;
        let delete = || {
            let mut batch = Batch::new();
            identities::delete(&mut batch, ada.id);
            store.commit(batch)
        };
        delete().await.unwrap();
        for table in [
            "identities",
            "credentials",
            "credential_identifiers",
            "verifiable_addresses",
            "recovery_addresses",
            "sessions",
        ] {
            let count = store.one(format!("SELECT COUNT(*) FROM {table}"), &[], |row| row.get::<i64>(0)).await.unwrap();
            assert_eq!(count, 0, "{table}");
        }
        assert!(matches!(delete().await, Err(Error::Unmet(identities::EXISTS))));
        insert(&store, &ada).await.unwrap();
    })
    .await;
}

fn numbers(items: &[Identity]) -> Vec<u32> {
    (1..100).filter(|number| items.iter().any(|identity| identity.id.0 == sample::id(*number))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages() {
    each(|Database { store, .. }| async move {
        for number in 1..=7 {
            insert(&store, &person(number)).await.unwrap();
        }
        let mut seen = Vec::new();
        let mut key = None;
        loop {
            let page = identities::list(&store, &Filter::default(), Page::After { key, size: 3 }).await.unwrap();
            seen.extend(page.items.iter().map(|identity| identity.id.0));
            key = page.next;
            if key.is_none() {
                break;
            }
        }
        assert_eq!(seen, (1..=7).map(sample::id).collect::<Vec<_>>());
        let page = identities::list(&store, &Filter::default(), Page::Number { page: 2, size: 3 }).await.unwrap();
        assert_eq!(numbers(&page.items), [7]);
        let page = identities::list(&store, &Filter::default(), Page::Number { page: 9, size: 3 }).await.unwrap();
        assert!(page.items.is_empty());
        assert_eq!(identities::count(&store).await.unwrap(), 7);

        let mut page = identities::list(&store, &Filter::default(), Page::After { key: None, size: 2 }).await.unwrap();
        identities::load_credentials(&store, &mut page.items).await.unwrap();
        assert_eq!(page.items, [person(1), person(2)]);
        let ids = [1, 3, 99].map(|number| IdentityId(sample::id(number)));
        let mut people = identities::people(&store, &ids).await.unwrap();
        people.sort_unstable_by_key(|person| person.id);
        assert_eq!(people.iter().map(|person| person.id).collect::<Vec<_>>(), ids[..2]);
        assert!(people[0].document.contains("person-1@example.com"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_filters() {
    each(|Database { store, .. }| async move {
        for number in 1..=12 {
            let mut identity = person(number);
            if number == 4 {
                identity.organization_id = Some(sample::id(50));
                identity.credentials.push(sample::credential(4, CredentialType::Oidc, &["hub:Name-1"]));
                identity.credentials.push(sample::credential(4, CredentialType::Passkey, &["name-passkey"]));
            }
            insert(&store, &identity).await.unwrap();
        }
        let list = async |filter: Filter| {
            let page = identities::list(&store, &filter, Page::After { key: None, size: 50 }).await.unwrap();
            numbers(&page.items)
        };
        let identifier = |text: &str, prefix| Filter {
            identifier: Some(IdentifierFilter { normalized: text.to_lowercase(), verbatim: text.into(), prefix }),
            ..Filter::default()
        };
        assert_eq!(list(identifier("NAME-1", false)).await, [1]);
        assert_eq!(list(identifier("name-1", true)).await, [1, 10, 11, 12]);
        assert_eq!(list(identifier("person-2@", true)).await, [2], "once, though two credentials match");
        assert_eq!(list(identifier("hub:Name-1", false)).await, [4]);
        assert_eq!(list(identifier("hub:N", true)).await, [4]);
        assert!(list(identifier("hub:n", true)).await.is_empty());
        for nothing in ["name-%", "name-_", "name-passkey", "name-1\0"] {
            assert!(list(identifier(nothing, false)).await.is_empty(), "{nothing}");
            assert!(list(identifier(nothing, true)).await.is_empty(), "{nothing}");
        }
        let ids = Filter { ids: [2, 5, 99].map(|number| IdentityId(sample::id(number))).into(), ..Filter::default() };
        assert_eq!(list(ids.clone()).await, [2, 5]);
        assert_eq!(list(Filter { ids: ids.ids, ..identifier("name-", true) }).await, [2, 5]);
        assert_eq!(list(Filter { organization_id: Some(sample::id(50)), ..Filter::default() }).await, [4]);
    })
    .await;
}
