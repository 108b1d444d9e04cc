//! Which way a message takes.

use super::{after, courier, found, mail, queue, queued, status, with};
use serde_json::json;
use zelos_core::message::{
    MessageChannel,
    MessageStatus::{Abandoned, Queued, Sent},
};
use zelos_testkit::{App, Database, MailServer, Setup, scenario};

#[tokio::test]
async fn without_a_way_out_messages_wait() {
    scenario(Setup::default(), async |app| {
        // Outside development there is no mailbox.
        let database = Database::sqlite().unwrap();
        let outside = json!({ "dev": false, "hashers": { "bcrypt": { "cost": 12 } } });
        app.reload(&database, &Setup::with(outside)).await.unwrap();
        let courier = courier(app);
        let id = queued(app, "ada@example.org").await;
        for _ in 0..10 {
            after(app, &courier, 60).await;
        }
        let (message, dispatches) = found(app, id).await;
        assert_eq!((message.status, message.send_count, dispatches.len()), (Queued, 0, 0));

        let server = MailServer::obliging();
        app.reload(&database, &with(&server)).await.unwrap();
        after(app, &courier, 0).await;
        assert_eq!((status(app, id).await, server.mails().len()), (Sent, 1), "a reload reaches the courier");
    })
    .await;
}

#[tokio::test]
async fn in_development_everything_stays_in_the_house() {
    let app = App::start(&Database::sqlite().unwrap(), &Setup::default()).await.unwrap();
    let email = queued(&app, "ada@example.org").await;
    let mut sms = mail(&app, "+4915112345678");
    sms.channel = MessageChannel::Sms;
    queue(&app, std::slice::from_ref(&sms)).await;
    after(&app, &courier(&app), 0).await;
    assert_eq!([status(&app, email).await, status(&app, sms.id).await], [Sent, Sent]);
}

#[tokio::test]
async fn short_messages_go_by_request() {
    let request = json!({ "id": "sms", "type": "http", "request_config": { "url": "https://sms.example.org/send" } });
    let setup = Setup::with(json!({ "courier": { "channels": [request] } }));
    scenario(setup, async |app| {
        let courier = courier(app);
        let mut sms = mail(app, "+4915112345678");
        sms.channel = MessageChannel::Sms;
        queue(app, std::slice::from_ref(&sms)).await;
        app.outbound.answer("https://sms.example.org/", 503, "busy");
        after(app, &courier, 0).await;
        assert_eq!(status(app, sms.id).await, Queued);
        app.outbound.answer("https://sms.example.org/", 202, "");
        after(app, &courier, 5).await;
        assert_eq!(status(app, sms.id).await, Sent);
        assert_eq!(app.outbound.asked(), ["https://sms.example.org/send"; 2]);

        app.outbound.answer("https://sms.example.org/", 422, "no such number");
        let mut wrong = mail(app, "+49");
        wrong.channel = MessageChannel::Sms;
        queue(app, std::slice::from_ref(&wrong)).await;
        after(app, &courier, 0).await;
        assert_eq!(status(app, wrong.id).await, Abandoned);
    })
    .await;
}
