//! Taking connections until it ends, and then letting the running requests finish.

use super::{
    bind::Listener,
    connection::{Activity, Limits, Timed, Wire},
    connections::{Admitted, Connections, TICK},
    service::{RequestLine, Requests},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{io, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_rustls::TlsAcceptor;
use zelos_core::config::Network;

/// How long running requests may take once the server is told to stop.
const GRACE: Duration = Duration::from_mins(2);

/// Pause after the system refused a connection (too many open files): trying at once would only burn time.
const BREATH: Duration = Duration::from_millis(50);

/// Tells everybody that the server is to stop.
pub(crate) type Ending = watch::Receiver<bool>;

/// Of a head that is read, and of responses that are written but not sent, HTTP/1.1 keeps at most so much.
const BUFFER: usize = 128 << 10;

/// Of a response that is written but not sent, a stream of HTTP/2 keeps at most about so much.
const STREAM_BUFFER: usize = 16 << 10;

/// Serves a router on a listener until the end, then waits for what is running. `trusted`: proxies, which may have any number
/// of connections.
pub(crate) async fn serve(
    listener: Listener,
    router: axum::Router,
    (limits, trusted): (Limits, Vec<Network>),
    line: RequestLine,
    mut ending: Ending,
) {
    let graceful = GracefulShutdown::new();
    let tls = listener.tls.clone();
    let connections = Connections::new(&limits, trusted, line.server);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = tick.tick() => {
                connections.expire();
                continue;
            }
            _ = ending.wait_for(|ends| *ends) => break,
        };
        let (wire, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_clients_fault(&error) {
                    tracing::warn!(server = line.server, %error, "a connection could not be taken");
                    tokio::time::sleep(BREATH).await;
                }
                continue;
            }
        };
        // One that is over the limit is closed at once.
        let Some(admitted) = connections.admit(peer) else { continue };
        let account = admitted.account.clone();
        let requests = Requests { router: router.clone(), peer, activity: Activity::new(), account, limits, line };
        tokio::spawn(connection(wire, tls.clone(), (requests, admitted), graceful.watcher()));
    }
    drop(listener);
    let ended = tokio::select! {
        ended = timeout(GRACE, graceful.shutdown()) => ended.is_ok(),
        () = expire(&connections) => false,
    };
    if !ended {
        tracing::warn!(server = line.server, "requests that were still running have been cut off");
    }
}

/// Goes on closing connections whose responses are not read, while running requests finish.
async fn expire(connections: &Connections) {
    let mut tick = interval(TICK);
    loop {
        tick.tick().await;
        connections.expire();
    }
}

fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    wire: Box<dyn Wire>,
    tls: Option<TlsAcceptor>,
    (requests, admitted): (Requests, Admitted),
    watcher: hyper_util::server::graceful::Watcher,
) {
    let wire = match tls {
        None => wire,
        Some(acceptor) => match timeout(requests.limits.head, acceptor.accept(wire)).await {
            Ok(Ok(encrypted)) => Box::new(encrypted),
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => return tracing::debug!("TLS handshake took too long"),
        },
    };
    let timed = Timed::new(wire, requests.activity.clone(), requests.limits);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // As Go writes them: some clients look for `Link` and `Set-Cookie` in exactly this case.
    builder.http1().title_case_headers(true).header_read_timeout(None).max_buf_size(BUFFER);
    let streams = requests.limits.bounds.streams;
    builder.http2().max_concurrent_streams(streams).max_header_list_size(64 << 10).max_send_buf_size(STREAM_BUFFER);
    let connection = builder.serve_connection(TokioIo::new(timed), requests);
    tokio::select! {
        ended = watcher.watch(connection.into_owned()) => if let Err(error) = ended {
            tracing::debug!(error, "connection ended early");
        },
        () = admitted.account.closed() => tracing::debug!("connection closed: its responses are not read"),
    }
}
