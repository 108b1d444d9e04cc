//! Sessions: found by token, revoked for good, listed newest first.

use crate::{
    database::{Database, each},
    identities,
    sample::{self, NOW, person, session},
};
use time::Duration;
use zelos_core::{
    id::{IdentityId, SessionId},
    session::{Aal, AuthenticationMethod, MethodName, SessionToken},
};
use zelos_store::{
    Batch, Error, Page, Store,
    sessions::{self, Filter, Key},
};

fn token(number: u32) -> SessionToken {
    SessionToken::received(&format!("token-{number}"))
}

pub(crate) async fn insert(store: &Store, number: u32, identity: IdentityId) {
    let mut batch = Batch::new();
    sessions::insert(&mut batch, &session(number, identity), &token(number));
    store.commit(batch).await.unwrap();
}

async fn change(store: &Store, build: impl FnOnce(&mut Batch)) -> Result<Vec<u64>, Error> {
    let mut batch = Batch::new();
    build(&mut batch);
    store.commit(batch).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_found_by_its_token() {
    each(|Database { store, .. }| async move {
        let ada = person(1);
        identities::insert(&store, &ada).await.unwrap();
        insert(&store, 1, ada.id).await;
        let (found, who) = sessions::find_by_token(&store, &token(1)).await.unwrap().unwrap();
        assert_eq!(found, session(1, ada.id));
        assert_eq!(
            (who.id, who.schema_id.as_str(), who.state, who.available_aal),
            (ada.id, "default", ada.state, Aal::Aal1)
        );
        assert!(who.document.contains("\"traits\":{\"z\":1,\"email\""), "{}", who.document);
        assert_eq!(sessions::find(&store, found.id).await.unwrap(), Some((found.clone(), who)));
        assert_eq!(sessions::find_by_token(&store, &token(2)).await.unwrap(), None);

        let error = change(&store, |batch| sessions::insert(batch, &session(2, ada.id), &token(1))).await.unwrap_err();
        assert!(error.is_unique("sessions_nid_token_hash"), "{error}");
        let orphan = change(&store, |batch| sessions::insert(batch, &session(3, IdentityId(sample::id(9))), &token(3)));
        assert!(matches!(orphan.await, Err(Error::Other(_))));

        let (known, other) = (ada.version, ada.version + 1);
        let late =
            change(&store, |batch| sessions::insert_unless_changed(batch, &session(4, ada.id), &token(4), other));
        assert!(matches!(late.await, Err(Error::Unmet(zelos_store::identities::VERSION))));
        let ours = session(4, ada.id);
        change(&store, |batch| sessions::insert_unless_changed(batch, &ours, &token(4), known)).await.unwrap();
        assert_eq!(sessions::find_by_token(&store, &token(4)).await.unwrap().unwrap().0, ours);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_session_stays_revoked() {
    each(|Database { store, .. }| async move {
        let ada = person(1);
        identities::insert(&store, &ada).await.unwrap();
        insert(&store, 1, ada.id).await;
        let mut held = session(1, ada.id);
        held.prove(AuthenticationMethod::new(MethodName::Totp, Aal::Aal2, NOW + Duration::HOUR), false);
        change(&store, |batch| sessions::update(batch, &held)).await.unwrap();
        assert_eq!(sessions::find(&store, held.id).await.unwrap().unwrap().0, held);
        let later = NOW + Duration::weeks(1);
        change(&store, |batch| sessions::extend(batch, held.id, later, NOW)).await.unwrap();
        assert_eq!(sessions::find(&store, held.id).await.unwrap().unwrap().0.expires_at, later);

        change(&store, |batch| sessions::revoke(batch, held.id, NOW)).await.unwrap();
        assert!(!sessions::find(&store, held.id).await.unwrap().unwrap().0.active);
        let revived = change(&store, |batch| sessions::update(batch, &held)).await;
        assert!(matches!(revived, Err(Error::Unmet(sessions::ACTIVE))));
        let extended = change(&store, |batch| sessions::extend(batch, held.id, later, NOW)).await;
        assert!(matches!(extended, Err(Error::Unmet(sessions::ACTIVE))));
        let nobody = SessionId(sample::id(9));
        let missing = change(&store, |batch| sessions::revoke(batch, nobody, NOW)).await;
        assert!(matches!(missing, Err(Error::Unmet(sessions::EXISTS))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_revoked_and_deleted_for_a_person() {
    each(|Database { store, .. }| async move {
        let (ada, bob) = (person(1), person(2));
        identities::insert(&store, &ada).await.unwrap();
        identities::insert(&store, &bob).await.unwrap();
        for number in 1..=3 {
            insert(&store, number, ada.id).await;
        }
        insert(&store, 4, bob.id).await;
        let id = |number| SessionId(sample::id(number));
        let foreign = change(&store, |batch| sessions::revoke_of_identity(batch, ada.id, id(4), NOW)).await;
        assert!(matches!(foreign, Err(Error::Unmet(sessions::EXISTS))), "{foreign:?}");
        let own = change(&store, |batch| sessions::revoke_of_identity(batch, ada.id, id(3), NOW)).await.unwrap();
        assert_eq!(own, [1]);
        let others = change(&store, |batch| sessions::revoke_others(batch, ada.id, Some(id(1)), NOW)).await.unwrap();
        assert_eq!(others, [2], "those that had ended before are counted");
        let active = async |number| sessions::find(&store, id(number)).await.unwrap().unwrap().0.active;
        assert_eq!([active(1).await, active(2).await, active(3).await, active(4).await], [true, false, false, true]);
        assert_eq!(change(&store, |batch| sessions::revoke_others(batch, ada.id, None, NOW)).await.unwrap(), [3]);

        assert_eq!(change(&store, |batch| sessions::delete_of_identity(batch, ada.id)).await.unwrap(), [3]);
        let none = change(&store, |batch| sessions::delete_of_identity(batch, ada.id)).await;
        assert!(matches!(none, Err(Error::Unmet(sessions::ANY))));
        change(&store, |batch| sessions::delete(batch, id(4))).await.unwrap();
        let none = change(&store, |batch| sessions::delete(batch, id(4))).await;
        assert!(matches!(none, Err(Error::Unmet(sessions::EXISTS))));
        assert_eq!(sessions::count(&store).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_newest_first() {
    each(|Database { store, .. }| async move {
        let (ada, bob) = (person(1), person(2));
        identities::insert(&store, &ada).await.unwrap();
        identities::insert(&store, &bob).await.unwrap();
        for number in 1..=5 {
            insert(&store, number, ada.id).await;
        }
        insert(&store, 6, bob.id).await;
        // A second one of the same moment: then the id decides.
        let mut twin = session(7, bob.id);
        twin.created_at = session(6, bob.id).created_at;
        change(&store, |batch| sessions::insert(batch, &twin, &token(7))).await.unwrap();
        change(&store, |batch| sessions::revoke(batch, SessionId(sample::id(2)), NOW)).await.unwrap();

        let all = Filter { active: None, now: NOW, used_since: None, except: None };
        let mut seen = Vec::new();
        let mut key: Option<Key> = None;
        loop {
            let page = sessions::list(&store, &all, Page::After { key, size: 2 }).await.unwrap();
            seen.extend(page.items.iter().map(|session| session.id.0));
            key = page.next;
            if key.is_none() {
                break;
            }
        }
        assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1].map(sample::id));

        let of_ada = async |filter: Filter, page, size| {
            let (items, total) =
                sessions::list_of_identity(&store, ada.id, &filter, Page::Number { page, size }).await.unwrap();
            (items.iter().map(|session| session.id.0).collect::<Vec<_>>(), total)
        };
        let ids = |numbers: &[u32]| numbers.iter().map(|number| sample::id(*number)).collect::<Vec<_>>();
        assert_eq!(of_ada(all, 1, 2).await, (ids(&[3, 2]), 5));
        let active = Filter { active: Some(true), ..all };
        assert_eq!(of_ada(active, 0, 9).await, (ids(&[5, 4, 3, 1]), 4));
        let other = Filter { except: Some(SessionId(sample::id(4))), ..active };
        assert_eq!(of_ada(other, 0, 9).await, (ids(&[5, 3, 1]), 3));
        let ended = Filter { active: Some(false), now: session(4, ada.id).expires_at, used_since: None, except: None };
        assert_eq!(of_ada(ended, 0, 9).await, (ids(&[3, 2, 1]), 3));
    })
    .await;
}
