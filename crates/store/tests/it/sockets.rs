//! Ways to a server other than a name and a port: unix sockets, several hosts, passwords with an `@`.

use crate::database::{Database, each, options};
use tokio::{
    io::copy_bidirectional,
    net::{TcpStream, UnixListener},
};
use zelos_store::{Dialect, Store};

/// Passes on what comes to a socket of that name.
fn pass_on(socket: &std::path::Path, upstream: String) {
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let upstream = upstream.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(upstream).await.unwrap();
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn each_leads_to_the_server() {
    each(|Database { store, dsn }| async move {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let Some((login, place)) = dsn.split_once('@') else { return };
        let (address, database) = place.split_once('/').unwrap();
        let (database, _) = database.split_once('?').unwrap_or((database, ""));
        let upstream = address.trim_start_matches("tcp(").trim_end_matches(')').to_owned();
        let port = upstream.rsplit_once(':').unwrap().1.to_owned();
        let dsns = if store.dialect() == Dialect::Postgres {
            pass_on(&folder.path().join(".s.PGSQL.5432"), upstream.clone());
            vec![
                format!("{login}@/{database}?host={path}"),
                format!("{login}@/{database}?host={path}&sslmode=require"),
                format!("postgres:///{database}?user=postgres&host={path}&port=5432"),
                format!("{login}@127.0.0.1:1,{upstream}/{database}?sslmode=disable"),
                format!("{login}@/{database}?host=127.0.0.1,127.0.0.1&port=1,{port}&sslmode=disable"),
                format!("{login}:p@ss@{upstream}/{database}"),
            ]
        } else {
            pass_on(&folder.path().join("my.sock"), upstream.clone());
            vec![
                format!("{login}@unix({path}/my.sock)/{database}?tls=preferred"),
                format!("{login}@tcp({upstream})/{database}?tls=preferred&loc=Europe/Berlin"),
                format!("{login}@{upstream}/{database}"),
            ]
        };
        for dsn in dsns {
            let store = Store::connect(&dsn, options()).await.unwrap();
            assert!(store.pending_migrations().await.unwrap().is_empty(), "{dsn}");
        }
    })
    .await;
}
