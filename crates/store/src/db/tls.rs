//! TLS to PostgreSQL and MySQL, with rustls. The drivers do not decide what is checked, because libpq's modes ask for what
//! no TLS library gives by itself: encryption without looking at the certificate (`require`), and looking at the
//! authority but not at the name (`verify-ca`).

use crate::{
    dsn::{PostgresTls, Verify},
    error::Error,
};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{
    future::Future,
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::{TlsConnector, client};
use zelos_core::tls::{Identity, Roots, Verification, client_config};

/// Makes TLS connections for PostgreSQL's driver.
#[derive(Clone)]
pub(crate) struct MakeTls(Arc<ClientConfig>);

impl MakeTls {
    /// Reads the certificates the DSN names.
    pub(crate) fn new(options: &PostgresTls) -> Result<Self, Error> {
        let identity = match &options.client_certificate {
            None => None,
            Some((certificate, key)) => {
                let key =
                    PrivateKeyDer::from_pem_file(key).map_err(|_| Error::Dsn("`sslkey` cannot be read".into()))?;
                Some((certificates(certificate)?, key))
            }
        };
        configured(options.verify, options.root_certificate.as_deref(), identity).map(Self)
    }
}

/// What a connection verifies, against the certificates of a file or those that the system trusts, and what it shows.
pub(super) fn configured(
    verify: Verify,
    roots: Option<&Path>,
    identity: Option<Identity>,
) -> Result<Arc<ClientConfig>, Error> {
    let roots = || roots.map_or_else(|| Ok(Roots::system()), |path| certificates(path).map(Roots::new));
    let verification = match verify {
        Verify::Nothing => Verification::None,
        Verify::Authority => Verification::Trust(roots()?),
        Verify::Full => Verification::Full(roots()?),
    };
    client_config(verification, identity).map(Arc::new).map_err(|error| Error::Dsn(error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |_| Error::Dsn(format!("the certificate {} cannot be read", path.display()));
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(bad)?.collect::<Result<_, _>>().map_err(bad)?;
    if found.is_empty() {
        return Err(Error::Dsn(format!("{} holds no PEM certificate", path.display())));
    }
    Ok(found)
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for MakeTls {
    type Stream = Stream<S>;
    type TlsConnect = Connect;
    type Error = io::Error;

    /// The driver asks for every connection, also for a unix socket, which has no name and is not encrypted.
    fn make_tls_connect(&mut self, host: &str) -> Result<Connect, Self::Error> {
        let host = ServerName::try_from(host).ok().map(|host| host.to_owned());
        Ok(Connect { config: Arc::clone(&self.0), host })
    }
}

/// A connection about to be encrypted.
pub(crate) struct Connect {
    config: Arc<ClientConfig>,
    host: Option<ServerName<'static>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Connect {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let host = self.host.ok_or_else(|| {
                let text = "the host is neither a name nor an address, so its certificate cannot be checked";
                io::Error::new(io::ErrorKind::InvalidInput, rustls::Error::General(text.to_owned()))
            })?;
            TlsConnector::from(self.config).connect(host, stream).await.map(|tls| Stream(Box::new(tls)))
        })
    }
}

/// An encrypted connection.
pub(crate) struct Stream<S>(Box<client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
