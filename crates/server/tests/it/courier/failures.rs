//! What can go wrong on the way, and that a message arrives all the same: once.

use super::{after, courier, found, mail, queue, queued, reason, smtp, status, with};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use zelos_core::message::MessageStatus::{self, Abandoned, Processing, Queued, Sent};
use zelos_testkit::{App, Authority, Database, Encryption, MailServer, Manners, Moment, Reply, Setup, scenario};

/// A server that answers with that to the first mails, and takes the others.
fn at_first(count: usize, moment: fn(&Moment<'_>) -> bool, reply: Reply) -> MailServer {
    let seen = AtomicUsize::new(0);
    MailServer::start(0, Encryption::None, move |now| {
        if moment(&now) && seen.fetch_add(1, SeqCst) < count { reply } else { Reply::Accept }
    })
}

async fn on_sqlite(setup: &Setup) -> App {
    App::start(&Database::sqlite().unwrap(), setup).await.unwrap()
}

#[tokio::test]
async fn a_mail_server_that_is_away_for_half_a_minute() {
    scenario(Setup::default(), async |app| {
        let place = MailServer::obliging();
        let (port, uri) = (place.port, place.uri());
        drop(place);
        let courier = courier(app);
        let database = Database::sqlite().unwrap();
        app.reload(&database, &smtp(&uri, json!({}))).await.unwrap();
        let id = queued(app, "ada@example.org").await;
        for _ in 0..6 {
            after(app, &courier, 5).await;
        }
        assert_eq!(status(app, id).await, Queued);
        let reason = reason(app, id).await;
        assert!(reason.starts_with(&format!("connection to 127.0.0.1:{port} failed: ")), "{reason}");
        let server = MailServer::start(port, Encryption::None, |_| Reply::Accept);
        for _ in 0..30 {
            after(app, &courier, 5).await;
        }
        let (message, dispatches) = found(app, id).await;
        assert_eq!((message.status, server.mails().len()), (Sent, 1));
        assert_eq!(usize::try_from(message.send_count).unwrap(), dispatches.len());
        assert!(dispatches.len() <= 6, "{dispatches:?}");
    })
    .await;
}

#[tokio::test]
async fn greylisting_is_waited_for() {
    let server = at_first(3, |moment| matches!(moment, Moment::To(_)), Reply::Say("451 come back later"));
    let app = on_sqlite(&with(&server)).await;
    let courier = courier(&app);
    let id = queued(&app, "ada@example.org").await;
    after(&app, &courier, 0).await;
    assert_eq!((status(&app, id).await, server.mails().len()), (Queued, 0));
    assert!(reason(&app, id).await.contains("451"), "{}", reason(&app, id).await);
    after(&app, &courier, 0).await;
    assert_eq!(found(&app, id).await.1.len(), 1, "not before it is time");
    for seconds in [2, 6, 30] {
        after(&app, &courier, seconds).await;
    }
    assert_eq!((status(&app, id).await, server.mails().len(), server.connections()), (Sent, 1, 1));
}

#[tokio::test]
async fn a_poison_recipient_harms_nobody() {
    let server = MailServer::start(0, Encryption::None, |moment| match moment {
        Moment::To(recipient) if recipient.starts_with("poison") => Reply::Say("550 no such user"),
        Moment::To(recipient) if recipient.starts_with("cut") => Reply::HangUp,
        _ => Reply::Accept,
    });
    scenario(with(&server), async |app| {
        let before = server.mails().len();
        let poison = queued(app, "poison@example.org").await;
        let cut = queued(app, "cut@example.org").await;
        let mut good = Vec::new();
        for number in 0..20 {
            good.push(queued(app, &format!("good-{number}@example.org")).await);
        }
        after(app, &courier(app), 0).await;
        for id in good {
            assert_eq!(status(app, id).await, Sent);
        }
        assert_eq!(server.mails().len() - before, 20);
        let (message, dispatches) = found(app, poison).await;
        assert_eq!((message.status, dispatches.len()), (Abandoned, 1), "a refusal for good is not tried again");
        assert!(reason(app, poison).await.contains("550"));
        assert_eq!(status(app, cut).await, Queued);
    })
    .await;
}

#[tokio::test]
async fn attempts_are_bounded() {
    let server = at_first(usize::MAX, |moment| matches!(moment, Moment::From(_)), Reply::Say("421 busy"));
    let mut setup = json!({ "courier": { "message_retries": 2 } });
    setup["courier"]["smtp"] = json!({ "connection_uri": server.uri() });
    let app = on_sqlite(&Setup::with(setup)).await;
    let courier = courier(&app);
    let id = queued(&app, "ada@example.org").await;
    for _ in 0..10 {
        after(&app, &courier, 60).await;
    }
    let (message, dispatches) = found(&app, id).await;
    assert_eq!((message.status, message.send_count, dispatches.len()), (Abandoned, 3, 3));
}

#[tokio::test]
async fn age_bounds_them_too_and_what_has_expired_is_not_sent() {
    let server = at_first(usize::MAX, |moment| matches!(moment, Moment::To(_)), Reply::Say("450 later"));
    let mut setup = json!({ "courier": { "message_retries": 1000 } });
    setup["courier"]["smtp"] = json!({ "connection_uri": server.uri() });
    let app = on_sqlite(&Setup::with(setup)).await;
    let courier = courier(&app);
    let code = queued(&app, "ada@example.org").await;
    let mut notice = mail(&app, "ada@example.org");
    notice.expires_at = None;
    queue(&app, std::slice::from_ref(&notice)).await;
    for _ in 0..30 {
        after(&app, &courier, 4000).await;
    }
    let (message, dispatches) = found(&app, code).await;
    assert_eq!((message.status, dispatches.len()), (Abandoned, 1), "tried first after an hour: expired");
    assert_eq!(reason(&app, code).await, "what it tells has expired");
    let (message, dispatches) = found(&app, notice.id).await;
    assert_eq!(message.status, Abandoned);
    assert!((10..30).contains(&dispatches.len()), "{}", dispatches.len());
}

#[tokio::test]
async fn expired_codes_are_sent_if_they_are_not_to_be_skipped() {
    let server = MailServer::obliging();
    let mut setup = json!({ "courier": { "delivery": { "skip_expired": false } } });
    setup["courier"]["smtp"] = json!({ "connection_uri": server.uri() });
    let app = on_sqlite(&Setup::with(setup)).await;
    let id = queued(&app, "ada@example.org").await;
    after(&app, &courier(&app), 4000).await;
    assert_eq!((status(&app, id).await, server.mails().len()), (Sent, 1));
}

#[tokio::test]
async fn a_lost_acknowledgement_makes_one_double_at_most() {
    let server = at_first(1, |moment| matches!(moment, Moment::Received(_)), Reply::HangUp);
    let app = on_sqlite(&with(&server)).await;
    let courier = courier(&app);
    let id = queued(&app, "ada@example.org").await;
    for _ in 0..10 {
        after(&app, &courier, 60).await;
    }
    assert_eq!(status(&app, id).await, Sent);
    let mails = server.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"), "it can be told that they are the same");
}

/// Time runs by itself as soon as everybody waits for the mail server, and not before.
#[tokio::test]
async fn a_server_that_falls_silent_holds_up_one_mail_and_no_other() {
    let (told, mut hung) = tokio::sync::mpsc::unbounded_channel();
    let server = MailServer::start(0, Encryption::None, move |moment| match moment {
        Moment::Received(mail) if mail.to == ["silent@example.org"] => {
            let _ = told.send(());
            Reply::Silence
        }
        _ => Reply::Accept,
    });
    let app = on_sqlite(&with(&server)).await;
    let courier = courier(&app);
    let silent = queued(&app, "silent@example.org").await;
    let other = queued(&app, "ada@example.org").await;
    let working = tokio::spawn(async move { courier.round().await });
    hung.recv().await.unwrap();
    while status(&app, other).await != Sent {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&app, silent).await, Processing);
    tokio::time::pause();
    assert_eq!(working.await.unwrap().unwrap(), 2);
    tokio::time::resume();
    assert_eq!(status(&app, silent).await, Queued);
    assert!(reason(&app, silent).await.contains("no answer within 10 s"), "{}", reason(&app, silent).await);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_costs_no_attempt() {
    let seen = AtomicUsize::new(0);
    let server = MailServer::start(0, Encryption::None, move |moment| match moment {
        Moment::From(_) if seen.fetch_add(1, SeqCst) == 1 => Reply::HangUp,
        _ => Reply::Accept,
    });
    let app = on_sqlite(&with(&server)).await;
    let courier = courier(&app);
    let first = queued(&app, "ada@example.org").await;
    courier.round().await.unwrap();
    let second = queued(&app, "bob@example.org").await;
    courier.round().await.unwrap();
    for id in [first, second] {
        let (message, dispatches) = found(&app, id).await;
        assert_eq!((message.status, message.send_count, dispatches.len()), (Sent, 1, 1));
    }
    assert_eq!((server.mails().len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn couriers_share_an_outbox() {
    let server = MailServer::obliging();
    scenario(with(&server), async |app| {
        let before = server.mails().len();
        let mails: Vec<_> = (0..200).map(|number| mail(app, &format!("p{number}@example.org"))).collect();
        queue(app, &mails).await;
        let (end, ending) = tokio::sync::watch::channel(false);
        let couriers: Vec<_> = (0..2).map(|_| tokio::spawn(courier(app).run(ending.clone()))).collect();
        while server.mails().len() < before + 200 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        end.send(true).unwrap();
        for courier in couriers {
            courier.await.unwrap();
        }
        let mut counts = BTreeMap::new();
        for mail in server.mails().split_off(before) {
            *counts.entry(mail.to.join(",")).or_insert(0) += 1;
        }
        assert_eq!((counts.len(), counts.values().max()), (200, Some(&1)));
        for mail in mails {
            assert_eq!(status(app, mail.id).await, Sent, "finished before it ends");
        }
    })
    .await;
}

#[tokio::test]
async fn an_encrypted_server_is_trusted_only_if_it_can_be() {
    let authority = Authority::new().unwrap();
    let tls = authority.server("localhost", false).unwrap();
    for (encryption, scheme) in
        [(Encryption::Offered(Arc::clone(&tls)), "smtp"), (Encryption::Wrapped(Arc::clone(&tls)), "smtps")]
    {
        let server = MailServer::start(0, encryption, |_| Reply::Accept);
        for (option, expected) in [("", Queued), ("?skip_ssl_verify=true", Sent)] {
            let uri = format!("{scheme}://ada:hunter2@localhost:{}/{option}", server.port);
            let app = on_sqlite(&smtp(&uri, json!({}))).await;
            let id = queued(&app, "ada@example.org").await;
            courier(&app).round().await.unwrap();
            assert_eq!(status(&app, id).await, expected, "{scheme} {option}: {}", reason(&app, id).await);
        }
        let mails = server.mails();
        assert_eq!(mails.len(), 1);
        assert!(mails[0].encrypted);
        assert_eq!(mails[0].user.as_deref(), Some("ada"));
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_sent_and_no_password_is_told() {
    let server = MailServer::obliging();
    let uri = format!("smtp://ada:hunter2@127.0.0.1:{}/", server.port);
    let app = on_sqlite(&smtp(&uri, json!({}))).await;
    let id = queued(&app, "ada@example.org").await;
    courier(&app).round().await.unwrap();
    assert!(reason(&app, id).await.contains("offers no STARTTLS"), "{}", reason(&app, id).await);
    assert_eq!((status(&app, id).await, server.mails().len()), (Queued, 0));
}

#[tokio::test]
async fn a_wrong_password_is_not_the_messages_fault() {
    let server = MailServer::obliging();
    let uri = format!("smtp://ada:wrong@127.0.0.1:{}/?disable_starttls=true", server.port);
    let app = on_sqlite(&smtp(&uri, json!({}))).await;
    let id = queued(&app, "ada@example.org").await;
    courier(&app).round().await.unwrap();
    let reason = reason(&app, id).await;
    assert!(reason.starts_with("AUTH PLAIN failed: 535 ") && !reason.contains("wrong"), "{reason}");
    assert_eq!(status(&app, id).await, Queued);
}

/// Sends a mail with the credentials of `ada` and hands back what became of it.
async fn sent_by_ada(server: &MailServer, scheme: &str, options: &str) -> (MessageStatus, String) {
    let uri = format!("{scheme}://ada:hunter2@localhost:{}/?skip_ssl_verify=true&{options}", server.port);
    let app = on_sqlite(&smtp(&uri, json!({}))).await;
    let id = queued(&app, "ada@example.org").await;
    courier(&app).round().await.unwrap();
    (status(&app, id).await, reason(&app, id).await)
}

#[tokio::test]
async fn auth_uses_the_mechanism_that_kratos_would_use() {
    for (auth, mechanism) in [
        ("LOGIN PLAIN CRAM-MD5", "CRAM-MD5"),
        ("CRAM-MD5", "CRAM-MD5"),
        ("LOGIN PLAIN", "PLAIN"),
        ("XOAUTH2 LOGIN", "LOGIN"),
    ] {
        let server = MailServer::with_manners(Manners { auth, ..Manners::default() }, Encryption::None);
        assert_eq!(sent_by_ada(&server, "smtp", "disable_starttls=true").await.0, Sent, "{auth}");
        let mail = &server.mails()[0];
        assert_eq!((mail.user.as_deref(), mail.mechanism.as_deref()), (Some("ada"), Some(mechanism)));
    }
}

#[tokio::test]
async fn auth_is_required_over_tls_only() {
    let tls = Authority::new().unwrap().server("localhost", false).unwrap();
    let none = Manners { auth: "", ..Manners::default() };
    let server = MailServer::with_manners(none, Encryption::None);
    assert_eq!(sent_by_ada(&server, "smtp", "disable_starttls=true").await.0, Sent);
    assert_eq!(server.mails()[0].user, None);
    for (encryption, scheme) in
        [(Encryption::Offered(Arc::clone(&tls)), "smtp"), (Encryption::Wrapped(Arc::clone(&tls)), "smtps")]
    {
        let server = MailServer::with_manners(none, encryption);
        let (status, reason) = sent_by_ada(&server, scheme, "").await;
        assert!(status == Queued && reason.starts_with("the mail server offers no AUTH"), "{reason}");
        assert_eq!(server.mails().len(), 0);
    }
    let unknown = Manners { auth: "XOAUTH2 SCRAM-SHA-256", ..Manners::default() };
    let server = MailServer::with_manners(unknown, Encryption::None);
    let (status, reason) = sent_by_ada(&server, "smtp", "disable_starttls=true").await;
    assert!(status == Queued && reason.contains("none of CRAM-MD5, PLAIN and LOGIN"), "{reason}");
}

#[tokio::test]
async fn replies_sent_ahead_of_encryption_are_not_taken_for_the_servers() {
    let tls = Authority::new().unwrap().server("localhost", false).unwrap();
    let manners = Manners { injected: "\r\n250 injected", ..Manners::default() };
    let server = MailServer::with_manners(manners, Encryption::Offered(tls));
    let (status, reason) = sent_by_ada(&server, "smtp", "").await;
    assert!(reason.starts_with("STARTTLS failed: the server sent a reply that no command asked for"), "{reason}");
    assert_eq!((status, server.mails().len()), (Queued, 0));
}

#[tokio::test]
async fn refusals_name_the_command() {
    for (moment, prefix) in [
        ("from", "MAIL FROM failed: 553 not yours"),
        ("to", "RCPT TO failed: 550 no such user"),
        ("data", "DATA failed: 554 spam"),
    ] {
        let server = MailServer::start(0, Encryption::None, move |now| match (moment, now) {
            ("from", Moment::From(_)) => Reply::Say("553 not yours"),
            ("to", Moment::To(_)) => Reply::Say("550 no such user"),
            ("data", Moment::Received(_)) => Reply::Say("554 spam"),
            _ => Reply::Accept,
        });
        let (status, reason) = sent_by_ada(&server, "smtp", "disable_starttls=true").await;
        assert!(status == Abandoned && reason.starts_with(prefix), "{reason}");
    }
}
