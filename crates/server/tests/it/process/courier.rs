//! The courier as its operator sees it: several processes on one database, killed at any step, told to stop, in front
//! of mail servers with certificates of their own.
//!
//! The mail server is the test's, so it decides at which step the process is when it is killed.

use super::{
    client,
    place::{Fresh, Place, eventually, free_port, wait},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;
use zelos_core::{
    id::MessageId,
    message::{Message, MessageChannel, MessageStatus, TemplateType},
};
use zelos_store::{Batch, Page, PoolOptions, Store, messages};
use zelos_testkit::{Authority, Encryption, MailServer, Manners, Moment, Reply};

/// Long ago: the processes' clocks are the machine's.
const QUEUED_AT: OffsetDateTime = datetime!(2026-01-01 0:00 UTC);

fn message(number: u128) -> Message {
    Message {
        id: MessageId(Uuid::from_u128(number)),
        channel: MessageChannel::Email,
        recipient: format!("p{number}@example.org"),
        subject: "Your code".to_owned(),
        body: "123456\n".to_owned(),
        template_type: TemplateType::VerificationCodeValid,
        template_data: serde_json::Map::new(),
        request_headers: serde_json::Map::new(),
        status: MessageStatus::Queued,
        send_count: 0,
        expires_at: None,
        created_at: QUEUED_AT + Duration::seconds(i64::try_from(number).unwrap()),
        updated_at: QUEUED_AT,
    }
}

/// The outbox of a place, looked at from outside.
pub(super) struct Outbox(pub(super) String);

impl Outbox {
    fn with<T>(&self, work: impl AsyncFnOnce(Store) -> T) -> T {
        wait(async { work(Store::connect(&self.0, PoolOptions::default()).await.unwrap()).await })
    }

    fn queue(&self, numbers: std::ops::Range<u128>) {
        self.with(async |store| {
            let mut batch = Batch::new();
            numbers.for_each(|number| messages::insert(&mut batch, &message(number)));
            store.commit(batch).await.unwrap();
        });
    }

    pub(super) fn all(&self) -> Vec<Message> {
        self.with(async |store| {
            let page = Page::After { key: None, size: 1000 };
            messages::list(&store, &messages::Filter::default(), page).await.unwrap().items
        })
    }

    pub(super) fn all_sent(&self) -> Option<()> {
        self.all().iter().all(|message| message.status == MessageStatus::Sent).then_some(())
    }

    /// As if the time of every lease had passed.
    pub(super) fn end_leases(&self) {
        self.with(async |store| {
            let mut batch = Batch::new();
            batch.add("UPDATE messages SET due_at = created_at WHERE due_at IS NOT NULL", []);
            store.commit(batch).await.unwrap();
        });
    }
}

/// The usual configuration with that mail server, on a migrated database.
fn prepare(place: &Place, dsn: &str, uri: &str) -> Outbox {
    let mut config = place.config(dsn);
    config["courier"] = json!({
        "smtp": { "connection_uri": uri, "from_address": "accounts@example.org" },
        "worker": { "pull_wait": "100ms" },
    });
    place.write(&config);
    let migrated = place.run("migrate sql up -e -y -c kratos.yml", &[]);
    assert_eq!(migrated.code, Some(0), "{}", migrated.log);
    Outbox(dsn.to_owned())
}

/// How often each message arrived.
fn counts(server: &MailServer) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for mail in server.mails() {
        *counts.entry(mail.header("Message-ID").unwrap()).or_insert(0) += 1;
    }
    counts
}

