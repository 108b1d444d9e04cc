//! A network between the store and its server: it can fall silent, forget the connections it carries, and it counts round
//! trips.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

#[derive(Default)]
struct Wire {
    /// Nothing comes through, and nothing is closed.
    silent: AtomicBool,
    round_trips: AtomicU64,
    connections: AtomicU64,
}

/// The network, as it is for connections that are made now.
pub(crate) struct Network {
    wire: Arc<Mutex<Arc<Wire>>>,
}

impl Network {
    /// A network to that server, and the DSN that leads through it.
    pub(crate) async fn to(dsn: &str) -> (Self, String) {
        let address = dsn.split_once('@').unwrap().1.split_once('/').unwrap().0;
        let upstream = address.trim_start_matches("tcp(").trim_end_matches(')').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = dsn.replacen(&upstream, &listener.local_addr().unwrap().to_string(), 1);
        let wire = Arc::new(Mutex::new(Arc::<Wire>::default()));
        let now = Arc::clone(&wire);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let wire = Arc::clone(&now.lock().unwrap());
                wire.connections.fetch_add(1, SeqCst);
                let server = TcpStream::connect(&upstream).await.unwrap();
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
                let asks = Arc::new(AtomicBool::new(false));
                tokio::spawn(pass(Arc::clone(&wire), from_client, to_server, Arc::clone(&asks), true));
                tokio::spawn(pass(wire, from_server, to_client, asks, false));
            }
        });
        (Self { wire }, through)
    }

    /// From now on nothing comes through, on connections that stand and on new ones.
    pub(crate) fn fall_silent(&self) {
        self.wire.lock().unwrap().silent.store(true, SeqCst);
    }

    /// New connections work. Those that fell silent stay so: neither side is told.
    pub(crate) fn come_back(&self) {
        *self.wire.lock().unwrap() = Arc::default();
    }

    /// How often something was sent after an answer, or as the first thing of a connection.
    pub(crate) fn round_trips(&self) -> u64 {
        self.wire.lock().unwrap().round_trips.load(SeqCst)
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.wire.lock().unwrap().connections.load(SeqCst)
    }
}

async fn pass(
    wire: Arc<Wire>,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asks: Arc<AtomicBool>,
    is_client: bool,
) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if wire.silent.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        if asks.swap(is_client, SeqCst) != is_client && is_client {
            wire.round_trips.fetch_add(1, SeqCst);
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
