//! TLS to MySQL. The driver encrypts by itself, but it knows only roots and names: neither `tls=preferred` nor the one
//! verifier of all other connections can be had from it. So an encrypted connection is made here, and the driver talks
//! over a local socket to the task that holds it.
//!
//! MySQL encrypts in the middle of its handshake: the server greets in the clear, the client asks for TLS with a packet of
//! its own, and says who it is after that. The driver is not told of this packet, so the numbers of the packets of the
//! handshake are shifted by one. After it, bytes are only passed on.

use super::{mysql::refusal, tls::configured};
use crate::{
    dsn::{MySqlTls, TcpAddress, Verify},
    error::Error,
};
use mysql_async::{Conn, Opts, OptsBuilder};
use rustls::{ClientConfig, pki_types::ServerName};
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, split},
    net::{TcpStream, UnixListener, UnixStream},
};
use tokio_rustls::TlsConnector;

/// How to reach a server with TLS.
pub(super) struct Tunnel {
    address: TcpAddress,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    /// Whether there is no connection without TLS.
    is_required: bool,
}

/// A packet of MySQL's protocol.
struct Packet {
    number: u8,
    payload: Vec<u8>,
}

/// Of a server that can do TLS, and of a client that asks for it.
const CLIENT_SSL: u16 = 0x0800;

/// The part of a client's introduction that is sent before TLS: capabilities, packet size, character set, nothing.
const INTRODUCTION: usize = 32;

/// More than any packet of a handshake holds.
const MOST: usize = 1 << 20;

impl Tunnel {
    /// None where nothing is encrypted.
    pub(super) fn new(tls: MySqlTls) -> Result<Option<Self>, Error> {
        let (address, verify, is_required) = match tls {
            MySqlTls::Off => return Ok(None),
            MySqlTls::Preferred(address) => (address, Verify::Nothing, false),
            MySqlTls::Required(address, verify) => (address, verify, true),
        };
        let name = ServerName::try_from(address.host.clone())
            .map_err(|_| Error::Dsn("its host is neither a name nor an address".into()))?;
        Ok(Some(Self { address, name, config: configured(verify, None, None)?, is_required }))
    }

    /// A connection of the driver through this one.
    pub(super) async fn connect(&self, options: &Opts) -> Result<Conn, Error> {
        let mut server = TcpStream::connect((&*self.address.host, self.address.port)).await.map_err(lost)?;
        server.set_nodelay(true).map_err(lost)?;
        let greeting = Packet::read(&mut server).await.map_err(lost)?;
        if !greeting.offers_tls() {
            // A server that has no room for a client says so instead of greeting; the driver understands it.
            if self.is_required && !greeting.is_error() {
                return Err(Error::Refused("the server offers no TLS, but the DSN demands it (`tls`)".into()));
            }
            drop(server);
            return Conn::new(options.clone()).await.map_err(|error| refusal(&error));
        }
        let (listener, path) = listen().map_err(lost)?;
        let options = OptsBuilder::from_opts(options.clone()).socket(Some(path));
        let mut connecting = std::pin::pin!(Conn::new(options));
        let handshake = async {
            let mut driver = own(&listener).await.map_err(lost)?;
            let server = self.handshake(greeting, server, &mut driver).await?;
            Ok::<_, Error>((driver, server))
        };
        // The driver's last words of the handshake are about its settings: by then the task must be passing them on.
        let passing = tokio::select! {
            biased;
            done = handshake => done?,
            early = &mut connecting => return early.map_err(|error| refusal(&error)),
        };
        let (driver, server) = passing;
        tokio::spawn(pass_on(driver, server));
        connecting.await.map_err(|error| refusal(&error))
    }

    async fn handshake(
        &self,
        greeting: Packet,
        mut server: TcpStream,
        driver: &mut UnixStream,
    ) -> Result<Box<tokio_rustls::client::TlsStream<TcpStream>>, Error> {
        greeting.write(driver).await.map_err(lost)?;
        let mut introduction = Packet::read(driver).await.map_err(lost)?;
        introduction.ask_for_tls().map_err(lost)?;
        let question = Packet { number: introduction.number, payload: introduction.payload[..INTRODUCTION].to_vec() };
        question.write(&mut server).await.map_err(lost)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        let mut server = Box::new(connector.connect(self.name.clone(), server).await.map_err(|error| refused(&error))?);
        introduction.shifted(1).write(&mut server).await.map_err(lost)?;
        loop {
            let answer = Packet::read(&mut server).await.map_err(lost)?;
            let (ends, is_last_word) = (answer.ends_handshake(), answer.needs_no_answer());
            answer.shifted(u8::MAX).write(driver).await.map_err(lost)?;
            if ends {
                return Ok(server);
            }
            if !is_last_word {
                Packet::read(driver).await.map_err(lost)?.shifted(1).write(&mut server).await.map_err(lost)?;
            }
        }
    }
}

