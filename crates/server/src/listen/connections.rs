//! The connections of one server: how many there may be, and how much memory the responses hold that their clients have not
//! read yet.
//!
//! A response that is not read costs memory for as long as the client likes, and HTTP/2 lets it ask for many over one
//! connection without reading any. So there is a time to read each response ([`Bounds::reading`]), room for so many bytes on one
//! connection (its requests wait for it), and room for so many on all of them: beyond that the connection that holds most is
//! closed, preferably one that has not read for a while, and others are served.

use super::{connection::Limits, response::Account};
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;
use zelos_core::config::{Network, serve::ConnectionLimits};
use zelos_web::Peer;

/// Bounds on connections and on what they hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(super) connections: usize,
    pub(super) per_address: usize,
    /// Concurrent requests over one HTTP/2 connection.
    pub(super) streams: u32,
    /// Bytes of responses that are not read yet.
    pub(super) held: usize,
    /// The same for one connection.
    pub(super) held_by_one: usize,
    /// For a client to read a response.
    pub(super) reading: Duration,
}

impl Bounds {
    /// What is not configured.
    pub(super) const fn new(held: usize, held_by_one: usize, reading: Duration) -> Self {
        Self { connections: 10_000, per_address: 1024, streams: 128, held, held_by_one, reading }
    }

    /// With what is configured.
    pub(super) fn with(self, set: &ConnectionLimits) -> Self {
        let count = |set: Option<u32>, own: usize| set.map_or(own, |set| usize::try_from(set).unwrap_or(usize::MAX));
        let bytes = |set: Option<zelos_core::config::ByteSize>, own: usize| {
            set.map_or(own, |set| usize::try_from(set.bytes()).unwrap_or(usize::MAX))
        };
        Self {
            connections: count(set.connections, self.connections),
            per_address: count(set.connections_per_address, self.per_address),
            streams: set.streams_per_connection.unwrap_or(self.streams),
            held: bytes(set.response_bytes, self.held),
            held_by_one: bytes(set.response_bytes_per_connection, self.held_by_one),
            reading: set.response_timeout.map_or(self.reading, |set| *set),
        }
    }
}

/// A client that has read nothing for so long is closed before one that reads.
const STALLED: Duration = Duration::from_secs(1);

/// How often expired responses are looked for.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// Refusals are logged once in that time, with their number.
const LOGGED_EVERY: Duration = Duration::from_mins(1);

/// All connections of a server.
#[derive(Debug)]
pub(crate) struct Connections {
    bounds: Bounds,
    trusted: Vec<Network>,
    server: &'static str,
    /// Bytes of responses that are not read yet.
    held: AtomicUsize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    accounts: HashMap<u64, Arc<Account>>,
    per_address: HashMap<IpAddr, usize>,
    refused: usize,
    closed: usize,
    logged: Option<Instant>,
}