/// Where a courier is stopped.
type Step = fn(&Moment<'_>) -> bool;

/// A mail server that stops time for the first courier at one step: it tells the test, and says nothing more to that
/// connection.
fn stopping_at(step: Step) -> (MailServer, mpsc::Receiver<()>) {
    let (told, reached) = mpsc::channel();
    let done = AtomicBool::new(false);
    let server = MailServer::start(0, Encryption::None, move |moment| {
        if step(&moment) && !done.swap(true, SeqCst) {
            told.send(()).unwrap();
            return Reply::Silence;
        }
        Reply::Accept
    });
    (server, reached)
}

fn killed_between_any_two_steps(dsn: &str) {
    // The cause is committed before any courier runs; then: claimed, being handed over, taken but not marked.
    let steps: [Step; 3] = [
        |moment| matches!(moment, Moment::Connected(_)),
        |moment| matches!(moment, Moment::To(_)),
        |moment| matches!(moment, Moment::Received(_)),
    ];
    let mut queued = 0;
    for step in steps {
        let place = Place::new();
        let (server, reached) = stopping_at(step);
        let outbox = prepare(&place, dsn, &server.uri());
        outbox.queue(queued..queued + 5);
        queued += 5;
        let mut courier = place.zelos("courier watch -c kratos.yml", &[]);
        reached.recv_timeout(std::time::Duration::from_secs(40)).unwrap();
        courier.kill();
        let waiting = outbox.all().iter().filter(|message| message.status == MessageStatus::Processing).count();
        assert!(waiting > 0, "what was claimed stays so until its lease ends");
        outbox.end_leases();
        let _courier = place.zelos("courier watch -c kratos.yml", &[]);
        eventually("all are sent", || outbox.all_sent());
        let counts = counts(&server);
        assert_eq!(counts.len(), 5, "none is lost");
        // Those that were taken in the moment of the end, without being marked, come a second time.
        assert!(counts.values().all(|count| *count <= 2), "{counts:?}");
    }
}

#[test]
fn killed_between_any_two_steps_on_sqlite() {
    let place = Place::new();
    killed_between_any_two_steps(&place.sqlite());
}

#[test]
fn killed_between_any_two_steps_on_servers() {
    for database in Fresh::on_each_server() {
        killed_between_any_two_steps(database.dsn());
    }
}

fn each_mail_once(dsn: &str) {
    let place = Place::new();
    let server = MailServer::obliging();
    let outbox = prepare(&place, dsn, &server.uri());
    let mut serving = place.serve_again();
    let mut watching = place.zelos("courier watch -c kratos.yml", &[]);
    watching.wait_for_log("delivering");
    outbox.queue(0..200);
    eventually("all are sent", || outbox.all_sent());
    let counts = counts(&server);
    assert_eq!((counts.len(), counts.values().max()), (200, Some(&1)));
    for process in [&mut serving, &mut watching] {
        process.terminate();
        let ended = process.end();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
}

#[test]
fn two_processes_deliver_each_mail_once_on_sqlite() {
    let place = Place::new();
    each_mail_once(&place.sqlite());
}

#[test]
fn two_processes_deliver_each_mail_once_on_servers() {
    for database in Fresh::on_each_server() {
        each_mail_once(database.dsn());
    }
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let place = Place::new();
    let (told, reached) = mpsc::channel();
    let (go, wait_for_go) = mpsc::channel::<()>();
    let wait_for_go = std::sync::Mutex::new(wait_for_go);
    let server = MailServer::start(0, Encryption::None, move |moment| {
        if matches!(moment, Moment::Received(_)) {
            told.send(()).unwrap();
            let _ = wait_for_go.lock().unwrap().recv();
        }
        Reply::Accept
    });
    let outbox = prepare(&place, &place.sqlite(), &server.uri());
    outbox.queue(0..1);
    let mut serving = place.serve_again();
    reached.recv_timeout(std::time::Duration::from_secs(40)).unwrap();
    serving.terminate();
    serving.wait_for_log("stopping");
    eventually("nobody is let in", || (client::status(place.public, "/health/alive") == 0).then_some(()));
    assert!(serving.runs());
    go.send(()).unwrap();
    let ended = serving.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!((outbox.all_sent(), server.mails().len()), (Some(()), 1));
}

#[test]
fn certificates_of_an_own_authority() {
    let place = Place::new();
    let (own, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let file = |name: &str, text: String| {
        fs::write(place.path(name), text).unwrap();
        place.path(name).display().to_string()
    };
    let trusted = file("ca.pem", own.pem());
    let (certificate, key) = own.certificate("courier").unwrap();
    let (certificate, key) = (file("client.pem", certificate), file("client.key", key));
    let (stranger, stranger_key) = other.certificate("courier").unwrap();
    let (stranger, stranger_key) = (file("stranger.pem", stranger), file("stranger.key", stranger_key));
    let tls = own.server("mail.example.org", false).unwrap();
    let mutual = own.server("mail.example.org", true).unwrap();
    let mut number = 0;
    let mut delivered = |encryption, scheme: &str, more: &Value, options: &str, expected: bool| {
        let server = MailServer::start(0, encryption, |_| Reply::Accept);
        let uri = format!("{scheme}://ada:hunter2@127.0.0.1:{}/?{options}", server.port);
        let place = Place::new();
        let outbox = prepare(&place, &place.sqlite(), &uri);
        let mut config = place.config(&place.sqlite());
        config["courier"] = json!({ "smtp": { "connection_uri": uri }, "worker": { "pull_wait": "100ms" } });
        for (name, value) in more.as_object().unwrap() {
            config["courier"]["smtp"][name] = value.clone();
        }
        place.write(&config);
        number += 1;
        outbox.queue(number..number + 1);
        let courier = place.zelos("courier watch -c kratos.yml", &[("SSL_CERT_FILE", &trusted)]);
        if expected {
            eventually("it is sent", || outbox.all_sent());
            assert!(server.mails()[0].encrypted);
            assert_eq!(server.mails()[0].user.as_deref(), Some("ada"));
        } else {
            courier.wait_for_log("attempt=1 reason=");
            assert_eq!(server.mails().len(), 0);
            assert!(!courier.log().contains("hunter2"));
        }
    };
    let offered = || Encryption::Offered(Arc::clone(&tls));
    let wrapped = || Encryption::Wrapped(Arc::clone(&tls));
    let none = json!({});
    let named = "server_name=mail.example.org";
    delivered(offered(), "smtp", &none, named, true);
    delivered(wrapped(), "smtps", &none, named, true);
    delivered(offered(), "smtp", &none, "server_name=elsewhere.example.org", false);
    delivered(wrapped(), "smtps", &none, "", false);
    let both = || Encryption::Offered(Arc::clone(&mutual));
    let with = |certificate: &str, key: &str| json!({ "client_cert_path": certificate, "client_key_path": key });
    delivered(both(), "smtp", &with(&certificate, &key), named, true);
    delivered(both(), "smtp", &with(&stranger, &stranger_key), named, false);
    delivered(both(), "smtp", &none, named, false);
}

/// The first reason in the log why a message could not be delivered to such a server; `None` if it was delivered.
fn self_signed(encryption: Encryption, scheme: &str, options: &str, trusted: &str) -> Option<String> {
    let server = MailServer::start(0, encryption, |_| Reply::Accept);
    let uri = format!("{scheme}://ada:hunter2@127.0.0.1:{}/?{options}", server.port);
    let place = Place::new();
    let outbox = prepare(&place, &place.sqlite(), &uri);
    outbox.queue(0..1);
    fs::write(place.path("trusted.pem"), trusted).unwrap();
    let file = place.path("trusted.pem").display().to_string();
    let courier = place.zelos("courier watch -c kratos.yml", &[("SSL_CERT_FILE", &file)]);
    eventually("it is decided", || {
        let log = courier.log();
        let reason =
            log.lines().find_map(|line| line.split_once("attempt=1 reason=")).map(|(_, reason)| reason.to_owned());
        (outbox.all_sent().is_some() || reason.is_some()).then_some(reason)
    })
}

#[test]
fn a_self_signed_certificate_among_the_trusted_ones() {
    let (own, tls) = Authority::self_signed("mail.example.org").unwrap();
    let (other, _) = Authority::self_signed("mail.example.org").unwrap();
    let (named, misnamed) = ("server_name=mail.example.org", "server_name=elsewhere.example.org");
    let offered = || Encryption::Offered(Arc::clone(&tls));
    let wrapped = || Encryption::Wrapped(Arc::clone(&tls));
    assert_eq!(self_signed(offered(), "smtp", named, &own), None);
    assert_eq!(self_signed(wrapped(), "smtps", named, &own), None);
    let reason = self_signed(wrapped(), "smtps", misnamed, &own).unwrap();
    assert!(reason.contains("TLS handshake") && reason.contains("set server_name"), "{reason}");
    let reason = self_signed(offered(), "smtp", named, &other).unwrap();
    assert!(reason.contains("TLS handshake") && reason.contains("SSL_CERT_FILE"), "{reason}");
}

#[test]
fn unused_credentials_are_logged_once() {
    let place = Place::new();
    let server = MailServer::with_manners(Manners { auth: "", ..Manners::default() }, Encryption::None);
    let uri = format!("smtp://foo:hunter2@127.0.0.1:{}/?disable_starttls=true", server.port);
    let outbox = prepare(&place, &place.sqlite(), &uri);
    outbox.queue(0..5);
    let courier = place.zelos("courier watch -c kratos.yml", &[]);
    eventually("all are sent", || outbox.all_sent());
    assert_eq!(server.mails().iter().map(|mail| mail.user.clone()).collect::<Vec<_>>(), vec![None; 5]);
    assert_eq!(courier.log().matches("the mail server offers no AUTH").count(), 1, "{}", courier.log());
    let doctor = place.run("doctor -c kratos.yml", &[]);
    assert!(doctor.out.contains("note  courier.smtp.connection_uri: the mail server offers no AUTH"), "{}", doctor.out);
    assert!(!courier.log().contains("hunter2") && !doctor.out.contains("hunter2"));
}

#[test]
fn credentials_come_from_the_environment() {
    let place = Place::new();
    let server = MailServer::obliging();
    let outbox = prepare(&place, &place.sqlite(), &server.uri());
    outbox.queue(0..1);
    let environment = [("COURIER_SMTP_USERNAME", "ada"), ("COURIER_SMTP_PASSWORD", "hunter2")];
    let courier = place.zelos("courier watch -c kratos.yml", &environment);
    eventually("it is sent", || outbox.all_sent());
    assert_eq!(server.mails()[0].user.as_deref(), Some("ada"));
    assert!(!courier.log().contains("hunter2"));
}

#[test]
fn numbers_for_those_who_watch() {
    let place = Place::new();
    let server = MailServer::obliging();
    let outbox = prepare(&place, &place.sqlite(), &server.uri());
    outbox.queue(0..3);
    let port = free_port();
    let _courier = place.zelos(&format!("courier watch -c kratos.yml --expose-metrics-port {port}"), &[]);
    eventually("three are counted", || {
        let answer = client::get(port, "/metrics/prometheus").ok()?;
        answer.body.contains("zelos_courier_attempts_total{end=\"sent\"} 3").then_some(())
    });
}

#[test]
fn a_broken_way_out_stops_the_start_with_its_key() {
    let place = Place::new();
    let mut config = place.config(&place.sqlite());
    config["courier"] = json!({ "smtp": { "connection_uri": "smtp://user:hunter2@mail.example.org:99999/" } });
    place.write(&config);
    for command in ["serve --dev", "courier watch"] {
        let ended = place.run(&format!("{command} -c kratos.yml"), &[]);
        assert_eq!(ended.code, Some(1), "{command}: {}", ended.log);
        assert!(ended.log.contains("courier.smtp.connection_uri: is not a URI: invalid port number"), "{}", ended.log);
        assert!(!ended.log.contains("hunter2"), "{}", ended.log);
    }
}
