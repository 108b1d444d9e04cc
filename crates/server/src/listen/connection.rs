//! A connection that does not wait forever: for the rest of a request's head, for the next request, or for a client
//! that does not read its answer.
//!
//! The bytes pass through here and the beginning and the end of requests are told by [`Activity`]; from the two it is
//! known what the other side is being waited for. A timer is armed only when there is something to wait for, and never
//! moved to a later time before it fires: an ordinary request arms none.

use super::connections::Bounds;
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use zelos_core::config::serve::ConnectionLimits;

/// How long a server waits for whom, and how much it does at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From the first byte of a request, or from the start of a connection, to the end of its head.
    pub(crate) head: Duration,
    /// For a request's body.
    pub(crate) body: Duration,
    /// For the answer: until it is made, and for a client that does not take it.
    pub(crate) answer: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    pub(crate) bounds: Bounds,
}

impl Limits {
    /// Of the public server.
    pub(crate) const PUBLIC: Self = Self::seconds([5, 15, 60, 120], [64 << 20, 8 << 20]);
    /// Of the admin server.
    pub(crate) const ADMIN: Self = Self::seconds([5, 30, 120, 600], [256 << 20, 64 << 20]);

    const fn seconds([head, body, answer, idle]: [u64; 4], [unread, unread_of_one]: [usize; 2]) -> Self {
        let answer = Duration::from_secs(answer);
        Self {
            head: Duration::from_secs(head),
            body: Duration::from_secs(body),
            answer,
            idle: Duration::from_secs(idle),
            bounds: Bounds::new(unread, unread_of_one, answer),
        }
    }

    /// With the bounds that are configured.
    pub(crate) fn with(self, set: &ConnectionLimits) -> Self {
        Self { bounds: self.bounds.with(set), ..self }
    }
}

/// What bytes travel over: TCP, a Unix socket, TLS on either.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// What a connection is doing; shared by its bytes and its requests.
#[derive(Debug)]
pub(crate) struct Activity {
    opened: Instant,
    running: AtomicUsize,
    begun: AtomicU64,
    /// Milliseconds after `opened`.
    rests_since: AtomicU64,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            running: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            rests_since: AtomicU64::new(0),
        })
    }

    /// A request runs for as long as the answer is kept.
    pub(crate) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Relaxed);
        self.begun.fetch_add(1, Relaxed);
        Running(Arc::clone(self))
    }

    fn is_busy(&self) -> bool {
        self.running.load(Relaxed) > 0
    }

    fn rests_since(&self) -> Instant {
        self.opened + Duration::from_millis(self.rests_since.load(Relaxed))
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        let rested = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.rests_since.store(rested, Relaxed);
        self.0.running.fetch_sub(1, Relaxed);
    }
}

/// The bytes of a connection, with an eye on the clock.
pub(crate) struct Timed {
    wire: Box<dyn Wire>,
    activity: Arc<Activity>,
    limits: Limits,
    /// HTTP/2 has no heads of its own in the byte stream: such a connection is only watched for resting.
    multiplexed: Option<bool>,
    /// Bytes came while no request ran: they begin the request after that many.
    head_of: Option<u64>,
    head_until: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl Timed {
    pub(crate) fn new(wire: Box<dyn Wire>, activity: Arc<Activity>, limits: Limits) -> Self {
        Self {
            wire,
            activity,
            limits,
            multiplexed: None,
            head_of: None,
            head_until: None,
            timer: None,
            write_timer: None,
        }
    }

    fn came(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.multiplexed.is_none() {
            self.multiplexed = Some(bytes.starts_with(b"PRI"));
        }
        if !self.activity.is_busy() {
            self.head_of = Some(self.activity.begun.load(Relaxed));
        }
    }

    /// Until when the other side may stay silent.
    fn deadline(&mut self) -> Option<Instant> {
        if self.activity.is_busy() {
            self.head_until = None;
            return None;
        }
        let Some(multiplexed) = self.multiplexed else { return Some(self.activity.opened + self.limits.head) };
        let in_head = !multiplexed && self.head_of == Some(self.activity.begun.load(Relaxed));
        if in_head {
            return Some(*self.head_until.get_or_insert_with(|| Instant::now() + self.limits.head));
        }
        self.head_until = None;
        Some(self.activity.rests_since() + self.limits.idle)
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(deadline) = self.deadline() else { return Poll::Pending };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.deadline() > deadline || timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            ready!(timer.as_mut().poll(cx));
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
        }
    }

    /// Lets an answer wait for its reader, but not forever.
    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let limit = self.limits.answer;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Timed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut self.wire).poll_read(cx, buf) {
            self.came(&buf.filled()[before..]);
            return Poll::Ready(result);
        }
        ready!(self.poll_silence(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Timed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.wire).poll_write(cx, buf);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.wire).poll_write_vectored(cx, bufs);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.wire).poll_flush(cx);
        self.watched(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.wire).poll_shutdown(cx);
        self.watched(cx, closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LIMITS: Limits = Limits::PUBLIC;

    async fn waited(timed: &mut Timed) -> Duration {
        let from = Instant::now();
        let error = timed.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        from.elapsed()
    }

    fn pair() -> (tokio::io::DuplexStream, Timed, Arc<Activity>) {
        let (client, server) = tokio::io::duplex(16);
        let activity = Activity::new();
        (client, Timed::new(Box::new(server), Arc::clone(&activity), LIMITS), activity)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_must_come_soon() {
        let (_client, mut timed, _) = pair();
        assert_eq!(waited(&mut timed).await, LIMITS.head, "nothing came at all");

        let (mut client, mut timed, _) = pair();
        client.write_all(b"G").await.unwrap();
        timed.read_u8().await.unwrap();
        assert_eq!(waited(&mut timed).await, LIMITS.head, "the rest did not come");
    }

    #[tokio::test(start_paused = true)]
    async fn drops_do_not_keep_a_head_open() {
        let (mut client, mut timed, _) = pair();
        let from = Instant::now();
        tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        while timed.read_u8().await.is_ok() {}
        assert!(from.elapsed() <= LIMITS.head + Duration::from_secs(1), "{:?}", from.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_may_rest_between_requests() {
        let (mut client, mut timed, activity) = pair();
        client.write_all(b"G").await.unwrap();
        timed.read_u8().await.unwrap();
        drop(activity.begin());
        assert_eq!(waited(&mut timed).await, LIMITS.idle);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_hurried_while_a_request_runs() {
        let (mut client, mut timed, activity) = pair();
        client.write_all(b"G").await.unwrap();
        timed.read_u8().await.unwrap();
        let running = activity.begin();
        assert!(tokio::time::timeout(LIMITS.idle * 2, timed.read_u8()).await.is_err());
        drop(running);
        assert_eq!(waited(&mut timed).await, LIMITS.idle);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken() {
        let (_client, mut timed, _) = pair();
        let from = Instant::now();
        let error = timed.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!((error.kind(), from.elapsed()), (io::ErrorKind::TimedOut, LIMITS.answer));
    }
}
