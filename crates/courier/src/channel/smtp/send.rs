//! The channel: conversations are kept open while there is mail, and closed when there is none.

use super::{
    super::{Channel, Errand, Failure},
    connection::{Connection, Opening, State},
    mail::Letterhead,
    target::{Security, Target},
};
use async_trait::async_trait;
use lettre::transport::smtp::{
    client::{Identity, TlsParameters},
    extension::ClientId,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};
use zelos_core::config::courier::Smtp as Settings;

/// So long each step of a conversation may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Delivers to one mail server.
pub(crate) struct Smtp {
    target: Target,
    letterhead: Letterhead,
    hello: ClientId,
    public_only: bool,
    identity: Option<Identity>,
    /// Made when it is first needed: it reads the certificates of the system.
    tls: OnceLock<TlsParameters>,
    /// Conversations that wait for the next mail.
    idle: Mutex<Vec<Connection>>,
}

impl Smtp {
    /// What is configured; every complaint comes with its key below `courier.smtp`.
    pub(crate) fn new(settings: &Settings, uri: &str, public_only: bool) -> Result<Self, (String, String)> {
        let (target, unknown) = Target::parse(uri).map_err(|reason| ("connection_uri".to_owned(), reason))?;
        for option in unknown {
            tracing::warn!(%option, "courier.smtp.connection_uri: there is no such option");
        }
        let hello = hello(&settings.local_name).ok_or(("local_name".to_owned(), "is no name of a host".to_owned()))?;
        let smtp = Self {
            target,
            letterhead: Letterhead::new(settings)?,
            hello,
            public_only,
            identity: identity(settings)?,
            tls: OnceLock::new(),
            idle: Mutex::default(),
        };
        if smtp.identity.is_some() {
            // Whether certificate and key belong together is told by using them.
            smtp.tls().map_err(|reason| ("client_cert_path".to_owned(), format!("cannot be used: {reason}")))?;
        }
        Ok(smtp)
    }

    fn tls(&self) -> Result<Option<TlsParameters>, String> {
        if self.target.security == Security::None {
            return Ok(None);
        }
        if let Some(tls) = self.tls.get() {
            return Ok(Some(tls.clone()));
        }
        let mut builder = TlsParameters::builder(self.target.server_name.clone())
            .dangerous_accept_invalid_certs(self.target.skip_verify)
            .dangerous_accept_invalid_hostnames(self.target.skip_verify);
        if let Some(identity) = &self.identity {
            builder = builder.identify_with(identity.clone());
        }
        let tls = builder.build().map_err(|error| error.to_string())?;
        Ok(Some(self.tls.get_or_init(|| tls).clone()))
    }

    fn take(&self) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn keep(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }

    async fn open(&self) -> Result<Connection, Failure> {
        let tls = self.tls().map_err(|reason| Failure::Transient(format!("TLS cannot be used: {reason}")))?;
        let (target, hello, public_only) = (&self.target, &self.hello, self.public_only);
        Connection::open(Opening { target, tls, hello, patience: PATIENCE, public_only }).await
    }
}

#[async_trait]
impl Channel for Smtp {
    async fn send(&self, errand: &Errand<'_>) -> Result<(), Failure> {
        let mail = self.letterhead.write(errand)?;
        let mut waiting = self.take();
        loop {
            let (mut connection, used) = match waiting.take() {
                Some(connection) => (connection, true),
                None => (self.open().await?, false),
            };
            match connection.deliver(&mail).await {
                Ok(()) => {
                    self.keep(connection);
                    return Ok(());
                }
                // The server has closed it meanwhile.
                Err(trouble) if used && trouble.state == State::Stale => {}
                Err(trouble) => {
                    if trouble.state == State::Refused && connection.reset().await {
                        self.keep(connection);
                    }
                    return Err(trouble.failure);
                }
            }
        }
    }

    async fn greet(&self) -> Result<(), Failure> {
        self.open().await?.close().await;
        Ok(())
    }

    async fn rest(&self) {
        while let Some(connection) = self.take() {
            connection.close().await;
        }
    }
}

/// A literal address is greeted with in brackets.
fn hello(name: &str) -> Option<ClientId> {
    let usable = |letter: char| letter.is_ascii_alphanumeric() || "-._[]:".contains(letter);
    match name.parse() {
        Ok(std::net::IpAddr::V4(address)) => Some(ClientId::Ipv4(address)),
        Ok(std::net::IpAddr::V6(address)) => Some(ClientId::Ipv6(address)),
        Err(_) if !name.is_empty() && name.chars().all(usable) => Some(ClientId::Domain(name.to_owned())),
        Err(_) => None,
    }
}

/// The client certificate; both files or none.
fn identity(settings: &Settings) -> Result<Option<Identity>, (String, String)> {
    let read = |key: &str, path: &Path| {
        std::fs::read(path).map_err(|error| (key.to_owned(), format!("{} cannot be read: {error}", path.display())))
    };
    let (certificate, key) = (&settings.client_cert_path, &settings.client_key_path);
    match (certificate.as_os_str().is_empty(), key.as_os_str().is_empty()) {
        (true, true) => Ok(None),
        (false, true) => Err(("client_key_path".to_owned(), "is required with client_cert_path".to_owned())),
        (true, false) => Err(("client_cert_path".to_owned(), "is required with client_key_path".to_owned())),
        (false, false) => {
            let (certificate, key) = (read("client_cert_path", certificate)?, read("client_key_path", key)?);
            let complain = |reason: String| ("client_cert_path".to_owned(), format!("cannot be used: {reason}"));
            let mut chain = CertificateDer::pem_slice_iter(&certificate);
            // The library says PEM and means DER, of one certificate (lettre 0.11, `Identity::from_pem`).
            let own = match chain.next() {
                Some(Ok(own)) => own,
                Some(Err(error)) => return Err(complain(error.to_string())),
                None => return Err(complain("it holds no certificate".to_owned())),
            };
            if chain.next().is_some() {
                tracing::warn!("courier.smtp.client_cert_path: only the first certificate of the chain is shown");
            }
            Identity::from_pem(&own, &key).map(Some).map_err(|error| complain(error.to_string()))
        }
    }
}
