//! What a mail looks like on arrival, and what nobody can make of it.

use super::{after, courier, found, mail, queue, queued, reason, smtp, status, with};
use serde_json::json;
use zelos_core::message::MessageStatus;
use zelos_testkit::{App, Database, MailServer, Setup, scenario};

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let server = MailServer::obliging();
    let more = json!({
        "from_name": "Example, Büro",
        "local_name": "id.example.org",
        "headers": { "X-Campaign": "naïve", "Reply-To": "help@example.org", "Bcc": "Archive <archive@example.org>" },
    });
    let app = App::start(&Database::sqlite().unwrap(), &smtp(&server.uri(), more)).await.unwrap();
    let mut message = mail(&app, "ada@example.org");
    message.subject = "Grüße 😀".to_owned();
    message.body = ".\r\nfirst\n..second\n123456\n".to_owned();
    queue(&app, std::slice::from_ref(&message)).await;
    after(&app, &courier(&app), 1).await;

    let (sent, dispatches) = found(&app, message.id).await;
    assert_eq!((sent.status, sent.send_count, dispatches.len()), (MessageStatus::Sent, 1, 1));
    assert_eq!(dispatches[0].error, None);
    let mails = server.mails();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!((mail.from.as_str(), mail.hello.as_str()), ("accounts@example.org", "id.example.org"));
    assert_eq!(mail.to, ["ada@example.org", "archive@example.org"]);
    assert_eq!(mail.header("To").unwrap(), "ada@example.org");
    assert_eq!(mail.header("Bcc"), None, "who gets a blind copy is nobody's business");
    assert_eq!(mail.header("Reply-To").unwrap(), "help@example.org");
    assert_eq!(mail.header("Message-ID").unwrap(), format!("<{}@example.org>", message.id));
    assert_eq!(mail.header("MIME-Version").unwrap(), "1.0");
    assert_eq!(mail.header("Date").unwrap(), "Wed, 02 Jan 2030 03:04:05 +0000");
    assert!(mail.header("From").unwrap().ends_with(" <accounts@example.org>"));
    for name in ["Subject", "X-Campaign", "From"] {
        let value = mail.header(name).unwrap();
        assert!(value.is_ascii() && value.contains("=?utf-8?"), "{name}: {value}");
    }
    assert!(mail.text.contains("text/plain"), "{}", mail.text);
    for line in [".", "first", "..second", "123456"] {
        assert!(mail.text.split("\r\n").any(|found| found == line), "{line} in {}", mail.text);
    }
}