impl Packet {
    async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut header = [0; 4];
        from.read_exact(&mut header).await?;
        let [a, b, c, number] = header;
        let size = u32::from_le_bytes([a, b, c, 0]) as usize;
        if size > MOST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of the handshake is too large"));
        }
        let mut payload = vec![0; size];
        from.read_exact(&mut payload).await?;
        Ok(Self { number, payload })
    }

    async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let [a, b, c, _] = u32::try_from(self.payload.len()).unwrap_or_default().to_le_bytes();
        let bytes = [&[a, b, c, self.number], &*self.payload].concat();
        to.write_all(&bytes).await?;
        to.flush().await
    }

    /// With another number.
    fn shifted(mut self, by: u8) -> Self {
        self.number = self.number.wrapping_add(by);
        self
    }

    fn is_error(&self) -> bool {
        self.payload.first() == Some(&0xff)
    }

    /// Whether a greeting has the flag: after the protocol's version, the server's (ended by a zero), the connection's
    /// number, eight bytes of a nonce and a zero come the lower capabilities.
    fn offers_tls(&self) -> bool {
        let version = self.payload.iter().skip(1).position(|byte| *byte == 0);
        let at = version.map(|end| 1 + end + 1 + 4 + 8 + 1);
        let flags = at.and_then(|at| self.payload.get(at..at + 2));
        !self.is_error() && flags.is_some_and(|flags| u16::from_le_bytes([flags[0], flags[1]]) & CLIENT_SSL != 0)
    }

    /// Sets the flag in a client's introduction.
    fn ask_for_tls(&mut self) -> io::Result<()> {
        if self.payload.len() < INTRODUCTION {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the driver's introduction is too short"));
        }
        let [low, high] = CLIENT_SSL.to_le_bytes();
        self.payload[0] |= low;
        self.payload[1] |= high;
        Ok(())
    }

    /// Whether the server has let the client in, or has not.
    fn ends_handshake(&self) -> bool {
        self.payload.first() == Some(&0x00) || self.is_error()
    }

    /// "The password is known already": what ends the handshake follows by itself.
    fn needs_no_answer(&self) -> bool {
        self.payload == [0x01, 0x03]
    }
}

/// Passes bytes on until one side ends. The other is not waited for: of a lost server nothing would be heard any more.
async fn pass_on(driver: UnixStream, server: impl AsyncRead + AsyncWrite) {
    let ((mut from_driver, mut to_driver), (mut from_server, mut to_server)) = (split(driver), split(server));
    tokio::select! {
        _ = copy(&mut from_driver, &mut to_server) => {}
        _ = copy(&mut from_server, &mut to_driver) => {}
    }
}

fn lost(error: impl std::fmt::Display) -> Error {
    Error::Unavailable(error.to_string())
}

/// A handshake that broke off may go better the next time; one that rustls ended will not.
fn refused(error: &io::Error) -> Error {
    let is_final = error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    let text = format!("TLS: {error}");
    if is_final { Error::Refused(text) } else { Error::Unavailable(text) }
}

/// The connection that this process has made: on a socket that others can see, others may be first.
async fn own(listener: &UnixListener) -> io::Result<UnixStream> {
    loop {
        let (stream, _) = listener.accept().await?;
        if stream.peer_cred()?.pid().and_then(|pid| u32::try_from(pid).ok()) == Some(std::process::id()) {
            return Ok(stream);
        }
    }
}

/// A socket without a file, as a container may have no folder to write to.
#[cfg(target_os = "linux")]
fn listen() -> io::Result<(UnixListener, String)> {
    use std::os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener as Listener},
    };
    let name = next_name();
    let listener = Listener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    listener.set_nonblocking(true)?;
    Ok((UnixListener::from_std(listener)?, format!("\0{name}")))
}

#[cfg(not(target_os = "linux"))]
fn listen() -> io::Result<(UnixListener, String)> {
    let path = std::env::temp_dir().join(next_name()).display().to_string();
    Ok((UnixListener::bind(&path)?, path))
}

fn next_name() -> String {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("zelos-mysql-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(flags: u16) -> Packet {
        let mut payload = b"\x0a11.4.2-MariaDB\0".to_vec();
        payload.extend([1, 0, 0, 0]);
        payload.extend(b"noncenon\0");
        payload.extend(flags.to_le_bytes());
        Packet { number: 0, payload }
    }

    #[test]
    fn tls_is_offered_in_the_greeting() {
        assert!(greeting(0x0a00).offers_tls());
        assert!(!greeting(0x0200).offers_tls());
        assert!(!Packet { number: 0, payload: b"\xff\x10\x04Too many connections".to_vec() }.offers_tls());
        assert!(!Packet { number: 0, payload: vec![10, 0, 1] }.offers_tls());
    }

    #[test]
    fn an_introduction_asks_for_tls() {
        let mut packet = Packet { number: 1, payload: vec![0; INTRODUCTION] };
        packet.ask_for_tls().unwrap();
        assert_eq!(packet.payload[..2], [0x00, 0x08]);
        assert!(Packet { number: 1, payload: vec![0; 31] }.ask_for_tls().is_err());
    }

    #[test]
    fn numbers_are_shifted_and_go_round() {
        let packet = |number| Packet { number, payload: Vec::new() };
        assert_eq!(packet(255).shifted(1).number, 0);
        assert_eq!(packet(3).shifted(u8::MAX).number, 2);
    }
}
