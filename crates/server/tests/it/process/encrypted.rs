//! A database behind TLS: the whole of what a server does goes through it. The databases of the tests are not encrypted, so
//! a front with a certificate of its own stands before them.

use super::{
    people,
    place::{Fresh, Place},
};
use std::{fs, io, sync::Arc, thread};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use zelos_testkit::Authority;

/// Of MySQL's capabilities.
const SSL: u8 = 0x08;

/// Starts a front for the server of that DSN; answers with the DSN that leads through it, by name and without parameters.
/// It lives as long as the test's process.
fn front(dsn: &str, config: Arc<rustls::ServerConfig>) -> String {
    let is_mysql = dsn.starts_with("mysql");
    let (login, place) = dsn.split_once('@').unwrap();
    let (address, database) = place.split_once('/').unwrap();
    let upstream = address.trim_start_matches("tcp(").trim_end_matches(')').to_owned();
    let database = database.split('?').next().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(config);
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, acceptor) = (upstream.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let server = TcpStream::connect(&upstream).await?;
                    if is_mysql {
                        mysql(client, server, acceptor).await
                    } else {
                        postgres(client, server, acceptor).await
                    }
                });
            }
        });
    });
    if is_mysql {
        return format!("{login}@tcp(localhost:{port})/{database}");
    }
    format!("{login}@localhost:{port}/{database}")
}

async fn postgres(mut client: TcpStream, mut server: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    client.read_exact(&mut [0; 8]).await?;
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

async fn packet(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 4];
    from.read_exact(&mut head).await?;
    let mut body = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
    from.read_exact(&mut body).await?;
    Ok((head[3], body))
}

async fn send(to: &mut (impl AsyncWrite + Unpin), number: u8, body: &[u8]) -> io::Result<()> {
    let [a, b, c, _] = u32::try_from(body.len()).unwrap().to_le_bytes();
    to.write_all(&[&[a, b, c, number], body].concat()).await?;
    to.flush().await
}

/// Offers TLS in the server's name. The server is not told, so the numbers of its packets are one behind until the
/// handshake is over.
async fn mysql(mut client: TcpStream, mut server: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    let (number, mut greeting) = packet(&mut server).await?;
    let version = greeting.iter().skip(1).position(|byte| *byte == 0).unwrap();
    greeting[1 + version + 1 + 4 + 8 + 1 + 1] |= SSL;
    send(&mut client, number, &greeting).await?;
    let (number, question) = packet(&mut client).await?;
    assert_eq!((number, question.len(), question[1] & SSL), (1, 32, SSL));
    let mut client = acceptor.accept(client).await?;
    let (number, mut introduction) = packet(&mut client).await?;
    assert_eq!(number, 2, "the request for TLS is counted");
    introduction[1] &= !SSL;
    send(&mut server, number - 1, &introduction).await?;
    loop {
        let (number, answer) = packet(&mut server).await?;
        send(&mut client, number + 1, &answer).await?;
        match answer[0] {
            0x00 | 0xff => break,
            _ => {
                let (number, answer) = packet(&mut client).await?;
                send(&mut server, number - 1, &answer).await?;
            }
        }
    }
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// Migrates, serves and signs up through TLS.
fn works(dsn: &str, trusted: &str) {
    let place = Place::new();
    let environment = [("SSL_CERT_FILE", trusted)];
    place.write(&place.config(dsn));
    let migrated = place.run("migrate sql up -e -y -c kratos.yml", &environment);
    assert_eq!(migrated.code, Some(0), "{dsn}: {}", migrated.log);
    let mut server = place.zelos("serve -c kratos.yml --dev", &environment);
    place.wait_until_ready(&mut server);
    for number in 0..4 {
        let answer = people::sign_up(place.public, &format!("secret{number}@example.org")).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[test]
fn a_trusted_self_signed_certificate_carries_everything() {
    for database in Fresh::on_each_server() {
        let files = Place::new();
        let write = |name: &str, pem: String| {
            fs::write(files.path(name), pem).unwrap();
            files.path(name).display().to_string()
        };
        let (pem, config) = Authority::self_signed("localhost").unwrap();
        let trusted = write("trusted.pem", pem);
        let other = write("other.pem", Authority::self_signed("localhost").unwrap().0);
        let dsn = front(database.dsn(), config);
        let is_mysql = dsn.starts_with("mysql");
        works(&format!("{dsn}?{}", if is_mysql { "tls=true" } else { "sslmode=verify-full" }), &trusted);

        let unchecked =
            if is_mysql { ["tls=skip-verify", "tls=preferred"] } else { ["sslmode=require", "sslmode=prefer"] };
        for parameter in unchecked {
            let status = files
                .run("migrate sql status -e", &[("DSN", &format!("{dsn}?{parameter}")), ("SSL_CERT_FILE", &other)]);
            assert!(
                status.code == Some(0) && !status.out.contains("Pending"),
                "{parameter}: {}{}",
                status.out,
                status.log
            );
        }
        let strict = format!("{dsn}?{}", if is_mysql { "tls=true" } else { "sslmode=verify-full" });
        let refused = files.run("migrate sql up -e -y", &[("DSN", &strict), ("SSL_CERT_FILE", &other)]);
        assert!(refused.code == Some(1) && refused.log.contains("UnknownIssuer"), "{}", refused.log);
        assert!(!refused.log.contains("waiting"), "it would be refused again: {}", refused.log);
        // Without TLS at the server: preferred does without, the others say so.
        let (plain, _) = database.dsn().split_once('?').unwrap_or((database.dsn(), ""));
        let run = |parameter: &str| files.run("migrate sql status -e", &[("DSN", &format!("{plain}?{parameter}"))]);
        let [none, preferred] =
            if is_mysql { ["tls=skip-verify", "tls=preferred"] } else { ["sslmode=require", "sslmode=prefer"] };
        assert_eq!(run(preferred).code, Some(0));
        let refused = run(none);
        assert!(refused.code == Some(1) && refused.log.contains("TLS"), "{}", refused.log);
    }
}
