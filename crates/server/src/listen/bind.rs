//! Opening the sockets. A Unix socket gets its owner and its permissions before anyone can find it: it is made under
//! another name and renamed.

use super::{connection::Wire, tls};
use anyhow::Context as _;
use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;
use zelos_core::config::serve::{ServeAdmin, ServePublic, Socket, Tls};
use zelos_web::Peer;

/// Where a server shall listen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address<'a> {
    /// `serve.public` or `serve.admin`.
    pub(crate) key: &'static str,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) socket: &'a Socket,
    pub(crate) tls: &'a Tls,
}

impl<'a> Address<'a> {
    /// Of the public server.
    pub(crate) fn public(serve: &'a ServePublic) -> Self {
        Self { key: "serve.public", host: &serve.host, port: serve.port, socket: &serve.socket, tls: &serve.tls }
    }

    /// Of the admin server.
    pub(crate) fn admin(serve: &'a ServeAdmin) -> Self {
        Self { key: "serve.admin", host: &serve.host, port: serve.port, socket: &serve.socket, tls: &serve.tls }
    }

    /// Opens the socket.
    pub(crate) async fn bind(self) -> anyhow::Result<Listener> {
        let tls = tls::acceptor(self.tls, &format!("{}.tls", self.key))?;
        let socket = if let Some(path) = self.host.strip_prefix("unix:") {
            let bound = unix(Path::new(path), self.socket);
            Bound::Unix(bound.with_context(|| format!("{}.host: {path}", self.key))?, PathBuf::from(path))
        } else {
            let host = if self.host.is_empty() { "0.0.0.0" } else { self.host };
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let bound = TcpListener::bind((host, self.port)).await;
            Bound::Tcp(bound.with_context(|| format!("{}: cannot listen on {host}:{}", self.key, self.port))?)
        };
        Ok(Listener { socket, tls })
    }
}

/// An open socket.
pub(crate) struct Listener {
    socket: Bound,
    pub(super) tls: Option<TlsAcceptor>,
}

enum Bound {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Whether only this machine can reach it.
    pub(crate) fn is_private(&self) -> bool {
        match &self.socket {
            Bound::Tcp(listener) => {
                listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback())
            }
            Bound::Unix(..) => true,
        }
    }

    /// The next connection.
    pub(super) async fn accept(&self) -> io::Result<(Box<dyn Wire>, Peer)> {
        match &self.socket {
            Bound::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer { address: Some(peer), tls: self.tls.is_some() }))
            }
            Bound::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer { address: None, tls: self.tls.is_some() }))
            }
        }
    }
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.socket {
            Bound::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}"),
                Err(_) => f.write_str("?"),
            },
            Bound::Unix(_, path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Bound::Unix(_, path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn unix(path: &Path, socket: &Socket) -> anyhow::Result<UnixListener> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        anyhow::bail!("another process listens on this socket");
    }
    let mut hidden = path.as_os_str().to_owned();
    hidden.push(format!(".{}", std::process::id()));
    let hidden = PathBuf::from(hidden);
    let _ = std::fs::remove_file(&hidden);
    let listener = UnixListener::bind(&hidden)?;
    let made = prepare(&hidden, socket).and_then(|()| Ok(std::fs::rename(&hidden, path)?));
    if made.is_err() {
        let _ = std::fs::remove_file(&hidden);
    }
    made.map(|()| listener)
}

fn prepare(path: &Path, socket: &Socket) -> anyhow::Result<()> {
    let owner = number_of(&socket.owner, "/etc/passwd").context("socket.owner")?;
    let group = number_of(&socket.group, "/etc/group").context("socket.group")?;
    if owner.is_some() || group.is_some() {
        std::os::unix::fs::chown(path, owner, group).context("the owner cannot be changed")?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(socket.mode)).context("socket.mode")
}

/// The number of a user or a group: given as such, or looked up; nothing for an empty name.
fn number_of(name: &str, list: &str) -> anyhow::Result<Option<u32>> {
    if name.is_empty() {
        return Ok(None);
    }
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    let list = std::fs::read_to_string(list).with_context(|| list.to_owned())?;
    let found = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    found.map(Some).with_context(|| format!("there is no `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_numbers() {
        assert_eq!(number_of("", "/etc/passwd").unwrap(), None);
        assert_eq!(number_of("12", "/etc/passwd").unwrap(), Some(12));
        assert_eq!(number_of("root", "/etc/passwd").unwrap(), Some(0));
        assert!(number_of("no such user", "/etc/passwd").is_err());
    }

    #[tokio::test]
    async fn a_socket_has_its_mode_and_replaces_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.sock");
        let socket = Socket { mode: 0o640, ..Socket::default() };
        let dead = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(unix(&path, &socket).is_err(), "somebody listens");
        drop(dead);
        let _listener = unix(&path, &socket).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the hidden name is gone");
    }
}
