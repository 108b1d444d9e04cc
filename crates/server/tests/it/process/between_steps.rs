//! The process dies between two steps of something that ends in a mail, at exactly that moment, and is started again.
//! Whoever was told that it is done has their mail; of the others there is all or nothing; and no mail comes twice but
//! one that was taken without the process living to write that down.

use super::{
    client::{self, Answer},
    courier::Outbox,
    people::{self, SignUps},
    place::{Fresh, Place, eventually},
};
use serde_json::json;
use std::io;
use zelos_core::fail_point;
use zelos_testkit::MailServer;

/// Where the process dies, and how many mails there are in the end.
type Moment = (&'static str, usize);

const OF_A_REGISTRATION: [Moment; 2] = [("before a person is saved", 0), ("after a person is saved", 1)];
const OF_A_RECOVERY: [Moment; 2] = [("before a flow is saved", 0), ("after a flow is saved", 1)];
const OF_THE_COURIER: [Moment; 3] =
    [("after a message is claimed", 1), ("after a message is sent", 2), ("after a message is settled", 1)];

const ADA: &str = "ada@example.org";

/// Mail by code, and a mail server for it; the database is migrated.
fn place(dsn: &str, mail: &MailServer) -> Place {
    let place = Place::new();
    let mut config = place.config(dsn);
    let service = &mut config["selfservice"];
    service["methods"]["code"] = json!({ "enabled": true });
    for kind in ["recovery", "verification"] {
        service["flows"][kind] = json!({ "enabled": true, "use": "code", "ui_url": "http://127.0.0.1/ui" });
    }
    config["courier"] = json!({
        "smtp": { "connection_uri": mail.uri(), "from_address": "accounts@example.org" },
        "worker": { "pull_wait": "100ms" },
    });
    place.write(&config);
    let migrated = place.run("migrate sql up -e -y -c kratos.yml", &[]);
    assert_eq!(migrated.code, Some(0), "{}", migrated.log);
    place
}

/// Lets somebody do something at a server that dies at that moment.
fn dies<T>(place: &Place, moment: &str, act: impl FnOnce() -> T) -> T {
    let mut server = place.zelos("serve -c kratos.yml --dev", &[(fail_point::VARIABLE, moment)]);
    place.wait_until_ready(&mut server);
    let answer = act();
    let ended = server.end();
    assert_eq!(ended.code, None, "{moment}: {}", ended.log);
    answer
}

/// Everything that is in the outbox goes out, as if the time of every lease had passed; each mail as often as said.
fn all_go_out(outbox: &Outbox, mail: &MailServer, moment: &str, times: usize) {
    outbox.end_leases();
    eventually("all are sent", || outbox.all_sent());
    let mails = mail.mails();
    assert_eq!(mails.len(), times, "{moment}");
    let mut ids: Vec<_> = mails.iter().map(|mail| mail.header("Message-ID").unwrap()).collect();
    ids.dedup();
    assert_eq!(ids.len(), times.min(1), "{moment}: the second is known by its Message-ID");
    assert!(mails.iter().all(|mail| mail.to == [ADA]), "{moment}");
}

fn registration(dsn: &str, (moment, times): Moment) {
    let mail = MailServer::obliging();
    let (place, outbox) = (place(dsn, &mail), Outbox(dsn.to_owned()));
    let answer = dies(&place, moment, || people::sign_up(place.public, ADA));
    let mut sign_ups = SignUps { tried: vec![ADA.to_owned()], ..SignUps::default() };
    if let Ok(answer) = answer {
        assert_eq!(answer.status, 200, "{moment}: {}", answer.body);
        sign_ups.note(ADA, &answer);
    }
    let exists = outbox.all().len();
    assert_eq!(exists, times.min(1), "{moment}");
    assert!(exists == 1 || sign_ups.done.is_empty(), "{moment}: there is no account without its mail");
    let _server = place.serve_again();
    all_go_out(&outbox, &mail, moment, times);
    assert_eq!(people::identities(place.admin).len(), exists, "{moment}: there is no mail without its account");
    sign_ups.check(place.public, place.admin);
}

fn ask_for_code(place: &Place, flow: &str) -> io::Result<Answer> {
    let body = json!({ "method": "code", "email": ADA }).to_string();
    client::send(place.public, "POST", &format!("/self-service/recovery?flow={flow}"), &[], &body)
}

fn recovery(dsn: &str, (moment, times): Moment) {
    let mail = MailServer::obliging();
    let (place, outbox) = (place(dsn, &mail), Outbox(dsn.to_owned()));
    let server = place.serve_again();
    let identity = json!({ "schema_id": "default", "traits": { "email": ADA } }).to_string();
    let made = client::send(place.admin, "POST", "/admin/identities", &[], &identity).unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    drop(server);
    let (flow, answer) = dies(&place, moment, || {
        let flow = client::get(place.public, "/self-service/recovery/api").unwrap().json();
        let flow = flow["id"].as_str().unwrap().to_owned();
        let answer = ask_for_code(&place, &flow);
        (flow, answer)
    });
    let exists = outbox.all().len();
    assert_eq!(exists, times.min(1), "{moment}");
    assert!(exists == 1 || answer.is_err(), "{moment}: nobody waits for a mail that never comes");
    let _server = place.serve_again();
    all_go_out(&outbox, &mail, moment, times);
    let flow_now = client::get(place.public, &format!("/self-service/recovery/flows?id={flow}")).unwrap().json();
    assert_eq!(flow_now["state"], if exists == 1 { "sent_email" } else { "choose_method" }, "{moment}");
    // Whoever got no answer asks again.
    assert_eq!(ask_for_code(&place, &flow).unwrap().status, 200, "{moment}");
    eventually("the next mail", || (mail.mails().len() == times + 1).then_some(()));
}

#[test]
fn of_a_registration_on_sqlite() {
    for moment in OF_A_REGISTRATION.into_iter().chain(OF_THE_COURIER) {
        let home = Place::new();
        registration(&home.sqlite(), moment);
    }
}

#[test]
fn of_a_registration_on_servers() {
    for moment in OF_A_REGISTRATION.into_iter().chain(OF_THE_COURIER) {
        Fresh::on_each_server().for_each(|database| registration(database.dsn(), moment));
    }
}

#[test]
fn of_a_recovery_on_sqlite() {
    for moment in OF_A_RECOVERY.into_iter().chain(OF_THE_COURIER) {
        let home = Place::new();
        recovery(&home.sqlite(), moment);
    }
}

#[test]
fn of_a_recovery_on_servers() {
    for moment in OF_A_RECOVERY.into_iter().chain(OF_THE_COURIER) {
        Fresh::on_each_server().for_each(|database| recovery(database.dsn(), moment));
    }
}
