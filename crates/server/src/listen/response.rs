//! The responses of one connection, from when they are made until their client has read them.

use super::connections::Connections;
use http::Version;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Room on a connection is counted in so many bytes.
const UNIT: usize = 1024;

/// A part of the room of its connection that a request takes before anything is known of the responses there.
const FIRST: usize = 8;

/// What a connection holds.
#[derive(Debug)]
pub(crate) struct Account {
    connections: Arc<Connections>,
    /// In units of [`UNIT`].
    room: Arc<Semaphore>,
    all_room: u32,
    /// How much room a request takes until its response is known: about what the largest of late took.
    expected: AtomicUsize,
    held: AtomicUsize,
    opened: Instant,
    /// Milliseconds after `opened`: when something was read last, or made to be read.
    read_at: AtomicU64,
    /// When the responses were made that are not read yet, in their order.
    unread: Mutex<Unread>,
    is_closed: AtomicBool,
    closing: Notify,
}

#[derive(Debug, Default)]
struct Unread {
    next: u64,
    made: BTreeMap<u64, Instant>,
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

impl Account {
    pub(super) fn new(connections: Arc<Connections>, room: usize) -> Arc<Self> {
        let all_room = units(room).clamp(1, u32::try_from(Semaphore::MAX_PERMITS >> 3).unwrap_or(u32::MAX));
        Arc::new(Self {
            connections,
            room: Arc::new(Semaphore::new(usize::try_from(all_room).unwrap_or(usize::MAX))),
            all_room,
            expected: AtomicUsize::new(room / FIRST),
            held: AtomicUsize::new(0),
            opened: Instant::now(),
            read_at: AtomicU64::new(0),
            unread: Mutex::default(),
            is_closed: AtomicBool::new(false),
            closing: Notify::new(),
        })
    }

    pub(super) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Bytes of responses that are not read yet.
    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }

    /// When the oldest response was made that is not read yet.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.unread().made.values().next().copied()
    }

    /// Whether nothing has been read for so long of what there is to read.
    pub(super) fn is_stalled(&self, now: Instant, time: Duration) -> bool {
        self.held() > 0 && now >= self.opened + Duration::from_millis(self.read_at.load(Relaxed)) + time
    }

    fn has_read(&self) {
        let at = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.read_at.store(at, Relaxed);
    }

    /// Ends the connection.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Relaxed);
        self.closing.notify_one();
    }

    /// Returns once the connection is to be ended.
    pub(super) async fn closed(&self) {
        self.closing.notified().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    /// Waits until there is room for the response to another request.
    pub(super) async fn room(&self) -> Option<Room> {
        let expected = units(self.expected.load(Relaxed)).clamp(1, self.all_room);
        Arc::clone(&self.room).acquire_many_owned(expected).await.ok().map(Room)
    }

    /// Takes the memory that a response needs, and waits until there is room for it on the connection. None if the connections of
    /// the server hold too much.
    pub(super) async fn take(self: &Arc<Self>, room: Room, bytes: usize) -> Option<Held> {
        let decayed = self.expected.load(Relaxed) / 8 * 7;
        self.expected.store(decayed.max(bytes), Relaxed);
        let mut held = self.hold(bytes)?;
        // A response that is larger than all room is taken alone.
        let needed = units(bytes).clamp(1, self.all_room);
        let Room(mut room) = room;
        let taken = u32::try_from(room.num_permits()).unwrap_or(u32::MAX);
        if taken > needed {
            drop(room.split(usize::try_from(taken - needed).unwrap_or_default()));
        } else if let Ok(more) = Arc::clone(&self.room).try_acquire_many_owned(needed - taken) {
            room.merge(more);
        } else {
            // Who waits for more holds nothing that others wait for.
            drop(room);
            room = Arc::clone(&self.room).acquire_many_owned(needed).await.ok()?;
        }
        held.room = Some(room);
        held.is_offered();
        Some(held)
    }

    fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        self.held.fetch_add(bytes, Relaxed);
        if !self.connections.hold(bytes, self) {
            self.held.fetch_sub(bytes, Relaxed);
            return None;
        }
        self.has_read();
        Some(Held { account: Arc::clone(self), bytes, number: None, room: None })
    }

    #[cfg(test)]
    pub(super) fn try_hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let mut held = self.hold(bytes)?;
        held.is_offered();
        Some(held)
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room on a connection for a response that is being made.
#[derive(Debug)]
pub(super) struct Room(OwnedSemaphorePermit);

/// What a response holds until it is read.
#[derive(Debug)]
pub(super) struct Held {
    account: Arc<Account>,
    bytes: usize,
    /// Among those that are offered to the client.
    number: Option<u64>,
    room: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// The time to read it begins.
    fn is_offered(&mut self) {
        let mut unread = self.account.unread();
        let number = unread.next;
        unread.next += 1;
        unread.made.insert(number, Instant::now());
        drop(unread);
        self.number = Some(number);
        self.account.has_read();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.account.held.fetch_sub(self.bytes, Relaxed);
        self.account.connections.release(self.bytes);
        if let Some(number) = self.number {
            self.account.unread().made.remove(&number);
        }
    }
}

/// A body that is handed over as fast as it is read.
///
/// What was handed over is buffered where it cannot be seen. So HTTP/2 gets it in frames, of which the next is fetched only
/// when the last was sent, and the last is small; parts of a body are copied, since they would keep the whole in memory.
#[derive(Debug)]
pub(super) struct Unsent {
    rest: Bytes,
    part: usize,
    last: usize,
    is_copied: bool,
    held: Held,
}

/// The parts of a body, and the last of them, for HTTP/2. A frame has at most so many bytes.
const FRAME: (usize, usize) = (16 << 10, 1 << 10);
/// For HTTP/1.1, which buffers several of them.
const PART: (usize, usize) = (64 << 10, 64 << 10);

impl Unsent {
    pub(super) fn new(body: Bytes, version: Version, held: Held) -> Self {
        let (part, last) = if version == Version::HTTP_2 { FRAME } else { PART };
        // One frame or two are the same for what is as small as this.
        let last = if body.len() <= 2 * last { 2 * last } else { last };
        Self { is_copied: body.len() > last, rest: body, part, last, held }
    }
}

impl Body for Unsent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.held.account.has_read();
        let length = self.rest.len();
        let size = if length <= self.last { length } else { self.part.min(length - self.last) };
        let part = self.rest.split_to(size);
        let part = if self.is_copied { Bytes::copy_from_slice(&part) } else { part };
        if self.rest.is_empty() {
            self.rest = Bytes::new();
        }
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }
}