#[tokio::test]
async fn one_persons_mails_arrive_in_their_order() {
    let server = MailServer::obliging();
    scenario(with(&server), async |app| {
        let before = server.mails().len();
        let mut mails: Vec<_> = (0..10).map(|_| mail(app, "ada@example.org")).collect();
        for (number, mail) in mails.iter_mut().enumerate() {
            mail.subject = number.to_string();
            mail.created_at += time::Duration::milliseconds(i64::try_from(number).unwrap());
        }
        mails.reverse();
        queue(app, &mails).await;
        after(app, &courier(app), 1).await;
        let subjects: Vec<_> = server.mails()[before..].iter().map(|mail| mail.header("Subject").unwrap()).collect();
        assert_eq!(subjects, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    })
    .await;
}

#[tokio::test]
async fn nothing_a_person_chose_makes_a_header_or_a_command() {
    let server = MailServer::obliging();
    scenario(with(&server), async |app| {
        let before = server.mails().len();
        let mut subject = mail(app, "ada@example.org");
        subject.subject = "Hello\r\nBcc: evil@example.org\r\n\r\nBuy!\u{1}\n".to_owned();
        let mut body = mail(app, "bob@example.org");
        body.body = "a\r\n.\r\nMAIL FROM:<evil@example.org>\n.\nQUIT\r.\r".to_owned();
        queue(app, &[subject, body]).await;
        let mut refused = Vec::new();
        for recipient in [
            "ada@example.org\r\nBcc: evil@example.org",
            "ada@example.org>\r\nRCPT TO:<evil@example.org",
            "ada@example.org\nX: y",
            "ada@example.org, evil@example.org",
            "<ada@example.org>",
            "ada@example.org> SIZE=1",
            "@example.org",
            "no address",
            "",
        ] {
            refused.push(queued(app, recipient).await);
        }
        after(app, &courier(app), 1).await;
        for id in refused {
            assert_eq!(status(app, id).await, MessageStatus::Abandoned);
            assert_eq!(reason(app, id).await, "the recipient is no e-mail address");
        }
        let mails = server.mails().split_off(before);
        assert_eq!(mails.len(), 2);
        for mail in mails {
            assert_eq!(mail.header("Bcc"), None, "{}", mail.text);
            assert!(["ada@example.org", "bob@example.org"].contains(&mail.to.join(",").as_str()), "{:?}", mail.to);
            assert_eq!(mail.from, "accounts@example.org");
        }
    })
    .await;
}

#[tokio::test]
async fn an_address_of_other_letters_is_sent_as_far_as_mail_servers_go() {
    let server = MailServer::obliging();
    scenario(with(&server), async |app| {
        let domain = queued(app, "ada@bücher.example").await;
        let name = queued(app, "jürgen@example.org").await;
        after(app, &courier(app), 1).await;
        assert_eq!(status(app, domain).await, MessageStatus::Sent);
        assert_eq!(server.mails().last().unwrap().to, ["ada@xn--bcher-kva.example"]);
        assert_eq!(status(app, name).await, MessageStatus::Abandoned);
        assert!(reason(app, name).await.contains("SMTPUTF8"));
    })
    .await;
}

#[tokio::test]
async fn a_configuration_that_could_send_nothing_is_refused_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    std::fs::write(&garbage, "no certificate").unwrap();
    let smtp = |smtp: serde_json::Value| json!({ "courier": { "smtp": smtp } });
    let uri = "smtp://user:hunter2@127.0.0.1:25/";
    for (config, expected) in [
        (
            smtp(json!({ "connection_uri": "smtp://user:hunter2@127.0.0.1:99999/" })),
            "courier.smtp.connection_uri: is not a URI: invalid port number",
        ),
        (smtp(json!({ "connection_uri": "smtp://a.example", "password": "hunter2" })), "courier.smtp.password: "),
        (smtp(json!({ "connection_uri": uri, "from_name": "a\r\nBcc: b@c.de" })), "courier.smtp.from_name: "),
        (
            smtp(json!({ "connection_uri": uri, "headers": { "X-A": "a\r\nBcc: b@c.de" } })),
            "courier.smtp.headers.X-A: ",
        ),
        (smtp(json!({ "connection_uri": uri, "headers": { "X A": "a" } })), "courier.smtp.headers.X A: "),
        (
            smtp(json!({ "connection_uri": uri, "headers": { "Content-Type": "a" } })),
            "courier.smtp.headers.Content-Type: ",
        ),
        (smtp(json!({ "connection_uri": uri, "headers": { "Cc": "nobody" } })), "courier.smtp.headers.Cc: "),
        (smtp(json!({ "connection_uri": uri, "local_name": "a b" })), "courier.smtp.local_name: "),
        (smtp(json!({ "connection_uri": uri, "client_cert_path": "/missing" })), "courier.smtp.client_key_path: "),
        (
            smtp(json!({ "connection_uri": uri, "client_cert_path": "/missing", "client_key_path": "/missing" })),
            "courier.smtp.client_cert_path: /missing cannot be read",
        ),
        (
            smtp(json!({ "connection_uri": uri, "client_cert_path": garbage, "client_key_path": garbage })),
            "courier.smtp.client_cert_path: cannot be used",
        ),
        (
            json!({ "courier": { "delivery_strategy": "http", "http": { "request_config": {
                "url": "https://a.example/", "body": "base64://bm8ganNvbm5ldCE=" } } } }),
            "courier.http.request_config.body: ",
        ),
        (
            json!({ "courier": { "channels": [{ "id": "sms", "type": "http", "request_config": {
                "url": "https://a.example/", "headers": { "Content-Type": "text/plain" } } }] } }),
            "courier.channels.0.request_config.headers.Content-Type: ",
        ),
    ] {
        let error = App::start(&Database::sqlite().unwrap(), &Setup::with(config)).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
