//! Taking connections until it ends, and then letting the running requests finish.

use super::{
    bind::Listener,
    connection::{Activity, Limits, Timed, Wire},
    service::{RequestLine, Requests},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::{conn::auto, graceful::GracefulShutdown},
};
use std::{io, time::Duration};
use tokio::{sync::watch, time::timeout};
use tokio_rustls::TlsAcceptor;

/// How long running requests may take once the server is told to stop.
const GRACE: Duration = Duration::from_mins(2);

/// Pause after the system refused a connection (too many open files): trying at once would only burn time.
const BREATH: Duration = Duration::from_millis(50);

/// Tells everybody that the server is to stop.
pub(crate) type Ending = watch::Receiver<bool>;

/// Serves a router on a listener until the end, then waits for what is running.
pub(crate) async fn serve(
    listener: Listener,
    router: axum::Router,
    limits: Limits,
    line: RequestLine,
    mut ending: Ending,
) {
    let graceful = GracefulShutdown::new();
    let tls = listener.tls.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
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
        let requests = Requests { router: router.clone(), peer, activity: Activity::new(), limits, line };
        tokio::spawn(connection(wire, tls.clone(), requests, graceful.watcher()));
    }
    drop(listener);
    if timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!(server = line.server, "requests that were still running have been cut off");
    }
}

fn is_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    wire: Box<dyn Wire>,
    tls: Option<TlsAcceptor>,
    requests: Requests,
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
    builder.http1().header_read_timeout(None);
    builder.http2().max_concurrent_streams(128).max_header_list_size(64 << 10);
    let connection = builder.serve_connection(TokioIo::new(timed), requests);
    if let Err(error) = watcher.watch(connection.into_owned()).await {
        tracing::debug!(error, "connection ended early");
    }
}
