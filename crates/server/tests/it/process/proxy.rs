//! A cable to a database that can be pulled out: while it is cut, connections are refused and the old ones are gone;
//! while it is stalled, everything stays open and nothing comes through.

use super::place::free_port;
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// The cable.
#[derive(Debug)]
pub(super) struct Proxy {
    port: u16,
    upstream: String,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ends: AtomicBool,
    stalled: AtomicBool,
    streams: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// A cable to that database, not plugged in yet, and the DSN that leads through it.
    pub(super) fn to(dsn: &str) -> (Self, String) {
        let address = dsn.split_once('@').unwrap().1.split_once('/').unwrap().0;
        let upstream = address.trim_start_matches("tcp(").trim_end_matches(')').to_owned();
        let port = free_port();
        let through = dsn.replacen(&upstream, &format!("127.0.0.1:{port}"), 1);
        (Self { port, upstream, shared: Arc::default(), accepting: None }, through)
    }

    /// Plugs it in.
    pub(super) fn connect(&mut self) {
        self.shared.ends.store(false, SeqCst);
        let listener = TcpListener::bind(("127.0.0.1", self.port)).unwrap();
        let (shared, upstream) = (Arc::clone(&self.shared), self.upstream.clone());
        self.accepting = Some(thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if shared.ends.load(SeqCst) {
                    return;
                }
                if let Ok(server) = TcpStream::connect(&upstream) {
                    shared.join(stream, server);
                }
            }
        }));
    }

    /// Pulls it out.
    pub(super) fn cut(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.ends.store(true, SeqCst);
        // Wakes the thread up, which then gives the port back.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        accepting.join().unwrap();
        for stream in self.shared.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets nothing through any more, or again.
    pub(super) fn stall(&self, stalled: bool) {
        self.shared.stalled.store(stalled, SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stall(false);
        self.cut();
    }
}

impl Shared {
    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        for stream in [&client, &server] {
            stream.set_nodelay(true).unwrap();
            self.streams.lock().unwrap().push(stream.try_clone().unwrap());
        }
        let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
        for (from, to) in [(client, server), back] {
            let shared = Arc::clone(self);
            thread::spawn(move || shared.pump(from, to));
        }
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            while self.stalled.load(SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}
