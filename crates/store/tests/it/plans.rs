//! Budgets and plans: how many statements the hot paths take, and that no statement reads a whole table.

use crate::{
    database::{Database, each, fresh, options},
    flows as flow_tests, identities as identity_tests,
    sample::{self, NOW, flow, message, person, session},
};
use serde_json::json;
use std::time::Duration;
use zelos_core::{
    flow::Kind,
    id::{DispatchId, ErrorId, IdentityId, SessionId},
    identity::{AddressStatus, CredentialType, State, Via},
    message::{MessageChannel, MessageStatus},
    schema::{IdentitySchema, Schemas},
    session::SessionToken,
};
use zelos_store::{
    Batch, Dialect, Page, Store, attempts, audit, cleanup,
    directory::{self, By, Order, Place, Sort, Span},
    errors, flows,
    identities::{self, Filter, IdentifierFilter},
    messages, migrate, sessions, trait_index,
};

/// What a piece of work cost: statements and round trips.
async fn cost<T>(store: &Store, work: impl Future<Output = T>) -> (u64, u64, T) {
    let trace = store.trace();
    let (statements, round_trips) = (trace.statements(), trace.total_round_trips());
    let result = work.await;
    (trace.statements() - statements, trace.total_round_trips() - round_trips, result)
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_paths_keep_their_budget() {
    each(|Database { store, .. }| async move {
        let (ada, token) = (person(1), SessionToken::received("token"));
        let mut batch = Batch::new();
        identities::insert(&mut batch, &ada);
        sessions::insert(&mut batch, &session(1, ada.id), &token);
        let (statements, round_trips, result) = cost(&store, store.commit(batch)).await;
        result.unwrap();
        assert_eq!(statements, 6, "registration: one statement a table");
        let expected = match store.dialect() {
            Dialect::Sqlite | Dialect::Postgres => 1,
            Dialect::MySql => 8,
        };
        assert_eq!(round_trips, expected, "registration");

        let (statements, round_trips, found) = cost(&store, sessions::find_by_token(&store, &token)).await;
        assert!(found.unwrap().is_some());
        assert_eq!((statements, round_trips), (1, 1), "whoami");

        let find = identities::find_by_identifier(&store, CredentialType::Password, "name-1");
        let (statements, round_trips, found) = cost(&store, find).await;
        assert!(found.unwrap().is_some());
        assert_eq!((statements, round_trips), (1, 1), "password login: reading");

        let flow = flow(1);
        flow_tests::insert(&store, &flow).await;
        let mut batch = Batch::new();
        flows::update(&mut batch, &flow);
        sessions::insert(&mut batch, &session(2, ada.id), &SessionToken::received("other"));
        let (_, round_trips, result) = cost(&store, store.commit(batch)).await;
        result.unwrap();
        let expected = match store.dialect() {
            Dialect::Sqlite | Dialect::Postgres => 1,
            Dialect::MySql => 4,
        };
        assert_eq!(round_trips, expected, "password login: writing");
    })
    .await;
}

/// Every statement of the entities, once.
async fn everything(store: &Store) {
    let old = person(1);
    identity_tests::insert(store, &old).await.unwrap();
    let mut new = person(1);
    new.version = 2;
    new.verifiable_addresses[0].status = AddressStatus::Sent;
    new.recovery_addresses[0].value = "other@example.com".into();
    new.traits = json!({ "a": "x" });
    new.indexed = Some(vec![("traits.a".into(), "x".into())]);
    new.credentials.remove(0);
    new.credentials[0].identifiers.push("third".into());
    let flow = flow(1);
    let token = SessionToken::received("token");
    let (sid, eid) = (SessionId(sample::id(1)), ErrorId(sample::id(1)));

    let mut batch = Batch::new();
    identities::update(&mut batch, &old, &new);
    sessions::insert(&mut batch, &session(1, old.id), &token);
    flows::insert(&mut batch, &flow);
    flows::update(&mut batch, &flow);
    errors::insert(&mut batch, eid, &json!({}), NOW);
    sessions::update(&mut batch, &session(1, old.id));
    sessions::extend(&mut batch, sid, NOW, NOW);
    sessions::revoke(&mut batch, sid, NOW);
    sessions::revoke_of_identity(&mut batch, old.id, sid, NOW);
    sessions::revoke_others(&mut batch, old.id, Some(sid), NOW);
    sessions::revoke_others(&mut batch, old.id, None, NOW);
    store.commit(batch).await.unwrap();

    identities::find(store, old.id).await.unwrap();
    identities::find_with_credentials(store, old.id).await.unwrap();
    identities::find_by_identifier(store, CredentialType::Password, "third").await.unwrap();
    identities::find_by_external_id(store, "external-1").await.unwrap();
    identities::find_by_verifiable_address(store, Via::Email, "x").await.unwrap();
    identities::find_by_recovery_address(store, Via::Email, "x").await.unwrap();
    identities::people(store, &[old.id]).await.unwrap();
    identities::load_credentials(store, std::slice::from_mut(&mut new)).await.unwrap();
    lists(store, old.id).await;
    flows::find(store, Kind::Login, flow.id).await.unwrap();
    errors::find(store, eid).await.unwrap();
    sessions::find(store, sid).await.unwrap();
    sessions::find_by_token(store, &token).await.unwrap();
    for active in [None, Some(true), Some(false)] {
        let filter = sessions::Filter { active, now: NOW, used_since: None, except: Some(sid) };
        for key in [None, Some(sessions::Key { created_at: NOW.into(), id: sid })] {
            sessions::list(store, &filter, Page::After { key, size: 2 }).await.unwrap();
        }
        sessions::list_of_identity(store, old.id, &filter, Page::Number { page: 1, size: 2 }).await.unwrap();
    }
    let later = NOW + time::Duration::weeks(60);
    cleanup::flows(store, later, 10).await.unwrap();
    cleanup::errors(store, later, 10).await.unwrap();
    cleanup::sessions(store, later, 10).await.unwrap();
    let mut batch = Batch::new();
    sessions::insert(&mut batch, &session(2, old.id), &token);
    sessions::delete_of_identity(&mut batch, old.id);
    sessions::insert_unless_changed(&mut batch, &session(2, old.id), &token, old.version + 1);
    sessions::delete(&mut batch, SessionId(sample::id(2)));
    identities::delete(&mut batch, old.id);
    store.commit(batch).await.unwrap();
}

/// Every list of identities, and the keeping of the index.
async fn lists(store: &Store, id: IdentityId) {
    let find = |prefix| IdentifierFilter { normalized: "x".into(), verbatim: "x".into(), prefix };
    for filter in [
        Filter::default(),
        Filter { ids: vec![id], ..Filter::default() },
        Filter { organization_id: Some(sample::id(1)), ..Filter::default() },
        Filter { identifier: Some(find(true)), ..Filter::default() },
        Filter { identifier: Some(find(false)), ..Filter::default() },
        Filter { organization_id: Some(sample::id(1)), identifier: Some(find(true)), ..narrow() },
        Filter { ids: vec![id], ..narrow() },
        Filter { traits: vec![("traits.a".into(), "1".into())], ..narrow() },
        Filter { traits: vec![("traits.a".into(), "1".into()), ("traits.b".into(), "2".into())], ..narrow() },
        Filter { state: Some(State::Inactive), ..Filter::default() },
        narrow(),
    ] {
        orders(store, &filter).await;
        for page in [
            Page::After { key: Some(IdentityId(sample::id(0))), size: 2 },
            Page::After { key: None, size: 2 },
            Page::Number { page: 1, size: 2 },
        ] {
            identities::list(store, &filter, page).await.unwrap();
        }
    }
    let schema = json!({ "properties": { "traits": { "type": "object", "properties": {
        "a": { "type": "string", "zelos.sh/indexed": true } } } } });
    let schema = IdentitySchema::compile("default", schema.to_string().as_bytes()).unwrap();
    let schemas = Schemas::new("default", [(schema, true)]).unwrap();
    trait_index::built(store, &schemas).await.unwrap();
    trait_index::rebuild(store, &schemas).await.unwrap();
}

/// All that can be filtered by but what names people.
fn narrow() -> Filter {
    let span = Span { from: Some(NOW), before: Some(NOW + time::Duration::HOUR) };
    Filter {
        state: Some(State::Active),
        schema_id: Some("default".into()),
        created: span,
        updated: span,
        ..Filter::default()
    }
}

/// That filter in every order, at the beginning and further on.
async fn orders(store: &Store, filter: &Filter) {
    let (time, text) = (By::Time(NOW.into()), By::Text("x".into()));
    for (by, at) in [
        (Sort::Id, None),
        (Sort::CreatedAt, Some(time.clone())),
        (Sort::UpdatedAt, Some(time)),
        (Sort::Trait("traits.a".into()), Some(text.clone())),
        (Sort::Identifier, Some(text)),
    ] {
        for descending in [false, true] {
            let order = Order { by: by.clone(), descending };
            for key in [None, Some(Place { by: at.clone(), id: IdentityId(sample::id(0)) })] {
                directory::search(store, filter, &order, Page::After { key, size: 2 }).await.unwrap();
            }
        }
    }
}

/// Every statement of the outbox, once.
async fn outbox(store: &Store) {
    let mut batch = Batch::new();
    messages::insert(&mut batch, &message(1));
    store.commit(batch).await.unwrap();
    for status in [None, Some(MessageStatus::Queued)] {
        for recipient in [None, Some(message(1).recipient)] {
            let filter = messages::Filter { status, recipient };
            for key in [None, Some(messages::Key { created_at: NOW.into(), id: message(1).id })] {
                messages::list(store, &filter, Page::After { key, size: 2 }).await.unwrap();
            }
        }
    }
    let now = NOW + time::Duration::HOUR;
    let lease = messages::Lease { token: sample::id(9), until: now };
    for channels in [&[MessageChannel::Sms][..], &MessageChannel::ALL] {
        messages::claim(store, lease, now, 3, channels).await.unwrap();
    }
    let attempt =
        messages::Attempt { id: DispatchId(sample::id(1)), message: message(1).id, lease: lease.token, at: now };
    let mut batch = Batch::new();
    messages::settle(&mut batch, &attempt, messages::Outcome::Sent);
    messages::give_back(&mut batch, attempt.message, attempt.lease, now, now);
    store.commit(batch).await.unwrap();
    messages::find(store, attempt.message).await.unwrap();
    assert_eq!(cleanup::messages(store, now, 10).await.unwrap(), 1);
}

/// Every statement of the budgets, once.
async fn budgets(store: &Store) {
    let budgets: Vec<_> = (1..=3).map(|number| crate::attempts::budget(number, 9)).collect();
    let mut batch = Batch::new();
    attempts::charge(&mut batch, &budgets, NOW);
    attempts::spare(&mut batch, &[budgets[0].key], &budgets, NOW);
    store.commit(batch).await.unwrap();
    attempts::used_up_until(store, &budgets, NOW).await.unwrap();
    assert_eq!(cleanup::attempts(store, NOW + time::Duration::HOUR, 10).await.unwrap(), 3);
}

/// Every statement of the audit log, once.
async fn log(store: &Store) {
    let mut batch = Batch::new();
    audit::insert(&mut batch, &[crate::audit::event(2)]);
    store.commit(batch).await.unwrap();
    let (identity, kind) = (crate::audit::event(2).identity_id, Some(crate::audit::event(2).kind));
    for (identity, kind) in [(None, None), (identity, None), (None, kind), (identity, kind)] {
        for (since, until) in [(None, None), (Some(NOW), None), (None, Some(NOW)), (Some(NOW), Some(NOW))] {
            let filter = audit::Filter { identity, kind, since, until };
            audit::list(store, &filter, Page::After { key: Some(crate::audit::event(3).id), size: 2 }).await.unwrap();
        }
    }
    assert_eq!(cleanup::audit(store, NOW + time::Duration::HOUR, 10).await.unwrap(), 1);
}

/// A small table is always read whole, so PostgreSQL is forbidden to wherever it can avoid it.
#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reads_a_whole_table() {
    for database in fresh().await.into_iter().filter(|database| ["sqlite", "postgres"].contains(&&*database.kind)) {
        let dsn = match database.kind.as_str() {
            "postgres" => format!("{}&enable_seqscan=off", database.dsn),
            _ => database.dsn.clone(),
        };
        let store = Store::connect(&dsn, options()).await.unwrap();
        migrate::up(&store, Duration::ZERO).await.unwrap();
        store.trace().collect();
        everything(&store).await;
        outbox(&store).await;
        budgets(&store).await;
        log(&store).await;
        let texts = store.trace().texts();
        assert!(texts.len() > 50, "{} statements", texts.len());
        for (sql, values) in texts {
            let (explain, column, scan) = match store.dialect() {
                Dialect::Sqlite => ("EXPLAIN QUERY PLAN ", 3, "SCAN "),
                _ => ("EXPLAIN ", 0, "Seq Scan"),
            };
            let sql = match store.dialect() {
                Dialect::Sqlite => sql.trim_end_matches(" FOR SHARE").to_owned(),
                _ => sql.clone(),
            };
            let plan = store.all(format!("{explain}{sql}"), &values, |row| row.get::<String>(column)).await.unwrap();
            let scans = plan.iter().find(|step| step.contains(scan) && !is_small(step));
            assert!(scans.is_none(), "{}: {sql}\n{}", database.kind, plan.join("\n"));
            // One network has everybody: whoever looks through all identifiers of it reads the whole table.
            let reads = plan.iter().any(|step| step.starts_with("SEARCH n ") && step.ends_with("(nid=?)"));
            assert!(!reads, "{}: {sql}\n{}", database.kind, plan.join("\n"));
            // Who is told what to delete does not go through all that has expired.
            let goes_through = sql.starts_with("DELETE") && sql.contains(" IN (?") && plan.join(" ").contains("_at<?");
            assert!(!goes_through, "{}: {sql}\n{}", database.kind, plan.join("\n"));
            let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE FOR ORDER BY"));
            assert!(!sorts || reads_all(&sql), "{}: {sql}\n{}", database.kind, plan.join("\n"));
        }
        drop(store);
        database.remove().await;
    }
}

