//! The SMTP protocol (RFC 5321) on a stream: a command out, a reply in.
//!
//! Commands are never pipelined. So whatever has arrived before a command is sent, or before a connection is encrypted, is
//! no reply to it: the connection is given up. Otherwise an attacker on the network could send replies ahead of STARTTLS
//! and have them taken for replies of the authenticated server (response injection, RFC 3207 section 6).

use std::{fmt, io, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    time::timeout,
};

/// Longest line of a reply, in bytes. RFC 5321 allows 512; some servers list more extensions in a line.
const LONGEST_LINE: u64 = 4096;

/// Most lines of a reply.
const MOST_LINES: usize = 128;

/// Longest text that is quoted from a server, in characters.
const LONGEST_QUOTE: usize = 512;

/// A connection, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The texts of its lines.
    pub(super) lines: Vec<String>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.lines.join(" ").replace(char::is_control, " ");
        write!(f, "{} {}", self.code, text.chars().take(LONGEST_QUOTE).collect::<String>().trim())
    }
}

/// Why a command had no success.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server's reply is not the one that lets the client go on.
    Refused(Reply),
    /// The connection failed or was closed.
    Io(io::Error),
    /// There was no reply in time.
    Silence(Duration),
    /// What was received is not SMTP, or came when nothing was due.
    Protocol(&'static str),
}

impl Fault {
    /// The code of the server's reply, if there was one.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(reply) => Some(reply.code),
            Self::Io(_) | Self::Silence(_) | Self::Protocol(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reply) => reply.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Silence(patience) => write!(f, "no answer within {} s", patience.as_secs_f32()),
            Self::Protocol(reason) => f.write_str(reason),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Waits for something, but no longer than a step may take.
pub(super) async fn in_time<T, E: Into<Fault>>(
    patience: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault> {
    match timeout(patience, work).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Fault::Silence(patience)),
    }
}

/// One connection to a server.
pub(super) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    /// Bound of each command with its reply.
    patience: Duration,
}

impl Wire {
    /// Speaks over that stream.
    pub(super) fn new(stream: Box<dyn Stream>, patience: Duration) -> Self {
        Self { stream: BufReader::new(stream), patience }
    }

    /// The greeting, with which the server speaks first.
    pub(super) async fn greeting(&mut self) -> Result<Reply, Fault> {
        let reply = in_time(self.patience, read_reply(&mut self.stream)).await?;
        expect(reply, 2)
    }

    /// Sends a command, or the contents of a message, with its line end. The first digit of the reply's code must be
    /// `class`.
    pub(super) async fn command(&mut self, text: &[u8], class: u16) -> Result<Reply, Fault> {
        self.check_nothing_is_ahead()?;
        let stream = &mut self.stream;
        let exchange = async {
            stream.write_all(text).await?;
            stream.flush().await?;
            read_reply(stream).await
        };
        expect(in_time(self.patience, exchange).await?, class)
    }

    /// The stream, to be encrypted.
    pub(super) fn into_stream(self) -> Result<Box<dyn Stream>, Fault> {
        self.check_nothing_is_ahead()?;
        Ok(self.stream.into_inner())
    }

    /// Safety of order: replies are only read after the command that they belong to was sent.
    fn check_nothing_is_ahead(&self) -> Result<(), Fault> {
        if self.stream.buffer().is_empty() {
            return Ok(());
        }
        Err(Fault::Protocol("the server sent a reply that no command asked for; the connection was dropped"))
    }
}

fn expect(reply: Reply, class: u16) -> Result<Reply, Fault> {
    if reply.code / 100 == class { Ok(reply) } else { Err(Fault::Refused(reply)) }
}

async fn read_reply(stream: &mut BufReader<Box<dyn Stream>>) -> Result<Reply, Fault> {
    let mut reply: Option<Reply> = None;
    for _ in 0..MOST_LINES {
        let mut line = Vec::new();
        AsyncReadExt::take(&mut *stream, LONGEST_LINE).read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            return Err(match line.len() as u64 {
                LONGEST_LINE => Fault::Protocol("a line of the server's reply is too long"),
                _ => Fault::Io(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
            });
        }
        let (code, last, text) = reply_line(&line).ok_or(Fault::Protocol("the server does not speak SMTP"))?;
        let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
        if reply.code != code {
            return Err(Fault::Protocol("the lines of the server's reply have different codes"));
        }
        reply.lines.push(text);
        if last {
            return Ok(reply.clone());
        }
    }
    Err(Fault::Protocol("the server's reply has too many lines"))
}

