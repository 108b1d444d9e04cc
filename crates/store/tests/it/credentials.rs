//! Credentials that are encrypted at rest, one by one.

use crate::{
    database::{Database, each},
    identities::insert,
    sample::{self, person},
};
use serde_json::{Value, json};
use zelos_core::{
    id::{CredentialId, IdentityId},
    identity::{Credential, CredentialType, Identity},
};
use zelos_store::{
    Batch, Store,
    credentials::{list_encrypted, replace_config},
    identities,
};

fn factor(number: u32, kind: CredentialType) -> Credential {
    Credential {
        id: CredentialId(sample::id(1000 + number)),
        kind,
        identifiers: vec![sample::id(number).to_string()],
        config: json!({ "number": number }),
        version: 1,
        created_at: sample::NOW,
        updated_at: sample::NOW,
    }
}

fn with_factors(number: u32) -> Identity {
    let mut identity = person(number);
    let kinds = [CredentialType::LookupSecret, CredentialType::Totp];
    identity.credentials.extend(kinds.map(|kind| factor(number, kind)));
    identity.credentials.sort_unstable_by_key(|credential| credential.kind.as_str());
    identity
}

async fn config(store: &Store, id: IdentityId) -> Value {
    let found = identities::find_with_credentials(store, id).await.unwrap().unwrap();
    found.credential(CredentialType::Totp).unwrap().config.clone()
}

#[tokio::test]
async fn pages_hold_each_credential_once() {
    each(|Database { store, .. }| async move {
        for number in 1..=5 {
            insert(&store, &with_factors(number)).await.unwrap();
        }
        for size in [1, 2, 3, 10, 100] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let page = list_encrypted(&store, after, size).await.unwrap();
                let Some((identity, last)) = page.last() else { break };
                after = Some((*identity, last.kind));
                seen.extend(page.iter().map(|(identity, credential)| (*identity, credential.kind.as_str())));
            }
            assert!(seen.len() == 10 && seen.is_sorted(), "{size}: {seen:?}");
            seen.dedup();
            assert_eq!(seen.len(), 10);
        }
    })
    .await;
}

#[tokio::test]
async fn config_is_replaced_only_as_it_was_read() {
    each(|Database { store, .. }| async move {
        let old = with_factors(1);
        insert(&store, &old).await.unwrap();
        let read = old.credential(CredentialType::Totp).unwrap();
        let mut batch = Batch::new();
        replace_config(&mut batch, old.id, read, &json!({ "encrypted": 1 }));
        assert_eq!(store.commit(batch).await.unwrap(), [1]);
        assert_eq!(config(&store, old.id).await, json!({ "encrypted": 1 }));
        let stored = identities::find(&store, old.id).await.unwrap().unwrap();
        assert_eq!(stored.version, old.version, "what is under way goes on");

        let mut new = old.clone();
        for credential in &mut new.credentials {
            credential.updated_at = sample::NOW + time::Duration::microseconds(1);
            credential.config = json!({ "changed": true });
        }
        let mut batch = Batch::new();
        identities::update(&mut batch, &old, &new);
        store.commit(batch).await.unwrap();
        let mut batch = Batch::new();
        replace_config(&mut batch, old.id, read, &json!({ "encrypted": 2 }));
        assert_eq!(store.commit(batch).await.unwrap(), [0], "it has changed since it was read");
        assert_eq!(config(&store, old.id).await, json!({ "changed": true }));
    })
    .await;
}