/// Deleting somebody deletes what refers to them: each table finds that by an index, so that it costs what they have.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_along_is_found_by_an_index() {
    for database in fresh().await.into_iter().filter(|database| ["sqlite", "postgres"].contains(&&*database.kind)) {
        let dsn = match database.kind.as_str() {
            "postgres" => format!("{}&enable_seqscan=off", database.dsn),
            _ => database.dsn.clone(),
        };
        let store = Store::connect(&dsn, options()).await.unwrap();
        migrate::up(&store, Duration::ZERO).await.unwrap();
        let schema = migrate::schema(store.dialect());
        let (mut table, mut found) = ("", 0);
        for line in schema.lines() {
            if let Some(name) = line.strip_prefix("CREATE TABLE ") {
                table = name.trim_end_matches(" (");
            }
            let Some(columns) = line.trim().strip_prefix("FOREIGN KEY (").and_then(|rest| rest.split(')').next())
            else {
                continue;
            };
            found += 1;
            let columns: Vec<&str> = columns.split(", ").collect();
            let condition: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
            let (explain, column) =
                if store.dialect() == Dialect::Sqlite { ("EXPLAIN QUERY PLAN", 3) } else { ("EXPLAIN", 0) };
            let sql = format!("{explain} DELETE FROM {table} WHERE {}", condition.join(" AND "));
            let values: Vec<_> = columns.iter().map(|_| sample::id(1).into()).collect();
            let plan = store.all(sql, &values, |row| row.get::<String>(column)).await.unwrap().join("\n");
            let by_index = if store.dialect() == Dialect::Sqlite {
                plan.starts_with("SEARCH") && columns.iter().all(|column| plan.contains(&format!("{column}=?")))
            } else {
                let keys = plan.lines().find(|line| line.trim().starts_with("Index Cond:")).unwrap_or_default();
                columns.iter().all(|column| keys.contains(column))
            };
            assert!(by_index, "{}: {table}\n{plan}", database.kind);
        }
        assert!(found >= 7, "{found} foreign keys");
        drop(store);
        database.remove().await;
    }
}

/// What finds few reads them all; everything else comes in the order of an index.
fn reads_all(sql: &str) -> bool {
    sql.contains(") m CROSS JOIN") || sql.contains("i.id IN (") || sql.contains("FROM message_dispatches")
}

/// The values of an insert and the rows of an inner statement are scanned by nature.
fn is_small(step: &str) -> bool {
    // A page of identifiers, one for each type.
    let is_page = ["SCAN b0", "SCAN b1", "SCAN b2", "SCAN b3", "SCAN b4", "SCAN u"].contains(&step);
    step == "SCAN m"
        || is_page
        || step.contains("VALUES")
        || step.contains("SCAN (subquery")
        || step.contains("CONSTANT ROW")
}