/// Code, whether it is the last line of the reply, and text.
fn reply_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = String::from_utf8_lossy(line);
    let (code, rest) = line.trim_end_matches(['\r', '\n']).split_at_checked(3)?;
    let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
    match rest.split_at_checked(1) {
        None => Some((code, true, String::new())),
        Some((" ", text)) => Some((code, true, text.to_owned())),
        Some(("-", text)) => Some((code, false, text.to_owned())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// What a client makes of a server that says that at once, when it sends one command.
    async fn exchange(said: &str) -> Result<Reply, Fault> {
        let (client, mut server) = tokio::io::duplex(1 << 20);
        server.write_all(said.as_bytes()).await.unwrap();
        server.shutdown().await.unwrap();
        Wire::new(Box::new(client), PATIENCE).command(b"NOOP\r\n", 2).await
    }

    #[tokio::test]
    async fn replies_have_one_line_or_several() {
        for (said, code, lines) in [
            ("250 ok\r\n", 250, &["ok"][..]),
            ("250\r\n", 250, &[""]),
            ("250 ok\n", 250, &["ok"]),
            ("250-a\r\n250-\r\n250 c d\r\n", 250, &["a", "", "c d"]),
        ] {
            let expected = Reply { code, lines: lines.iter().map(ToString::to_string).collect() };
            assert_eq!(exchange(said).await.unwrap(), expected, "{said}");
        }
        let refused = exchange("550-no such\r\n550 user\u{7}\r\n").await.unwrap_err();
        assert_eq!((refused.code(), refused.to_string().as_str()), (Some(550), "550 no such user"));
        assert_eq!(exchange("354 go on\r\n").await.unwrap_err().code(), Some(354), "not what was waited for");
    }

    #[tokio::test]
    async fn what_is_not_smtp_is_refused() {
        let (long, many) = (format!("250 {}\r\n", "x".repeat(5000)), "250-x\r\n".repeat(200));
        for (said, reason) in [
            ("HTTP/1.1 400 Bad Request\r\n", "does not speak SMTP"),
            ("250_ok\r\n", "does not speak SMTP"),
            ("999 ok\r\n", "does not speak SMTP"),
            ("2€\r\n", "does not speak SMTP"),
            ("250-a\r\n251 b\r\n", "different codes"),
            (&long, "too long"),
            (&many, "too many lines"),
            ("", "closed the connection"),
            ("250-a\r\n250 b", "closed the connection"),
        ] {
            let fault = exchange(said).await.unwrap_err();
            assert!(fault.code().is_none() && fault.to_string().contains(reason), "{said}: {fault}");
        }
    }

    #[tokio::test]
    async fn replies_ahead_of_a_command_or_of_encryption_are_refused() {
        let greeted = async |said: &str| {
            let (client, mut server) = tokio::io::duplex(1 << 10);
            server.write_all(said.as_bytes()).await.unwrap();
            let mut wire = Wire::new(Box::new(client), PATIENCE);
            wire.greeting().await.unwrap();
            (wire, server)
        };
        let (mut wire, _server) = greeted("220 ready\r\n250 injected\r\n").await;
        let fault = wire.command(b"MAIL\r\n", 2).await.unwrap_err();
        assert!(matches!(fault, Fault::Protocol(_)), "{fault}");
        let (wire, _server) = greeted("220 ready\r\n250 injected\r\n").await;
        assert!(wire.into_stream().is_err());
        let (wire, _server) = greeted("220 ready\r\n").await;
        assert!(wire.into_stream().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_not_waited_for_longer_than_a_step_may_take() {
        let (client, _server) = tokio::io::duplex(64);
        let fault = Wire::new(Box::new(client), PATIENCE).command(b"NOOP\r\n", 2).await.unwrap_err();
        assert_eq!(fault.to_string(), "no answer within 5 s");
    }
}