impl Connections {
    pub(super) fn new(limits: &Limits, trusted: Vec<Network>, server: &'static str) -> Arc<Self> {
        let (held, open) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { bounds: limits.bounds, trusted, server, held, open })
    }

    /// Lets a connection in; none if there are too many.
    pub(super) fn admit(self: &Arc<Self>, peer: Peer) -> Option<Admitted> {
        let client = peer.address.map(|address| address.ip().to_canonical());
        let client = client.filter(|ip| !self.trusted.iter().any(|network| network.contains(*ip))).map(network_of);
        let mut open = self.open();
        let own = client.map_or(0, |client| open.per_address.get(&client).copied().unwrap_or_default());
        if open.accounts.len() >= self.bounds.connections || own >= self.bounds.per_address {
            open.refused += 1;
            return None;
        }
        if let Some(client) = client {
            open.per_address.insert(client, own + 1);
        }
        let id = open.next;
        open.next += 1;
        let account = Account::new(Arc::clone(self), self.bounds.held_by_one);
        open.accounts.insert(id, Arc::clone(&account));
        drop(open);
        Some(Admitted { id, client, account })
    }

    /// Makes room for a response of that connection. Beyond the bound the connection that holds most is closed; if that is the
    /// one that asks, there is no room.
    pub(super) fn hold(&self, bytes: usize, by: &Account) -> bool {
        let held = self.held.fetch_add(bytes, Relaxed) + bytes;
        if held <= self.bounds.held {
            return true;
        }
        let mut open = self.open();
        let now = Instant::now();
        let others = open.accounts.values().filter(|other| !std::ptr::eq(Arc::as_ptr(other), by));
        let (leaving, mut others): (Vec<_>, Vec<_>) = others.partition(|other| other.is_closed());
        let leaving: usize = leaving.iter().map(|other| other.held()).sum();
        let mut excess = held.saturating_sub(leaving).saturating_sub(self.bounds.held);
        others.sort_unstable_by_key(|other| (other.is_stalled(now, STALLED), other.held()));
        let mut closed = 0;
        while excess > 0
            && let Some(other) = others.pop()
            && (other.is_stalled(now, STALLED) || other.held() > by.held())
        {
            excess = excess.saturating_sub(other.held());
            other.close();
            closed += 1;
        }
        open.closed += closed;
        drop(open);
        if excess > 0 {
            self.release(bytes);
        }
        excess == 0
    }

    pub(super) fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Relaxed);
    }

    /// Closes connections whose responses were not read in time.
    pub(super) fn expire(&self) {
        let now = Instant::now();
        let mut open = self.open();
        let is_late = |account: &&Arc<Account>| account.oldest().is_some_and(|at| now >= at + self.bounds.reading);
        let late = open.accounts.values().filter(|account| !account.is_closed()).filter(is_late);
        let closed = late.inspect(|account| account.close()).count();
        open.closed += closed;
        let is_news = open.refused + open.closed > 0 && open.logged.is_none_or(|at| now >= at + LOGGED_EVERY);
        if is_news {
            open.logged = Some(now);
            let (refused, unread) = (std::mem::take(&mut open.refused), std::mem::take(&mut open.closed));
            drop(open);
            let server = self.server;
            tracing::warn!(
                server,
                refused,
                unread,
                "connections refused over the limit, or closed with unread responses"
            );
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that was let in, for as long as it lasts.
#[derive(Debug)]
pub(super) struct Admitted {
    id: u64,
    client: Option<IpAddr>,
    pub(super) account: Arc<Account>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.account.connections().open();
        open.accounts.remove(&self.id);
        let Some(client) = self.client else { return };
        if let Some(own) = open.per_address.get_mut(&client) {
            *own -= 1;
            if *own == 0 {
                open.per_address.remove(&client);
            }
        }
    }
}

/// What counts as one client: an IPv4 address by itself, of an IPv6 address what a household or a server is given.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(bounds: Bounds) -> Arc<Connections> {
        let limits = Limits { bounds, ..Limits::PUBLIC };
        Connections::new(&limits, vec!["10.0.0.0/8".parse().unwrap()], "public")
    }

    const BOUNDS: Bounds = Bounds {
        connections: 5,
        per_address: 2,
        streams: 1,
        held: 100 << 10,
        held_by_one: 80 << 10,
        reading: Duration::from_mins(1),
    };

    fn peer(address: &str) -> Peer {
        Peer { address: Some(format!("{address}:1").parse().unwrap()), tls: false }
    }

    #[test]
    fn connections_are_bounded_per_address_and_in_all() {
        let connections = connections(BOUNDS);
        let first = connections.admit(peer("192.0.2.1")).unwrap();
        let _second = connections.admit(peer("[::ffff:192.0.2.1]")).unwrap();
        assert!(connections.admit(peer("192.0.2.1")).is_none());
        drop(first);
        let _again = connections.admit(peer("192.0.2.1")).unwrap();
        let v6 = [connections.admit(peer("[2001:db8::1]")).unwrap(), connections.admit(peer("[2001:db8::2]")).unwrap()];
        assert!(connections.admit(peer("[2001:db8::3]")).is_none(), "of the same network");
        let _last = connections.admit(peer("[2001:db8:0:1::1]")).unwrap();
        assert!(connections.admit(peer("192.0.2.9")).is_none(), "there are five");
        drop(v6);
        assert_eq!(connections.open().accounts.len(), 3);
        assert_eq!(connections.open().per_address.len(), 2);
    }

    #[test]
    fn trusted_proxies_and_unix_sockets_have_no_bound_of_their_own() {
        let connections = connections(BOUNDS);
        let kept: Vec<_> = ["10.0.0.1", "10.0.0.1", "10.0.0.1"].map(|it| connections.admit(peer(it)).unwrap()).into();
        let sockets = [Peer::default(), Peer::default()].map(|peer| connections.admit(peer).unwrap());
        assert!(connections.admit(Peer::default()).is_none(), "but there is one for all");
        drop((kept, sockets));
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_most_and_reads_nothing_gives_way() {
        let connections = connections(BOUNDS);
        let [reader, hoarder, other] =
            ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|it| connections.admit(peer(it)).unwrap());
        let _small = reader.account.try_hold(10 << 10).unwrap();
        let large = hoarder.account.try_hold(70 << 10).unwrap();
        let served = other.account.try_hold(30 << 10).unwrap();
        assert!(hoarder.account.is_closed() && !reader.account.is_closed());
        drop(served);
        drop(large);
        let _most = other.account.try_hold(80 << 10).unwrap();
        assert!(reader.account.try_hold(15 << 10).is_some(), "what is closing does not count");
        assert!(other.account.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_most_itself_gets_no_more_unless_others_are_stalled() {
        let connections = connections(BOUNDS);
        let [reader, other] = ["192.0.2.1", "192.0.2.2"].map(|it| connections.admit(peer(it)).unwrap());
        let _small = reader.account.try_hold(40 << 10).unwrap();
        assert!(other.account.try_hold(70 << 10).is_none());
        assert!(!reader.account.is_closed() && !other.account.is_closed());
        tokio::time::advance(STALLED).await;
        assert!(other.account.try_hold(70 << 10).is_some());
        assert!(reader.account.is_closed(), "it has read nothing for a while");
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_has_its_time() {
        let connections = connections(BOUNDS);
        let one = connections.admit(peer("192.0.2.1")).unwrap();
        let read = one.account.try_hold(10).unwrap();
        tokio::time::advance(BOUNDS.reading / 2).await;
        let _unread = one.account.try_hold(10).unwrap();
        tokio::time::advance(Duration::from_secs(29)).await;
        drop(read);
        tokio::time::advance(Duration::from_secs(2)).await;
        connections.expire();
        assert!(!one.account.is_closed(), "what was read in time does not count");
        tokio::time::advance(BOUNDS.reading / 2).await;
        connections.expire();
        assert!(one.account.is_closed());
    }
}
